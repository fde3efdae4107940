//! Decisions about leave that meet: one is heard, the other is told what happened, and no balance falls below nothing.

use crate::leave::{grant, leave_type, policy, settle};
use crate::leave_requests::{asked, available, end, june, statuses};
use crate::support::{Fixture, Reply, send};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use futures_util::future::join_all;
use rollcall_org_api::facts::EmployeeFact;
use serde_json::{Value, json};
use std::time::Duration;

const DAY: i64 = 480;
/// How often each meeting is repeated.
const ROUNDS: usize = 8;

/// Somebody who holds what both need to write, so that both have read before either writes.
pub(crate) struct Gate(PgConnection);

impl Gate {
    /// Holds the rows of a table.
    pub(crate) fn closed(f: &Fixture, table: &str) -> Self {
        Self::by(f, &format!("SELECT 1 FROM {table} FOR UPDATE"))
    }

    /// Holds what a statement takes.
    pub(crate) fn by(f: &Fixture, statement: &str) -> Self {
        let mut conn = PgConnection::establish(&f.service.admin_url).unwrap();
        conn.batch_execute(&format!("BEGIN; {statement}")).unwrap();
        Self(conn)
    }

    pub(crate) fn open(mut self) {
        self.0.batch_execute("COMMIT").unwrap();
    }
}

/// Waits until so many wait for what somebody holds; if they never do, the test fails by its time.
pub(crate) async fn waiting(f: &Fixture, expected: usize) {
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    let all_wait = format!(
        "DO $$ BEGIN ASSERT {expected} = (SELECT count(*) FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event_type = 'Lock'); END $$"
    );
    let reached = async {
        while admin.batch_execute(&all_wait).is_err() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reached).await.unwrap();
}

/// Decisions that all begin before any of them is made.
async fn at_once(f: &Fixture, table: &str, decisions: &[(&EmployeeFact, &str, &str)]) -> Vec<Reply> {
    let gate = Gate::closed(f, table);
    let all = join_all(decisions.iter().map(|(who, id, how)| end(f, who, id, how)));
    let open = async {
        waiting(f, decisions.len()).await;
        gate.open();
    };
    tokio::join!(all, open).0
}

/// The one that was heard; the others were told `code`, with what happened.
fn winner(replies: &[Reply], code: &str) -> usize {
    let won: Vec<usize> = (0..replies.len()).filter(|index| replies[*index].status == 200).collect();
    assert_eq!(won.len(), 1, "{replies:#?}");
    for lost in replies.iter().filter(|reply| reply.status != 200) {
        assert_eq!((lost.status, lost.body["code"].as_str()), (409, Some(code)), "{:#}", lost.body);
        assert!(lost.body["detail"].is_string(), "it says what happened: {:#}", lost.body);
    }
    won[0]
}

#[tokio::test]
async fn of_an_approval_and_a_cancellation_exactly_one_is_heard() {
    let f = Fixture::start().await;
    let vacation = june(&f, json!({})).await;
    let (manager, worker) = (&f.world.manager, &f.world.worker);
    for round in 0..ROUNDS {
        let id = asked(&f, &vacation, "2026-06-01", "2026-06-02", json!({})).await;
        let mut ways = [(manager, id.as_str(), "approve"), (worker, id.as_str(), "cancel")];
        if round % 2 == 1 {
            ways.reverse();
        }
        let replies = at_once(&f, "approvals", &ways).await;
        let how = ways[winner(&replies, "already_decided")].2;
        let read = f.get(worker, &format!("/leave-requests/{id}")).await.must(200);
        assert_eq!(read["decisions"].as_array().unwrap().len(), 1);
        let (status, left, day) =
            if how == "approve" { ("approved", 8, "on_leave") } else { ("cancelled", 10, "pending") };
        assert_eq!(read["status"], status);
        assert_eq!(available(&f, "2026-06-30").await, left * DAY);
        assert_eq!(statuses(&f, "from=2026-06-01&to=2026-06-01").await, [day]);
        // Whoever knows of the approval can take it back.
        if how == "approve" {
            end(&f, worker, &id, "cancel").await.must(200);
        }
    }
    assert_eq!(available(&f, "2026-06-30").await, 10 * DAY);
}

#[tokio::test]
async fn of_two_approvers_at_once_exactly_one_is_heard_at_each_level() {
    let f = Fixture::start().await;
    let mut vacation = june(&f, json!({})).await;
    let two_levels = leave_type(&f, json!({"code": "TWO", "approval_levels": 2})).await;
    grant(&f, &f.world.worker, &two_levels, json!({})).await;
    let (manager, owner) = (&f.world.manager, &f.world.owner);
    for round in 0..ROUNDS {
        let day = format!("2026-06-{:02}", [1, 2, 3, 4, 5, 8, 9, 10][round]);
        if round == ROUNDS / 2 {
            vacation.clone_from(&two_levels);
        }
        let id = asked(&f, &vacation, &day, &day, json!({})).await;
        let replies = at_once(&f, "approvals", &[(manager, &id, "approve"), (owner, &id, "approve")]).await;
        winner(&replies, "already_decided");
        let read = f.get(&f.world.worker, &format!("/leave-requests/{id}")).await.must(200);
        let status = if vacation == two_levels { "pending" } else { "approved" };
        assert_eq!((&read["status"], read["decisions"].as_array().unwrap().len()), (&json!(status), 1));
    }
}

