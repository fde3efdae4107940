//! The units of an organisation as a tree: what is above, what is below, and whether a move would make a cycle.

use rollcall_ids::UnitId;
use std::collections::{BTreeSet, HashMap};

/// Which unit stands below which.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    parents: HashMap<UnitId, Option<UnitId>>,
}

impl Tree {
    /// From each unit and the one above it.
    pub(crate) fn new(units: impl IntoIterator<Item = (UnitId, Option<UnitId>)>) -> Self {
        Self { parents: units.into_iter().collect() }
    }

    /// Whether the unit is there.
    pub(crate) fn has(&self, unit: UnitId) -> bool {
        self.parents.contains_key(&unit)
    }

    /// The unit and every one above it, the root last. Ends also on broken data: no unit is named twice.
    pub(crate) fn unit_and_above(&self, unit: UnitId) -> Vec<UnitId> {
        let mut line = Vec::new();
        let mut next = Some(unit).filter(|unit| self.has(*unit));
        while let Some(unit) = next {
            if line.contains(&unit) {
                break;
            }
            line.push(unit);
            next = self.parents.get(&unit).copied().flatten();
        }
        line
    }

    /// The units of `tops` and every one below.
    pub(crate) fn at_or_below(&self, tops: &BTreeSet<UnitId>) -> Vec<UnitId> {
        self.parents
            .keys()
            .copied()
            .filter(|unit| self.unit_and_above(*unit).iter().any(|above| tops.contains(above)))
            .collect()
    }

    /// Levels from the unit down to the lowest below it, itself included.
    pub(crate) fn height(&self, unit: UnitId) -> usize {
        let depth_of = |line: Vec<UnitId>| line.iter().position(|above| *above == unit).map_or(0, |above| above + 1);
        self.parents.keys().map(|below| depth_of(self.unit_and_above(*below))).max().unwrap_or(0)
    }

    /// Whether `unit` would stand below itself if `parent` were above it.
    pub(crate) fn would_cycle(&self, unit: UnitId, parent: UnitId) -> bool {
        self.unit_and_above(parent).contains(&unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UNITS: usize = 8;

    fn units() -> Vec<UnitId> {
        (0..UNITS).map(|n| format!("00000000-0000-7000-8000-{n:012}").parse().unwrap()).collect()
    }

    /// A tree made by putting each unit under one that came before it, then moving units about, keeping to the rule.
    fn moved(births: &[usize], moves: &[(usize, usize)]) -> (Vec<UnitId>, Tree) {
        let units = units();
        let mut tree = Tree::new([(units[0], None)]);
        for (child, parent) in (1..UNITS).zip(births) {
            tree.parents.insert(units[child], Some(units[parent % child]));
        }
        for (unit, parent) in moves {
            let (unit, parent) = (units[*unit], units[*parent]);
            if unit != units[0] && !tree.would_cycle(unit, parent) {
                tree.parents.insert(unit, Some(parent));
            }
        }
        (units, tree)
    }

    proptest! {
        #[test]
        fn whatever_is_moved_every_unit_still_reaches_the_root(
            births in proptest::collection::vec(0..UNITS, UNITS - 1),
            moves in proptest::collection::vec((0..UNITS, 0..UNITS), 0..40),
        ) {
            let (units, tree) = moved(&births, &moves);
            for unit in &units {
                prop_assert_eq!(tree.unit_and_above(*unit).last().copied(), Some(units[0]));
            }
        }

        #[test]
        fn above_and_below_are_the_same_relation(
            births in proptest::collection::vec(0..UNITS, UNITS - 1),
            moves in proptest::collection::vec((0..UNITS, 0..UNITS), 0..40),
            top in 0..UNITS,
        ) {
            let (units, tree) = moved(&births, &moves);
            let below = tree.at_or_below(&[units[top]].into());
            for unit in &units {
                prop_assert_eq!(below.contains(unit), tree.unit_and_above(*unit).contains(&units[top]));
            }
        }
    }

    #[test]
    fn a_unit_does_not_go_below_itself_or_its_own() {
        let units = units();
        let tree = Tree::new([(units[0], None), (units[1], Some(units[0])), (units[2], Some(units[1]))]);
        assert!(tree.would_cycle(units[1], units[1]));
        assert!(tree.would_cycle(units[1], units[2]));
        assert!(!tree.would_cycle(units[2], units[0]));
    }

    #[test]
    fn the_height_counts_the_levels_from_a_unit_down() {
        let units = units();
        let tree = Tree::new([(units[0], None), (units[1], Some(units[0])), (units[2], Some(units[1]))]);
        assert_eq!([0, 1, 2].map(|unit| tree.height(units[unit])), [3, 2, 1]);
    }

    #[test]
    fn a_cycle_in_the_data_does_not_hang() {
        let units = units();
        let tree = Tree::new([(units[0], Some(units[1])), (units[1], Some(units[0]))]);
        assert_eq!(tree.unit_and_above(units[0]).len(), 2);
    }

    #[test]
    fn an_unknown_unit_has_nothing_above() {
        assert!(Tree::default().unit_and_above(units()[0]).is_empty());
    }
}
