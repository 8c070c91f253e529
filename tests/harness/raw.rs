//! HTTP requests as bytes, wrong ones among them, each on a socket of its own.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::LIMIT;

/// A request.
#[derive(Clone, Debug)]
pub struct Raw {
    method: String,
    host: String,
    path: String,
    kind: String,
    body: Vec<u8>,
    /// What `Content-Length` says; none if the body goes in chunks.
    length: Option<usize>,
}

impl Raw {
    /// A POST of JSON, whatever the body really is.
    pub fn json(url: &str, body: &[u8]) -> Self {
        let rest = url.strip_prefix("http://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        Self {
            method: "POST".to_owned(),
            host: host.to_owned(),
            path: format!("/{path}"),
            kind: "application/json".to_owned(),
            body: body.to_vec(),
            length: Some(body.len()),
        }
    }

    /// With another content type.
    pub fn of_type(mut self, kind: &str) -> Self {
        kind.clone_into(&mut self.kind);
        self
    }

    /// With another method.
    pub fn with_method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// Says that its body has another length than it has.
    pub fn claiming(mut self, length: usize) -> Self {
        self.length = Some(length);
        self
    }

    /// Says nothing about the length of its body.
    pub fn in_chunks(mut self) -> Self {
        self.length = None;
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let length = match self.length {
            Some(length) => format!("Content-Length: {length}"),
            None => "Transfer-Encoding: chunked".to_owned(),
        };
        let head = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nContent-Type: {}\r\n{length}\r\nConnection: close\r\n\r\n",
            self.method, self.path, self.host, self.kind
        );
        let mut bytes = head.into_bytes();
        if self.length.is_some() {
            bytes.extend_from_slice(&self.body);
        } else {
            for chunk in self.body.chunks(4_096) {
                bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
        }
        bytes
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawAnswer {
    /// The HTTP status code.
    pub code: u16,
    /// Everything after the head.
    pub body: String,
}

impl RawAnswer {
    /// The reason that the answer gives.
    pub fn reason(&self) -> &str {
        let rest = self.body.strip_prefix(r#"{"reason":""#);
        rest.and_then(|rest| rest.strip_suffix(r#""}"#))
            .unwrap_or_else(|| panic!("{self:?}"))
    }
}

/// Sends a request, and reads until the other side closes.
pub async fn exchange(request: &Raw) -> RawAnswer {
    let mut socket = TcpStream::connect(&request.host).await.unwrap();
    // One that is refused early may be closed on while it is still being sent.
    let _ = socket.write_all(&request.bytes()).await;
    let mut answer = Vec::new();
    let read = socket.read_to_end(&mut answer);
    let _ = tokio::time::timeout(LIMIT, read).await.unwrap();
    let text = String::from_utf8(answer).unwrap();
    let code = text.split(' ').nth(1).unwrap_or_else(|| panic!("{text:?}"));
    let body = text.split_once("\r\n\r\n").unwrap().1;
    RawAnswer {
        code: code.parse().unwrap(),
        body: body.to_owned(),
    }
}
