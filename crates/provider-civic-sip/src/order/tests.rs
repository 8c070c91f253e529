use serde_json::{Value, json};
use verilane_provider::jwt::{self, Curve, PinnedKeys};

use super::*;

/// The key pair of RFC 6979, A.2.5.
const PRIVATE: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
const PUBLIC: &str = "0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";
const SECRET: &str = "44bbae32d1e02bf481074177002bbdef";
const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_750);

fn authority() -> Authority {
    Authority::new(
        Signer::new(PRIVATE).unwrap(),
        &Pii::from(SECRET),
        "HyhaWO1SG".to_owned(),
        "https://api.civic.com/sip/".to_owned(),
    )
}

/// The token and the extension of a header.
fn taken_apart(header: &HeaderValue) -> (String, String) {
    let text = header.to_str().unwrap().strip_prefix("Civic ").unwrap();
    let (token, extension) = text.rsplit_once('.').unwrap();
    (token.to_owned(), extension.to_owned())
}

#[test]
fn a_request_token_says_what_civic_asks_for_and_holds_under_the_key() {
    let header = authority().header(&Body::of("a.b.c"), NOW).unwrap();
    let (token, _) = taken_apart(&header);
    let keys = PinnedKeys::new([(PUBLIC, Some(Curve::P256))]).unwrap();
    let claimed = keys.open(&token).unwrap().claims;
    let mut claimed: Value = jwt::object(claimed.expose()).unwrap();
    let id = claimed["jti"].take();
    assert_eq!(
        uuid::Uuid::try_parse(id.as_str().unwrap())
            .unwrap()
            .get_version_num(),
        4
    );
    let expected = json!({
        "jti": null,
        "iat": 1_700_000_000,
        "exp": 1_700_000_180,
        "iss": "HyhaWO1SG",
        "aud": "https://api.civic.com/sip/",
        "sub": "HyhaWO1SG",
        "data": { "method": "POST", "path": "scopeRequest/authCode" },
    });
    assert_eq!(claimed, expected);
}

#[test]
fn no_two_request_tokens_have_the_same_id() {
    let authority = authority();
    let id = || {
        let token = authority.request_token(NOW).unwrap();
        jwt::unchecked_claims::<Value>(&token).unwrap()["jti"].take()
    };
    assert_ne!(id(), id());
}

#[test]
fn the_extension_is_the_digest_of_the_body_as_it_goes_out() {
    let body = Body::of("a.b.c");
    let written = serde_json::to_string(&body).unwrap();
    assert_eq!(
        written,
        r#"{"allowS3UploadedPayload":true,"authToken":"a.b.c"}"#
    );
    // As Python's hmac, hashlib and base64 have it, keyed with the secret's text.
    let digest = "YD1CZEwtc6+vEF66B8lYoid3eWTfvQ8XtXLvavrm1KQ=";
    let (_, extension) = taken_apart(&authority().header(&body, NOW).unwrap());
    assert_eq!(extension, digest);
    let (_, other) = taken_apart(&authority().header(&Body::of("a.b.d"), NOW).unwrap());
    assert_ne!(other, digest);
}
