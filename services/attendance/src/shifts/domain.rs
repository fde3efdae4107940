//! What a shift may be.

use jiff::Timestamp;
use jiff::civil::Date;
use rollcall_attendance_api::policy::Policy;
use rollcall_attendance_api::shifts::{Break, NewBreak, Shift, ShiftBody};
use rollcall_attendance_api::wall_time::WallTime;
use rollcall_common::fault::Fault;
use rollcall_common::validate::{self, Fields, Rejection};
use rollcall_ids::ShiftId;

/// Minutes of a day.
const DAY: u32 = 24 * 60;
/// Breaks of a shift at most.
const BREAKS: usize = 10;

/// One version of a shift, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) start: WallTime,
    pub(crate) end: WallTime,
    pub(crate) breaks: Vec<Break>,
    pub(crate) policy: Policy,
    pub(crate) valid_from: Option<Date>,
}

impl Version {
    /// The first version that a client sent, or every field that is wrong.
    pub(crate) fn parse_first(body: &ShiftBody) -> Result<Self, Fault> {
        let detail = "must be left out: the first version of a shift holds from ever";
        let from_ever = body.valid_from.map_or(Ok(None), |_| Err(Rejection::new("first_version", detail)));
        Self::read(body, None, from_ever)
    }

    /// A later version that a client sent of the shift with the code `since`, or every field that is wrong.
    pub(crate) fn parse(body: &ShiftBody, since: &str) -> Result<Self, Fault> {
        Self::read(body, Some(since), body.valid_from.map(validate::date).transpose())
    }

    fn read(body: &ShiftBody, since: Option<&str>, valid_from: Result<Option<Date>, Rejection>) -> Result<Self, Fault> {
        let mut fields = Fields::new();
        let code = validate::text(&body.code, 20).and_then(|code| {
            let stays = since.is_none_or(|since| since == code);
            if stays { Ok(code) } else { Err(Rejection::new("immutable", "the code of a shift stays")) }
        });
        let code = fields.take("/code", code);
        let name = fields.take("/name", validate::text(&body.name, 100));
        let start = fields.take("/start", wall_time(&body.start));
        let end = fields.take("/end", wall_time(&body.end));
        let breaks = breaks(&mut fields, &body.breaks, start.zip(end));
        let policy = policy(&mut fields, body);
        let valid_from = fields.take("/valid_from", valid_from);
        let (code, name, start, end, valid_from) = fields.all((code, name, start, end, valid_from))?;
        Ok(Self { code, name, start, end, breaks, policy, valid_from })
    }

    /// As clients see it.
    pub(crate) fn view(self, shift_id: ShiftId, version: i64, created_at: Timestamp) -> Shift {
        let Self { code, name, start, end, breaks, policy, valid_from } = self;
        Shift { shift_id, code, name, start, end, breaks, valid_from, policy, version, created_at }
    }
}

fn wall_time(text: &str) -> Result<WallTime, Rejection> {
    WallTime::parse(text).ok_or_else(|| Rejection::new("invalid_time", "must be a time like 09:00"))
}

/// Minutes from `start` to `time`, going forward.
fn forward(start: WallTime, time: WallTime) -> u32 {
    (time.minutes() + DAY - start.minutes()) % DAY
}

/// Minutes from start to end of a shift; one that ends when it starts lasts a day.
fn length(start: WallTime, end: WallTime) -> u32 {
    match forward(start, end) {
        0 => DAY,
        minutes => minutes,
    }
}

/// Whether two breaks have a minute in common, on whichever side of midnight: each from its start to its end.
fn overlap(one: (WallTime, WallTime), other: (WallTime, WallTime)) -> bool {
    let begins_within = |a: (WallTime, WallTime), b: (WallTime, WallTime)| forward(a.0, b.0) < forward(a.0, a.1);
    begins_within(one, other) || begins_within(other, one)
}

