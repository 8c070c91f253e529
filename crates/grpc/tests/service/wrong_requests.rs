//! For each RPC but CreateVerification the wrong requests that it can get, with the code, the reason and the field that
//! each is answered with. None of them changes anything.

use verilane_api::v1;

use super::support::{World, because, key, told, world};

const UNKNOWN_ID: &str = "018bcfe5-0000-7000-8000-000000000001";

pub const fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

/// How many events there are: none more after a wrong request.
pub async fn events(world: &World) -> usize {
    let mut client = world.verifications().await;
    let page = client.list_events(v1::ListEventsRequest::default()).await;
    page.unwrap().into_inner().events.len()
}

#[tokio::test]
async fn wrong_ids_to_all_that_take_one() {
    let world = world().await;
    let mut client = world.verifications().await;
    let mut claims = world.claims().await;
    for (id, expected) in [
        ("", "InvalidArgument INVALID_ARGUMENT verification_id"),
        ("x", "InvalidArgument INVALID_ARGUMENT verification_id"),
        (
            "018bcfe50000700080000000000000ff",
            "InvalidArgument INVALID_ARGUMENT verification_id",
        ),
        (UNKNOWN_ID, "NotFound VERIFICATION_NOT_FOUND"),
    ] {
        let id = || id.to_owned();
        let get = v1::GetVerificationRequest {
            verification_id: id(),
            ..Default::default()
        };
        let cancel = v1::CancelVerificationRequest {
            verification_id: id(),
            ..Default::default()
        };
        let retry = v1::RetryVerificationRequest {
            verification_id: id(),
            request_id: "r".to_owned(),
            access_context: because("test"),
            ..Default::default()
        };
        let list = v1::ListEventsRequest {
            scope: Some(v1::list_events_request::Scope::VerificationId(id())),
            ..Default::default()
        };
        let watch = v1::WatchVerificationRequest {
            verification_id: id(),
            ..Default::default()
        };
        let read = v1::ReadClaimsRequest {
            verification_id: id(),
            access_context: because("test"),
            ..Default::default()
        };
        for status in [
            client.get_verification(get).await.unwrap_err(),
            client.cancel_verification(cancel).await.unwrap_err(),
            client.retry_verification(retry).await.unwrap_err(),
            client.list_events(list).await.unwrap_err(),
            client.watch_verification(watch).await.unwrap_err(),
            claims.read_claims(read).await.unwrap_err(),
        ] {
            assert_eq!(told(&status), [expected], "{}", id());
        }
    }
}

#[tokio::test]
async fn wrong_requests_to_retry() {
    type Change = fn(&mut v1::RetryVerificationRequest);
    let table: &[(Change, &[&str])] = &[
        (
            |r| r.request_id.clear(),
            &["InvalidArgument INVALID_ARGUMENT request_id"],
        ),
        (
            |r| r.request_id = "x".repeat(65),
            &["InvalidArgument INVALID_ARGUMENT request_id"],
        ),
        (
            |r| r.request_id = "two words".to_owned(),
            &["InvalidArgument INVALID_ARGUMENT request_id"],
        ),
        (
            |r| r.access_context = None,
            &["InvalidArgument PURPOSE_REQUIRED access_context.purpose"],
        ),
        (
            |r| r.access_context = because(" "),
            &["InvalidArgument PURPOSE_REQUIRED access_context.purpose"],
        ),
        (
            |r| r.action_lifetime = seconds(-1),
            &["InvalidArgument INVALID_ARGUMENT action_lifetime"],
        ),
        (
            |r| r.expected_revision = Some(77),
            &["Aborted REVISION_MISMATCH"],
        ),
        (
            |r| r.request_id = "request-ada".to_owned(),
            &["AlreadyExists REQUEST_ID_REUSED"],
        ),
        (
            |r| {
                r.verification_id.clear();
                r.request_id.clear();
                r.access_context = None;
            },
            &[
                "InvalidArgument INVALID_ARGUMENT verification_id",
                "InvalidArgument INVALID_ARGUMENT request_id",
                "InvalidArgument PURPOSE_REQUIRED access_context.purpose",
            ],
        ),
        (|_| {}, &["FailedPrecondition NOT_RETRYABLE"]),
    ];
    let world = world().await;
    let mut client = world.verifications().await;
    let made = world.create("ada").await;
    let before = events(&world).await;
    for (place, (change, expected)) in table.iter().enumerate() {
        let mut wrong = v1::RetryVerificationRequest {
            verification_id: made.id.clone(),
            request_id: format!("retry-{place}"),
            access_context: because("test"),
            ..Default::default()
        };
        change(&mut wrong);
        let status = client.retry_verification(wrong).await.unwrap_err();
        assert_eq!(told(&status), *expected, "{place}");
    }
    assert_eq!(events(&world).await, before);
}

