//! What org may answer besides what every service answers.

use crate::imports::domain::MOST_OPEN;
use actix_web::http::StatusCode;
use diesel::result::Error as DieselError;
use rollcall_common::db;
use rollcall_common::fault::Fault;
use rollcall_common::problem::Problem;
use rollcall_org_api::codes;

/// A refusal of org.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Nobody who can sign in would be an owner.
    #[error("the last owner")]
    LastOwner,
    /// The unit would stand below itself.
    #[error("the units would form a cycle")]
    UnitCycle,
    /// The root cannot be moved.
    #[error("the root unit cannot be moved")]
    RootUnit,
    /// Another unit has the code.
    #[error("the unit's code is taken")]
    UnitCodeTaken,
    /// Another employee has the number.
    #[error("the employee's number is taken")]
    NumberTaken,
    /// Two assignments on one day.
    #[error("two assignments on one day")]
    AssignmentOverlap,
    /// The employee has an account already.
    #[error("the employee is linked to an account")]
    AlreadyLinked,
    /// The caller is an employee of the organisation already.
    #[error("the caller is a member already")]
    AlreadyMember,
    /// The token was used.
    #[error("the invitation was used")]
    InvitationUsed,
    /// The token is too old, or a newer one took its place.
    #[error("the invitation is over")]
    InvitationExpired,
    /// The employee, or everybody together, was invited as often as may be; to be tried again after so many seconds.
    #[error("too many invitations")]
    TooManyInvitations(u32),
    /// People work in the unit, or units stand below it.
    #[error("the unit is not empty")]
    UnitNotEmpty,
    /// People work at the site.
    #[error("people work at the site")]
    SiteInUse,
    /// The organisation has no other site.
    #[error("the last site")]
    LastSite,
    /// A site follows the calendar.
    #[error("a site follows the calendar")]
    CalendarInUse,
    /// The calendar has a holiday on the date.
    #[error("the date has a holiday")]
    HolidayTaken,
    /// The same delegation is there already.
    #[error("the delegation is there already")]
    DelegationTaken,
    /// Another role has the name.
    #[error("the role's name is taken")]
    RoleTaken,
    /// Somebody holds the role.
    #[error("somebody holds the role")]
    RoleInUse,
    /// The import is not at the step that is asked for.
    #[error("the import is {0}")]
    ImportState(String),
    /// Too many imports are not over.
    #[error("too many imports are not over")]
    ImportsOpen,
    /// What every service may answer.
    #[error(transparent)]
    Fault(#[from] Fault),
}

rollcall_common::api_error!(Error);

impl Error {
    /// How it is answered.
    fn problem(&self) -> Problem {
        let conflict = |code, title| Problem::new(StatusCode::CONFLICT, code, title);
        match self {
            Self::LastOwner => conflict(codes::LAST_OWNER, "The organisation needs an owner who can sign in"),
            Self::UnitCycle => conflict(codes::UNIT_CYCLE, "A unit cannot stand below itself"),
            Self::RootUnit => conflict(codes::ROOT_UNIT, "The root unit cannot be moved"),
            Self::UnitCodeTaken => conflict(codes::UNIT_CODE_TAKEN, "Another unit has this code"),
            Self::NumberTaken => conflict(codes::NUMBER_TAKEN, "Another employee has this number"),
            Self::AssignmentOverlap => conflict(codes::ASSIGNMENT_OVERLAP, "An employee has one assignment at a time"),
            Self::AlreadyLinked => conflict(codes::ALREADY_LINKED, "The employee has an account already"),
            Self::AlreadyMember => conflict(codes::ALREADY_MEMBER, "You are an employee of this organisation already"),
            Self::InvitationUsed => conflict(codes::INVITATION_USED, "The invitation was accepted before"),
            Self::UnitNotEmpty => conflict(codes::UNIT_NOT_EMPTY, "People work in the unit, or units stand below it"),
            Self::SiteInUse => conflict(codes::SITE_IN_USE, "People work at the site"),
            Self::LastSite => conflict(codes::LAST_SITE, "An organisation keeps at least one site"),
            Self::CalendarInUse => conflict(codes::CALENDAR_IN_USE, "A site follows the calendar"),
            Self::HolidayTaken => conflict(codes::HOLIDAY_TAKEN, "The calendar has a holiday on this date"),
            Self::DelegationTaken => {
                conflict(codes::DELEGATION_TAKEN, "They stand in for the employee on these days already")
            }
            Self::RoleTaken => conflict(codes::ROLE_TAKEN, "Another role has this name"),
            Self::RoleInUse => conflict(codes::ROLE_IN_USE, "Somebody holds the role"),
            Self::ImportState(state) => conflict(codes::IMPORT_STATE, "The import is not at this step")
                .detail(format!("its status is `{state}`")),
            Self::ImportsOpen => conflict(codes::IMPORTS_OPEN, "Other imports of the organisation are not over yet")
                .detail(format!("at most {MOST_OPEN} are checked, wait to be taken over, or are taken over")),
            Self::InvitationExpired => {
                Problem::new(StatusCode::GONE, codes::INVITATION_EXPIRED, "The invitation is no longer valid")
            }
            Self::TooManyInvitations(seconds) => Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                codes::TOO_MANY_INVITATIONS,
                "There were as many invitations as there may be for now",
            )
            .retry_after(*seconds),
            Self::Fault(fault) => fault.problem(),
        }
    }

    /// A statement that wrote: a constraint that was violated is a refusal that has a name.
    pub(crate) fn of_write(error: DieselError) -> Self {
        match db::violated(&error) {
            Some("employees_number_key") => Self::NumberTaken,
            Some("employees_user_key") => Self::AlreadyMember,
            Some("units_code_key") => Self::UnitCodeTaken,
            Some("assignments_one_at_a_time") => Self::AssignmentOverlap,
            Some("holidays_pkey") => Self::HolidayTaken,
            Some("custom_roles_pkey") => Self::RoleTaken,
            Some("assignments_not_own_manager") => {
                Fault::invalid("/manager_id", "own_manager", "nobody is their own manager").into()
            }
            Some("assignments_dates_in_order") => Fault::invalid(
                "/hired_on",
                "after_assignment",
                "must not be after the last day of the first assignment",
            )
            .into(),
            _ => Fault::from(error).into(),
        }
    }
}
