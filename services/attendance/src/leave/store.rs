//! Kinds of leave, policies and accounts in the database.

use crate::error::Error;
use crate::leave::domain::{POLICIES, TYPES};
use crate::schema::{
    leave_accounts as accounts, leave_policies as policies, leave_types as types, leave_warnings as warnings,
};
use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff_diesel::ToDiesel as _;
use rollcall_attendance_api::leave::{LeavePolicy, LeavePolicyBody, LeaveType, LeaveTypeBody};
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, LeaveEntryId, LeavePolicyId, LeaveTypeId, OrgId};
use serde::Serialize;
use serde_json::Value;
use std::collections::HashMap;

fn encode(body: &impl Serialize) -> Result<Value, Fault> {
    serde_json::to_value(body).map_err(Fault::internal)
}

fn type_of((leave_type_id, body, version): (LeaveTypeId, Value, i64)) -> Result<LeaveType, Fault> {
    Ok(LeaveType { leave_type_id, body: serde_json::from_value(body).map_err(Fault::internal)?, version })
}

fn policy_of((leave_policy_id, body, version): (LeavePolicyId, Value, i64)) -> Result<LeavePolicy, Fault> {
    Ok(LeavePolicy { leave_policy_id, body: serde_json::from_value(body).map_err(Fault::internal)?, version })
}

/// Whoever else adds a kind of leave or a policy waits until the transaction ends: those who count them see each other.
fn lock_rules(conn: &mut PgConnection, tenant: &Tenant) -> Result<(), Fault> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended('leave rules of ' || $1, 0))")
        .bind::<diesel::sql_types::Text, _>(tenant.org_id().to_string())
        .execute(conn)?;
    Ok(())
}

fn room(there: i64, most: i64, what: &str) -> Result<(), Fault> {
    if there < most { Ok(()) } else { Err(Fault::invalid("", "too_many", format!("at most {most} {what}"))) }
}

/// Adds a kind of leave, if the organisation has room for it.
pub(crate) fn add_type(
    conn: &mut PgConnection,
    tenant: &Tenant,
    by: EmployeeId,
    body: LeaveTypeBody,
    now: Timestamp,
) -> Result<LeaveType, Error> {
    lock_rules(conn, tenant)?;
    let there = types::table.filter(types::org_id.eq(tenant.org_id())).count().get_result(conn)?;
    room(there, TYPES, "kinds of leave of an organisation")?;
    let leave_type_id = LeaveTypeId::generate();
    let row = (
        types::org_id.eq(tenant.org_id()),
        types::leave_type_id.eq(leave_type_id),
        types::code.eq(&body.code),
        types::body.eq(encode(&body)?),
        types::version.eq(1),
        types::created_at.eq(now.to_diesel()),
        types::changed_at.eq(now.to_diesel()),
        types::changed_by.eq(by),
    );
    diesel::insert_into(types::table).values(row).execute(conn).map_err(Error::of_write)?;
    Ok(LeaveType { leave_type_id, body, version: 1 })
}

/// A kind of leave that nobody else changes before the transaction ends.
pub(crate) fn locked_type(
    conn: &mut PgConnection,
    tenant: &Tenant,
    id: LeaveTypeId,
) -> Result<Option<LeaveType>, Fault> {
    let query = types::table.find((tenant.org_id(), id)).select((types::leave_type_id, types::body, types::version));
    query.for_update().first(conn).optional()?.map(type_of).transpose()
}

/// A kind of leave.
pub(crate) fn one_type(conn: &mut PgConnection, tenant: &Tenant, id: LeaveTypeId) -> Result<Option<LeaveType>, Fault> {
    let query = types::table.find((tenant.org_id(), id)).select((types::leave_type_id, types::body, types::version));
    query.first(conn).optional()?.map(type_of).transpose()
}