/// That a break lasts, lies within its shift, if that is known, and apart from those `before` it.
fn placed(
    one: (WallTime, WallTime),
    shift: Option<(WallTime, WallTime)>,
    before: &[(WallTime, WallTime)],
) -> Result<(), Rejection> {
    let (from, to) = one;
    if from == to {
        return Err(Rejection::new("empty_break", "must last at least a minute"));
    }
    if shift.is_some_and(|(start, end)| forward(start, from) + forward(from, to) > length(start, end)) {
        return Err(Rejection::new("outside_shift", "must lie within the shift"));
    }
    if before.iter().any(|other| overlap(*other, one)) {
        return Err(Rejection::new("overlap", "must not overlap another break"));
    }
    Ok(())
}

/// The breaks of a shift from `shift.0` to `shift.1`. Where these are not known, because they are wrong themselves, what
/// is wrong with the breaks alone is still named; and of too many, what is wrong with as many as there may be.
fn breaks(fields: &mut Fields, given: &[NewBreak], shift: Option<(WallTime, WallTime)>) -> Vec<Break> {
    if given.len() > BREAKS {
        fields.reject("/breaks", Rejection::new("too_many", format!("must be at most {BREAKS}")));
    }
    // Those that are refused too: what lies on one of them is named with it.
    let mut before: Vec<(WallTime, WallTime)> = Vec::new();
    let mut parsed = Vec::new();
    for (index, one) in given.iter().take(BREAKS).enumerate() {
        let pointer = format!("/breaks/{index}");
        let from = fields.take(&format!("{pointer}/start"), wall_time(&one.start));
        let to = fields.take(&format!("{pointer}/end"), wall_time(&one.end));
        let Some((from, to)) = from.zip(to) else { continue };
        if fields.take(&pointer, placed((from, to), shift, &before)).is_some() {
            parsed.push(Break { start: from, end: to, paid: one.paid });
        }
        if from != to {
            before.push((from, to));
        }
    }
    let unpaid: u32 = parsed.iter().filter(|one| !one.paid).map(|one| forward(one.start, one.end)).sum();
    if shift.is_some_and(|(start, end)| unpaid >= length(start, end)) {
        fields.reject("/breaks", Rejection::new("nothing_to_work", "must leave something of the shift to work"));
    }
    parsed
}

