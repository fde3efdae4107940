//! Values of `code` in problems that only org answers. Stable: a client may branch on them.

/// 409: the change would leave the organisation without an owner who can sign in.
pub const LAST_OWNER: &str = "last_owner";
/// 409: the unit would stand below itself.
pub const UNIT_CYCLE: &str = "unit_cycle";
/// 409: the root unit has no parent and gets none.
pub const ROOT_UNIT: &str = "root_unit";
/// 409: another unit has this code.
pub const UNIT_CODE_TAKEN: &str = "unit_code_taken";
/// 409: another employee has this number.
pub const NUMBER_TAKEN: &str = "number_taken";
/// 409: the employee would have two assignments on one day.
pub const ASSIGNMENT_OVERLAP: &str = "assignment_overlap";
/// 409: the employee is linked to an account already, there is nothing to invite to.
pub const ALREADY_LINKED: &str = "already_linked";
/// 409: the caller is an employee of this organisation already.
pub const ALREADY_MEMBER: &str = "already_member";
/// 409: the invitation was accepted before.
pub const INVITATION_USED: &str = "invitation_used";
/// 429: the employee, or the organisation's people, were invited as often as they may be for now.
pub const TOO_MANY_INVITATIONS: &str = "too_many_invitations";
/// 410: the invitation's time is over, or a newer one replaced it.
pub const INVITATION_EXPIRED: &str = "invitation_expired";
/// 409: people work in the unit, today or later, or units stand below it.
pub const UNIT_NOT_EMPTY: &str = "unit_not_empty";
/// 409: people work at the site, today or later.
pub const SITE_IN_USE: &str = "site_in_use";
/// 409: an organisation keeps at least one site.
pub const LAST_SITE: &str = "last_site";
/// 409: a site follows the calendar.
pub const CALENDAR_IN_USE: &str = "calendar_in_use";
/// 409: the calendar has a holiday on this date.
pub const HOLIDAY_TAKEN: &str = "holiday_taken";
/// 409: the same deputy stands in for the employee on the same days already.
pub const DELEGATION_TAKEN: &str = "delegation_taken";
/// 409: another role has this name.
pub const ROLE_TAKEN: &str = "role_taken";
/// 409: somebody holds the role.
pub const ROLE_IN_USE: &str = "role_in_use";
/// 409: so many imports of the organisation are not over yet.
pub const IMPORTS_OPEN: &str = "imports_open";
/// 409: what the import is asked for does not fit its state.
pub const IMPORT_STATE: &str = "import_state";
