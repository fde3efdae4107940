//! Holidays of the calendar that a site follows.

use crate::support::{Fixture, event};
use jiff::civil::date;
use rollcall_org_api::events::{HOLIDAY_CALENDAR_CHANGED, SITE_CHANGED};
use rollcall_org_api::facts::{HolidayCalendarFact, HolidayFact, HolidayPortion};
use serde_json::{Value, json};

const CHRISTMAS: &str = "from=2026-12-23&to=2026-12-26";

/// The team works every day of December; now it is January.
async fn december(follows: bool) -> Fixture {
    let f = Fixture::start().await;
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-12-01", "2026-12-31").await;
    f.set_clock("2027-01-02T08:00:00Z");
    if follows {
        follow(&f).await;
    }
    f
}

async fn follow(f: &Fixture) {
    let mut site = f.world.berlin.clone();
    site.holiday_calendar_id = Some(f.world.holidays.holiday_calendar_id);
    site.version += 1;
    f.tell(&[event(f.world.org.org_id, SITE_CHANGED, site.version, &site)]).await;
}

async fn now_says(f: &Fixture, calendar: &HolidayCalendarFact) {
    f.tell(&[event(f.world.org.org_id, HOLIDAY_CALENDAR_CHANGED, calendar.version, calendar)]).await;
}

async fn statuses(f: &Fixture) -> Vec<Value> {
    f.workdays(&f.world.worker, CHRISTMAS).await.iter().map(|day| day["status"].clone()).collect()
}

#[tokio::test]
async fn whole_and_half_holidays_of_the_site_are_in_the_workdays() {
    let f = december(true).await;
    f.set_clock("2026-12-24T11:00:00Z");
    f.punch(&f.world.worker, "in", &json!({"at": "2026-12-24T09:00:00+01:00"})).await.must(201);
    f.punch(&f.world.worker, "out", &json!({"at": "2026-12-24T12:00:00+01:00"})).await.must(201);
    f.set_clock("2027-01-02T08:00:00Z");
    assert_eq!(statuses(&f).await, ["absent", "half_day", "holiday", "absent"]);
    let days = f.workdays(&f.world.worker, CHRISTMAS).await;
    assert_eq!((&days[1]["planned_minutes"], &days[1]["early_leave_minutes"]), (&json!(180), &json!(0)));
    assert_eq!(days[2]["holiday"], json!({"name": "Christmas Day", "portion": "full"}));
    assert_eq!(days[2].get("planned_start"), None);
}

#[tokio::test]
async fn a_site_without_a_calendar_has_no_holidays() {
    let f = december(false).await;
    assert_eq!(statuses(&f).await, ["absent"; 4]);
    follow(&f).await;
    assert_eq!(statuses(&f).await, ["absent", "absent", "holiday", "absent"]);
}

#[tokio::test]
async fn a_change_of_the_calendar_holds_at_once_and_an_older_version_changes_nothing() {
    let f = december(true).await;
    let mut calendar = f.world.holidays.clone();
    let boxing_day = HolidayFact { date: date(2026, 12, 26), name: "Boxing Day".into(), portion: HolidayPortion::Full };
    calendar.holidays.push(boxing_day);
    calendar.version = 3;
    now_says(&f, &calendar).await;
    assert_eq!(statuses(&f).await, ["absent", "absent", "holiday", "holiday"]);
    calendar.holidays.clear();
    calendar.version = 2;
    now_says(&f, &calendar).await;
    assert_eq!(statuses(&f).await, ["absent", "absent", "holiday", "holiday"]);
    calendar.deleted = true;
    calendar.version = 4;
    now_says(&f, &calendar).await;
    assert_eq!(statuses(&f).await, ["absent"; 4]);
}
