//! One open stream: a position, a few messages that wait to be taken, and the rules of when it ends. Everything
//! here happens under its own lock and never waits.

use super::domain::{Batch, Entry, Message, Position};
use jiff::{SignedDuration, Timestamp};
use rollcall_common::auth::Caller;
use rollcall_ids::SessionId;
use rollcall_notification_api::stream::ResetReason;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// What all streams of an instance keep to.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Messages that wait in memory for one stream; what is beyond stays in the database.
    pub buffered: usize,
    /// Entries that are replayed one by one; beyond, the inbox is loaded anew.
    pub replayed: i64,
    /// A quiet stream gets a comment after this long.
    pub heartbeat: SignedDuration,
    /// A client that takes nothing for this long, though something waits, is cut off.
    pub stalled: SignedDuration,
}

/// By what right somebody listens: that of the token which opened the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right {
    /// The session, or the API token, that it belongs to.
    pub session_id: SessionId,
    /// Since when the token is valid.
    pub issued_at: Timestamp,
    /// When it stops being valid.
    pub until: Timestamp,
}

impl From<&Caller> for Right {
    fn from(caller: &Caller) -> Self {
        Self { session_id: caller.session_id, issued_at: caller.issued_at, until: caller.expires_at }
    }
}

/// One open stream.
pub struct Listener {
    right: Right,
    inner: Mutex<Inner>,
}

struct Inner {
    position: Position,
    waiting: VecDeque<Message>,
    /// Where it was when its log was last asked for.
    asked: Option<i64>,
    /// The log goes on after `position`, as far as is known.
    behind: bool,
    /// Nothing more comes after what waits.
    ending: bool,
    /// The client took something since the last look.
    taken: bool,
    /// When it was last seen to take something, or given a heartbeat.
    active: Timestamp,
    waker: Option<Waker>,
}

/// What the connection gets.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    /// A message; none at the end of the stream.
    pub message: Option<Message>,
    /// The stream has room, and its log goes on.
    pub hungry: bool,
}

impl Listener {
    /// A stream at `position` that first gets what is in `opening`.
    pub fn new(position: Position, opening: impl IntoIterator<Item = Message>, now: Timestamp, right: Right) -> Self {
        let inner = Mutex::new(Inner {
            position,
            asked: None,
            waiting: opening.into_iter().collect(),
            behind: false,
            ending: false,
            taken: false,
            active: now,
            waker: None,
        });
        Self { right, inner }
    }

    /// By what right it is open.
    pub const fn right(&self) -> &Right {
        &self.right
    }

