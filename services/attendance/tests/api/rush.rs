//! Many punches at once: who writes them, and what happens when it is too many or one of them is bad.

use crate::support::{Fixture, Reply, World, send};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use futures_util::future::join_all;
use rollcall_org_api::facts::EmployeeFact;
use rollcall_stack::testing::{TestService, set};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Somebody who lets nobody write punches until told to, so that a queue grows.
struct Blocker(PgConnection);

impl Blocker {
    fn start(f: &Fixture) -> Self {
        let mut conn = PgConnection::establish(&f.service.admin_url).unwrap();
        conn.batch_execute("BEGIN; LOCK TABLE punches IN SHARE MODE").unwrap();
        Self(conn)
    }

    fn end(mut self) {
        self.0.batch_execute("COMMIT").unwrap();
    }
}

/// Waits until so many punches are queued; a queue that never gets there fails the test by its time.
async fn queued(f: &Fixture, expected: usize) {
    let reached = async {
        while f.service.app().punches_waiting() != expected {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reached).await.unwrap();
}

/// Waits until the writer is at the table, with a batch that it has taken.
async fn blocked(f: &Fixture) {
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    let waits = "DO $$ BEGIN ASSERT EXISTS (SELECT FROM pg_locks WHERE NOT granted \
                 AND relation = 'punches'::regclass); END $$";
    let reached = async {
        while admin.batch_execute(waits).is_err() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reached).await.unwrap();
}

/// Readers who hold every connection that readers may have, for as long as the table of shifts is locked.
struct SlowReaders(PgConnection);

impl SlowReaders {
    /// How many are at the table and wait.
    fn waiting(admin: &mut PgConnection) -> i64 {
        let count = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'shift_versions'::regclass";
        diesel::dsl::sql::<diesel::sql_types::BigInt>(count).get_result(admin).unwrap()
    }

    fn start(f: &Fixture) -> Self {
        let mut conn = PgConnection::establish(&f.service.admin_url).unwrap();
        conn.batch_execute("BEGIN; LOCK TABLE shift_versions IN ACCESS EXCLUSIVE MODE").unwrap();
        Self(conn)
    }
}

/// Punches as a client does: again, when the service is too busy.
async fn until_answered(f: &Fixture, world: &World, who: &EmployeeFact, key: &str) -> Reply {
    loop {
        let request = f.by(who).post(&world.path("/punches")).header("idempotency-key", key);
        let reply = send(request.json(&json!({"note": key}))).await;
        if ![503, 504].contains(&reply.status) {
            return reply;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn stored(f: &Fixture) -> i64 {
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    let count = diesel::dsl::sql::<diesel::sql_types::BigInt>("SELECT count(*) FROM punches");
    count.get_result(&mut admin).unwrap()
}

#[tokio::test]
async fn punches_of_many_people_in_several_organisations_are_each_stored_once() {
    let f = Fixture::start().await;
    let other = Fixture { service: f.service, world: World::new() };
    other.tell_all(&other.world).await;
    let f = Fixture { service: other.service, world: f.world };
    let people = [&f.world, &other.world].map(|world| (world, [&world.owner, &world.manager, &world.worker]));
    let blocker = Blocker::start(&f);
    let everybody = people.iter().flat_map(|(world, people)| people.iter().map(move |who| (world, who)));
    // Every key comes three times, as from a client that does not wait for the answer.
    let punches = everybody.flat_map(|(world, who)| (0..60).map(move |n| (world, who, format!("k{}", n % 20))));
    let requests = punches.map(|(world, who, key)| {
        let f = &f;
        async move {
            let reply = until_answered(f, world, who, &key).await;
            ((who.employee_id, key), reply.status, reply.body["punch_id"].to_string())
        }
    });
    let sent = join_all(requests);
    let unblock = async {
        blocked(&f).await;
        blocker.end();
    };
    let (replies, ()) = tokio::join!(sent, unblock);
    let ids: BTreeSet<_> = replies.iter().map(|(key, _, id)| (key.clone(), id.clone())).collect();
    assert_eq!(ids.len(), 6 * 20, "one punch for each key");
    let created: Vec<_> = replies.iter().filter(|(_, status, _)| *status == 201).map(|(key, ..)| key).collect();
    assert_eq!(created.iter().collect::<BTreeSet<_>>().len(), created.len(), "no key is answered 201 twice");
    assert_eq!(stored(&f), 6 * 20);
    for world in [&f.world, &other.world] {
        let mine = send(f.by(&world.worker).get(&world.path("/punches?limit=200"))).await.must(200);
        assert_eq!(mine["items"].as_array().unwrap().len(), 20);
    }
}

#[tokio::test]
async fn of_two_bodies_under_one_key_the_first_that_came_is_stored() {
    let f = Fixture::start().await;
    let blocker = Blocker::start(&f);
    let any = json!({});
    let before = f.punch(&f.world.owner, "before", &any);
    let (a, b) = (json!({"direction": "in"}), json!({"direction": "out"}));
    let first = f.punch(&f.world.worker, "k", &a);
    let second = f.punch(&f.world.worker, "k", &b);
    let second = async {
        blocked(&f).await;
        queued(&f, 1).await;
        second.await
    };
    let first = async {
        blocked(&f).await;
        first.await
    };
    let unblock = async {
        blocked(&f).await;
        queued(&f, 2).await;
        blocker.end();
    };
    let (before, first, second, ()) = tokio::join!(before, first, second, unblock);
    before.must(201);
    first.must(201);
    second.refused(422, "idempotency_key_reused");
}

#[tokio::test]
async fn when_the_queue_is_full_the_next_is_told_at_once_to_come_again() {
    let service = TestService::with(|settings| set(settings, "punches.queue", 500)).await;
    let f = Fixture::on(service).await;
    let batch: Vec<Value> = (0..500).map(|n| json!({"idempotency_key": format!("b{n}"), "source": "api"})).collect();
    let batch = json!({"punches": batch});
    let blocker = Blocker::start(&f);
    let any = json!({});
    let first = f.punch(&f.world.worker, "first", &any);
    let full = async {
        blocked(&f).await;
        f.post(&f.world.owner, "/punches/batch", &batch).await
    };
    let next = async {
        blocked(&f).await;
        queued(&f, 500).await;
        let refused = f.punch(&f.world.worker, "next", &json!({})).await;
        assert_eq!(refused.header("retry-after"), "1");
        refused.refused(503, "unavailable");
        f.post(&f.world.manager, "/punches/batch", &batch).await.refused(503, "unavailable");
        blocker.end();
    };
    let (first, full, ()) = tokio::join!(first, full, next);
    first.must(201);
    let verdicts = full.must(200);
    assert!(verdicts["items"].as_array().unwrap().iter().all(|item| item["verdict"] == "created"), "{verdicts:#}");
    f.punch(&f.world.worker, "next", &json!({})).await.must(201);
    assert_eq!(stored(&f), 502);
}

#[tokio::test]
async fn punches_are_stored_while_slow_readers_hold_all_the_connections_that_readers_have() {
    const CONNECTIONS: u8 = 3;
    let service = TestService::with(|settings| {
        set(settings, "database.max_connections", i64::from(CONNECTIONS));
        set(settings, "database.lock_timeout_ms", 60_000);
        set(settings, "database.statement_timeout_ms", 60_000);
    });
    let f = Fixture::on(service.await).await;
    let mut readers = SlowReaders::start(&f);
    let reading = join_all((0..CONNECTIONS).map(|_| f.get(&f.world.owner, "/shifts")));
    let punching = async {
        let full = async {
            while SlowReaders::waiting(&mut readers.0) < i64::from(CONNECTIONS) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), full).await.unwrap();
        f.get(&f.world.owner, "/shifts").await.refused(503, "unavailable");
        for n in 0..20 {
            f.punch(&f.world.worker, &format!("k{n}"), &json!({})).await.must(201);
        }
        // Nothing of them is in memory yet.
        f.punch(&f.world.manager, "first", &json!({})).await.must(201);
        let ready = f.service.get("/readyz").send().await.unwrap();
        assert_eq!(ready.status(), 200, "busy is not away");
        assert_eq!(SlowReaders::waiting(&mut readers.0), i64::from(CONNECTIONS), "they waited all the time");
        drop(readers);
    };
    let (read, ()) = tokio::join!(reading, punching);
    assert!(read.iter().all(|reply| reply.status == 200), "{read:?}");
    assert_eq!(stored(&f), 20 + 1);
}

#[tokio::test]
async fn of_keys_that_many_people_use_only_those_that_were_sent_are_looked_up() {
    let f = Fixture::start().await;
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    let punch = |who: &EmployeeFact, key: &str| json!({"idempotency_key": key, "employee_id": who.employee_id});
    let (worker, manager) = (&f.world.worker, &f.world.manager);
    let all = json!({"punches": [punch(worker, "1"), punch(worker, "2"), punch(manager, "1"), punch(manager, "2")]});
    let first = f.post(&f.world.owner, "/punches/batch", &all).await.must(200);
    // Of a handful of rows PostgreSQL would read all; a table of punches is never that small.
    let more = "INSERT INTO punches (org_id, punch_id, employee_id, at, direction, source, offline, exceptions, \
                received_at, recorded_by, idempotency_key, fingerprint) \
                SELECT org_id, gen_random_uuid(), employee_id, at - n * interval '1 minute', direction, source, offline, \
                exceptions, received_at, recorded_by, 'more ' || n, fingerprint FROM punches, generate_series(1, 10000) n \
                WHERE idempotency_key = '1'";
    admin.batch_execute(more).unwrap();
    admin.batch_execute("ANALYZE punches").unwrap();
    f.set_clock("2026-06-01T10:00:00Z");
    let count = "CREATE SEQUENCE looked_at; GRANT USAGE ON looked_at TO PUBLIC; \
                 CREATE POLICY counted ON punches AS RESTRICTIVE FOR SELECT \
                 USING (received_at > '2026-06-01T09:00:00Z' OR nextval('looked_at') > 0)";
    admin.batch_execute(count).unwrap();
    // Both come into one statement, because neither can be taken before both wait.
    let blocker = Blocker::start(&f);
    let any = json!({});
    let other = f.punch(&f.world.owner, "other", &any);
    let again = json!({"punches": [punch(worker, "2"), punch(manager, "1")]});
    let again = async {
        blocked(&f).await;
        f.post(&f.world.owner, "/punches/batch", &again).await
    };
    let unblock = async {
        blocked(&f).await;
        queued(&f, 2).await;
        blocker.end();
    };
    let (other, again, ()) = tokio::join!(other, again, unblock);
    other.must(201);
    let again = again.must(200);
    for (index, before) in [1, 2].into_iter().enumerate() {
        let item = &again["items"][index];
        assert_eq!((&item["verdict"], &item["punch"]), (&json!("duplicate"), &first["items"][before]["punch"]));
    }
    let looked_at = diesel::dsl::sql::<diesel::sql_types::BigInt>("SELECT last_value FROM looked_at");
    assert_eq!(looked_at.get_result::<i64>(&mut admin).unwrap(), 2, "rows");
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_not_begun() {
    let f = Fixture::start().await;
    let blocker = Blocker::start(&f);
    let any = json!({});
    let first = f.punch(&f.world.worker, "first", &any);
    let late = async {
        blocked(&f).await;
        let request = f.by(&f.world.worker).post(&f.world.path("/punches")).header("idempotency-key", "late");
        let reply = send(request.header("request-deadline-ms", "150").json(&json!({}))).await;
        assert_eq!(f.service.app().punches_waiting(), 1, "it is in the queue still");
        blocker.end();
        reply
    };
    let (first, late) = tokio::join!(first, late);
    first.must(201);
    late.refused(504, "deadline_exceeded");
    f.punch(&f.world.manager, "next", &json!({})).await.must(201);
    assert_eq!(stored(&f), 2);
    f.punch(&f.world.worker, "late", &json!({})).await.must(201);
}

#[tokio::test]
async fn a_row_that_the_database_refuses_does_not_fail_its_neighbours() {
    let f = Fixture::start().await;
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    admin.batch_execute("ALTER TABLE punches ADD CONSTRAINT no_thirteen CHECK (note <> '13')").unwrap();
    let blocker = Blocker::start(&f);
    let any = json!({});
    let first = f.punch(&f.world.worker, "first", &any);
    let others = async {
        blocked(&f).await;
        let bodies: Vec<_> = (0..40).map(|n| (format!("k{n}"), json!({"note": n.to_string()}))).collect();
        join_all(bodies.iter().map(|(key, body)| f.punch(&f.world.worker, key, body))).await
    };
    let unblock = async {
        blocked(&f).await;
        queued(&f, 40).await;
        blocker.end();
    };
    let (first, others, ()) = tokio::join!(first, others, unblock);
    first.must(201);
    let statuses: Vec<u16> = others.iter().map(|reply| reply.status).collect();
    assert!(statuses.iter().enumerate().all(|(n, status)| *status == if n == 13 { 500 } else { 201 }), "{statuses:?}");
    assert_eq!(stored(&f), 40);
}

#[tokio::test]
async fn a_key_of_a_batch_without_a_meaning_in_text_is_refused_by_itself() {
    let f = Fixture::start().await;
    let batch = json!({"punches": [{"idempotency_key": "a\u{0}b"}, {"idempotency_key": "good"}]});
    let answer = f.post(&f.world.worker, "/punches/batch", &batch).await.must(200);
    assert_eq!(answer["items"][0]["problem"]["errors"][0]["code"], "malformed_key");
    assert_eq!(answer["items"][1]["verdict"], "created");
}
