//! Names of things: typed, so that one can't be passed for another.
//!
//! Ids made by us are UUIDs of version 7 (they sort by time of making, which keeps B-trees dense).
//! They carry no personal data and may stand in logs, spans and events.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id, unlike any other.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// From the 16 bytes a store keeps.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes a store keeps.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;
            /// Takes the hyphenated form only: one id has one spelling.
            fn from_str(text: &str) -> Result<Self, MalformedId> {
                if text.len() != 36 {
                    return Err(MalformedId);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| MalformedId)
            }
        }
    };
}

/// A text that is not an id of the kind asked for. Retrying does not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed id")]
pub struct MalformedId;

uuid_id! {
    /// A verification.
    VerificationId
}
uuid_id! {
    /// One commit, so that its outcome can be looked up when it is unknown.
    ChangeId
}
uuid_id! {
    /// A piece of evidence, and the chunk rows that hold it.
    EvidenceId
}
uuid_id! {
    /// The log itself: drawn when a store is created or restored.
    LogId
}
uuid_id! {
    /// A slot: what a provider can hold only once.
    SlotId
}

/// Which attempt of a verification: 1, 2, …
pub type AttemptNumber = u32;

/// A place in the one log of all events: 1, 2, … without a gap, in commit order. 0 stands before
/// the first.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The next place.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// How many events a verification has had. Grows by one with each.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl Revision {
    /// The revision after the next event.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// Takes 1 to 63 characters of `a-z`, `0-9` and `-`, starting with a letter.
            pub fn new(text: &str) -> Result<Self, MalformedId> {
                let mut chars = text.chars();
                let starts_well = chars.next().is_some_and(|c| c.is_ascii_lowercase());
                let goes_on = chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
                if starts_well && goes_on && text.len() <= 63 {
                    Ok(Self(text.into()))
                } else {
                    Err(MalformedId)
                }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A configured account at a provider.
    ConnectionName
}
name! {
    /// A kind of upstream system: `corepass`, `civic-pass`, `civic-sip`.
    ProviderName
}

/// Who calls: the name an authenticator gave, or `anonymous`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Principal(std::sync::Arc<str>);

impl Principal {
    /// The caller that nobody authenticated.
    #[must_use]
    pub fn anonymous() -> Self {
        Self("anonymous".into())
    }

    /// A caller by the name its authenticator gave.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let id = VerificationId::generate();
        assert_eq!(id.to_string().parse(), Ok(id));
        let simple = id.to_string().replace('-', "");
        assert_eq!(simple.parse::<VerificationId>(), Err(MalformedId));
        assert_eq!(
            format!("{{{id}}}").parse::<VerificationId>(),
            Err(MalformedId)
        );
    }

    #[test]
    fn connection_names_are_plain() {
        assert!(ConnectionName::new("corepass-live").is_ok());
        for wrong in ["", "-x", "Live", "a b", "ü", &"a".repeat(64)] {
            assert!(ConnectionName::new(wrong).is_err(), "{wrong}");
        }
    }
}
