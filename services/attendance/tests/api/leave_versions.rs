//! Leave beside the version before parts of a day were kept: while both run, and after it came back.

use crate::leave_requests::{ask, asked, end, june};
use crate::support::Fixture;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use rollcall_common::db;
use serde_json::json;

/// What the version before wrote for the worker: which part of the clock on the wall, and no part of the plan.
struct Before<'a> {
    f: &'a Fixture,
    of: &'a str,
}

impl Before<'_> {
    /// Whole days, a half, or hours; answers the name of the constraint that refuses it.
    fn asks(&self, piece: &str, from: &str, to: &str, (start, end): (&str, &str)) -> Result<(), String> {
        let mut admin = PgConnection::establish(&self.f.service.admin_url).unwrap();
        let insert = format!(
            "INSERT INTO leave_requests (org_id, leave_request_id, employee_id, leave_type_id, from_date, to_date, portion, \
             taken_from, taken_until, days, status) \
             VALUES ('{}', gen_random_uuid(), '{}', '{}', '{from}', '{to}', '{piece}', '{start}', '{end}', '[]', 'pending')",
            self.f.world.org.org_id, self.f.world.worker.employee_id, self.of
        );
        let constraint = |error| db::violated(&error).unwrap_or_default().to_owned();
        diesel::sql_query(insert).execute(&mut admin).map(drop).map_err(constraint)
    }

    fn asks_for_all(&self, from: &str, to: &str) -> Result<(), String> {
        let midnight = to.parse::<jiff::civil::Date>().unwrap().tomorrow().unwrap().to_string();
        self.asks("full", from, to, (from, &midnight))
    }

    fn asks_for_half(&self, piece: &str, on: &str) -> Result<(), String> {
        let (start, end) = if piece == "am" { ("00:00", "12:00") } else { ("12:00", "23:59:59") };
        self.asks(piece, on, on, (&format!("{on} {start}"), &format!("{on} {end}")))
    }
}

#[tokio::test]
async fn the_version_before_and_this_one_charge_no_date_twice() {
    let f = Fixture::start().await;
    let vacation = june(&f, json!({})).await;
    let before = Before { f: &f, of: &vacation };
    let id = asked(&f, &vacation, "2026-06-10", "2026-06-12", json!({})).await;
    end(&f, &f.world.manager, &id, "approve").await.must(200);
    asked(&f, &vacation, "2026-06-15", "2026-06-15", json!({"portion": "am"})).await;

    // It is back: what was asked for meanwhile holds, also what it would find by the clock to be another half.
    let known_to_it = Err("leave_requests_no_overlap".to_owned());
    assert_eq!(before.asks_for_all("2026-06-11", "2026-06-11"), known_to_it);
    assert_eq!(before.asks_for_all("2026-06-08", "2026-06-10"), known_to_it);
    assert_eq!(before.asks_for_half("pm", "2026-06-12"), known_to_it);
    assert_eq!(before.asks_for_half("pm", "2026-06-15"), known_to_it);
    // Its own it keeps apart as ever.
    assert_eq!(before.asks_for_all("2026-06-16", "2026-06-17"), Ok(()));
    assert_eq!(before.asks_for_all("2026-06-17", "2026-06-18"), known_to_it);
    for (half, expected) in [("am", Ok(())), ("pm", Ok(())), ("am", known_to_it.clone())] {
        assert_eq!(before.asks_for_half(half, "2026-06-19"), expected, "{half}");
    }
    // And here what it wrote holds, by the database too.
    for (on, change) in [("2026-06-17", json!({})), ("2026-06-17", json!({"portion": "am"})), ("2026-06-19", json!({}))]
    {
        ask(&f, &vacation, on, on, change).await.refused(409, "leave_overlaps");
    }
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    let unseen = "INSERT INTO leave_requests (org_id, leave_request_id, employee_id, leave_type_id, from_date, to_date, \
                  portion, part, days, status) SELECT org_id, gen_random_uuid(), employee_id, leave_type_id, from_date, \
                  from_date, 'full', tstzrange(NULL, NULL), days, status FROM leave_requests WHERE from_date = '2026-06-16'";
    let error = diesel::sql_query(unseen).execute(&mut admin).unwrap_err();
    assert_eq!(db::violated(&error), Some("leave_requests_apart"));
}

#[tokio::test]
async fn what_the_version_before_wrote_in_between_is_held_apart_unless_it_is_wrong_already() {
    let f = Fixture::start().await;
    let vacation = june(&f, json!({})).await;
    let before = Before { f: &f, of: &vacation };
    let migration = |way: &str| {
        let folder = "2026-11-29-000082_leave_of_the_version_before";
        let path = format!("{}/migrations/{folder}/{way}.sql", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    };
    // As it is done: by the owner, who is held by the policies of his tables.
    let mut owner = PgConnection::establish(&f.service.database_url).unwrap();
    owner.batch_execute(&migration("down")).unwrap();
    asked(&f, &vacation, "2026-06-10", "2026-06-12", json!({})).await;
    before.asks_for_all("2026-06-11", "2026-06-11").unwrap();
    before.asks_for_all("2026-06-16", "2026-06-16").unwrap();
    owner.batch_execute(&migration("up")).unwrap();
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    let without = "SELECT count(*) FROM leave_requests WHERE part IS NULL AND from_date = ";
    let count = |admin: &mut PgConnection, on: &str| -> i64 {
        diesel::dsl::sql::<BigInt>(&format!("{without}'{on}'")).get_result(admin).unwrap()
    };
    assert_eq!([count(&mut admin, "2026-06-11"), count(&mut admin, "2026-06-16")], [1, 0]);
}
