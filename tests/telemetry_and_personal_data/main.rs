//! What an operator sees of the main job, and that nothing about a person is in it: not in logs,
//! spans, metrics or error details, and not in clear text in any file that the service writes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod civic_pass;
mod civic_sip;
mod collector;
#[path = "../harness/mod.rs"]
mod harness;
mod unbelieved;

use std::fmt::Write as _;
use std::path::Path;

use collector::Collector;
use harness::{LIMIT, Launch, Server, Stage, create_request};
use tonic_types::StatusExt as _;
use verilane_api::v1::{
    AccessContext, CancelVerificationRequest, CreateVerificationRequest, GetVerificationRequest,
    ListVerificationsRequest, ReadClaimsRequest, State, Subject, VerificationFilter, claim_request,
    subject,
};
use verilane_sandbox::{ForgeOrder, Forgery, SandboxUser, Status};

/// What the caller says about the user, marked so that it can be found anywhere.
const MARKED: [&str; 7] = [
    "canary-subject-ref-5d1f",
    "canary-label-value-9a3c",
    "canary-purpose-77e0",
    "canary-actor-21bb",
    "canary-reference-c4d8",
    "canary-wrong-input-e6f2",
    "canary-path-0b95",
];

fn fields() -> Vec<&'static str> {
    const KINDS: [&str; 9] = [
        "FULLNAME",
        "DOB",
        "ExpiryDate",
        "IssueDate",
        "DocumentNumber",
        "Gender",
        "Country",
        "AML_Check",
        "AML_Detail",
    ];
    let documents = ["IDCard", "Passport", "ResidencePermit", "DriverLicense"];
    let mut fields = vec!["SH_EMAIL".to_owned(), "SH_PHONE".to_owned()];
    for document in documents {
        fields.extend(KINDS.map(|kind| format!("SH_{document}_{kind}")));
    }
    fields.into_iter().map(|field| &*field.leak()).collect()
}

/// What must not be found: the person's values that are long enough to be told from chance, the
/// peppers, the Core ID, the transactions, and what the caller said.
fn secrets(user: &SandboxUser, tx_hashes: &[String]) -> Vec<String> {
    let mut secrets: Vec<String> = MARKED.iter().map(|text| (*text).to_owned()).collect();
    secrets.push(user.core_id.clone());
    for field in fields() {
        let value = user.value(field).unwrap();
        // Shorter values are not looked for: a country code or a gender, for example, would be found
        // by chance, in an id, a hash or a word of the log.
        if value.len() >= 8 {
            secrets.push(value);
        }
        secrets.push(user.pepper(field).unwrap());
    }
    secrets.extend(tx_hashes.iter().cloned());
    secrets
}

fn access() -> AccessContext {
    AccessContext {
        purpose: MARKED[2].to_owned(),
        actor: MARKED[3].to_owned(),
        reference: MARKED[4].to_owned(),
    }
}

fn marked_request(user: &SandboxUser) -> CreateVerificationRequest {
    CreateVerificationRequest {
        subject_ref: MARKED[0].to_owned(),
        labels: [("customer".to_owned(), MARKED[1].to_owned())].into(),
        access_context: Some(access()),
        ..create_request(user, &fields())
    }
}

