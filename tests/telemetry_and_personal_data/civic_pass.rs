//! The same of what a Civic Pass brings, over both generations of its partner API: what a user shares,
//! the name of the request, where pictures lie, what they are, and what Civic says when it says no.

use std::time::Duration;

use serde_json::json;
use tokio_stream::StreamExt as _;
use verilane_api::v1::watch_verification_request::Start;
use verilane_api::v1::{
    ClaimRequest, ContinueVerificationRequest, CreateVerificationRequest, Decision,
    DownloadEvidenceRequest, Event, ReadClaimsRequest, ReviewVerificationRequest, StartPoint,
    State, Subject, WatchEnd, continue_verification_request, subject,
};
use verilane_core::VerificationId;
use verilane_sandbox::{
    AnswerFault, AnswerTrouble, CivicPassEndpoint, CivicPassScenario, Evidence, EvidenceTrouble,
    PiiOrder, Turn,
};

use super::collector::Collector;
use super::harness::civic::{CONNECTIONS, JWT, OAUTH, PICTURE, WALLET, until};
use super::harness::{Server, Stage, field};
use super::unbelieved::{bytes_in_files, middle};
use super::{MARKED, access, found_in_files, found_in_text, launch, tell};

/// A little more than the pace of looks, which spreads them.
const BETWEEN_LOOKS: Duration = Duration::from_secs(4_000);
/// Where the front of a document is said to lie, and where its back leads.
const PLACES: [&str; 3] = [
    "canary-link-path-41aa",
    "canary-link-signature-7be2",
    "canary-redirect-90cd",
];
/// What Civic says of a user: values that are asked for, and others.
const SHARED: [(&str, &str); 6] = [
    ("email", "canary-civic-2b7f@example.org"),
    ("name", "Canary Civic Name 31d0"),
    ("documentNumber", "CANARYDOCUMENT5a11"),
    ("issueCountry", "canary-civic-country-66f3"),
    ("documentType", "Canary Document Kind 0e95"),
    ("placeOfBirth", "canary-civic-unasked-d7c4"),
];
/// In the words of a refusal, and of a status that is none.
const WORDS: [&str; 3] = [
    "canary-refusal-words-1f6a",
    "Canary status words b20e",
    "Canary progress words 8d3f",
];
/// What a reviewer says.
const WHY: &str = "canary-review-reason-c59b";

fn scenario() -> CivicPassScenario {
    let astray = |rel: &str, trouble| Evidence {
        trouble: Some(trouble),
        ..Evidence::of(rel)
    };
    let mut scenario = CivicPassScenario::named("ready").unwrap();
    let shared = SHARED.map(|(name, value)| (name.to_owned(), json!(value)));
    scenario.more_claims = shared.into_iter().collect();
    scenario.collection_status = Some(WORDS[2].to_owned());
    scenario.evidence = vec![
        Evidence::of(PICTURE),
        astray(
            "evidence-document",
            EvidenceTrouble::Href(format!(
                "https://storage.example.org/{}?X-Amz-Signature={}",
                PLACES[0], PLACES[1]
            )),
        ),
        astray(
            "idDocumentBack",
            EvidenceTrouble::Redirect {
                to: format!("http://169.254.169.254/{}", PLACES[2]),
            },
        ),
    ];
    // The look after a decision is refused, and made again.
    scenario.answers.push(AnswerFault {
        endpoint: Some(CivicPassEndpoint::Request),
        skip: 2,
        times: Some(1),
        ..AnswerFault::always(AnswerTrouble::Http {
            code: 403,
            retry_after: None,
            text: format!("{} of {WALLET} <{}>", WORDS[0], SHARED[0].1),
            handled: false,
        })
    });
    scenario
}

fn optional(name: &str) -> ClaimRequest {
    ClaimRequest {
        necessity: verilane_api::v1::Necessity::Optional.into(),
        ..field(name)
    }
}

async fn create(server: &Server, connection: &str) -> String {
    let mut claims: Vec<_> = SHARED[..4].iter().map(|(name, _)| field(name)).collect();
    claims.push(field(PICTURE));
    claims.extend(["evidence-document", "idDocumentBack"].map(optional));
    let request = CreateVerificationRequest {
        request_id: VerificationId::generate().to_string(),
        connection: connection.to_owned(),
        subject: Some(Subject {
            identifier: Some(subject::Identifier::WalletAddress(WALLET.to_owned())),
        }),
        claims,
        subject_ref: MARKED[0].to_owned(),
        access_context: Some(access()),
        ..CreateVerificationRequest::default()
    };
    let answer = server.verifications().create_verification(request).await;
    answer.unwrap().into_inner().verification.unwrap().id
}

fn continuing(id: &str, brought: &str) -> ContinueVerificationRequest {
    ContinueVerificationRequest {
        verification_id: id.to_owned(),
        continuation: Some(
            continue_verification_request::Continuation::PresentationRequestId(brought.to_owned()),
        ),
        access_context: Some(access()),
        ..ContinueVerificationRequest::default()
    }
}

fn reviewing(id: &str, decision: Decision) -> ReviewVerificationRequest {
    ReviewVerificationRequest {
        verification_id: id.to_owned(),
        decision: decision.into(),
        reason: WHY.to_owned(),
        access_context: Some(access()),
        ..ReviewVerificationRequest::default()
    }
}

