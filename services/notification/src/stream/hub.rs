//! Every open stream of this instance, by user, and the set of users somebody should read for.

use super::domain::{Batch, Fresh, Message, Position};
use super::listener::{Limits, Listener, Right};
use futures_util::Stream;
use jiff::Timestamp;
use rollcall_ids::UserId;
use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::Notify;

/// The open streams. One lock for the map: it is held for a look-up, never while something waits.
pub struct Hub {
    limits: Limits,
    most_per_user: usize,
    streams: Mutex<Streams>,
    due: Mutex<HashSet<UserId>>,
    wake: Notify,
    look: Notify,
}

#[derive(Default)]
struct Streams {
    of: HashMap<UserId, Vec<Arc<Listener>>>,
    draining: bool,
}

/// The instance is about to stop: no stream is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draining;

/// When the client of a stream that had to make room may come back: were it sooner, two would oust each other in turns.
const OUSTED_RETRY_MILLISECONDS: u64 = 60_000;

impl Hub {
    /// No stream yet.
    pub fn new(limits: Limits, most_per_user: usize) -> Self {
        let (streams, due) = (Mutex::default(), Mutex::default());
        Self { limits, most_per_user, streams, due, wake: Notify::new(), look: Notify::new() }
    }

    /// What all streams keep to.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Adds a stream of `user`. Its log is read at once: something may have been stored since it was opened.
    ///
    /// Where the user has as many as one may have, the oldest ends: that a client is gone shows only when something
    /// is written to it, so the oldest is the likeliest to be dead, and a refusal would shut out the living.
    pub fn join(self: &Arc<Self>, user: UserId, listener: Listener) -> Result<Subscription, Draining> {
        let listener = Arc::new(listener);
        {
            let mut streams = lock(&self.streams);
            if streams.draining {
                return Err(Draining);
            }
            let of_user = streams.of.entry(user).or_default();
            if of_user.len() >= self.most_per_user {
                of_user.remove(0).end(OUSTED_RETRY_MILLISECONDS);
            }
            of_user.push(Arc::clone(&listener));
        }
        self.read_for([user]);
        Ok(Subscription { hub: Arc::clone(self), user, listener })
    }

    fn leave(&self, user: UserId, listener: &Arc<Listener>) {
        let mut streams = lock(&self.streams);
        if let Some(of_user) = streams.of.get_mut(&user) {
            of_user.retain(|other| !Arc::ptr_eq(other, listener));
            if of_user.is_empty() {
                streams.of.remove(&user);
            }
        }
    }

    /// Asks for the logs of these users to be read; those without a stream here are passed over.
    pub fn read_for(&self, users: impl IntoIterator<Item = UserId>) {
        let connected = lock(&self.streams);
        let mut due = lock(&self.due);
        due.extend(users.into_iter().filter(|user| connected.of.contains_key(user)));
        let any = !due.is_empty();
        drop((due, connected));
        if any {
            self.wake.notify_one();
        }
    }

    /// Waits until a log should be read.
    pub async fn wanted(&self) {
        self.wake.notified().await;
    }

    /// Asks for a look at where the logs of all connected users stand.
    pub fn look_at_all(&self) {
        self.look.notify_one();
    }

    /// Waits until that is asked for.
    pub async fn look_wanted(&self) {
        self.look.notified().await;
    }

    /// At most `most` users whose logs should be read, each with the position to read from: the furthest back of
    /// their streams that have room.
    pub fn take_due(&self, most: usize) -> Vec<(UserId, i64)> {
        let users: Vec<UserId> = {
            let mut due = lock(&self.due);
            let users: Vec<_> = due.iter().copied().take(most).collect();
            for user in &users {
                due.remove(user);
            }
            users
        };
        let from = |user: UserId| {
            let positions = self.of_user(user).into_iter().filter_map(|listener| listener.wants_after(&self.limits));
            positions.map(|position| position.seq).min().map(|seq| (user, seq))
        };
        users.into_iter().filter_map(from).collect()
    }

    /// Hands what was read to the streams of `user`; reads again if one could take more.
    pub fn deliver(&self, user: UserId, batch: &Batch) {
        let offered = self.of_user(user).into_iter().map(|listener| listener.offer(batch, &self.limits));
        // Every stream is offered it: no short circuit.
        let more = offered.fold(false, |any, more| any | more);
        if more {
            self.read_for([user]);
        }
    }

