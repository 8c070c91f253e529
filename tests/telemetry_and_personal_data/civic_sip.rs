//! The same of what Civic SIP brings: codes and the tokens around them, what the page tells, the user's
//! own name, what he grants, whole and by a link, and what Civic says when it says no.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio_stream::StreamExt as _;
use verilane_api::v1::continue_verification_request::Continuation;
use verilane_api::v1::{
    ContinueVerificationRequest, CreateVerificationRequest, DownloadEvidenceRequest,
    ListVerificationsRequest, PageError, ReadClaimsRequest, State, Subject, VerificationFilter,
    subject,
};
use verilane_sandbox::{
    AnswerFault, AnswerTrouble, CivicSipEndpoint, CivicSipScenario, Scope, ScopeOrder,
};

use super::collector::Collector;
use super::harness::sip::{self, CONNECTION, held, wish};
use super::harness::{Server, Stage};
use super::unbelieved::{bytes_in_files, middle};
use super::{MARKED, access, found_in_files, found_in_text, launch, tell};

/// What Civic says of a user, by its labels.
const GRANTED: [(&str, &str); 4] = [
    ("contact.personal.email", "canary-sip-mail-71d0@example.org"),
    ("contact.personal.phoneNumber", "+18005550147266"),
    ("documents.genericId.number", "CANARYSIPDOCUMENT44d2"),
    ("documents.genericId.name", "Canary Sip Name 90ab"),
];
/// What Civic calls users: the one who is verified, and another who is expected.
const USERS: [&str; 2] = ["canary-sip-user-0c3e", "canary-sip-other-user-b1f7"];
/// What a page says, in place of a type and beside it; and Civic, as it refuses and as it fails.
const WORDS: [&str; 4] = [
    "canary-52ea@example.org",
    "canary page message 8d10",
    "canary refusal words c77b",
    "canary failure words 3a9f",
];
/// In every link to a large answer: whoever has the link has the answer.
const LINK: &str = "AWSAccessKeyId";
/// With what every token begins.
const TOKEN: &str = "eyJ";

fn scenario(names: &str) -> CivicSipScenario {
    let mut scenario = CivicSipScenario::named(names).unwrap();
    let values = GRANTED.map(|(label, value)| (label.to_owned(), value.to_owned()));
    scenario.values = values.into_iter().collect();
    scenario
}

/// Answered once in words of its own, which name the user.
fn worded(names: &str, endpoint: CivicSipEndpoint, code: u16, words: &str) -> CivicSipScenario {
    let mut scenario = scenario(names);
    let message = format!("{words}: {} of {}", GRANTED[0].1, USERS[0]);
    scenario.answers.push(AnswerFault {
        endpoint: Some(endpoint),
        times: Some(1),
        ..AnswerFault::always(AnswerTrouble::Http {
            code,
            retry_after: None,
            text: serde_json::json!({ "message": message }).to_string(),
            handled: false,
        })
    });
    scenario
}

fn named(user: &str) -> Option<Subject> {
    let id = subject::Identifier::ProviderSubjectId(user.to_owned());
    Some(Subject {
        identifier: Some(id),
    })
}

async fn create(server: &Server, subject: Option<Subject>) -> String {
    let request = CreateVerificationRequest {
        subject,
        subject_ref: MARKED[0].to_owned(),
        labels: [("customer".to_owned(), MARKED[1].to_owned())].into(),
        access_context: Some(access()),
        ..wish("PROOF_OF_IDENTITY", Vec::new())
    };
    sip::create(server, request).await.id
}

fn continuing(id: &str, brought: Continuation) -> ContinueVerificationRequest {
    ContinueVerificationRequest {
        verification_id: id.to_owned(),
        continuation: Some(brought),
        access_context: Some(access()),
        ..ContinueVerificationRequest::default()
    }
}

fn code(text: &str) -> Continuation {
    Continuation::AuthorizationCode(text.to_owned())
}

/// Whoever may read it is told, and handed the picture.
async fn read(server: &Server, id: &str) {
    let read = ReadClaimsRequest {
        verification_id: id.to_owned(),
        access_context: Some(access()),
        ..ReadClaimsRequest::default()
    };
    let read = server
        .claims()
        .read_claims(read)
        .await
        .unwrap()
        .into_inner();
    for value in GRANTED
        .map(|(_, value)| value)
        .into_iter()
        .chain([USERS[0]])
    {
        assert!(read.claims.iter().any(|claim| claim.raw_value == value));
    }
    let download = DownloadEvidenceRequest {
        verification_id: id.to_owned(),
        evidence_id: read.evidence[0].id.clone(),
        access_context: Some(access()),
        offset: 0,
    };
    let stream = server.claims().download_evidence(download).await.unwrap();
    let messages: Vec<_> = stream.into_inner().collect().await;
    assert!(messages.len() > 1 && messages.iter().all(Result::is_ok));
}

