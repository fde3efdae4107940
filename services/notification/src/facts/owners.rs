//! Asking those who own a fact, and remembering the answer.

use super::store;
use rollcall_common::client::CallError;
use rollcall_common::db::Unscoped;
use rollcall_common::fault::Fault;
use rollcall_common::server::Core;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, UserId};
use rollcall_org_api::internal::{Member, member_path};
use rollcall_user_api::internal::{Contact, user_path};

/// Asks org for an employee and their organisation. False: it knows no such employee.
pub async fn ask_org(core: &Core, tenant: Tenant, employee_id: EmployeeId) -> Result<bool, Fault> {
    let org = core.peers.get("org").map_err(Fault::Internal)?;
    let member: Member = match org.get_json(&member_path(tenant.org_id(), employee_id)).await {
        Ok(member) => member,
        Err(CallError::NotFound { .. }) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    core.db
        .transaction(&tenant, move |conn| {
            store::put_org(conn, &tenant, &member.org)?;
            store::put_employee(conn, &tenant, &member.employee)?;
            Ok(true)
        })
        .await
}

/// Asks user for the language somebody is written to in.
pub async fn ask_user(core: &Core, user_id: UserId) -> Result<(), Fault> {
    let user = core.peers.get("user").map_err(Fault::Internal)?;
    let contact: Contact = user.get_json(&user_path(user_id)).await?;
    let now = core.clock.now();
    core.db.transaction(Unscoped, move |conn| Ok(store::put_reader(conn, user_id, &contact.locale, now)?)).await
}
