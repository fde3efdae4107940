//! Positions in a user's log, what a client may be told from one, and what it is told. Pure.

use bytes::Bytes;
use rollcall_ids::UserId;
use rollcall_notification_api::inbox::UnreadCount;
use rollcall_notification_api::stream::{NOTIFICATION, READ, RESET, Reset, ResetReason, UNREAD_COUNT};
use serde::Serialize;
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// A place in a user's log: after entry `seq` of the log `epoch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Which log: differs for every one there ever was.
    pub epoch: i64,
    /// The last entry that is known; 0 before the first.
    pub seq: i64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.seq)
    }
}

/// The text is none that [`Position`] prints.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a stream position")]
pub struct NotAPosition;

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| match part.parse::<i64>() {
            Ok(n) if n >= 0 && part.bytes().all(|b| b.is_ascii_digit()) => Ok(n),
            _ => Err(NotAPosition),
        };
        let (epoch, seq) = text.split_once(':').ok_or(NotAPosition)?;
        Ok(Self { epoch: number(epoch)?, seq: number(seq)? })
    }
}

/// Where a new stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With whatever comes next: the client asked for nothing older.
    Now,
    /// With the entry after this number.
    After(i64),
    /// With a `reset`, then whatever comes next.
    Reset(ResetReason),
}

/// Decides where a client that last saw `asked` begins in a log that stands at `current`. Whether the entries
/// between are still kept shows when they are read. More than `most` of them are not replayed one by one.
pub fn start(asked: Option<&str>, current: Position, most: i64) -> Start {
    let Some(asked) = asked.filter(|text| !text.is_empty()) else { return Start::Now };
    match asked.parse::<Position>() {
        Ok(position) if position.epoch == current.epoch && position.seq <= current.seq => {
            if current.seq - position.seq > most {
                Start::Reset(ResetReason::TooMuch)
            } else {
                Start::After(position.seq)
            }
        }
        Ok(_) | Err(NotAPosition) => Start::Reset(ResetReason::UnknownPosition),
    }
}

/// One entry of a log; its data is kept once however many listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub seq: i64,
    /// Name of the event.
    pub event: Cow<'static, str>,
    /// The event's JSON.
    pub data: Bytes,
    /// How many messages are unread after it.
    pub unread: i64,
}

impl Entry {
    /// An entry as it was stored.
    pub fn new(seq: i64, event: String, data: String, unread: i64) -> Self {
        let event = match event.as_str() {
            NOTIFICATION => Cow::Borrowed(NOTIFICATION),
            READ => Cow::Borrowed(READ),
            // A later release may have stored it.
            _ => Cow::Owned(event),
        };
        Self { seq, event, data: data.into(), unread }
    }
}

/// An entry that a transaction of this instance has just committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// In whose log.
    pub user_id: UserId,
    /// Which log.
    pub epoch: i64,
    /// What was added to it.
    pub entry: Entry,
}

/// What one read of a user's log found.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The log's epoch and last number at the time of reading.
    pub current: Position,
    /// Entries in their order.
    pub entries: Vec<Entry>,
    /// The read stopped at its limit: there may be more before `current`.
    pub cut_short: bool,
}

impl Batch {
    /// The entries that a stream at `position` gets next; an error if it cannot be continued without a gap.
    /// Empty although the log goes on: this batch does not reach that far yet.
    pub fn following(&self, position: Position, most: i64) -> Result<&[Entry], ResetReason> {
        if self.current.epoch != position.epoch || self.current.seq < position.seq {
            return Err(ResetReason::UnknownPosition);
        }
        if self.current.seq - position.seq > most {
            return Err(ResetReason::TooMuch);
        }
        let from = self.entries.partition_point(|entry| entry.seq <= position.seq);
        let next = &self.entries[from..];
        // Numbers ascend, so the last one shows whether any between is missing.
        let unbroken = (position.seq + 1..).zip(next).last().is_none_or(|(expected, last)| last.seq == expected);
        let missing = next.is_empty() && self.current.seq > position.seq && !self.cut_short;
        if unbroken && !missing { Ok(next) } else { Err(ResetReason::TooOld) }
    }
}

/// What a subscriber is told. How it is written is the connection's business: [`sse`](super::sse) does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Something happened.
    Event {
        /// What: `notification`, `read`, `unread_count` or `reset`.
        name: Cow<'static, str>,
        /// Where to continue from for whoever has this.
        id: Position,
        /// JSON, which has no line break of its own.
        data: Bytes,
    },
    /// How long to wait before connecting again, in milliseconds.
    Retry(u64),
    /// Nothing happened for a while; proxies close what is silent.
    Heartbeat,
}

