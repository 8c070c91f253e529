//! What is handed on, and what is answered.

use verilane_core::{Reason, ReasonKind};

use super::stage::{Answer, Message, Stage, roomy};
use crate::status::status_of;

/// What a provider can tell apart: all but when it was said.
fn without_date(answer: &Answer) -> (u16, Vec<String>, String) {
    let head = answer.head.lines().map(str::to_owned);
    let head = head.filter(|line| !line.starts_with("date:")).collect();
    (answer.status, head, answer.body.clone())
}

#[tokio::test]
async fn a_message_is_handed_on_as_it_came_and_answered_200() {
    let mut stage = Stage::start(roomy()).await;
    let mut client = stage.connect().await;
    let body = "--x\r\n\r\n\0\u{e9}--x--";
    let headers = format!(
        "Content-Type: multipart/form-data; boundary=x\r\ncontent-length: {}\r\n",
        body.len()
    );
    client.head("data-one", &headers).await;
    client.send(body).await;
    let answer = client.answer().await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    let message = Message {
        path: "data-one".to_owned(),
        content_type: Some("multipart/form-data; boundary=x".to_owned()),
        body: body.into(),
    };
    assert_eq!(stage.message().await, message);
}

#[tokio::test]
async fn a_body_in_chunks_is_handed_on_in_one_piece() {
    let mut stage = Stage::start(roomy()).await;
    let mut client = stage.connect().await;
    client
        .head("status", "transfer-encoding: chunked\r\n")
        .await;
    client.send("3\r\nabc\r\n").await;
    client.send("4\r\ndefg\r\n0\r\n\r\n").await;
    assert_eq!(client.answer().await.unwrap().status, 200);
    let message = stage.message().await;
    assert_eq!(
        (message.body, message.content_type),
        ("abcdefg".into(), None)
    );
}

#[tokio::test]
async fn a_repeated_or_discarded_message_is_answered_as_the_first_was() {
    let stage = Stage::start(roomy()).await;
    let first = without_date(&stage.post("status", "first").await);
    assert_eq!(first.0, 200);
    for again in ["repeat", "cancelled"] {
        assert_eq!(without_date(&stage.post("status", again).await), first);
    }
}

#[tokio::test]
async fn a_refusal_tells_its_reason_and_nothing_else() {
    let stage = Stage::start(roomy()).await;
    for reason in Reason::ALL {
        if reason.kind() != ReasonKind::Callback {
            continue;
        }
        let answer = stage.post("status-secret", reason.code()).await;
        assert_eq!(answer.status, status_of(*reason).as_u16(), "{reason}");
        let body = format!(r#"{{"reason":"{reason}"}}"#);
        assert_eq!(answer.body, body);
        assert!(!answer.head.contains("secret"), "{}", answer.head);
    }
}

#[tokio::test]
async fn an_unknown_path_is_refused_before_its_body_is_read() {
    let stage = Stage::start(roomy()).await;
    for path in ["unknown", "%ff", "..%2fstatus", "Status", "%00status"] {
        let mut client = stage.connect().await;
        client.head(path, "content-length: 1000000\r\n").await;
        let answer = client.answer().await.unwrap();
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.body, r#"{"reason":"CALLBACK_PATH_UNKNOWN"}"#);
    }
    assert_eq!(stage.stop().await.1, []);
}

#[tokio::test]
async fn whoever_waits_for_leave_to_send_gets_it_only_on_a_known_path() {
    let mut stage = Stage::start(roomy()).await;
    let headers = "expect: 100-continue\r\ncontent-length: 5\r\n";
    let mut client = stage.connect().await;
    client.head("unknown", headers).await;
    assert_eq!(client.answer().await.unwrap().status, 404);
    let mut client = stage.connect().await;
    client.head("status", headers).await;
    assert_eq!(client.answer().await.unwrap().status, 100);
    client.send("first").await;
    assert_eq!(client.answer().await.unwrap().status, 200);
    assert_eq!(stage.message().await.body, "first");
}

#[tokio::test]
async fn nothing_else_is_served() {
    let stage = Stage::start(roomy()).await;
    let mut client = stage.connect().await;
    for (request, status) in [
        ("GET / ", 404),
        ("POST /callbacks ", 404),
        ("POST /callbacks/ ", 404),
        ("POST /callbacks/status/ ", 404),
        ("POST /callbacks/status/more ", 404),
        ("POST /status ", 404),
        ("GET /callbacks/status ", 405),
        ("PUT /callbacks/status ", 405),
        ("BREW /callbacks/status ", 405),
        ("GET /callbacks/unknown ", 405),
    ] {
        client
            .send(format!(
                "{request}HTTP/1.1\r\nhost: ingress\r\ncontent-length: 0\r\n\r\n"
            ))
            .await;
        let answer = client.answer().await.unwrap();
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (status, ""),
            "{request}"
        );
        let allowed = answer.header("allow");
        assert_eq!(allowed, (status == 405).then_some("POST"), "{request}");
    }
    drop(client);
    assert_eq!(stage.stop().await.1, []);
}

#[tokio::test]
async fn while_the_store_is_down_a_provider_is_asked_to_come_again() {
    let stage = Stage::start(roomy()).await;
    for (path, body) in [("down", ""), ("status", "CALLBACK_STORE_UNAVAILABLE")] {
        let answer = stage.post(path, body).await;
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header("retry-after"), Some("5"));
        assert_eq!(answer.body, r#"{"reason":"CALLBACK_STORE_UNAVAILABLE"}"#);
    }
}

#[tokio::test]
async fn a_fault_of_ours_is_never_answered_200() {
    let stage = Stage::start(roomy()).await;
    assert_eq!(stage.post("status", "INTERNAL").await.status, 500);
    let mut client = stage.connect().await;
    client.post("status", "panic").await;
    assert_eq!(client.answer().await, None);
    assert_eq!(stage.post("status", "first").await.status, 200);
}
