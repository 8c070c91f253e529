//! What the plug-in makes of answers that no connector should give.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use tokio::net::TcpListener;
use verilane_core::clock::ManualClock;
use verilane_core::{Action, ClaimRequest, ClaimSelector, Pii, QrOrLink, Reason};
use verilane_provider::{
    Facade, HistoryRequest, Prepared, ProviderError, Start, StartRequest, Started,
};
use verilane_provider_corepass::KeyUse;

use crate::stage::{START, facade, settings};

const KEY: &str = "ecbce702f4d8548ef8b3fe672d5a58e83e23f55d69a90739904e5793e32bbadaacef919c284d555d84e95f11f21da607e4880d9ae7b6143980";
const OTHER_KEY: &str = "4ec5abb86cd4f768d394dffd5dd9a2483cbd8cddd4447662cb73a335447660f60565710de4d144f5dcce55effde20570951c4ae21ad53fd200";
const USER: &str = "ab22b1671b4f7ccc0b16a87514adde84513b6348232e";

/// A connector that answers everything alike.
async fn answering(status: u16, body: String) -> Arc<Facade> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let status = StatusCode::from_u16(status).unwrap();
    let router = Router::new().fallback(move || async move { (status, body) });
    tokio::spawn(async move { axum::serve(listener, router).await });
    let settings = settings(
        format!("http://{address}/behind/a/path"),
        [(KEY, KeyUse::Status), (OTHER_KEY, KeyUse::Data)],
    );
    facade(&settings, &ManualClock::new(START))
}

fn prepared(facade: &Facade) -> Prepared {
    let request = StartRequest {
        scope: None,
        subject: Pii::from(USER),
        claims: vec![ClaimRequest {
            selector: ClaimSelector::ProviderField("SH_EMAIL".into()),
            required: true,
        }],
        action_lifetime: None,
    };
    facade.prepare(&request).unwrap()
}

async fn started(status: u16, body: &str) -> Result<Started, ProviderError> {
    let facade = answering(status, body.to_owned()).await;
    let url = Pii::from("http://127.0.0.1/x");
    let start = Start {
        subject: &Pii::from(USER),
        fields: &["SH_EMAIL"],
        status_url: &url,
        data_url: &url,
        expiry: START + Duration::from_secs(600),
        without_picture: false,
    };
    facade.start(&start).await
}

