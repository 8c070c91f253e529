//! Where a connection's requests may go.
//!
//! https only, to the configured hosts, at public addresses. A connection can allow plain http and
//! private addresses, for a provider that runs beside us. An address written in a URL is judged
//! here; a name's addresses are judged when it is looked up, and only those are connected to.

use std::net::IpAddr;

use reqwest::Url;

use super::address::{AddressClass, classify};

/// The rules of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Egress {
    /// The hosts that may be called, lower case. `*.example.com` stands for any name below
    /// `example.com`, not for itself.
    pub hosts: Vec<String>,
    /// Whether plain http may be used.
    pub allow_http: bool,
    /// Whether hosts may have addresses that are not public.
    pub allow_private_addresses: bool,
}

/// Why a request may not go where its URL says. A fault of the configuration, or of whoever wrote
/// the URL; retrying does not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// Not https, nor http where that is allowed.
    #[error("the URL's scheme is not allowed for this connection")]
    Scheme,
    /// A user or a password in the URL.
    #[error("the URL names a user")]
    UserInfo,
    /// No host, or none of the connection's.
    #[error("the URL's host is not one of the connection's")]
    Host,
    /// The host's addresses are private, or none at which a provider could be.
    #[error("the host's address is not allowed for this connection")]
    Address,
}

impl Egress {
    /// Rules that allow the host of one URL over https.
    #[must_use]
    pub fn to_host_of(url: &Url) -> Self {
        Self {
            hosts: url.host_str().map(str::to_owned).into_iter().collect(),
            allow_http: false,
            allow_private_addresses: false,
        }
    }

    /// Whether a request may be sent to this URL, as far as the URL itself tells.
    ///
    /// # Errors
    /// [`EgressError`], by the first rule that is broken.
    pub fn permit(&self, url: &Url) -> Result<(), EgressError> {
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            _ => return Err(EgressError::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EgressError::UserInfo);
        }
        let host = url.host_str().ok_or(EgressError::Host)?;
        if !self.hosts.iter().any(|pattern| fits(pattern, host)) {
            return Err(EgressError::Host);
        }
        // The URL parser has turned every spelling of an IPv4 address into four decimal numbers.
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(address) if !allows(self.allow_private_addresses, address) => {
                Err(EgressError::Address)
            }
            _ => Ok(()),
        }
    }
}

/// Whether an address may be connected to.
pub(super) fn allows(private: bool, address: IpAddr) -> bool {
    match classify(address) {
        AddressClass::Public => true,
        AddressClass::Private => private,
        AddressClass::Never => false,
    }
}

fn fits(pattern: &str, host: &str) -> bool {
    let host = host.trim_end_matches('.');
    match pattern.strip_prefix("*.") {
        None => host.eq_ignore_ascii_case(pattern),
        Some(parent) => host
            .len()
            .checked_sub(parent.len())
            .and_then(|at| host.split_at_checked(at))
            .is_some_and(|(below, end)| {
                end.eq_ignore_ascii_case(parent) && below.len() > 1 && below.ends_with('.')
            }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permit(rules: &Egress, url: &str) -> Result<(), EgressError> {
        rules.permit(&Url::parse(url).unwrap())
    }

    fn strict(hosts: &[&str]) -> Egress {
        Egress {
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            allow_http: false,
            allow_private_addresses: false,
        }
    }

    #[test]
    fn only_https_to_the_named_hosts_unless_allowed() {
        let rules = strict(&["api.example.com"]);
        assert_eq!(permit(&rules, "https://api.example.com/x"), Ok(()));
        assert_eq!(permit(&rules, "https://API.example.com:8443/"), Ok(()));
        let refused = [
            ("http://api.example.com/", EgressError::Scheme),
            ("ftp://api.example.com/", EgressError::Scheme),
            ("file:///etc/passwd", EgressError::Scheme),
            ("https://me@api.example.com/", EgressError::UserInfo),
            ("https://:pw@api.example.com/", EgressError::UserInfo),
            ("https://example.com/", EgressError::Host),
            ("https://api.example.com.evil.net/", EgressError::Host),
            ("https://xapi.example.com/", EgressError::Host),
        ];
        for (url, error) in refused {
            assert_eq!(permit(&rules, url), Err(error), "{url}");
        }
        let lax = Egress {
            allow_http: true,
            ..rules
        };
        assert_eq!(permit(&lax, "http://api.example.com/"), Ok(()));
    }

    #[test]
    fn a_star_stands_for_names_below_and_for_nothing_else() {
        let rules = strict(&["*.s3.amazonaws.com"]);
        assert_eq!(permit(&rules, "https://bucket.s3.amazonaws.com/"), Ok(()));
        assert_eq!(permit(&rules, "https://a.b.s3.amazonaws.com/"), Ok(()));
        for url in [
            "https://s3.amazonaws.com/",
            "https://xs3.amazonaws.com/",
            "https://bucket.s3.amazonaws.com.evil.net/",
        ] {
            assert_eq!(permit(&rules, url), Err(EgressError::Host), "{url}");
        }
    }

    #[test]
    fn an_address_in_the_url_is_judged_in_every_spelling() {
        let spellings = [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[64:ff9b::a00:1]/",
        ];
        for text in spellings {
            let url = Url::parse(text).unwrap();
            let rules = Egress::to_host_of(&url);
            assert_eq!(rules.permit(&url), Err(EgressError::Address), "{text}");
            let lax = Egress {
                allow_private_addresses: true,
                ..rules
            };
            assert_eq!(lax.permit(&url), Ok(()), "{text}");
        }
        let url = Url::parse("https://0.0.0.0/").unwrap();
        let lax = Egress {
            allow_private_addresses: true,
            ..Egress::to_host_of(&url)
        };
        assert_eq!(lax.permit(&url), Err(EgressError::Address));
    }
}
