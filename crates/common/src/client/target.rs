//! The instances of a peer: which of them is asked, and what is known of their health.
//!
//! Of two that are drawn at random the one with fewer calls under way is taken: nearly as even as asking all of them,
//! and no caller has to know the whole. One whose breaker is open is not drawn. tower has the same for its own services;
//! ours is a function over numbers.

use super::breaker::{Admission, Breaker, Condition, Health, Rules};
use super::budget::Budget;
use super::settings::CallSettings;
use crate::secret::chance;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// A probe that hangs must not keep a peer shut out that has come back.
const PROBE: Duration = Duration::from_secs(2);

/// A peer as its callers know it.
pub(super) struct Target {
    pub(super) name: Arc<str>,
    pub(super) settings: CallSettings,
    instances: Vec<Instance>,
    too_large: AtomicBool,
    budget: Mutex<Budget>,
}

struct Instance {
    url: Url,
    label: String,
    in_flight: AtomicUsize,
    breaker: Mutex<Breaker>,
}

/// Why no instance is asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Nobody {
    #[error("every instance was found away; the next is asked in {0:?}")]
    Away(Duration),
    #[error("too many calls are under way")]
    Crowded,
}

impl Target {
    pub(super) fn new(name: &str, urls: Vec<Url>, settings: CallSettings) -> Self {
        let rules = Rules {
            failures: settings.breaker_failures,
            calls: settings.breaker_calls,
            success_percent: settings.breaker_success_percent,
            open_first: Duration::from_millis(settings.breaker_open_first_ms),
            open_most: Duration::from_millis(settings.breaker_open_most_ms),
        };
        let instance = |url: Url| Instance {
            label: url.authority().to_owned(),
            url,
            in_flight: AtomicUsize::new(0),
            breaker: Mutex::new(Breaker::new(rules, Instant::now())),
        };
        let budget = Mutex::new(Budget::new(settings.budget_percent, settings.budget_per_second, Instant::now()));
        let instances: Vec<_> = urls.into_iter().map(instance).collect();
        for instance in &instances {
            let labels = [("peer", name.to_owned()), ("instance", instance.label.clone())];
            metrics::gauge!("call_breaker_state", &labels).set(0.0);
        }
        Self { name: name.into(), instances, too_large: AtomicBool::new(false), settings, budget }
    }

    /// Notes that an answer was too large; whether it is the first one.
    pub(super) fn found_too_large(&self) -> bool {
        !self.too_large.swap(true, Ordering::Relaxed)
    }

    /// The address of some instance; there is at least one.
    pub(super) fn any_url(&self) -> &Url {
        &self.instances[0].url
    }

    /// Where its instances are.
    pub(super) fn urls(&self) -> Vec<Url> {
        self.instances.iter().map(|instance| instance.url.clone()).collect()
    }

    /// Notes a call, which earns its share of repetitions.
    pub(super) fn earn(&self) {
        self.budget().earn(Instant::now());
    }

