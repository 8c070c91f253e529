//! An encoding of several parts as one byte string from which no two lists of parts come out
//! alike. Whatever is authenticated or hashed goes through here.

use aws_lc_rs::hmac;

/// Takes bytes one piece after the other.
pub trait Sink {
    /// Appends bytes as they are.
    fn raw(&mut self, bytes: &[u8]);

    /// Appends a part of any length, its length first.
    fn part(&mut self, bytes: &[u8]) {
        self.raw(&(bytes.len() as u64).to_be_bytes());
        self.raw(bytes);
    }

    /// Appends a list of parts, their number first.
    fn parts(&mut self, parts: &[&[u8]]) {
        self.raw(&(parts.len() as u64).to_be_bytes());
        for part in parts {
            self.part(part);
        }
    }
}

impl Sink for Vec<u8> {
    fn raw(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Sink for hmac::Context {
    fn raw(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(parts: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        out.parts(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
        out
    }

    #[test]
    fn moving_a_boundary_changes_the_encoding() {
        let one = encoded(&[b"ab".to_vec(), b"c".to_vec()]);
        let other = encoded(&[b"a".to_vec(), b"bc".to_vec()]);
        assert_ne!(one, other);
        assert_ne!(encoded(&[]), encoded(&[Vec::new()]));
    }

    proptest! {
        #[test]
        fn different_lists_have_different_encodings(
            a in proptest::collection::vec(proptest::collection::vec(0u8..3, 0..4), 0..4),
            b in proptest::collection::vec(proptest::collection::vec(0u8..3, 0..4), 0..4),
        ) {
            prop_assert_eq!(encoded(&a) == encoded(&b), a == b);
        }
    }
}
