//! What a file calls units and sites: a unit by its code, or its name, or the names from the root down, or its id; a site
//! by its name or its id. What fits several is refused, and an export uses the first word that fits one alone.

use crate::sites::domain::Site;
use crate::units::domain::Unit;
use rollcall_common::validate::Rejection;
use rollcall_ids::{SiteId, UnitId};
use std::collections::HashMap;
use std::hash::Hash;

/// Stands between the names of a unit and those above it.
const BELOW: &str = " / ";

/// Words for things, each word for one or more.
#[derive(Clone, Debug)]
pub(crate) struct Labels<T> {
    words: HashMap<String, Vec<T>>,
    /// For each thing its words, the best first.
    of: HashMap<T, Vec<String>>,
    what: &'static str,
    unknown: &'static str,
    ambiguous: &'static str,
}

impl<T: Copy + Eq + Hash> Labels<T> {
    /// The one that is meant.
    pub(crate) fn find(&self, word: &str) -> Result<T, Rejection> {
        match self.words.get(word).map(Vec::as_slice) {
            Some([one]) => Ok(*one),
            Some([_, ..]) => Err(Rejection::new(self.ambiguous, format!("fits several {}s", self.what))),
            _ => Err(Rejection::new(self.unknown, format!("there is no such {}", self.what))),
        }
    }

    /// The word for it; empty when there is none, for it is no more.
    pub(crate) fn word(&self, thing: T) -> &str {
        let fits = |word: &&String| self.find(word).is_ok_and(|found| found == thing);
        self.of.get(&thing).into_iter().flatten().find(fits).map_or("", String::as_str)
    }

    fn add(&mut self, thing: T, word: String) {
        let things = self.words.entry(word.clone()).or_default();
        if !things.contains(&thing) {
            things.push(thing);
        }
        self.of.entry(thing).or_default().push(word);
    }
}

/// The words for units.
pub(crate) fn units(units: &[Unit]) -> Labels<UnitId> {
    let mut labels = Labels {
        words: HashMap::new(),
        of: HashMap::new(),
        what: "unit",
        unknown: "unknown_unit",
        ambiguous: "ambiguous_unit",
    };
    let by_id: HashMap<UnitId, &Unit> = units.iter().map(|unit| (unit.unit_id, unit)).collect();
    for unit in units {
        if let Some(code) = &unit.code {
            labels.add(unit.unit_id, code.clone());
        }
        labels.add(unit.unit_id, unit.name.clone());
        let mut names = vec![unit.name.as_str()];
        let mut above = unit.parent_id;
        while let Some(unit) = above.and_then(|id| by_id.get(&id)).filter(|_| names.len() <= units.len()) {
            names.push(&unit.name);
            above = unit.parent_id;
        }
        names.reverse();
        labels.add(unit.unit_id, names.join(BELOW));
        labels.add(unit.unit_id, unit.unit_id.to_string());
    }
    labels
}

/// The words for sites.
pub(crate) fn sites(sites: &[Site]) -> Labels<SiteId> {
    let mut labels = Labels {
        words: HashMap::new(),
        of: HashMap::new(),
        what: "site",
        unknown: "unknown_site",
        ambiguous: "ambiguous_site",
    };
    for site in sites {
        labels.add(site.site_id, site.name.clone());
        labels.add(site.site_id, site.site_id.to_string());
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unit(name: &str, code: Option<&str>, parent_id: Option<UnitId>) -> Unit {
        Unit {
            unit_id: UnitId::generate(),
            name: name.into(),
            code: code.map(str::to_owned),
            parent_id,
            head_employee_id: None,
            version: 1,
        }
    }

    #[test]
    fn a_unit_is_found_by_code_name_path_or_id_unless_it_fits_several() {
        let root = unit("Acme", None, None);
        let a = unit("Shop", Some("A"), Some(root.unit_id));
        let b = unit("Shop", None, Some(a.unit_id));
        let labels = units(&[root.clone(), a.clone(), b.clone()]);
        assert_eq!(labels.find("A"), Ok(a.unit_id));
        assert_eq!(labels.find("Acme / Shop / Shop"), Ok(b.unit_id));
        assert_eq!(labels.find(&b.unit_id.to_string()), Ok(b.unit_id));
        assert_eq!(labels.find("Shop").unwrap_err().code, "ambiguous_unit");
        assert_eq!(labels.find("Bar").unwrap_err().code, "unknown_unit");
        assert_eq!([&root, &a, &b].map(|unit| labels.word(unit.unit_id)), ["Acme", "A", "Acme / Shop / Shop"]);
    }

    proptest! {
        #[test]
        fn the_word_for_a_unit_finds_it(
            names in proptest::collection::vec(("[ab/ ]{1,3}", proptest::option::of("[ab]"), 0_usize..9), 1..9),
        ) {
            let mut all: Vec<Unit> = vec![unit("root", None, None)];
            for (name, code, above) in &names {
                let parent = all[above % all.len()].unit_id;
                all.push(unit(name, code.as_deref(), Some(parent)));
            }
            let labels = units(&all);
            for unit in &all {
                prop_assert_eq!(labels.find(labels.word(unit.unit_id)), Ok(unit.unit_id));
            }
        }
    }
}
