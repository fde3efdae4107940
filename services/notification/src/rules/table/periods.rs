//! Periods that are about to be locked, and that were: those who speak for the organisation are told.

use super::words;
use crate::rules::domain::{Recipients, Rule, Said};
use rollcall_attendance_api::events::{PERIOD_LOCKED, PERIOD_LOCKING, PeriodLocked, PeriodLocking};
use rollcall_notification_api::inbox::{About, Category};

pub(super) static LOCKING: Rule = Rule {
    event: PERIOD_LOCKING,
    category: Category::Periods,
    template: "period_locking",
    of_org: true,
    urgent: false,
    read: |data| Said::read(data, |_: &PeriodLocking| (Recipients::Speakers, About::default())),
    words: words!("period_locking"),
    #[cfg(test)]
    example,
};

pub(super) static LOCKED: Rule = Rule {
    event: PERIOD_LOCKED,
    category: Category::Periods,
    template: "period_locked",
    of_org: true,
    urgent: false,
    read: |data| Said::read(data, |_: &PeriodLocked| (Recipients::Speakers, About::default())),
    words: words!("period_locked"),
    #[cfg(test)]
    example,
};

#[cfg(test)]
fn example(name: &str) -> serde_json::Value {
    serde_json::json!({
        "period_id": "0192aaaa-0000-7000-8000-000000000001", "name": name, "from": "2026-11-01", "to": "2026-11-30",
        "people": 3, "locked_by": null,
    })
}
