//! A member and what they may do.

use crate::employees::domain::Dossier;
use crate::error::Error;
use crate::orgs::domain::Org;
use crate::roles::domain as roles;
use crate::units::store as units;
use crate::units::tree::Tree;
use diesel::pg::PgConnection;
use jiff::civil::Date;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, UnitId};
use rollcall_org_api::rights::{self, Grant, Permission, Reach, Target};
use std::sync::Arc;

/// An employee who is signed in and works here today.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// The organisation.
    pub(crate) org: Arc<Org>,
    /// The employee.
    pub(crate) dossier: Arc<Dossier>,
    /// What they may do, and to whom.
    pub(crate) grants: Arc<[Grant]>,
    /// The date in the organisation's zone.
    pub(crate) today: Date,
}

impl Member {
    /// The employee's id.
    pub(crate) fn employee_id(&self) -> EmployeeId {
        self.dossier.employee.employee_id
    }

    /// 403 unless the permission holds for the whole organisation.
    pub(crate) fn must_in_org(&self, permission: Permission) -> Result<(), Fault> {
        if rights::may_in_org(&self.grants, permission) { Ok(()) } else { Err(Fault::Forbidden) }
    }

    /// 403 unless one of the two holds for the whole organisation.
    pub(crate) fn must_in_org_either(&self, one: Permission, other: Permission) -> Result<(), Fault> {
        self.must_in_org(one).or_else(|_| self.must_in_org(other))
    }

    /// 403 unless the permission holds in some scope: what every member may share.
    pub(crate) fn must_somewhere(&self, permission: Permission) -> Result<(), Fault> {
        if rights::may_somewhere(&self.grants, permission) { Ok(()) } else { Err(Fault::Forbidden) }
    }

    /// Whom a permission reaches.
    pub(crate) fn reach(&self, permission: Permission) -> Reach {
        Reach::of(&self.grants, permission)
    }

    /// Whether the permission reaches somebody who works in `unit` under `manager`.
    pub(crate) fn may(
        &self,
        permission: Permission,
        employee_id: EmployeeId,
        manager_id: Option<EmployeeId>,
        unit: Option<UnitId>,
        tree: &Tree,
    ) -> bool {
        let unit_and_above = unit.map(|unit| tree.unit_and_above(unit)).unwrap_or_default();
        let target = Target { employee_id, manager_id, unit_and_above: &unit_and_above };
        rights::may(self.employee_id(), &self.grants, permission, target)
    }

    /// 404 unless they may see the employee: whom one may not see does not exist for one.
    pub(crate) fn must_see(&self, conn: &mut PgConnection, tenant: &Tenant, dossier: &Dossier) -> Result<(), Error> {
        if self.may_on(conn, tenant, Permission::EmployeesRead, dossier)? {
            Ok(())
        } else {
            Err(Fault::NotFound.into())
        }
    }

    /// 404 unless they may see the employee, 403 unless they may also change them.
    pub(crate) fn must_change(&self, conn: &mut PgConnection, tenant: &Tenant, dossier: &Dossier) -> Result<(), Error> {
        self.must_see(conn, tenant, dossier)?;
        if self.may_on(conn, tenant, Permission::EmployeesWrite, dossier)? {
            Ok(())
        } else {
            Err(Fault::Forbidden.into())
        }
    }

    /// 403 unless they may decide who gets to the employee's account, until when the employee works here, and who decides in
    /// their place.
    pub(crate) fn must_decide_over(&self, dossier: &Dossier) -> Result<(), Fault> {
        if roles::within(&dossier.roles, &self.grants) { Ok(()) } else { Err(Fault::Forbidden) }
    }

    /// Whether the permission reaches them, where they work today.
    pub(crate) fn may_on(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        permission: Permission,
        dossier: &Dossier,
    ) -> Result<bool, Error> {
        let reach = self.reach(permission);
        if reach.everyone {
            return Ok(true);
        }
        // The tree is asked for only by those whose scope is made of units.
        let tree = if reach.tops.is_empty() { Tree::default() } else { units::tree(conn, tenant)? };
        let assignment = dossier.assignment_on(self.today);
        let manager_id = assignment.and_then(|a| a.manager_id);
        let unit_id = assignment.map(|a| a.unit_id);
        Ok(self.may(permission, dossier.employee.employee_id, manager_id, unit_id, &tree))
    }
}
