//! What goes wrong with callbacks on their way.

use serde::{Deserialize, Serialize};

use crate::ledger::CallbackKind;
use crate::status::Status;

/// Extra callbacks that must not be believed. Each goes out just before the genuine one that it
/// imitates, unless a shuffle puts it elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forgery {
    /// The genuine content, signed with a key that nobody trusts, that key appended.
    OtherKey,
    /// The same, with the genuine public key appended.
    OtherKeyPosingAsOurs,
    /// Changed content under the genuine signature.
    Tampered,
}

/// What goes wrong with callbacks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Faults {
    /// How many more times each genuine callback is sent, byte for byte.
    pub duplicates: u8,
    /// Whether a callback and its duplicates are sent at the same time instead of one by one.
    pub duplicates_at_once: bool,
    /// How many callbacks of a request are gathered and put into a drawn order before they go
    /// out; 0 and 1 leave the order alone.
    pub reorder_window: u8,
    /// What is forged beside each genuine callback.
    pub forge: Vec<Forgery>,
    /// What happens to some of the genuine ones.
    pub callbacks: Vec<CallbackFault>,
}

/// Something that happens to some callbacks. It chooses among them by what it says; what is left
/// out leaves the choice open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CallbackFault {
    /// What happens.
    pub does: CallbackTrouble,
    /// Only to callbacks of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<CallbackKind>,
    /// Only to callbacks about this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Only at the first so many tries of a callback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries: Option<u32>,
    /// Only to one in so many, drawn from the seed; to all of them if 0 or 1.
    #[serde(default)]
    pub one_in: u32,
}

/// What happens to a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum CallbackTrouble {
    /// It never arrives, while the connector takes it for delivered.
    Lost,
    /// The connector fails before it sends it; a retry follows.
    Unsent,
    /// It arrives, and the connector does not hear the answer; a retry follows.
    Unheard,
    /// The connection breaks when half of the body is sent; a retry follows.
    Half,
    /// It is sent only so many seconds after it was signed. More than 180 are past its deadline.
    Late {
        /// Seconds of the sandbox's clock.
        seconds: u64,
    },
    /// It is sent again, byte for byte, so many seconds after it was signed.
    Replayed {
        /// Seconds of the sandbox's clock.
        seconds: u64,
    },
    /// The connector goes down before it sends it; a retry follows.
    DiesBefore {
        /// For how many seconds of the sandbox's clock; until told to come up again if left out.
        #[serde(default)]
        seconds: Option<u64>,
    },
    /// It arrives, and the connector goes down before it hears the answer; a retry follows.
    DiesAfter {
        /// For how many seconds of the sandbox's clock; until told to come up again if left out.
        #[serde(default)]
        seconds: Option<u64>,
    },
}

impl CallbackFault {
    /// It happens to every callback.
    #[must_use]
    pub const fn every(does: CallbackTrouble) -> Self {
        Self {
            does,
            kind: None,
            status: None,
            tries: None,
            one_in: 1,
        }
    }

    /// Whether it is meant for a try of such a callback. Chance aside.
    pub(crate) fn is_for(&self, kind: CallbackKind, status: Option<Status>, attempt: u32) -> bool {
        self.kind.is_none_or(|only| only == kind)
            && self.status.is_none_or(|only| Some(only) == status)
            && self.tries.is_none_or(|tries| attempt <= tries)
    }
}
