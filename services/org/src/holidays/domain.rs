//! A holiday calendar, and what may be said about one from outside, checked.

use crate::values::{HolidayName, Name};
use jiff::civil::Date;
use rollcall_common::fault::Fault;
use rollcall_common::validate::{self, Fields, Rejection};
use rollcall_ids::HolidayCalendarId;
use rollcall_org_api::facts::{HolidayCalendarFact, HolidayFact, HolidayPortion};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// Holidays of a calendar at most. Each change tells the others the whole calendar, so it stays small; a country has
/// some fifteen a year.
pub(crate) const MOST_HOLIDAYS: usize = 366;

/// A calendar without its holidays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "holiday_calendar_id": "01890a5d-ac96-774b-bcce-b302099a8058", "name": "Berlin", "holidays": 12, "version": 3,
}))]
pub(crate) struct HolidayCalendar {
    /// Its id.
    holiday_calendar_id: HolidayCalendarId,
    /// Its name.
    #[schema(example = "Berlin")]
    name: String,
    /// How many holidays it has.
    holidays: usize,
    /// Ascends with each change, also of a holiday; the value of `ETag`.
    version: i64,
}

impl HolidayCalendar {
    /// What clients see of it.
    pub(crate) fn of(fact: &HolidayCalendarFact) -> Self {
        Self {
            holiday_calendar_id: fact.holiday_calendar_id,
            name: fact.name.clone(),
            holidays: fact.holidays.len(),
            version: fact.version,
        }
    }
}

/// A calendar to add, or a new name for one.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Berlin"}))]
pub(crate) struct CalendarName {
    /// Its name, 1 to 200 characters.
    name: String,
}

impl CalendarName {
    /// Checks it.
    pub(crate) fn parse(&self) -> Result<Name, Fault> {
        let mut fields = Fields::new();
        let name = fields.take("/name", Name::parse(&self.name));
        fields.all((name,)).map(|(name,)| name)
    }
}

/// A holiday to add.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"date": "2026-10-03", "name": "German Unity Day", "portion": "full"}))]
pub(crate) struct NewHoliday {
    /// The day.
    #[schema(value_type = String, format = Date)]
    date: Date,
    /// What is celebrated, 1 to 100 characters.
    name: String,
    /// How much of the day; by default all.
    portion: Option<HolidayPortion>,
}

impl NewHoliday {
    /// Checks every field.
    pub(crate) fn parse(&self) -> Result<HolidayFact, Fault> {
        let mut fields = Fields::new();
        let date = fields.take("/date", validate::date(self.date));
        let name = fields.take("/name", HolidayName::parse(&self.name));
        let (date, name) = fields.all((date, name))?;
        let portion = self.portion.unwrap_or(HolidayPortion::Full);
        Ok(HolidayFact { date, name: name.as_str().to_owned(), portion })
    }
}

/// Which holidays to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct HolidayQuery {
    /// Not before this day.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<Date>,
    /// Not after this day.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<Date>,
}

impl HolidayQuery {
    /// Those that it asks for.
    pub(crate) fn pick(&self, holidays: Vec<HolidayFact>) -> Vec<HolidayFact> {
        let after = |date: Date| self.from.is_none_or(|from| from <= date);
        let before = |date: Date| self.to.is_none_or(|to| date <= to);
        holidays.into_iter().filter(|holiday| after(holiday.date) && before(holiday.date)).collect()
    }
}

/// What came of taking a file over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({"added": 10, "replaced": 1, "unchanged": 2}))]
pub(crate) struct Taken {
    /// Holidays on days that had none.
    added: usize,
    /// Holidays that are another on a day that had one.
    replaced: usize,
    /// Holidays that were there already.
    unchanged: usize,
}

/// The holidays of `old` with those of `new` put over them; 422 when they would be too many.
pub(crate) fn merge(old: &[HolidayFact], new: Vec<HolidayFact>) -> Result<(Vec<HolidayFact>, Taken), Fault> {
    let mut days: BTreeMap<Date, HolidayFact> = old.iter().map(|holiday| (holiday.date, holiday.clone())).collect();
    let mut taken = Taken::default();
    for holiday in new {
        let count = match days.get(&holiday.date) {
            None => &mut taken.added,
            Some(held) if *held == holiday => &mut taken.unchanged,
            Some(_) => &mut taken.replaced,
        };
        *count += 1;
        days.insert(holiday.date, holiday);
    }
    if days.len() > MOST_HOLIDAYS {
        let Rejection { code, detail } = too_many();
        return Err(Fault::invalid("", code, detail));
    }
    Ok((days.into_values().collect(), taken))
}

/// Why one more does not fit.
pub(crate) fn too_many() -> Rejection {
    Rejection::new("too_many", format!("a calendar has at most {MOST_HOLIDAYS} holidays"))
}

/// The name of a portion in the database.
pub(crate) const fn portion_name(portion: HolidayPortion) -> &'static str {
    match portion {
        HolidayPortion::Full => "full",
        HolidayPortion::Am => "am",
        HolidayPortion::Pm => "pm",
    }
}

/// The portion of a stored name; a check constraint keeps others out.
pub(crate) fn portion_named(name: &str) -> HolidayPortion {
    match name {
        "am" => HolidayPortion::Am,
        "pm" => HolidayPortion::Pm,
        _ => HolidayPortion::Full,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn holiday(day: i8, name: &str) -> HolidayFact {
        HolidayFact { date: date(2026, 1, day), name: name.into(), portion: HolidayPortion::Full }
    }

    fn holidays() -> impl Strategy<Value = Vec<HolidayFact>> {
        proptest::collection::vec((1_i8..28, "[ab]").prop_map(|(day, name)| holiday(day, &name)), 0..20)
    }

    proptest! {
        #[test]
        fn taking_a_file_over_twice_changes_nothing_more(old in holidays(), new in holidays()) {
            let (old, _) = merge(&[], old).unwrap();
            let (once, taken) = merge(&old, new.clone()).unwrap();
            prop_assert_eq!(taken.added + taken.replaced + taken.unchanged, new.len());
            let last_of_each: Vec<_> = merge(&[], new).unwrap().0;
            let (twice, again) = merge(&once, last_of_each.clone()).unwrap();
            prop_assert_eq!(&twice, &once);
            prop_assert_eq!(again, Taken { unchanged: last_of_each.len(), ..Taken::default() });
            prop_assert!(once.is_sorted_by(|a, b| a.date < b.date));
        }
    }

    #[test]
    fn the_stored_name_of_a_portion_is_its_wire_name() {
        for portion in [HolidayPortion::Full, HolidayPortion::Am, HolidayPortion::Pm] {
            assert_eq!(serde_json::to_value(portion).unwrap(), portion_name(portion));
            assert_eq!(portion_named(portion_name(portion)), portion);
        }
    }
}
