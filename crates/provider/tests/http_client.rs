//! The outbound client against real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at the first thing that is not as it says"
)]

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use verilane_core::ConnectionName;
use verilane_provider::http::{
    Egress, EgressError, HttpClient, HttpError, HttpRequest, HttpSettings, Method, Url,
};

const LONG: Duration = Duration::from_secs(30);

/// What the far side does with a connection.
enum Reply {
    /// Reads the request, then writes these bytes and closes.
    Bytes(Vec<u8>),
    /// Reads the request, then closes.
    Nothing,
    /// Reads the request, then keeps the connection open and silent.
    Silence,
    /// Writes a head, then parts of a body without end.
    Endless(&'static str),
}

/// Answers each connection in turn, and gives back the requests that it read.
async fn serve(replies: Vec<Reply>) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let mut requests = Vec::new();
        let mut open = Vec::new();
        for reply in replies {
            let (mut stream, _) = listener.accept().await.unwrap();
            requests.push(read_request(&mut stream).await);
            match reply {
                Reply::Bytes(bytes) => stream.write_all(&bytes).await.unwrap(),
                Reply::Nothing => {}
                Reply::Silence => open.push(stream),
                Reply::Endless(head) => {
                    stream.write_all(head.as_bytes()).await.unwrap();
                    while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
                }
            }
        }
        requests
    });
    (address, server)
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.unwrap();
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_lowercase()
                        .strip_prefix("content-length:")?
                        .trim()
                        .parse()
                        .ok()
                })
                .unwrap_or(0);
            if body.len() >= length {
                return text.into_owned();
            }
        }
        assert_ne!(count, 0, "the request was cut");
    }
}

fn answer(status: &str, headers: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Bytes(
        format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .into_bytes(),
    )
}

fn client(hosts: &[&str], private: bool, total: Duration) -> HttpClient {
    HttpClient::new(HttpSettings {
        connection: ConnectionName::new("test").unwrap(),
        egress: Egress {
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            allow_http: true,
            allow_private_addresses: private,
        },
        connect_timeout: LONG,
        total_timeout: total,
        max_answer_bytes: 1024,
        propagates_trace: false,
    })
    .unwrap()
}

fn local(total: Duration) -> HttpClient {
    client(&["127.0.0.1", "localhost"], true, total)
}

fn get(address: SocketAddr, path: &str) -> HttpRequest {
    let url = Url::parse(&format!("http://{address}{path}")).unwrap();
    HttpRequest::new(Method::GET, url, "/template")
}

#[tokio::test]
async fn json_goes_out_and_comes_back() {
    let (address, server) = serve(vec![answer("200 OK", "", "{\"n\": 7}")]).await;
    let url = Url::parse(&format!("http://{address}/api")).unwrap();
    let request = HttpRequest::new(Method::POST, url, "/api")
        .json(&serde_json::json!({"user": "u"}))
        .unwrap();
    let answered = local(LONG).send(request).await.unwrap();
    let value: serde_json::Value = answered.json().unwrap();
    assert_eq!(value["n"], 7);
    let request = server.await.unwrap().remove(0).to_lowercase();
    assert!(request.starts_with("post /api http/1.1"), "{request}");
    assert!(request.contains("content-type: application/json"));
    assert!(request.contains("user-agent: verilane/"));
    assert!(request.ends_with(r#"{"user":"u"}"#));
    assert!(!request.contains("traceparent"), "not unless asked for");
}

#[tokio::test]
async fn a_refusal_is_an_answer_with_its_words_and_its_wait() {
    let (address, _server) = serve(vec![
        answer("400 Bad Request", "", "no such user"),
        answer("429 Too Many Requests", "Retry-After: 9\r\n", ""),
    ])
    .await;
    let client = local(LONG);
    let Err(HttpError::Answered(refusal)) = client.send(get(address, "/")).await else {
        panic!("not answered");
    };
    assert_eq!(
        (refusal.status(), refusal.text().as_str()),
        (400, "no such user")
    );
    let Err(HttpError::Answered(busy)) = client.send(get(address, "/")).await else {
        panic!("not answered");
    };
    assert_eq!(busy.retry_after(), Some(Duration::from_secs(9)));
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let elsewhere = "Location: http://127.0.0.1:1/\r\n";
    let (address, server) = serve(vec![answer("302 Found", elsewhere, "")]).await;
    let Err(HttpError::Answered(redirect)) = local(LONG).send(get(address, "/")).await else {
        panic!("followed");
    };
    assert_eq!(redirect.status(), 302);
    assert_eq!(server.await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_answer_without_end_is_cut_at_the_cap() {
    let heads = [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n",
        "HTTP/1.1 500 Oops\r\nContent-Length: 999999999999\r\n\r\n",
    ];
    let (address, _server) = serve(heads.into_iter().map(Reply::Endless).collect()).await;
    let client = local(LONG);
    for _ in 0..2 {
        let outcome = client.send(get(address, "/")).await;
        assert!(matches!(outcome, Err(HttpError::TooLarge)), "{outcome:?}");
    }
    let Err(HttpError::Answered(failure)) = client.send(get(address, "/")).await else {
        panic!("the status is lost");
    };
    assert_eq!((failure.status(), failure.body().len()), (500, 1024));
}

#[tokio::test]
async fn what_was_never_sent_is_told_from_what_may_have_been() {
    // Bound, so that nobody else gets the port, and not listening.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let nobody = socket.local_addr().unwrap();
    let outcome = local(LONG).send(get(nobody, "/")).await;
    assert!(matches!(outcome, Err(HttpError::NotSent)), "{outcome:?}");

    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec();
    let (address, _server) = serve(vec![Reply::Nothing, Reply::Bytes(half)]).await;
    for _ in 0..2 {
        let outcome = local(LONG).send(get(address, "/")).await;
        assert!(matches!(outcome, Err(HttpError::Unclear)), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_silent_far_side_is_given_up() {
    let (address, _server) = serve(vec![Reply::Silence]).await;
    let outcome = local(Duration::from_millis(50))
        .send(get(address, "/"))
        .await;
    assert!(matches!(outcome, Err(HttpError::Unclear)), "{outcome:?}");
}

#[tokio::test]
async fn a_name_is_connected_to_only_at_addresses_that_are_allowed() {
    let (address, _server) = serve(vec![answer("200 OK", "", "here")]).await;
    let url = |host: &str| {
        let url = Url::parse(&format!("http://{host}:{}/", address.port())).unwrap();
        HttpRequest::new(Method::GET, url, "/")
    };
    let strict = client(&["127.0.0.1", "localhost"], false, LONG);
    for host in ["localhost", "127.0.0.1"] {
        let outcome = strict.send(url(host)).await;
        assert!(
            matches!(outcome, Err(HttpError::Forbidden(EgressError::Address))),
            "{host}: {outcome:?}"
        );
    }
    let allowed = local(LONG).send(url("localhost")).await.unwrap();
    assert_eq!(allowed.text(), "here");
}

#[tokio::test]
async fn another_host_than_the_connections_is_never_called() {
    let outcome = client(&["api.example.com"], true, LONG)
        .send(HttpRequest::new(
            Method::GET,
            Url::parse("http://localhost:1/").unwrap(),
            "/",
        ))
        .await;
    assert!(matches!(
        outcome,
        Err(HttpError::Forbidden(EgressError::Host))
    ));
}
