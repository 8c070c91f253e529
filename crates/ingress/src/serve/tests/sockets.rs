//! Sockets that break, idle, flood, wait or are drained.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::stage::{Stage, roomy};
use crate::config::IngressConfig;
use crate::serve::Drained;

const MOMENT: Duration = Duration::from_millis(20);

#[tokio::test]
async fn half_a_message_is_not_handed_on() {
    let stage = Stage::start(roomy()).await;
    for (framing, half) in [
        ("content-length: 10", "01234"),
        ("transfer-encoding: chunked", "a\r\n01234"),
        ("transfer-encoding: chunked", "5\r\n01234\r\n"),
    ] {
        let mut client = stage.connect().await;
        client
            .head("status", &format!("expect: 100-continue\r\n{framing}\r\n"))
            .await;
        let answer = client.answer().await.unwrap();
        assert_eq!(answer.status, 100, "its body is being read");
        client.send(half).await;
    }
    assert_eq!(stage.stop().await, (Drained::Whole, vec![]));
}

#[tokio::test]
async fn a_body_whose_framing_is_broken_is_not_handed_on() {
    let stage = Stage::start(roomy()).await;
    let mut client = stage.connect().await;
    client
        .head("status", "transfer-encoding: chunked\r\n")
        .await;
    client.send("5\r\n01234\r\nno size\r\n").await;
    let answer = client.answer().await.unwrap();
    assert_eq!(answer.status, 400);
    assert_eq!(answer.body, r#"{"reason":"CALLBACK_INCOMPLETE"}"#);
    assert_eq!(stage.stop().await.1, []);
}

#[tokio::test]
async fn whoever_hangs_up_after_the_last_byte_has_delivered() {
    let mut stage = Stage::start(roomy()).await;
    let mut client = stage.connect().await;
    client.post("status", "hold").await;
    client.socket.shutdown().await.unwrap();
    assert_eq!(stage.message().await.body, "hold");
    stage.release();
    assert_eq!(client.answer().await.unwrap().status, 200);
    assert_eq!(client.answer().await, None);
}

#[tokio::test]
async fn whoever_sends_all_of_a_refused_body_before_it_reads_still_gets_its_answer() {
    let stage = Stage::start(roomy()).await;
    // More than both sides' socket buffers hold.
    let large = vec![b'x'; 32 * 1024 * 1024];
    for (path, status) in [("status", 413), ("unknown", 404)] {
        let mut client = stage.connect().await;
        client
            .head(path, &format!("content-length: {}\r\n", large.len()))
            .await;
        client.send(&large).await;
        let answer = client.answer().await.unwrap();
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(client.answer().await, None);
    }
}

#[tokio::test]
async fn a_socket_stays_open_after_a_refusal_whose_body_was_read() {
    let stage = Stage::start(roomy()).await;
    let mut client = stage.connect().await;
    for (body, status) in [("CALLBACK_MALFORMED", 400), ("first", 200)] {
        client.post("status", body).await;
        let answer = client.answer().await.unwrap();
        assert_eq!((answer.status, answer.header("connection")), (status, None));
    }
}

#[tokio::test]
async fn a_refused_client_that_never_closes_its_side_is_cut_like_an_idle_one() {
    let mut stage = Stage::start(IngressConfig {
        idle_timeout: MOMENT,
        max_sockets: 1,
        ..roomy()
    })
    .await;
    let mut client = stage.connect().await;
    client.head("unknown", "content-length: 10\r\n").await;
    assert_eq!(client.answer().await.unwrap().status, 404);
    // There is room for another only when the first is gone.
    assert_eq!(stage.post("status", "next").await.status, 200);
    assert_eq!(stage.message().await.body, "next");
}

#[tokio::test]
async fn a_drain_does_not_wait_for_what_a_refused_client_might_still_send() {
    let stage = Stage::start(roomy()).await;
    let mut client = stage.connect().await;
    client.head("unknown", "content-length: 10\r\n").await;
    assert_eq!(client.answer().await.unwrap().status, 404);
    assert_eq!(stage.stop().await, (Drained::Whole, vec![]));
    drop(client);
}

#[tokio::test]
async fn a_flood_of_headers_is_refused() {
    let stage = Stage::start(roomy()).await;
    let many = "x: y\r\n".repeat(1_000);
    let large = format!("x: {}\r\n", "y".repeat(40_000));
    for flood in [many, large] {
        let mut client = stage.connect().await;
        client.head("status", &flood).await;
        let answer = client.answer().await.unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (431, ""));
        assert_eq!(client.answer().await, None);
    }
    assert_eq!(stage.post("status", "first").await.status, 200);
}

