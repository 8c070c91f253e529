//! What a browser brings back: the name of a presentation request, an id or a URL that ends in one.
//!
//! A browser's word becomes a URL that we call, so it is held against a grammar that leaves nothing to
//! a URL parser: an id is 1 to 128 letters, digits, `_` and `-`; a URL begins, letter for letter, with
//! an origin that the connection allows, and goes on with plain segments, the last of them an id. So
//! there are no user info, no query, no fragment, no dot segments, no percent signs, and no port but
//! the origin's own. Of a URL there is one spelling that is taken, which is how Civic writes it; two
//! spellings of one request can't both pass.
//!
//! An OAuth client calls its own base alone, so there a URL is only a longer name of its id. A partner
//! JWT names the request as it was given out, so there the URL is kept, and called as it is. The id tells
//! requests apart in either case, so that one request named in two ways is still one.

use verilane_core::{FieldViolation, Pii, Reason};

/// The field that a violation names.
const FIELD: &str = "presentation_request_id";
/// The most bytes of an id.
const MAX_ID: usize = 128;
/// The most bytes of a URL.
const MAX_URL: usize = 1024;

/// What a connection takes.
#[derive(Clone, Debug)]
pub struct Grammar {
    /// The origins that a URL may have, such as `https://api.civic.com`.
    pub origins: Vec<String>,
    /// Whether a URL is kept, and not only its id.
    pub keeps_urls: bool,
}

impl Grammar {
    /// A request's name as it is kept.
    ///
    /// # Errors
    /// `CONTINUATION_MALFORMED` for everything else.
    pub fn read(&self, brought: &str) -> Result<Pii<String>, FieldViolation> {
        if is_id(brought) {
            return Ok(Pii::from(brought));
        }
        let path = self.origins.iter().find_map(|origin| {
            let path = brought.strip_prefix(origin.as_str())?;
            path.strip_prefix('/')
        });
        let id = path
            .filter(|path| brought.len() <= MAX_URL && path.split('/').all(is_segment))
            .map(last_part)
            .filter(|id| is_id(id));
        match id {
            Some(_) if self.keeps_urls => Ok(Pii::from(brought)),
            Some(id) => Ok(Pii::from(id)),
            None => Err(FieldViolation {
                field: FIELD.to_owned(),
                description: "must be an id of letters, digits, _ and -, or a URL of Civic's that \
                              ends in one"
                    .to_owned(),
                reason: Reason::ContinuationMalformed,
            }),
        }
    }
}

/// The id in a name.
#[must_use]
pub fn last_part(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, last)| last)
}

/// Whether a name is a URL, to be called as it is.
#[must_use]
pub fn is_url(name: &str) -> bool {
    name.contains('/')
}

fn is_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=MAX_ID).contains(&text.len()) && text.bytes().all(is_plain)
}

