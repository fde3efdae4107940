//! When a message leaves. Pure: the zone's rules, the wall clock's habit of jumping included, are all it goes by.

use jiff::civil::{DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use rollcall_notification_api::preferences::Digest;

/// When the digest of a day comes, on the wall clock: before work, and after a night's quiet hours as most have them.
const DAILY_AT: Time = Time::constant(8, 0, 0, 0);

/// Quiet hours, which never are a whole day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    start: Time,
    end: Time,
}

impl Quiet {
    /// From `start` to before `end`, over midnight if that comes first. None: they are the same.
    pub fn new(start: Time, end: Time) -> Option<Self> {
        (start != end).then_some(Self { start, end })
    }

    /// When they begin.
    pub const fn start(self) -> Time {
        self.start
    }

    /// When they end.
    pub const fn end(self) -> Time {
        self.end
    }

    /// Whether a clock that shows this shows quiet hours.
    pub fn has(self, shown: Time) -> bool {
        if self.start < self.end {
            self.start <= shown && shown < self.end
        } else {
            self.start <= shown || shown < self.end
        }
    }

    /// The first instant from `at` on at which the clock of the zone shows no quiet hours.
    pub fn over(self, at: Timestamp, zone: &TimeZone) -> Timestamp {
        let shown = zone.to_datetime(at);
        if !self.has(shown.time()) {
            return at;
        }
        let today = shown.date();
        let date = if shown.time() < self.end { today } else { today.tomorrow().unwrap_or(today) };
        let end = first_showing(date.to_datetime(self.end), at, zone);
        // Set back in the middle of them, a clock may show a time before they began.
        let mut jumps = zone.following(at).map(|jump| jump.timestamp()).take_while(|jump| *jump < end);
        let over = jumps.find(|jump| !self.has(zone.to_datetime(*jump).time())).unwrap_or(end);
        // Set forward over both their end and their beginning, it shows the next ones.
        if over > at && self.has(zone.to_datetime(over).time()) { self.over(over, zone) } else { over }
    }
}

/// The first instant after `at` at which the clock shows `wanted`. When it jumps over that, the instant of the jump;
/// when it shows it twice, the first time that is still to come.
fn first_showing(wanted: DateTime, at: Timestamp, zone: &TimeZone) -> Timestamp {
    let instant = |offset: jiff::tz::Offset| offset.to_timestamp(wanted).unwrap_or(at);
    match zone.to_ambiguous_timestamp(wanted).offset() {
        AmbiguousOffset::Unambiguous { offset } => instant(offset),
        AmbiguousOffset::Fold { before, after } => {
            let first = instant(before);
            if first > at { first } else { instant(after) }
        }
        AmbiguousOffset::Gap { before, after } => {
            let early = instant(after);
            zone.following(early).next().map_or_else(|| instant(before), |jump| jump.timestamp())
        }
    }
}

/// When a message leaves, and whether with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// When.
    pub at: Timestamp,
    /// Together with all others of the same instant.
    pub gathered: bool,
}

/// When a message that is stored `now` leaves, for somebody with these wishes in this zone. What is urgent leaves at
/// once and alone.
pub fn due(now: Timestamp, zone: &TimeZone, quiet: Option<Quiet>, digest: Digest, urgent: bool) -> Due {
    if urgent {
        return Due { at: now, gathered: false };
    }
    let at = match digest {
        Digest::Off => now,
        Digest::Hourly => next_hour(now, zone),
        Digest::Daily => next_morning(now, zone),
    };
    let at = quiet.map_or(at, |quiet| quiet.over(at, zone));
    Due { at, gathered: digest != Digest::Off }
}

/// The next full hour that the clock shows: zones that are half an hour apart have hours of their own.
fn next_hour(now: Timestamp, zone: &TimeZone) -> Timestamp {
    let shown = now.as_second() + i64::from(zone.to_offset(now).seconds());
    let left = 3_600 - shown.rem_euclid(3_600);
    let full = Timestamp::from_second(now.as_second()).unwrap_or(now);
    full.checked_add(SignedDuration::from_secs(left)).unwrap_or(now)
}