    /// Takes one repetition from the budget, if there is one.
    pub(super) fn spend(&self) -> bool {
        self.budget().spend(Instant::now())
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Chooses an instance, another than `not` if there is one.
    pub(super) fn choose(self: &Arc<Self>, not: Option<usize>, now: Instant) -> Result<Slot, Nobody> {
        let loads: Vec<usize> = self.instances.iter().map(|one| one.in_flight.load(Ordering::Relaxed)).collect();
        if loads.iter().sum::<usize>() >= self.settings.in_flight {
            return Err(Nobody::Crowded);
        }
        let admitting = |at: &usize| !matches!(self.breaker(*at).look(now), Admission::Refused(_));
        let mut open: Vec<usize> = (0..self.instances.len()).filter(admitting).collect();
        if open.len() > 1 {
            open.retain(|at| Some(*at) != not);
        }
        while !open.is_empty() {
            let at = open.swap_remove(less_loaded(&open, &loads, [chance(), chance()]));
            match self.breaker(at).admit(now) {
                // Somebody else has become the probe since.
                Admission::Refused(_) => {}
                admission => return Ok(Slot::new(Arc::clone(self), at, admission)),
            }
        }
        let waits = (0..self.instances.len()).filter_map(|at| match self.breaker(at).look(now) {
            Admission::Refused(wait) => Some(wait),
            Admission::Normal | Admission::Probe => None,
        });
        Err(Nobody::Away(waits.min().unwrap_or_default()))
    }

    fn breaker(&self, at: usize) -> MutexGuard<'_, Breaker> {
        self.instances[at].breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place in `open` of the less loaded of two that `chances` draw.
fn less_loaded(open: &[usize], loads: &[usize], chances: [f64; 2]) -> usize {
    // Both are in [0, 1), so neither draw is beyond the end.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "as said")]
    let draw = |chance: f64, of: usize| ((chance * of as f64) as usize).min(of.saturating_sub(1));
    let one = draw(chances[0], open.len());
    let mut other = draw(chances[1], open.len().saturating_sub(1));
    if other >= one && open.len() > 1 {
        other += 1;
    }
    if loads[open[other]] < loads[open[one]] { other } else { one }
}

/// A call under way at one instance. Dropped without having been settled it says nothing of the instance, unless its
/// time was over.
pub(super) struct Slot {
    target: Arc<Target>,
    at: usize,
    admission: Admission,
    given_up_at: Option<Instant>,
    settled: bool,
}

impl Slot {
    fn new(target: Arc<Target>, at: usize, admission: Admission) -> Self {
        target.instances[at].in_flight.fetch_add(1, Ordering::Relaxed);
        Self { target, at, admission, given_up_at: None, settled: false }
    }

    pub(super) const fn at(&self) -> usize {
        self.at
    }

    pub(super) fn url(&self) -> &Url {
        &self.target.instances[self.at].url
    }

    /// What the attempt may take from now on; its being dropped later than that is held against the instance.
    pub(super) fn limit(&mut self, share: Duration, now: Instant) -> Duration {
        let share = if self.admission == Admission::Probe { share.min(PROBE) } else { share };
        self.given_up_at = Some(now + share);
        share
    }

    pub(super) fn settle(mut self, health: Health, now: Instant) {
        self.note(health, now);
    }

    fn note(&mut self, health: Health, now: Instant) {
        self.settled = true;
        let instance = &self.target.instances[self.at];
        let mut breaker = instance.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        let before = breaker.condition();
        breaker.settle(self.admission, health, now, chance());
        let after = breaker.condition();
        drop(breaker);
        if before != after {
            let peer = &*self.target.name;
            match after {
                Condition::Open => tracing::warn!(peer, instance = instance.label, "a peer is left alone for a while"),
                Condition::Closed => tracing::info!(peer, instance = instance.label, "a peer is back"),
                Condition::Probing => {}
            }
            let state = match after {
                Condition::Closed => 0.0,
                Condition::Probing => 1.0,
                Condition::Open => 2.0,
            };
            let labels = [("peer", peer.to_owned()), ("instance", instance.label.clone())];
            metrics::gauge!("call_breaker_state", &labels).set(state);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.target.instances[self.at].in_flight.fetch_sub(1, Ordering::Relaxed);
        if !self.settled {
            let now = Instant::now();
            let late = self.given_up_at.is_some_and(|given_up_at| now >= given_up_at);
            self.note(if late { Health::Bad } else { Health::Unknown }, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn target(instances: usize, change: impl FnOnce(&mut CallSettings)) -> Arc<Target> {
        let mut settings = super::super::tests::settings();
        change(&mut settings);
        let urls = (0..instances).map(|number| format!("http://10.0.0.{number}:80").parse().unwrap());
        Arc::new(Target::new("org", urls.collect(), settings))
    }

    proptest! {
        #[test]
        fn of_two_different_ones_that_are_drawn_the_less_loaded_is_taken(
            loads in prop::collection::vec(0..9_usize, 1..6), one in 0.0..1.0, other in 0.0..1.0,
        ) {
            let open: Vec<usize> = (0..loads.len()).collect();
            let taken = less_loaded(&open, &loads, [one, other]);
            prop_assert!(taken < loads.len());
            let most = loads.iter().max().copied().unwrap();
            let once = loads.iter().filter(|load| **load == most).count() == 1;
            prop_assert!(loads.len() == 1 || !once || loads[taken] < most, "the one most loaded is never taken");
        }
    }

    #[test]
    fn calls_spread_over_the_instances_by_what_is_under_way() {
        let (target, now) = (target(3, |_| {}), Instant::now());
        let slots: Vec<Slot> = (0..30).map(|_| target.choose(None, now).unwrap()).collect();
        for at in 0..3 {
            let taken = slots.iter().filter(|slot| slot.at() == at).count();
            assert!((8..=12).contains(&taken), "{taken} of 30 at {at}");
        }
    }

    #[test]
    fn another_attempt_goes_to_another_instance() {
        let (target, now) = (target(2, |_| {}), Instant::now());
        assert!((0..50).all(|_| target.choose(Some(0), now).unwrap().at() == 1));
    }

    #[test]
    fn an_instance_that_fails_is_left_out_and_asked_once_when_its_time_is_over() {
        let (target, now) = (target(2, |_| {}), Instant::now());
        while target.breaker(0).condition() == Condition::Closed {
            let slot = target.choose(None, now).unwrap();
            let health = if slot.at() == 0 { Health::Bad } else { Health::Good };
            slot.settle(health, now);
        }
        assert!((0..50).all(|_| target.choose(None, now).unwrap().at() == 1));
        let later = now + Duration::from_secs(3);
        let slots: Vec<Slot> = (0..20).map(|_| target.choose(None, later).unwrap()).collect();
        assert_eq!(slots.iter().filter(|slot| slot.at() == 0).count(), 1);
    }

    #[test]
    fn a_call_that_was_dropped_is_held_against_the_instance_only_when_its_time_was_over() {
        let target = target(1, |settings| settings.breaker_failures = 1);
        let now = Instant::now();
        for (share, away) in [(60, false), (0, true)] {
            let mut slot = target.choose(None, now).unwrap();
            slot.limit(Duration::from_secs(share), now);
            drop(slot);
            assert_eq!(matches!(target.choose(None, now), Err(Nobody::Away(_))), away);
        }
    }

    #[test]
    fn what_is_under_way_is_bounded() {
        let (target, now) = (target(1, |settings| settings.in_flight = 2), Instant::now());
        let slots = [target.choose(None, now).unwrap(), target.choose(None, now).unwrap()];
        assert!(matches!(target.choose(None, now), Err(Nobody::Crowded)));
        drop(slots);
        assert!(target.choose(None, now).is_ok());
    }

    #[test]
    fn repetitions_are_a_fifth_of_the_calls_and_ten_besides() {
        let target = target(1, |_| {});
        let repeated = (0..1000).filter(|_| {
            target.earn();
            target.spend()
        });
        // The thousand take a moment, in which a little comes and a little goes.
        let count = repeated.count();
        assert!((205..=215).contains(&count), "{count}");
    }
}
