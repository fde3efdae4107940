//! What a client may send about leave, and which policy holds for whom.

use crate::facts::domain::{Org, assignment_near};
use jiff::ToSpan as _;
use jiff::civil::Date;
use rollcall_attendance_api::codes;
use rollcall_attendance_api::leave::{
    Accrual, Eligible, LeaveEntryKind, LeavePolicy, LeavePolicyBody, LeaveType, LeaveTypeBody, NewLeaveEntry,
};
use rollcall_common::fault::Fault;
use rollcall_common::validate::{self, Fields, Rejection};
use rollcall_ids::LeaveTypeId;
use rollcall_org_api::facts::EmployeeFact;

/// Minutes of anything at most: more than a working life has.
const MOST: u32 = 1_000_000;
/// Units, sites or employees of one policy at most.
const ELIGIBLE: usize = 500;
/// Kinds of leave of one organisation at most, archived ones too: whoever reads a balance gets all of them on one page.
pub(crate) const TYPES: i64 = 100;
/// Policies of one organisation at most, ended ones too: each request and balance reckons with all of them.
pub(crate) const POLICIES: i64 = 200;
/// Days that a grant may stand for: ten years.
const EARNED_DAYS: i32 = 3_660;
/// Years back that a policy may begin, and ahead that anything may be entered or asked: what is given is reckoned from
/// there and up to there.
pub(crate) const YEARS: i32 = 10;

/// A kind of leave as it is stored, or every field that is wrong; `since`: the code of one that is changed.
pub(crate) fn leave_type(body: &LeaveTypeBody, since: Option<&str>) -> Result<LeaveTypeBody, Fault> {
    let mut fields = Fields::new();
    let code = validate::text(&body.code, 20).and_then(|code| {
        let stays = since.is_none_or(|since| since == code);
        if stays { Ok(code) } else { Err(Rejection::new("immutable", "the code of a kind of leave stays")) }
    });
    let code = fields.take("/code", code);
    let name = fields.take("/name", validate::text(&body.name, 100));
    if !(1..=2).contains(&body.approval_levels) {
        fields.reject("/approval_levels", Rejection::new("out_of_range", "must be 1 or 2"));
    }
    let (code, name) = fields.all((code, name))?;
    Ok(LeaveTypeBody { code, name, ..body.clone() })
}

/// The kind of leave that was looked for by its id.
pub(crate) fn known<T>(found: Option<T>) -> Result<T, Rejection> {
    found.ok_or_else(|| Rejection::new(codes::UNKNOWN_LEAVE_TYPE, "the organisation has none of this id"))
}

fn minutes(minutes: u32, least: u32) -> Result<u32, Rejection> {
    let detail = || format!("must be {least} to {MOST}");
    if (least..=MOST).contains(&minutes) { Ok(minutes) } else { Err(Rejection::new("out_of_range", detail())) }
}

/// A policy as it is stored, or every field that is wrong; `of`: whether its kind of leave can be what it is; `today` of
/// whoever sends it, `since` when it holds already.
pub(crate) fn policy(
    body: &LeavePolicyBody,
    of: Result<(), Rejection>,
    org: &Org,
    today: Date,
    since: Option<Date>,
) -> Result<LeavePolicyBody, Fault> {
    let mut fields = Fields::new();
    fields.take("/leave_type_id", of);
    let name = fields.take("/name", validate::text(&body.name, 100));
    eligible(&mut fields, &body.eligible, org);
    match body.accrual {
        Accrual::None => {}
        Accrual::Yearly { minutes: given } | Accrual::Monthly { minutes: given } => {
            fields.take("/accrual/minutes", minutes(given, 1));
        }
        Accrual::WorkedHours { minutes: given, per_minutes } => {
            fields.take("/accrual/minutes", minutes(given, 1));
            fields.take("/accrual/per_minutes", minutes(per_minutes, 1));
        }
    }
    if !(1..=12).contains(&body.year_starts_month) {
        fields.reject("/year_starts_month", Rejection::new("out_of_range", "must be 1 to 12"));
    }
    fields.take_optional("/cap_minutes", body.cap_minutes.map(|cap| minutes(cap, 1)));
    if let Some(rule) = body.carry_over {
        fields.take_optional("/carry_over/limit_minutes", rule.limit_minutes.map(|limit| minutes(limit, 0)));
        if rule.expires_after_months.is_some_and(|months| !(1..=24).contains(&months)) {
            let rejection = Rejection::new("out_of_range", "must be 1 to 24");
            fields.reject("/carry_over/expires_after_months", rejection);
        }
    }
    let earliest = today - YEARS.years();
    let earliest = since.map_or(earliest, |since| since.min(earliest));
    let valid_from = validate::date(body.valid_from).and_then(|from| {
        let detail = || format!("must not be before {earliest}");
        if from >= earliest { Ok(from) } else { Err(Rejection::new("date_out_of_range", detail())) }
    });
    fields.take("/valid_from", valid_from);
    let valid_to = body.valid_to.map(|to| validate::date(to).and_then(|to| not_before(body.valid_from, to)));
    fields.take_optional("/valid_to", valid_to);
    let (name,) = fields.all((name,))?;
    Ok(LeavePolicyBody { name, ..body.clone() })
}

