//! iCalendar, as far as a feed needs it (RFC 5545, RFC 7986).
//!
//! Instants are in UTC. A shift is a single event with a fixed start and end, nothing recurs, so there is nothing that rules
//! of a zone could say in addition; a `VTIMEZONE` would have to bring the rules of years for it, and clients that know a zone
//! by another name or by older rules would show another time. Whole days are dates, which have no zone. Only a calendar
//! that has no event has a zone, of UTC, since it must have something (§3.6) and this says nothing.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Octets of a line at most, without its end (RFC 5545 §3.1).
const LINE: usize = 75;
/// How often clients are asked to look again: a plan changes by the day, and a reading that finds no change is cheap.
const REFRESH: &str = "PT1H";

/// What a calendar has that has nothing else (§3.6.5).
const NOTHING: [&str; 8] = [
    "BEGIN:VTIMEZONE",
    "TZID:Etc/UTC",
    "BEGIN:STANDARD",
    "DTSTART:19700101T000000",
    "TZOFFSETFROM:+0000",
    "TZOFFSETTO:+0000",
    "END:STANDARD",
    "END:VTIMEZONE",
];

/// When something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// From an instant to another.
    Instants(Timestamp, Timestamp),
    /// Whole days, both included.
    Days(Date, Date),
}

/// An entry of a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// The same as long as it is about the same.
    pub(super) uid: String,
    pub(super) when: When,
    pub(super) summary: String,
    pub(super) location: Option<String>,
}

/// A calendar of this name. `changed_at` is when it became what it is; without, the same text says the same.
pub(super) fn calendar(name: &str, events: &[Event], changed_at: Option<Timestamp>) -> String {
    let mut text = String::new();
    let mut line = |content: &str| fold(&mut text, content);
    line("BEGIN:VCALENDAR");
    line("VERSION:2.0");
    line("PRODID:-//Rollcall//Roster//EN");
    line("CALSCALE:GREGORIAN");
    line(&format!("NAME:{}", escaped(name)));
    line(&format!("X-WR-CALNAME:{}", escaped(name)));
    line(&format!("REFRESH-INTERVAL;VALUE=DURATION:{REFRESH}"));
    line(&format!("X-PUBLISHED-TTL:{REFRESH}"));
    if events.is_empty() {
        for content in NOTHING {
            line(content);
        }
    }
    for event in events {
        line("BEGIN:VEVENT");
        line(&format!("UID:{}", event.uid));
        if let Some(at) = changed_at {
            line(&format!("DTSTAMP:{}", instant(at)));
            line(&format!("LAST-MODIFIED:{}", instant(at)));
        }
        match event.when {
            When::Instants(start, end) => {
                line(&format!("DTSTART:{}", instant(start)));
                line(&format!("DTEND:{}", instant(end)));
            }
            When::Days(from, to) => {
                line(&format!("DTSTART;VALUE=DATE:{}", date(from)));
                // The end is the first day that is not in it.
                line(&format!("DTEND;VALUE=DATE:{}", date(to.tomorrow().unwrap_or(to))));
            }
        }
        line(&format!("SUMMARY:{}", escaped(&event.summary)));
        if let Some(location) = &event.location {
            line(&format!("LOCATION:{}", escaped(location)));
        }
        line("END:VEVENT");
    }
    line("END:VCALENDAR");
    text
}

fn instant(at: Timestamp) -> String {
    TimeZone::UTC.to_datetime(at).strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn date(date: Date) -> String {
    date.strftime("%Y%m%d").to_string()
}

/// Text as a value (§3.3.11); of control characters only the end of a line has a meaning.
fn escaped(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' | ';' | ',' => value.extend(['\\', character]),
            '\r' if characters.peek() == Some(&'\n') => {}
            '\r' | '\n' => value.push_str("\\n"),
            other if other.is_control() => value.push(' '),
            other => value.push(other),
        }
    }
    value
}

