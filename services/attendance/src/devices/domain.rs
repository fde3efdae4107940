//! What a device may be, and for whom it may punch.

use crate::facts::domain::{Org, assignment_near};
use jiff::Timestamp;
use jiff::civil::Date;
use rollcall_attendance_api::codes;
use rollcall_attendance_api::devices::{DEVICE_SECRET_PREFIX, DeviceBody, DeviceKind};
use rollcall_attendance_api::punches::Source;
use rollcall_common::fault::Fault;
use rollcall_common::secret;
use rollcall_common::validate::{self, Fields, Rejection};
use rollcall_ids::{DeviceId, EmployeeId, SiteId};
use rollcall_org_api::facts::EmployeeFact;
use std::collections::HashSet;

/// People on an allow-list at most.
const ALLOWED: usize = 2_000;

/// A device that is switched on, as punching needs it.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    /// Its id.
    pub(crate) device_id: DeviceId,
    /// What it is.
    pub(crate) kind: DeviceKind,
    /// Where it hangs.
    pub(crate) site_id: SiteId,
    /// Who may punch here; none: everybody of the site.
    pub(crate) allowed: Option<HashSet<EmployeeId>>,
    /// SHA-256 of its secret.
    pub(crate) secret_hash: [u8; 32],
}

impl Door {
    /// Whether `person` may punch here on `date`.
    pub(crate) fn serves(&self, person: &EmployeeFact, date: Date) -> bool {
        let of_site = || assignment_near(person, date).is_some_and(|assignment| assignment.site_id == self.site_id);
        let named = |allowed: &HashSet<EmployeeId>| allowed.contains(&person.employee_id);
        person.works_on(date) && self.allowed.as_ref().map_or_else(of_site, named)
    }

    /// What its punches say of where they were made.
    pub(crate) fn source(&self) -> Source {
        match self.kind {
            DeviceKind::Terminal => Source::Device,
            DeviceKind::Kiosk => Source::Kiosk,
        }
    }
}

/// A new secret.
pub(crate) fn new_secret() -> String {
    format!("{DEVICE_SECRET_PREFIX}{}", secret::random_token(32))
}

/// What a client says of a device, understood.
pub(crate) struct Described {
    pub(crate) name: String,
    pub(crate) site_id: SiteId,
    pub(crate) allowed: Option<Vec<EmployeeId>>,
    pub(crate) disabled: bool,
}

impl Described {
    /// What a client sent, or every field that is wrong. `known` says whether somebody is an employee.
    pub(crate) fn parse(body: DeviceBody, org: &Org, known: impl Fn(EmployeeId) -> bool) -> Result<Self, Fault> {
        let mut fields = Fields::new();
        let name = fields.take("/name", validate::text(&body.name, 100));
        if org.site(body.site_id).is_none() {
            let detail = "the organisation has none of this id";
            fields.reject("/site_id", Rejection::new(codes::UNKNOWN_SITE, detail));
        }
        let named = body.allowed_employees.iter().flatten();
        if named.clone().count() > ALLOWED {
            fields.reject("/allowed_employees", Rejection::new("length", format!("must be at most {ALLOWED}")));
        }
        for (index, id) in named.take(ALLOWED).enumerate().filter(|(_, id)| !known(**id)) {
            let detail = format!("the organisation has no employee {id}");
            fields.reject(&format!("/allowed_employees/{index}"), Rejection::new(codes::UNKNOWN_EMPLOYEE, detail));
        }
        let (name,) = fields.all((name,))?;
        Ok(Self { name, site_id: body.site_id, allowed: body.allowed_employees, disabled: body.disabled })
    }
}

/// What was heard of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    /// When.
    pub(crate) at: Timestamp,
    /// Until when all that was punched there is known; none: no further than before.
    pub(crate) reported_until: Option<Timestamp>,
}

impl Heard {
    /// Of punches made at these instants, some of them offline or none. Whoever sends what was made offline, or what it
    /// has sent before, may have more of it: then it is known up to the newest that came.
    pub(crate) fn of_punches(now: Timestamp, punches: impl Iterator<Item = (Timestamp, bool)>) -> Self {
        let mut reported_until = None;
        for (at, offline) in punches {
            reported_until = reported_until.max(Some(if offline { at } else { now }));
        }
        Self { at: now, reported_until }
    }

    /// Together with what was heard before.
    pub(crate) fn and(self, before: Option<Self>) -> Self {
        let Some(before) = before else { return self };
        Self { at: self.at.max(before.at), reported_until: self.reported_until.max(before.reported_until) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    #[test]
    fn what_is_sent_late_is_known_up_to_the_newest_of_it_and_what_is_sent_at_once_up_to_now() {
        let now: Timestamp = "2026-06-01T08:00:00Z".parse().unwrap();
        let ago = |hours| now - SignedDuration::from_hours(hours);
        let until = |punches: &[(Timestamp, bool)]| Heard::of_punches(now, punches.iter().copied()).reported_until;
        assert_eq!(until(&[(ago(9), true), (ago(3), true), (ago(5), true)]), Some(ago(3)));
        assert_eq!(until(&[(ago(9), true), (now, false)]), Some(now));
        assert_eq!(until(&[]), None);
        let heard = Heard { at: now, reported_until: None };
        let before = Heard { at: ago(1), reported_until: Some(ago(1)) };
        assert_eq!(heard.and(Some(before)), Heard { at: now, reported_until: Some(ago(1)) });
    }

    #[test]
    fn a_secret_is_new_each_time_and_known_for_what_it_is() {
        let [a, b] = [new_secret(), new_secret()];
        assert!(a.starts_with("rcd_") && a.len() == 47 && a != b, "{a}");
    }
}
