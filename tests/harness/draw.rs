//! What a test draws: all of it from one seed, which it prints, and which a variable sets.

/// Numbers from a seed (SplitMix64).
pub struct Draw(pub u64);

impl Draw {
    /// From the seed in a variable, or else from this one. Prints which.
    pub fn asked(variable: &str, usual: u64) -> Self {
        let asked = std::env::var_os(variable);
        let seed = asked.map_or(usual, |seed| seed.to_str().unwrap().parse().unwrap());
        println!("{variable}={seed}");
        Self(seed)
    }

    /// A number from the first to the last.
    pub fn within(&mut self, first: u64, last: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        first + (mixed ^ (mixed >> 31)) % (last - first + 1)
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        let last = u64::try_from(all.len() - 1).unwrap();
        all[usize::try_from(self.within(0, last)).unwrap()]
    }
}
