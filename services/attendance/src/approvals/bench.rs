//! Who may decide a request.

use super::domain::{Request, Voice};
use crate::error::Error;
use crate::facts::Member;
use crate::facts::domain::{Org, assignment_near};
use jiff::Timestamp;
use jiff::civil::Date;
use rollcall_attendance_api::approvals::{RequestKind, RequestStatus, Verdict};
use rollcall_common::fault::Fault;
use rollcall_ids::EmployeeId;
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::{Permission, may_in_org};
use std::sync::Arc;

/// Everybody who has to be looked at to say who may decide for one person on one day.
#[derive(Clone, Debug)]
pub(crate) struct Bench {
    /// The organisation.
    pub(crate) org: Arc<Org>,
    /// Whose request it is.
    pub(crate) person: Arc<EmployeeFact>,
    /// The day.
    pub(crate) today: Date,
}

impl Bench {
    /// Around `person`, at `now`.
    pub(crate) fn of(org: &Arc<Org>, person: EmployeeFact, now: Timestamp) -> Self {
        Self { today: org.date_at(&person, now), org: Arc::clone(org), person: Arc::new(person) }
    }

    /// The direct manager, today.
    pub(crate) fn manager_id(&self) -> Option<EmployeeId> {
        assignment_near(&self.person, self.today)?.manager_id
    }

    /// Whether `who` may decide `request` at its level, on their own account: nobody their own, nobody at both levels
    /// unless there is no other (`alone`).
    fn may(&self, request: &Request, who: &Arc<EmployeeFact>, alone: bool) -> bool {
        let id = who.employee_id;
        if request.is_of(id) || !who.works_on(self.today) || (request.has_heard(id) && !alone) {
            return false;
        }
        if request.approval.level > 1 {
            return may_in_org(&who.grants, Permission::ApprovalsDecide);
        }
        let member = Member { org: Arc::clone(&self.org), employee: Arc::clone(who) };
        self.manager_id() == Some(id) || member.may(Permission::ApprovalsDecide, &self.person, self.today)
    }

    /// As whom `caller` may say `verdict` to `request`: for themselves, or for one of `absent`, who have delegated to
    /// them today.
    pub(crate) fn voice(
        &self,
        request: &Request,
        verdict: Verdict,
        caller: &Arc<EmployeeFact>,
        absent: &[Arc<EmployeeFact>],
        alone: bool,
    ) -> Result<Voice, Error> {
        let by = caller.employee_id;
        let own = request.is_of(by);
        match verdict {
            Verdict::Cancelled => self.taking_back(request, caller, absent, alone),
            Verdict::Rejected if request.waits_for(by) => Ok(Voice { by, on_behalf_of: None }),
            Verdict::Approved | Verdict::Rejected if own => Err(Error::OwnRequest),
            Verdict::Approved | Verdict::Rejected => {
                let voice = self.decider(request, caller, absent, alone)?;
                if request.approval.level == 0 { Err(Error::NotAccepted) } else { Ok(voice) }
            }
        }
    }

    /// As whom somebody takes a request back: whoever asked, or whom it is about. Of leave instead of whoever asked, which
    /// may have been by a right that they have lost since, whoever may write the leave of the person; and of overtime that was
    /// decided, whoever may decide it.
    fn taking_back(
        &self,
        request: &Request,
        caller: &Arc<EmployeeFact>,
        absent: &[Arc<EmployeeFact>],
        alone: bool,
    ) -> Result<Voice, Error> {
        let by = caller.employee_id;
        let may = match request.kind {
            RequestKind::Overtime if request.approval.status != RequestStatus::Pending => {
                let own = request.is_of(by);
                return if own {
                    Err(Error::AlreadyDecided)
                } else {
                    Ok(self.decider(request, caller, absent, alone)?)
                };
            }
            RequestKind::Leave => request.employee_id == by || self.writes_leave(caller),
            RequestKind::Correction | RequestKind::Overtime | RequestKind::Swap => request.is_of(by),
        };
        if may { Ok(Voice { by, on_behalf_of: None }) } else { Err(Fault::Forbidden.into()) }
    }

