//! What is done to a stack and when: the same for the same seed and length.

use std::time::Duration;

/// Between two steps of one hand, in milliseconds: at least and at most.
const GAP: (u64, u64) = (300, 1_500);
/// Nothing new begins so long before the end.
const QUIET_AT_THE_END: Duration = Duration::from_secs(2);
const SERVICES: [&str; 4] = ["user", "org", "attendance", "notification"];

/// Something that is done, and undone later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// SIGKILL, and a start when it is over.
    Kill(&'static str),
    /// SIGKILL for all of its processes.
    KillPostgres,
    /// SIGSTOP.
    Pause(&'static str),
    /// A fault on the line with this number, of all lines.
    Line(u64, Hurt),
}

/// Faults of lines, whatever their numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hurt {
    Down,
    Reset,
    BlackHole,
    Slow,
    CutOff,
    Narrow,
    Unavailable,
    Nonsense,
}

const HURTS: [Hurt; 8] = [
    Hurt::Down,
    Hurt::Reset,
    Hurt::BlackHole,
    Hurt::Slow,
    Hurt::CutOff,
    Hurt::Narrow,
    Hurt::Unavailable,
    Hurt::Nonsense,
];

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub at: Duration,
    pub lasts: Duration,
    pub act: Act,
}

/// `SplitMix64` (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014): small, and the same
/// everywhere and for ever, which a library's generator does not promise.
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `least` to `most`, both included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least + 1)
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let index = self.between(0, u64::try_from(all.len()).ok()?.checked_sub(1)?);
        all.get(usize::try_from(index).ok()?).copied()
    }
}

/// What two hands do, one with processes and one with lines, each one thing after another.
pub fn schedule(seed: u64, lasting: Duration) -> Vec<Step> {
    let mut dice = Dice::new(seed);
    let ends = lasting.saturating_sub(QUIET_AT_THE_END);
    let mut steps = hand(&mut dice, ends, process);
    steps.extend(hand(&mut dice, ends, line));
    steps.sort_by_key(|step| step.at);
    steps
}

fn hand(dice: &mut Dice, ends: Duration, act: fn(&mut Dice) -> (Act, u64)) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut at = Duration::ZERO;
    loop {
        at += Duration::from_millis(dice.between(GAP.0, GAP.1));
        let (act, lasts) = act(dice);
        let lasts = Duration::from_millis(lasts);
        if at + lasts > ends {
            return steps;
        }
        steps.push(Step { at, lasts, act });
        at += lasts;
    }
}

/// Kills twice as often as pauses, PostgreSQL as often as a service. In milliseconds, how long it lasts.
fn process(dice: &mut Dice) -> (Act, u64) {
    let victim = dice.of(&SERVICES).unwrap_or("attendance");
    match dice.between(0, 7) {
        0..=3 => (Act::Kill(victim), dice.between(0, 2_000)),
        4 => (Act::KillPostgres, dice.between(0, 1_500)),
        _ => (Act::Pause(victim), dice.between(100, 3_000)),
    }
}

fn line(dice: &mut Dice) -> (Act, u64) {
    let hurt = dice.of(&HURTS).unwrap_or(Hurt::Down);
    (Act::Line(dice.between(0, u64::MAX - 1), hurt), dice.between(200, 4_000))
}

#[test]
fn a_seed_says_everything_and_another_says_something_else() {
    let minutes = Duration::from_mins(5);
    assert_eq!(schedule(7, minutes), schedule(7, minutes));
    assert_ne!(schedule(7, minutes), schedule(8, minutes));
}

#[test]
fn everything_happens_in_five_minutes_and_all_of_it_is_over_before_the_end() {
    let minutes = Duration::from_mins(5);
    for seed in 0..20 {
        let steps = schedule(seed, minutes);
        assert!(steps.iter().all(|step| step.at + step.lasts + QUIET_AT_THE_END <= minutes));
        for victim in SERVICES {
            assert!(steps.iter().any(|step| step.act == Act::Kill(victim)), "{seed}: {victim} lives");
            assert!(steps.iter().any(|step| step.act == Act::Pause(victim)), "{seed}: {victim} works");
        }
        for hurt in HURTS {
            assert!(
                steps.iter().any(|step| matches!(step.act, Act::Line(_, done) if done == hurt)),
                "{seed}: {hurt:?}"
            );
        }
        assert!(steps.iter().any(|step| step.act == Act::KillPostgres));
    }
}
