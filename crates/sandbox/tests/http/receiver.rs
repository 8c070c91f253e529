//! A service that is called back: keeps what it got, and answers as a test says.
//!
//! Signatures are checked here in the plainest way there is, on the received text alone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use openssl::pkey::{Id, PKey};
use openssl::sign::Verifier;
use serde_json::Value;
use sha3::{Digest, Sha3_256};
use tokio::net::TcpListener;

/// A callback as it came in.
#[derive(Clone, Debug)]
pub struct Call {
    pub path: String,
    pub content_type: String,
    pub body: Bytes,
}

type Policy = Box<dyn Fn(&Call) -> u16 + Send + Sync>;

struct Inner {
    calls: Mutex<Vec<Call>>,
    policy: Mutex<Policy>,
}

/// The service.
#[derive(Clone)]
pub struct Receiver {
    pub address: SocketAddr,
    inner: Arc<Inner>,
}

impl Receiver {
    /// Listens and answers 200 to everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner {
            calls: Mutex::new(Vec::new()),
            policy: Mutex::new(Box::new(|_| 200)),
        });
        let router = Router::new().fallback(take).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, inner }
    }

    /// Decides what is answered from now on.
    pub fn answer(&self, policy: impl Fn(&Call) -> u16 + Send + Sync + 'static) {
        *self.inner.policy.lock().unwrap() = Box::new(policy);
    }

    /// Everything that came in, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.inner.calls.lock().unwrap().clone()
    }

    /// What came in at a path.
    pub fn calls_at(&self, path: &str) -> Vec<Call> {
        let calls = self.calls().into_iter();
        calls.filter(|call| call.path == path).collect()
    }

    /// The status words that came in, in order.
    pub fn statuses(&self) -> Vec<String> {
        let calls = self.calls_at("/status");
        let words = calls
            .iter()
            .map(|call| call.json()["status"].as_str().unwrap().to_owned());
        words.collect()
    }
}

async fn take(
    State(inner): State<Arc<Inner>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let call = Call {
        path: uri.path().to_owned(),
        content_type: headers
            .get(header::CONTENT_TYPE)
            .map_or(String::new(), |kind| kind.to_str().unwrap().to_owned()),
        body,
    };
    let code = inner.policy.lock().unwrap()(&call);
    inner.calls.lock().unwrap().push(call);
    StatusCode::from_u16(code).unwrap()
}

impl Call {
    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The parts of a multipart body, in order.
    pub async fn parts(&self) -> Vec<(String, String)> {
        let boundary = multer::parse_boundary(&self.content_type).unwrap();
        let body = self.body.clone();
        let stream = futures_util::stream::iter([Ok::<_, std::io::Error>(body)]);
        let mut form = multer::Multipart::new(stream, boundary);
        let mut parts = Vec::new();
        while let Some(part) = form.next_field().await.unwrap() {
            let name = part.name().unwrap().to_owned();
            parts.push((name, part.text().await.unwrap()));
        }
        parts
    }

    /// The key that signed this JSON body, if the signature holds under the key it carries.
    pub fn signer(&self) -> Option<String> {
        signer(self.text())
    }
}

/// The key that signed a JSON text, if the signature holds under the key that it carries.
pub fn signer(text: &str) -> Option<String> {
    let opening = r#","signature":""#;
    let start = text.find(opening).unwrap();
    let rest = &text[start + opening.len()..];
    let end = rest.find('"').unwrap();
    let unsigned = format!("{}{}", &text[..start], &rest[end + 1..]);
    let bytes = STANDARD.decode(&rest[..end]).unwrap();
    assert_eq!(bytes.len(), 114 + 57);
    let key = PKey::public_key_from_raw_bytes(&bytes[114..], Id::ED448).ok()?;
    let mut verifier = Verifier::new_without_digest(&key).unwrap();
    let digest = Sha3_256::digest(unsigned.as_bytes());
    let holds = verifier.verify_oneshot(&bytes[..114], &digest).ok()?;
    holds.then(|| hex::encode(&bytes[114..]))
}