    /// As whom somebody ends leave that has begun: whoever may write the leave of the person, who is another one.
    pub(crate) fn ending(&self, request: &Request, caller: &Arc<EmployeeFact>) -> Result<Voice, Error> {
        let by = caller.employee_id;
        match self.writes_leave(caller) {
            true if request.employee_id == by => Err(Error::OwnRequest),
            true => Ok(Voice { by, on_behalf_of: None }),
            false => Err(Fault::Forbidden.into()),
        }
    }

    fn writes_leave(&self, who: &Arc<EmployeeFact>) -> bool {
        let member = Member { org: Arc::clone(&self.org), employee: Arc::clone(who) };
        member.may(Permission::LeaveWrite, &self.person, self.today)
    }

    /// As whom somebody decides what is not theirs. Before a colleague has agreed it is as at the first level.
    fn decider(
        &self,
        request: &Request,
        caller: &Arc<EmployeeFact>,
        absent: &[Arc<EmployeeFact>],
        alone: bool,
    ) -> Result<Voice, Fault> {
        let by = caller.employee_id;
        if self.may(request, caller, alone) {
            return Ok(Voice { by, on_behalf_of: None });
        }
        if request.has_heard(by) && !alone {
            return Err(Fault::Forbidden);
        }
        let stood_in_for = absent.iter().find(|other| self.may(request, other, alone));
        let other = stood_in_for.ok_or(Fault::Forbidden)?;
        Ok(Voice { by, on_behalf_of: Some(other.employee_id) })
    }

    /// The direct manager, where it is for them to decide `request`.
    pub(crate) fn manager_for(&self, request: &Request) -> Option<EmployeeId> {
        self.manager_id().filter(|id| request.approval.level == 1 && !request.is_of(*id))
    }

    /// Those of `everywhere`, who may decide for the whole organisation, who may decide `request`: they are told at the
    /// second level, and at the first where no direct manager can be.
    pub(crate) fn able(&self, request: &Request, everywhere: &[Arc<EmployeeFact>]) -> Vec<EmployeeId> {
        let alone = self.is_alone(request, everywhere);
        let able = everywhere.iter().filter(|who| self.may(request, who, alone));
        able.map(|who| who.employee_id).collect()
    }

    /// Whether at the second level nobody is left but whoever has spoken at the first: two levels are two people, but
    /// an organisation with one person to decide must not be stuck. Whoever has no account, invited and not come yet,
    /// decides nothing.
    pub(crate) fn is_alone(&self, request: &Request, everywhere: &[Arc<EmployeeFact>]) -> bool {
        let could = |who: &Arc<EmployeeFact>| who.user_id.is_some() && self.may(request, who, false);
        request.approval.level > 1 && !everywhere.iter().any(could)
    }
}

#[cfg(test)]
mod tests {
    use super::super::domain::tests::request;
    use super::*;
    use jiff::civil::date;
    use rollcall_ids::{AssignmentId, OrgId, SiteId, UnitId, UserId};
    use rollcall_org_api::facts::{AssignmentFact, EmployeeStatus, OrgFact, UnitFact};
    use rollcall_org_api::rights::{Grant, Scope};

    const TODAY: Date = date(2026, 6, 1);

    fn grant(scope: Scope) -> Vec<Grant> {
        vec![Grant { role: "any".into(), permissions: [Permission::ApprovalsDecide].into(), scope }]
    }

    fn person(unit_id: UnitId, manager_id: Option<EmployeeId>, grants: Vec<Grant>) -> EmployeeFact {
        let assignment = AssignmentFact {
            assignment_id: AssignmentId::generate(),
            unit_id,
            site_id: SiteId::generate(),
            manager_id,
            position: None,
            valid_from: date(2025, 1, 1),
            valid_to: None,
        };
        EmployeeFact {
            employee_id: EmployeeId::generate(),
            number: "1".into(),
            name: "Somebody".into(),
            email: None,
            user_id: Some(UserId::generate()),
            status: EmployeeStatus::Active,
            hired_on: date(2025, 1, 1),
            left_on: None,
            assignments: vec![assignment],
            grants,
            version: 1,
        }
    }