#[tokio::test]
async fn of_two_approvals_of_the_last_day_exactly_one_is_heard() {
    let f = Fixture::start().await;
    let vacation = june(&f, json!({})).await;
    grant(&f, &f.world.worker, &vacation, json!({"kind": "adjust", "minutes": -9 * DAY})).await;
    let manager = &f.world.manager;
    for _ in 0..ROUNDS {
        let a = asked(&f, &vacation, "2026-06-01", "2026-06-01", json!({})).await;
        let b = asked(&f, &vacation, "2026-06-02", "2026-06-02", json!({})).await;
        let replies = at_once(&f, "leave_accounts", &[(manager, &a, "approve"), (manager, &b, "approve")]).await;
        let won = winner(&replies, "above_balance");
        assert_eq!(available(&f, "2026-06-30").await, 0);
        let lost = f.get(&f.world.worker, &format!("/leave-requests/{}", [&b, &a][won])).await.must(200);
        assert_eq!((&lost["status"], &lost["version"]), (&json!("pending"), &json!(1)), "it waits as before");
        for id in [&a, &b] {
            end(&f, &f.world.worker, id, "cancel").await.must(200);
        }
        assert_eq!(available(&f, "2026-06-30").await, DAY);
    }
}

/// Without anybody who makes them meet: whatever the order, the record and the balance agree.
#[tokio::test]
async fn however_decisions_fall_the_ledger_follows_the_record() {
    let f = Fixture::start().await;
    let vacation = june(&f, json!({})).await;
    let (manager, owner, worker) = (&f.world.manager, &f.world.owner, &f.world.worker);
    for _ in 0..ROUNDS {
        let id = asked(&f, &vacation, "2026-06-01", "2026-06-03", json!({})).await;
        let ways =
            [(manager, "approve"), (worker, "cancel"), (owner, "approve"), (owner, "reject"), (worker, "cancel")];
        let at_version_1 = |(who, how): (&EmployeeFact, &str)| {
            let request = f.by(who).post(&f.world.path(&format!("/leave-requests/{id}/{how}")));
            send(request.header("if-match", "\"1\"").json(&json!({})))
        };
        let replies = join_all(ways.map(at_version_1)).await;
        let heard = replies.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(heard, 1, "of those who decide about one version one is heard: {replies:#?}");
        assert!(replies.iter().all(|reply| [200, 409, 412].contains(&reply.status)), "{replies:#?}");
        let read = f.get(worker, &format!("/leave-requests/{id}")).await.must(200);
        let held = read["status"] == "approved";
        assert_eq!(available(&f, "2026-06-30").await, if held { 7 * DAY } else { 10 * DAY });
        let ledger = f.get(worker, "/leave-ledger?limit=200").await.must(200);
        let mine = ledger["items"].as_array().unwrap().iter().filter(|entry| entry["leave_request_id"] == *id);
        let sum: i64 = mine.map(|entry: &Value| entry["minutes"].as_i64().unwrap()).sum();
        assert_eq!(sum, if held { -3 * DAY } else { 0 });
        if held {
            end(&f, worker, &id, "cancel").await.must(200);
        }
    }
}

#[tokio::test]
async fn a_policy_that_is_changed_while_the_job_is_under_way_gives_the_new_year_to_whoever_comes_after() {
    let mut f = Fixture::start().await;
    let vacation = leave_type(&f, json!({})).await;
    let made = policy(&f, &vacation, json!({})).await;
    settle(&f, "2026-03-01T09:00:00Z").await;
    f.set_clock("2027-01-01T09:00:00Z");
    let gate = Gate::closed(&f, "leave_accounts");
    let mut leaves = f.world.manager.clone();
    let change = async {
        waiting(&f, 1).await;
        let mut body = made.clone();
        body.as_object_mut().unwrap().retain(|field, _| !["leave_policy_id", "version"].contains(&field.as_str()));
        body["accrual"]["minutes"] = json!(20 * DAY);
        let path = format!("/leave-policies/{}", made["leave_policy_id"].as_str().unwrap());
        f.put_at(&f.world.owner, &path, 1, &body).await.must(200);
        (leaves.left_on, leaves.version) = (Some(jiff::civil::date(2026, 12, 31)), 2);
        f.tell_employee(&leaves).await;
        gate.open();
    };
    let app = f.service.app();
    let (settled, ()) = tokio::join!(app.settle_leave(), change);
    settled.unwrap();
    f.world.manager = leaves;
    let mut given = Vec::new();
    for who in [&f.world.owner, &f.world.manager, &f.world.worker] {
        let path = format!("/leave-ledger?employee_id={}", who.employee_id);
        let ledger = f.get(&f.world.owner, &path).await.must(200);
        let minutes = |entry: &Value| entry["minutes"].as_i64().unwrap() / DAY;
        let new = |entry: &&Value| entry["kind"] == "accrual" && entry["earned_from"] == "2027-01-01";
        given.push(ledger["items"].as_array().unwrap().iter().filter(new).map(minutes).collect::<Vec<_>>());
    }
    assert_eq!(given, [vec![20], vec![], vec![20]], "and nothing to who has left");
}
