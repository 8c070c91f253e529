//! Create, Get, List and Cancel.

use tonic_types::StatusExt as _;
use verilane_api::v1;
use verilane_api::v1::action::Kind;

use super::provider::{EMPTY_HANDED, GARBLED, GARBLED_EARLY, LOCKED, PNG, REFUSED};
use super::support::{because, core_id, request, told, world};

fn picture(verification: &v1::Verification) -> &[u8] {
    let action = verification.attempts[0].action.as_ref().unwrap();
    let Kind::QrOrLink(open) = action.kind.as_ref().unwrap() else {
        panic!("another kind of action");
    };
    &open.qr_png
}

#[tokio::test]
async fn a_created_verification_has_everything_that_was_asked_for_and_an_action() {
    let world = world().await;
    let made = world.create("ada").await;
    assert_eq!(made.state(), v1::State::Pending);
    assert_eq!(made.revision, 2);
    assert_eq!(
        (made.connection.as_str(), made.provider.as_str()),
        ("test", "obedient")
    );
    assert_eq!(made.subject_ref, "customer-ada");
    assert_eq!(made.labels["team"], "cards");
    assert_eq!(made.purpose, "account-opening");
    assert_eq!(made.principal, "anonymous");
    assert_eq!((made.max_attempts, made.retryable), (1, false));
    let claims: Vec<_> = made
        .claims
        .iter()
        .map(|claim| {
            let key = claim.claim.as_ref().unwrap();
            (
                key.name.as_str(),
                key.document_type(),
                claim.provider_field.as_str(),
                claim.necessity(),
                claim.status(),
            )
        })
        .collect();
    assert_eq!(
        claims,
        [
            (
                "birthdate",
                v1::DocumentType::Passport,
                "F_DOB",
                v1::Necessity::Required,
                v1::ClaimStatus::Requested
            ),
            (
                "email",
                v1::DocumentType::Unspecified,
                "F_MAIL",
                v1::Necessity::Optional,
                v1::ClaimStatus::Requested
            ),
        ]
    );
    let attempt = &made.attempts[0];
    let now = world.now().as_secs();
    assert_eq!(attempt.number, 1);
    assert_eq!(attempt.expire_time.unwrap().seconds, now + 600);
    let Kind::QrOrLink(open) = attempt.action.as_ref().unwrap().kind.as_ref().unwrap() else {
        panic!("another kind of action");
    };
    assert_eq!(open.link, "obedient:ada");
    assert_eq!(open.expire_time.unwrap().seconds, now + 600);
}

#[tokio::test]
async fn the_picture_is_answered_by_create_and_get_only() {
    let world = world().await;
    let mut client = world.verifications().await;
    let made = world.create("ada").await;
    assert_eq!(picture(&made), PNG);
    let get = v1::GetVerificationRequest {
        verification_id: made.id.clone(),
        ..Default::default()
    };
    let got = client.get_verification(get).await.unwrap().into_inner();
    assert_eq!(got.verification, Some(made));
    let list = v1::ListVerificationsRequest::default();
    let listed = client.list_verifications(list).await.unwrap().into_inner();
    assert!(picture(&listed.verifications[0]).is_empty());
}

#[tokio::test]
async fn a_repeated_request_answers_the_same_verification_and_another_body_is_refused() {
    let world = world().await;
    let mut client = world.verifications().await;
    let made = world.create("ada").await;
    let again = client.create_verification(request("ada")).await.unwrap();
    assert_eq!(again.into_inner().verification, Some(made));
    assert_eq!(world.provider.told.lock().len(), 1);

    let mut other = request("ada");
    other.subject_ref = "customer-eve".to_owned();
    let status = client.create_verification(other).await.unwrap_err();
    assert_eq!(told(&status), ["AlreadyExists REQUEST_ID_REUSED"]);
}

