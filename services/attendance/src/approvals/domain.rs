//! What a decision leads to.

use crate::error::Error;
use jiff::Timestamp;
use jiff::civil::Date;
use rollcall_attendance_api::approvals::{
    Approval, Decided, RequestGist, RequestKind, RequestStatus, Verdict, WaitingRequest,
};
use rollcall_common::fault::Fault;
use rollcall_ids::{EmployeeId, RequestId};

/// A request, whatever its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "an id says of what it is, here as everywhere")]
pub(crate) struct Request {
    pub(crate) request_id: RequestId,
    pub(crate) kind: RequestKind,
    pub(crate) employee_id: EmployeeId,
    /// Whoever it takes beside the employee.
    pub(crate) with_employee_id: Option<EmployeeId>,
    pub(crate) gist: RequestGist,
    pub(crate) approval: Approval,
}

/// Who speaks, and in whose place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Voice {
    pub(crate) by: EmployeeId,
    pub(crate) on_behalf_of: Option<EmployeeId>,
}

impl Request {
    /// Whether it is about `who`, or was asked for by them: then it is not theirs to decide.
    pub(crate) fn is_of(&self, who: EmployeeId) -> bool {
        [self.employee_id, self.approval.requested_by].contains(&who) || self.with_employee_id == Some(who)
    }

    /// Whether it waits for `who` to agree to a swap with them: level 0, before anybody decides.
    pub(crate) fn waits_for(&self, who: EmployeeId) -> bool {
        let Approval { status, level, .. } = self.approval;
        status == RequestStatus::Pending && level == 0 && self.with_employee_id == Some(who)
    }

    /// Whether it holds no more, and did.
    pub(crate) fn has_held(&self) -> bool {
        let Approval { status, levels, ref decisions, .. } = self.approval;
        let last = |one: &Decided| one.level == levels && one.verdict == Verdict::Approved;
        status == RequestStatus::Cancelled && decisions.iter().any(last)
    }

    /// In whose name `who` agrees to it: whoever it takes beside the employee, once, and nobody in their place.
    pub(crate) fn consent(&self, who: EmployeeId) -> Result<Voice, Error> {
        match self.with_employee_id {
            Some(with) if with == who && self.waits_for(who) => Ok(Voice { by: who, on_behalf_of: None }),
            Some(with) if with == who => Err(Error::AlreadyDecided),
            _ if self.is_of(who) => Err(Error::OwnRequest),
            _ => Err(Fault::Forbidden.into()),
        }
    }

    /// Whether `who` has approved it at an earlier level, or somebody has in their place.
    pub(crate) fn has_heard(&self, who: EmployeeId) -> bool {
        let mut earlier = self.approval.decisions.iter().filter(|one| one.level < self.approval.level);
        earlier.any(|one| one.decided_by == who || one.on_behalf_of == Some(who))
    }

    /// Takes a decision of somebody who may make it, or refuses because it is too late for it.
    pub(crate) fn take(
        &mut self,
        verdict: Verdict,
        voice: Voice,
        note: Option<String>,
        at: Timestamp,
    ) -> Result<&Decided, Error> {
        let approval = &mut self.approval;
        let level = approval.level;
        match (approval.status, verdict) {
            (RequestStatus::Pending, Verdict::Approved) if level < approval.levels => approval.level = level + 1,
            (RequestStatus::Pending, Verdict::Approved) => approval.status = RequestStatus::Approved,
            (RequestStatus::Pending, Verdict::Rejected) => approval.status = RequestStatus::Rejected,
            (RequestStatus::Pending, Verdict::Cancelled) => approval.status = RequestStatus::Cancelled,
            (RequestStatus::Approved, Verdict::Cancelled) if can_be_taken_back(self.kind) => {
                approval.status = RequestStatus::Cancelled;
            }
            (RequestStatus::Approved | RequestStatus::Rejected | RequestStatus::Cancelled, _) => {
                return Err(Error::AlreadyDecided);
            }
        }
        if approval.status != RequestStatus::Pending {
            approval.decided_by = Some(voice.by);
            approval.decided_at = Some(at);
            approval.note.clone_from(&note);
        }
        self.keep(Decided {
            level,
            verdict,
            decided_by: voice.by,
            on_behalf_of: voice.on_behalf_of,
            note,
            at,
            from: None,
        })
    }

