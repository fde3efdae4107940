//! Leave over the end of a leave year: it takes of each year what that has, whenever it is asked for and decided.

use crate::leave::{balance, days, grant, leave_type, policy, settle};
use crate::leave_requests::{ask, asked, end};
use crate::support::Fixture;
use serde_json::{Value, json};

const DAY: i64 = 480;

/// Thirty days a year, of which ten go on for three months; the team works every day from 1 December to 31 March. It is
/// the first of November, and the worker has eight days of the year left.
async fn november(f: &Fixture, change: Value) -> String {
    f.set_clock("2026-11-01T09:00:00Z");
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-12-01", "2027-03-31").await;
    let vacation = leave_type(f, change).await;
    let rule = json!({"carry_over": {"limit_minutes": 10 * DAY, "expires_after_months": 3}});
    policy(f, &vacation, rule).await;
    settle(f, "2026-11-01T09:00:00Z").await;
    grant(f, &f.world.worker, &vacation, json!({"kind": "adjust", "minutes": -22 * DAY})).await;
    vacation
}

async fn available(f: &Fixture, on: &str) -> i64 {
    balance(f, &f.world.worker, on).await["available_minutes"].as_i64().unwrap() / DAY
}

/// What a request took, by kind of what it was taken from, in days.
async fn taken(f: &Fixture, id: &str) -> Vec<(String, i64)> {
    let body = f.get(&f.world.worker, "/leave-ledger?limit=200").await.must(200);
    let entries = body["items"].as_array().unwrap();
    let mut sums = std::collections::BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry["leave_request_id"] == *id) {
        let source = entries.iter().find(|source| source["leave_entry_id"] == entry["source_id"]);
        let kind = source.map_or_else(
            || "to come".to_owned(),
            |source| format!("{} {}", source["kind"].as_str().unwrap(), &source["effective_on"].as_str().unwrap()[..4]),
        );
        *sums.entry(kind).or_insert(0) -= entry["minutes"].as_i64().unwrap() / DAY;
    }
    sums.into_iter().filter(|(_, days)| *days != 0).collect()
}

fn sums(expected: &[(&str, i64)]) -> Vec<(String, i64)> {
    expected.iter().map(|(kind, days)| ((*kind).to_owned(), *days)).collect()
}

#[tokio::test]
async fn asked_and_approved_before_it_finds_on_its_day_what_the_new_year_has() {
    let f = Fixture::start().await;
    let vacation = november(&f, json!({})).await;
    // Eight go on; the thirty of the new year come.
    assert_eq!([available(&f, "2026-12-31").await, available(&f, "2027-01-01").await], [8, 38]);
    assert_eq!(balance(&f, &f.world.worker, "2027-01-01").await["balance_minutes"], json!(38 * DAY));
    assert_eq!(available(&f, "2027-04-01").await, 30, "what went on has expired");
    let id = asked(&f, &vacation, "2026-12-28", "2027-01-06", json!({})).await;
    end(&f, &f.world.manager, &id, "approve").await.must(200);
    assert_eq!(taken(&f, &id).await, sums(&[("accrual 2026", 4), ("to come", 6)]));
    assert_eq!([available(&f, "2026-12-31").await, available(&f, "2027-01-10").await], [4, 28]);
    settle(&f, "2027-01-03T09:00:00Z").await;
    // Four went on, of which three days were taken so far.
    assert_eq!(taken(&f, &id).await, sums(&[("accrual 2026", 4), ("carry_over 2027", 3), ("to come", 3)]));
    settle(&f, "2027-01-07T09:00:00Z").await;
    assert_eq!(taken(&f, &id).await, sums(&[("accrual 2026", 4), ("accrual 2027", 2), ("carry_over 2027", 4)]));
    assert_eq!(days(&f, &f.world.worker, "2027-01-07").await, 28);
    settle(&f, "2027-04-01T09:00:00Z").await;
    assert_eq!(days(&f, &f.world.worker, "2027-04-01").await, 28, "nothing was left to expire");
}