#[tokio::test]
async fn refusals_of_the_provider_are_told_apart() {
    let world = world().await;
    let mut client = world.verifications().await;
    for (subject, expected) in [
        (EMPTY_HANDED, "FailedPrecondition CLAIMS_NOT_HELD"),
        (REFUSED, "FailedPrecondition PROVIDER_REFUSED"),
    ] {
        let status = client
            .create_verification(request(subject))
            .await
            .unwrap_err();
        assert_eq!(told(&status), [expected]);
    }
    world.create("ada").await;
    let mut second = request("ada");
    second.request_id = "another".to_owned();
    second.access_context = because("something-else");
    let status = client.create_verification(second).await.unwrap_err();
    assert_eq!(told(&status), ["FailedPrecondition REQUEST_ALREADY_OPEN"]);
}

#[tokio::test]
async fn a_second_request_for_what_is_open_joins_it_and_says_so() {
    let world = world().await;
    let mut client = world.verifications().await;
    let made = client
        .create_verification(request("ada"))
        .await
        .unwrap()
        .into_inner();
    assert!(!made.joined);
    let mut second = request("ada");
    second.request_id = "another".to_owned();
    for _ in 0..2 {
        let joined = client
            .create_verification(second.clone())
            .await
            .unwrap()
            .into_inner();
        assert!(joined.joined);
        assert_eq!(joined.verification, made.verification);
    }
}

#[tokio::test]
async fn a_retry_answers_a_new_action_and_counts_what_it_may() {
    let world = world().await;
    let mut client = world.verifications().await;
    let mut first = request("ada");
    first.max_attempts = 2;
    let made = client
        .create_verification(first)
        .await
        .unwrap()
        .into_inner();
    let made = made.verification.unwrap();
    let retry = |id: &str| v1::RetryVerificationRequest {
        verification_id: made.id.clone(),
        request_id: id.to_owned(),
        access_context: because("page-reload"),
        ..Default::default()
    };
    let status = client.retry_verification(retry("early")).await.unwrap_err();
    assert_eq!(told(&status), ["FailedPrecondition NOT_RETRYABLE"]);
    world.call_back("DATA F_MAIL=a@mail.example").await;

    let mut stale = retry("stale");
    stale.expected_revision = Some(1);
    let status = client.retry_verification(stale).await.unwrap_err();
    assert_eq!(told(&status), ["Aborted REVISION_MISMATCH"]);
    let mut short = retry("short");
    short.action_lifetime = super::wrong_requests::seconds(299);
    let status = client.retry_verification(short).await.unwrap_err();
    let expected = "InvalidArgument ACTION_LIFETIME_OUT_OF_RANGE action_lifetime";
    assert_eq!(told(&status), [expected]);
    for _ in 0..2 {
        let answer = client
            .retry_verification(retry("again"))
            .await
            .unwrap()
            .into_inner();
        let again = answer.verification.unwrap();
        assert_eq!(
            (again.state(), again.retryable),
            (v1::State::Pending, false)
        );
        assert_eq!(again.attempts.len(), 2);
        let Some(v1::action::Kind::QrOrLink(action)) = again.attempts[1]
            .action
            .as_ref()
            .and_then(|action| action.kind.as_ref())
        else {
            panic!("there is something to show");
        };
        assert!(!action.link.is_empty());
    }
    let cancel = v1::CancelVerificationRequest {
        verification_id: made.id.clone(),
        ..Default::default()
    };
    client.cancel_verification(cancel).await.unwrap();
    let status = client.retry_verification(retry("late")).await.unwrap_err();
    assert_eq!(told(&status), ["FailedPrecondition NOT_RETRYABLE"]);
}

#[tokio::test]
async fn a_useless_answer_of_the_provider_is_worth_a_repeat_only_before_anything_is_stored() {
    let world = world().await;
    let mut client = world.verifications().await;
    for (subject, expected, is_stored) in [
        (GARBLED_EARLY, "Unavailable PROVIDER_ANSWER_INVALID", false),
        (GARBLED, "FailedPrecondition PROVIDER_ANSWER_INVALID", true),
        (LOCKED, "FailedPrecondition PROVIDER_UNAVAILABLE", true),
    ] {
        for _ in 0..2 {
            let created = client.create_verification(request(subject)).await;
            let status = created.unwrap_err();
            assert_eq!(told(&status), [expected]);
            let details = status.get_error_details();
            assert!(details.retry_info().is_none());
            let metadata = &details.error_info().unwrap().metadata;
            assert_eq!(metadata.contains_key("verification_id"), is_stored);
        }
    }
}

