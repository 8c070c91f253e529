//! Where evidence lies, and who may be shown a bearer there.
//!
//! A link is either of the API, which wants to be authorised, or leads to storage and is signed itself:
//! its signature stands in its query. So a link with a query is never shown a bearer, whatever its host,
//! and a bearer goes to the API's own origins alone. Where else a link may lead, the client's rules for
//! hosts say.
//!
//! What was signed for in a partner JWT is the request's name, and a link alone does not tell that. It is
//! kept behind the link as its fragment, which is never sent.

use verilane_core::Pii;
use verilane_provider::ProviderError;
use verilane_provider::http::Url;

use crate::reference::last_part;

/// The most bytes of a link.
const MAX_LINK: usize = 4 * 1024;

/// A place from which evidence is fetched.
pub struct Place {
    /// Where.
    pub url: Url,
    /// The request to be authorised for; none where no bearer may be shown.
    pub authorised_for: Option<String>,
}

/// A link grants access to what lies there, so it is not shown.
impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Place(..)")
    }
}

/// The API's own origins, such as `https://api.civic.com`.
#[derive(Clone, Debug)]
pub struct Api(pub Vec<String>);

impl Api {
    /// Whether an answer of this id is about a request of this name. An OAuth client keeps of a URL only
    /// the id at its end, and can be answered the whole.
    #[must_use]
    pub fn names(&self, answered: &str, name: &str) -> bool {
        let is_own = |origin: &String| {
            let path = answered.strip_prefix(origin.as_str());
            path.is_some_and(|path| path.starts_with('/'))
        };
        answered == name
            || answered == last_part(name)
            || (last_part(answered) == name && self.0.iter().any(is_own))
    }

    /// A link as it is offered; none if it is not even text that a link could be.
    #[must_use]
    pub fn offered(&self, href: &str, request: &str) -> Option<Pii<String>> {
        let href = href.split('#').next().unwrap_or_default();
        let is_text = !href.is_empty() && href.len() <= MAX_LINK;
        let is_text = is_text && href.bytes().all(|byte| byte.is_ascii_graphic());
        is_text.then(|| Pii::new(format!("{href}#{request}")))
    }

    /// Where an offered link leads.
    ///
    /// # Errors
    /// [`ProviderError::InvalidAnswer`] for what is no link.
    pub fn place(&self, link: &str) -> Result<Place, ProviderError> {
        let wrong = ProviderError::InvalidAnswer("its link to evidence is none");
        let (href, request) = link.rsplit_once('#').ok_or(wrong.clone())?;
        let url = Url::parse(href).map_err(|_| wrong)?;
        let is_api = url.query().is_none() && self.0.contains(&url.origin().ascii_serialization());
        Ok(Place {
            url,
            authorised_for: is_api.then(|| request.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api() -> Api {
        Api(vec!["https://api.civic.com".to_owned()])
    }

    fn is_authorised(href: &str) -> Option<String> {
        let link = api().offered(href, "r1")?;
        api().place(link.expose()).ok()?.authorised_for
    }

    #[test]
    fn a_bearer_is_shown_to_the_api_alone_and_to_no_link_that_is_signed() {
        let path = "/partner/piirequest/r1/evidence/evidence-selfie";
        let own = format!("https://api.civic.com{path}");
        assert_eq!(is_authorised(&own).as_deref(), Some("r1"));
        assert_eq!(is_authorised(&format!("{own}#x")).as_deref(), Some("r1"));
        let others = [
            format!("{own}?X-Amz-Signature=1"),
            format!("{own}?"),
            format!("http://api.civic.com{path}"),
            format!("https://api.civic.com:8443{path}"),
            format!("https://api.civic.com.evil.example{path}"),
            format!("https://api.civic.com@evil.example{path}"),
            format!("https://bucket.s3.amazonaws.com{path}"),
            "file:///etc/passwd".to_owned(),
            "javascript:alert(1)".to_owned(),
        ];
        for other in others {
            assert_eq!(is_authorised(&other), None, "{other}");
        }
    }

    #[test]
    fn a_request_s_name_is_never_part_of_what_is_sent() {
        let name = "https://api.civic.com/sip/v3/scopeRequest/r1";
        let link = api()
            .offered("https://api.civic.com/evidence/a#b", name)
            .unwrap();
        let place = api().place(link.expose()).unwrap();
        assert_eq!(place.url.as_str(), "https://api.civic.com/evidence/a");
        assert_eq!(place.authorised_for.as_deref(), Some(name));
    }

    #[test]
    fn what_can_t_be_a_link_is_not_offered_or_leads_nowhere() {
        let long = format!("https://a.example/{}", "x".repeat(MAX_LINK));
        for none in [
            "",
            "#",
            "two words",
            "https://a\n",
            "https://\u{430}.example/",
            &long,
        ] {
            assert!(api().offered(none, "r1").is_none(), "{none}");
        }
        for nowhere in ["", "x", "/relative#r1", "https://#r1", "https://[::#r1"] {
            assert!(api().place(nowhere).is_err(), "{nowhere}");
        }
    }
}