    /// Hands over what this instance has just committed: a stream whose log goes on with it takes it as if it had been
    /// read. Those who are further back are read for, so nothing depends on the order in which this is called.
    pub fn hand_over<'a>(&self, fresh: impl IntoIterator<Item = &'a Fresh>) {
        let mut behind = Vec::new();
        for Fresh { user_id, epoch, entry } in fresh {
            let handed = self.of_user(*user_id).into_iter().map(|listener| listener.hand(*epoch, entry, &self.limits));
            if handed.fold(false, |any, behind| any | behind) {
                behind.push(*user_id);
            }
        }
        if !behind.is_empty() {
            self.read_for(behind);
        }
    }

    /// Users with a stream here.
    pub fn connected(&self) -> Vec<UserId> {
        lock(&self.streams).of.keys().copied().collect()
    }

    /// Takes note of where logs stand and asks for those that go on after a stream.
    pub fn compare(&self, standings: impl IntoIterator<Item = (UserId, Position)>) {
        let lags = |(user, current): (UserId, Position)| {
            let lagging = self.of_user(user).into_iter().map(|listener| listener.lags(current, &self.limits));
            lagging.fold(false, |any, lags| any | lags).then_some(user)
        };
        let behind: Vec<_> = standings.into_iter().filter_map(lags).collect();
        self.read_for(behind);
    }

    /// Looks at the time for every stream. One that is cut off is forgotten at once: its body ends when the
    /// connection asks for more, which that of a client who does not read may never do.
    pub fn look(&self, now: Timestamp, retry_milliseconds: impl Fn() -> u64) {
        for (user, listener) in self.all() {
            if !listener.look(now, &self.limits, &retry_milliseconds) {
                self.leave(user, &listener);
            }
        }
    }

    /// Ends the streams whose right to listen is `refused`: those of one user, or of all.
    pub fn revoke(
        &self,
        of: Option<UserId>,
        refused: impl Fn(UserId, &Right) -> bool,
        retry_milliseconds: impl Fn() -> u64,
    ) {
        let streams = match of {
            Some(user) => self.of_user(user).into_iter().map(|listener| (user, listener)).collect(),
            None => self.all(),
        };
        for (user, listener) in streams {
            if refused(user, listener.right()) {
                listener.revoke(retry_milliseconds());
                self.leave(user, &listener);
            }
        }
    }

    /// Ends every stream and takes no more; each client is told its own time to come back.
    pub fn drain(&self, retry_milliseconds: impl Fn() -> u64) {
        lock(&self.streams).draining = true;
        for (_, listener) in self.all() {
            listener.end(retry_milliseconds());
        }
    }

    /// How many streams are open.
    pub fn len(&self) -> usize {
        lock(&self.streams).of.values().map(Vec::len).sum()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        lock(&self.streams).of.is_empty()
    }

    fn of_user(&self, user: UserId) -> Vec<Arc<Listener>> {
        lock(&self.streams).of.get(&user).cloned().unwrap_or_default()
    }

    fn all(&self) -> Vec<(UserId, Arc<Listener>)> {
        let streams = lock(&self.streams);
        streams
            .of
            .iter()
            .flat_map(|(user, of_user)| of_user.iter().map(|listener| (*user, Arc::clone(listener))))
            .collect()
    }
}

/// No code under these locks can leave what they guard half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An open stream as whoever writes it sees it: messages, until there is nothing more to say. It leaves the hub when it
/// is dropped.
pub struct Subscription {
    hub: Arc<Hub>,
    user: UserId,
    listener: Arc<Listener>,
}

impl Stream for Subscription {
    type Item = Message;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Message>> {
        self.listener.poll_take(context).map(|taken| {
            if taken.hungry {
                self.hub.read_for([self.user]);
            }
            taken.message
        })
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.leave(self.user, &self.listener);
    }
}

#[cfg(test)]
mod tests {
    use super::super::domain::Entry;
    use super::*;
    use jiff::SignedDuration;
    use rollcall_ids::SessionId;

    fn at(seq: i64) -> Position {
        Position { epoch: 7, seq }
    }

    fn hub() -> Arc<Hub> {
        let limits = Limits {
            buffered: 4,
            replayed: 100,
            heartbeat: SignedDuration::from_secs(20),
            stalled: SignedDuration::from_secs(30),
        };
        Arc::new(Hub::new(limits, 2))
    }

