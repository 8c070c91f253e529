//! What calls leave behind for operators: one measurement and one span each, in the caller's trace.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(dead_code, reason = "other tests use the rest of what is shared")]

#[path = "../service/provider.rs"]
mod provider;
mod recorder;
#[path = "../service/support.rs"]
mod support;

use opentelemetry::trace::{SpanKind, Status};
use tonic::Request;
use verilane_api::v1;

use recorder::Recorder;
use support::{request, world};

const SERVICE: &str = "verilane.verification.v1.VerificationService";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

#[tokio::test]
async fn each_call_leaves_one_measurement_and_one_span_and_names_nobody() {
    let recorder = Recorder::install();
    let world = world().await;
    let mut client = world.verifications().await;

    // One that succeeds, in the caller's trace.
    let mut create = Request::new(request("MUSTERMANN"));
    let parent = format!("00-{TRACE}-{PARENT}-01");
    create
        .metadata_mut()
        .insert("traceparent", parent.parse().unwrap());
    let made = client.create_verification(create).await.unwrap();
    let id = made.into_inner().verification.unwrap().id;

    // One that is refused by the caller's own fault, and one that names no method.
    let wrong = v1::GetVerificationRequest::default();
    client.get_verification(wrong).await.unwrap_err();
    let mut raw = tonic::client::Grpc::new(world.channel().await);
    raw.ready().await.unwrap();
    let path = "/verilane.verification.v1.VerificationService/MUSTERMANN";
    let codec = tonic_prost::ProstCodec::<v1::GetVerificationRequest, v1::Event>::default();
    let unknown = Request::new(v1::GetVerificationRequest::default());
    raw.unary(unknown, path.parse().unwrap(), codec)
        .await
        .unwrap_err();

    // A stream that ends by itself, one that its client leaves, and one that is open at the drain.
    let watch = |end: v1::WatchEnd| v1::WatchVerificationRequest {
        verification_id: id.clone(),
        end: end.into(),
        ..Default::default()
    };
    let whole = client.watch_verification(watch(v1::WatchEnd::Final)).await;
    let mut whole = whole.unwrap().into_inner();
    world
        .call_back("DATA F_DOB=1986-09-06 F_MAIL=MUSTERMANN@mail.example")
        .await;
    while whole.message().await.unwrap().is_some() {}
    let left = client.watch_verification(watch(v1::WatchEnd::Never)).await;
    let mut left = left.unwrap().into_inner();
    left.message().await.unwrap();
    drop(left);
    let open = client.watch_verification(watch(v1::WatchEnd::Never)).await;
    let mut open = open.unwrap().into_inner();
    open.message().await.unwrap();
    world.shut_down().await;

    let calls = recorder.calls();
    let expected = [
        ("CreateVerification", "OK", false),
        ("GetVerification", "INVALID_ARGUMENT", false),
        ("WatchVerification", "CANCELLED", false),
        ("WatchVerification", "OK", false),
        ("WatchVerification", "UNAVAILABLE", true),
        ("_OTHER", "UNIMPLEMENTED", true),
    ];
    let mut expected: Vec<_> = expected
        .map(|(method, code, is_error)| recorder::Call {
            method: if method == "_OTHER" {
                method.to_owned()
            } else {
                format!("{SERVICE}/{method}")
            },
            code: code.to_owned(),
            error_type: is_error.then(|| code.to_owned()),
            count: 1,
        })
        .into();
    expected.sort();
    assert_eq!(calls, expected);

    let spans = recorder.spans();
    let of = |method: &str| -> Vec<_> {
        let name = format!("{SERVICE}/{method}");
        spans.iter().filter(|span| span.name == name).collect()
    };
    let create = of("CreateVerification");
    assert_eq!(create.len(), 1);
    assert_eq!(create[0].span_kind, SpanKind::Server);
    assert_eq!(create[0].span_context.trace_id().to_string(), TRACE);
    assert_eq!(create[0].parent_span_id.to_string(), PARENT);
    assert_eq!(create[0].status, Status::Unset);
    let attribute = |span: &opentelemetry_sdk::trace::SpanData, key: &str| {
        let found = span.attributes.iter().find(|a| a.key.as_str() == key);
        found.map(|found| found.value.to_string())
    };
    assert_eq!(attribute(create[0], "verilane.verification.id"), Some(id));
    assert_eq!(
        attribute(create[0], "rpc.response.status_code").as_deref(),
        Some("OK")
    );
    let refused = of("GetVerification");
    assert_eq!(
        attribute(refused[0], "verilane.reason").as_deref(),
        Some("INVALID_ARGUMENT")
    );
    assert_eq!(refused[0].status, Status::Unset);
    let streams = of("WatchVerification");
    assert_eq!(streams.len(), 3, "a stream is one span");
    let failed = streams.iter().filter(|span| span.status != Status::Unset);
    assert_eq!(failed.count(), 1, "only the drain is the server's doing");
    assert!(!format!("{spans:?}").contains("MUSTERMANN"));
}
