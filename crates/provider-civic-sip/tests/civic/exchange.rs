//! What is sent to exchange a code, and what each answer means.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use verilane_core::{Pii, Reason};
use verilane_provider::jwt::{self, Curve, PinnedKeys};
use verilane_provider::{Provider as _, ProviderError, ProviderMessage};

use crate::server::{Says, Seen, Server, answer};
use crate::stage::{APPLICATION, PUBLIC, SECRET, plugin, with};

async fn exchange(server: &Server) -> Result<ProviderMessage, ProviderError> {
    plugin(server.address).exchange(&Pii::from("a.b.c")).await
}

/// What the request token of a request claims, after all about it was checked that Civic checks.
fn authorised(seen: &Seen) -> Value {
    let header = seen.header("authorization").unwrap();
    let (token, extension) = header
        .strip_prefix("Civic ")
        .unwrap()
        .rsplit_once('.')
        .unwrap();
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    // A value's members are sorted, as Civic sorts them.
    let extended = STANDARD.decode(extension).unwrap();
    hmac::verify(&key, body.to_string().as_bytes(), &extended).unwrap();
    let keys = PinnedKeys::new([(PUBLIC, Some(Curve::P256))]).unwrap();
    let claims = keys.open(token).unwrap().claims;
    jwt::object(claims.expose()).unwrap()
}

#[tokio::test]
async fn a_code_is_sent_as_civic_wants_it_and_the_answer_is_passed_on_as_it_is() {
    let body = "{ \"data\": \"x\" , \"more\": 1 }\n";
    let server = Server::saying(answer(200, "", body)).await;
    let plugin = plugin(server.address);
    for _ in 0..2 {
        let answer = plugin.exchange(&Pii::from("a.b.c")).await.unwrap();
        assert_eq!(&answer.body[..], body.as_bytes());
        assert_eq!(answer.media_type, "application/json");
    }
    let seen = server.seen();
    let claims: Vec<Value> = seen.iter().map(authorised).collect();
    for (seen, claims) in seen.iter().zip(&claims) {
        assert_eq!(seen.line(), "POST /sip/prod/scopeRequest/authCode");
        assert_eq!(seen.header("content-type"), Some("application/json"));
        let body: Value = serde_json::from_str(&seen.body).unwrap();
        let expected = json!({ "authToken": "a.b.c", "allowS3UploadedPayload": true });
        assert_eq!(body, expected);
        assert_eq!(claims["iss"], APPLICATION);
        assert_eq!(claims["sub"], APPLICATION);
        assert_eq!(claims["aud"], format!("http://{}/sip/", server.address));
        assert_eq!(claims["iat"], 1_700_000_000);
        assert_eq!(claims["exp"], 1_700_000_180);
        let path = "scopeRequest/authCode";
        assert_eq!(claims["data"], json!({ "method": "POST", "path": path }));
    }
    assert_ne!(claims[0]["jti"], claims[1]["jti"]);
}

#[tokio::test]
async fn each_refusal_has_its_reason_and_civic_s_words_without_what_leads_to_a_person() {
    let table = [
        (400, Reason::ExchangeRefused),
        (401, Reason::ExchangeUnauthorized),
        (403, Reason::ExchangeRefused),
        (404, Reason::ExchangeRefused),
        (405, Reason::ExchangeRefused),
        (413, Reason::ExchangeRefused),
    ];
    let worded = json!({ "message": "no such user ann@example.org", "more": "MARK" });
    let texts = [
        (worded.to_string(), Some("no such user […]")),
        ("<html>MARK</html>".to_owned(), None),
        (json!({ "message": { "MARK": 1 } }).to_string(), None),
        (String::new(), None),
    ];
    for (status, expected) in table {
        for (body, kept) in &texts {
            let server = Server::saying(answer(status, "", body)).await;
            let Err(ProviderError::Refused { reason, text }) = exchange(&server).await else {
                panic!("{status}");
            };
            assert_eq!(reason, expected, "{status}");
            let text = text.map(|text| text.expose().clone());
            assert_eq!(text.as_deref(), *kept, "{status}");
        }
    }
}

#[tokio::test]
async fn a_code_was_used_before_only_where_civic_says_so() {
    let duplicate = |body: &str| (body.to_owned(), Reason::CodeAlreadyUsed);
    let other = |body: &str| (body.to_owned(), Reason::ExchangeRefused);
    for (body, expected) in [
        duplicate(r#"{"message":"Duplicate Request"}"#),
        duplicate(r#"{"message":"duplicate request: the token can only be used once"}"#),
        duplicate(r#"{"error":"DUPLICATE_REQUEST"}"#),
        duplicate("Duplicate Request"),
        other(r#"{"message":"Missing Authentication Token"}"#),
        other(r#"{"message":"Forbidden"}"#),
        other("<html><title>403 Forbidden</title></html>"),
        other("dup"),
        other(""),
    ] {
        let server = Server::saying(answer(403, "", &body)).await;
        let outcome = exchange(&server).await;
        let Err(ProviderError::Refused { reason, .. }) = outcome else {
            panic!("{body}");
        };
        assert_eq!(reason, expected, "{body}");
    }
}

#[tokio::test]
async fn what_may_have_spent_the_code_is_told_from_what_has_not() {
    let after = "retry-after: 7\r\n";
    let wait = Some(Duration::from_secs(7));
    let told = async |says| exchange(&Server::saying(says).await).await.unwrap_err();
    let busy = told(answer(429, after, "")).await;
    assert!(matches!(busy, ProviderError::Busy { retry_after } if retry_after == wait));
    let overloaded = told(answer(503, after, "")).await;
    assert!(matches!(overloaded, ProviderError::Overloaded { retry_after } if retry_after == wait));
    for says in [
        answer(408, "", ""),
        answer(500, "", "{\"message\":\"x\"}"),
        answer(502, "", ""),
        answer(504, "", ""),
        Says::Nothing,
        Says::NeverAnything,
        Says::This("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbroken off".to_owned()),
    ] {
        assert!(matches!(told(says).await, ProviderError::Unclear));
    }
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let outcome = plugin(address).exchange(&Pii::from("a.b.c")).await;
    assert!(matches!(outcome, Err(ProviderError::NotSent)));
}

#[tokio::test]
async fn a_name_that_leads_nowhere_allowed_has_nothing_sent_and_the_code_stays_good() {
    let server = Server::saying(answer(200, "", "{}")).await;
    let plugin = with(json!({
        "base_url": format!("http://localhost:{}/sip/", server.address.port()),
        "allow_http": true,
    }));
    let outcome = plugin.exchange(&Pii::from("a.b.c")).await;
    assert!(
        matches!(outcome, Err(ProviderError::NotSent)),
        "{outcome:?}"
    );
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn an_exchange_follows_no_redirect() {
    let elsewhere = Server::saying(answer(200, "", "{}")).await;
    for status in [301, 302, 307, 308] {
        let to = format!("location: http://{}/\r\n", elsewhere.address);
        let server = Server::saying(answer(status, &to, "")).await;
        let outcome = exchange(&server).await;
        assert!(
            matches!(outcome, Err(ProviderError::InvalidAnswer(_))),
            "{status}"
        );
    }
    assert!(elsewhere.seen().is_empty());
}
