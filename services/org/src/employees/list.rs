//! The list of employees: filters, the scope of who asks, and the keyset.

use crate::employees::domain::Dossier;
use crate::employees::whole::Whole;
use crate::error::Error;
use crate::schema::{assignments, employees};
use crate::units::tree::Tree;
use diesel::dsl::exists;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use rollcall_common::fault::Fault;
use rollcall_common::paging::{Page, PageQuery};
use rollcall_common::tenant::Tenant;
use rollcall_common::validate::{self, Fields};
use rollcall_ids::{EmployeeId, SiteId, UnitId};
use rollcall_org_api::facts::EmployeeStatus;
use rollcall_org_api::rights::Reach;
use serde::Deserialize;
use utoipa::IntoParams;

/// Which employees to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmployeeQuery {
    /// Rows wanted; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// The day to look at: who works here then, and where on that day alone; without it everybody, judged by today.
    /// One sees on it those whom one may see today and might have seen then.
    #[param(value_type = Option<String>, format = Date)]
    as_of: Option<Date>,
    /// Only those who work here, or only those who have left.
    #[param(inline)]
    status: Option<EmployeeStatus>,
    /// Only those who work on the day in this unit or below it.
    #[param(value_type = Option<uuid::Uuid>)]
    unit_id: Option<UnitId>,
    /// Only those who work on the day at this site.
    #[param(value_type = Option<uuid::Uuid>)]
    site_id: Option<SiteId>,
    /// Only those whose name or number contains this, without regard to case; 1 to 100 characters.
    text: Option<String>,
}

/// A checked [`EmployeeQuery`].
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    pub(crate) as_of: Option<Date>,
    status: Option<EmployeeStatus>,
    unit_id: Option<UnitId>,
    site_id: Option<SiteId>,
    /// A pattern for `ILIKE`.
    text: Option<String>,
    /// The key is the number.
    pub(crate) page: Page<String>,
}

impl EmployeeQuery {
    /// Checks every parameter.
    pub(crate) fn parse(self) -> Result<Filter, Fault> {
        let mut fields = Fields::new();
        let page = fields.take_over(PageQuery { limit: self.limit, cursor: self.cursor }.page())?;
        let as_of = fields.take_optional("?as_of", self.as_of.map(validate::date));
        let text = fields.take_optional("?text", self.text.map(|text| validate::text(&text, 100)));
        let (page, as_of, text) = fields.all((page, as_of, text))?;
        let text = text.as_deref().map(containing);
        Ok(Filter { as_of, status: self.status, unit_id: self.unit_id, site_id: self.site_id, text, page })
    }
}

impl Filter {
    /// Whether it asks for a unit with all below.
    pub(crate) fn names_unit(&self) -> bool {
        self.unit_id.is_some()
    }
}

/// The pattern that finds `text` as it is, its own wildcards included.
fn containing(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{escaped}%")
}

/// A page of those whom `reach` of `holder` holds today and held on the day that is looked at, ordered by number:
/// one statement.
pub(crate) fn page(
    conn: &mut PgConnection,
    tenant: &Tenant,
    holder: EmployeeId,
    reach: &Reach,
    tree: &Tree,
    filter: &Filter,
    today: Date,
) -> Result<Vec<Dossier>, Error> {
    let mut query = employees::table
        .filter(employees::org_id.eq(tenant.org_id()))
        .order(employees::number.asc())
        .limit(filter.page.fetch())
        .select(Whole::select())
        .into_boxed();
    let on = filter.as_of.unwrap_or(today);
    let day = on.to_diesel();
    if !reach.everyone {
        query = query.filter(reached(holder, reach, tree, today));
        if filter.as_of.is_some() {
            query = query.filter(reached(holder, reach, tree, on));
        }
    }
    if filter.as_of.is_some() {
        query = query.filter(employees::hired_on.le(day));
    }
    match filter.status.or(filter.as_of.map(|_| EmployeeStatus::Active)) {
        None => {}
        Some(EmployeeStatus::Active) => {
            query = query.filter(employees::left_on.is_null().or(employees::left_on.ge(day).assume_not_null()));
        }
        Some(EmployeeStatus::Left) => query = query.filter(employees::left_on.lt(day).assume_not_null()),
    }
    if let Some(unit) = filter.unit_id {
        let units = tree.at_or_below(&[unit].into());
        query = query.filter(exists(held_on(on).filter(assignments::unit_id.eq_any(units))));
    }
    if let Some(site) = filter.site_id {
        query = query.filter(exists(held_on(on).filter(assignments::site_id.eq(site))));
    }
    if let Some(pattern) = &filter.text {
        query = query.filter(employees::name.ilike(pattern).or(employees::number.ilike(pattern)));
    }
    if let Some(after) = &filter.page.after {
        query = query.filter(employees::number.gt(after));
    }
    wholes(query.load(conn)?)
}

fn wholes(rows: Vec<Whole>) -> Result<Vec<Dossier>, Error> {
    rows.into_iter().map(Whole::dossier).collect()
}

/// A page of all employees, ordered by id, which does not change.
pub(crate) fn everybody(
    conn: &mut PgConnection,
    tenant: &Tenant,
    page: &Page<EmployeeId>,
) -> Result<Vec<Dossier>, Error> {
    let mut query = employees::table
        .filter(employees::org_id.eq(tenant.org_id()))
        .order(employees::employee_id.asc())
        .limit(page.fetch())
        .select(Whole::select())
        .into_boxed();
    if let Some(after) = page.after {
        query = query.filter(employees::employee_id.gt(after));
    }
    wholes(query.load(conn)?)
}

type Condition<'a> = Box<dyn BoxableExpression<employees::table, Pg, SqlType = diesel::sql_types::Bool> + 'a>;

/// The rights' `Reach` as a condition.
fn reached(holder: EmployeeId, reach: &Reach, tree: &Tree, today: Date) -> Condition<'static> {
    // The nil id is nobody's: comparing with it never holds.
    let nobody = EmployeeId(uuid::Uuid::nil());
    let own = if reach.own { holder } else { nobody };
    let manager = if reach.reports { holder } else { nobody };
    let units = tree.at_or_below(&reach.tops);
    let near = held_on(today)
        .filter(assignments::unit_id.eq_any(units).or(assignments::manager_id.eq(manager).assume_not_null()));
    Box::new(employees::employee_id.eq(own).or(exists(near)))
}

/// The assignment of the employee of the outer row that holds on `today`.
#[diesel::dsl::auto_type]
fn held_on(today: Date) -> _ {
    let day: jiff_diesel::Date = today.to_diesel();
    assignments::table
        .filter(assignments::org_id.eq(employees::org_id))
        .filter(assignments::employee_id.eq(employees::employee_id))
        .filter(assignments::valid_from.le(day))
        .filter(assignments::valid_to.is_null().or(assignments::valid_to.ge(day).assume_not_null()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_of_the_text_are_text() {
        assert_eq!(containing("50%_a\\b"), r"%50\%\_a\\b%");
    }
}
