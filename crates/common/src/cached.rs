//! What somebody else said, remembered: for facts of peers.
//!
//! An answer is taken for true for a while; before that is over it is asked for anew beside the work, so that what is
//! used all the time is never waited for. When the answer is older the peer is asked, once for each key however many
//! want to know; if it does not answer, or not soon, what it said before is taken for true for longer. That there is no
//! such thing is remembered too, for a short time. All of it is bounded.
//!
//! Clocks may jump. An answer from later than now is of a clock that was ahead, so how old it is nobody knows: it is asked
//! for anew. And none stays for longer than it may be believed by a clock that only runs.
//!
//! moka keeps the entries. Its own one-fetch-per-key knows no stale answer: a failed fetch is an error there.

use crate::clock::Clock;
use crate::context;
use crate::fault::Fault;
use crate::problem::chain;
use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How long somebody who has an old answer waits for a new one.
const PATIENCE: Duration = Duration::from_millis(500);

/// For how long what is believed.
#[derive(Clone, Copy, Debug)]
pub struct Belief {
    /// An answer, without asking again. In the last quarter of it a new one is asked for beside the work.
    pub fresh: SignedDuration,
    /// An answer, while there is no new one to be had.
    pub stale: SignedDuration,
    /// That there is no such thing.
    pub unknown: SignedDuration,
    /// Answers remembered.
    pub most: u64,
}

type Asked<V> = Pin<Box<dyn Future<Output = Result<Option<V>, Fault>> + Send>>;
/// None while the answer is not there.
type Outcome<V> = Option<Result<Option<V>, Arc<Fault>>>;

/// See the module. Cheap to clone.
pub struct Cached<K, V>(Arc<Inner<K, V>>);

struct Inner<K, V> {
    what: &'static str,
    belief: Belief,
    clock: Clock,
    known: Cache<K, Known<V>>,
    under_way: Mutex<HashMap<K, watch::Receiver<Outcome<V>>>>,
    ask: Box<dyn Fn(K) -> Asked<V> + Send + Sync>,
}

#[derive(Clone)]
struct Known<V> {
    value: Option<V>,
    at: Timestamp,
}

