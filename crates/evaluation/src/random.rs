//! A small generator whose numbers are the same for ever: an evaluation can be repeated from its seed.

/// `SplitMix64` (Steele, Lea, Flood 2014). Not for secrets.
#[derive(Clone, Debug)]
pub(crate) struct Seeded(u64);

impl Seeded {
    /// Streams of one evaluation differ by `purpose`.
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        // FNV-1a
        let hash = purpose.bytes().fold(0xCBF2_9CE4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        Self(seed ^ hash)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `bound`, which must not be 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        // Multiply and shift (Lemire): the bias is below 2^-32 for the sizes here.
        let wide = u128::from(self.next()) * bound as u128;
        usize::try_from(wide >> 64).unwrap_or_default()
    }

    /// In random order (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one() {
        // The reference implementation's first numbers for seed 1234567.
        let mut random = Seeded(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
        assert_eq!(random.next(), 9_817_491_932_198_370_423);
    }

    #[test]
    fn shuffling_loses_nothing_and_every_place_is_reached() {
        let mut random = Seeded::new(1, "test");
        let mut seen = [false; 10];
        for _ in 0..200 {
            let mut items: Vec<usize> = (0..10).collect();
            random.shuffle(&mut items);
            seen[items.iter().position(|i| *i == 0).unwrap()] = true;
            items.sort_unstable();
            assert_eq!(items, (0..10).collect::<Vec<_>>());
        }
        assert!(seen.iter().all(|s| *s));
    }
}
