//! Clock, uids and generated names, all of which can be seeded.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;

/// The state of the generator: part of a snapshot, so that a restored server goes on
/// where the first one stopped.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seed {
    state: u64,
    /// What tokens are signed with; it stays as the state moves on.
    key: u64,
}

impl Seed {
    pub(crate) fn new(seed: u64) -> Seed {
        let mut seed = Seed { state: seed, key: 0 };
        // Not the first number, which is in the first uid.
        let mut ahead = Seed {
            state: seed.state ^ 0x6B65_795F_6B65_795F,
            key: 0,
        };
        seed.key = ahead.next();
        seed
    }

    pub(crate) fn random() -> Seed {
        // The hasher of the standard library is seeded by the system.
        use std::hash::{BuildHasher, Hasher};
        let hasher = std::collections::hash_map::RandomState::new().build_hasher();
        Seed::new(hasher.finish())
    }

    /// SplitMix64: every seed gives a full period.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A version 4 uuid.
    fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        let high = (high & 0xFFFF_FFFF_FFFF_0FFF) | 0x4000;
        let low = (low & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000;
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xFFFF,
            high & 0xFFFF,
            low >> 48,
            low & 0xFFFF_FFFF_FFFF
        )
    }
}

/// Where times come from.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    pub(crate) fn system() -> Clock {
        Clock(Arc::new(Timestamp::now))
    }

    pub(crate) fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

/// Gives objects their uids, names and times.
#[derive(Debug)]
pub(crate) struct Identity {
    seed: Mutex<Seed>,
    /// Names requests: reading an object must not change what the next one is called.
    requests: Mutex<Seed>,
    clock: Clock,
}

/// No vowels and no look-alikes, as upstream has it.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
const SUFFIX: usize = 5;
const LONGEST_BASE: usize = 63 - SUFFIX;

impl Identity {
    pub(crate) fn new(seed: Seed, clock: Clock) -> Identity {
        Identity {
            seed: Mutex::new(seed),
            requests: Mutex::new(Seed::new(seed.key)),
            clock,
        }
    }

    pub(crate) fn seed(&self) -> Seed {
        *self.seed.lock()
    }

    /// What tokens are signed with.
    pub(crate) fn key(&self) -> u64 {
        self.seed.lock().key
    }

    /// The uid of an object.
    pub(crate) fn uid(&self) -> String {
        self.seed.lock().uuid()
    }

    /// What a request is called that has no name.
    pub(crate) fn request(&self) -> String {
        self.requests.lock().uuid()
    }

    /// A name for `generateName`.
    pub(crate) fn name(&self, base: &str) -> String {
        let mut end = base.len().min(LONGEST_BASE);
        while !base.is_char_boundary(end) {
            end -= 1;
        }
        let mut name = base[..end].to_owned();
        let mut seed = self.seed.lock();
        for _ in 0..SUFFIX {
            let at = seed.next() % ALPHABET.len() as u64;
            name.push(char::from(ALPHABET[at as usize]));
        }
        name
    }

    /// A number below `bound`, which must not be 0.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        self.seed.lock().next() % bound
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The present as Kubernetes writes it, to the second.
    pub(crate) fn timestamp(&self) -> String {
        seconds(self.now())
    }

    /// The present and some more, to the second.
    pub(crate) fn timestamp_after(&self, more: Duration) -> String {
        seconds(self.now().checked_add(more).unwrap_or(Timestamp::MAX))
    }
}

/// RFC 3339 in UTC, to the second.
pub(crate) fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// RFC 3339 in UTC, to the microsecond.
pub(crate) fn micros(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_uids_and_names() {
        let one = Identity::new(Seed::new(7), Clock::system());
        let two = Identity::new(Seed::new(7), Clock::system());
        assert_eq!(one.uid(), two.uid());
        assert_eq!(one.name("a-"), two.name("a-"));
        assert_ne!(one.uid(), one.uid());
    }

    #[test]
    fn uids_are_version_4() {
        let uid = Identity::new(Seed::new(1), Clock::system()).uid();
        assert_eq!(uid.len(), 36);
        assert_eq!(&uid[14..15], "4");
        assert!(matches!(&uid[19..20], "8" | "9" | "a" | "b"));
    }

    #[test]
    fn long_bases_are_cut_between_characters() {
        let identity = Identity::new(Seed::new(1), Clock::system());
        assert_eq!(identity.name(&"a".repeat(100)).len(), 63);
        assert!(identity.name(&"ä".repeat(100)).len() <= 63);
    }
}
