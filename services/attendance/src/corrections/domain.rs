//! What may be asked for.

use crate::facts::Member;
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

/// A correction that can be asked for, if its punches exist.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) work_date: Date,
    pub(crate) changes: Vec<Change>,
    pub(crate) reason: String,
    /// The instants that it may concern: from the day before the work date to the end of the day after.
    pub(crate) around: (Timestamp, Timestamp),
}

impl Wish {
    /// What a client sent, or every field that is wrong.
    pub(crate) fn parse(
        body: &NewCorrection,
        whose: &EmployeeFact,
        by: &Member,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let mut fields = Fields::new();
        let today = by.org.date_at(whose, now);
        let work_date = validate::date(body.work_date).and_then(|date| {
            let back = date.until(today).map_or(i64::MAX, |span| span.get_days().into());
            if (0..=BACK).contains(&back) {
                Ok(date)
            } else {
                Err(Rejection::new(codes::AT_OUT_OF_WINDOW, format!("must be today or up to {BACK} days before")))
            }
        });
        let work_date = fields.take("/work_date", work_date);
        let reason = fields.take("/reason", validate::text(&body.reason, 500));
        if body.changes.is_empty() || body.changes.len() > CHANGES {
            fields.reject("/changes", Rejection::new("length", format!("must be 1 to {CHANGES}")));
        }
        let around = work_date.and_then(|date| around(whose, &by.org, date));
        if let Some((from, until)) = around {
            for (index, change) in body.changes.iter().take(CHANGES).enumerate() {
                let Change::Add(punch) = change else { continue };
                if punch.at < from || until <= punch.at || punch.at > now {
                    let detail = "must be from the day before work_date to the day after, and not in the future";
                    let rejection = Rejection::new(codes::AT_OUT_OF_WINDOW, detail);
                    fields.reject(&format!("/changes/{index}/add/at"), rejection);
                }
            }
        }
        let (work_date, reason, around) = fields.all((work_date, reason, around))?;
        Ok(Self { work_date, changes: body.changes.clone(), reason, around })
    }

    /// In few words.
    pub(crate) fn gist(&self) -> RequestGist {
        let reason = Some(self.reason.clone());
        RequestGist { from: self.work_date, to: self.work_date, minutes: None, label: None, reason }
    }

    /// Refuses to void what is not there, or twice.
    pub(crate) fn check(&self, known: &HashMap<PunchId, Timestamp>) -> Result<(), Fault> {
        let mut fields = Fields::new();
        let mut voided = HashSet::new();
        for (index, change) in self.changes.iter().enumerate() {
            let Change::Void(id) = change else { continue };
            if !known.contains_key(id) || !voided.insert(id) {
                let detail = "there is no such punch around work_date that counts";
                fields.reject(&format!("/changes/{index}/void"), Rejection::new(codes::UNKNOWN_PUNCH, detail));
            }
        }
        fields.finish()
    }
}

/// From the day before `date` to the end of the day after, by the clocks of the person's site.
pub(crate) fn around(whose: &EmployeeFact, org: &Org, date: Date) -> Option<(Timestamp, Timestamp)> {
    let zone = org.zone_on(whose, date);
    let midnight = |date: Date| date.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
    Some((midnight(date - 1.day())?, midnight(date + 2.days())?))
}