#[tokio::test]
async fn a_list_is_narrowed_by_each_part_of_its_filter_and_cut_into_pages() {
    let world = world().await;
    let mut client = world.verifications().await;
    let mut ids = Vec::new();
    for name in ["ada", "bob", "eve"] {
        ids.insert(0, world.create(name).await.id);
        world.clock.advance(std::time::Duration::from_secs(1));
    }
    let mut list = async |filter: v1::VerificationFilter| -> Vec<usize> {
        let request = v1::ListVerificationsRequest {
            filter: Some(filter),
            ..Default::default()
        };
        let answer = client.list_verifications(request).await.unwrap();
        let found = answer.into_inner().verifications;
        let place = |v: &v1::Verification| ids.iter().position(|id| *id == v.id).unwrap();
        found.iter().map(place).collect()
    };
    let any = v1::VerificationFilter::default;
    assert_eq!(list(any()).await, [0, 1, 2]);
    let subject = v1::VerificationFilter {
        subject: core_id("0xBOB"),
        ..any()
    };
    assert_eq!(list(subject).await, [1]);
    let reference = v1::VerificationFilter {
        subject_ref: "customer-ada".to_owned(),
        ..any()
    };
    assert_eq!(list(reference).await, [2]);
    let labels = v1::VerificationFilter {
        labels: [("team".to_owned(), "loans".to_owned())].into(),
        ..any()
    };
    assert!(list(labels).await.is_empty());
    let states = v1::VerificationFilter {
        states: vec![v1::State::Verified.into()],
        ..any()
    };
    assert!(list(states).await.is_empty());
    let connections = v1::VerificationFilter {
        connections: vec!["test".to_owned()],
        providers: vec!["obedient".to_owned()],
        ..any()
    };
    assert_eq!(list(connections).await, [0, 1, 2]);
    let time = |seconds: i64| {
        Some(prost_types::Timestamp {
            seconds: 1_700_000_000 + seconds,
            nanos: 0,
        })
    };
    let times = v1::VerificationFilter {
        create_time_from: time(1),
        create_time_before: time(2),
        ..any()
    };
    assert_eq!(list(times).await, [1]);

    let mut client = world.verifications().await;
    let mut request = v1::ListVerificationsRequest {
        page_size: 2,
        ..Default::default()
    };
    let first = client.list_verifications(request.clone()).await.unwrap();
    let first = first.into_inner();
    assert_eq!(first.verifications.len(), 2);
    request.page_token = first.next_page_token;
    let rest = client
        .list_verifications(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(rest.verifications[0].id, ids[2]);
    assert_eq!(
        (rest.verifications.len(), rest.next_page_token.as_str()),
        (1, "")
    );
}

#[tokio::test]
async fn cancelling_looks_at_the_revision_and_repeating_it_changes_nothing() {
    let world = world().await;
    let mut client = world.verifications().await;
    let made = world.create("ada").await;
    let cancel = |expected| v1::CancelVerificationRequest {
        verification_id: made.id.clone(),
        expected_revision: expected,
        access_context: because("customer-request"),
    };
    let status = client
        .cancel_verification(cancel(Some(1)))
        .await
        .unwrap_err();
    assert_eq!(told(&status), ["Aborted REVISION_MISMATCH"]);
    for _ in 0..2 {
        let answer = client.cancel_verification(cancel(Some(2))).await.unwrap();
        let cancelled = answer.into_inner().verification.unwrap();
        assert_eq!(cancelled.state(), v1::State::Cancelled);
        assert_eq!(cancelled.revision, 3);
        assert_eq!(cancelled.attempts[0].action, None);
    }
    let done = world.create("bob").await;
    world
        .call_back("DATA F_DOB=1986-09-06 F_MAIL=b@mail.example")
        .await;
    let mut cancel = cancel(None);
    cancel.verification_id = done.id;
    let status = client.cancel_verification(cancel).await.unwrap_err();
    assert_eq!(told(&status), ["FailedPrecondition ALREADY_VERIFIED"]);
}
