//! `/api/org/v1/orgs/{org_id}/units/tree`: the whole organisation at a glance, in one statement.

use crate::app::{App, InOrg};
use crate::error::Error;
use crate::members::domain::Member;
use crate::responses;
use crate::units::tree::Tree;
use actix_web::{get, web};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Uuid};
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use rollcall_common::answer::Answer;
use rollcall_common::extract::Query;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_common::validate;
use rollcall_ids::{EmployeeId, OrgId, UnitId};
use rollcall_org_api::rights::Permission;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::{IntoParams, ToSchema};

/// Which day to look at.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChartQuery {
    /// The day on which people are counted; by default today. The units are those of today.
    #[param(value_type = Option<String>, format = Date)]
    as_of: Option<Date>,
}

/// Who leads a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Head {
    /// Their id.
    employee_id: EmployeeId,
    /// Their name; none when the caller may not see them.
    #[schema(example = "Ada Lovelace")]
    name: Option<String>,
}

/// A unit with all below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "unit_id": "01890a5d-ac96-774b-bcce-b302099a8057", "name": "Acme GmbH", "code": null, "head": null, "people": 1,
    "people_below": 12, "children": [], "version": 1,
}))]
pub(crate) struct UnitNode {
    /// Its id.
    unit_id: UnitId,
    /// Its name.
    name: String,
    /// Short code.
    code: Option<String>,
    /// Who leads it.
    head: Option<Head>,
    /// Who works in it itself on the day.
    people: i64,
    /// Who works in the units below it on the day.
    people_below: i64,
    /// The units below it, ordered by name.
    #[schema(no_recursion)]
    children: Vec<UnitNode>,
    /// Of the unit; ascends with each change.
    version: i64,
}

/// A unit with its head, where they work, and how many people work in it.
#[derive(Clone, Debug, QueryableByName)]
pub(crate) struct ChartRow {
    #[diesel(sql_type = Uuid)]
    unit_id: UnitId,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    code: Option<String>,
    #[diesel(sql_type = Nullable<Uuid>)]
    parent_id: Option<UnitId>,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Nullable<Uuid>)]
    head_employee_id: Option<EmployeeId>,
    #[diesel(sql_type = Nullable<Text>)]
    head_name: Option<String>,
    #[diesel(sql_type = Nullable<Uuid>)]
    head_unit_id: Option<UnitId>,
    #[diesel(sql_type = Nullable<Uuid>)]
    head_manager_id: Option<EmployeeId>,
    #[diesel(sql_type = BigInt)]
    people: i64,
}

/// Every unit: $1 the organisation, $2 the day of the count, $3 today, by which the sight of heads is judged.
pub(crate) const CHART: &str = "\
    SELECT u.unit_id, u.name, u.code, u.parent_id, u.version, u.head_employee_id, h.name AS head_name, \
        w.unit_id AS head_unit_id, w.manager_id AS head_manager_id, coalesce(c.people, 0) AS people \
    FROM units u \
    LEFT JOIN employees h ON h.org_id = u.org_id AND h.employee_id = u.head_employee_id \
    LEFT JOIN assignments w ON w.org_id = u.org_id AND w.employee_id = u.head_employee_id \
        AND w.valid_from <= $3 AND (w.valid_to IS NULL OR w.valid_to >= $3) \
    LEFT JOIN ( \
        SELECT a.unit_id, count(*) AS people FROM assignments a \
        JOIN employees e ON e.org_id = a.org_id AND e.employee_id = a.employee_id \
        WHERE a.org_id = $1 AND a.valid_from <= $2 AND (a.valid_to IS NULL OR a.valid_to >= $2) \
            AND e.org_id = $1 AND e.hired_on <= $2 AND (e.left_on IS NULL OR e.left_on >= $2) \
        GROUP BY a.unit_id \
    ) c ON c.unit_id = u.unit_id \
    WHERE u.org_id = $1 AND u.removed_at IS NULL ORDER BY u.name, u.unit_id";

/// The units as a tree
///
/// All of them with their heads and how many people work there, in one answer.
#[utoipa::path(
    operation_id = "get_unit_tree",
    tag = "units",
    params(("org_id" = OrgId, Path, description = "The organisation"), ChartQuery),
    responses((status = 200, description = "The root", body = UnitNode), responses::List),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/units/tree")]
pub(crate) async fn show(app: web::Data<App>, of: InOrg, Query(query): Query<ChartQuery>) -> Result<Answer, Error> {
    of.member.must_somewhere(Permission::OrgRead)?;
    let as_of = query.as_of.map(validate::date).transpose();
    let as_of = as_of.map_err(|r| Fault::invalid("?as_of", r.code, r.detail))?;
    app.read(of, move |conn, tenant, member| {
        let rows = load(conn, tenant, as_of.unwrap_or(member.today), member.today)?;
        let root = grow(rows, member).ok_or_else(|| Fault::internal(anyhow::anyhow!("no root unit")))?;
        Ok(Answer::ok(&root)?)
    })
    .await
}

fn load(conn: &mut PgConnection, tenant: &Tenant, on: Date, today: Date) -> Result<Vec<ChartRow>, Error> {
    let rows = diesel::sql_query(CHART)
        .bind::<Uuid, _>(tenant.org_id())
        .bind::<diesel::sql_types::Date, _>(on.to_diesel())
        .bind::<diesel::sql_types::Date, _>(today.to_diesel())
        .load(conn)?;
    Ok(rows)
}

/// The tree that the rows make up, as the member sees it; none without a root.
fn grow(rows: Vec<ChartRow>, member: &Member) -> Option<UnitNode> {
    let tree = Tree::new(rows.iter().map(|row| (row.unit_id, row.parent_id)));
    let mut below: HashMap<Option<UnitId>, Vec<ChartRow>> = HashMap::new();
    for row in rows {
        below.entry(row.parent_id).or_default().push(row);
    }
    let root = below.remove(&None)?.pop()?;
    Some(node(root, &mut below, &tree, member))
}

/// The unit with all below it. Each row is taken out once, so it ends also on broken data.
fn node(row: ChartRow, below: &mut HashMap<Option<UnitId>, Vec<ChartRow>>, tree: &Tree, member: &Member) -> UnitNode {
    let children: Vec<UnitNode> = below
        .remove(&Some(row.unit_id))
        .unwrap_or_default()
        .into_iter()
        .map(|child| node(child, below, tree, member))
        .collect();
    let head = row.head_employee_id.map(|employee_id| {
        let seen = member.may(Permission::EmployeesRead, employee_id, row.head_manager_id, row.head_unit_id, tree);
        Head { employee_id, name: row.head_name.filter(|_| seen) }
    });
    UnitNode {
        unit_id: row.unit_id,
        name: row.name,
        code: row.code,
        head,
        people: row.people,
        people_below: children.iter().map(|child| child.people + child.people_below).sum(),
        children,
        version: row.version,
    }
}
