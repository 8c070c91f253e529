//! Told to end, the binary ends: what is under way is finished, watches are told, callers that do
//! not let go are cut at the deadline, and the exit code says which it was.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod harness;

use harness::{LIMIT, Launch, Stage};
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_stream::StreamExt;
use tonic::Code;
use verilane_api::v1::watch_verifications_response::Item;
use verilane_api::v1::{State, WatchVerificationsRequest};

#[tokio::test]
async fn a_watch_is_told_that_the_server_goes_and_its_token_is_good_at_the_next_one() {
    let stage = Stage::new().await;
    let server = stage.start();
    let request = WatchVerificationsRequest::default();
    let stream = server.verifications().watch_verifications(request).await;
    let mut stream = stream.unwrap().into_inner();
    let first = stream.next().await.unwrap().unwrap();
    assert!(matches!(first.item, Some(Item::SnapshotEnd(_))));
    let ended = tokio::spawn(server.terminate());
    let status = stream.next().await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
    assert!(ended.await.unwrap().success());

    let server = stage.start();
    let created = server.create(&stage.user("ignores"), &["SH_EMAIL"]).await;
    let request = WatchVerificationsRequest {
        start: Some(
            verilane_api::v1::watch_verifications_request::Start::ResumeToken(first.resume_token),
        ),
        ..WatchVerificationsRequest::default()
    };
    let stream = server.verifications().watch_verifications(request).await;
    let next = stream.unwrap().into_inner().next().await.unwrap().unwrap();
    let Some(Item::Event(event)) = next.item else {
        panic!("an event");
    };
    assert_eq!((event.sequence, event.verification_id), (1, created.id));
    stage.end().await;
}

#[tokio::test]
async fn a_callback_under_way_is_answered_before_the_end() {
    let stage = Stage::new().await;
    let server = stage.start();
    let user = stage.user("accepts");
    stage.sandbox.hold(None).unwrap();
    let created = server.create(&user, &["SH_EMAIL"]).await;
    let url = stage.callback_urls(&user).status;
    let path = url
        .strip_prefix(&format!("http://{}", server.ingress))
        .unwrap();
    stage.sandbox.release(None).unwrap();
    stage.sandbox.finished(LIMIT).await.unwrap();
    let body = stage.sandbox.body(1).unwrap();

    // The head is in and the server asks for the body: the callback is under way.
    let mut callback = TcpStream::connect(server.ingress).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    callback.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    callback.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    let request = WatchVerificationsRequest::default();
    let watch = server.verifications().watch_verifications(request).await;
    let mut watch = watch.unwrap().into_inner();
    let ended = tokio::spawn(server.terminate());
    // The watch's end shows that the server was told.
    while let Some(Ok(_)) = watch.next().await {}
    callback.write_all(&body).await.unwrap();
    let mut answer = Vec::new();
    callback.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200 "), "{answer:?}");
    assert!(ended.await.unwrap().success());
    let server = stage.start();
    assert_eq!(server.get(&created.id).await.state(), State::Verified);
    stage.end().await;
}

#[tokio::test]
async fn a_caller_that_does_not_let_go_is_cut_at_the_deadline_and_the_exit_code_says_so() {
    let stage = Stage::new().await;
    let short = Launch::default()
        .with("VERILANE__GRPC__DRAIN_DEADLINE", "1s")
        .with("VERILANE__INGRESS__DRAIN_DEADLINE", "1s")
        .with("VERILANE__SHUTDOWN__DEADLINE", "20s");
    let server = stage.start_as(short);
    let created = server.create(&stage.user("ignores"), &["SH_EMAIL"]).await;
    // A request whose body never comes holds its socket.
    let mut stubborn = TcpStream::connect(server.grpc).await.unwrap();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stubborn.write_all(preface).await.unwrap();
    let open_stream = headers_without_end();
    stubborn.write_all(&open_stream).await.unwrap();
    // Its answer shows that the request was taken up.
    server.get(&created.id).await;
    let status = server.terminate().await;
    assert_eq!(status.code(), Some(3), "{}", stage.logs());

    let server = stage.start();
    assert_eq!(server.get(&created.id).await.state(), State::Pending);
    stage.end().await;
}

/// HEADERS of a unary call on stream 1, without END_STREAM: its message is still to come.
fn headers_without_end() -> Vec<u8> {
    let path = "/verilane.verification.v1.ConnectionService/ListConnections";
    let mut block = vec![0x83, 0x86];
    for (name, value) in [
        (":path", path),
        (":authority", "x"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        block.push(0x00);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend_from_slice(text.as_bytes());
        }
    }
    let length = u32::try_from(block.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend_from_slice(&[0x01, 0x04, 0, 0, 0, 1]);
    frame.extend_from_slice(&block);
    frame
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let stage = Stage::new().await;
    let server = stage.start();
    let mut stubborn = TcpStream::connect(server.grpc).await.unwrap();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stubborn.write_all(preface).await.unwrap();
    stubborn.write_all(&headers_without_end()).await.unwrap();
    let request = WatchVerificationsRequest::default();
    let stream = server.verifications().watch_verifications(request).await;
    let mut stream = stream.unwrap().into_inner();
    assert!(stream.next().await.unwrap().is_ok());
    server.signal(Signal::TERM);
    // The watch's end shows that the first signal has arrived.
    let told = tokio::time::timeout(LIMIT, async {
        while let Some(Ok(_)) = stream.next().await {}
    });
    told.await.unwrap();
    server.signal(Signal::INT);
    assert_eq!(server.ended().await.code(), Some(130));
    stage.end().await;
}

#[tokio::test]
async fn the_folder_belongs_to_one_process_at_a_time() {
    let stage = Stage::new().await;
    let server = stage.start();
    let other = std::process::Command::new(env!("CARGO_BIN_EXE_verilane"))
        .args(["dev", "--data-dir"])
        .arg(stage.data_folder())
        .env_clear()
        .env("VERILANE__GRPC__LISTEN", "127.0.0.1:0")
        .env("VERILANE__INGRESS__LISTEN", "127.0.0.1:0")
        .env("VERILANE__DEV__SANDBOX_LISTEN", "127.0.0.1:0")
        .output()
        .unwrap();
    assert_eq!(other.status.code(), Some(1));
    let said = String::from_utf8(other.stderr).unwrap();
    assert!(said.contains("is in use by another process"), "{said}");
    assert!(server.terminate().await.success());
    stage.end().await;
}
