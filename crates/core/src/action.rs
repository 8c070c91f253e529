//! What the end user has to do now.

use crate::{Pii, Timestamp};

/// What a page shows its user, named by what it is and not by whose it is.
#[derive(Clone, Debug)]
pub enum Action {
    /// Scan a code, or open a link on the same device.
    QrOrLink(QrOrLink),
}

impl Action {
    /// Until when it can be done.
    #[must_use]
    pub const fn expire_time(&self) -> Timestamp {
        match self {
            Self::QrOrLink(action) => action.expire_time,
        }
    }
}

/// A QR code, or the link that it holds.
#[derive(Clone, Debug)]
pub struct QrOrLink {
    /// The link. It can name the user, so it is personal data.
    pub link: Pii<String>,
    /// The code as a PNG picture, where the provider drew one.
    pub qr_png: Option<Pii<Vec<u8>>>,
    /// Until when it can be scanned or opened.
    pub expire_time: Timestamp,
}
