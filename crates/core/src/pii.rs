//! Text and bytes about a person, kept where they can't be printed by mistake.
//!
//! No `Display`, no `Serialize`, no comparison that leaks through `assert_eq!`, and a `Debug` that
//! shows nothing. The bytes are wiped when dropped. Whoever needs the value says `expose()`.

use std::fmt;

use zeroize::Zeroize;

/// A value about a person. Wiped on drop, never shown.
#[derive(Clone, Default)]
pub struct Pii<T: Zeroize = String>(T);

impl<T: Zeroize> Pii<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself: for encryption, for the provider it is meant for, or for a caller who may
    /// read it. Never for a log, a span, an event or an error.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl From<&str> for Pii<String> {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl From<String> for Pii<String> {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl<T: Zeroize> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pii(..)")
    }
}

impl<T: Zeroize> Drop for Pii<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let name = Pii::from("MUSTERMANN");
        assert!(!format!("{name:?}{:?}", Some(&name)).contains("MUSTER"));
        assert_eq!(name.expose(), "MUSTERMANN");
    }
}
