//! What an answer points to: from where it is fetched, and what becomes of a link.

use serde_json::json;
use verilane_core::Reason;
use verilane_provider::{Provider as _, ProviderError, ProviderMessage};

use crate::server::{Says, Server, answer};
use crate::stage::{plugin, with};

fn led_to(link: &str) -> ProviderMessage {
    let answer = json!({
        "data": link, "processed": true, "userId": "ab", "encrypted": true, "alg": "aes"
    });
    ProviderMessage {
        media_type: "application/json".to_owned(),
        body: answer.to_string().into(),
    }
}

/// What comes of a link to this server.
async fn fetched(server: &Server) -> Result<Option<ProviderMessage>, ProviderError> {
    let link = format!("http://{}/bucket/object?X-Amz-Expires=60", server.address);
    plugin(server.address).fetch_exchanged(&led_to(&link)).await
}

#[tokio::test]
async fn what_an_answer_points_to_is_fetched_without_any_authorisation() {
    let server = Server::saying(answer(200, "", "a.b.c")).await;
    let rest = fetched(&server).await.unwrap().unwrap();
    assert_eq!(&rest.body[..], b"a.b.c");
    let [asked] = &server.seen()[..] else {
        panic!("{:?}", server.seen());
    };
    assert_eq!(asked.line(), "GET /bucket/object?X-Amz-Expires=60");
    assert_eq!(asked.header("authorization"), None);
    assert_eq!(asked.body, "");
}

#[tokio::test]
async fn an_answer_that_holds_everything_leads_nowhere() {
    let server = Server::saying(answer(200, "", "a.b.c")).await;
    let plugin = plugin(server.address);
    let link = format!("http://{}/", server.address);
    for body in [
        json!({ "data": "a.b.c", "userId": "ab", "encrypted": true }).to_string(),
        json!({ "data": link, "processed": false }).to_string(),
        json!({ "data": link, "processed": "true" }).to_string(),
        "no JSON".to_owned(),
        String::new(),
    ] {
        let answer = ProviderMessage {
            media_type: "application/json".to_owned(),
            body: body.into(),
        };
        assert!(plugin.fetch_exchanged(&answer).await.unwrap().is_none());
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_link_leads_only_where_the_connection_allows() {
    let server = Server::saying(answer(200, "", "a.b.c")).await;
    let port = server.address.port();
    let lax = plugin(server.address);
    for link in [
        format!("http://localhost:{port}/"),
        format!("http://127.0.0.2:{port}/"),
        format!("http://me@127.0.0.1:{port}/"),
        format!("https://127.0.0.1.example.org:{port}/"),
        "file:///etc/passwd".to_owned(),
        "bucket/object".to_owned(),
        String::new(),
    ] {
        let outcome = lax.fetch_exchanged(&led_to(&link)).await;
        assert!(
            matches!(outcome, Err(ProviderError::InvalidAnswer(_))),
            "{link}"
        );
    }
    // By default, storage alone, by https, at a public address.
    for (hosts, link) in [
        ("*.s3.amazonaws.com", format!("http://127.0.0.1:{port}/")),
        (
            "*.s3.amazonaws.com",
            "http://bucket.s3.amazonaws.com/".to_owned(),
        ),
        ("*.s3.amazonaws.com", "https://api.civic.com/".to_owned()),
        ("127.0.0.1", format!("http://127.0.0.1:{port}/")),
        ("127.0.0.1", format!("https://127.0.0.1:{port}/")),
    ] {
        let strict = with(json!({ "payload_hosts": [hosts] }));
        let outcome = strict.fetch_exchanged(&led_to(&link)).await;
        assert!(
            matches!(outcome, Err(ProviderError::InvalidAnswer(_))),
            "{link}"
        );
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_redirect_is_followed_to_where_a_link_may_lead_and_no_further() {
    let elsewhere = Server::saying(answer(200, "", "a.b.c")).await;
    let port = elsewhere.address.port();
    let to = |host: &str| format!("location: http://{host}:{port}/moved\r\n");
    let server = Server::saying(answer(307, &to("127.0.0.1"), "")).await;
    let rest = fetched(&server).await.unwrap().unwrap();
    assert_eq!(&rest.body[..], b"a.b.c");
    let [asked] = &elsewhere.seen()[..] else {
        panic!("{:?}", elsewhere.seen());
    };
    assert_eq!(asked.header("authorization"), None);
    let server = Server::saying(answer(307, &to("localhost"), "")).await;
    let outcome = fetched(&server).await;
    assert!(matches!(outcome, Err(ProviderError::InvalidAnswer(_))));
    assert_eq!(elsewhere.seen().len(), 1);
    let for_ever = Server::start(|path| {
        let to = format!("location: {path}/on\r\n");
        answer(302, &to, "")
    });
    let outcome = fetched(&for_ever.await).await;
    assert!(matches!(outcome, Err(ProviderError::InvalidAnswer(_))));
}

#[tokio::test]
async fn a_dead_link_is_told_from_storage_in_trouble() {
    let xml = "<Error><Code>AccessDenied</Code><Message>MARK</Message></Error>";
    for status in [400, 401, 403, 404, 410] {
        let outcome = fetched(&Server::saying(answer(status, "", xml)).await).await;
        let Err(ProviderError::Refused { reason, text }) = outcome else {
            panic!("{status}: {outcome:?}");
        };
        assert_eq!(reason, Reason::ProviderRefused);
        assert!(text.is_none());
    }
    for says in [
        answer(500, "", ""),
        answer(503, "", ""),
        answer(429, "", ""),
        Says::Nothing,
        Says::This("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbroken off".to_owned()),
    ] {
        let outcome = fetched(&Server::saying(says).await).await;
        assert!(
            outcome.as_ref().is_err_and(ProviderError::is_retryable),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_payload_of_more_bytes_than_may_be_is_not_taken() {
    let most = 64 * 1024 * 1024;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", most + 1);
    let outcome = fetched(&Server::saying(Says::This(head)).await).await;
    assert!(matches!(outcome, Err(ProviderError::InvalidAnswer(_))));
}
