//! Bytes that only the vault can open, and keyed digests that only it can make.
//!
//! Stores keep these without knowing what is inside. They are safe to log by length only, so
//! `Debug` shows just that. They never change, so copies of a row share them.

use std::fmt;
use std::sync::Arc;

macro_rules! opaque_bytes {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Default)]
        pub struct $name(Arc<[u8]>);

        impl $name {
            /// Wraps bytes made by the vault, or read back from a store.
            #[must_use]
            pub fn new(bytes: Vec<u8>) -> Self {
                Self(bytes.into())
            }

            /// The bytes as they are kept.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} bytes)"), self.0.len())
            }
        }
    };
}

opaque_bytes! {
    /// A value encrypted under a verification's data key.
    Sealed
}
opaque_bytes! {
    /// A data key, or another secret of ours, encrypted under the keyring.
    Wrapped
}

/// A keyed digest by which a value can be found but not read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlindIndex([u8; 32]);

impl BlindIndex {
    /// Wraps a digest made by the vault, or read back from a store.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes as they are kept.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for BlindIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlindIndex(..)")
    }
}
