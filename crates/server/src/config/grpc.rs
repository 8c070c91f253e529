//! `[grpc]`: where callers connect, and what one of them may use up.

use std::net::SocketAddr;
use std::time::Duration;

use http::{HeaderValue, Uri};
use verilane_grpc::GrpcConfig;

use super::across::Across;
use super::section::{Asked, Section};
use super::value::{Given, List, Setting, Size};

/// The gRPC side.
#[derive(Clone, Debug)]
pub struct Grpc {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Whether callers that nobody authenticates may come from other machines.
    pub insecure_no_auth: bool,
    /// Origins whose pages may call over gRPC-Web.
    pub allowed_origins: Vec<HeaderValue>,
    /// What the server allows.
    pub limits: GrpcConfig,
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// An origin, in the one spelling that browsers send.
struct Origin(HeaderValue);

impl Setting for Origin {
    fn read(given: Given<'_>) -> Result<Self, String> {
        let text = String::read(given)?;
        let spelt = || {
            let uri: Uri = text.parse().ok()?;
            let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
            let usual = match scheme {
                "http" => ":80",
                "https" => ":443",
                _ => return None,
            };
            let host = authority.host();
            let whole = match authority.port_u16() {
                Some(port) => format!("{scheme}://{host}:{port}"),
                None => format!("{scheme}://{host}"),
            };
            // Whoever is named before the host, and whatever a port is not, are missing in it.
            let same =
                text == whole.to_ascii_lowercase() && !host.contains('*') && !text.ends_with(usual);
            same.then(|| HeaderValue::from_str(&text).ok())?
        };
        spelt().map(Self).ok_or_else(|| {
            "must be as browsers write an origin, such as https://app.example.com: in lower case, \
             without a path or the scheme's usual port"
                .to_owned()
        })
    }

    fn show(&self) -> String {
        self.0.to_str().unwrap_or_default().to_owned()
    }
}

impl Grpc {
    /// Reads the section.
    pub fn read(mut section: Section<'_>, across: &mut Across) -> (Option<Self>, Asked) {
        let listen = section.get::<SocketAddr>("listen");
        let insecure_no_auth = section.get("insecure_no_auth");
        let allowed_origins = section.get::<List<Origin>>("allowed_origins");
        let message = section.within("max_message_size", Size::kib(4)..=Size::mib(64));
        let connections = section.within("max_connections", 1..=1_000_000);
        let streams = section.within("max_concurrent_streams", 1..=1_000_000);
        let watches = section.within("max_watches", 1..=1_000_000);
        let handshake = section.within("handshake_timeout", SECOND..=MINUTE);
        let keepalive_interval = section.within("keepalive_interval", SECOND..=HOUR);
        let keepalive_timeout = section.within("keepalive_timeout", SECOND..=10 * MINUTE);
        // A long poll waits up to 30 s and then needs time to answer.
        let default_deadline = section.within("default_deadline", 31 * SECOND..=HOUR);
        let max_deadline = section.within("max_deadline", 31 * SECOND..=HOUR);
        let stall_limit = section.within("stall_limit", SECOND..=HOUR);
        let drain_deadline = section.within("drain_deadline", SECOND..=HOUR);
        if let (Some(default), Some(max)) = (default_deadline, max_deadline)
            && default > max
        {
            section.fault("default_deadline", "must not be longer than max_deadline");
        }
        if listen.is_some_and(|listen| !listen.ip().is_loopback())
            && insecure_no_auth == Some(false)
        {
            section.fault(
                "listen",
                "is not a loopback address, and callers are not authenticated yet: anybody who \
                 reaches it could read claims; set grpc.insecure_no_auth = true if that is meant",
            );
        }
        across.drain("grpc", drain_deadline);
        let asked = section.finish();
        let read = || {
            Some(Self {
                listen: listen?,
                insecure_no_auth: insecure_no_auth?,
                allowed_origins: allowed_origins?.0.into_iter().map(|one| one.0).collect(),
                limits: GrpcConfig {
                    max_message_size: message?.bytes(),
                    max_connections: connections?,
                    max_concurrent_streams: streams?,
                    max_watches: watches?,
                    handshake_timeout: handshake?,
                    keepalive_interval: keepalive_interval?,
                    keepalive_timeout: keepalive_timeout?,
                    default_deadline: default_deadline?,
                    max_deadline: max_deadline?,
                    stall_limit: stall_limit?,
                    drain_deadline: drain_deadline?,
                },
            })
        };
        (read(), asked)
    }
}