/// Calls that go wrong, each with something marked in it; what they were answered, details and all.
async fn wrong_calls(server: &Server, user: &SandboxUser) -> String {
    let wrong = MARKED[5];
    let mut answers = String::new();
    let mut client = server.verifications();
    let core_id = |id: &str| {
        Some(Subject {
            identifier: Some(subject::Identifier::CoreId(id.to_owned())),
        })
    };
    let mut requests = vec![
        CreateVerificationRequest {
            subject: core_id(wrong),
            ..marked_request(user)
        },
        CreateVerificationRequest {
            // One digit off: the check digits tell.
            subject: core_id(&format!("{}0", &user.core_id[..43])),
            connection: "nowhere".to_owned(),
            ..marked_request(user)
        },
        CreateVerificationRequest {
            subject_ref: wrong.repeat(40),
            labels: [(wrong.to_uppercase(), wrong.to_owned())].into(),
            connection: wrong.to_uppercase(),
            ..marked_request(user)
        },
        // The slot is taken: the same user and the same fields, for something else.
        CreateVerificationRequest {
            access_context: Some(AccessContext {
                purpose: wrong.to_owned(),
                ..access()
            }),
            ..marked_request(user)
        },
    ];
    let mut unknown_field = marked_request(user);
    unknown_field.claims[0].selector =
        Some(claim_request::Selector::ProviderField(wrong.to_owned()));
    requests.push(unknown_field);
    for request in requests {
        let status = client.create_verification(request).await.unwrap_err();
        tell(&mut answers, &status);
    }
    let request = GetVerificationRequest {
        verification_id: wrong.to_owned(),
        ..Default::default()
    };
    tell(
        &mut answers,
        &client.get_verification(request).await.unwrap_err(),
    );
    let request = CancelVerificationRequest {
        verification_id: wrong.to_owned(),
        expected_revision: Some(7),
        access_context: Some(access()),
    };
    tell(
        &mut answers,
        &client.cancel_verification(request).await.unwrap_err(),
    );
    let request = ListVerificationsRequest {
        page_token: wrong.to_owned(),
        filter: Some(VerificationFilter {
            connections: vec![wrong.to_uppercase()],
            subject_ref: MARKED[0].to_owned(),
            ..VerificationFilter::default()
        }),
        ..ListVerificationsRequest::default()
    };
    tell(
        &mut answers,
        &client.list_verifications(request).await.unwrap_err(),
    );
    let request = ReadClaimsRequest {
        verification_id: wrong.to_owned(),
        access_context: Some(access()),
        ..ReadClaimsRequest::default()
    };
    let status = server.claims().read_claims(request).await.unwrap_err();
    tell(&mut answers, &status);
    answers
}

fn tell(answers: &mut String, status: &tonic::Status) {
    let details = status.get_error_details();
    assert!(details.error_info().is_some(), "{status:?}");
    writeln!(answers, "{status:?} {details:?}").unwrap();
}

/// Calls on paths that nobody gave out.
async fn wrong_callbacks(server: &Server, user: &SandboxUser) -> String {
    let client = reqwest::Client::new();
    let body = format!(r#"{{"user":"{}","status":"{}"}}"#, user.core_id, MARKED[5]);
    let url = format!("http://{}/callbacks/{}", server.ingress, MARKED[6]);
    let answer = client.post(url).body(body).send().await.unwrap();
    assert_eq!(answer.status(), 404);
    answer.text().await.unwrap()
}

/// With everything that can be told about what it does.
fn launch(collector: &Collector) -> Launch {
    Launch::default()
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint())
        .with("OTEL_BSP_SCHEDULE_DELAY", "100")
        .with("VERILANE__TELEMETRY__LOG_FORMAT", "json")
        .with("VERILANE__TELEMETRY__LOG_FILTER", "trace")
}

/// Where a text stands in clear below a folder.
fn found_in_files(folder: &Path, secrets: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(found_in_files(&path, secrets));
            continue;
        }
        // The admin socket holds nothing, and can't be read.
        if !path.is_file() {
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).to_ascii_lowercase();
        found.extend(found_in_text(&path.display().to_string(), &text, secrets));
    }
    found
}

fn found_in_text(place: &str, text: &str, secrets: &[String]) -> Vec<String> {
    let text = text.to_ascii_lowercase();
    secrets
        .iter()
        .filter(|secret| text.contains(&secret.to_ascii_lowercase()))
        .map(|secret| format!("{secret} in {place}"))
        .collect()
}