#[tokio::test]
async fn what_a_civic_pass_brings_is_nowhere_in_clear() {
    let stage = Stage::with(|config| config.civic_pass = scenario(), CONNECTIONS).await;
    let collector = Collector::start().await;
    let server = stage.start_as(launch(&collector).of_civic_partner(&stage));
    let civic = stage.sandbox.civic_pass();
    let partner = civic.partner();
    let key = partner.private_key_pem.as_deref().unwrap();

    let mut secrets: Vec<String> = [&MARKED[..], &PLACES, &WORDS, &[WALLET, WHY]]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect();
    secrets.extend(SHARED.map(|(_, value)| value.to_owned()));
    secrets.push(partner.client_secret.clone());
    secrets.extend(
        key.lines()
            .filter(|line| line.len() >= 40)
            .map(str::to_owned),
    );
    let (mut pictures, mut answers, mut told) = (Vec::new(), String::new(), String::new());
    for (connection, name) in [
        (OAUTH, "canary-request-oauth-53e8"),
        (JWT, "canary-request-jwt-b6a4"),
    ] {
        let id = create(&server, connection).await;
        let request = civic.start(PiiOrder {
            wallet: Some(WALLET.to_owned()),
            id: Some(name.to_owned()),
            url_id: true,
            ..PiiOrder::default()
        });
        let request = request.unwrap();
        secrets.extend([name.to_owned(), request.did.clone()]);
        let told_of = request.verified_information.values();
        let told_of = told_of.filter_map(|value| value.as_str().map(str::to_owned));
        secrets.extend(told_of.filter(|value| value.len() >= 8));
        pictures.push(middle(&civic.evidence(name, PICTURE).unwrap()));

        // Nonsense, and too early.
        let mut client = server.verifications();
        let wrong = continuing(&id, &format!("../{}", MARKED[5]));
        tell(
            &mut answers,
            &client.continue_verification(wrong).await.unwrap_err(),
        );
        let early = reviewing(&id, Decision::Approve);
        tell(
            &mut answers,
            &client.review_verification(early).await.unwrap_err(),
        );

        // A word that is none.
        civic.turn(name, Turn::to(WORDS[1])).unwrap();
        let brought = continuing(&id, &request.presentation_request_id);
        client.continue_verification(brought).await.unwrap();
        let start = Start::StartPoint(StartPoint::Beginning.into());
        let is_none = |event: &Event| event.provider_progress == "OTHER";
        server.follow(&id, start, WatchEnd::Never, is_none).await;
        civic.turn(name, Turn::to("verification-success")).unwrap();
        stage.clock.advance(BETWEEN_LOOKS);
        until(&server, &id, State::InReview).await;

        // Whoever may read it is told, and handed the picture.
        let read = ReadClaimsRequest {
            verification_id: id.clone(),
            access_context: Some(access()),
            ..ReadClaimsRequest::default()
        };
        let read = server
            .claims()
            .read_claims(read)
            .await
            .unwrap()
            .into_inner();
        assert!(
            read.claims
                .iter()
                .any(|claim| claim.raw_value == SHARED[0].1)
        );
        let picture = read
            .evidence
            .iter()
            .find(|one| one.provider_field == PICTURE);
        let download = DownloadEvidenceRequest {
            verification_id: id.clone(),
            evidence_id: picture.unwrap().id.clone(),
            access_context: Some(access()),
            offset: 0,
        };
        let stream = server.claims().download_evidence(download).await.unwrap();
        let messages: Vec<_> = stream.into_inner().collect().await;
        assert!(messages.len() > 1 && messages.iter().all(Result::is_ok));

        // Decided, and decided otherwise.
        let yes = reviewing(&id, Decision::Approve);
        client.review_verification(yes).await.unwrap();
        let no = reviewing(&id, Decision::Reject);
        tell(
            &mut answers,
            &client.review_verification(no).await.unwrap_err(),
        );
        told += &format!("{:?}", until(&server, &id, State::Verified).await);
    }

    let folder = stage.data_folder();
    let mut found = found_in_files(&folder, &secrets);
    found.extend(bytes_in_files(&folder, &pictures));
    assert!(server.terminate().await.success());
    found.extend(found_in_files(&folder, &secrets));
    found.extend(bytes_in_files(&folder, &pictures));
    found.extend(found_in_text("logs", &stage.logs(), &secrets));
    let exported = collector.everything();
    found.extend(found_in_text("telemetry", &exported, &secrets));
    found.extend(found_in_text("errors", &answers, &secrets));
    found.extend(found_in_text("events", &told, &secrets));
    assert!(found.is_empty(), "{}", found.join("\n"));
    // It was told of, by other names.
    for shown in ["REVIEW_DECIDED_OTHERWISE", "CONTINUATION_MALFORMED"] {
        assert!(answers.contains(shown), "{answers}");
    }
    let logs = stage.logs();
    for shown in ["a piece of evidence could not be fetched", "can't be asked"] {
        assert!(logs.contains(shown), "{shown}");
    }
    assert!(exported.contains("piirequest/{request}/status"));
    stage.end().await;
}
