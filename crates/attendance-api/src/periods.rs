//! `/periods`: stretches of dates that are locked and closed as a whole, and what came too late for them.

use crate::workdays::Workday;
use jiff::{Timestamp, civil::Date};
use rollcall_ids::{DeviceId, EmployeeId, PeriodId, PunchId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /periods`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPeriod {
    /// Its name, 1 to 60 characters; left out: its dates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// First work date.
    pub from: Date,
    /// Last work date, included; at most 366 days in all.
    pub to: Date,
}

/// Where a period stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeriodStatus {
    /// Its days are computed whenever they are read.
    Open,
    /// Its days are being frozen, person by person; what is frozen counts once all are.
    Locking,
    /// Its days are frozen: what comes later is an adjustment.
    Locked,
    /// As locked, and never opened again.
    Closed,
}

/// A period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Period {
    /// Its id.
    pub period_id: PeriodId,
    /// Its name.
    pub name: String,
    /// First work date.
    pub from: Date,
    /// Last work date, included.
    pub to: Date,
    /// Where it stands.
    pub status: PeriodStatus,
    /// People whose days are frozen, while it is being locked and after.
    pub people_done: u32,
    /// Of how many.
    pub people_total: u32,
    /// Days that were not judged when it was locked, because devices had not reported and the lock was forced; what they
    /// come to later is an adjustment.
    #[serde(default)]
    pub pending_days: u32,
    /// When it was locked last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_at: Option<Timestamp>,
    /// Ascends with every change; sent as `ETag`.
    pub version: i64,
}

/// Body of `POST /periods/{period_id}/lock`; may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Locking {
    /// Whether not to wait for devices that have not reported: their days are kept as they are, `pending` above all, and
    /// what comes later is an adjustment. What waits for nothing but the end of its window is waited for all the same.
    pub force: bool,
    /// Why, 1 to 500 characters; must be said with `force`, and is kept with the record of changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a lock waits for; the member `pending` of the problem `period_pending`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PendingDays {
    /// People who have days that are not judged.
    pub people: u32,
    /// How many days those are.
    pub days: u32,
    /// From when on none of them waits for its window to close: then the period can be locked, unless devices have still
    /// not reported. None: only devices are waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lockable_from: Option<Timestamp>,
    /// How many of the days wait for devices only.
    pub days_waiting_for_devices: u32,
    /// The devices that these wait for, at most 20.
    pub device_ids: Vec<DeviceId>,
}

/// Body of `POST /periods/{period_id}/reopen`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reopening {
    /// Why, 1 to 500 characters; kept with the record of changes.
    pub reason: String,
}

/// A day that would be another one if its period were not locked: something came too late for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Adjustment {
    /// Whose.
    pub employee_id: EmployeeId,
    /// The day.
    pub work_date: Date,
    /// As it was frozen; none: it was no day of theirs then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<Workday>,
    /// As the facts say it is now; none: it is no day of theirs any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<Workday>,
    /// Minutes worked more, or less when negative.
    pub worked_minutes: i64,
    /// Minutes paid more, or less.
    pub paid_minutes: i64,
    /// Minutes of overtime more, or less.
    pub overtime_minutes: i64,
    /// Minutes of overtime that count more, or less.
    pub overtime_approved_minutes: i64,
    /// Punches of the day that were not there when it was frozen.
    pub punches_added: Vec<PunchId>,
    /// Punches of the day that are not there any more, voided or moved to another day.
    pub punches_gone: Vec<PunchId>,
}