#[tokio::test]
async fn operators_see_every_step_and_nothing_about_the_person() {
    let stage = Stage::with(|_| {}, "").await;
    let collector = Collector::start().await;
    let server = stage.start_as(launch(&collector));
    let user = stage.user("accepts");

    stage.sandbox.hold(None).unwrap();
    let answer = server
        .verifications()
        .create_verification(marked_request(&user))
        .await;
    let created = answer.unwrap().into_inner().verification.unwrap();
    let mut answers = wrong_calls(&server, &user).await;
    answers += &wrong_callbacks(&server, &user).await;
    let request = stage.sandbox.requests(Some("accepts")).unwrap().remove(0);
    for forgery in [Forgery::OtherKey, Forgery::Tampered] {
        let order = ForgeOrder {
            forgery,
            data: true,
            status: Some(Status::Accepted),
        };
        let delivery = stage.sandbox.forge(&request.id, order).await.unwrap();
        assert!(!delivery.was_taken());
    }
    stage.sandbox.release(None).unwrap();
    let events = server.events_until_final(&created.id).await;
    assert_eq!(events.last().unwrap().state_after(), State::Verified);
    stage.sandbox.finished(LIMIT).await.unwrap();
    let tx_hashes: Vec<String> = events
        .iter()
        .map(|event| event.tx_hash.clone())
        .filter(|hash| !hash.is_empty())
        .collect();
    assert!(!tx_hashes.is_empty());
    let read = ReadClaimsRequest {
        verification_id: created.id.clone(),
        access_context: Some(access()),
        ..ReadClaimsRequest::default()
    };
    let claims = server.claims().read_claims(read).await.unwrap();
    assert_eq!(claims.into_inner().claims.len(), fields().len());

    let secrets = secrets(&user, &tx_hashes);
    let mut found = found_in_files(&stage.data_folder(), &secrets);
    assert!(server.terminate().await.success());
    found.extend(found_in_files(&stage.data_folder(), &secrets));
    found.extend(found_in_text("logs", &stage.logs(), &secrets));
    found.extend(found_in_text(
        "telemetry",
        &collector.everything(),
        &secrets,
    ));
    found.extend(found_in_text("errors", &answers, &secrets));
    for event in &events {
        let mut shown = event.clone();
        shown.tx_hash.clear();
        found.extend(found_in_text("events", &format!("{shown:?}"), &secrets));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    // What may be found is found in the same places: the search works.
    let allowed = [harness::CONNECTION.to_owned()];
    assert!(!found_in_files(&stage.data_folder(), &allowed).is_empty());
    assert!(!found_in_text("logs", &stage.logs(), &[created.id]).is_empty());
    assert!(!found_in_text("telemetry", &collector.everything(), &allowed).is_empty());

    spans_tell_the_story(&collector);
    logs_are_json_with_trace_ids(&stage.logs());
    stage.end().await;
}

/// RPCs, commits, provider calls and callbacks have spans; callbacks are linked to the call that
/// created their verification; the metrics are there.
fn spans_tell_the_story(collector: &Collector) {
    let spans = collector.spans();
    let named = |name: &str| {
        let found: Vec<_> = spans
            .iter()
            .filter(|span| span.name.contains(name))
            .collect();
        assert!(!found.is_empty(), "no span {name}");
        found
    };
    let create = named("VerificationService/CreateVerification")[0];
    named("VerificationService/WatchVerification");
    named("verilane.store.commit");
    let provider = named("verilane.provider.call");
    assert!(provider.iter().any(|span| span.trace_id == create.trace_id));
    let callbacks = named("/callbacks/");
    let linked = callbacks.iter().filter(|span| {
        span.links
            .iter()
            .any(|link| link.trace_id == create.trace_id)
    });
    assert!(
        linked.count() >= 10,
        "callbacks are linked to the create span"
    );

    let metrics = collector.metrics();
    for name in [
        "rpc.server.call.duration",
        "http.client.request.duration",
        "verilane.callbacks",
        "verilane.store.commit.batch_size",
        "verilane.relay.lag",
        "verilane.watchers",
    ] {
        assert!(
            metrics.iter().any(|metric| metric == name),
            "no metric {name}"
        );
    }
}

fn logs_are_json_with_trace_ids(logs: &str) {
    let lines: Vec<serde_json::Value> = logs
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
        .collect();
    let traced = lines
        .iter()
        .filter(|line| line.get("trace_id").is_some_and(|id| id.as_str().is_some()));
    assert!(traced.count() > 0, "no line has a trace id");
}

#[tokio::test]
async fn a_collector_that_is_away_changes_nothing_for_callers() {
    let stage = Stage::new().await;
    // A port that was free a moment ago: nobody listens.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let launch = Launch::default()
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)
        .with("OTEL_BSP_SCHEDULE_DELAY", "50");
    let server = stage.start_as(launch);
    let created = server.create(&stage.user("accepts"), &["SH_EMAIL"]).await;
    let events = server.events_until_final(&created.id).await;
    assert_eq!(events.last().unwrap().state_after(), State::Verified);
    assert!(server.terminate().await.success());
    stage.end().await;
}
