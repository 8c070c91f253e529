//! Stands between the binary and the sandbox's connector, passes everything on, and remembers the
//! callback URLs, which are secrets that the sandbox tells nobody.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;

/// Where a user's newest request is called back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackUrls {
    /// For statuses.
    pub status: String,
    /// For data.
    pub data: String,
}

#[derive(Clone)]
struct Pipe {
    client: reqwest::Client,
    connector: SocketAddr,
    seen: Arc<Mutex<HashMap<String, CallbackUrls>>>,
}

/// A listening tap. Ends with the runtime of its test.
pub struct Tap {
    /// Where the binary calls instead of the connector.
    pub address: SocketAddr,
    seen: Arc<Mutex<HashMap<String, CallbackUrls>>>,
}

impl Tap {
    /// A tap in front of a connector.
    pub async fn before(connector: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<HashMap<_, _>>> = Arc::default();
        let pipe = Pipe {
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            connector,
            seen: Arc::clone(&seen),
        };
        let router = Router::new().fallback(pass).with_state(pipe);
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { address, seen }
    }

    /// Where the newest request for a Core ID is called back.
    pub fn callback_urls(&self, core_id: &str) -> Option<CallbackUrls> {
        self.seen.lock().get(core_id).cloned()
    }
}

async fn pass(State(pipe): State<Pipe>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await;
    let body = body.unwrap();
    pipe.remember(&body);
    let url = format!("http://{}{path}", pipe.connector);
    let request = pipe.client.post(url).body(body);
    let Ok(answer) = request.send().await else {
        return broken(StatusCode::OK);
    };
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap();
    let headers = answer.headers().clone();
    let Ok(body) = answer.bytes().await else {
        return broken(status);
    };
    let mut response = (status, body).into_response();
    for name in ["content-type", "retry-after"] {
        if let Some(value) = headers.get(name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

/// An answer that breaks off where the connector's did: before its body.
fn broken(status: StatusCode) -> Response {
    let end = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let body = futures_util::stream::once(async { Err::<Bytes, _>(end) });
    (status, Body::from_stream(body)).into_response()
}

impl Pipe {
    fn remember(&self, body: &[u8]) {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return;
        };
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let (Some(user), Some(status), Some(data)) =
            (text("user"), text("statusCallback"), text("callback"))
        else {
            return;
        };
        self.seen.lock().insert(user, CallbackUrls { status, data });
    }
}