    /// A worker in a team, their manager, somebody of the unit above, and one for the whole organisation.
    struct Team {
        bench: Bench,
        worker: Arc<EmployeeFact>,
        manager: Arc<EmployeeFact>,
        head: Arc<EmployeeFact>,
        officer: Arc<EmployeeFact>,
    }

    fn team() -> Team {
        let [root, unit] = [(); 2].map(|()| UnitId::generate());
        let fact = |unit_id, parent_id| UnitFact {
            unit_id,
            name: "U".into(),
            parent_id,
            head_employee_id: None,
            deleted: false,
            version: 1,
        };
        let org = OrgFact {
            org_id: OrgId::generate(),
            name: "O".into(),
            time_zone: "UTC".into(),
            locale: "en".into(),
            version: 1,
        };
        let org = Arc::new(Org::new(org, vec![fact(root, None), fact(unit, Some(root))], vec![]));
        let manager = Arc::new(person(unit, None, vec![]));
        let worker = Arc::new(person(unit, Some(manager.employee_id), vec![]));
        let head = Arc::new(person(root, None, grant(Scope::Unit { unit_id: Some(root) })));
        let officer = Arc::new(person(root, None, grant(Scope::Org)));
        let bench = Bench { org, person: Arc::clone(&worker), today: TODAY };
        Team { bench, worker, manager, head, officer }
    }

    fn asked(team: &Team, levels: u8) -> Request {
        let mut request = request(RequestKind::Leave, levels);
        request.employee_id = team.worker.employee_id;
        request.approval.requested_by = team.worker.employee_id;
        request
    }

    fn approve(request: &mut Request, by: &EmployeeFact) {
        let voice = Voice { by: by.employee_id, on_behalf_of: None };
        request.take(Verdict::Approved, voice, None, Timestamp::UNIX_EPOCH).unwrap();
    }

    #[test]
    fn the_first_level_is_the_managers_or_whoever_decides_for_the_person_and_the_second_the_organisations() {
        let team = team();
        let Team { bench, worker, manager, head, officer } = &team;
        let mut request = asked(&team, 2);
        let may = |request: &Request| {
            [worker, manager, head, officer].map(|who| bench.voice(request, Verdict::Approved, who, &[], false).is_ok())
        };
        assert_eq!(may(&request), [false, true, true, true]);
        approve(&mut request, manager);
        assert_eq!(may(&request), [false, false, false, true]);
    }

    #[test]
    fn who_stands_in_decides_what_the_other_could_and_never_what_is_their_own() {
        let team = team();
        let Team { bench, worker, manager, head, officer } = &team;
        let request = asked(&team, 1);
        let stand_in = Arc::new(person(UnitId::generate(), None, vec![]));
        let absent = [Arc::clone(manager)];
        let voice = bench.voice(&request, Verdict::Rejected, &stand_in, &absent, false).unwrap();
        assert_eq!(voice, Voice { by: stand_in.employee_id, on_behalf_of: Some(manager.employee_id) });
        assert!(bench.voice(&request, Verdict::Rejected, &stand_in, &[Arc::clone(worker)], false).is_err());
        let own = bench.voice(&request, Verdict::Approved, worker, &absent, false);
        assert!(matches!(own, Err(Error::OwnRequest)), "{own:?}");
        let mut gone = EmployeeFact::clone(head);
        gone.left_on = Some(date(2026, 5, 31));
        assert!(bench.voice(&request, Verdict::Approved, &stand_in, &[Arc::new(gone)], false).is_err());
        assert_eq!(bench.manager_for(&request), Some(manager.employee_id));
        assert_eq!(bench.able(&request, &[Arc::clone(officer)]), [officer.employee_id]);
    }

