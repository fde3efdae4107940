//! Units and sites in the copy, and who works there.

use crate::schema::{site_facts, unit_facts};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Date as SqlDate, Nullable, Uuid};
use diesel::upsert::excluded;
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use rollcall_common::backfill::Freshness;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{SiteId, UnitId, UserId};
use rollcall_org_api::facts::{SiteFact, UnitFact};
use rollcall_org_api::internal::Snapshot;
use std::collections::HashMap;

/// Keeps the state of a unit unless what is kept is not to give way to it.
pub fn put_unit(conn: &mut PgConnection, tenant: &Tenant, fact: &UnitFact, how: Freshness) -> Result<(), Fault> {
    use diesel::query_dsl::methods::FilterDsl as _;
    diesel::insert_into(unit_facts::table)
        .values((
            unit_facts::org_id.eq(tenant.org_id()),
            unit_facts::unit_id.eq(fact.unit_id),
            unit_facts::fact.eq(serde_json::to_value(fact).map_err(Fault::internal)?),
            unit_facts::version.eq(fact.version),
        ))
        .on_conflict((unit_facts::org_id, unit_facts::unit_id))
        .do_update()
        .set((unit_facts::fact.eq(excluded(unit_facts::fact)), unit_facts::version.eq(excluded(unit_facts::version))))
        .filter((unit_facts::version - how.allowance()).lt(excluded(unit_facts::version)))
        .execute(conn)?;
    Ok(())
}

/// Keeps the state of a site unless what is kept is not to give way to it.
pub fn put_site(conn: &mut PgConnection, tenant: &Tenant, fact: &SiteFact, how: Freshness) -> Result<(), Fault> {
    use diesel::query_dsl::methods::FilterDsl as _;
    diesel::insert_into(site_facts::table)
        .values((
            site_facts::org_id.eq(tenant.org_id()),
            site_facts::site_id.eq(fact.site_id),
            site_facts::fact.eq(serde_json::to_value(fact).map_err(Fault::internal)?),
            site_facts::version.eq(fact.version),
        ))
        .on_conflict((site_facts::org_id, site_facts::site_id))
        .do_update()
        .set((site_facts::fact.eq(excluded(site_facts::fact)), site_facts::version.eq(excluded(site_facts::version))))
        .filter((site_facts::version - how.allowance()).lt(excluded(site_facts::version)))
        .execute(conn)?;
    Ok(())
}

/// The tree of units: which of them exist, and what each stands below.
#[derive(Clone, Debug, Default)]
pub struct Units(HashMap<UnitId, Option<UnitId>>);

impl Units {
    /// The tree of these, without those that no longer exist.
    pub fn of(units: impl IntoIterator<Item = UnitFact>) -> Self {
        let living = units.into_iter().filter(|unit| !unit.deleted);
        Self(living.map(|unit| (unit.unit_id, unit.parent_id)).collect())
    }

    /// Whether there is such a unit.
    pub fn has(&self, unit: UnitId) -> bool {
        self.0.contains_key(&unit)
    }

    /// The unit and every one above it. Facts that arrive out of order may make a circle for a moment; it ends.
    pub fn and_above(&self, unit: UnitId) -> Vec<UnitId> {
        let mut line = vec![unit];
        while let Some(Some(parent)) = line.last().and_then(|id| self.0.get(id)) {
            if line.contains(parent) {
                break;
            }
            line.push(*parent);
        }
        line
    }

    /// The unit and all below it.
    pub fn and_below(&self, top: UnitId) -> Vec<UnitId> {
        self.0.keys().copied().filter(|unit| self.and_above(*unit).contains(&top)).collect()
    }
}

/// The units of the organisation.
pub fn units(conn: &mut PgConnection, tenant: &Tenant) -> Result<Units, Fault> {
    let facts: Vec<serde_json::Value> =
        unit_facts::table.filter(unit_facts::org_id.eq(tenant.org_id())).select(unit_facts::fact).load(conn)?;
    let facts = facts.into_iter().map(|fact| serde_json::from_value::<UnitFact>(fact).map_err(Fault::internal));
    Ok(Units::of(facts.collect::<Result<Vec<_>, _>>()?))
}