fn qr_answer(rest: &str) -> String {
    let expiration = START.as_secs() + 600;
    format!(r#"{{"expiration":{expiration},{rest}}}"#)
}

#[tokio::test]
async fn a_link_without_a_code_is_an_action_without_a_picture() {
    let started = started(200, &qr_answer(r#""link":"corepass:request/x","new":1"#))
        .await
        .unwrap();
    let Action::QrOrLink(QrOrLink { link, qr_png, .. }) = started.action else {
        panic!("another kind of action");
    };
    assert_eq!(link.expose(), "corepass:request/x");
    assert!(qr_png.is_none());
}

#[tokio::test]
async fn a_link_whose_picture_can_not_be_used_is_an_action_without_one() {
    let too_large = format!("iVBORw0KGgo{}", "A".repeat(1_000_001));
    for picture in [
        r#""""#,
        r#""not base64""#,
        r#""R0lGODlh""#,
        r#""/9j/4AAQSkZJRg==""#,
        r#""data:image/svg+xml;base64,PHN2Zy8+""#,
        r#""iVBORw==""#,
        r#"{"png":1}"#,
        &format!("\"{too_large}\""),
    ] {
        let body = qr_answer(&format!(r#""link":"corepass:x","qrcode":{picture}"#));
        let started = started(200, &body).await.unwrap();
        let Action::QrOrLink(QrOrLink { link, qr_png, .. }) = started.action else {
            panic!("another kind of action");
        };
        assert_eq!(link.expose(), "corepass:x");
        assert!(qr_png.is_none(), "{}", &picture[..picture.len().min(40)]);
    }
}

#[tokio::test]
async fn answers_that_make_no_sense_are_not_used() {
    let far = START.as_secs() + 100_000;
    let answers = [
        String::new(),
        "[]".to_owned(),
        "{".to_owned(),
        qr_answer(r#""qrcode":"iVBORw0KGgo=""#),
        qr_answer(r#""link":7"#),
        qr_answer(r#""link":"""#),
        qr_answer(r#""link":"javascript:alert(1)""#),
        qr_answer(r#""link":"http://example.com/""#),
        qr_answer(r#""link":"corepass:a b""#),
        format!(r#"{{"expiration":{far},"link":"corepass:x"}}"#),
        format!(
            r#"{{"link":"corepass:x","expiration":1,"x":"{}"}}"#,
            "x".repeat(2_000_000)
        ),
    ];
    for body in answers {
        let outcome = started(200, &body).await;
        let what: String = body.chars().take(100).collect();
        assert!(
            matches!(outcome, Err(ProviderError::InvalidAnswer(_))),
            "{what}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_refusal_in_other_words_keeps_them_short_and_scrubbed() {
    let text = format!("no such user {USER}, ask ops");
    let Err(ProviderError::Refused { reason, text }) = started(400, &text).await else {
        panic!("not refused");
    };
    assert_eq!(reason, Reason::ProviderRefused);
    assert_eq!(text.unwrap().expose(), "no such user […] ask ops");
}

#[tokio::test]
async fn a_status_says_whether_the_request_may_have_been_carried_out() {
    for status in [500, 502, 504, 408] {
        let outcome = started(
            status,
            "there is an ongoing request for this user and items",
        )
        .await;
        assert!(matches!(outcome, Err(ProviderError::Unclear)), "{status}");
    }
    let outcome = started(429, "").await;
    assert!(matches!(outcome, Err(ProviderError::Busy { .. })));
    let outcome = started(503, "").await;
    assert!(matches!(outcome, Err(ProviderError::Overloaded { .. })));
    for status in [301, 307] {
        let outcome = started(status, "").await;
        assert!(matches!(outcome, Err(ProviderError::InvalidAnswer(_))));
    }
    for status in [401, 403, 404] {
        let outcome = started(status, "").await;
        let Err(ProviderError::Refused { reason, .. }) = outcome else {
            panic!("{status}: {outcome:?}");
        };
        assert_eq!(reason, Reason::ConnectionMisconfigured);
    }
}

#[tokio::test]
async fn every_endpoint_has_refusals_of_the_same_meaning() {
    let unverified = "user does not have the requested items verified";
    for (status, body, expected) in [
        (400, unverified, Reason::ClaimsNotHeld),
        (200, unverified, Reason::ClaimsNotHeld),
        (404, "404 page not found", Reason::ConnectionMisconfigured),
        (422, "something else", Reason::ProviderRefused),
    ] {
        let facade = answering(status, body.to_owned()).await;
        let about = HistoryRequest {
            subject: &Pii::from(USER),
            fields: &["SH_EMAIL"],
        };
        let outcomes = [
            facade.check_availability(&prepared(&facade)).await.err(),
            facade.history(&about).await.err(),
            started(status, body).await.err(),
        ];
        for outcome in outcomes {
            let Some(ProviderError::Refused { reason, .. }) = outcome else {
                panic!("{status} {body}: {outcome:?}");
            };
            assert_eq!(reason, expected, "{status} {body}");
        }
    }
}

#[tokio::test]
async fn a_code_that_nobody_waits_for_is_not_kept_even_if_it_is_sent() {
    let sent = qr_answer(r#""link":"corepass:x","qrcode":"not even a picture","alreadySent":true"#);
    let facade = answering(200, sent).await;
    let url = Pii::from("http://127.0.0.1/x");
    let start = Start {
        subject: &Pii::from(USER),
        fields: &["SH_EMAIL"],
        status_url: &url,
        data_url: &url,
        expiry: START + Duration::from_secs(600),
        without_picture: true,
    };
    let action = facade.start(&start).await.unwrap().action;
    let Action::QrOrLink(QrOrLink { qr_png, .. }) = action else {
        panic!("another kind of action");
    };
    assert!(qr_png.is_none());
}

#[tokio::test]
async fn what_nobody_asked_about_is_not_held() {
    for body in [
        "{}",
        "[]",
        r#"{"verifiedItems":"SH_EMAIL"}"#,
        r#"{"verifiedItems":["SH_PHONE"]}"#,
    ] {
        let facade = answering(200, body.to_owned()).await;
        let outcome = facade.check_availability(&prepared(&facade)).await;
        assert!(
            matches!(outcome, Err(ProviderError::InvalidAnswer(_))),
            "{body}"
        );
    }
}
