//! Numbers that look random and are the same for the same seed, on every machine. In: a seed. Out: numbers.
//!
//! `SplitMix64`: nine lines, no dependency, and good enough to make traffic look alive.

/// The generator.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// Starts the sequence of this seed.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub(super) const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Evenly from 0 to below 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True this often (0 to 1).
    pub(super) fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// Evenly between two numbers.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        (high - low).mul_add(self.unit(), low)
    }

    /// `N` bytes, not all zero.
    pub(super) fn id<const N: usize>(&mut self) -> [u8; N] {
        let mut id = [0; N];
        for chunk in id.chunks_mut(8) {
            let bits = (self.bits() | 1).to_be_bytes();
            chunk.copy_from_slice(bits.get(..chunk.len()).unwrap_or(&bits));
        }
        id
    }
}

#[test]
fn the_same_seed_gives_the_same_numbers() {
    let mut one = Random::new(7);
    let mut two = Random::new(7);
    assert_eq!(one.id::<16>(), two.id::<16>());
    assert_ne!(one.bits(), one.bits());
    let mean = (0..10_000).map(|_| two.unit()).sum::<f64>() / 10_000.0;
    assert!((0.48..0.52).contains(&mean), "{mean}");
}