/// Whether there is such a site.
pub fn has_site(conn: &mut PgConnection, tenant: &Tenant, site_id: SiteId) -> Result<bool, Fault> {
    let fact: Option<serde_json::Value> =
        site_facts::table.find((tenant.org_id(), site_id)).select(site_facts::fact).first(conn).optional()?;
    let fact = fact.map(serde_json::from_value::<SiteFact>).transpose().map_err(Fault::internal)?;
    Ok(fact.is_some_and(|site| !site.deleted))
}

/// Where somebody has to work to be meant; neither: anywhere.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// In one of these units.
    pub units: Option<Vec<UnitId>>,
    /// At this site.
    pub site: Option<SiteId>,
}

/// The accounts of all who work in a place on that day, each once, in order. Days and assignments are read from the
/// facts as org told them, like [`super::store::Employee`] does.
pub fn accounts_at(conn: &mut PgConnection, tenant: &Tenant, place: &Place, today: Date) -> QueryResult<Vec<UserId>> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = Uuid)]
        user_id: UserId,
    }
    const STATEMENT: &str = "
        SELECT DISTINCT user_id FROM employee_facts
        WHERE org_id = $1 AND user_id IS NOT NULL
        AND (fact ->> 'hired_on')::date <= $2 AND coalesce((fact ->> 'left_on')::date >= $2, true)
        AND (($3 IS NULL AND $4 IS NULL) OR EXISTS (
            SELECT 1 FROM jsonb_array_elements(fact -> 'assignments') AS a
            WHERE (a ->> 'valid_from')::date <= $2 AND coalesce((a ->> 'valid_to')::date >= $2, true)
            AND ($3 IS NULL OR (a ->> 'unit_id')::uuid = ANY ($3))
            AND ($4 IS NULL OR (a ->> 'site_id')::uuid = $4)))
        ORDER BY user_id";
    let found: Vec<Found> = diesel::sql_query(STATEMENT)
        .bind::<Uuid, _>(tenant.org_id())
        .bind::<SqlDate, _>(today.to_diesel())
        .bind::<Nullable<Array<Uuid>>, _>(place.units.clone())
        .bind::<Nullable<Uuid>, _>(place.site)
        .load(conn)?;
    Ok(found.into_iter().map(|row| row.user_id).collect())
}

/// Keeps a page of what org knows.
pub fn put_page(conn: &mut PgConnection, tenant: &Tenant, page: &Snapshot) -> Result<(), Fault> {
    let how = Freshness::Same;
    super::store::put_org(conn, tenant, &page.org, how)?;
    page.units.iter().try_for_each(|unit| put_unit(conn, tenant, unit, how))?;
    page.sites.iter().try_for_each(|site| put_site(conn, tenant, site, how))?;
    page.employees.iter().try_for_each(|employee| super::store::put_employee(conn, tenant, employee, how))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(unit_id: UnitId, parent_id: Option<UnitId>) -> UnitFact {
        UnitFact { unit_id, name: "Unit".into(), parent_id, head_employee_id: None, deleted: false, version: 1 }
    }

    #[test]
    fn above_and_below_follow_the_tree_and_a_circle_ends() {
        let [root, left, right, leaf] = [(); 4].map(|()| UnitId::generate());
        let mut gone = unit(right, Some(root));
        gone.deleted = true;
        let tree = Units::of([unit(root, None), unit(left, Some(root)), gone, unit(leaf, Some(left))]);
        assert_eq!(tree.and_above(leaf), [leaf, left, root]);
        let mut below = tree.and_below(left);
        below.sort_unstable();
        assert_eq!(below, [left, leaf]);
        assert_eq!((tree.and_below(root).len(), tree.has(right)), (3, false));
        let circle = Units::of([unit(left, Some(leaf)), unit(leaf, Some(left))]);
        assert_eq!(circle.and_above(left), [left, leaf]);
    }
}
