//! What was recorded of a real connector: its public key, and two callbacks as it sent them.

use serde::Deserialize;
use serde_json::value::RawValue;

const RECORDED: &str =
    include_str!("../../crates/provider-corepass/testdata/status_callbacks.json");

/// Whom the callbacks are about.
pub const USER: &str = "ab148af5f9cdad10beddb05fbec4a3bef02577130e56";
/// The only item that was asked for.
pub const ITEM: &str = "SH_EMAIL";
/// Until when the user could accept, Unix seconds.
pub const EXPIRATION: i64 = 1_677_255_563;
/// How long before its deadline the connector signs a callback, seconds.
pub const FRESH: i64 = 180;

#[derive(Deserialize)]
struct File<'a> {
    connector_public_key: String,
    #[serde(borrow)]
    callbacks: Vec<&'a RawValue>,
}

/// The key that signed them, as hex.
pub fn public_key() -> String {
    read().connector_public_key
}

/// A callback.
#[derive(Clone)]
pub struct Recorded {
    /// The bytes on the wire: compact JSON, members in their order.
    pub body: Vec<u8>,
    /// The connector's word.
    pub status: String,
    /// When the connector signed it, Unix seconds.
    pub time: i64,
    /// The decoded signature.
    pub signature: Vec<u8>,
    /// The transaction's hash, where there is one.
    pub tx_hash: String,
}

impl Recorded {
    /// The same body under another signature.
    pub fn signed(&self, signature: &[u8]) -> Vec<u8> {
        let body = std::str::from_utf8(&self.body).unwrap();
        let (old, new) = (base64(&self.signature), base64(signature));
        assert_eq!(body.matches(&old).count(), 1);
        body.replace(&old, &new).into_bytes()
    }

    /// What the signature is made over, before it is hashed: the body without the signature.
    pub fn content(&self) -> Vec<u8> {
        let body = std::str::from_utf8(&self.body).unwrap();
        let member = format!(r#","signature":"{}""#, base64(&self.signature));
        assert_eq!(body.matches(&member).count(), 1);
        body.replace(&member, "").into_bytes()
    }
}

/// Both callbacks, ACCEPTED first.
pub fn callbacks() -> [Recorded; 2] {
    let all: Vec<_> = read().callbacks.into_iter().map(recorded).collect();
    let all: [Recorded; 2] = all.try_into().ok().unwrap();
    assert_eq!(all[0].status, "ACCEPTED");
    assert_eq!(all[1].status, "INITIATE_SUBMITTED");
    all
}

fn recorded(raw: &RawValue) -> Recorded {
    #[derive(Deserialize)]
    struct Members {
        user: String,
        status: String,
        expiration: i64,
        deadline: i64,
        signature: String,
        #[serde(default)]
        tx_hash: String,
    }
    let members: Members = serde_json::from_str(raw.get()).unwrap();
    assert_eq!(members.user, USER);
    assert_eq!(members.expiration, EXPIRATION);
    // No value in them has a space, so whatever is one is layout.
    let body: String = raw.get().split_whitespace().collect();
    Recorded {
        body: body.into_bytes(),
        status: members.status,
        time: members.deadline - FRESH,
        signature: openssl::base64::decode_block(&members.signature).unwrap(),
        tx_hash: members.tx_hash,
    }
}

fn base64(bytes: &[u8]) -> String {
    openssl::base64::encode_block(bytes)
}

fn read() -> File<'static> {
    serde_json::from_str(RECORDED).unwrap()
}