fn not_before(from: Date, to: Date) -> Result<Date, Rejection> {
    if to >= from { Ok(to) } else { Err(Rejection::new("before_from", "must not be before the first day")) }
}

/// The list is not empty nor endless, and units and sites exist. Of employees the copy need not know all yet.
fn eligible(fields: &mut Fields, eligible: &Eligible, org: &Org) {
    let mut list = |name: &str, code, known: Vec<bool>| {
        let pointer = format!("/eligible/{name}");
        if known.is_empty() || known.len() > ELIGIBLE {
            fields.reject(&pointer, Rejection::new("length", format!("must be 1 to {ELIGIBLE}")));
        }
        for (index, _) in known.iter().enumerate().take(ELIGIBLE).filter(|(_, known)| !**known) {
            let rejection = Rejection::new(code, "the organisation has none of this id");
            fields.reject(&format!("{pointer}/{index}"), rejection);
        }
    };
    match eligible {
        Eligible::Everyone => {}
        Eligible::Sites { site_ids } => {
            list("site_ids", codes::UNKNOWN_SITE, site_ids.iter().map(|id| org.site(*id).is_some()).collect());
        }
        Eligible::Units { unit_ids } => {
            list("unit_ids", codes::UNKNOWN_UNIT, unit_ids.iter().map(|id| org.unit(*id).is_some()).collect());
        }
        Eligible::Employees { employee_ids } => {
            list("employee_ids", codes::UNKNOWN_EMPLOYEE, employee_ids.iter().map(|_| true).collect());
        }
    }
}

/// An entry by hand that can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ByHand {
    pub(crate) kind: LeaveEntryKind,
    pub(crate) minutes: i64,
    pub(crate) effective_on: Date,
    pub(crate) expires_on: Option<Date>,
    /// The dates that it stands for.
    pub(crate) earned: Option<(Date, Date)>,
    pub(crate) note: String,
}

/// An entry by hand of the kind of leave that was found for it, or every field that is wrong.
pub(crate) fn by_hand(body: &NewLeaveEntry, of: Option<LeaveType>, today: Date) -> Result<(ByHand, LeaveType), Fault> {
    let mut fields = Fields::new();
    let of = fields.take("/leave_type_id", known(of));
    let gives = match body.kind {
        LeaveEntryKind::Grant => true,
        LeaveEntryKind::Adjust => body.minutes > 0,
        _ => {
            fields.reject("/kind", Rejection::new("not_by_hand", "must be grant or adjust"));
            body.minutes > 0
        }
    };
    let most = i64::from(MOST);
    if body.minutes == 0 || !(-most..=most).contains(&body.minutes) || (gives && body.minutes < 0) {
        let detail = "must be 1 to 1,000,000; of an adjustment also less than 0";
        fields.reject("/minutes", Rejection::new("out_of_range", detail));
    }
    let effective_on = fields.take("/effective_on", not_too_far(body.effective_on.unwrap_or(today), today));
    let expires_on = body.expires_on.map(|last| {
        let last = validate::date(last)?;
        if !gives {
            return Err(Rejection::new("takes_away", "must be left out of what takes away"));
        }
        not_before(body.effective_on.unwrap_or(today), last)
    });
    let expires_on = fields.take_optional("/expires_on", expires_on);
    let earned = earned(&mut fields, body);
    let note = fields.take("/note", validate::lines(&body.note, 500));
    let (of, effective_on, expires_on, note) = fields.all((of, effective_on, expires_on, note))?;
    Ok((ByHand { kind: body.kind, minutes: body.minutes, effective_on, expires_on, earned, note }, of))
}

/// A day that is not further ahead than can be reckoned.
pub(crate) fn not_too_far(day: Date, today: Date) -> Result<Date, Rejection> {
    let (day, latest) = (validate::date(day)?, today.saturating_add(YEARS.years()));
    if day <= latest {
        return Ok(day);
    }
    Err(Rejection::new("date_out_of_range", format!("must not be after {latest}")))
}

/// The dates that a grant stands for.
fn earned(fields: &mut Fields, body: &NewLeaveEntry) -> Option<(Date, Date)> {
    let (from, to) = match (body.earned_from, body.earned_to) {
        (None, None) => return None,
        (Some(from), Some(to)) => (from, to),
        (from, _) => {
            let missing = if from.is_some() { "/earned_to" } else { "/earned_from" };
            fields.reject(missing, Rejection::new("required", "must come with the other one"));
            return None;
        }
    };
    if body.kind != LeaveEntryKind::Grant {
        fields.reject("/earned_from", Rejection::new("not_a_grant", "must be left out of what is no grant"));
    }
    let from = fields.take("/earned_from", validate::date(from))?;
    let to = validate::date(to).and_then(|to| not_before(from, to)).and_then(|to| {
        let detail = || format!("must be at most {EARNED_DAYS} days, both ends included");
        if (to - from).get_days() < EARNED_DAYS { Ok(to) } else { Err(Rejection::new("range_too_long", detail())) }
    });
    fields.take("/earned_to", to).map(|to| (from, to))
}

