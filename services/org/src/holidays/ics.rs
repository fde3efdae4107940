//! Holidays of an iCalendar file (RFC 5545): all-day events, and yearly ones. A small reader of our own: what a holiday
//! calendar needs is little, what a file may hold is much, and everything beyond the little is refused by its line
//! instead of being guessed at.

use crate::holidays::ics_text::{Line, lines, unescape};
use crate::values::HolidayName;
use jiff::ToSpan as _;
use jiff::civil::Date;
use rollcall_common::fault::Fault;
use rollcall_common::problem::FieldError;
use rollcall_common::validate::{self, Rejection};
use rollcall_org_api::facts::{HolidayFact, HolidayPortion};
use std::collections::BTreeMap;

/// Events of a file at most.
const MOST_EVENTS: usize = 2_000;
/// Days of one event at most.
const LONGEST: i32 = 31;
/// Years ahead for which yearly events are laid out.
const YEARS_AHEAD: i16 = 10;
/// What is wrong with a file is listed up to here.
const MOST_ERRORS: usize = 100;

/// An event as far as it is read.
#[derive(Default)]
struct Event {
    line: usize,
    start: Option<Date>,
    /// The day after the last one.
    end: Option<Date>,
    name: Option<String>,
    /// Last day of a yearly repetition, and how often at most.
    yearly: Option<(Option<Date>, Option<u32>)>,
}

/// The holidays that the file tells of, ordered by date, one a day; else what is wrong, by line.
pub(crate) fn holidays(text: &str, today: Date) -> Result<Vec<HolidayFact>, Fault> {
    let mut errors = Vec::new();
    let mut note = |line: usize, Rejection { code, detail }: Rejection| {
        if errors.len() < MOST_ERRORS {
            errors.push(FieldError { pointer: format!("line {line}"), code: code.into(), detail });
        }
    };
    let mut days = BTreeMap::new();
    match lines(text).and_then(|lines| events(&lines, &mut note)) {
        Err((line, why)) => note(line, why),
        Ok(events) => {
            for event in events {
                match event.days(today) {
                    Ok(found) => days.extend(found.into_iter().map(|holiday| (holiday.date, holiday))),
                    Err(why) => note(event.line, why),
                }
            }
        }
    }
    if errors.is_empty() { Ok(days.into_values().collect()) } else { Err(Fault::Invalid(errors)) }
}

/// The events of the calendar. What hinders reading on is the error; what is wrong within one event is noted.
fn events(lines: &[Line], note: &mut impl FnMut(usize, Rejection)) -> Result<Vec<Event>, (usize, Rejection)> {
    let wrong = |line: &Line, detail: &'static str| (line.number, Rejection::new("not_icalendar", detail));
    let mut open: Vec<&str> = Vec::new();
    let mut events: Vec<Event> = Vec::new();
    for line in lines {
        let value = line.value.trim();
        match (line.name.as_str(), open.last().copied()) {
            ("BEGIN", None) if !value.eq_ignore_ascii_case("VCALENDAR") => {
                return Err(wrong(line, "must begin with BEGIN:VCALENDAR"));
            }
            ("BEGIN", _) if open.len() >= 8 => return Err(wrong(line, "nests too deep")),
            ("BEGIN", _) => {
                if value.eq_ignore_ascii_case("VEVENT") {
                    events.push(Event { line: line.number, ..Event::default() });
                    if events.len() > MOST_EVENTS {
                        let why = Rejection::new("too_many", format!("at most {MOST_EVENTS} events"));
                        return Err((line.number, why));
                    }
                }
                open.push(&line.value);
            }
            ("END", Some(begun)) if begun.trim().eq_ignore_ascii_case(value) => {
                open.pop();
            }
            ("END", _) => return Err(wrong(line, "ends what was not begun")),
            (_, None) => return Err(wrong(line, "must stand within BEGIN:VCALENDAR and END:VCALENDAR")),
            (_, Some(part)) if part.trim().eq_ignore_ascii_case("VEVENT") => {
                if let Some(event) = events.last_mut()
                    && let Err(why) = event.read(line)
                {
                    note(line.number, why);
                }
            }
            _ => {}
        }
    }
    match (open.is_empty(), lines.last()) {
        (true, Some(_)) => Ok(events),
        (_, last) => {
            let why = Rejection::new("not_icalendar", "must end with END:VCALENDAR");
            Err((last.map_or(1, |line| line.number), why))
        }
    }
}

