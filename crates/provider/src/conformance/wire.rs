//! As much of HTTP/1.1 as the suite needs to stand between two that speak it.

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// A message, as it came.
pub(super) struct Message {
    /// First line and headers, with the empty line that ends them.
    pub(super) head: Vec<u8>,
    /// What follows.
    pub(super) body: Vec<u8>,
}

impl Message {
    /// Reads a request whose length is announced; none if the other side has nothing to say.
    pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> Option<Self> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(from.read_u8().await.ok()?);
        }
        let mut message = Self {
            head,
            body: Vec::new(),
        };
        let length = message.header("content-length");
        let length = length.map_or(0, |text| text.parse().unwrap());
        message.body.resize(length, 0);
        from.read_exact(&mut message.body).await.ok()?;
        Some(message)
    }

    fn lines(&self) -> impl Iterator<Item = &str> {
        std::str::from_utf8(&self.head).unwrap().split("\r\n")
    }

    /// The path of a request.
    pub(super) fn path(&self) -> &str {
        self.lines().next().unwrap().split(' ').nth(1).unwrap()
    }

    /// A header's value.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// The same, asking the other side to close after its answer.
    pub(super) fn closing(&self) -> Vec<u8> {
        let lines = self.lines().filter(|line| !line.is_empty());
        let lines = lines.filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
        let mut bytes = lines.collect::<Vec<_>>().join("\r\n").into_bytes();
        bytes.extend_from_slice(b"\r\nconnection: close\r\n\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// An answer with a body of its own.
pub(super) fn answer(status: u16, header: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut bytes = format!(
        "HTTP/1.1 {status} Said\r\n{header}content-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n"
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