    /// Takes the next message for the connection, or waits for one.
    pub fn poll_take(&self, context: &mut Context<'_>) -> Poll<Taken> {
        let mut inner = self.lock();
        match inner.waiting.pop_front() {
            Some(message) => {
                inner.taken = true;
                let hungry = inner.waiting.is_empty() && inner.behind && !inner.ending;
                Poll::Ready(Taken { message: Some(message), hungry })
            }
            None if inner.ending => Poll::Ready(Taken { message: None, hungry: false }),
            None => {
                // An idle stream holds no buffer: most streams are idle most of the time.
                inner.waiting = VecDeque::new();
                inner.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Takes over what follows its position, as far as there is room. True: it could take more right now.
    pub fn offer(&self, batch: &Batch, limits: &Limits) -> bool {
        let mut inner = self.lock();
        if inner.ending {
            return false;
        }
        let (current, position) = (batch.current, inner.position);
        let older = current.epoch == position.epoch && current.seq < position.seq;
        if older && inner.asked.is_none_or(|asked| asked <= current.seq) {
            // It was read before what this stream has been handed since. A log that ends before where the stream was
            // when it was asked for is another matter: it has lost something.
            return false;
        }
        let next = match batch.following(inner.position, limits.replayed) {
            Ok(next) => next,
            Err(reason) => {
                inner.cut_off(batch.current, reason);
                return false;
            }
        };
        let room = limits.buffered.saturating_sub(inner.waiting.len());
        let next = &next[..next.len().min(room)];
        inner.add(next);
        inner.behind = inner.position.seq < batch.current.seq;
        inner.behind && inner.waiting.len() < limits.buffered
    }

    /// Takes over an entry that was just committed, if the log goes on with it from where the stream is. True: it has
    /// to be read for instead.
    pub fn hand(&self, epoch: i64, entry: &Entry, limits: &Limits) -> bool {
        let mut inner = self.lock();
        let same_log = inner.position.epoch == epoch;
        if inner.ending || same_log && entry.seq <= inner.position.seq {
            return false;
        }
        let room = inner.waiting.len() < limits.buffered;
        if room && same_log && entry.seq == inner.position.seq + 1 {
            inner.add(std::slice::from_ref(entry));
            return false;
        }
        inner.behind = true;
        room
    }

    /// Where to read from for it; none when it has no room, or ends. What is read then is offered to it.
    pub fn wants_after(&self, limits: &Limits) -> Option<Position> {
        let mut inner = self.lock();
        if inner.ending || inner.waiting.len() >= limits.buffered {
            return None;
        }
        inner.asked = Some(inner.position.seq);
        Some(inner.position)
    }

    /// Notes where the log stands. True: there is something to read for it.
    pub fn lags(&self, current: Position, limits: &Limits) -> bool {
        let mut inner = self.lock();
        inner.behind = inner.position != current;
        inner.behind && !inner.ending && inner.waiting.len() < limits.buffered
    }

    /// Looks at the time: heartbeat, end of the right to listen, a client that does not read. False: it is cut off,
    /// and nothing more comes to it.
    pub fn look(&self, now: Timestamp, limits: &Limits, retry_milliseconds: impl FnOnce() -> u64) -> bool {
        let mut inner = self.lock();
        if std::mem::take(&mut inner.taken) {
            inner.active = now;
        }
        let quiet = now.duration_since(inner.active);
        if inner.ending {
            return quiet < limits.stalled;
        }
        if now >= self.right.until {
            inner.end(retry_milliseconds());
        } else if inner.waiting.is_empty() {
            if quiet >= limits.heartbeat {
                inner.waiting.push_back(Message::Heartbeat);
                inner.active = now;
                inner.wake();
            }
        } else if quiet >= limits.stalled {
            let position = inner.position;
            inner.cut_off(position, ResetReason::TooSlow);
            return false;
        }
        true
    }

    /// Ends the stream after what waits; the client is to come back in so many milliseconds.
    pub fn end(&self, retry_milliseconds: u64) {
        self.lock().end(retry_milliseconds);
    }

    /// Ends the stream at once: the right to listen has been taken away, and to what waits as well. A client that
    /// comes back is told that it is not signed in.
    pub fn revoke(&self, retry_milliseconds: u64) {
        let mut inner = self.lock();
        inner.waiting = VecDeque::new();
        inner.ending = false;
        inner.end(retry_milliseconds);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No code under the lock can leave it half changed.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Goes on by these entries, which follow the position, and says how many messages are unread after them.
    fn add(&mut self, next: &[Entry]) {
        let Some(last) = next.last() else { return };
        let epoch = self.position.epoch;
        self.position.seq = last.seq;
        let count = Message::unread(self.position, last.unread);
        self.waiting.extend(next.iter().map(|entry| Message::entry(epoch, entry)).chain([count]));
        self.wake();
    }

    fn end(&mut self, retry_milliseconds: u64) {
        if !self.ending {
            self.ending = true;
            self.waiting.push_back(Message::Retry(retry_milliseconds));
            self.wake();
        }
    }

    /// Drops what waits: the client starts over from `position`.
    fn cut_off(&mut self, position: Position, reason: ResetReason) {
        self.waiting = VecDeque::from([Message::reset(position, reason)]);
        self.ending = true;
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sse;
    use super::*;
    use bytes::BytesMut;

    const LIMITS: Limits = Limits {
        buffered: 4,
        replayed: 100,
        heartbeat: SignedDuration::from_secs(20),
        stalled: SignedDuration::from_secs(30),
    };

    fn at(seq: i64) -> Position {
        Position { epoch: 7, seq }
    }

    fn second(n: i64) -> Timestamp {
        Timestamp::from_second(n).unwrap()
    }

    fn listener(seq: i64) -> Listener {
        let right = Right { session_id: SessionId::generate(), issued_at: second(0), until: second(300) };
        Listener::new(at(seq), [], second(0), right)
    }

    fn batch(from: i64, last: i64) -> Batch {
        let entry = |seq| Entry::new(seq, "notification".into(), "{}".into(), seq);
        Batch { current: at(last), entries: (from..=last).map(entry).collect(), cut_short: false }
    }

    /// Everything that can be taken without waiting, and whether the stream has ended.
    fn drain(listener: &Listener) -> (Vec<String>, bool) {
        let mut context = Context::from_waker(Waker::noop());
        let mut frames = Vec::new();
        loop {
            match listener.poll_take(&mut context) {
                Poll::Ready(Taken { message: Some(message), .. }) => {
                    let mut frame = BytesMut::new();
                    sse::write(&message, &mut frame);
                    let text = String::from_utf8(frame.to_vec()).unwrap();
                    frames.push(
                        text.lines().next().unwrap_or_default().to_owned() + text.lines().nth(1).unwrap_or_default(),
                    );
                }
                Poll::Ready(Taken { message: None, .. }) => return (frames, true),
                Poll::Pending => return (frames, false),
            }
        }
    }

    #[test]
    fn what_there_is_no_room_for_is_taken_later_from_the_database() {
        let stream = listener(0);
        assert!(!stream.offer(&batch(1, 10), &LIMITS), "full");
        assert_eq!(stream.wants_after(&LIMITS), None);
        let (frames, ended) = drain(&stream);
        assert_eq!(frames.len(), 5, "four entries and a count: {frames:?}");
        assert_eq!(frames[4], "id: 7:4event: unread_count");
        assert!(!ended);
        assert_eq!(stream.wants_after(&LIMITS), Some(at(4)));
        stream.offer(&batch(3, 8), &LIMITS);
        assert_eq!(drain(&stream).0[0], "id: 7:5event: notification", "no entry twice");
    }

    #[test]
    fn what_was_just_committed_is_taken_only_where_the_log_goes_on_with_it() {
        let entry = |seq| Entry::new(seq, "notification".into(), "{}".into(), seq);
        let stream = listener(3);
        assert!(!stream.hand(7, &entry(4), &LIMITS));
        assert_eq!(drain(&stream).0, ["id: 7:4event: notification", "id: 7:4event: unread_count"]);
        assert!(!stream.hand(7, &entry(4), &LIMITS) && drain(&stream).0.is_empty(), "it has it");
        assert!(stream.hand(7, &entry(6), &LIMITS), "the one between comes first");
        assert!(stream.hand(8, &entry(5), &LIMITS), "of another log");
        assert!(drain(&stream).0.is_empty());
        stream.offer(&batch(5, 6), &LIMITS);
        assert_eq!(drain(&stream).0.len(), 3);
        stream.offer(&batch(7, 20), &LIMITS);
        assert!(!stream.hand(7, &entry(11), &LIMITS), "it is full, and says so when it has room");
        assert_eq!(drain(&stream).0.len(), 5);
        assert_eq!(stream.wants_after(&LIMITS), Some(at(10)));
    }

    #[test]
    fn what_was_read_before_a_stream_went_on_says_nothing_to_it_and_a_log_that_lost_something_does() {
        let entry = |seq| Entry::new(seq, "notification".into(), "{}".into(), seq);
        let stream = listener(3);
        assert_eq!(stream.wants_after(&LIMITS), Some(at(3)));
        stream.hand(7, &entry(4), &LIMITS);
        assert!(!stream.offer(&batch(4, 3), &LIMITS));
        assert_eq!(
            drain(&stream),
            (vec!["id: 7:4event: notification".into(), "id: 7:4event: unread_count".into()], false)
        );
        assert_eq!(stream.wants_after(&LIMITS), Some(at(4)));
        stream.offer(&batch(4, 3), &LIMITS);
        assert_eq!(drain(&stream), (vec!["id: 7:3event: reset".to_owned()], true));
    }

    #[test]
    fn a_stream_with_room_again_says_that_it_is_hungry() {
        let stream = listener(0);
        stream.offer(&batch(1, 10), &LIMITS);
        let mut context = Context::from_waker(Waker::noop());
        let hungry: Vec<_> = (0..5)
            .map(|_| match stream.poll_take(&mut context) {
                Poll::Ready(taken) => taken.hungry,
                Poll::Pending => panic!("there is more"),
            })
            .collect();
        assert_eq!(hungry, [false, false, false, false, true]);
    }

    #[test]
    fn a_gap_ends_the_stream_with_a_reset_to_where_the_log_stands() {
        let stream = listener(0);
        stream.offer(&batch(5, 9), &LIMITS);
        assert_eq!(drain(&stream), (vec!["id: 7:9event: reset".to_owned()], true));
    }

    #[test]
    fn a_quiet_stream_gets_a_heartbeat_and_a_busy_one_does_not() {
        let stream = listener(0);
        stream.look(second(19), &LIMITS, || 1);
        assert_eq!(drain(&stream).0.len(), 0);
        stream.look(second(20), &LIMITS, || 1);
        assert_eq!(drain(&stream).0, [": heartbeat"]);
        stream.offer(&batch(1, 1), &LIMITS);
        drain(&stream);
        stream.look(second(39), &LIMITS, || 1);
        stream.look(second(58), &LIMITS, || 1);
        assert_eq!(drain(&stream).0.len(), 0, "it was active at 39");
        stream.look(second(59), &LIMITS, || 1);
        assert_eq!(drain(&stream).0, [": heartbeat"]);
    }

    #[test]
    fn a_client_that_does_not_read_is_cut_off_and_what_waited_is_dropped() {
        let stream = listener(0);
        stream.offer(&batch(1, 3), &LIMITS);
        assert!(stream.look(second(29), &LIMITS, || 1));
        assert!(!stream.look(second(30), &LIMITS, || 1), "it is forgotten whether it ever reads or not");
        assert_eq!(drain(&stream), (vec!["id: 7:3event: reset".to_owned()], true));
    }

    #[test]
    fn a_client_that_does_not_even_take_the_end_is_forgotten_too() {
        let stream = listener(0);
        stream.end(250);
        assert!(stream.look(second(29), &LIMITS, || 1));
        assert!(!stream.look(second(30), &LIMITS, || 1));
    }

    #[test]
    fn whose_right_is_taken_away_hears_nothing_more_not_even_what_waited() {
        let stream = listener(0);
        stream.offer(&batch(1, 3), &LIMITS);
        stream.revoke(250);
        stream.offer(&batch(4, 5), &LIMITS);
        assert_eq!(drain(&stream), (vec!["retry: 250".to_owned()], true));
    }

    #[test]
    fn the_end_of_the_right_to_listen_ends_the_stream_after_what_waits() {
        let stream = listener(0);
        stream.offer(&batch(1, 1), &LIMITS);
        stream.look(second(300), &LIMITS, || 250);
        stream.look(second(301), &LIMITS, || 250);
        let (frames, ended) = drain(&stream);
        assert_eq!(frames, ["id: 7:1event: notification", "id: 7:1event: unread_count", "retry: 250"]);
        assert!(ended);
    }
}
