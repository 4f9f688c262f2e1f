//! Where chance comes from: small generators that give the same numbers for the same seed on every machine and version.
//!
//! A run is repeated by its seed, so the generator is part of what loadcore promises and is not left to a library that
//! may change it. `SplitMix64` has 8 bytes of state (every user has one), takes a handful of instructions and passes
//! `BigCrush`. It is not for secrets.

/// A generator of random numbers.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

/// The odd constant of `SplitMix64`: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// A generator for one purpose. `seed` is the plan's; `purpose` keeps uses of it apart ("poisson", "think"); `index`
    /// keeps members of one purpose apart (the user, the scenario).
    #[must_use]
    pub fn new(seed: u64, purpose: &str, index: u64) -> Self {
        let purpose = purpose
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self { state: scramble(scramble(scramble(seed) ^ purpose) ^ index) }
    }

    /// A generator for the thing with this key, of things that have a seed in common. Cheap: every iteration has one.
    #[inline]
    #[must_use]
    pub const fn keyed(seed: u64, key: u64) -> Self {
        Self { state: scramble(seed ^ key) }
    }

    /// A generator for an iteration of a user of a closed model: the same whatever others do, and this one did before.
    #[inline]
    #[must_use]
    pub const fn of_iteration(seed: u64, user: u32, iteration: u32) -> Self {
        Self::keyed(seed, (user as u64) << 32 | iteration as u64)
    }

    /// What it has not drawn yet, as a number.
    #[must_use]
    pub const fn state(&self) -> u64 {
        self.state
    }

    /// Any 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        scramble(self.state)
    }

    /// Any number below `bound`, equally likely to within `bound` / 2^64. 0 for a bound of 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The upper half of the product: bits as a fraction of 1, times the bound.
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// Any number from `least` to `most`, both included; `least` if `most` is less.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        match most.saturating_sub(least).checked_add(1) {
            Some(width) => least + self.below(width),
            None => self.next_u64(),
        }
    }

    /// A number above 0 and up to 1, in steps of 2^-53: its logarithm is finite.
    pub fn unit(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit an f64 exactly")]
        let steps = ((self.next_u64() >> 11) + 1) as f64;
        steps * (1.0 / 9_007_199_254_740_992.0)
    }

    /// A length of exponential distribution with mean 1: the gap between two events of a Poisson process of rate 1.
    pub fn exponential(&mut self) -> f64 {
        -self.unit().ln()
    }
}

/// Output function of `SplitMix64`: a bijection under which neighbouring inputs look unrelated.
pub(crate) const fn scramble(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The generator is SplitMix64: the first outputs for seed 1234567 are the published ones.
    #[test]
    fn known_answers() {
        let mut random = Random { state: 1_234_567 };
        let first: Vec<u64> = (0..3).map(|_| random.next_u64()).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    /// Seed, purpose and index each make another sequence, and the same three make the same one.
    #[test]
    fn purposes_are_apart() {
        let first = |seed, purpose, index| Random::new(seed, purpose, index).next_u64();
        assert_eq!(first(1, "think", 0), first(1, "think", 0));
        assert_ne!(first(1, "think", 0), first(2, "think", 0));
        assert_ne!(first(1, "think", 0), first(1, "poisson", 0));
        assert_ne!(first(1, "think", 0), first(1, "think", 1));
    }

    /// Bounded draws reach both ends of their range and never leave it.
    #[test]
    fn ranges_hold() {
        let mut random = Random::new(7, "test", 0);
        let draws: Vec<u64> = (0..1000).map(|_| random.between(1, 6)).collect();
        assert_eq!(draws.iter().min(), Some(&1));
        assert_eq!(draws.iter().max(), Some(&6));
        assert_eq!(random.below(0), 0);
        assert_eq!(random.between(5, 5), 5);
        random.between(0, u64::MAX);
    }

    /// `unit` stays within (0, 1], so that an exponential length is never infinite.
    #[test]
    fn exponential_is_finite_with_mean_one() {
        let mut random = Random::new(7, "test", 1);
        let lengths: Vec<f64> = (0..100_000).map(|_| random.exponential()).collect();
        assert!(lengths.iter().all(|length| length.is_finite() && *length >= 0.0));
        let mean = lengths.iter().sum::<f64>() / 100_000.0;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
    }
}