fn is_segment(text: &str) -> bool {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'~');
    !matches!(text, "" | "." | "..") && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SAMPLE: &str =
        "https://api.civic.com/sip/v3/scopeRequest/023d4e5f-ec34-44d5-84ba-7e15ae53a718";

    fn grammar(keeps_urls: bool) -> Grammar {
        let origins = ["https://verify.civic.com", "https://api.civic.com"];
        Grammar {
            origins: origins.map(str::to_owned).into(),
            keeps_urls,
        }
    }

    #[test]
    fn an_id_is_taken_as_it_is() {
        for id in [
            "a",
            "023d4e5f-ec34-44d5-84ba-7e15ae53a718",
            "A_b-9",
            &"x".repeat(128),
        ] {
            for keeps_urls in [false, true] {
                assert_eq!(grammar(keeps_urls).read(id).unwrap().expose(), id);
            }
        }
    }

    #[test]
    fn a_url_of_civics_is_kept_where_it_is_the_name_and_is_its_id_elsewhere() {
        assert_eq!(grammar(true).read(SAMPLE).unwrap().expose(), SAMPLE);
        let id = "023d4e5f-ec34-44d5-84ba-7e15ae53a718";
        assert_eq!(grammar(false).read(SAMPLE).unwrap().expose(), id);
        assert_eq!(last_part(SAMPLE), id);
        let local = Grammar {
            origins: vec!["http://127.0.0.1:7490".to_owned()],
            keeps_urls: true,
        };
        assert!(local.read("http://127.0.0.1:7490/civic-pass/a").is_ok());
        for other in [
            "http://127.0.0.1:7491/a",
            "http://127.0.0.1/a",
            "https://127.0.0.1:7490/a",
        ] {
            assert!(local.read(other).is_err(), "{other}");
        }
    }

    #[test]
    fn whatever_else_a_browser_brings_is_malformed() {
        let long_id = "x".repeat(129);
        let long = "x".repeat(10_000);
        let long_url = format!("https://api.civic.com/{long}/a");
        let hostile = [
            "",
            " ",
            ".",
            "..",
            "a/b",
            "../status",
            "a/../b",
            "%2e%2e",
            "a%2Fb",
            "a b",
            "a\n",
            "\u{0}",
            "a\u{200b}",
            "\u{430}bc",
            "\u{ff41}",
            "a?b",
            "a#b",
            "a;b",
            "a@b",
            "0.0.0.0",
            "::ffff:127.0.0.1",
            "169.254.169.254",
            "//169.254.169.254/a",
            "http://0.0.0.0/a",
            "https://0.0.0.0/a",
            "https://[::ffff:127.0.0.1]/a",
            "https://[::1]/a",
            "https://169.254.169.254/latest/meta-data",
            "https://2130706433/a",
            "https://0177.0.0.1/a",
            "https://0x7f.1/a",
            "https://127.1/a",
            "https://localhost/a",
            "file:///etc/passwd",
            "file://api.civic.com/a",
            "javascript:alert(1)",
            "data:text/plain,a",
            "gopher://api.civic.com/a",
            "http://api.civic.com/a",
            "HTTPS://api.civic.com/a",
            "https:api.civic.com/a",
            "https:/api.civic.com/a",
            "https:///api.civic.com/a",
            "https:\\\\api.civic.com\\a",
            "https://api.civic.com\\a",
            "https://API.civic.com/a",
            "https://api.civic.com./a",
            "https://api.civic.com:443/a",
            "https://api.civic.com:8443/a",
            "https://api.civic.com:/a",
            "https://api.civic.com@evil.example/a",
            "https://user@api.civic.com/a",
            "https://user:pw@api.civic.com/a",
            "https://api.civic.com.evil.example/a",
            "https://xapi.civic.com/a",
            "https://evil.example/api.civic.com/a",
            "https://\u{430}pi.civic.com/a",
            "https://api\u{3002}civic.com/a",
            "https://api.civic.com",
            "https://api.civic.com/",
            "https://api.civic.com//a",
            "https://api.civic.com/a/",
            "https://api.civic.com/./a",
            "https://api.civic.com/sip/../a",
            "https://api.civic.com/sip/%2e%2e/a",
            "https://api.civic.com/sip/%2E./a",
            "https://api.civic.com/sip%2fa",
            "https://api.civic.com/a%00",
            "https://api.civic.com/a b",
            "https://api.civic.com/a\r\nHost: evil.example",
            "https://api.civic.com/a?b=c",
            "https://api.civic.com/a?",
            "https://api.civic.com/a#b",
            "https://api.civic.com/a#",
            "https://api.civic.com/a.b",
            "https://api.civic.com/sip/\u{ff0e}\u{ff0e}/a",
            " https://api.civic.com/a",
            "https://api.civic.com/a ",
            &long_id,
            &long,
            &long_url,
        ];
        for brought in hostile {
            for keeps_urls in [false, true] {
                let refused = grammar(keeps_urls).read(brought).unwrap_err();
                assert_eq!(refused.reason, Reason::ContinuationMalformed, "{brought}");
                assert_eq!(refused.field, "presentation_request_id");
            }
        }
    }

    proptest! {
        #[test]
        fn a_name_that_is_taken_reads_as_itself(text in "[ -~]{0,40}", url in any::<bool>()) {
            let brought = if url { format!("https://api.civic.com/{text}") } else { text };
            for keeps_urls in [false, true] {
                if let Ok(name) = grammar(keeps_urls).read(&brought) {
                    let again = grammar(keeps_urls).read(name.expose()).unwrap();
                    prop_assert_eq!(again.expose(), name.expose());
                    prop_assert_eq!(last_part(name.expose()), last_part(&brought));
                }
            }
        }
    }
}