/// Stores how a locked kind of leave is now.
pub(crate) fn change_type(
    conn: &mut PgConnection,
    tenant: &Tenant,
    by: EmployeeId,
    changed: &LeaveType,
    now: Timestamp,
) -> Result<(), Fault> {
    diesel::update(types::table.find((tenant.org_id(), changed.leave_type_id)))
        .set((
            types::body.eq(encode(&changed.body)?),
            types::version.eq(changed.version),
            types::changed_at.eq(now.to_diesel()),
            types::changed_by.eq(by),
        ))
        .execute(conn)?;
    Ok(())
}

/// A page of the kinds of leave, by code.
pub(crate) fn list_types(
    conn: &mut PgConnection,
    tenant: &Tenant,
    after: Option<&String>,
    limit: i64,
) -> Result<Vec<LeaveType>, Fault> {
    let mut query = types::table
        .filter(types::org_id.eq(tenant.org_id()))
        .order(types::code)
        .select((types::leave_type_id, types::body, types::version))
        .limit(limit)
        .into_boxed();
    if let Some(code) = after {
        query = query.filter(types::code.gt(code));
    }
    query.load(conn)?.into_iter().map(type_of).collect()
}

/// All kinds of leave, by code.
pub(crate) fn all_types(conn: &mut PgConnection, tenant: &Tenant) -> Result<Vec<LeaveType>, Fault> {
    list_types(conn, tenant, None, i64::MAX)
}

/// Adds a policy, if the organisation has room for it.
pub(crate) fn add_policy(
    conn: &mut PgConnection,
    tenant: &Tenant,
    by: EmployeeId,
    body: LeavePolicyBody,
    now: Timestamp,
) -> Result<LeavePolicy, Fault> {
    lock_rules(conn, tenant)?;
    let there = policies::table.filter(policies::org_id.eq(tenant.org_id())).count().get_result(conn)?;
    room(there, POLICIES, "policies of an organisation")?;
    let leave_policy_id = LeavePolicyId::generate();
    let row = (
        policies::org_id.eq(tenant.org_id()),
        policies::leave_policy_id.eq(leave_policy_id),
        policies::leave_type_id.eq(body.leave_type_id),
        policies::body.eq(encode(&body)?),
        policies::version.eq(1),
        policies::created_at.eq(now.to_diesel()),
        policies::changed_at.eq(now.to_diesel()),
        policies::changed_by.eq(by),
    );
    diesel::insert_into(policies::table).values(row).execute(conn)?;
    Ok(LeavePolicy { leave_policy_id, body, version: 1 })
}

/// A policy.
pub(crate) fn one_policy(
    conn: &mut PgConnection,
    tenant: &Tenant,
    id: LeavePolicyId,
) -> Result<Option<LeavePolicy>, Fault> {
    let query = policies::table.find((tenant.org_id(), id));
    let columns = (policies::leave_policy_id, policies::body, policies::version);
    query.select(columns).first(conn).optional()?.map(policy_of).transpose()
}

/// A policy that nobody else changes before the transaction ends.
pub(crate) fn locked_policy(
    conn: &mut PgConnection,
    tenant: &Tenant,
    id: LeavePolicyId,
) -> Result<Option<LeavePolicy>, Fault> {
    let query = policies::table.find((tenant.org_id(), id));
    let columns = (policies::leave_policy_id, policies::body, policies::version);
    query.select(columns).for_update().first(conn).optional()?.map(policy_of).transpose()
}

/// Stores how a locked policy is now.
pub(crate) fn change_policy(
    conn: &mut PgConnection,
    tenant: &Tenant,
    by: EmployeeId,
    changed: &LeavePolicy,
    now: Timestamp,
) -> Result<(), Fault> {
    diesel::update(policies::table.find((tenant.org_id(), changed.leave_policy_id)))
        .set((
            policies::body.eq(encode(&changed.body)?),
            policies::version.eq(changed.version),
            policies::changed_at.eq(now.to_diesel()),
            policies::changed_by.eq(by),
        ))
        .execute(conn)?;
    Ok(())
}