    fn open(hub: &Arc<Hub>, user: UserId, seq: i64) -> Result<Subscription, Draining> {
        let (issued_at, until) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(300).unwrap());
        let right = Right { session_id: SessionId::generate(), issued_at, until };
        hub.join(user, Listener::new(at(seq), [], issued_at, right))
    }

    fn batch(from: i64, last: i64) -> Batch {
        let entry = |seq| Entry::new(seq, "notification".into(), "{}".into(), 0);
        Batch { current: at(last), entries: (from..=last).map(entry).collect(), cut_short: false }
    }

    fn take(stream: &mut Subscription) -> usize {
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut taken = 0;
        while let Poll::Ready(Some(_)) = Pin::new(&mut *stream).poll_next(&mut context) {
            taken += 1;
        }
        taken
    }

    #[test]
    fn two_streams_of_one_user_are_read_for_from_the_one_further_back_and_share_the_bytes() {
        let (hub, user) = (hub(), UserId::generate());
        let mut ahead = open(&hub, user, 9).unwrap();
        let mut back = open(&hub, user, 7).unwrap();
        assert_eq!(hub.take_due(10), [(user, 7)]);
        assert!(hub.take_due(10).is_empty(), "read once");
        hub.deliver(user, &batch(8, 10));
        assert_eq!((take(&mut ahead), take(&mut back)), (1 + 1, 3 + 1), "entries and a count");
    }

    #[test]
    fn what_was_committed_here_needs_no_read_where_it_is_next_and_one_where_it_is_not() {
        let (hub, user) = (hub(), UserId::generate());
        let (mut there, mut back) = (open(&hub, user, 9).unwrap(), open(&hub, user, 7).unwrap());
        hub.take_due(10);
        let entry = Entry::new(10, "notification".into(), "{}".into(), 1);
        let fresh = [
            Fresh { user_id: user, epoch: 7, entry: entry.clone() },
            Fresh { user_id: UserId::generate(), epoch: 7, entry },
        ];
        hub.hand_over(&fresh);
        assert_eq!((take(&mut there), take(&mut back)), (1 + 1, 0));
        assert_eq!(hub.take_due(10), [(user, 7)]);
        hub.deliver(user, &batch(8, 10));
        hub.hand_over(&fresh);
        assert_eq!((take(&mut there), take(&mut back)), (0, 3 + 1), "nothing twice");
        assert!(hub.take_due(10).is_empty());
    }

    #[test]
    fn nobody_is_read_for_without_a_stream() {
        let hub = hub();
        hub.read_for([UserId::generate()]);
        assert!(hub.take_due(10).is_empty());
    }

    #[test]
    fn a_stream_that_took_all_it_had_is_read_for_again_while_its_log_goes_on() {
        let (hub, user) = (hub(), UserId::generate());
        let mut stream = open(&hub, user, 0).unwrap();
        hub.take_due(10);
        hub.deliver(user, &batch(1, 10));
        assert!(hub.take_due(10).is_empty(), "it is full");
        assert_eq!(take(&mut stream), 4 + 1);
        assert_eq!(hub.take_due(10), [(user, 4)]);
    }

    #[test]
    fn a_log_that_stands_where_its_streams_do_is_not_read() {
        let (hub, user) = (hub(), UserId::generate());
        let _stream = open(&hub, user, 3).unwrap();
        hub.take_due(10);
        hub.compare([(user, at(3))]);
        assert!(hub.take_due(10).is_empty());
        hub.compare([(user, at(4))]);
        assert_eq!(hub.take_due(10), [(user, 3)]);
    }

    #[test]
    fn a_user_has_a_bounded_number_of_streams_and_the_oldest_makes_room() {
        let (hub, user) = (hub(), UserId::generate());
        let mut streams: Vec<_> = (0..3).map(|_| open(&hub, user, 0).unwrap()).collect();
        assert_eq!(hub.len(), 2);
        assert_eq!(streams.iter_mut().map(take).collect::<Vec<_>>(), [1, 0, 0], "the oldest is told when to come back");
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(matches!(Pin::new(&mut streams[0]).poll_next(&mut context), Poll::Ready(None)));
        drop(streams);
        assert!(hub.is_empty());
    }

    #[test]
    fn a_session_that_has_ended_takes_its_own_streams_along() {
        let (hub, user) = (hub(), UserId::generate());
        let mut streams = [open(&hub, user, 0).unwrap(), open(&hub, user, 0).unwrap()];
        let mut other = open(&hub, UserId::generate(), 0).unwrap();
        let ended = streams[0].listener.right().session_id;
        for of in [Some(user), None] {
            hub.revoke(of, |_, right| right.session_id == ended, || 250);
            assert_eq!(hub.len(), 2);
        }
        assert_eq!((take(&mut streams[0]), take(&mut streams[1]), take(&mut other)), (1, 0, 0));
    }

    #[test]
    fn a_stream_that_is_cut_off_is_forgotten_before_its_client_reads() {
        let (hub, user) = (hub(), UserId::generate());
        let stream = open(&hub, user, 0).unwrap();
        hub.deliver(user, &batch(1, 3));
        hub.look(Timestamp::from_second(29).unwrap(), || 1);
        assert_eq!(hub.len(), 1);
        hub.look(Timestamp::from_second(30).unwrap(), || 1);
        assert!(hub.is_empty());
        drop(stream);
    }

    #[test]
    fn a_draining_hub_ends_its_streams_and_takes_no_more() {
        let (hub, user) = (hub(), UserId::generate());
        let mut stream = open(&hub, user, 0).unwrap();
        hub.drain(|| 250);
        assert_eq!(open(&hub, user, 0).err(), Some(Draining));
        assert_eq!(take(&mut stream), 1, "the time to come back");
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(matches!(Pin::new(&mut stream).poll_next(&mut context), Poll::Ready(None)));
    }
}
