//! How many punches of one person from one device, or from none, are stored: more than anybody makes, and less than would
//! keep others waiting.
//!
//! Whatever reads the days of many people reads all punches of each. A terminal that loops, or a program, could store
//! millions for one person, and no statement that reads them would end in its time. The person has no part in that, and what
//! they punch meanwhile at another terminal, or with their telephone, would be refused until it is too old to be taken. So a
//! loop uses up what is its own: each device has an allowance for each person, and what comes from none has another.
//!
//! What is stored is counted where it is known to be stored, by the writer; before that it is only asked whether there is
//! room. So a repetition costs nothing, nor what the database refuses, and whoever breaks the connection off gains
//! nothing. Those who ask at the same time may all find the same room, which the queue of the writer bounds.
//!
//! Each instance counts for itself, in memory. Of as many as punch within a day or two some may be forgotten, which makes
//! the bound more generous for them and never fills memory.

use crate::settings::PunchSettings;
use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use rollcall_attendance_api::punches::Punch;
use rollcall_common::fault::Fault;
use rollcall_ids::{DeviceId, EmployeeId};
use std::sync::{Arc, Mutex, PoisonError};

/// Allowances remembered: some 20 MB when all are there.
const REMEMBERED: u64 = 100_000;

/// Whose punches are counted together: those of one person from one device, or from none.
pub(crate) type Counted = (EmployeeId, Option<DeviceId>);

/// With which others a punch is counted.
pub(crate) fn counted(punch: &Punch) -> Counted {
    (punch.employee_id, punch.device_id)
}

/// What of an allowance is used: it shrinks with time.
#[derive(Clone, Copy)]
struct Used {
    /// How long it takes until nothing of it is left.
    time: SignedDuration,
    at: Timestamp,
}

impl Used {
    fn now(self, now: Timestamp) -> SignedDuration {
        // A clock that is put back gives nothing and takes nothing.
        let passed = now.duration_since(self.at).max(SignedDuration::ZERO);
        (self.time - passed).max(SignedDuration::ZERO)
    }
}

/// The allowances of all people at all devices.
pub(crate) struct Allowances {
    used: Cache<Counted, Arc<Mutex<Used>>>,
    /// For one punch.
    each: SignedDuration,
    /// For as many as may be stored at once.
    all: SignedDuration,
}

impl Allowances {
    /// As the settings say.
    pub(crate) fn new(settings: &PunchSettings) -> Self {
        let each = SignedDuration::from_hours(24) / i32::try_from(settings.person_per_day.max(1)).unwrap_or(i32::MAX);
        let all = each * i32::try_from(settings.person_at_once.max(1)).unwrap_or(i32::MAX);
        Self { used: Cache::new(REMEMBERED), each, all }
    }

    /// Whether so many punches that are counted together may still be stored, or the refusal.
    pub(crate) fn room(&self, of: Counted, punches: u32, now: Timestamp) -> Result<(), Fault> {
        let used = self.used.get(&of).map_or(SignedDuration::ZERO, |used| lock(&used).now(now));
        let over = used + self.each * i32::try_from(punches).unwrap_or(i32::MAX) - self.all;
        if over <= SignedDuration::ZERO {
            return Ok(());
        }
        let retry_after = u32::try_from(over.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        Err(Fault::TooManyRequests { policy: "punches_of_a_person", retry_after })
    }

    /// Counts a punch that was stored.
    pub(crate) fn stored(&self, of: Counted, now: Timestamp) {
        let nothing = || Arc::new(Mutex::new(Used { time: SignedDuration::ZERO, at: now }));
        let used = self.used.get_with(of, nothing);
        let mut used = lock(&used);
        *used = Used { time: used.now(now) + self.each, at: now };
    }
}

fn lock(used: &Mutex<Used>) -> std::sync::MutexGuard<'_, Used> {
    used.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowances() -> Allowances {
        let accepts = PunchSettings {
            offline_hours: 72,
            ahead_seconds: 120,
            import_days: 400,
            online_seconds: 120,
            queue: 500,
            person_at_once: 3,
            person_per_day: 24,
        };
        Allowances::new(&accepts)
    }

    #[test]
    fn so_many_are_stored_at_once_then_as_time_passes_and_one_does_not_pay_for_another() {
        let (allowances, start) = (allowances(), Timestamp::UNIX_EPOCH);
        let [one, other] = [(); 2].map(|()| (EmployeeId::generate(), None));
        let has_room = |punches, at| allowances.room(one, punches, at).is_ok();
        assert!(has_room(3, start) && !has_room(4, start), "a batch is refused by what it would come to");
        for _ in 0..3 {
            assert!(has_room(1, start));
            allowances.stored(one, start);
        }
        let refused = allowances.room(one, 1, start);
        assert!(matches!(refused, Err(Fault::TooManyRequests { retry_after: 3_601, .. })), "{refused:?}");
        assert!(allowances.room(other, 3, start).is_ok());
        let hours = |hours| start + SignedDuration::from_hours(hours);
        assert!(
            !has_room(1, hours(1) - SignedDuration::from_secs(1)) && has_room(1, hours(1)) && !has_room(2, hours(1))
        );
        assert!(has_room(3, hours(3)) && !has_room(4, hours(1_000)), "no more is saved up");
    }

    #[test]
    fn a_terminal_that_loops_uses_up_what_is_its_own_of_a_person() {
        let (allowances, start) = (allowances(), Timestamp::UNIX_EPOCH);
        let [who, colleague] = [(); 2].map(|()| EmployeeId::generate());
        let [loops, other] = [(); 2].map(|()| Some(DeviceId::generate()));
        for _ in 0..3 {
            allowances.stored((who, loops), start);
        }
        let has_room = |of| allowances.room(of, 3, start).is_ok();
        assert!(allowances.room((who, loops), 1, start).is_err());
        assert!(has_room((who, other)) && has_room((who, None)) && has_room((colleague, loops)));
        // Nor does the person use up what a terminal may store of them.
        for _ in 0..3 {
            allowances.stored((who, None), start);
        }
        assert!(allowances.room((who, None), 1, start).is_err() && has_room((who, other)));
    }

    #[test]
    fn a_clock_that_is_put_back_locks_nobody_out() {
        let (allowances, later) = (allowances(), "2026-06-02T00:00:00Z".parse().unwrap());
        let who = (EmployeeId::generate(), None);
        allowances.stored(who, later);
        let before = later - SignedDuration::from_hours(1_000);
        assert!(allowances.room(who, 2, before).is_ok() && allowances.room(who, 3, before).is_err());
        allowances.stored(who, before);
        assert!(allowances.room(who, 2, before + SignedDuration::from_hours(1)).is_ok());
    }
}