#[tokio::test]
async fn asked_before_and_approved_after_it_takes_of_the_old_year_what_that_had() {
    let f = Fixture::start().await;
    let vacation = november(&f, json!({})).await;
    let id = asked(&f, &vacation, "2026-12-28", "2027-01-06", json!({})).await;
    assert_eq!(available(&f, "2026-12-31").await, 8, "what waits takes nothing");
    settle(&f, "2027-01-02T09:00:00Z").await;
    assert_eq!(days(&f, &f.world.worker, "2027-01-02").await, 38);
    end(&f, &f.world.manager, &id, "approve").await.must(200);
    // Four of the eight that went on are of the old year again.
    let expected = sums(&[("accrual 2026", 4), ("accrual 2027", 2), ("carry_over 2027", 4)]);
    assert_eq!(taken(&f, &id).await, expected, "what there is by now is taken at once");
    settle(&f, "2027-01-07T09:00:00Z").await;
    assert_eq!(taken(&f, &id).await, sums(&[("accrual 2026", 4), ("accrual 2027", 2), ("carry_over 2027", 4)]));
    assert_eq!(days(&f, &f.world.worker, "2027-01-07").await, 28);
    settle(&f, "2027-04-01T09:00:00Z").await;
    assert_eq!(days(&f, &f.world.worker, "2027-04-01").await, 28);
}

#[tokio::test]
async fn what_had_expired_at_the_turn_is_there_again_for_leave_of_before() {
    let f = Fixture::start().await;
    let vacation = november(&f, json!({})).await;
    grant(&f, &f.world.worker, &vacation, json!({"minutes": 5 * DAY, "expires_on": "2026-12-31"})).await;
    let id = asked(&f, &vacation, "2026-12-29", "2026-12-31", json!({})).await;
    settle(&f, "2027-01-02T09:00:00Z").await;
    assert_eq!(days(&f, &f.world.worker, "2027-01-02").await, 38, "five have expired");
    end(&f, &f.world.manager, &id, "approve").await.must(200);
    assert_eq!(days(&f, &f.world.worker, "2027-01-02").await, 38, "of these three were taken");
    settle(&f, "2027-01-03T09:00:00Z").await;
    assert_eq!(days(&f, &f.world.worker, "2027-01-03").await, 38, "and they do not expire again");
}

#[tokio::test]
async fn cancelled_before_or_after_it_gives_back_exactly_what_was_used() {
    for cancelled_at in ["2026-12-15T09:00:00Z", "2027-01-01T09:00:00Z", "2027-01-04T09:00:00Z"] {
        let f = Fixture::start().await;
        let vacation = november(&f, json!({})).await;
        let id = asked(&f, &vacation, "2027-01-04", "2027-01-20", json!({})).await;
        end(&f, &f.world.manager, &id, "approve").await.must(200);
        assert_eq!(available(&f, "2027-02-01").await, 21);
        settle(&f, cancelled_at).await;
        end(&f, &f.world.worker, &id, "cancel").await.must(200);
        assert_eq!(taken(&f, &id).await, []);
        assert_eq!([available(&f, "2027-02-01").await, available(&f, "2027-04-01").await], [38, 30], "{cancelled_at}");
        settle(&f, "2027-04-01T09:00:00Z").await;
        assert_eq!(days(&f, &f.world.worker, "2027-04-01").await, 30, "{cancelled_at}");
    }
    // What is taken back on the last day of the year goes on, as if it had not been taken.
    let f = Fixture::start().await;
    let vacation = november(&f, json!({})).await;
    let id = asked(&f, &vacation, "2026-12-31", "2027-01-05", json!({})).await;
    end(&f, &f.world.manager, &id, "approve").await.must(200);
    settle(&f, "2026-12-31T09:00:00Z").await;
    end(&f, &f.world.worker, &id, "cancel").await.must(200);
    settle(&f, "2027-01-01T09:00:00Z").await;
    assert_eq!(days(&f, &f.world.worker, "2027-01-01").await, 38);
    end(&f, &f.world.worker, &id, "cancel").await.refused(409, "already_decided");
}