    /// Takes back what is left of leave that holds from a day on; from its first day on, that is all of it.
    pub(crate) fn end(
        &mut self,
        from: Date,
        voice: Voice,
        note: Option<String>,
        at: Timestamp,
    ) -> Result<&Decided, Error> {
        match (self.kind, self.approval.status) {
            (RequestKind::Leave, RequestStatus::Approved) if from <= self.gist.from => {
                self.take(Verdict::Cancelled, voice, note, at)
            }
            (RequestKind::Leave, RequestStatus::Approved) => {
                let Voice { by: decided_by, on_behalf_of } = voice;
                let (level, verdict) = (self.approval.level, Verdict::Cancelled);
                self.keep(Decided { level, verdict, decided_by, on_behalf_of, note, at, from: Some(from) })
            }
            (RequestKind::Leave, RequestStatus::Pending) => {
                let detail = "must be left out: what is not approved is taken back as a whole";
                Err(Fault::invalid("/from", "not_approved", detail).into())
            }
            _ => Err(Error::AlreadyDecided),
        }
    }

    /// Keeps a decision, which makes the version it is kept under.
    fn keep(&mut self, decided: Decided) -> Result<&Decided, Error> {
        self.approval.version += 1;
        self.approval.decisions.push(decided);
        self.approval.decisions.last().ok_or(Error::AlreadyDecided)
    }

    /// As a list shows it to `voice`, who may decide it.
    pub(crate) fn waiting(self, employee_name: String, voice: Voice) -> WaitingRequest {
        WaitingRequest {
            kind: self.kind,
            request_id: self.request_id,
            employee_id: self.employee_id,
            employee_name,
            gist: self.gist,
            on_behalf_of: voice.on_behalf_of,
            approval: self.approval,
        }
    }
}

