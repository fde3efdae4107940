//! How many exports are made at the same time, and how many workbooks of an organisation wait to be read.

use rollcall_common::fault::Fault;
use rollcall_ids::OrgId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Of all organisations together: each takes one of the eight connections for half of its time, and some 25 MiB.
const AT_ONCE: usize = 4;
/// Of one organisation: half is left for the others.
const OF_ONE: usize = 2;
/// Of one organisation, with the workbooks that are finished and wait until somebody has read them: these take nothing from
/// others but room for a file each, and whoever reads slowly is not to fill the disk.
const OF_ONE_IN_ALL: usize = 4;
/// Seconds after which to try again: an export of 2,000 people and a month takes one.
const RETRY_AFTER: u32 = 5;
/// Seconds after which to try again when all that an organisation may have is made: only reading makes room, and whoever
/// takes nothing for a minute is broken off.
const RETRY_AFTER_READING: u32 = 60;

/// The exports that are being made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns(Arc<Mutex<HashMap<OrgId, Count>>>);

/// Those of an organisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    making: usize,
    /// Made, and not read to their end.
    made: usize,
}

/// The right to make one, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Turns,
    org_id: OrgId,
    made: bool,
}

impl Turns {
    /// A turn of the organisation, unless it has enough or all are taken.
    pub(super) fn take(&self, org_id: OrgId) -> Result<Turn, Fault> {
        let mut counts = self.lock();
        let Count { making, made } = counts.get(&org_id).copied().unwrap_or_default();
        if making >= OF_ONE || making + made >= OF_ONE_IN_ALL {
            let retry_after = if made >= OF_ONE_IN_ALL { RETRY_AFTER_READING } else { RETRY_AFTER };
            return Err(Fault::TooManyRequests { policy: "exports", retry_after });
        }
        if counts.values().map(|count| count.making).sum::<usize>() >= AT_ONCE {
            return Err(Fault::Unavailable { what: "exports", retry_after: RETRY_AFTER, source: None });
        }
        counts.entry(org_id).or_default().making += 1;
        Ok(Turn { turns: self.clone(), org_id, made: false })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OrgId, Count>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// All of it is made and in a file: others may begin, and it counts only until it is read.
    pub(super) fn is_made(&mut self) {
        if let Some(count) = self.turns.lock().get_mut(&self.org_id).filter(|_| !self.made) {
            count.making -= 1;
            count.made += 1;
        }
        self.made = true;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut counts = self.turns.lock();
        if let Some(count) = counts.get_mut(&self.org_id) {
            *(if self.made { &mut count.made } else { &mut count.making }) -= 1;
            if *count == Count::default() {
                counts.remove(&self.org_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_organisation_leaves_turns_for_others_and_all_together_have_four() {
        let turns = Turns::default();
        let [a, b, c] = [OrgId::generate(), OrgId::generate(), OrgId::generate()];
        let first = turns.take(a).unwrap();
        let _second = turns.take(a).unwrap();
        assert!(matches!(turns.take(a), Err(Fault::TooManyRequests { retry_after: 5, .. })));
        let _others = [turns.take(b).unwrap(), turns.take(b).unwrap()];
        assert!(matches!(turns.take(c), Err(Fault::Unavailable { .. })));
        drop(first);
        let again = turns.take(c).unwrap();
        drop(again);
        assert!(turns.0.lock().unwrap().get(&c).is_none(), "who has none is forgotten");
    }

    #[test]
    fn what_is_made_and_waits_to_be_read_takes_no_turn_of_others_and_is_counted_for_its_own() {
        let turns = Turns::default();
        let [slow, other] = [OrgId::generate(), OrgId::generate()];
        let made_by = |org_id| {
            let mut turn = turns.take(org_id).unwrap();
            turn.is_made();
            turn
        };
        let mut waiting = vec![made_by(slow), made_by(slow), made_by(slow)];
        let last = turns.take(slow).unwrap();
        assert!(matches!(turns.take(slow), Err(Fault::TooManyRequests { retry_after: 5, .. })), "four in all");
        let idle = OrgId::generate();
        let all: Vec<Turn> = (0..OF_ONE_IN_ALL).map(|_| made_by(idle)).collect();
        assert!(matches!(turns.take(idle), Err(Fault::TooManyRequests { retry_after: 60, .. })), "only reading helps");
        drop(all);
        let others = [turns.take(other).unwrap(), turns.take(other).unwrap()];
        drop(waiting.pop());
        let again = turns.take(slow).unwrap();
        assert!(matches!(turns.take(OrgId::generate()), Err(Fault::Unavailable { .. })), "four are being made");
        drop(last);
        drop(turns.take(OrgId::generate()).unwrap());
        drop((waiting, others, again));
        assert!(turns.0.lock().unwrap().is_empty());
    }
}