#[tokio::test]
async fn no_more_is_promised_than_the_day_will_have() {
    let f = Fixture::start().await;
    let vacation = november(&f, json!({})).await;
    let manager = &f.world.manager;
    // Thirty-eight days in January, and not one more.
    let refused = ask(&f, &vacation, "2027-01-01", "2027-02-08", json!({})).await.bad_fields();
    assert_eq!(refused, [(String::new(), "above_balance".to_owned())]);
    let all = asked(&f, &vacation, "2027-01-01", "2027-02-07", json!({})).await;
    let december = asked(&f, &vacation, "2026-12-01", "2026-12-01", json!({})).await;
    end(&f, manager, &all, "approve").await.must(200);
    // The day in December would be missing in February.
    assert_eq!([available(&f, "2026-12-01").await, available(&f, "2027-03-01").await], [0, 0]);
    let refused = end(&f, manager, &december, "approve").await.refused(409, "above_balance");
    assert!(refused["detail"].as_str().unwrap().contains("2027-02-07"), "{refused:#}");
    let less = json!({"employee_id": f.world.worker.employee_id, "leave_type_id": vacation, "kind": "adjust",
        "minutes": -1, "note": "N"});
    let refused = f.post(&f.world.owner, "/leave-ledger", &less).await.bad_fields();
    assert_eq!(refused, [("/minutes".to_owned(), "above_balance".to_owned())]);
    end(&f, &f.world.worker, &all, "cancel").await.must(200);
    end(&f, manager, &december, "approve").await.must(200);
}

#[tokio::test]
async fn where_debt_is_allowed_the_new_year_pays_what_the_old_one_lacked() {
    let f = Fixture::start().await;
    let vacation = november(&f, json!({"allows_debt": true})).await;
    let id = asked(&f, &vacation, "2026-12-20", "2027-01-02", json!({})).await;
    end(&f, &f.world.manager, &id, "approve").await.must(200);
    assert_eq!([available(&f, "2026-12-31").await, available(&f, "2027-01-02").await], [-4, 24]);
    settle(&f, "2027-01-03T09:00:00Z").await;
    assert_eq!(taken(&f, &id).await, sums(&[("accrual 2026", 8), ("accrual 2027", 6)]));
    let before = f.get(&f.world.worker, &format!("/leave-requests/{id}")).await.must(200);
    assert_eq!(before["minutes"], json!(14 * DAY));
    assert_eq!(days(&f, &f.world.worker, "2027-01-03").await, 24);
}

#[tokio::test]
async fn of_what_goes_on_or_is_taken_nobody_is_warned() {
    let f = crate::leave::telling().await;
    let vacation = november(&f, json!({})).await;
    grant(&f, &f.world.worker, &vacation, json!({"minutes": 5 * DAY})).await;
    grant(&f, &f.world.worker, &vacation, json!({"minutes": 2 * DAY, "expires_on": "2026-12-20"})).await;
    let id = asked(&f, &vacation, "2026-12-18", "2026-12-18", json!({})).await;
    end(&f, &f.world.manager, &id, "approve").await.must(200);
    settle(&f, "2026-12-10T09:00:00Z").await;
    let told = f.told("attendance.leave.expiring.v1");
    let of_worker: Vec<_> = told
        .iter()
        .filter(|data| data["employee_id"] == json!(f.world.worker.employee_id))
        .map(|data| (&data["minutes"], &data["expires_on"]))
        .collect();
    assert_eq!(of_worker, [(&json!(DAY), &json!("2026-12-20"))], "the eight days of the year go on");
    let next = balance(&f, &f.world.worker, "2026-12-10").await;
    assert_eq!((&next["next_expiry_on"], &next["next_expiry_minutes"]), (&json!("2026-12-20"), &json!(DAY)));
    // Of the thirty that the others have, twenty will be gone.
    let of_manager = told.iter().find(|data| data["employee_id"] == json!(f.world.manager.employee_id)).unwrap();
    assert_eq!((&of_manager["minutes"], &of_manager["expires_on"]), (&json!(20 * DAY), &json!("2026-12-31")));
}