    #[test]
    fn two_levels_are_two_people_unless_there_is_only_one() {
        let team = team();
        let Team { bench, officer, .. } = &team;
        let mut request = asked(&team, 2);
        approve(&mut request, officer);
        let other = Arc::new(person(UnitId::generate(), None, grant(Scope::Org)));
        let both = [Arc::clone(officer), Arc::clone(&other)];
        assert!(!bench.is_alone(&request, &both));
        assert!(bench.voice(&request, Verdict::Approved, officer, &[], false).is_err());
        assert!(bench.voice(&request, Verdict::Approved, officer, &[Arc::clone(&other)], false).is_err());
        assert!(bench.voice(&request, Verdict::Approved, &other, &[], false).is_ok());
        assert_eq!((bench.manager_for(&request), bench.able(&request, &both)), (None, vec![other.employee_id]));
        let alone = bench.is_alone(&request, std::slice::from_ref(officer));
        assert!(alone && bench.voice(&request, Verdict::Approved, officer, &[], alone).is_ok());
    }

    #[test]
    fn a_request_is_taken_back_by_whoever_it_concerns_alone() {
        let team = team();
        let Team { bench, worker, manager, officer, .. } = &team;
        let mut request = asked(&team, 1);
        (request.kind, request.with_employee_id) = (RequestKind::Swap, Some(manager.employee_id));
        let takes_back = |who| bench.voice(&request, Verdict::Cancelled, who, &[], false).is_ok();
        assert_eq!([worker, manager, officer].map(takes_back), [true, true, false]);
        assert!(bench.voice(&request, Verdict::Approved, manager, &[], false).is_err(), "theirs too");
    }

    #[test]
    fn leave_is_taken_back_by_the_person_or_by_whoever_may_write_it_and_ended_by_somebody_else() {
        let team = team();
        let Team { bench, worker, manager, officer, .. } = &team;
        let mut request = asked(&team, 1);
        request.approval.requested_by = officer.employee_id;
        let mut clerk = person(UnitId::generate(), None, grant(Scope::Org));
        clerk.grants[0].permissions = [Permission::LeaveWrite].into();
        let clerk = Arc::new(clerk);
        let takes_back = |who| bench.voice(&request, Verdict::Cancelled, who, &[], false).is_ok();
        assert_eq!([worker, &clerk, manager, officer].map(takes_back), [true, true, false, false]);
        let ends = |who| bench.ending(&request, who).is_ok();
        assert_eq!([worker, &clerk, manager, officer].map(ends), [false, true, false, false]);
        request.employee_id = clerk.employee_id;
        let of_clerk = Bench { person: Arc::clone(&clerk), ..bench.clone() };
        assert!(matches!(of_clerk.ending(&request, &clerk), Err(Error::OwnRequest)));
    }

    #[test]
    fn overtime_that_was_approved_is_taken_back_by_whoever_could_decide_it() {
        let team = team();
        let Team { bench, worker, manager, head, officer } = &team;
        let mut request = asked(&team, 1);
        request.kind = RequestKind::Overtime;
        let takes_back = |request: &Request, who| bench.voice(request, Verdict::Cancelled, who, &[], false).is_ok();
        assert_eq!([worker, manager, head, officer].map(|who| takes_back(&request, who)), [true, false, false, false]);
        approve(&mut request, manager);
        assert_eq!([worker, manager, head, officer].map(|who| takes_back(&request, who)), [false, true, true, true]);
        let own = bench.voice(&request, Verdict::Cancelled, worker, &[], false);
        assert!(matches!(own, Err(Error::AlreadyDecided)), "{own:?}");
    }

    #[test]
    fn nobody_decides_a_swap_before_the_colleague_has_agreed_who_may_refuse_it() {
        let team = team();
        let Team { bench, worker, manager, head, officer } = &team;
        let mut request = asked(&team, 1);
        request.with_employee_id = Some(head.employee_id);
        request.approval.level = 0;
        let says = |verdict, who| bench.voice(&request, verdict, who, &[], false);
        for verdict in [Verdict::Approved, Verdict::Rejected] {
            assert!(matches!(says(verdict, manager), Err(Error::NotAccepted)));
            assert!(matches!(says(verdict, officer), Err(Error::NotAccepted)));
            assert!(matches!(says(verdict, worker), Err(Error::OwnRequest)));
        }
        assert!(matches!(says(Verdict::Approved, head), Err(Error::OwnRequest)));
        assert!(says(Verdict::Rejected, head).is_ok());
    }
}
