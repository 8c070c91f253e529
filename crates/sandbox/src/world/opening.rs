//! Making a request: its id, its link, and what the user will do with it.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use verilane_core::Timestamp;

use super::{Due, Slot, World};
use crate::ican;
use crate::request::{DataDelivery, Request};
use crate::scenario::UserBehaviour;
use crate::seed::sha3;
use crate::status::Status;
use crate::users::SandboxUser;

/// What a request is made of, all of it checked.
#[derive(Debug)]
pub(super) struct NewRequest {
    pub user: Arc<SandboxUser>,
    pub items: Vec<String>,
    pub data_url: reqwest::Url,
    pub status_url: reqwest::Url,
    pub expiration: i64,
    pub with_qr_code: bool,
    /// Whether somebody else makes it.
    pub planted: bool,
}

/// A callback URL as given, with `http://` before it if it has no scheme.
pub(super) fn callback_url(text: &str) -> Option<reqwest::Url> {
    let url: reqwest::Url = if text.contains("://") {
        text.parse().ok()?
    } else {
        format!("http://{text}").parse().ok()?
    };
    matches!(url.scheme(), "http" | "https").then_some(url)
}

/// Everything but RFC 3986's unreserved characters as `%XX`.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

impl World {
    /// Opens a request in `slot` and gives its number. Its id follows from the user and how many
    /// requests they had before, so that a run of one user is the same whatever others do.
    pub(super) fn open(&mut self, slot: Slot, new: NewRequest) -> u64 {
        let number = self.count();
        let opened = self.opened.entry(new.user.core_id.clone()).or_default();
        *opened += 1;
        let drawn = format!("request/{}/{opened}", new.user.core_id);
        let drawn = self.seed.hex(&drawn);
        let id = drawn.get(..32).unwrap_or(&drawn).to_owned();
        let link = self.link(&id, &new);
        let hash = |which| format!("0x{}", self.seed.hex(&format!("tx/{which}/{id}")));
        let request = Request {
            link,
            hashes: [hash("initiate"), hash("confirm")],
            id: id.clone(),
            user: Arc::clone(&new.user),
            items: new.items,
            data_url: new.data_url,
            status_url: new.status_url,
            expiration: new.expiration,
            with_qr_code: new.with_qr_code,
            history: Vec::new(),
            data: DataDelivery::Waiting,
            window: Vec::new(),
            lane: VecDeque::new(),
            on_the_wire: 0,
            queued: false,
            held: false,
            planted: new.planted,
        };
        self.requests.insert(number, request);
        self.numbers.insert(id, number);
        self.slots.entry(slot).or_default().push(number);
        number
    }

    /// From here on a request waits for its user.
    pub(super) fn begin(&mut self, number: u64, now: Timestamp) {
        self.note(number, Status::Pending, now);
        let user = self.requests.get(&number).map(|r| Arc::clone(&r.user));
        if let Some(after) = user.and_then(|user| self.accepts_after(&user)) {
            self.schedule(now + after, Due::Accept(number));
        }
    }

    /// How long after the request the user accepts it, if at all.
    fn accepts_after(&self, user: &SandboxUser) -> Option<Duration> {
        let behaviour = match self.scenario_of(&user.core_id).user {
            UserBehaviour::AsScripted => user.behaviour,
            scripted => scripted,
        };
        match behaviour {
            UserBehaviour::AsScripted | UserBehaviour::Accept => Some(self.step),
            UserBehaviour::AcceptAfter { seconds } => Some(Duration::from_secs(seconds)),
            UserBehaviour::Ignore => None,
        }
    }

    /// `corepass:request/<user>?…`: what the user's phone would open. `conn` is the connector's
    /// address, `from` its Core ID, `dl` the expiration, `attr` the fields.
    fn link(&self, id: &str, new: &NewRequest) -> String {
        format!(
            "corepass:request/{}?conn={}&from={}&dl={}&attr={}&type=callback&id={id}",
            new.user.core_id,
            percent_encoded(&format!("http://{}", self.address)),
            self.core_id(),
            new.expiration,
            percent_encoded(&new.items.join(",")),
        )
    }

    /// The connector's own Core ID: the last 20 bytes of its first data key's SHA3-256.
    pub fn core_id(&self) -> &str {
        &self.core_id
    }
}

/// The Core ID of an Ed448 public key.
pub(super) fn core_id_of(public_key: &[u8]) -> String {
    let digest = sha3(public_key);
    let mut address = [0; 20];
    for (to, from) in address.iter_mut().rev().zip(digest.iter().rev()) {
        *to = *from;
    }
    ican::core_id(&address)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{NOW, question, world};
    use super::*;

    #[test]
    fn a_link_is_a_corepass_uri_with_percent_encoded_parameters() {
        let mut world = world();
        let asked = question(&world, "accepts", &["SH_EMAIL", "SH_PHONE"]);
        let link = world.qr_code(asked, NOW).unwrap().link;
        let url: reqwest::Url = link.parse().unwrap();
        assert_eq!(url.scheme(), "corepass");
        let user = &world.roster.find("accepts").unwrap().core_id;
        assert_eq!(url.path(), format!("request/{user}"));
        let parameters: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let value = |name: &str| {
            let found = parameters.iter().find(|(n, _)| n == name);
            found.map(|(_, value)| value.as_str()).unwrap()
        };
        assert_eq!(value("conn"), "http://127.0.0.1:8080");
        assert_eq!(value("attr"), "SH_EMAIL,SH_PHONE");
        assert_eq!(value("dl"), (NOW.as_secs() + 600).to_string());
        assert_eq!(value("type"), "callback");
        assert!(world.numbers.contains_key(value("id")));
        assert_eq!(
            ican::canonical(value("from")).as_deref(),
            Some(world.core_id())
        );
        assert!(!link.contains(",") && !link.contains("://"));
    }

    #[test]
    fn a_callback_url_without_a_scheme_is_plain_http_and_others_stay_as_given() {
        let url = |text| callback_url(text).map(String::from);
        assert_eq!(
            url("h.example:81/a?b"),
            Some("http://h.example:81/a?b".into())
        );
        assert_eq!(
            url("https://h.example/a"),
            Some("https://h.example/a".into())
        );
        assert_eq!(url("file:///etc/hosts"), None);
    }
}
