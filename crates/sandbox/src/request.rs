//! One data transfer request: what was asked for, how far it has come, what waits to be sent.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::Serialize;
use verilane_core::Timestamp;

use crate::ledger::Parcel;
use crate::status::{Status, Transaction};
use crate::users::SandboxUser;

/// A status that came about.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Which.
    pub status: Status,
    /// When.
    pub at: Timestamp,
    /// Its place among all entries of all requests.
    pub order: u64,
}

/// What has become of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataDelivery {
    /// It has not been taken yet.
    Waiting,
    /// The data callback was answered 200.
    Delivered,
    /// No retry is left; the connector keeps the data for an export by hand.
    GivenUp,
}

/// Callbacks that go out at the same time: one, or one with its duplicates.
pub type Bundle = Vec<Parcel>;

/// A request.
pub struct Request {
    /// The id on the wire (in the link).
    pub id: String,
    /// Who is asked.
    pub user: Arc<SandboxUser>,
    /// What for: without duplicates, in the order given.
    pub items: Vec<String>,
    /// Where the data goes.
    pub data_url: reqwest::Url,
    /// Where statuses go.
    pub status_url: reqwest::Url,
    /// Until when it can be accepted, Unix seconds.
    pub expiration: i64,
    /// The link for the user's phone, which the QR code shows.
    pub link: String,
    /// Whether the first answer held a QR code.
    pub with_qr_code: bool,
    /// What came about, oldest first. Never empty.
    pub history: Vec<Entry>,
    /// The two transactions' hashes: start and payment.
    pub hashes: [String; 2],
    /// What has become of the data.
    pub data: DataDelivery,
    /// Gathered for a shuffle.
    pub window: Vec<Bundle>,
    /// To be sent, in this order, one bundle after the other.
    pub lane: VecDeque<Bundle>,
    /// How many of the bundle last taken from the lane have not been answered.
    pub on_the_wire: usize,
    /// Whether it stands in the queue of those that have something to send.
    pub queued: bool,
    /// Whether nothing of it may be sent for now.
    pub held: bool,
    /// Whether somebody else made it: its callbacks are theirs.
    pub planted: bool,
}

/// Shows neither of the URLs.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("id", &self.id)
            .field("history", &self.history)
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// The newest status.
    pub fn status(&self) -> Status {
        self.history
            .last()
            .map_or(Status::Pending, |entry| entry.status)
    }

    /// Whether a status has come about.
    pub fn has_reached(&self, status: Status) -> bool {
        self.history.iter().any(|entry| entry.status == status)
    }

    /// Whether it has come to its end.
    pub fn is_finished(&self) -> bool {
        self.history.iter().any(|entry| entry.status.is_end())
    }

    /// Whether the time to accept is over.
    pub fn has_lapsed(&self, now: Timestamp) -> bool {
        now.as_secs() >= self.expiration
    }

    /// The hash that belongs to a status.
    pub fn tx_hash(&self, status: Status) -> Option<&str> {
        let [initiate, confirm] = &self.hashes;
        status.transaction().map(|transaction| match transaction {
            Transaction::Initiate => initiate.as_str(),
            Transaction::Confirm => confirm.as_str(),
        })
    }

    /// Whether its lane may be taken from.
    pub fn can_send(&self) -> bool {
        !self.held && self.on_the_wire == 0 && !self.lane.is_empty()
    }

    /// Whether anything of it waits to be sent or answered.
    pub fn has_mail(&self) -> bool {
        self.on_the_wire > 0 || !self.lane.is_empty() || !self.window.is_empty()
    }

    /// An entry of the history as it is answered.
    pub fn status_view(&self, entry: &Entry) -> StatusView {
        StatusView {
            status: entry.status,
            created_at: entry.at.as_secs(),
            tx_hash: self.tx_hash(entry.status).map(str::to_owned),
        }
    }

    /// What the control API shows.
    pub fn view(&self) -> RequestView {
        RequestView {
            id: self.id.clone(),
            user: self.user.core_id.clone(),
            items: self.items.clone(),
            status: self.status(),
            statuses: self
                .history
                .iter()
                .map(|entry| self.status_view(entry))
                .collect(),
            expiration: self.expiration,
            link: self.link.clone(),
            data: self.data,
            waiting_to_be_sent: self.lane.iter().chain(&self.window).map(Vec::len).sum(),
            held: self.held,
            planted: self.planted,
        }
    }
}

/// A request as the control API shows it.
#[derive(Clone, Debug, Serialize)]
pub struct RequestView {
    /// The id on the wire (in the link).
    pub id: String,
    /// The Core ID of who is asked.
    pub user: String,
    /// The fields asked for.
    pub items: Vec<String>,
    /// The newest status.
    pub status: Status,
    /// Every status so far, oldest first.
    pub statuses: Vec<StatusView>,
    /// Until when it can be accepted, Unix seconds.
    pub expiration: i64,
    /// The link for the user's phone.
    pub link: String,
    /// What has become of the data.
    pub data: DataDelivery,
    /// How many callbacks wait to be sent.
    pub waiting_to_be_sent: usize,
    /// Whether they are held back.
    pub held: bool,
    /// Whether somebody else made it.
    pub planted: bool,
}

/// A status as `status`, `all-statuses` and the control API show it.
#[derive(Clone, Debug, Serialize)]
pub struct StatusView {
    /// Which.
    pub status: Status,
    /// When, in Unix seconds.
    pub created_at: i64,
    /// The hash of the transaction that belongs to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tx_hash: Option<String>,
}
