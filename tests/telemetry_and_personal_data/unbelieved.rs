//! The same of pictures, of a message that nobody believes and that is kept all the same, and of the
//! provider's own words, which can hold anything.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio_stream::StreamExt as _;
use verilane_api::v1::{DownloadEvidenceRequest, EventType, State};
use verilane_sandbox::{
    AnswerFault, AnswerTrouble, Course, Endpoint, Notice, Scenario, Stage as Failing, Status,
};

use super::collector::Collector;
use super::harness::{LIMIT, Raw, Stage, create_request, exchange};
use super::{access, found_in_files, found_in_text, launch, tell};

const FACE: &str = "SH_Passport_FaceImage";
const EMAIL: &str = "SH_EMAIL";
/// In the picture and beside it, in a message without a signature.
const QUARANTINED: [&str; 2] = ["canary-quarantined-picture-40fe", "canary-3d77@example.org"];
/// In the words of a failure, which are no status.
const WORDS: &str = "canary-failure-words-8c15";

/// Where bytes stand in clear below a folder.
pub fn bytes_in_files(folder: &Path, secrets: &[Vec<u8>]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(bytes_in_files(&path, secrets));
        }
        // Not the socket, which can't be read.
        if !path.is_file() {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for secret in secrets {
            if bytes.windows(secret.len()).any(|at| at == secret) {
                found.push(format!("bytes of a picture in {}", path.display()));
            }
        }
    }
    found
}

/// The middle of something, long enough to be told from chance.
pub fn middle(of: &[u8]) -> Vec<u8> {
    let from = of.len() / 2 - 16;
    of[from..from + 32].to_vec()
}

#[tokio::test]
async fn pictures_unbelieved_messages_and_the_provider_s_own_words_are_nowhere_in_clear() {
    let stage = Stage::with(|config| config.load_users = 2, "").await;
    let collector = Collector::start().await;
    let server = stage.start_as(launch(&collector));
    let user = stage.user("accepts");
    let (face, email) = (user.value(FACE).unwrap(), user.value(EMAIL).unwrap());

    // A message of ours, right in everything but its signature, with a picture of ours.
    stage.sandbox.hold(None).unwrap();
    let created = server.create(&user, &[FACE, EMAIL]).await;
    let request = stage.sandbox.requests(Some("accepts")).unwrap().remove(0);
    let reached = stage.sandbox.reached(&request.id, Status::Confirmed, LIMIT);
    reached.await.unwrap();
    let picture = [b"\x89PNG\r\n\x1a\n", QUARANTINED[0].as_bytes()].concat();
    let picture = BASE64_STANDARD.encode(picture);
    let export = stage.sandbox.export(&request.id, false).unwrap();
    let export = String::from_utf8(export.to_vec()).unwrap();
    let unsigned = export
        .replace(&face, &picture)
        .replace(&email, QUARANTINED[1]);
    assert!(unsigned.contains(&picture) && unsigned.contains(QUARANTINED[1]));
    let urls = stage.callback_urls(&user);
    let refused = exchange(&Raw::json(&urls.data, unsigned.as_bytes())).await;
    assert_eq!(refused.reason(), "CALLBACK_UNSIGNED");
    let mut answers = refused.body.clone();

    // The genuine one, with the person's own; handed out to who may read it.
    stage.sandbox.release(None).unwrap();
    let events = server.events_until_final(&created.id).await;
    let is_kept = |event: &verilane_api::v1::Event| event.r#type() == EventType::DataQuarantined;
    assert!(events.iter().any(is_kept));
    assert_eq!(events.last().unwrap().state_after(), State::Verified);
    let evidence = server.read_claims(&created.id).await.unwrap().evidence;
    let download = DownloadEvidenceRequest {
        verification_id: created.id.clone(),
        evidence_id: evidence[0].id.clone(),
        access_context: Some(access()),
        offset: 0,
    };
    let stream = server.claims().download_evidence(download).await.unwrap();
    let messages: Vec<_> = stream.into_inner().collect().await;
    assert!(messages.len() > 1 && messages.iter().all(Result::is_ok));

    // A failure in words of its own, and a refusal in others that name the person.
    let (failing, refusing) = (stage.user("load-4"), stage.user("load-5"));
    let mut scenario = Scenario::named("accept").unwrap();
    scenario.course = Course::Failed {
        at: Failing::Validity,
        notice: Notice::Text(format!("{WORDS} of {}", failing.core_id)),
        notice_first: true,
        unfinished: false,
    };
    stage
        .sandbox
        .set_user_scenario("load-4", Some(scenario))
        .unwrap();
    let failed = server.create(&failing, &[EMAIL]).await;
    let failure = server.events_until_final(&failed.id).await;
    assert_eq!(failure.last().unwrap().state_after(), State::Failed);
    let mut scenario = Scenario::named("accept").unwrap();
    let theirs = refusing.value(EMAIL).unwrap();
    scenario.answers.push(AnswerFault {
        endpoint: Some(Endpoint::Qrcode),
        ..AnswerFault::always(AnswerTrouble::Http {
            code: 400,
            retry_after: None,
            text: format!("no funds for {theirs} ({})", refusing.core_id),
            handled: false,
        })
    });
    stage
        .sandbox
        .set_user_scenario("load-5", Some(scenario))
        .unwrap();
    let request = create_request(&refusing, &[EMAIL]);
    let refused = server.verifications().create_verification(request).await;
    tell(&mut answers, &refused.unwrap_err());
    stage.sandbox.finished(LIMIT).await.unwrap();

    let base64 = |text: &str| String::from_utf8(middle(text.as_bytes())).unwrap();
    let mut secrets = vec![
        base64(&face),
        base64(&picture),
        email,
        theirs,
        WORDS.to_owned(),
    ];
    secrets.extend(QUARANTINED.map(str::to_owned));
    secrets.extend([&user, &failing, &refusing].map(|user| user.core_id.clone()));
    let file = BASE64_STANDARD.decode(&face).unwrap();
    let bytes = [middle(&file), QUARANTINED[0].as_bytes().to_vec()];
    let folder = stage.data_folder();
    let mut found = found_in_files(&folder, &secrets);
    found.extend(bytes_in_files(&folder, &bytes));
    assert!(server.terminate().await.success());
    found.extend(found_in_files(&folder, &secrets));
    found.extend(bytes_in_files(&folder, &bytes));
    found.extend(found_in_text("logs", &stage.logs(), &secrets));
    found.extend(found_in_text(
        "telemetry",
        &collector.everything(),
        &secrets,
    ));
    found.extend(found_in_text("errors", &answers, &secrets));
    let told = format!("{events:?} {failure:?}");
    found.extend(found_in_text("events", &told, &secrets));
    assert!(found.is_empty(), "{}", found.join("\n"));
    // The search of bytes works as well.
    let connection = super::harness::CONNECTION.as_bytes().to_vec();
    assert!(!bytes_in_files(&folder, &[connection]).is_empty());
    stage.end().await;
}