impl<K, V> Clone for Cached<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> Cached<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Answers of `ask`; `what` names them in the log. The work of `ask` goes on when nobody waits for it any more, so
    /// it needs an end of its own: a call has one.
    pub fn new<F>(
        what: &'static str,
        belief: Belief,
        clock: Clock,
        ask: impl Fn(K) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Option<V>, Fault>> + Send + 'static,
    {
        let longest = belief.fresh.max(belief.stale).max(belief.unknown).unsigned_abs();
        let known = Cache::builder().max_capacity(belief.most).time_to_live(longest).build();
        let ask = Box::new(move |key| Box::pin(ask(key)) as Asked<V>);
        Self(Arc::new(Inner { what, belief, clock, known, under_way: Mutex::default(), ask }))
    }

    /// The answer; none: there is no such thing. An error only when there is no answer, new or old.
    pub async fn get(&self, key: &K) -> Result<Option<V>, Fault> {
        let Inner { what, belief, clock, known, .. } = &*self.0;
        let now = clock.now();
        let known = known.get(key);
        let Some(Known { value, at }) = known else { return self.answer(key).await };
        let age = now.duration_since(at);
        let from_later = age.is_negative();
        let Some(value) = value else {
            return if age < belief.unknown && !from_later { Ok(None) } else { self.answer(key).await };
        };
        if age < belief.fresh && !from_later {
            if age > belief.fresh * 3 / 4 {
                self.asked(key);
            }
            return Ok(Some(value));
        }
        if age >= belief.stale {
            return self.answer(key).await;
        }
        match tokio::time::timeout(PATIENCE, self.answer(key)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                tracing::debug!(what, error = chain(&error), "an old answer is taken for true");
                Ok(Some(value))
            }
            Err(_) => Ok(Some(value)),
        }
    }

    /// Forgets what was said of this, and what is being said of it: that may be older than the reason to forget.
    pub fn forget(&self, key: &K) {
        self.under_way().remove(key);
        self.0.known.invalidate(key);
    }

    /// Waits for the answer that is asked for, by us or by somebody else.
    async fn answer(&self, key: &K) -> Result<Option<V>, Fault> {
        let mut asked = self.asked(key);
        let waited = asked.wait_for(Option::is_some);
        // Whoever waits has a time of their own; the question goes on without them.
        let waited = match context::time_left() {
            Some(left) => tokio::time::timeout(left, waited).await.map_err(|_| Fault::DeadlineExceeded)?,
            None => waited.await,
        };
        let outcome = waited.map(|outcome| outcome.clone());
        match outcome {
            Ok(Some(Ok(value))) => Ok(value),
            Ok(Some(Err(fault))) => Err(match &*fault {
                Fault::Unavailable { .. } | Fault::DeadlineExceeded | Fault::OutcomeUnknown(_) => {
                    Fault::unavailable(self.0.what, anyhow::anyhow!(chain(&*fault)))
                }
                _ => Fault::internal(anyhow::anyhow!(chain(&*fault))),
            }),
            Ok(None) | Err(_) => Err(Fault::internal(anyhow::anyhow!("asking for {} was cut off", self.0.what))),
        }
    }

    /// Asks, unless that is being done.
    fn asked(&self, key: &K) -> watch::Receiver<Outcome<V>> {
        let mut under_way = self.under_way();
        if let Some(asked) = under_way.get(key) {
            return asked.clone();
        }
        let (answer, asked) = watch::channel(None);
        under_way.insert(key.clone(), asked.clone());
        drop(under_way);
        // Also when the work panics it is over: whoever comes next asks anew.
        let question = Question { of: self.clone(), key: key.clone(), asked: asked.clone() };
        // Whoever asks first is whose trace it goes on in.
        tokio::spawn(context::beyond_request(async move {
            let Inner { ask, known, clock, .. } = &*question.of.0;
            let outcome = ask(question.key.clone()).await.map_err(Arc::new);
            if let Ok(value) = &outcome
                && question.is_open()
            {
                known.insert(question.key.clone(), Known { value: value.clone(), at: clock.now() });
            }
            answer.send_replace(Some(outcome));
        }));
        asked
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<K, watch::Receiver<Outcome<V>>>> {
        self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question that is under way.
struct Question<K: Eq + Hash, V> {
    of: Cached<K, V>,
    key: K,
    asked: watch::Receiver<Outcome<V>>,
}

impl<K: Eq + Hash, V> Question<K, V> {
    /// Whether its answer still counts: the key was not forgotten since.
    fn is_open(&self) -> bool {
        let under_way = self.of.0.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.get(&self.key).is_some_and(|asked| asked.same_channel(&self.asked))
    }
}

impl<K: Eq + Hash, V> Drop for Question<K, V> {
    fn drop(&mut self) {
        let mut under_way = self.of.0.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if under_way.get(&self.key).is_some_and(|asked| asked.same_channel(&self.asked)) {
            under_way.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

    /// A clock in seconds, a count of questions, and a peer that says the count for even keys and fails on demand.
    struct Stage {
        seconds: Arc<AtomicU64>,
        questions: Arc<AtomicU32>,
        away: Arc<AtomicU32>,
        cached: Cached<u32, u32>,
    }

    fn stage() -> Stage {
        let (seconds, questions, away) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU32::new(0)), Arc::default());
        let clock = {
            let seconds = Arc::clone(&seconds);
            Clock::from_fn(move || {
                Timestamp::from_second(i64::try_from(seconds.load(Ordering::SeqCst)).unwrap()).unwrap()
            })
        };
        let belief = Belief {
            fresh: SignedDuration::from_secs(60),
            stale: SignedDuration::from_hours(1),
            unknown: SignedDuration::from_secs(3),
            most: 100,
        };
        let (asked, gone): (_, Arc<AtomicU32>) = (Arc::clone(&questions), Arc::clone(&away));
        let cached = Cached::new("thing", belief, clock, move |key: u32| {
            let (asked, gone) = (Arc::clone(&asked), Arc::clone(&gone));
            async move {
                let number = asked.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::task::yield_now().await;
                match gone.load(Ordering::SeqCst) {
                    0 => Ok(key.is_multiple_of(2).then_some(number)),
                    1 => Err(Fault::unavailable("peer", anyhow::anyhow!("away"))),
                    _ => std::future::pending().await,
                }
            }
        });
        Stage { seconds, questions, away, cached }
    }

    impl Stage {
        async fn get(&self, key: u32) -> Result<Option<u32>, Fault> {
            self.cached.get(&key).await
        }

        fn asked(&self) -> u32 {
            self.questions.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn however_many_want_to_know_one_asks() {
        let stage = stage();
        let answers = futures_util::future::join_all((0..50).map(|_| stage.get(2))).await;
        assert!(answers.into_iter().all(|answer| answer.unwrap() == Some(1)));
        assert_eq!(stage.asked(), 1);
        stage.get(4).await.unwrap();
        assert_eq!(stage.asked(), 2, "another key is another question");
    }

    #[tokio::test]
    async fn before_an_answer_is_too_old_a_new_one_is_asked_for_and_nobody_waits() {
        let stage = stage();
        stage.get(2).await.unwrap();
        stage.seconds.store(50, Ordering::SeqCst);
        assert_eq!(stage.get(2).await.unwrap(), Some(1), "the old one, at once");
        while stage.get(2).await.unwrap() != Some(2) {
            tokio::task::yield_now().await;
        }
        assert_eq!(stage.asked(), 2);
    }

    #[tokio::test]
    async fn an_old_answer_is_believed_while_the_peer_is_away_or_hangs_and_not_for_ever() {
        let stage = stage();
        stage.get(2).await.unwrap();
        for away in [1, 2] {
            stage.away.store(away, Ordering::SeqCst);
            stage.seconds.store(3599, Ordering::SeqCst);
            assert_eq!(stage.get(2).await.unwrap(), Some(1));
        }
        let stage = self::stage();
        stage.get(2).await.unwrap();
        stage.away.store(1, Ordering::SeqCst);
        stage.seconds.store(3600, Ordering::SeqCst);
        assert!(matches!(stage.get(2).await, Err(Fault::Unavailable { .. })));
        stage.away.store(0, Ordering::SeqCst);
        assert_eq!(stage.get(2).await.unwrap(), Some(3));
    }

    #[tokio::test]
    async fn that_there_is_no_such_thing_is_remembered_shortly_and_forgotten_on_demand() {
        let stage = stage();
        assert_eq!((stage.get(1).await.unwrap(), stage.get(1).await.unwrap()), (None, None));
        assert_eq!(stage.asked(), 1);
        stage.cached.forget(&1);
        stage.get(1).await.unwrap();
        assert_eq!(stage.asked(), 2);
        stage.seconds.store(3, Ordering::SeqCst);
        stage.get(1).await.unwrap();
        assert_eq!(stage.asked(), 3);
    }

    #[tokio::test]
    async fn what_was_said_while_the_clock_was_ahead_is_asked_anew_when_it_has_gone_back() {
        let stage = stage();
        stage.seconds.store(10_000, Ordering::SeqCst);
        assert_eq!((stage.get(2).await.unwrap(), stage.get(1).await.unwrap()), (Some(1), None));
        stage.seconds.store(10, Ordering::SeqCst);
        stage.away.store(1, Ordering::SeqCst);
        assert_eq!(stage.get(2).await.unwrap(), Some(1), "while there is no other answer");
        assert!(matches!(stage.get(1).await, Err(Fault::Unavailable { .. })), "there may be such a thing by now");
        stage.away.store(0, Ordering::SeqCst);
        assert_eq!(stage.get(2).await.unwrap(), Some(5));
        assert_eq!((stage.get(2).await.unwrap(), stage.asked()), (Some(5), 5), "and that is fresh");
    }

    #[tokio::test]
    async fn no_answer_outlives_its_time_by_a_clock_that_stands_still() {
        let (questions, second) = (Arc::new(AtomicU32::new(0)), SignedDuration::from_millis(50));
        let belief = Belief { fresh: second, stale: second * 2, unknown: second, most: 10 };
        let asked = Arc::clone(&questions);
        let cached = Cached::new("thing", belief, Clock::from_fn(|| Timestamp::UNIX_EPOCH), move |_: u32| {
            let number = asked.fetch_add(1, Ordering::SeqCst) + 1;
            async move { Ok(Some(number)) }
        });
        let since = std::time::Instant::now();
        while cached.get(&2).await.unwrap() == Some(1) {
            assert!(since.elapsed() < Duration::from_secs(10), "it is still believed");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(since.elapsed() >= Duration::from_millis(100));
    }

    #[tokio::test]
    async fn an_answer_that_was_under_way_when_its_key_was_forgotten_is_not_remembered() {
        let stage = stage();
        let (answer, ()) = tokio::join!(stage.get(2), async { stage.cached.forget(&2) });
        assert_eq!((answer.unwrap(), stage.get(2).await.unwrap()), (Some(1), Some(2)));
    }
}
