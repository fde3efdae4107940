//! What came too late for a locked period: the difference between what was kept and what the facts say now. Pure.

use crate::workdays::view;
use rollcall_attendance_api::periods::Adjustment;
use rollcall_attendance_api::workdays::Workday;
use rollcall_ids::PunchId;
use std::collections::BTreeMap;

/// The days that differ, by date. Both lists are of one person.
pub(super) fn between(frozen: Vec<Workday>, current: Vec<Workday>) -> Vec<Adjustment> {
    let mut days: BTreeMap<_, (Option<Workday>, Option<Workday>)> = BTreeMap::new();
    for day in frozen {
        let date = day.work_date;
        days.entry(date).or_default().0 = Some(day);
    }
    for day in current {
        let date = day.work_date;
        days.entry(date).or_default().1 = Some(day);
    }
    days.into_values().filter_map(|(frozen, current)| adjustment(frozen, current)).collect()
}

fn adjustment(frozen: Option<Workday>, current: Option<Workday>) -> Option<Adjustment> {
    // What is kept says of itself that it is frozen; that is no difference.
    let as_kept = current.clone().map(|day| match &frozen {
        Some(kept) => {
            let day = Workday { frozen: kept.frozen, version: kept.version, ..day };
            // Days that were kept before they told kinds of leave do not differ by that.
            let silent = kept.leave.as_ref().is_some_and(|leave| leave.kinds.is_empty());
            if silent { view::without_kinds(day) } else { day }
        }
        None => day,
    });
    if as_kept == frozen {
        return None;
    }
    let any = frozen.as_ref().or(current.as_ref())?;
    let (employee_id, work_date) = (any.employee_id, any.work_date);
    let more = |of: fn(&Workday) -> u32| {
        let minutes = |day: &Option<Workday>| day.as_ref().map_or(0, |day| i64::from(of(day)));
        minutes(&current) - minutes(&frozen)
    };
    let punches = |day: &Option<Workday>| -> Vec<PunchId> {
        day.iter().flat_map(|day| &day.punches).map(|punch| punch.punch_id).collect()
    };
    let (before, after) = (punches(&frozen), punches(&current));
    Some(Adjustment {
        employee_id,
        work_date,
        worked_minutes: more(|day| day.worked_minutes),
        paid_minutes: more(|day| day.paid_minutes),
        overtime_minutes: more(|day| day.overtime_minutes),
        overtime_approved_minutes: more(|day| day.overtime_approved_minutes),
        punches_added: after.iter().filter(|id| !before.contains(id)).copied().collect(),
        punches_gone: before.iter().filter(|id| !after.contains(id)).copied().collect(),
        frozen,
        current,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{Date, date};
    use rollcall_ids::EmployeeId;
    use serde_json::json;

    fn day(who: EmployeeId, work_date: Date, worked: u32, punches: &[PunchId]) -> Workday {
        let punches: Vec<_> =
            punches.iter().map(|id| json!({"punch_id": id, "at": "2026-06-01T07:00:00Z", "scheduled": true})).collect();
        serde_json::from_value(json!({
            "employee_id": who, "work_date": work_date, "status": "present", "time_zone": "UTC", "planned_minutes": 480,
            "worked_minutes": worked, "paid_minutes": worked, "break_minutes": 0, "late_minutes": 0,
            "early_leave_minutes": 0, "overtime_minutes": 0, "overtime_approved_minutes": 0, "exceptions": [],
            "punches": punches, "frozen": false, "version": 0,
        }))
        .unwrap()
    }

    #[test]
    fn only_days_that_differ_are_told_with_what_made_the_difference() {
        let who = EmployeeId::generate();
        let [kept, late] = [(); 2].map(|()| PunchId::generate());
        let (first, second, third) = (date(2026, 6, 1), date(2026, 6, 2), date(2026, 6, 3));
        let mut frozen = vec![day(who, first, 480, &[kept]), day(who, second, 480, &[kept])];
        for day in &mut frozen {
            (day.frozen, day.version) = (true, 2);
        }
        let current = vec![day(who, first, 480, &[kept]), day(who, second, 420, &[late]), day(who, third, 60, &[late])];
        let found = between(frozen, current);
        let told: Vec<_> = found.iter().map(|one| (one.work_date, one.worked_minutes)).collect();
        assert_eq!(told, [(second, -60), (third, 60)]);
        assert_eq!((&found[0].punches_added[..], &found[0].punches_gone[..]), (&[late][..], &[kept][..]));
        assert_eq!((found[1].frozen.is_none(), &found[1].punches_added[..]), (true, &[late][..]));
    }

    #[test]
    fn a_day_that_is_no_day_of_theirs_any_more_counts_against_what_was_kept() {
        let who = EmployeeId::generate();
        let found = between(vec![day(who, date(2026, 6, 1), 480, &[])], vec![]);
        assert_eq!((found[0].worked_minutes, found[0].paid_minutes), (-480, -480));
        assert!(found[0].current.is_none());
    }
}
