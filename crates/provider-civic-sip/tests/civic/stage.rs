//! A plug-in that is set up for a server.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};
use verilane_core::clock::ManualClock;
use verilane_core::{ConnectionName, Timestamp};
use verilane_provider::http::HttpClient;
use verilane_provider::{Facade, Limits, Provider};
use verilane_provider_civic_sip::{CivicSip, Settings};

pub const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
/// The key pair of RFC 6979, A.2.5.
pub const PRIVATE: &str = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
pub const PUBLIC: &str = "0360fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6";
pub const SECRET: &str = "44bbae32d1e02bf481074177002bbdef";
pub const APPLICATION: &str = "HyhaWO1SG";

/// A plug-in whose Civic and whose storage are at this address.
pub fn plugin(address: SocketAddr) -> CivicSip {
    with(json!({
        "base_url": format!("http://{address}/sip/"),
        "payload_hosts": ["127.0.0.1"],
        "allow_http": true,
        "allow_private_addresses": true,
        "request_timeout_seconds": 1,
    }))
}

/// A plug-in with these settings beside those that must be.
pub fn with(settings: Value) -> CivicSip {
    let mut written = json!({
        "application_id": APPLICATION,
        "private_key": PRIVATE,
        "application_secret": SECRET,
    });
    let more = settings.as_object().unwrap().clone();
    written.as_object_mut().unwrap().extend(more);
    let settings = Settings::read(written).unwrap();
    let connection = ConnectionName::new("civic-test").unwrap();
    let clients = settings.http(&connection).unwrap();
    let api = HttpClient::new(clients.api).unwrap();
    let payload = HttpClient::new(clients.payload).unwrap();
    let clock = Arc::new(ManualClock::new(NOW));
    CivicSip::new(&settings, api, payload, clock).unwrap()
}

/// The same behind the facade, as the engine sees it.
pub fn behind_facade(settings: Value) -> Facade {
    let plugin: Arc<dyn Provider> = Arc::new(with(settings));
    let connection = ConnectionName::new("civic-test").unwrap();
    let clock = Arc::new(ManualClock::new(NOW));
    Facade::new(connection, plugin, clock, Limits::default()).unwrap()
}