#[tokio::test]
async fn wrong_requests_to_list() {
    type Change = fn(&mut v1::ListVerificationsRequest, &mut v1::VerificationFilter);
    let table: &[(Change, &str)] = &[
        (|r, _| r.page_size = 201, "INVALID_ARGUMENT page_size"),
        (
            |r, _| r.page_token = "nonsense".to_owned(),
            "PAGE_TOKEN_MALFORMED page_token",
        ),
        (
            |_, f| f.states = vec![0],
            "INVALID_ARGUMENT filter.states[0]",
        ),
        (
            |_, f| f.states = vec![1, 77],
            "INVALID_ARGUMENT filter.states[1]",
        ),
        (
            |_, f| f.connections = vec!["A".to_owned()],
            "INVALID_ARGUMENT filter.connections[0]",
        ),
        (
            |_, f| f.providers = vec![String::new()],
            "INVALID_ARGUMENT filter.providers[0]",
        ),
        (
            |_, f| f.connections = vec!["a".to_owned(); 101],
            "INVALID_ARGUMENT filter.connections",
        ),
        (
            |_, f| f.subject = Some(v1::Subject::default()),
            "SUBJECT_MALFORMED filter.subject",
        ),
        (
            |_, f| f.subject_ref = "x".repeat(201),
            "INVALID_ARGUMENT filter.subject_ref",
        ),
        (
            |_, f| {
                f.create_time_from = Some(prost_types::Timestamp {
                    seconds: 0,
                    nanos: -1,
                });
            },
            "INVALID_ARGUMENT filter.create_time_from",
        ),
    ];
    let world = world().await;
    let mut client = world.verifications().await;
    for (change, expected) in table {
        let mut wrong = v1::ListVerificationsRequest::default();
        let mut filter = v1::VerificationFilter::default();
        change(&mut wrong, &mut filter);
        wrong.filter = Some(filter);
        let status = client.list_verifications(wrong).await.unwrap_err();
        assert_eq!(told(&status), [format!("InvalidArgument {expected}")]);
    }
}

#[tokio::test]
async fn wrong_requests_to_list_events() {
    use v1::list_events_request::{Scope, Start};
    type Change = fn(&mut v1::ListEventsRequest);
    let table: &[(Change, &[&str])] = &[
        (|r| r.page_size = 1_001, &["INVALID_ARGUMENT page_size"]),
        (|r| r.wait = seconds(31), &["INVALID_ARGUMENT wait"]),
        (|r| r.wait = seconds(-1), &["INVALID_ARGUMENT wait"]),
        (
            |r| r.start = Some(Start::StartPoint(1)),
            &["INVALID_ARGUMENT start_point"],
        ),
        (
            |r| r.start = Some(Start::StartPoint(77)),
            &["INVALID_ARGUMENT start_point"],
        ),
        (
            |r| r.start = Some(Start::ResumeToken(String::new())),
            &["RESUME_TOKEN_MALFORMED resume_token"],
        ),
        (
            |r| {
                r.scope = Some(Scope::Filter(v1::EventFilter {
                    states: vec![77],
                    ..Default::default()
                }));
                r.page_size = 1_001;
            },
            &[
                "INVALID_ARGUMENT filter.states[0]",
                "INVALID_ARGUMENT page_size",
            ],
        ),
    ];
    let world = world().await;
    let mut client = world.verifications().await;
    for (change, expected) in table {
        let mut wrong = v1::ListEventsRequest::default();
        change(&mut wrong);
        let status = client.list_events(wrong).await.unwrap_err();
        let expected: Vec<_> = expected
            .iter()
            .map(|expected| format!("InvalidArgument {expected}"))
            .collect();
        assert_eq!(told(&status), expected);
    }
}

