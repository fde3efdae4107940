//! What a rotation may be, and what it says of a date.

use jiff::civil::Date;
use rollcall_attendance_api::codes::UNKNOWN_SHIFT;
use rollcall_attendance_api::rotations::RotationBody;
use rollcall_common::fault::Fault;
use rollcall_common::validate::{self, Fields, Rejection};
use rollcall_ids::ShiftId;
use std::collections::HashSet;

/// Days of a cycle at most: a year.
const DAYS: usize = 366;

/// A rotation, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cycle {
    pub(crate) name: String,
    pub(crate) anchor: Date,
    /// Not empty.
    pub(crate) days: Vec<Option<ShiftId>>,
}

impl Cycle {
    /// What a client sent, or every field that is wrong; of the shifts those are `known`.
    pub(crate) fn parse(body: &RotationBody, known: &HashSet<ShiftId>) -> Result<Self, Fault> {
        let mut fields = Fields::new();
        let name = fields.take("/name", validate::text(&body.name, 100));
        let anchor = fields.take("/anchor_date", validate::date(body.anchor_date));
        let days = if (1..=DAYS).contains(&body.cycle.len()) {
            Ok(body.cycle.clone())
        } else {
            Err(Rejection::new("length", format!("must have 1 to {DAYS} days, has {}", body.cycle.len())))
        };
        let days = fields.take("/cycle", days);
        for (index, id) in body.cycle.iter().take(DAYS).enumerate() {
            if id.is_some_and(|id| !known.contains(&id)) {
                let unknown = Rejection::new(UNKNOWN_SHIFT, "the organisation has none of this id");
                fields.reject(&format!("/cycle/{index}"), unknown);
            }
        }
        let (name, anchor, days) = fields.all((name, anchor, days))?;
        Ok(Self { name, anchor, days })
    }

    /// The shifts that a client names, as far as a cycle may go.
    pub(crate) fn named(body: &RotationBody) -> Vec<ShiftId> {
        body.cycle.iter().take(DAYS).copied().flatten().collect()
    }

    /// The shift of `date`; none: a day off. The cycle goes on for ever in both directions.
    pub(crate) fn on(&self, date: Date) -> Option<ShiftId> {
        let length = i32::try_from(self.days.len()).unwrap_or(1).max(1);
        let day = (date - self.anchor).get_days().rem_euclid(length);
        self.days.get(usize::try_from(day).ok()?).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan as _;
    use jiff::civil::date;

    #[test]
    fn a_cycle_goes_on_before_and_after_its_anchor() {
        let [a, b] = [ShiftId::generate(), ShiftId::generate()];
        let anchor = date(2026, 6, 1);
        let cycle = Cycle { name: "ABx".into(), anchor, days: vec![Some(a), Some(b), None] };
        for (days, expected) in [
            (0, Some(a)),
            (1, Some(b)),
            (2, None),
            (3, Some(a)),
            (-1, None),
            (-2, Some(b)),
            (-3, Some(a)),
            (3001, Some(b)),
        ] {
            assert_eq!(cycle.on(anchor + days.days()), expected, "{days} days from the anchor");
        }
    }

    #[test]
    fn a_cycle_has_between_a_day_and_a_year() {
        let of =
            |days: usize| RotationBody { name: "N".into(), anchor_date: date(2026, 6, 1), cycle: vec![None; days] };
        for (days, good) in [(0, false), (1, true), (366, true), (367, false), (400, false)] {
            assert_eq!(Cycle::parse(&of(days), &HashSet::new()).is_ok(), good, "{days}");
        }
    }
}
