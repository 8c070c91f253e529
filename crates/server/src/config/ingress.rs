//! `[ingress]`: the one public port, where providers call.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use verilane_ingress::{IngressConfig, Rate};

use super::across::Across;
use super::section::{Asked, Section};
use super::value::Size;

/// The public side.
#[derive(Clone, Debug)]
pub struct Ingress {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// What providers call, up to the path that we add. None if no connection needs it.
    pub public_url: Option<String>,
    /// What is allowed.
    pub limits: IngressConfig,
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);
const BODIES: std::ops::RangeInclusive<Size> = Size::kib(1)..=Size::mib(1_024);

impl Ingress {
    /// Reads the section.
    pub fn read(mut section: Section<'_>, across: &mut Across) -> (Option<Self>, Asked) {
        let listen = section.get("listen");
        let public_url = section.optional::<String>("public_url");
        let status_body = section.within("status_body_limit", BODIES);
        let data_body = section.within("data_body_limit", BODIES);
        let in_flight = section.within("bytes_in_flight", Size::mib(1)..=Size::mib(65_536));
        let body_timeout = section.within("body_timeout", SECOND..=HOUR);
        let engine_timeout = section.within("answer_timeout", SECOND..=HOUR);
        let per_second = section.within("callbacks_per_second", NonZeroU32::MIN..=NonZeroU32::MAX);
        let burst = section.within("callbacks_burst", NonZeroU32::MIN..=NonZeroU32::MAX);
        let max_sockets = section.within("max_sockets", 1..=1_000_000);
        let idle_timeout = section.within("idle_timeout", SECOND..=HOUR);
        let drain_deadline = section.within("drain_deadline", SECOND..=HOUR);
        if let Some(Some(url)) = &public_url
            && !is_base(url)
        {
            section.fault("public_url", "must be a URL without query and fragment");
        }
        if let (Some(status), Some(data), Some(all)) = (status_body, data_body, in_flight)
            && all < status.max(data)
        {
            let problem = "must not be less than status_body_limit and data_body_limit";
            section.fault("bytes_in_flight", problem);
        }
        across.drain("ingress", drain_deadline);
        across.no_public_url = public_url == Some(None);
        let asked = section.finish();
        let read = || {
            Some(Self {
                listen: listen?,
                public_url: public_url?,
                limits: IngressConfig {
                    status_body_limit: status_body?.bytes(),
                    data_body_limit: data_body?.bytes(),
                    bytes_in_flight: in_flight?.bytes(),
                    body_timeout: body_timeout?,
                    engine_timeout: engine_timeout?,
                    rate_per_connection: Rate {
                        per_second: per_second?,
                        burst: burst?,
                    },
                    max_sockets: max_sockets?,
                    idle_timeout: idle_timeout?,
                    drain_deadline: drain_deadline?,
                },
            })
        };
        (read(), asked)
    }

    /// What the path of a callback is put behind, for a provider that calls `base`.
    pub fn callbacks_below(base: &str) -> String {
        format!("{}/callbacks", base.trim_end_matches('/'))
    }
}

/// It goes to the provider as it stands, so little is asked of it: it may lack a scheme.
fn is_base(url: &str) -> bool {
    !url.is_empty() && !url.contains(|c: char| matches!(c, '?' | '#') || c.is_whitespace())
}
