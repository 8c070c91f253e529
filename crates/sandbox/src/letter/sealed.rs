//! The bytes of a callback: one JSON body, or multipart.

use std::fmt::Write as _;

use bytes::Bytes;

use crate::seed::sha3;

/// A callback as it goes over the wire.
#[derive(Clone)]
pub struct Sealed {
    /// The `Content-Type`; none if empty.
    pub content_type: String,
    /// The body.
    pub body: Bytes,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.body.len())
    }
}

impl Sealed {
    /// One JSON body; under `application/json` if nothing else is said.
    pub fn json(whole: String, content_type: Option<&str>) -> Self {
        Self {
            content_type: content_type.unwrap_or("application/json").to_owned(),
            body: whole.into(),
        }
    }

    /// `multipart/form-data`, with a boundary that follows from `whole`.
    pub fn multipart<'a>(whole: &str, parts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let digest = hex::encode(sha3(whole.as_bytes()));
        let boundary = format!("----sandbox{}", digest.get(..24).unwrap_or_default());
        let mut body = String::new();
        for (name, text) in parts {
            let _ = write!(
                body,
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n"
            );
        }
        let _ = write!(body, "--{boundary}--\r\n");
        Self {
            content_type: format!("multipart/form-data; boundary={boundary}"),
            body: body.into(),
        }
    }
}
