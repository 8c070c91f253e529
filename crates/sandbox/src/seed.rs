//! Everything that looks random here, derived from one number.
//!
//! A draw is SHA3-256 over the seed (8 bytes, big-endian), the label's length (8 bytes,
//! big-endian), the label, and a counter (8 bytes, big-endian). The same seed and label give the
//! same bytes on every machine and in every version; two labels have nothing to do with each
//! other. Nothing drawn here is secret: whoever knows the seed knows the sandbox's private keys.

use sha3::{Digest, Sha3_256};

/// SHA3-256 of some bytes.
pub fn sha3(bytes: &[u8]) -> [u8; 32] {
    Sha3_256::digest(bytes).into()
}

/// Where all draws of one sandbox come from.
#[derive(Clone, Copy, Debug)]
pub struct Seed(pub u64);

impl Seed {
    /// A stream of bytes of its own for `label`.
    pub fn draw(self, label: &str) -> Draw {
        Draw {
            seed: self,
            label: label.to_owned(),
            counter: 0,
            block: [0; 32],
            used: 32,
        }
    }

    /// The first 32 bytes of `label`'s stream.
    pub fn bytes(self, label: &str) -> [u8; 32] {
        self.block(label, 0)
    }

    /// The first 32 bytes of `label`'s stream, as lower-case hex.
    pub fn hex(self, label: &str) -> String {
        hex::encode(self.bytes(label))
    }

    /// The first half of it, in a UUID's shape.
    pub fn uuid(self, label: &str) -> String {
        let hex = self.hex(label);
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        format!(
            "{}-{}-{}-{}-{}",
            part(0, 8),
            part(8, 12),
            part(12, 16),
            part(16, 20),
            part(20, 32)
        )
    }

    /// Whether a chance of one in `one_in` comes true; it always does if that is 0 or 1.
    pub fn strikes(self, one_in: u32, label: &str) -> bool {
        let sides = usize::try_from(one_in).unwrap_or(usize::MAX);
        sides <= 1 || self.draw(label).below(sides) == 0
    }

    fn block(self, label: &str, counter: u64) -> [u8; 32] {
        let mut hasher = Sha3_256::new();
        hasher.update(self.0.to_be_bytes());
        hasher.update((label.len() as u64).to_be_bytes());
        hasher.update(label.as_bytes());
        hasher.update(counter.to_be_bytes());
        hasher.finalize().into()
    }
}

/// An endless stream of drawn bytes.
#[derive(Debug)]
pub struct Draw {
    seed: Seed,
    label: String,
    counter: u64,
    block: [u8; 32],
    used: usize,
}

impl Draw {
    fn byte(&mut self) -> u8 {
        if self.used >= self.block.len() {
            self.block = self.seed.block(&self.label, self.counter);
            self.counter += 1;
            self.used = 0;
        }
        let byte = self.block.get(self.used).copied().unwrap_or(0);
        self.used += 1;
        byte
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }

    /// A number from 0 up to, but not including, `end` (0 if `end` is 0). Modulo bias is of no
    /// consequence for invented people.
    pub fn below(&mut self, end: usize) -> usize {
        let number = (0..4).fold(0_usize, |sum, _| sum << 8 | usize::from(self.byte()));
        number.checked_rem(end).unwrap_or(0)
    }

    /// Puts `items` into a drawn order (Fisher–Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last + 1);
            items.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_label_draw_the_same_and_others_do_not() {
        let take = |seed, label: &str| Seed(seed).draw(label).take(80);
        assert_eq!(take(7, "a"), take(7, "a"));
        assert_ne!(take(7, "a"), take(8, "a"));
        assert_ne!(take(7, "a"), take(7, "b"));
        assert_eq!(Seed(7).bytes("a").as_slice(), &take(7, "a")[..32]);
    }

    #[test]
    fn a_shuffle_keeps_every_item_and_depends_on_the_seed() {
        let shuffled = |seed| {
            let mut items: Vec<u8> = (0..40).collect();
            Seed(seed).draw("order").shuffle(&mut items);
            items
        };
        let mut sorted = shuffled(1);
        assert_ne!(sorted, shuffled(2));
        sorted.sort_unstable();
        assert_eq!(sorted, (0..40).collect::<Vec<u8>>());
    }
}
