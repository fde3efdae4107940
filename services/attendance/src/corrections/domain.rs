//! What may be asked for.

use crate::approvals::bench::Bench;
use crate::facts::domain::Org;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use rollcall_attendance_api::approvals::RequestGist;
use rollcall_attendance_api::codes;
use rollcall_attendance_api::corrections::{Change, NewCorrection};
use rollcall_common::fault::Fault;
use rollcall_common::validate::{self, Fields, Rejection};
use rollcall_ids::PunchId;
use rollcall_org_api::facts::EmployeeFact;
use std::collections::{HashMap, HashSet};

/// Changes of one correction at most.
const CHANGES: usize = 20;
/// Days back that a day can be corrected: as far as punches can be imported.
const BACK: i64 = 400;

/// A correction that can be asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) work_date: Date,
    pub(crate) changes: Vec<Change>,
    pub(crate) reason: String,
}

/// The day that a client names, if it is one that can be corrected.
fn work_date(body: &NewCorrection, today: Date) -> Result<Date, Rejection> {
    let date = validate::date(body.work_date)?;
    let back = date.until(today).map_or(i64::MAX, |span| span.get_days().into());
    let detail = || format!("must be today or up to {BACK} days before");
    if (0..=BACK).contains(&back) { Ok(date) } else { Err(Rejection::new(codes::AT_OUT_OF_WINDOW, detail())) }
}

/// The instants that what a client sent may concern; none: the day that it names cannot be corrected.
pub(crate) fn concerned(body: &NewCorrection, bench: &Bench) -> Option<(Timestamp, Timestamp)> {
    around(&bench.person, &bench.org, work_date(body, bench.today).ok()?)
}

impl Wish {
    /// What a client sent, or every field that is wrong. `concerned` are the instants that it may concern, with the
    /// punches that count there; of a day that cannot be corrected nothing is known, and its changes are not looked at.
    pub(crate) fn parse(
        body: &NewCorrection,
        today: Date,
        concerned: Option<((Timestamp, Timestamp), HashMap<PunchId, Timestamp>)>,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let mut fields = Fields::new();
        let work_date = fields.take("/work_date", work_date(body, today));
        let reason = fields.take("/reason", validate::lines(&body.reason, 500));
        if body.changes.is_empty() || body.changes.len() > CHANGES {
            fields.reject("/changes", Rejection::new("length", format!("must be 1 to {CHANGES}")));
        }
        if let Some((around, known)) = concerned {
            changes(&mut fields, &body.changes, (around, &known), now);
        }
        let (work_date, reason) = fields.all((work_date, reason))?;
        Ok(Self { work_date, changes: body.changes.clone(), reason })
    }

    /// In few words.
    pub(crate) fn gist(&self) -> RequestGist {
        let reason = Some(self.reason.clone());
        RequestGist { from: self.work_date, to: self.work_date, minutes: None, label: None, reason }
    }
}

/// Refuses what would be added elsewhere, and to void what is not there, or twice.
fn changes(
    fields: &mut Fields,
    changes: &[Change],
    ((from, until), known): ((Timestamp, Timestamp), &HashMap<PunchId, Timestamp>),
    now: Timestamp,
) {
    let mut voided = HashSet::new();
    for (index, change) in changes.iter().take(CHANGES).enumerate() {
        match change {
            Change::Add(punch) if punch.at < from || until <= punch.at || punch.at > now => {
                let detail = "must be from the day before work_date to the day after, and not in the future";
                let rejection = Rejection::new(codes::AT_OUT_OF_WINDOW, detail);
                fields.reject(&format!("/changes/{index}/add/at"), rejection);
            }
            Change::Void(id) if !known.contains_key(id) || !voided.insert(id) => {
                let detail = "there is no such punch around work_date that counts";
                fields.reject(&format!("/changes/{index}/void"), Rejection::new(codes::UNKNOWN_PUNCH, detail));
            }
            Change::Add(_) | Change::Void(_) => {}
        }
    }
}

/// From the day before `date` to the end of the day after, by the clocks of the person's site.
pub(crate) fn around(whose: &EmployeeFact, org: &Org, date: Date) -> Option<(Timestamp, Timestamp)> {
    let zone = org.zone_on(whose, date);
    let midnight = |date: Date| date.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
    Some((midnight(date - 1.day())?, midnight(date + 2.days())?))
}