/// Adds a line, cut into lines of at most 75 octets of which all but the first begin with a space; no character is cut.
fn fold(text: &mut String, content: &str) {
    let mut room = LINE;
    for character in content.chars() {
        let octets = character.len_utf8();
        if octets > room {
            text.push_str("\r\n ");
            room = LINE - 1;
        }
        text.push(character);
        room -= octets;
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unfolded(text: &str) -> Vec<String> {
        text.replace("\r\n ", "").split("\r\n").map(str::to_owned).collect()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_calendar_is_written_as_the_standard_has_it() {
        let shift = Event {
            uid: "a@rollcall".into(),
            when: When::Instants(at("2026-10-24T20:00:00Z"), at("2026-10-25T05:00:00Z")),
            summary: "Night, long; \\ really\nso".into(),
            location: Some("Hafen".into()),
        };
        let days = When::Days("2026-12-30".parse().unwrap(), "2026-12-31".parse().unwrap());
        let away = Event { uid: "b@rollcall".into(), when: days, summary: "休假".into(), location: None };
        let text = calendar("Plan", &[shift, away], Some(at("2026-06-01T00:00:00Z")));
        let expected = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Rollcall//Roster//EN\r\nCALSCALE:GREGORIAN\r\n\
            NAME:Plan\r\nX-WR-CALNAME:Plan\r\nREFRESH-INTERVAL;VALUE=DURATION:PT1H\r\nX-PUBLISHED-TTL:PT1H\r\n\
            BEGIN:VEVENT\r\nUID:a@rollcall\r\nDTSTAMP:20260601T000000Z\r\nLAST-MODIFIED:20260601T000000Z\r\n\
            DTSTART:20261024T200000Z\r\nDTEND:20261025T050000Z\r\nSUMMARY:Night\\, long\\; \\\\ really\\nso\r\n\
            LOCATION:Hafen\r\nEND:VEVENT\r\n\
            BEGIN:VEVENT\r\nUID:b@rollcall\r\nDTSTAMP:20260601T000000Z\r\nLAST-MODIFIED:20260601T000000Z\r\n\
            DTSTART;VALUE=DATE:20261230\r\nDTEND;VALUE=DATE:20270101\r\nSUMMARY:休假\r\nEND:VEVENT\r\n\
            END:VCALENDAR\r\n";
        assert_eq!(text, expected);
    }

    /// RFC 5545 §3.6: a calendar has at least one component, and readers that insist on it refuse one that has none.
    #[test]
    fn a_calendar_without_events_has_a_component_all_the_same() {
        let expected = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Rollcall//Roster//EN\r\nCALSCALE:GREGORIAN\r\n\
            NAME:Plan\r\nX-WR-CALNAME:Plan\r\nREFRESH-INTERVAL;VALUE=DURATION:PT1H\r\nX-PUBLISHED-TTL:PT1H\r\n\
            BEGIN:VTIMEZONE\r\nTZID:Etc/UTC\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n\
            TZOFFSETFROM:+0000\r\nTZOFFSETTO:+0000\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nEND:VCALENDAR\r\n";
        assert_eq!(calendar("Plan", &[], Some(Timestamp::UNIX_EPOCH)), expected);
    }

    proptest! {
        #[test]
        fn no_line_is_too_long_none_is_lost_and_no_text_makes_a_line_of_its_own(summary in any::<String>()) {
            let when = When::Instants(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
            let event = Event { uid: "u".into(), when, summary: summary.clone(), location: Some(summary.clone()) };
            let text = calendar(&summary, &[event], None);
            prop_assert!(text.split("\r\n").all(|line| line.len() <= LINE));
            prop_assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
            prop_assert_eq!(text.matches('\r').count(), text.matches("\r\n").count());
            let lines = unfolded(&text);
            prop_assert_eq!(lines.len(), 8 + 7 + 2, "{:?}", lines);
            prop_assert_eq!(lines.iter().filter(|line| line.starts_with("SUMMARY:")).count(), 1);
        }
    }
}
