//! Partner JWTs: how the older generation has a partner authorise each request, under the private key
//! that Civic gave them.

use serde_json::json;
use verilane_core::Timestamp;
use verilane_provider::{ProviderError, jwt};

/// How long a JWT lives, in seconds. Civic takes no longer one.
const LIFE: i64 = 60;
/// The audience.
const AUDIENCE: &str = "com.civic";

/// Signs for one partner.
pub struct Signer {
    pub key: jwt::Signer,
    pub partner_id: String,
}

impl Signer {
    /// A JWT for one request, from now on.
    pub fn jwt(&self, request: &str, now: Timestamp) -> Result<String, ProviderError> {
        let now = now.as_secs();
        self.key.sign(&json!({
            "iss": self.partner_id,
            "aud": AUDIENCE,
            "sub": request,
            "iat": now,
            "exp": now.saturating_add(LIFE),
            "data": { "appId": self.partner_id },
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The key pair of RFC 6979, A.2.5.
    const PRIVATE: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
    const PUBLIC: &str = "0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";

    #[test]
    fn a_jwt_says_what_the_document_asks_for_and_holds_under_the_key() {
        let signer = Signer {
            key: jwt::Signer::new(PRIVATE).unwrap(),
            partner_id: "7SXjaG9TH".to_owned(),
        };
        let request = "https://api.civic.com/sip/v3/scopeRequest/023d4e5f";
        let token = signer
            .jwt(request, Timestamp::from_secs(1_700_000_000))
            .unwrap();
        let keys = jwt::PinnedKeys::new([(PUBLIC, Some(jwt::Curve::P256))]).unwrap();
        let claimed = keys.open(&token).unwrap().claims;
        let claimed: Value = jwt::object(claimed.expose()).unwrap();
        let claims = json!({
            "iss": "7SXjaG9TH",
            "aud": "com.civic",
            "sub": request,
            "iat": 1_700_000_000,
            "exp": 1_700_000_060,
            "data": { "appId": "7SXjaG9TH" },
        });
        assert_eq!(claimed, claims);
    }
}