#[tokio::test]
async fn wrong_requests_to_watch() {
    let world = world().await;
    let made = world.create("ada").await;
    let mut client = world.verifications().await;
    type One = fn(&mut v1::WatchVerificationRequest);
    let table: &[(One, &str)] = &[
        (|r| r.end = 77, "INVALID_ARGUMENT end"),
        (
            |r| r.heartbeat_interval = seconds(0),
            "INVALID_ARGUMENT heartbeat_interval",
        ),
        (
            |r| r.heartbeat_interval = seconds(301),
            "INVALID_ARGUMENT heartbeat_interval",
        ),
        (
            |r| {
                use v1::watch_verification_request::Start;
                r.start = Some(Start::StartPoint(77));
            },
            "INVALID_ARGUMENT start_point",
        ),
        (
            |r| {
                use v1::watch_verification_request::Start;
                r.start = Some(Start::ResumeToken("nonsense".to_owned()));
            },
            "RESUME_TOKEN_MALFORMED resume_token",
        ),
    ];
    for (change, expected) in table {
        let mut wrong = v1::WatchVerificationRequest {
            verification_id: made.id.clone(),
            ..Default::default()
        };
        change(&mut wrong);
        let status = client.watch_verification(wrong).await.unwrap_err();
        assert_eq!(told(&status), [format!("InvalidArgument {expected}")]);
    }
    type Many = fn(&mut v1::WatchVerificationsRequest);
    let table: &[(Many, &str)] = &[
        (
            |r| r.heartbeat_interval = seconds(301),
            "INVALID_ARGUMENT heartbeat_interval",
        ),
        (
            |r| {
                use v1::watch_verifications_request::Start;
                r.start = Some(Start::StartPoint(77));
            },
            "INVALID_ARGUMENT start_point",
        ),
        (
            |r| {
                r.filter = Some(v1::EventFilter {
                    providers: vec!["A".to_owned()],
                    ..Default::default()
                });
            },
            "INVALID_ARGUMENT filter.providers[0]",
        ),
    ];
    for (change, expected) in table {
        let mut wrong = v1::WatchVerificationsRequest::default();
        change(&mut wrong);
        let status = client.watch_verifications(wrong).await.unwrap_err();
        assert_eq!(told(&status), [format!("InvalidArgument {expected}")]);
    }
}

#[tokio::test]
async fn wrong_requests_to_read_claims() {
    let world = world().await;
    let made = world.create("ada").await;
    world
        .call_back("DATA F_DOB=1986-09-06 F_MAIL=a@mail.example")
        .await;
    let before = events(&world).await;
    let mut client = world.claims().await;
    type Change = fn(&mut v1::ReadClaimsRequest);
    let table: &[(Change, &str)] = &[
        (
            |r| r.access_context = None,
            "PURPOSE_REQUIRED access_context.purpose",
        ),
        (
            |r| r.access_context = because(""),
            "PURPOSE_REQUIRED access_context.purpose",
        ),
        (
            |r| r.claims = vec![key("shoe_size", v1::DocumentType::Unspecified)],
            "CLAIM_UNKNOWN claims[0].name",
        ),
        (
            |r| r.claims = vec![key("name", v1::DocumentType::Unspecified)],
            "CLAIM_NOT_REQUESTED claims[0]",
        ),
        (
            |r| r.peppers_of = vec![key("birthdate", v1::DocumentType::Idcard)],
            "CLAIM_NOT_REQUESTED peppers_of[0]",
        ),
    ];
    for (change, expected) in table {
        let mut wrong = v1::ReadClaimsRequest {
            verification_id: made.id.clone(),
            access_context: because("test"),
            ..Default::default()
        };
        change(&mut wrong);
        let status = client.read_claims(wrong).await.unwrap_err();
        assert_eq!(told(&status), [format!("InvalidArgument {expected}")]);
    }
    assert_eq!(events(&world).await, before);
}