impl Message {
    fn of(name: &'static str, id: Position, data: &impl Serialize) -> Self {
        // Plain structs of numbers and names cannot fail to serialise.
        let data = serde_json::to_vec(data).unwrap_or_default().into();
        Self::Event { name: Cow::Borrowed(name), id, data }
    }

    /// An entry of the log `epoch`.
    pub fn entry(epoch: i64, entry: &Entry) -> Self {
        let id = Position { epoch, seq: entry.seq };
        Self::Event { name: entry.event.clone(), id, data: entry.data.clone() }
    }

    /// The count of unread messages as of `id`.
    pub fn unread(id: Position, unread: i64) -> Self {
        Self::of(UNREAD_COUNT, id, &UnreadCount { unread })
    }

    /// Start over from `id`.
    pub fn reset(id: Position, reason: ResetReason) -> Self {
        Self::of(RESET, id, &Reset { reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MOST: i64 = 1_000;

    fn at(seq: i64) -> Position {
        Position { epoch: 7, seq }
    }

    fn batch(numbers: impl IntoIterator<Item = i64>, last: i64, cut_short: bool) -> Batch {
        let entry = |seq| Entry::new(seq, "notification".into(), "{}".into(), seq);
        Batch { current: at(last), entries: numbers.into_iter().map(entry).collect(), cut_short }
    }

    #[test]
    fn a_client_begins_where_it_left_off_or_is_told_to_start_over() {
        for (asked, expected) in [
            (None, Start::Now),
            (Some(""), Start::Now),
            (Some("7:0"), Start::After(0)),
            (Some("7:20"), Start::After(20)),
            (Some("7:21"), Start::Reset(ResetReason::UnknownPosition)),
            (Some("8:20"), Start::Reset(ResetReason::UnknownPosition)),
            (Some("7:-1"), Start::Reset(ResetReason::UnknownPosition)),
            (Some("7:+1"), Start::Reset(ResetReason::UnknownPosition)),
            (Some("7"), Start::Reset(ResetReason::UnknownPosition)),
            (Some("7:20:1"), Start::Reset(ResetReason::UnknownPosition)),
            (Some("rm -rf"), Start::Reset(ResetReason::UnknownPosition)),
        ] {
            assert_eq!(start(asked, at(20), MOST), expected, "{asked:?}");
        }
        assert_eq!(start(Some("7:0"), at(MOST), MOST), Start::After(0));
        assert_eq!(start(Some("7:0"), at(MOST + 1), MOST), Start::Reset(ResetReason::TooMuch));
    }

    #[test]
    fn a_gap_is_never_passed_over() {
        let kept = batch(5..=9, 9, false);
        assert_eq!(kept.following(at(4), MOST).unwrap().len(), 5);
        assert_eq!(kept.following(at(7), MOST).unwrap()[0].seq, 8);
        assert!(kept.following(at(9), MOST).unwrap().is_empty());
        assert_eq!(kept.following(at(3), MOST).unwrap_err(), ResetReason::TooOld);
        assert_eq!(kept.following(at(10), MOST).unwrap_err(), ResetReason::UnknownPosition);
        assert_eq!(batch([5, 6, 8, 9], 9, false).following(at(4), MOST).unwrap_err(), ResetReason::TooOld);
        assert_eq!(batch([], 9, false).following(at(8), MOST).unwrap_err(), ResetReason::TooOld);
        let other = Position { epoch: 8, seq: 9 };
        assert_eq!(kept.following(other, MOST).unwrap_err(), ResetReason::UnknownPosition);
    }

    #[test]
    fn a_batch_that_stopped_early_says_nothing_about_streams_further_on() {
        assert!(batch(1..=64, 200, true).following(at(100), MOST).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn a_position_comes_back_as_it_was_printed(epoch in 0..=i64::MAX, seq in 0..=i64::MAX) {
            let position = Position { epoch, seq };
            prop_assert_eq!(position.to_string().parse(), Ok(position));
        }

        #[test]
        fn whatever_a_client_sends_is_decided(asked in ".{0,40}") {
            let _ = start(Some(&asked), at(5), MOST);
        }

        #[test]
        fn following_a_log_batch_by_batch_gives_every_entry_once_and_in_order(
            last in 0_i64..300, limit in 1_usize..80, from in 0_i64..300,
        ) {
            let from = from.min(last);
            let (mut position, mut seen) = (at(from), Vec::new());
            while position.seq < last {
                let numbers: Vec<_> = (position.seq + 1..=last).take(limit).collect();
                let cut_short = numbers.len() == limit;
                let batch = batch(numbers, last, cut_short);
                let next = batch.following(position, MOST).unwrap();
                prop_assert!(!next.is_empty());
                seen.extend(next.iter().map(|entry| entry.seq));
                position.seq = next.last().unwrap().seq;
            }
            prop_assert_eq!(seen, (from + 1..=last).collect::<Vec<_>>());
        }
    }
}