#[tokio::test]
async fn codes_the_user_and_what_he_grants_over_civic_sip_are_nowhere_in_clear() {
    let stage = Stage::with(|_| {}, CONNECTION).await;
    let collector = Collector::start().await;
    let server = stage.start_as(sip::launch(&stage, launch(&collector)));
    let civic = stage.sandbox.civic_sip();
    let application = civic.application();
    let mut secrets: Vec<String> = [&MARKED[..], &USERS, &WORDS, &[LINK]]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect();
    secrets.extend(GRANTED.map(|(_, value)| value.to_owned()));
    secrets.extend([application.app_secret, application.private_key.unwrap()]);
    let (mut pictures, mut answers, mut told) = (Vec::new(), String::new(), String::new());
    let mut client = server.verifications();

    let storage = CivicSipEndpoint::Storage;
    let exchange = CivicSipEndpoint::Exchange;
    for (subject, scenario, ends_as) in [
        (None, scenario("scripted"), State::Verified),
        (named(USERS[0]), scenario("large"), State::Verified),
        (
            None,
            worded("large", storage, 500, WORDS[3]),
            State::Verified,
        ),
        (
            None,
            worded("scripted", exchange, 429, WORDS[3]),
            State::Verified,
        ),
        (
            None,
            worded("scripted", exchange, 400, WORDS[2]),
            State::Failed,
        ),
        (
            None,
            worded("scripted", exchange, 401, WORDS[2]),
            State::Failed,
        ),
        (None, scenario("error-after"), State::Failed),
        (None, scenario("answer-not-json"), State::Failed),
        (None, scenario("damaged"), State::Failed),
        (None, scenario("plain"), State::Failed),
        (named(USERS[1]), scenario("scripted"), State::Rejected),
        (named(USERS[1]), scenario("large"), State::Rejected),
    ] {
        let id = create(&server, subject).await;
        let request = civic.open(ScopeOrder {
            scope: Scope::ProofOfIdentity,
            user_id: Some(USERS[0].to_owned()),
            scenario: Some(scenario),
            ..ScopeOrder::default()
        });
        let event = civic.approve(&request.id).unwrap();
        let token = event.token().unwrap();
        let approved = civic.request(&request.id).unwrap();
        secrets.push(approved.code.unwrap());
        // Not its head, which all tokens have.
        secrets.extend(token.split('.').skip(1).map(str::to_owned));

        // The page fails, and brings nonsense, and brings half of it.
        let failed = Continuation::PageError(PageError {
            r#type: WORDS[0].to_owned(),
            message: WORDS[1].to_owned(),
        });
        client
            .continue_verification(continuing(&id, failed))
            .await
            .unwrap();
        for wrong in [MARKED[5], &token[..token.len() - 8]] {
            let refused = client.continue_verification(continuing(&id, code(wrong)));
            tell(&mut answers, &refused.await.unwrap_err());
        }

        let brought = continuing(&id, code(&event.event.to_string()));
        client.continue_verification(brought).await.unwrap();
        let ends = |event: &verilane_api::v1::Event| event.state_after() == ends_as;
        let start = verilane_api::v1::watch_verification_request::Start::StartPoint(
            verilane_api::v1::StartPoint::Beginning.into(),
        );
        let never = verilane_api::v1::WatchEnd::Never;
        let (events, _) = server.follow(&id, start, never, ends).await;
        told += &format!("{events:?}");
        // What is taken already.
        let other = create(&server, None).await;
        let taken = client.continue_verification(continuing(&other, code(token)));
        tell(&mut answers, &taken.await.unwrap_err());
        let given = held(&stage, &request.id);
        let picture = given["documents.genericId.image"].clone();
        secrets.push(String::from_utf8(middle(picture.as_bytes())).unwrap());
        pictures.push(middle(&BASE64_STANDARD.decode(&picture).unwrap()));
        if ends_as == State::Verified {
            read(&server, &id).await;
        }
    }
    // He is found by his name, and nobody by another's.
    for (user, count) in USERS.into_iter().zip([4, 2]) {
        let list = ListVerificationsRequest {
            filter: Some(VerificationFilter {
                subject: named(user),
                ..VerificationFilter::default()
            }),
            ..ListVerificationsRequest::default()
        };
        let found = client.list_verifications(list).await.unwrap().into_inner();
        assert_eq!(found.verifications.len(), count);
    }

    let folder = stage.data_folder();
    let mut found = found_in_files(&folder, &secrets);
    found.extend(bytes_in_files(&folder, &pictures));
    assert!(server.terminate().await.success());
    found.extend(found_in_files(&folder, &secrets));
    found.extend(bytes_in_files(&folder, &pictures));
    // Files hold what is random, and three letters by chance.
    secrets.push(TOKEN.to_owned());
    found.extend(found_in_text("logs", &stage.logs(), &secrets));
    let exported = collector.everything();
    found.extend(found_in_text("telemetry", &exported, &secrets));
    found.extend(found_in_text("errors", &answers, &secrets));
    found.extend(found_in_text("events", &told, &secrets));
    assert!(found.is_empty(), "{}", found.join("\n"));
    // It was told of, by other names.
    for shown in ["AUTH_CODE_MALFORMED", "CONTINUATION_TAKEN"] {
        assert!(answers.contains(shown), "{answers}");
    }
    for shown in ["\"OTHER\"", "EXCHANGE_REFUSED", "SUBJECT_MISMATCH"] {
        assert!(told.contains(shown), "{told}");
    }
    assert!(stage.logs().contains("a code could not be exchanged"));
    assert!(exported.contains("scopeRequest/authCode"));
    stage.end().await;
}
