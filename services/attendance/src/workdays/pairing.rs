//! Rule 4: punches of one session, in order, become intervals of work; what does not fit becomes an exception.

use super::facts::{Interval, Second};
use rollcall_attendance_api::policy::Pairing as Mode;
use rollcall_attendance_api::punches::Direction;
use rollcall_attendance_api::workdays::{ExceptionCode, Way};

/// The state after some punches.
#[derive(Clone, Debug)]
pub struct Pairing {
    mode: Mode,
    /// Closed intervals, by time, none overlapping another.
    pub intervals: Vec<Interval>,
    /// Start of the interval that is not closed.
    pub open: Option<Second>,
    /// First coming.
    pub first_in: Option<Second>,
    /// The going that closed the last interval, or that opened the session.
    pub last_out: Option<Second>,
    /// Whether the first punch was a going.
    pub missing_in: bool,
    /// What the last punch was.
    pub last_way: Option<Way>,
    /// What did not fit, by time.
    pub exceptions: Vec<(ExceptionCode, Second)>,
}

impl Pairing {
    /// Nothing punched yet.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            intervals: Vec::new(),
            open: None,
            first_in: None,
            last_out: None,
            missing_in: false,
            last_way: None,
            exceptions: Vec::new(),
        }
    }

    /// What a punch is that says it is `said`. `auto` alternates from in; under `first_last` every one after
    /// the first is a going, of which the last counts.
    pub fn way(&self, said: Direction) -> Way {
        match said {
            Direction::In => Way::In,
            Direction::Out => Way::Out,
            Direction::Auto => {
                let passing = self.mode == Mode::FirstLast && self.last_way.is_some();
                if self.open.is_some() || passing { Way::Out } else { Way::In }
            }
        }
    }

    /// Takes the next punch.
    pub fn push(&mut self, at: Second, said: Direction) -> Way {
        let way = self.way(said);
        match way {
            Way::In => self.come(at),
            Way::Out => self.go(at, said),
        }
        self.last_way = Some(way);
        way
    }

    fn come(&mut self, at: Second) {
        if self.open.is_some() {
            self.exceptions.push((ExceptionCode::DoubleIn, at));
        } else {
            self.open = Some(at);
            self.first_in.get_or_insert(at);
        }
    }

    fn go(&mut self, at: Second, said: Direction) {
        if let Some(start) = self.open.take() {
            self.last_out = Some(at);
            match self.intervals.last_mut() {
                Some(only) if self.mode == Mode::FirstLast => only.end = at,
                _ => self.intervals.push(Interval { start, end: at }),
            }
        } else if self.last_way.is_none() {
            self.missing_in = true;
            self.last_out = Some(at);
            self.exceptions.push((ExceptionCode::MissingIn, at));
        } else {
            if said == Direction::Out {
                self.exceptions.push((ExceptionCode::DoubleOut, at));
            }
            if let (Mode::FirstLast, Some(only)) = (self.mode, self.intervals.last_mut()) {
                only.end = at;
                self.last_out = Some(at);
            }
        }
    }
}