/// Whether it can still be taken back once it is approved: leave that is not needed, and overtime, which several requests
/// of a day add up to and another one could not lower. What a correction has made of a day stays until another
/// correction, and shifts that were swapped until two people swap again: one of them does not plan for the other.
fn can_be_taken_back(kind: RequestKind) -> bool {
    match kind {
        RequestKind::Leave | RequestKind::Overtime => true,
        RequestKind::Correction | RequestKind::Swap => false,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    pub(crate) fn request(kind: RequestKind, levels: u8) -> Request {
        let employee_id = EmployeeId::generate();
        let day = date(2026, 6, 1);
        Request {
            request_id: RequestId::generate(),
            kind,
            employee_id,
            with_employee_id: None,
            gist: RequestGist { from: day, to: day, minutes: None, label: None, reason: None },
            approval: Approval {
                status: RequestStatus::Pending,
                levels,
                level: 1,
                requested_by: employee_id,
                requested_at: Timestamp::UNIX_EPOCH,
                decided_by: None,
                decided_at: None,
                note: None,
                decisions: vec![],
                version: 1,
            },
        }
    }

    fn verdict() -> impl Strategy<Value = Verdict> {
        prop_oneof![Just(Verdict::Approved), Just(Verdict::Rejected), Just(Verdict::Cancelled)]
    }

    proptest! {
        #[test]
        fn whatever_is_said_in_whatever_order_the_record_tells_how_it_stands(
            kind in proptest::sample::select(&RequestKind::ALL[..]), levels in 1_u8..=2,
            said in proptest::collection::vec(verdict(), 0..6),
        ) {
            let mut request = request(kind, levels);
            let mut taken = Vec::new();
            for verdict in said {
                let before = request.clone();
                let voice = Voice { by: EmployeeId::generate(), on_behalf_of: None };
                if request.take(verdict, voice, None, Timestamp::UNIX_EPOCH).is_ok() {
                    taken.push(verdict);
                } else {
                    prop_assert_eq!(&request, &before, "what is refused changes nothing");
                }
            }
            let approval = &request.approval;
            prop_assert_eq!(approval.version, 1 + i64::try_from(taken.len()).unwrap());
            prop_assert_eq!(approval.decisions.iter().map(|one| one.verdict).collect::<Vec<_>>(), taken.clone());
            let yes = taken.iter().filter(|verdict| **verdict == Verdict::Approved).count();
            prop_assert!(yes <= usize::from(levels));
            let expected = match taken.last() {
                Some(Verdict::Rejected) => RequestStatus::Rejected,
                Some(Verdict::Cancelled) => RequestStatus::Cancelled,
                _ if yes == usize::from(levels) => RequestStatus::Approved,
                _ => RequestStatus::Pending,
            };
            prop_assert_eq!(approval.status, expected);
            prop_assert_eq!(approval.decided_by.is_some(), expected != RequestStatus::Pending);
            prop_assert!(taken.iter().filter(|verdict| **verdict != Verdict::Approved).count() <= 1, "an end is one");
        }
    }

    #[test]
    fn who_is_to_swap_agrees_first_and_once() {
        let mut request = request(RequestKind::Swap, 2);
        let [other, stranger] = [(); 2].map(|()| EmployeeId::generate());
        request.with_employee_id = Some(other);
        request.approval.level = 0;
        assert!(matches!(request.consent(request.employee_id), Err(Error::OwnRequest)));
        assert!(matches!(request.consent(stranger), Err(Error::Fault(Fault::Forbidden))));
        let voice = request.consent(other).unwrap();
        request.take(Verdict::Approved, voice, None, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!((request.approval.level, request.approval.status), (1, RequestStatus::Pending));
        assert!(matches!(request.consent(other), Err(Error::AlreadyDecided)));
        for level in [2, 2] {
            let voice = Voice { by: EmployeeId::generate(), on_behalf_of: None };
            request.take(Verdict::Approved, voice, None, Timestamp::UNIX_EPOCH).unwrap();
            assert_eq!(request.approval.level, level);
        }
        assert_eq!(request.approval.status, RequestStatus::Approved);
    }

    #[test]
    fn leave_and_overtime_are_taken_back_after_they_were_approved_and_a_correction_is_not() {
        for kind in RequestKind::ALL {
            let possible = [RequestKind::Leave, RequestKind::Overtime].contains(&kind);
            let mut request = request(kind, 1);
            let voice = Voice { by: EmployeeId::generate(), on_behalf_of: None };
            request.take(Verdict::Approved, voice, None, Timestamp::UNIX_EPOCH).unwrap();
            let back = request.take(Verdict::Cancelled, voice, None, Timestamp::UNIX_EPOCH);
            assert_eq!(back.is_ok(), possible, "{kind:?}");
        }
    }

    #[test]
    fn only_leave_that_holds_is_ended_early_and_it_holds_on() {
        let voice = Voice { by: EmployeeId::generate(), on_behalf_of: None };
        let at = Timestamp::UNIX_EPOCH;
        for kind in RequestKind::ALL {
            let mut request = request(kind, 1);
            let first = request.gist.from;
            let tomorrow = first.tomorrow().unwrap();
            assert!(request.end(tomorrow, voice, None, at).is_err(), "it waits");
            request.take(Verdict::Approved, voice, None, at).unwrap();
            let ended = request.end(tomorrow, voice, None, at).map(|said| said.from);
            assert_eq!(ended.is_ok(), kind == RequestKind::Leave, "{kind:?}");
            if kind == RequestKind::Leave {
                assert_eq!((ended.unwrap(), request.approval.status), (Some(tomorrow), RequestStatus::Approved));
                assert_eq!((request.approval.version, request.approval.decisions.len()), (3, 2));
                assert_eq!(request.end(first, voice, None, at).unwrap().from, None);
                assert_eq!(request.approval.status, RequestStatus::Cancelled);
                assert!(request.end(first, voice, None, at).is_err(), "it is over");
            }
        }
    }
}