/// The policy by which somebody earns a kind of leave on a day. `policies` are in the order in which they were made.
pub(crate) fn policy_for<'a>(
    policies: &'a [LeavePolicy],
    org: &Org,
    person: &EmployeeFact,
    of: LeaveTypeId,
    day: Date,
) -> Option<&'a LeavePolicy> {
    let assignment = assignment_near(person, day);
    let line = assignment.map_or_else(Vec::new, |assignment| org.unit_and_above(assignment.unit_id));
    let strength = |policy: &&LeavePolicy| match &policy.body.eligible {
        Eligible::Everyone => Some(1),
        Eligible::Sites { site_ids } => assignment.filter(|a| site_ids.contains(&a.site_id)).map(|_| 2),
        Eligible::Units { unit_ids } => unit_ids.iter().any(|id| line.contains(id)).then_some(3),
        Eligible::Employees { employee_ids } => employee_ids.contains(&person.employee_id).then_some(4),
    };
    let holds = |policy: &&LeavePolicy| {
        let body = &policy.body;
        body.leave_type_id == of && body.valid_from <= day && body.valid_to.is_none_or(|to| day <= to)
    };
    let concerned = policies.iter().filter(holds).filter(|policy| strength(policy).is_some());
    // The last of those that are as strong.
    concerned.max_by_key(strength)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use rollcall_ids::{AssignmentId, EmployeeId, LeavePolicyId, OrgId, SiteId, UnitId};
    use rollcall_org_api::facts::{AssignmentFact, EmployeeStatus, OrgFact, UnitFact};

    #[test]
    fn of_several_policies_the_one_that_names_somebody_most_closely_holds_and_of_two_alike_the_later() {
        let [root, leaf] = [(); 2].map(|()| UnitId::generate());
        let unit = |unit_id, parent_id| UnitFact {
            unit_id,
            name: "U".into(),
            parent_id,
            head_employee_id: None,
            deleted: false,
            version: 1,
        };
        let fact = OrgFact {
            org_id: OrgId::generate(),
            name: "O".into(),
            time_zone: "UTC".into(),
            locale: "en".into(),
            version: 1,
        };
        let org = Org::new(fact, vec![unit(root, None), unit(leaf, Some(root))], vec![]);
        let site_id = SiteId::generate();
        let person = EmployeeFact {
            employee_id: EmployeeId::generate(),
            number: "1".into(),
            name: "N".into(),
            email: None,
            user_id: None,
            status: EmployeeStatus::Active,
            hired_on: date(2020, 1, 1),
            left_on: None,
            assignments: vec![AssignmentFact {
                assignment_id: AssignmentId::generate(),
                unit_id: leaf,
                site_id,
                manager_id: None,
                position: None,
                valid_from: date(2020, 1, 1),
                valid_to: None,
            }],
            grants: vec![],
            version: 1,
        };
        let of = LeaveTypeId::generate();
        let policy = |eligible, valid_from| LeavePolicy {
            leave_policy_id: LeavePolicyId::generate(),
            body: LeavePolicyBody {
                leave_type_id: of,
                name: "P".into(),
                eligible,
                accrual: Accrual::None,
                year_starts_month: 1,
                cap_minutes: None,
                carry_over: None,
                valid_from,
                valid_to: None,
            },
            version: 1,
        };
        let always = date(2020, 1, 1);
        let mut policies = vec![
            policy(Eligible::Everyone, always),
            policy(Eligible::Everyone, date(2027, 1, 1)),
            policy(Eligible::Sites { site_ids: vec![site_id] }, date(2028, 1, 1)),
            policy(Eligible::Units { unit_ids: vec![root] }, date(2029, 1, 1)),
            policy(Eligible::Employees { employee_ids: vec![person.employee_id] }, date(2030, 1, 1)),
            policy(Eligible::Employees { employee_ids: vec![EmployeeId::generate()] }, always),
        ];
        let holds = |policies: &[LeavePolicy], year| {
            let found = policy_for(policies, &org, &person, of, date(year, 6, 1));
            found.map(|found| policies.iter().position(|policy| policy == found).unwrap())
        };
        assert_eq!(
            [2019, 2026, 2027, 2028, 2029, 2030].map(|year| holds(&policies, year)),
            [None, Some(0), Some(1), Some(2), Some(3), Some(4)]
        );
        policies[4].body.valid_to = Some(date(2030, 5, 31));
        assert_eq!(holds(&policies, 2030), Some(3));
    }
}
