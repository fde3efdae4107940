//! What a load came to. Every latency is kept, so percentiles are exact.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What one connection notes.
#[derive(Debug, Default)]
pub(super) struct Notes {
    micros: Vec<u32>,
    bad: BTreeMap<u16, u64>,
    lost: u64,
    repeated: u64,
}

impl Notes {
    /// An answer, or none, and how long it took.
    pub(super) fn answered(&mut self, status: Option<u16>, good: bool, took: Duration) {
        match status {
            _ if good => self.micros.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX)),
            Some(status) => *self.bad.entry(status).or_default() += 1,
            None => self.lost += 1,
        }
    }

    /// A request had to be sent once more.
    pub(super) fn repeated(&mut self) {
        self.repeated += 1;
    }

    pub(super) fn merge(&mut self, more: Self) {
        self.micros.extend(more.micros);
        for (status, count) in more.bad {
            *self.bad.entry(status).or_default() += count;
        }
        self.lost += more.lost;
        self.repeated += more.repeated;
    }
}

/// What a load came to, without its warm-up.
#[derive(Clone, Debug)]
pub struct Report {
    /// Microseconds of each good answer, ascending.
    micros: Vec<u32>,
    lasting: Duration,
    /// Answers that were not what was hoped for, by status.
    pub bad: BTreeMap<u16, u64>,
    /// Requests without an answer.
    pub lost: u64,
    /// Times that a request was sent once more, warm-up included.
    pub repeated: u64,
}

impl Report {
    pub(super) fn new(mut notes: Notes, lasting: Duration) -> Self {
        notes.micros.sort_unstable();
        Self { micros: notes.micros, lasting, bad: notes.bad, lost: notes.lost, repeated: notes.repeated }
    }

    /// Good answers.
    pub fn good(&self) -> usize {
        self.micros.len()
    }

    /// All others, and requests without an answer.
    pub fn failed(&self) -> u64 {
        self.bad.values().sum::<u64>() + self.lost
    }

    /// Good answers a second.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    pub fn per_second(&self) -> f64 {
        self.good() as f64 / self.lasting.as_secs_f64()
    }

    /// The latency that `share` (0 to 1) of the good answers do not exceed; zero when there are none.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank among counts far below 2^52, never negative"
    )]
    pub fn percentile(&self, share: f64) -> Duration {
        let rank = (self.micros.len() as f64 * share).ceil() as usize;
        let micros = self.micros.get(rank.clamp(1, self.micros.len().max(1)) - 1);
        Duration::from_micros(micros.copied().unwrap_or(0).into())
    }

    /// The longest latency of a good answer.
    pub fn longest(&self) -> Duration {
        self.percentile(1.0)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |took: Duration| took.as_secs_f64() * 1e3;
        write!(
            f,
            "{:.0}/s, p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms, {} failed",
            self.per_second(),
            ms(self.percentile(0.5)),
            ms(self.percentile(0.99)),
            ms(self.longest()),
            self.failed(),
        )?;
        self.bad.iter().try_for_each(|(status, count)| write!(f, ", {count} × {status}"))?;
        if self.lost > 0 { write!(f, ", {} lost", self.lost) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_good_answers() {
        let mut notes = Notes::default();
        for millisecond in 1..=100 {
            notes.answered(Some(201), true, Duration::from_millis(millisecond));
        }
        notes.answered(Some(503), false, Duration::from_secs(9));
        notes.answered(None, false, Duration::from_secs(9));
        let report = Report::new(notes, Duration::from_secs(2));
        let ms = |share| report.percentile(share).as_millis();
        assert_eq!((ms(0.5), ms(0.99), ms(1.0), report.longest().as_millis()), (50, 99, 100, 100));
        assert_eq!((report.good(), report.failed(), report.lost), (100, 2, 1));
        assert!((report.per_second() - 50.0).abs() < 1e-9);
    }

    #[test]
    fn without_answers_there_is_nothing_to_rank() {
        let report = Report::new(Notes::default(), Duration::from_secs(1));
        assert_eq!((report.percentile(0.99), report.good()), (Duration::ZERO, 0));
    }
}
