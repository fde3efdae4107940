//! Events of periods.

use jiff::civil::Date;
use rollcall_ids::{EmployeeId, PeriodId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The last day of a period is near, and with it its lock; `data`: [`PeriodLocking`].
pub const PERIOD_LOCKING: &str = "attendance.period.locking.v1";
/// A period is locked; `data`: [`PeriodLocked`].
pub const PERIOD_LOCKED: &str = "attendance.period.locked.v1";

/// A period that is about to be locked; told once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PeriodLocking {
    /// The period.
    pub period_id: PeriodId,
    /// Its name.
    pub name: String,
    /// First work date.
    pub from: Date,
    /// Last work date, included.
    pub to: Date,
}

/// A period whose days are all frozen; told at every lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PeriodLocked {
    /// The period.
    pub period_id: PeriodId,
    /// Its name.
    pub name: String,
    /// First work date.
    pub from: Date,
    /// Last work date, included.
    pub to: Date,
    /// People whose days are frozen.
    pub people: u32,
    /// Who locked it.
    pub locked_by: Option<EmployeeId>,
}
