//! What attendance may answer besides what every service answers.

use actix_web::http::StatusCode;
use diesel::result::Error as DieselError;
use rollcall_attendance_api::codes;
use rollcall_attendance_api::periods::PendingDays;
use rollcall_attendance_api::swaps::SwapObstacle;
use rollcall_common::db;
use rollcall_common::fault::Fault;
use rollcall_common::problem::Problem;

/// A refusal of attendance.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Another shift has the code.
    #[error("the shift's code is taken")]
    ShiftCodeTaken,
    /// One's own request is decided by somebody else.
    #[error("one's own request")]
    OwnRequest,
    /// It was decided, or taken back.
    #[error("already decided")]
    AlreadyDecided,
    /// It was decided, or taken back: what happened to it.
    #[error("already decided: {0}")]
    Decided(String),
    /// The colleague has not agreed.
    #[error("not accepted by the colleague")]
    NotAccepted,
    /// The shifts cannot be swapped any more.
    #[error("the shifts cannot be swapped")]
    SwapImpossible(Vec<SwapObstacle>),
    /// The person has as many feeds as there may be.
    #[error("too many calendar feeds")]
    TooManyFeeds,
    /// A date would be in two periods.
    #[error("periods overlap")]
    PeriodOverlap,
    /// The period is not where this begins.
    #[error("not possible where the period stands")]
    PeriodState,
    /// A day is in a period that is locked.
    #[error("a day is in a locked period")]
    PeriodLocked,
    /// The last day of the period is not over.
    #[error("the period is not over")]
    PeriodNotOver,
    /// Days of the period are not judged.
    #[error("days of the period are not judged")]
    PeriodPending(Box<PendingDays>),
    /// Somebody is away twice.
    #[error("leave overlaps")]
    LeaveOverlaps,
    /// Its first day is over.
    #[error("leave has begun")]
    LeaveBegun,
    /// What is approved would take more than there is.
    #[error("above the balance: {0}")]
    AboveBalance(String),
    /// Something was earned or granted for these dates.
    #[error("earned already")]
    LeaveEarnedAlready,
    /// Another kind of leave has the code.
    #[error("the leave type's code is taken")]
    LeaveTypeCodeTaken,
    /// What every service may answer.
    #[error(transparent)]
    Fault(#[from] Fault),
}

rollcall_common::api_error!(Error);

impl Error {
    /// How it is answered.
    pub(crate) fn problem(&self) -> Problem {
        match self {
            Self::ShiftCodeTaken => {
                Problem::new(StatusCode::CONFLICT, codes::SHIFT_CODE_TAKEN, "Another shift has this code")
            }
            Self::OwnRequest => Problem::new(StatusCode::FORBIDDEN, codes::OWN_REQUEST, "Somebody else decides this"),
            Self::AlreadyDecided => {
                Problem::new(StatusCode::CONFLICT, codes::ALREADY_DECIDED, "This is decided already")
            }
            Self::Decided(what) => {
                Problem::new(StatusCode::CONFLICT, codes::ALREADY_DECIDED, "This is decided already").detail(what)
            }
            Self::NotAccepted => {
                Problem::new(StatusCode::CONFLICT, codes::NOT_ACCEPTED, "The colleague has not agreed to it yet")
            }
            Self::SwapImpossible(obstacles) => {
                let said: Vec<_> = obstacles.iter().map(|one| one.detail.as_str()).collect();
                Problem::new(StatusCode::CONFLICT, codes::SWAP_IMPOSSIBLE, "The shifts cannot be swapped any more")
                    .detail(said.join("; "))
                    .with("obstacles", serde_json::json!(obstacles))
            }
            Self::TooManyFeeds => {
                let title = "The person has as many calendar feeds as there may be; delete one";
                Problem::new(StatusCode::CONFLICT, codes::TOO_MANY_FEEDS, title)
            }
            Self::PeriodOverlap => {
                Problem::new(StatusCode::CONFLICT, codes::PERIOD_OVERLAP, "Some of these dates are in another period")
            }
            Self::PeriodState => {
                Problem::new(StatusCode::CONFLICT, codes::PERIOD_STATE, "This is not possible where the period stands")
            }
            Self::PeriodLocked => Problem::new(
                StatusCode::CONFLICT,
                codes::PERIOD_LOCKED,
                "Some of these days are in a period that is locked",
            ),
            Self::PeriodNotOver => {
                Problem::new(StatusCode::CONFLICT, codes::PERIOD_NOT_OVER, "The last day of the period is not over")
            }
            Self::PeriodPending(pending) => {
                Problem::new(StatusCode::CONFLICT, codes::PERIOD_PENDING, "Days of the period are not judged yet")
                    .detail(said_of(pending))
                    .with("pending", serde_json::json!(pending))
            }
            Self::LeaveOverlaps => Problem::new(
                StatusCode::CONFLICT,
                codes::LEAVE_OVERLAPS,
                "There is other leave, or a request for it, in that time",
            ),
            Self::LeaveBegun => {
                Problem::new(StatusCode::CONFLICT, codes::LEAVE_BEGUN, "The first day of the leave is over").detail(
                    "whoever holds leave.write on the person may end it early, by the first day that is taken back",
                )
            }
            Self::AboveBalance(what) => {
                Problem::new(StatusCode::CONFLICT, codes::ABOVE_BALANCE, "There is not so much leave any more")
                    .detail(what)
            }
            Self::LeaveEarnedAlready => Problem::new(
                StatusCode::CONFLICT,
                codes::LEAVE_EARNED_ALREADY,
                "Leave is earned or granted already for some of these dates",
            ),
            Self::LeaveTypeCodeTaken => {
                Problem::new(StatusCode::CONFLICT, codes::LEAVE_TYPE_CODE_TAKEN, "Another kind of leave has this code")
            }
            Self::Fault(fault) => fault.problem(),
        }
    }

    /// A statement that wrote: a constraint that was violated is a refusal that has a name.
    pub(crate) fn of_write(error: DieselError) -> Self {
        match db::violated(&error) {
            Some("shifts_code_key") => Self::ShiftCodeTaken,
            Some("periods_one_at_a_time") => Self::PeriodOverlap,
            Some("leave_requests_no_overlap" | "leave_requests_apart") => Self::LeaveOverlaps,
            Some("leave_types_code_key") => Self::LeaveTypeCodeTaken,
            // Two changes of one shift made the same version: somebody else was faster.
            Some("shift_versions_pkey") => Fault::PreconditionFailed.into(),
            _ => Fault::from(error).into(),
        }
    }
}

/// What a lock waits for, in a sentence.
fn said_of(pending: &PendingDays) -> String {
    let PendingDays { people, days, lockable_from, days_waiting_for_devices: silent, .. } = pending;
    let closes = lockable_from.map(|at| format!("; the last window closes at {at}")).unwrap_or_default();
    let waits = format!("; {silent} of them wait for devices that have not reported");
    let waits = if *silent > 0 { waits.as_str() } else { "" };
    format!("{days} days of {people} people are not judged{closes}{waits}")
}
