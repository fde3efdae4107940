//! What is in memory: nothing is asked for what is known, and what has changed is not believed.

use crate::support::{Fixture, send};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use serde_json::json;
use std::time::Duration;

/// Somebody who lets nobody read the copy of org's facts.
fn lock_the_copy(f: &Fixture) -> PgConnection {
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    admin.batch_execute("BEGIN; LOCK TABLE orgs, units, sites, employees IN ACCESS EXCLUSIVE MODE").unwrap();
    admin
}

/// Waits until changes have been looked for, before which nothing in memory is believed.
async fn remembered(f: &Fixture) {
    let known = async {
        loop {
            f.get(&f.world.worker, "/punches").await.must(200);
            f.get(&f.world.manager, &format!("/punches?employee_id={}", f.world.worker.employee_id)).await.must(200);
            let lock = lock_the_copy(f);
            let request = f.by(&f.world.worker).get(&f.world.path("/punches")).header("request-deadline-ms", "100");
            let reply = send(request).await;
            drop(lock);
            if reply.status == 200 {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), known).await.unwrap();
}

#[tokio::test]
async fn a_known_member_punches_without_a_look_at_the_copy() {
    let f = Fixture::start().await;
    remembered(&f).await;
    let lock = lock_the_copy(&f);
    f.punch(&f.world.worker, "own", &json!({})).await.must(201);
    let body = json!({"employee_id": f.world.worker.employee_id});
    f.punch(&f.world.manager, "for another", &body).await.must(201);
    drop(lock);
}

#[tokio::test]
async fn a_change_that_an_event_tells_of_holds_for_the_next_request() {
    let f = Fixture::start().await;
    remembered(&f).await;
    let mut worker = f.world.worker.clone();
    worker.version = 2;
    worker.grants.clear();
    f.tell_employee(&worker).await;
    f.punch(&worker, "k", &json!({})).await.refused(403, "forbidden");
    worker.version = 3;
    worker.user_id = None;
    let mut successor = f.world.manager.clone();
    successor.version = 2;
    successor.user_id = f.world.worker.user_id;
    f.tell_employee(&worker).await;
    f.tell_employee(&successor).await;
    let punch = f.punch(&successor, "k", &json!({})).await.must(201);
    assert_eq!(punch["employee_id"], json!(successor.employee_id), "the account is somebody else now");
}

#[tokio::test]
async fn a_change_that_another_instance_was_told_of_holds_soon() {
    let f = Fixture::start().await;
    remembered(&f).await;
    // What another instance writes when it takes the event.
    let mut gone = f.world.worker.clone();
    gone.left_on = Some(jiff::civil::date(2026, 5, 31));
    let (org_id, id, fact) = (f.world.org.org_id, gone.employee_id, json!(gone));
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    let change = format!(
        "BEGIN; UPDATE employees SET fact = '{fact}', version = 2 WHERE employee_id = '{id}'; \
         INSERT INTO fact_changes (org_id, subject) VALUES ('{org_id}', '{id}') \
         ON CONFLICT (org_id, subject) DO UPDATE SET changed_at = clock_timestamp(); COMMIT"
    );
    admin.batch_execute(&change).unwrap();
    let heard = async {
        while f.get(&f.world.worker, "/punches").await.status != 404 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), heard).await.unwrap();
    remembered_again(&f).await;
}

/// What was not changed is in memory still, although the change is seen at each look.
async fn remembered_again(f: &Fixture) {
    f.get(&f.world.manager, "/punches").await.must(200);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let lock = lock_the_copy(f);
    f.get(&f.world.manager, "/punches").await.must(200);
    drop(lock);
}
