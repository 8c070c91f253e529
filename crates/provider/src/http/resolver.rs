//! Name lookup that hands out only addresses which may be connected to.
//!
//! The client connects to what this returns and looks nothing up again, so an answer that changes
//! between a check and its use has no effect.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::egress::{EgressError, allows};

/// Asks the system's resolver, and drops what a connection may not reach.
pub(super) struct VettingResolver {
    allow_private: bool,
}

impl VettingResolver {
    pub(super) const fn new(allow_private: bool) -> Self {
        Self { allow_private }
    }
}

impl Resolve for VettingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(vet(found, allow_private)?)
        })
    }
}

/// The addresses that may be connected to.
fn vet(found: Vec<SocketAddr>, allow_private: bool) -> Result<Addrs, EgressError> {
    let was_empty = found.is_empty();
    let kept: Vec<_> = found
        .into_iter()
        .filter(|address| allows(allow_private, address.ip()))
        .collect();
    if kept.is_empty() && !was_empty {
        return Err(EgressError::Address);
    }
    Ok(Box::new(kept.into_iter()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts
            .iter()
            .map(|text| SocketAddr::new(text.parse().unwrap(), 0))
            .collect()
    }

    #[test]
    fn only_allowed_addresses_of_a_name_are_handed_out() {
        let found = addresses(&["10.0.0.1", "9.9.9.9", "::1", "2606:4700::1", "0.0.0.0"]);
        let kept: Vec<_> = vet(found.clone(), false).unwrap().collect();
        assert_eq!(kept, addresses(&["9.9.9.9", "2606:4700::1"]));
        let kept: Vec<_> = vet(found, true).unwrap().collect();
        assert_eq!(kept.len(), 4);
    }

    #[test]
    fn a_name_with_private_addresses_only_is_refused() {
        let found = addresses(&["127.0.0.1", "::1"]);
        assert_eq!(vet(found, false).err(), Some(EgressError::Address));
        assert_eq!(vet(Vec::new(), false).unwrap().count(), 0);
    }
}
