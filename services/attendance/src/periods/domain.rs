//! What a period may be, and what follows what.

use crate::error::Error;
use jiff::civil::Date;
use rollcall_attendance_api::periods::{Locking, NewPeriod, Period, PeriodStatus};
use rollcall_common::fault::Fault;
use rollcall_common::validate::{self, Fields, Rejection};

/// Days of a period at most.
const DAYS: i32 = 366;

/// Name and dates, or every field that is wrong.
pub(super) fn parse(body: &NewPeriod) -> Result<(String, Date, Date), Fault> {
    let mut fields = Fields::new();
    let from = fields.take("/from", validate::date(body.from));
    let to = fields.take("/to", validate::date(body.to));
    if let (Some(from), Some(to)) = (from, to) {
        let days = from.until(to).map_or(i32::MAX, |span| span.get_days());
        if !(0..DAYS).contains(&days) {
            let detail = format!("must not be before from, and at most {DAYS} days in all");
            fields.reject("/to", Rejection::new("date_out_of_range", detail));
        }
    }
    let name = fields.take_optional("/name", body.name.as_deref().map(|name| validate::text(name, 60)));
    let (from, to, name) = fields.all((from, to, name))?;
    Ok((name.unwrap_or_else(|| format!("{from} – {to}")), from, to))
}

/// Whether a lock does not wait for devices, and why; or what is wrong with saying so.
pub(super) fn forced(body: &Locking) -> Result<(bool, Option<String>), Fault> {
    let mut fields = Fields::new();
    let reason = fields.take_optional("/reason", body.reason.as_deref().map(|reason| validate::lines(reason, 500)));
    if body.force && body.reason.is_none() {
        fields.reject("/reason", Rejection::new("required", "must be said with force"));
    }
    let (reason,) = fields.all((reason,))?;
    Ok((body.force, reason))
}

/// What is done to a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// With so many days that are not judged.
    Lock(u32),
    Reopen,
    Close,
}

impl Act {
    /// The name of it in the record of changes.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Lock(0) => "period.locking",
            Self::Lock(_) => "period.locking_forced",
            Self::Reopen => "period.reopened",
            Self::Close => "period.closed",
        }
    }

    /// Where it leads, if it is possible now. A period is locked once it is over: of a day that is not over nothing
    /// could be kept.
    pub(super) fn apply(self, period: &Period, today: Date) -> Result<PeriodStatus, Error> {
        match (self, period.status) {
            (Self::Lock(_), PeriodStatus::Open) if today <= period.to => Err(Error::PeriodNotOver),
            (Self::Lock(_), PeriodStatus::Open) => Ok(PeriodStatus::Locking),
            // A lock that cannot come to its end has a way out.
            (Self::Reopen, PeriodStatus::Locking | PeriodStatus::Locked) => Ok(PeriodStatus::Open),
            (Self::Close, PeriodStatus::Locked) => Ok(PeriodStatus::Closed),
            (Self::Lock(_), PeriodStatus::Locking | PeriodStatus::Locked | PeriodStatus::Closed)
            | (Self::Reopen, PeriodStatus::Open | PeriodStatus::Closed)
            | (Self::Close, PeriodStatus::Open | PeriodStatus::Locking | PeriodStatus::Closed) => {
                Err(Error::PeriodState)
            }
        }
    }
}
