//! Who may announce what to whom. Pure.

use crate::facts::places::Units;
use rollcall_common::validate::{Fields, lines, text};
use rollcall_notification_api::announcements::{Audience, NewAnnouncement};
use rollcall_org_api::rights::{Grant, Permission, Reach};

/// Characters of a title at most.
const MOST_OF_TITLE: usize = 200;
/// Characters of a text at most.
const MOST_OF_BODY: usize = 10_000;

/// Title and text as they are stored; every bad one is noted.
pub fn check(fields: &mut Fields, new: &NewAnnouncement) -> Option<NewAnnouncement> {
    let title = fields.take("/title", text(&new.title, MOST_OF_TITLE));
    let body = fields.take("/body", lines(&new.body, MOST_OF_BODY));
    Some(NewAnnouncement { title: title?, body: body?, audience: new.audience, urgent: new.urgent })
}

/// Whether the grants let their holder speak to this audience. A site crosses units, so only who may speak to all may
/// speak to one.
pub fn may_tell(grants: &[Grant], audience: Audience, units: &Units) -> bool {
    let reach = Reach::of(grants, Permission::AnnouncementsWrite);
    match audience {
        Audience::Everyone | Audience::Site { .. } => reach.everyone,
        Audience::Unit { unit_id } => {
            reach.everyone || units.and_above(unit_id).iter().any(|above| reach.tops.contains(above))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rollcall_common::fault::Fault;
    use rollcall_ids::{SiteId, UnitId};
    use rollcall_org_api::facts::UnitFact;
    use rollcall_org_api::rights::Scope;
    use std::collections::BTreeSet;

    fn grant(scope: Scope) -> [Grant; 1] {
        [Grant { role: "r".into(), permissions: BTreeSet::from([Permission::AnnouncementsWrite]), scope }]
    }

    #[test]
    fn a_manager_speaks_to_their_unit_and_below_and_to_nobody_else() {
        let [root, team, leaf, other] = [(); 4].map(|()| UnitId::generate());
        let unit = |unit_id, parent_id| UnitFact {
            unit_id,
            name: "U".into(),
            parent_id,
            head_employee_id: None,
            deleted: false,
            version: 1,
        };
        let units =
            Units::of([unit(root, None), unit(team, Some(root)), unit(leaf, Some(team)), unit(other, Some(root))]);
        let site = Audience::Site { site_id: SiteId::generate() };
        let to = |unit_id| Audience::Unit { unit_id };
        let manager = grant(Scope::Unit { unit_id: Some(team) });
        let allowed: Vec<_> = [to(team), to(leaf), to(root), to(other), Audience::Everyone, site]
            .map(|audience| may_tell(&manager, audience, &units))
            .into();
        assert_eq!(allowed, [true, true, false, false, false, false]);
        for scope in [Scope::Own, Scope::Unit { unit_id: None }, Scope::Unknown] {
            assert!(!may_tell(&grant(scope), to(team), &units));
        }
        assert!(may_tell(&grant(Scope::Org), Audience::Everyone, &units) && may_tell(&grant(Scope::Org), site, &units));
    }

    #[test]
    fn a_text_keeps_its_lines_and_a_title_has_one() {
        let of = |title: &str, body: &str| {
            let mut fields = Fields::new();
            let new =
                NewAnnouncement { title: title.into(), body: body.into(), audience: Audience::Everyone, urgent: false };
            let checked = check(&mut fields, &new);
            fields.all((checked,)).map(|(checked,)| checked)
        };
        assert_eq!(of("T", " a\r\nb\n").unwrap().body, "a\nb");
        let Err(Fault::Invalid(errors)) = of("a\nb", &"x".repeat(10_001)) else { panic!("both are wrong") };
        let wrong: Vec<_> = errors.iter().map(|error| (error.pointer.as_str(), error.code.as_ref())).collect();
        assert_eq!(wrong, [("/title", "control_character"), ("/body", "length")]);
    }
}
