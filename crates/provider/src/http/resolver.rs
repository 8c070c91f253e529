//! Name lookup that hands out only addresses which may be connected to.
//!
//! The client connects to what this returns and looks nothing up again, so an answer that changes
//! between a check and its use has no effect.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::egress::{EgressError, allows};

/// Looks names of hosts up. What it finds is not believed to be harmless.
#[async_trait]
pub trait NameLookup: Send + Sync + 'static {
    /// Every address of a host, in the order in which they are to be tried.
    async fn addresses(&self, host: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// Asks the system's resolver.
pub(super) struct SystemLookup;

#[async_trait]
impl NameLookup for SystemLookup {
    async fn addresses(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Has a name looked up, and drops what a connection may not reach.
pub(super) struct VettingResolver {
    lookup: Arc<dyn NameLookup>,
    allow_private: bool,
}

impl VettingResolver {
    pub(super) fn new(lookup: Arc<dyn NameLookup>, allow_private: bool) -> Self {
        Self {
            lookup,
            allow_private,
        }
    }
}

impl Resolve for VettingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, allow_private) = (Arc::clone(&self.lookup), self.allow_private);
        Box::pin(async move {
            let found = lookup.addresses(name.as_str()).await?;
            Ok(vet(found, allow_private)?)
        })
    }
}

/// The addresses that may be connected to.
fn vet(found: Vec<IpAddr>, allow_private: bool) -> Result<Addrs, EgressError> {
    let was_empty = found.is_empty();
    let kept = found
        .into_iter()
        .filter(|address| allows(allow_private, *address));
    // The port is the URL's.
    let kept: Vec<_> = kept.map(|address| SocketAddr::new(address, 0)).collect();
    if kept.is_empty() && !was_empty {
        return Err(EgressError::Address);
    }
    Ok(Box::new(kept.into_iter()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn only_allowed_addresses_of_a_name_are_handed_out() {
        let found = addresses(&["10.0.0.1", "9.9.9.9", "::1", "2606:4700::1", "0.0.0.0"]);
        let kept = vet(found.clone(), false).unwrap();
        let kept: Vec<_> = kept.map(|address| address.ip()).collect();
        assert_eq!(kept, addresses(&["9.9.9.9", "2606:4700::1"]));
        assert_eq!(vet(found, true).unwrap().count(), 4);
    }

    #[test]
    fn a_name_with_private_addresses_only_is_refused() {
        let found = addresses(&["127.0.0.1", "::1"]);
        assert_eq!(vet(found, false).err(), Some(EgressError::Address));
        assert_eq!(vet(Vec::new(), false).unwrap().count(), 0);
    }
}
