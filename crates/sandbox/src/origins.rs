//! Where a caller finds the sandbox: under the name by which they call it, whatever it is bound to.

/// Where the sandbox's Civic is: `http://` and an authority each.
#[derive(Clone, Debug)]
pub struct Origins {
    /// Of the API.
    pub api: String,
    /// Of storage.
    pub storage: String,
}

impl Origins {
    /// The same machine by the name under which it was called.
    pub fn seen_as(&self, host: Option<&str>) -> Self {
        let Some(host) = host else {
            return self.clone();
        };
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.parse::<u16>().is_ok() => name,
            _ => host,
        };
        let port = self.storage.rsplit_once(':').map_or("", |(_, port)| port);
        Self {
            api: format!("http://{host}"),
            storage: format!("http://{name}:{port}"),
        }
    }
}