#[tokio::test]
async fn a_socket_on_which_nothing_happens_is_closed() {
    let stage = Stage::start(IngressConfig {
        idle_timeout: MOMENT,
        ..roomy()
    })
    .await;
    for begun in [
        "",
        "POST /callbacks/status HTTP/1.1\r\nhost: ingr",
        "PRI * HTT",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut client = stage.connect().await;
        client.send(begun).await;
        client.wait_for_the_end().await;
    }
    let mut client = stage.connect().await;
    client.post("status", "first").await;
    assert_eq!(client.answer().await.unwrap().status, 200);
    client.wait_for_the_end().await;
}

#[tokio::test]
async fn a_socket_is_not_idle_while_its_request_is_under_way() {
    let mut stage = Stage::start(IngressConfig {
        idle_timeout: MOMENT,
        ..roomy()
    })
    .await;
    let mut busy = stage.connect().await;
    busy.post("status", "hold").await;
    stage.message().await;
    for _ in 0..3 {
        stage.connect().await.wait_for_the_end().await;
    }
    stage.release();
    assert_eq!(busy.answer().await.unwrap().status, 200);
}

#[tokio::test]
async fn no_more_sockets_are_open_than_allowed_and_the_next_waits_for_its_turn() {
    let mut stage = Stage::start(IngressConfig {
        max_sockets: 1,
        ..roomy()
    })
    .await;
    let mut first = stage.connect().await;
    first.post("status", "hold").await;
    stage.message().await;
    let mut next = stage.connect().await;
    next.post("status", "next").await;
    stage.release();
    assert_eq!(first.answer().await.unwrap().status, 200);
    first.post("status", "first again").await;
    assert_eq!(first.answer().await.unwrap().status, 200);
    assert_eq!(stage.message().await.body, "first again");
    drop(first);
    assert_eq!(next.answer().await.unwrap().status, 200);
}

#[tokio::test]
async fn http_2_is_spoken_without_tls() {
    let mut stage = Stage::start(roomy()).await;
    let socket = TcpStream::connect(stage.address).await.unwrap();
    let (mut client, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(socket))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = |path: &str, body: &str| {
        Request::post(format!("http://ingress/callbacks/{path}"))
            .body(Full::new(Bytes::from(body.to_owned())))
            .unwrap()
    };
    let held = client.send_request(request("status", "hold"));
    assert_eq!(stage.message().await.body, "hold");
    let unknown = client.send_request(request("unknown", "x")).await.unwrap();
    assert_eq!(unknown.status(), 404);
    let large = "x".repeat(1_000_000);
    let refused = client
        .send_request(request("status", &large))
        .await
        .unwrap();
    assert_eq!(refused.status(), 413);
    let whole = client.send_request(request("data", &large)).await.unwrap();
    assert_eq!(whole.status(), 200);
    assert_eq!(stage.message().await.body.len(), 1_000_000);
    stage.release();
    let held = held.await.unwrap();
    assert_eq!(held.status(), 200);
    let body = held.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "{}");
}

#[tokio::test]
async fn a_drain_lets_requests_under_way_finish_and_takes_no_more() {
    let mut stage = Stage::start(roomy()).await;
    let mut idle = stage.connect().await;
    idle.post("status", "first").await;
    assert_eq!(idle.answer().await.unwrap().status, 200);
    stage.message().await;
    let mut busy = stage.connect().await;
    busy.post("status", "hold").await;
    stage.message().await;

    let address = stage.address;
    let release = stage.releaser();
    let stopped = tokio::spawn(stage.stop());
    assert_eq!(idle.answer().await, None);
    assert!(TcpStream::connect(address).await.is_err());
    release();
    assert_eq!(busy.answer().await.unwrap().status, 200);
    assert_eq!(stopped.await.unwrap(), (Drained::Whole, vec![]));
}

#[tokio::test]
async fn what_a_drain_finds_unfinished_at_its_deadline_is_cut_without_an_answer() {
    let mut stage = Stage::start(IngressConfig {
        drain_deadline: MOMENT,
        ..roomy()
    })
    .await;
    let mut stuck = stage.connect().await;
    stuck.post("status", "hold").await;
    stage.message().await;
    assert_eq!(stage.stop().await, (Drained::Cut(1), vec![]));
    assert_eq!(stuck.answer().await, None);
}