impl Event {
    fn read(&mut self, line: &Line) -> Result<(), Rejection> {
        match line.name.as_str() {
            "DTSTART" => self.start = Some(date(&line.value)?),
            "DTEND" => {
                let end = date(&line.value)?;
                // The end of whole days is the day after; one with a time falls within its day.
                self.end = if line.value.contains('T') { end.tomorrow().ok() } else { Some(end) };
            }
            "SUMMARY" => self.name = Some(HolidayName::parse(&unescape(&line.value))?.as_str().to_owned()),
            "RRULE" => self.yearly = Some(yearly(&line.value)?),
            "RDATE" | "EXDATE" | "EXRULE" | "RECURRENCE-ID" => {
                return Err(Rejection::new("unsupported", format!("{} is not understood", line.name)));
            }
            _ => {}
        }
        Ok(())
    }

    /// Its holidays, those of its repetitions too.
    fn days(&self, today: Date) -> Result<Vec<HolidayFact>, Rejection> {
        let missing = |what| Rejection::new("required", format!("the event has no {what} that can be read"));
        let start = self.start.ok_or_else(|| missing("DTSTART"))?;
        let name = self.name.as_ref().ok_or_else(|| missing("SUMMARY"))?;
        let length = self.end.map_or(1, |end| (end - start).get_days()).max(1);
        if self.end.is_some_and(|end| end < start) || length > LONGEST {
            let rule = format!("must end after it starts, and last at most {LONGEST} days");
            return Err(Rejection::new("out_of_range", rule));
        }
        let day = |date| HolidayFact { date, name: name.clone(), portion: HolidayPortion::Full };
        let whole = |first: Date| {
            let dates = (0..length).map_while(move |offset| first.checked_add(offset.days()).ok());
            dates.filter(|date| validate::date(*date).is_ok()).map(day).collect::<Vec<_>>()
        };
        let Some((until, count)) = self.yearly else { return Ok(whole(start)) };
        let horizon = today.year().saturating_add(YEARS_AHEAD);
        let years = (start.year()..=horizon).filter_map(|year| Date::new(year, start.month(), start.day()).ok());
        let within = years.take(count.map_or(usize::MAX, |count| count as usize));
        // The far past of an old rule is nobody's holiday any more.
        let recent = |date: &Date| *date == start || date.year() >= today.year() - 1;
        Ok(within.take_while(|date| until.is_none_or(|until| *date <= until)).filter(recent).flat_map(whole).collect())
    }
}

/// `20261003` or `20261003T…`: the date, whatever the zone; a holiday is one wherever it is kept.
fn date(value: &str) -> Result<Date, Rejection> {
    let wrong = || Rejection::new("invalid_date", "must be a date like 20261003");
    let value = value.trim();
    let day = value.split_once('T').map_or(value, |(day, _)| day);
    if day.len() != 8 || !day.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let number = |range: std::ops::Range<usize>| day[range].parse::<i16>().map_err(|_| wrong());
    let part = |range| number(range).and_then(|n| i8::try_from(n).map_err(|_| wrong()));
    validate::date(Date::new(number(0..4)?, part(4..6)?, part(6..8)?).map_err(|_| wrong())?)
}

