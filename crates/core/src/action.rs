//! What the end user has to do now.

use crate::{Pii, Timestamp};

/// What a page shows its user, named by what it is and not by whose it is.
#[derive(Clone, Debug)]
pub enum Action {
    /// Scan a code, or open a link on the same device.
    QrOrLink(QrOrLink),
    /// Go through a provider's widget, which the page runs with these settings.
    GatewayWidget(GatewayWidget),
    /// Go through a provider's popup, which the page opens with these settings.
    ScopeRequestPopup(ScopeRequestPopup),
}

impl Action {
    /// Until when it can be done.
    #[must_use]
    pub const fn expire_time(&self) -> Timestamp {
        match self {
            Self::QrOrLink(action) => action.expire_time,
            Self::GatewayWidget(action) => action.expire_time,
            Self::ScopeRequestPopup(action) => action.expire_time,
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

/// What a page needs to run a gateway's widget (`GatewayProvider`). Names nobody.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GatewayWidget {
    /// Names the account at the provider to whom the user's information goes.
    pub partner_id: String,
    /// The network whose pass the user gets: an address on its chain.
    pub gatekeeper_network: String,
    /// The chain: `solana`, `ethereum`, …
    pub chain: String,
    /// The chain's cluster or network, where the widget takes one: `mainnet-beta`.
    pub cluster: Option<String>,
    /// The provider's environment, where it is not production: `preprod`.
    pub stage: Option<String>,
    /// Until when what the browser brings back is taken.
    pub expire_time: Timestamp,
}

/// What a page needs to open a provider's popup (`civic.sip`). Names nobody.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScopeRequestPopup {
    /// Names the application at the provider to whom the user's information goes.
    pub application_id: String,
    /// The set of claims that the user is asked for: `BASIC_SIGNUP`, …
    pub scope_request: String,
    /// How the provider shows itself: `popup`.
    pub style: String,
    /// The script that the page includes.
    pub script_url: String,
    /// The style sheet that goes with it.
    pub style_sheet_url: String,
    /// Whether the introduction is left out, where the provider lets one choose.
    pub hide_intro: Option<bool>,
    /// The query parameter with which a user comes back to the page from the provider's app; the script
    /// goes on by itself where it finds it.
    pub return_parameter: String,
    /// Until when what the browser brings back is taken.
    pub expire_time: Timestamp,
}
