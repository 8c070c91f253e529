//! The server over handlers that do as they are told, on real sockets.

mod fake;

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;
use tower::{Service as _, ServiceExt as _};
use verilane_api::v1;

use super::*;
use fake::{start, start_for, watch};

fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    details
        .error_info()
        .map(|info| format!("{}/{}", info.domain, info.reason))
        .unwrap_or_default()
}

#[tokio::test]
async fn errors_that_the_library_makes_carry_a_reason_too() {
    let running = start(GrpcConfig {
        max_message_size: 1_000,
        ..GrpcConfig::default()
    })
    .await;
    let mut client = running.client().await;

    let long = v1::GetVerificationRequest {
        verification_id: "x".repeat(2_000),
        ..Default::default()
    };
    let status = client.get_verification(long).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
    assert_eq!(reason(&status), "verilane/REQUEST_TOO_LARGE");

    let status = client
        .list_verifications(v1::ListVerificationsRequest::default())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert_eq!(reason(&status), "verilane/INTERNAL");

    // Bytes of a message in which field 1 is a number and not text.
    let mut raw = tonic::client::Grpc::new(running.channel().await);
    for (path, code, expected) in [
        (
            "/verilane.verification.v1.VerificationService/GetVerification",
            Code::InvalidArgument,
            "verilane/INVALID_ARGUMENT",
        ),
        (
            "/verilane.verification.v1.VerificationService/Frobnicate",
            Code::Unimplemented,
            "verilane/METHOD_UNKNOWN",
        ),
        ("/a.B/C", Code::Unimplemented, "verilane/METHOD_UNKNOWN"),
        ("/", Code::Unimplemented, "verilane/METHOD_UNKNOWN"),
    ] {
        raw.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<_, v1::GetVerificationResponse>::default();
        let wrong = v1::SnapshotEnd { verifications: 1 };
        let status = raw
            .unary(Request::new(wrong), path.parse().unwrap(), codec)
            .await
            .unwrap_err();
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (code, expected),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_request_in_gzip_is_read_and_counts_unpacked() {
    let running = start(GrpcConfig {
        max_message_size: 1_000,
        ..GrpcConfig::default()
    })
    .await;
    let mut client = running
        .client()
        .await
        .send_compressed(CompressionEncoding::Gzip);
    let of = |length| v1::GetVerificationRequest {
        verification_id: "x".repeat(length),
        ..Default::default()
    };
    let read = client.get_verification(of(900)).await.unwrap();
    assert!(!read.metadata().contains_key("grpc-encoding"));
    // Both are far smaller than the limit as they are sent.
    for length in [1_001, 100_000] {
        let status = client.get_verification(of(length)).await.unwrap_err();
        assert_eq!(status.code(), Code::OutOfRange, "{status}");
        assert_eq!(reason(&status), "verilane/REQUEST_TOO_LARGE");
    }
}

#[tokio::test]
async fn answers_go_in_gzip_to_whoever_takes_it_and_streams_as_they_are() {
    let running = start(GrpcConfig::default()).await;
    let mut client = running
        .client()
        .await
        .accept_compressed(CompressionEncoding::Gzip);
    let asked = v1::GetVerificationRequest {
        verification_id: "x".to_owned(),
        ..Default::default()
    };
    let answer = client.get_verification(asked).await.unwrap();
    assert_eq!(answer.metadata().get("grpc-encoding").unwrap(), "gzip");
    let stream = client.watch_verification(watch("one")).await.unwrap();
    assert!(!stream.metadata().contains_key("grpc-encoding"));
}

#[tokio::test]
async fn a_request_that_breaks_the_protocol_is_its_senders_fault() {
    let running = start(GrpcConfig::default()).await;
    let mut channel = running.channel().await;
    let uri = format!(
        "http://{}/verilane.verification.v1.VerificationService/GetVerification",
        running.address
    );
    let grpc = "application/grpc";
    let web = "application/grpc-web+proto";
    let text = "application/grpc-web-text";
    // One byte of flags, four of length, then the message.
    for (kind, body) in [
        (grpc, ""),
        (grpc, "\0\0"),
        (grpc, "\0\0\0\0\x04\n"),
        (grpc, "\x01\0\0\0\x02\n\0"),
        (grpc, "\x02\0\0\0\x02\n\0"),
        (grpc, "\0\0\0\0\x02\n\0\0"),
        (web, ""),
        (web, "\0\0\0\0\x04\n"),
        (web, "\x01\0\0\0\x02\n\0"),
        (text, ""),
        (text, "AAAAAAQK"),
        (text, "!!!!"),
        (text, "AAA"),
    ] {
        let request = http::Request::post(&uri)
            .header(http::header::CONTENT_TYPE, kind)
            .body(tonic::body::Body::new(body.to_owned()))
            .unwrap();
        let answer = channel.ready().await.unwrap().call(request).await.unwrap();
        let status = Status::from_header_map(answer.headers()).unwrap();
        assert_eq!(status.code(), Code::InvalidArgument, "{kind} {body:?}");
        assert_eq!(reason(&status), "verilane/INVALID_ARGUMENT");
    }
}

#[tokio::test]
async fn a_call_ends_at_its_deadline_whoever_set_it() {
    let running = start(GrpcConfig {
        default_deadline: Duration::from_millis(30),
        max_deadline: Duration::from_millis(60),
        ..GrpcConfig::default()
    })
    .await;
    let mut client = running.client().await;
    for said in [None, Some("3600S")] {
        let mut request = Request::new(v1::CreateVerificationRequest::default());
        if let Some(said) = said {
            request
                .metadata_mut()
                .insert("grpc-timeout", said.parse().unwrap());
        }
        let status = client.create_verification(request).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(reason(&status), "verilane/DEADLINE_EXCEEDED");
    }
}

#[tokio::test]
async fn a_stream_outlives_the_servers_deadline_and_ends_at_its_callers() {
    let running = start(GrpcConfig {
        default_deadline: Duration::from_millis(5),
        max_deadline: Duration::from_millis(10),
        ..GrpcConfig::default()
    })
    .await;
    let mut client = running.client().await;
    let mut request = Request::new(watch("silent"));
    request
        .metadata_mut()
        .insert("grpc-timeout", "200m".parse().unwrap());
    let begin = std::time::Instant::now();
    let mut stream = client
        .watch_verification(request)
        .await
        .unwrap()
        .into_inner();
    let status = stream.message().await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(reason(&status), "verilane/DEADLINE_EXCEEDED");
    assert!(begin.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_stalled_watch_costs_bounded_memory_and_is_cut_while_others_go_on() {
    let mut running = start(GrpcConfig {
        stall_limit: Duration::from_millis(200),
        ..GrpcConfig::default()
    })
    .await;
    let mut other = running.client().await;
    let mut healthy = other
        .watch_verification(watch("endless"))
        .await
        .unwrap()
        .into_inner();
    let mut stalled = running
        .client()
        .await
        .watch_verification(watch("endless"))
        .await
        .unwrap()
        .into_inner();

    // The healthy one reads on until the stalled one is cut.
    let mut read = 0;
    loop {
        tokio::select! {
            message = healthy.next() => {
                message.unwrap().unwrap();
                read += 1;
            }
            dropped = running.dropped.recv() => {
                dropped.unwrap();
                break;
            }
        }
    }
    let sent = running.sent.load(Ordering::Relaxed);
    assert!(
        sent - read < 1_000,
        "{} KB were sent to nobody",
        sent - read
    );
    healthy.message().await.unwrap().unwrap();

    // What was on its way still arrives, each with a token to resume by.
    let mut last = None;
    let status = loop {
        match stalled.message().await {
            Ok(message) => last = message,
            Err(status) => break status,
        }
    };
    assert!(!last.unwrap().resume_token.is_empty());
    assert_ne!(status.code(), Code::Ok);
}

#[tokio::test]
async fn a_drain_ends_watches_with_unavailable_and_waits_for_nobody_beyond_its_deadline() {
    let running = start(GrpcConfig {
        drain_deadline: Duration::from_millis(100),
        ..GrpcConfig::default()
    })
    .await;
    let mut client = running.client().await;
    let mut stream = client
        .watch_verification(watch("silent"))
        .await
        .unwrap()
        .into_inner();
    let mut hanging = running.client().await;
    let hanging = tokio::spawn(async move {
        hanging
            .create_verification(v1::CreateVerificationRequest::default())
            .await
    });
    // One that is connected and has said nothing.
    let _mute = TcpStream::connect(running.address).await.unwrap();
    client
        .get_verification(v1::GetVerificationRequest::default())
        .await
        .unwrap();

    running.stop.send(()).unwrap();
    let status = stream.message().await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(reason(&status), "verilane/SHUTTING_DOWN");
    let drained = running.server.await.unwrap();
    assert!(
        matches!(drained, Drained::Whole | Drained::Cut(1)),
        "{drained:?}"
    );
    assert_ne!(hanging.await.unwrap().unwrap_err().code(), Code::Ok);
}

#[tokio::test]
async fn a_server_without_open_calls_drains_at_once() {
    let running = start(GrpcConfig {
        drain_deadline: Duration::from_secs(3_600),
        ..GrpcConfig::default()
    })
    .await;
    let mut client = running.client().await;
    client
        .get_verification(v1::GetVerificationRequest::default())
        .await
        .unwrap();
    running.stop.send(()).unwrap();
    assert_eq!(running.server.await.unwrap(), Drained::Whole);
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn health_is_told_for_the_server_and_for_each_service_and_for_no_other() {
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::health_client::HealthClient;
    use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

    let running = start(GrpcConfig::default()).await;
    let mut health = HealthClient::new(running.channel().await);
    for service in ["", VERIFICATION, CLAIM, CONNECTION] {
        let service = service.to_owned();
        let answer = health.check(HealthCheckRequest { service }).await.unwrap();
        let expected = HealthCheckResponse {
            status: ServingStatus::Serving.into(),
        };
        assert_eq!(answer.into_inner(), expected);
    }
    let service = "another".to_owned();
    let status = health
        .check(HealthCheckRequest { service })
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[tokio::test]
async fn reflection_lists_every_service_under_both_versions() {
    let running = start(GrpcConfig::default()).await;
    let expected = [
        "grpc.health.v1.Health",
        "verilane.verification.v1.ClaimService",
        "verilane.verification.v1.ConnectionService",
        "verilane.verification.v1.VerificationService",
    ];
    macro_rules! listed {
        ($version:ident) => {{
            use tonic_reflection::pb::$version::ServerReflectionRequest;
            use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
            use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
            use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;
            let request = ServerReflectionRequest {
                host: String::new(),
                message_request: Some(MessageRequest::ListServices(String::new())),
            };
            let mut answers = ServerReflectionClient::new(running.channel().await)
                .server_reflection_info(stream::iter([request]))
                .await
                .unwrap()
                .into_inner();
            let answer = answers.message().await.unwrap().unwrap();
            match answer.message_response.unwrap() {
                MessageResponse::ListServicesResponse(list) => {
                    list.service.into_iter().map(|s| s.name).collect::<Vec<_>>()
                }
                other => panic!("{other:?}"),
            }
        }};
    }
    for listed in [listed!(v1), listed!(v1alpha)] {
        // What operators do is nobody else's business.
        assert!(
            listed.iter().all(|name| !name.contains("admin")),
            "{listed:?}"
        );
        for service in expected {
            assert!(
                listed.iter().any(|name| name == service),
                "{service}: {listed:?}"
            );
        }
    }
}

#[tokio::test]
async fn reflection_knows_what_errors_carry() {
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

    let running = start(GrpcConfig::default()).await;
    let requests = ["ErrorInfo", "BadRequest", "RetryInfo"].map(|name| ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::FileContainingSymbol(format!(
            "google.rpc.{name}"
        ))),
    });
    let mut answers = ServerReflectionClient::new(running.channel().await)
        .server_reflection_info(stream::iter(requests))
        .await
        .unwrap()
        .into_inner();
    for _ in 0..3 {
        let answer = answers.message().await.unwrap().unwrap();
        let found = answer.message_response.unwrap();
        assert!(matches!(found, MessageResponse::FileDescriptorResponse(_)));
    }
}

#[tokio::test]
async fn a_page_can_call_over_grpc_web_and_http1() {
    let running = start(GrpcConfig::default()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    // An uncompressed message of 4 bytes: field 1 (the id) is "ab".
    let body = [0, 0, 0, 0, 4, 0x0a, 2, b'a', b'b'];
    let head = format!(
        "POST /verilane.verification.v1.VerificationService/GetVerification HTTP/1.1\r\n\
         host: localhost\r\ncontent-type: application/grpc-web+proto\r\n\
         accept: application/grpc-web+proto\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let text = String::from_utf8_lossy(&answer);
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(text.contains("grpc-status:0"), "{text}");
    assert!(
        answer
            .windows(4)
            .any(|bytes| bytes == [0x0a, 2, b'a', b'b'])
    );
}

/// Sends a request over HTTP/1, and says in lower case what was answered.
async fn over_http1(running: &fake::Running, head: &[&str], body: &[u8]) -> String {
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let length = body.len();
    let head = format!(
        "{}\r\nhost: a\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n",
        head.join("\r\n")
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).to_ascii_lowercase()
}

const GET: &str = "/verilane.verification.v1.VerificationService/GetVerification";

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_call_and_read_how_its_call_ended() {
    let allowed = [
        HeaderValue::from_static("https://app.example.com"),
        HeaderValue::from_static("http://localhost:3000"),
    ];
    let running = start_for(&allowed, GrpcConfig::default()).await;
    let preflight = format!("OPTIONS {GET} HTTP/1.1");
    let call = format!("POST {GET} HTTP/1.1");
    for (origin, may) in [
        ("http://localhost:3000", true),
        ("https://app.example.com", true),
        ("https://app.example.com.evil.example", false),
        ("http://app.example.com", false),
        ("null", false),
    ] {
        let from = format!("origin: {origin}");
        let asks = [
            &*preflight,
            &*from,
            "access-control-request-method: POST",
            "access-control-request-headers: content-type,x-grpc-web",
        ];
        let told = over_http1(&running, &asks, &[]).await;
        let allows = format!("access-control-allow-origin: {origin}\r\n");
        assert_eq!(told.contains(&allows), may, "{told}");
        if may {
            assert!(told.starts_with("http/1.1 200"), "{told}");
            assert!(
                told.contains("access-control-allow-methods: post"),
                "{told}"
            );
            assert!(told.contains("x-grpc-web"), "{told}");
        }
        let calls = [&*call, &*from, "content-type: application/grpc-web+proto"];
        let body = [0, 0, 0, 0, 4, 0x0a, 2, b'a', b'b'];
        let answer = over_http1(&running, &calls, &body).await;
        assert!(answer.contains("grpc-status:0"), "{answer}");
        assert_eq!(answer.contains(&allows), may, "{answer}");
        let exposed = answer
            .lines()
            .find_map(|line| line.strip_prefix("access-control-expose-headers: "));
        let exposed = exposed.unwrap_or_default();
        for header in ["grpc-status", "grpc-message", "grpc-status-details-bin"] {
            let named = exposed.split(',').any(|name| name.trim() == header);
            assert!(named || !may, "{answer}");
        }
        assert!(!answer.contains("allow-credentials"), "{answer}");
    }
}

#[tokio::test]
async fn no_page_of_another_origin_may_call_unless_it_is_named() {
    let running = start(GrpcConfig::default()).await;
    let preflight = [
        &*format!("OPTIONS {GET} HTTP/1.1"),
        "origin: https://app.example.com",
        "access-control-request-method: POST",
    ];
    let told = over_http1(&running, &preflight, &[]).await;
    assert!(told.starts_with("http/1.1 405"), "{told}");
    assert!(!told.contains("access-control"), "{told}");
}

#[tokio::test]
async fn what_is_no_call_is_refused_as_http_does() {
    let running = start(GrpcConfig::default()).await;
    for (request, expected) in [
        ("GET / HTTP/1.1\r\nhost: a\r\n", "HTTP/1.1 405"),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 0\r\n",
            "HTTP/1.1 415",
        ),
    ] {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        let request = format!("{request}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(expected), "{answer}");
    }
}

#[tokio::test]
async fn a_connection_that_says_nothing_or_half_a_word_is_closed() {
    let running = start(GrpcConfig {
        handshake_timeout: Duration::from_millis(20),
        ..GrpcConfig::default()
    })
    .await;
    for word in ["", "PRI * HTTP/2"] {
        let mut mute = TcpStream::connect(running.address).await.unwrap();
        mute.write_all(word.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        mute.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty(), "{word}");
    }
}