/// `FREQ=YEARLY`, perhaps with a last day or a count; the rules of moving feasts are refused.
fn yearly(value: &str) -> Result<(Option<Date>, Option<u32>), Rejection> {
    let unsupported = || Rejection::new("unsupported", "only FREQ=YEARLY with UNTIL or COUNT is understood");
    let (mut until, mut count, mut frequency) = (None, None, false);
    for part in value.trim().to_ascii_uppercase().split(';') {
        match part.split_once('=') {
            Some(("FREQ", "YEARLY")) => frequency = true,
            Some(("INTERVAL", "1") | ("WKST", _)) => {}
            Some(("UNTIL", last)) => until = Some(date(last)?),
            Some(("COUNT", times)) => count = Some(times.parse().map_err(|_| unsupported())?),
            _ => return Err(unsupported()),
        }
    }
    if frequency { Ok((until, count)) } else { Err(unsupported()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    const TODAY: Date = date(2026, 6, 1);

    fn file(event: &str) -> String {
        format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n{event}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
    }

    fn read(event: &str) -> Vec<(String, String)> {
        let days = holidays(&file(event), TODAY).unwrap();
        days.into_iter().map(|day| (day.date.to_string(), day.name)).collect()
    }

    fn refused(text: &str) -> Vec<String> {
        match holidays(text, TODAY) {
            Err(Fault::Invalid(errors)) => errors.into_iter().map(|e| format!("{} {}", e.pointer, e.code)).collect(),
            other => panic!("should be refused: {other:?}"),
        }
    }

    #[test]
    fn an_event_is_a_holiday_on_each_of_its_days() {
        let one = read("DTSTART;VALUE=DATE:20261003\r\nSUMMARY:German Unity\\, Day");
        assert_eq!(one, [("2026-10-03".into(), "German Unity, Day".into())]);
        let two = read("SUMMARY:Christmas\r\nDTSTART;VALUE=DATE:20261225\r\nDTEND;VALUE=DATE:20261227");
        assert_eq!(two.iter().map(|(day, _)| day.as_str()).collect::<Vec<_>>(), ["2026-12-25", "2026-12-26"]);
        assert_eq!(read("SUMMARY:x\r\nDTSTART:20261003T000000Z\r\nDTEND:20261003T235900Z").len(), 1);
    }

    #[test]
    fn a_yearly_event_is_laid_out_from_last_year_to_ten_years_ahead() {
        let years = read("SUMMARY:New Year\r\nDTSTART:20250101\r\nRRULE:FREQ=YEARLY");
        assert_eq!((years.len(), years[11].0.as_str()), (12, "2036-01-01"));
        assert_eq!(read("SUMMARY:x\r\nDTSTART:20260101\r\nRRULE:FREQ=YEARLY;COUNT=3").len(), 3);
        assert_eq!(read("SUMMARY:x\r\nDTSTART:20260101\r\nRRULE:FREQ=YEARLY;UNTIL=20270101T000000Z").len(), 2);
        assert_eq!(read("SUMMARY:leap\r\nDTSTART:20240229\r\nRRULE:FREQ=YEARLY").len(), 4);
        let endless = read("SUMMARY:x\r\nDTSTART:19000101\r\nRRULE:FREQ=YEARLY;COUNT=4000000000");
        assert_eq!(endless.len(), 13, "the first, and those since last year");
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        for (event, expected) in [
            ("DTSTART:2026-10-03\r\nSUMMARY:x", vec!["line 4 invalid_date", "line 3 required"]),
            ("DTSTART:20260230\r\nSUMMARY:x", vec!["line 4 invalid_date", "line 3 required"]),
            ("DTSTART:99991231\r\nSUMMARY:x", vec!["line 4 date_out_of_range", "line 3 required"]),
            ("DTSTART:20261003", vec!["line 3 required"]),
            ("SUMMARY:a\u{7}b\r\nDTSTART:20261003", vec!["line 4 control_character", "line 3 required"]),
            ("SUMMARY:x\r\nDTSTART:20261003\r\nRRULE:FREQ=SECONDLY", vec!["line 6 unsupported"]),
            ("SUMMARY:x\r\nDTSTART:20261003\r\nRRULE:FREQ=YEARLY;BYDAY=1MO", vec!["line 6 unsupported"]),
            ("SUMMARY:x\r\nDTSTART:20261003\r\nRDATE:20261004", vec!["line 6 unsupported"]),
            ("SUMMARY:x\r\nDTSTART:20261003\r\nDTEND:20261002", vec!["line 3 out_of_range"]),
            ("SUMMARY:x\r\nDTSTART:20261003\r\nDTEND:21261002", vec!["line 3 out_of_range"]),
        ] {
            assert_eq!(refused(&file(event)), expected, "{event}");
        }
        let long = format!("DTSTART:20261003\r\nSUMMARY:{}", "é".repeat(101));
        assert_eq!(refused(&file(&long))[0], "line 5 length");
        let many = "BEGIN:VEVENT\nEND:VEVENT\n".repeat(MOST_EVENTS + 1);
        assert_eq!(refused(&format!("BEGIN:VCALENDAR\n{many}END:VCALENDAR")), ["line 4002 too_many"]);
    }

    #[test]
    fn what_is_no_calendar_is_refused() {
        for text in [
            "",
            "\n\n",
            "number,name\n1,Ada",
            "BEGIN:VCARD\nEND:VCARD",
            "BEGIN:VCALENDAR",
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR",
            "END:VCALENDAR",
            "BEGIN:VCALENDAR\nEND:VCALENDAR\nX:1",
            &"BEGIN:VCALENDAR\n".repeat(40_000),
        ] {
            assert!(refused(text)[0].ends_with("not_icalendar"), "{text:.40}");
        }
    }

    proptest! {
        #[test]
        fn no_file_makes_it_fail_otherwise(
            parts in proptest::collection::vec(
                proptest::sample::select(&[
                    "BEGIN:VCALENDAR\n", "END:VCALENDAR\n", "BEGIN:VEVENT\n", "END:VEVENT\n", "DTSTART:20261003\n",
                    "DTSTART:99999999\n", "DTEND:20261005\n", "SUMMARY:\\", "\n ", "RRULE:FREQ=YEARLY;COUNT=0\n", "é;:\n",
                    "RRULE:FREQ=YEARLY;UNTIL=19000101\n", "\u{0}",
                ][..]),
                0..30,
            ),
        ) {
            match holidays(&parts.concat(), TODAY) {
                Ok(days) => prop_assert!(days.is_sorted_by(|a, b| a.date < b.date)),
                Err(Fault::Invalid(errors)) => prop_assert!(errors.iter().all(|e| e.pointer.starts_with("line "))),
                Err(other) => prop_assert!(false, "{other:?}"),
            }
        }
    }
}
