//! Who may make and read a feed.

use crate::facts::domain::Member;
use jiff::civil::Date;
use rollcall_attendance_api::calendar_feeds::NewCalendarFeed;
use rollcall_common::fault::Fault;
use rollcall_common::secret;
use rollcall_common::validate::{self, Fields};
use rollcall_org_api::facts::EmployeeFact;
use rollcall_org_api::rights::Permission;

/// Feeds of a person at most: a phone, a tablet, two computers, a page of the family, and as many again.
pub(super) const FEEDS: i64 = 10;

/// A new secret: 256 bits are not guessed.
pub(super) fn new_secret() -> String {
    secret::random_token(32)
}

/// Its name, or what is wrong with it.
pub(super) fn parse(body: &NewCalendarFeed) -> Result<Option<String>, Fault> {
    let mut fields = Fields::new();
    let name = fields.take_optional("/name", body.name.as_deref().map(|name| validate::text(name, 60)));
    let (name,) = fields.all((name,))?;
    Ok(name)
}

/// Whether `member` may have a feed of `person`: of themselves whoever may see their own plan, of somebody else whoever may
/// see plan and leave.
pub(super) fn may_have(member: &Member, person: &EmployeeFact, today: Date) -> bool {
    let own = member.employee.employee_id == person.employee_id;
    let may = |permission| member.may(permission, person, today);
    may(Permission::RosterRead) && (own || may(Permission::LeaveRead))
}

/// Whether `member` may end a feed of `person` that `made` says they made themselves.
pub(super) fn may_end(member: &Member, person: &EmployeeFact, made: bool, today: Date) -> bool {
    made || member.employee.employee_id == person.employee_id || member.may(Permission::RosterWrite, person, today)
}