fn policy(fields: &mut Fields, body: &ShiftBody) -> Policy {
    let default = Policy::default();
    let mut at_most = |pointer: &str, given: Option<u32>, default: u32, most: u32| {
        let value = given.unwrap_or(default);
        if value > most {
            fields.reject(pointer, Rejection::new("out_of_range", format!("must be 0 to {most}")));
        }
        value
    };
    let overtime = body.overtime.unwrap_or_default();
    let policy = Policy {
        opens_before: at_most("/opens_before", body.opens_before, default.opens_before, 720),
        closes_after: at_most("/closes_after", body.closes_after, default.closes_after, 720),
        grace_in: at_most("/grace_in", body.grace_in, default.grace_in, 240),
        grace_out: at_most("/grace_out", body.grace_out, default.grace_out, 240),
        debounce_seconds: at_most("/debounce_seconds", body.debounce_seconds, default.debounce_seconds, 3_600),
        pairing: body.pairing.unwrap_or_default(),
        absent_below: at_most("/absent_below", body.absent_below, default.absent_below, DAY),
        half_day_below: at_most("/half_day_below", body.half_day_below, default.half_day_below, DAY),
        rounding: body.rounding,
        auto_break: body.auto_break,
        overtime,
        split_at_midnight: body.split_at_midnight.unwrap_or(default.split_at_midnight),
    };
    at_most("/overtime/minimum", Some(overtime.minimum), 0, DAY);
    at_most("/auto_break/after", body.auto_break.map(|rule| rule.after), 0, DAY);
    at_most("/auto_break/minutes", body.auto_break.map(|rule| rule.minutes), 0, 480);
    if body.rounding.is_some_and(|rule| !(1..=240).contains(&rule.to)) {
        fields.reject("/rounding/to", Rejection::new("out_of_range", "must be 1 to 240"));
    }
    policy
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn parse(change: &Value) -> Result<Version, Vec<(String, String)>> {
        let mut body = json!({"code": "DAY", "name": "Day", "start": "09:00", "end": "18:00"});
        for (key, value) in change.as_object().unwrap() {
            body[key] = value.clone();
        }
        let body = serde_json::from_value(body).unwrap();
        Version::parse(&body, "DAY").map_err(|fault| match fault {
            Fault::Invalid(errors) => errors.into_iter().map(|e| (e.pointer, e.code.into_owned())).collect(),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let version = parse(&json!({})).unwrap();
        assert_eq!(version.policy, Policy::default());
        assert_eq!((version.policy.opens_before, version.policy.closes_after), (240, 360));
        assert!(version.policy.overtime.counts_after && !version.policy.overtime.counts_before);
    }

    #[test]
    fn breaks_lie_within_the_shift_and_apart() {
        let wrong = |breaks: Value| parse(&json!({"breaks": breaks})).unwrap_err();
        let one = |start: &str, end: &str| json!({"start": start, "end": end});
        assert_eq!(wrong(json!([one("08:30", "09:30")])), [("/breaks/0".into(), "outside_shift".into())]);
        assert_eq!(wrong(json!([one("17:30", "18:30")])), [("/breaks/0".into(), "outside_shift".into())]);
        assert_eq!(wrong(json!([one("12:00", "12:00")])), [("/breaks/0".into(), "empty_break".into())]);
        let overlapping = json!([one("12:00", "13:00"), one("12:30", "13:30")]);
        assert_eq!(wrong(overlapping), [("/breaks/1".into(), "overlap".into())]);
        assert!(parse(&json!({"breaks": [one("12:00", "13:00"), one("13:00", "13:30")]})).is_ok());
    }

    #[test]
    fn a_shift_of_no_hours_is_none_and_one_that_ends_when_it_starts_lasts_a_day() {
        let whole = json!({"breaks": [{"start": "09:00", "end": "12:00"}, {"start": "12:00", "end": "18:00"}]});
        assert_eq!(parse(&whole).unwrap_err(), [("/breaks".into(), "nothing_to_work".into())]);
        let paid = json!({"breaks": [{"start": "09:00", "end": "18:00", "paid": true}]});
        assert!(parse(&paid).is_ok());
        let day = json!({"end": "09:00", "breaks": [{"start": "08:00", "end": "08:59"}]});
        assert_eq!(parse(&day).unwrap().breaks.len(), 1);
        for hours in ["24:00", "25:00", "34:00"] {
            assert_eq!(parse(&json!({"end": hours})).unwrap_err(), [("/end".into(), "invalid_time".into())]);
        }
    }

    #[test]
    fn a_break_of_a_night_may_lie_on_the_next_day() {
        let night = json!({"start": "22:00", "end": "06:00", "breaks": [{"start": "23:45", "end": "00:15"},
            {"start": "02:00", "end": "02:30"}]});
        assert_eq!(parse(&night).unwrap().breaks.len(), 2);
    }

    #[test]
    fn every_bad_field_is_named_at_once() {
        let errors = parse(&json!({
            "code": "", "start": "25:00", "grace_in": 241, "rounding": {"to": 0, "mode": "up"},
            "valid_from": "9999-01-01"
        }));
        let pointers: Vec<_> = errors.unwrap_err().into_iter().map(|(pointer, _)| pointer).collect();
        assert_eq!(pointers, ["/code", "/start", "/grace_in", "/rounding/to", "/valid_from"]);
        let one = |start: &str, end: &str| json!({"start": start, "end": end});
        let breaks = json!([one("x", "y"), one("12:00", "12:00"), one("12:00", "13:00")]);
        let errors = parse(&json!({"start": "25:00", "end": "26:00", "breaks": breaks}));
        let pointers: Vec<_> = errors.unwrap_err().into_iter().map(|(pointer, _)| pointer).collect();
        assert_eq!(pointers, ["/start", "/end", "/breaks/0/start", "/breaks/0/end", "/breaks/1"]);
    }
}
