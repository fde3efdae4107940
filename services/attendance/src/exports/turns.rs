//! How many exports are made at the same time.

use rollcall_common::fault::Fault;
use rollcall_ids::OrgId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Of all organisations together: each takes one of the eight connections for half of its time, and some 25 MiB.
const AT_ONCE: usize = 4;
/// Of one organisation: half is left for the others.
const OF_ONE: usize = 2;
/// Seconds after which to try again: an export of 2,000 people and a month takes one.
const RETRY_AFTER: u32 = 5;

/// The exports that are being made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns(Arc<Mutex<HashMap<OrgId, usize>>>);

/// The right to make one, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Turns,
    org_id: OrgId,
}

impl Turns {
    /// A turn of the organisation, unless it has enough or all are taken.
    pub(super) fn take(&self, org_id: OrgId) -> Result<Turn, Fault> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if made.get(&org_id).is_some_and(|mine| *mine >= OF_ONE) {
            return Err(Fault::TooManyRequests { policy: "exports", retry_after: RETRY_AFTER });
        }
        if made.values().sum::<usize>() >= AT_ONCE {
            return Err(Fault::Unavailable { what: "exports", retry_after: RETRY_AFTER, source: None });
        }
        *made.entry(org_id).or_default() += 1;
        Ok(Turn { turns: self.clone(), org_id })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut made = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mine) = made.get_mut(&self.org_id) {
            *mine -= 1;
            if *mine == 0 {
                made.remove(&self.org_id);
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
        assert!(matches!(turns.take(a), Err(Fault::TooManyRequests { .. })));
        let _others = [turns.take(b).unwrap(), turns.take(b).unwrap()];
        assert!(matches!(turns.take(c), Err(Fault::Unavailable { .. })));
        drop(first);
        let again = turns.take(c).unwrap();
        drop(again);
        assert!(turns.0.lock().unwrap().get(&c).is_none(), "who has none is forgotten");
    }
}