fn next_morning(now: Timestamp, zone: &TimeZone) -> Timestamp {
    let shown = zone.to_datetime(now);
    let today = shown.date().to_datetime(DAILY_AT);
    let wanted = if shown < today { today } else { today.checked_add(1.day()).unwrap_or(today) };
    first_showing(wanted, now, zone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn quiet(start: (i8, i8), end: (i8, i8)) -> Quiet {
        Quiet::new(Time::constant(start.0, start.1, 0, 0), Time::constant(end.0, end.1, 0, 0)).unwrap()
    }

    #[test]
    fn a_night_ends_at_seven_on_the_wall_clock_whatever_the_clock_did_in_it() {
        let night = quiet((22, 0), (7, 0));
        let berlin = zone("Europe/Berlin");
        for (now, over) in [
            ("2026-06-01T20:00:00Z", "2026-06-02T05:00:00Z"),
            ("2026-06-02T04:59:59Z", "2026-06-02T05:00:00Z"),
            ("2026-06-02T05:00:00Z", "2026-06-02T05:00:00Z"),
            ("2026-06-01T19:59:59Z", "2026-06-01T19:59:59Z"),
            // The night of 28 to 29 March has eight hours of quiet, that of 24 to 25 October has ten.
            ("2026-03-28T21:00:00Z", "2026-03-29T05:00:00Z"),
            ("2026-10-24T20:00:00Z", "2026-10-25T06:00:00Z"),
        ] {
            assert_eq!(night.over(at(now), &berlin), at(over), "{now}");
        }
    }

    #[test]
    fn an_end_that_the_clock_jumps_over_is_the_jump_and_one_that_comes_twice_is_the_next() {
        let berlin = zone("Europe/Berlin");
        let early = quiet((22, 0), (2, 30));
        assert_eq!(early.over(at("2026-03-29T00:59:00Z"), &berlin), at("2026-03-29T01:00:00Z"));
        // 02:10, the first and the second time.
        assert_eq!(early.over(at("2026-10-25T00:10:00Z"), &berlin), at("2026-10-25T00:30:00Z"));
        assert_eq!(early.over(at("2026-10-25T01:10:00Z"), &berlin), at("2026-10-25T01:30:00Z"));
        // 02:50 the first time, and ten minutes later it is 02:00 once more.
        assert_eq!(quiet((2, 30), (3, 30)).over(at("2026-10-25T00:50:00Z"), &berlin), at("2026-10-25T01:00:00Z"));
    }

    #[test]
    fn digests_come_at_full_hours_of_the_clock_and_at_eight_and_wait_for_the_end_of_the_night() {
        let kathmandu = zone("Asia/Kathmandu");
        let all = |now, digest, quiet| due(at(now), &kathmandu, quiet, digest, false).at;
        // 12:10 there.
        assert_eq!(all("2026-06-01T06:25:00Z", Digest::Hourly, None), at("2026-06-01T07:15:00Z"));
        assert_eq!(all("2026-06-01T06:25:00Z", Digest::Daily, None), at("2026-06-02T02:15:00Z"));
        assert_eq!(all("2026-06-01T02:14:59Z", Digest::Daily, None), at("2026-06-01T02:15:00Z"));
        assert_eq!(all("2026-06-01T02:15:00Z", Digest::Daily, None), at("2026-06-02T02:15:00Z"));
        let late = Some(quiet((20, 0), (9, 30)));
        assert_eq!(all("2026-06-01T15:25:00Z", Digest::Hourly, late), at("2026-06-02T03:45:00Z"));
        assert_eq!(all("2026-06-01T06:25:00Z", Digest::Daily, late), at("2026-06-02T03:45:00Z"));
    }

    fn zones() -> impl Strategy<Value = TimeZone> {
        let names = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"];
        proptest::sample::select(names.to_vec()).prop_map(zone)
    }

    fn hours() -> impl Strategy<Value = Quiet> {
        (0_i16..1_440, 1_i16..1_440).prop_map(|(start, length)| {
            let time = |minutes: i16| {
                let of = |n: i16| i8::try_from(n).unwrap();
                Time::constant(of(minutes / 60), of(minutes % 60), 0, 0)
            };
            Quiet::new(time(start), time((start + length) % 1_440)).unwrap()
        })
    }

    /// Whole minutes within two days of the jumps of 2026, and any others.
    fn instants() -> impl Strategy<Value = Timestamp> {
        let jumps = ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z"]
            .map(|text| at(text).as_second() / 60);
        let near = (proptest::sample::select(jumps.to_vec()), -2_880_i64..2_880).prop_map(|(jump, off)| jump + off);
        let any = 29_000_000_i64..31_000_000;
        prop_oneof![near, any].prop_map(|minutes| Timestamp::from_second(minutes * 60).unwrap())
    }

    proptest! {
        /// Against the definition: minute by minute, the first that is not quiet.
        #[test]
        fn quiet_hours_end_at_the_first_minute_that_is_not_quiet(zone in zones(), quiet in hours(), now in instants()) {
            let minutes = (0_i64..).map(|n| Timestamp::from_second(now.as_second() + n * 60).unwrap());
            let expected = minutes.into_iter().find(|at| !quiet.has(zone.to_datetime(*at).time())).unwrap();
            prop_assert_eq!(quiet.over(now, &zone), expected);
        }

        #[test]
        fn nothing_leaves_early_or_in_quiet_hours_or_later_than_two_days_and_the_urgent_leaves_now(
            zone in zones(), quiet in proptest::option::of(hours()), now in instants(),
            digest in proptest::sample::select(vec![Digest::Off, Digest::Hourly, Digest::Daily]),
        ) {
            let due_then = due(now, &zone, quiet, digest, false);
            prop_assert!(due_then.at >= now && due_then.at <= now + SignedDuration::from_hours(50));
            prop_assert!(quiet.is_none_or(|quiet| !quiet.has(zone.to_datetime(due_then.at).time())));
            prop_assert_eq!(due_then.gathered, digest != Digest::Off);
            prop_assert_eq!(due(now, &zone, quiet, digest, true), Due { at: now, gathered: false });
        }

        /// So messages of one period are in one digest, and no period begins before the one before it has ended.
        #[test]
        fn what_is_stored_later_does_not_leave_earlier(
            zone in zones(), quiet in proptest::option::of(hours()), now in instants(), later in 0_i64..4_000,
            digest in proptest::sample::select(vec![Digest::Off, Digest::Hourly, Digest::Daily]),
        ) {
            let then = now + SignedDuration::from_mins(later);
            prop_assert!(due(now, &zone, quiet, digest, false).at <= due(then, &zone, quiet, digest, false).at);
        }
    }
}