/// A page of the policies, the oldest first, with what each is ordered by.
pub(crate) fn list_policies(
    conn: &mut PgConnection,
    tenant: &Tenant,
    of: Option<LeaveTypeId>,
    after: Option<i64>,
    limit: i64,
) -> Result<Vec<(i64, LeavePolicy)>, Fault> {
    let mut query = policies::table
        .filter(policies::org_id.eq(tenant.org_id()))
        .order(policies::seq)
        .select((policies::seq, (policies::leave_policy_id, policies::body, policies::version)))
        .limit(limit)
        .into_boxed();
    if let Some(of) = of {
        query = query.filter(policies::leave_type_id.eq(of));
    }
    if let Some(seq) = after {
        query = query.filter(policies::seq.gt(seq));
    }
    query.load(conn)?.into_iter().map(|(seq, row)| Ok((seq, policy_of(row)?))).collect()
}

/// The versions of all policies, in the order of [`list_policies`].
pub(crate) fn policy_versions(conn: &mut PgConnection, tenant: &Tenant) -> Result<Vec<i64>, Fault> {
    let mine = policies::table.filter(policies::org_id.eq(tenant.org_id()));
    Ok(mine.order(policies::seq).select(policies::version).load(conn)?)
}

/// Holds the account of a person until the transaction ends: whoever else writes to their ledger waits.
pub(crate) fn lock_account(conn: &mut PgConnection, tenant: &Tenant, employee_id: EmployeeId) -> Result<(), Fault> {
    diesel::insert_into(accounts::table)
        .values((accounts::org_id.eq(tenant.org_id()), accounts::employee_id.eq(employee_id)))
        .on_conflict_do_nothing()
        .execute(conn)?;
    let account = accounts::table.find((tenant.org_id(), employee_id)).select(accounts::employee_id);
    account.for_update().first::<EmployeeId>(conn)?;
    Ok(())
}

/// The organisations that have leave. It looks across tenants, which a policy of the table allows to this job alone.
pub(crate) fn orgs_with_leave(conn: &mut PgConnection) -> Result<Vec<OrgId>, Fault> {
    conn.batch_execute("SELECT set_config('app.job', 'settle_leave', true)")?;
    Ok(types::table.select(types::org_id).distinct().load(conn)?)
}

/// On which day some people were settled, and what was seen then.
pub(crate) fn settled(
    conn: &mut PgConnection,
    tenant: &Tenant,
    ids: &[EmployeeId],
) -> Result<HashMap<EmployeeId, (Date, String)>, Fault> {
    let rows: Vec<(EmployeeId, Option<jiff_diesel::Date>, Option<String>)> = accounts::table
        .filter(accounts::org_id.eq(tenant.org_id()))
        .filter(accounts::employee_id.eq_any(ids))
        .select((accounts::employee_id, accounts::settled_on, accounts::settled_with))
        .load(conn)?;
    Ok(rows.into_iter().filter_map(|(id, on, with)| Some((id, (on?.to_jiff(), with?)))).collect())
}

/// Notes that a person is settled.
pub(crate) fn note_settled(
    conn: &mut PgConnection,
    tenant: &Tenant,
    id: EmployeeId,
    (on, with): &(Date, String),
) -> Result<(), Fault> {
    diesel::update(accounts::table.find((tenant.org_id(), id)))
        .set((accounts::settled_on.eq(on.to_diesel()), accounts::settled_with.eq(with)))
        .execute(conn)?;
    Ok(())
}

/// Notes that somebody is told that an entry expires; false: they were.
pub(crate) fn note_warned(
    conn: &mut PgConnection,
    tenant: &Tenant,
    id: LeaveEntryId,
    now: Timestamp,
) -> Result<bool, Fault> {
    let row = (
        warnings::org_id.eq(tenant.org_id()),
        warnings::leave_entry_id.eq(id),
        warnings::warned_at.eq(now.to_diesel()),
    );
    Ok(diesel::insert_into(warnings::table).values(row).on_conflict_do_nothing().execute(conn)? > 0)
}
