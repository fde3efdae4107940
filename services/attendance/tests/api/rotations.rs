//! `/rotations`, and the version of the roster.

use crate::support::{Fixture, Reply, send};
use serde_json::{Value, json};

async fn rotation(f: &Fixture, cycle: Value) -> Reply {
    let body = json!({"name": "Cycle", "anchor_date": "2026-06-03", "cycle": cycle});
    f.post(&f.world.owner, "/rotations", &body).await
}

fn plan(f: &Fixture, id: &Value) -> Value {
    let unit_id = f.world.team.unit_id;
    json!({"entries": [{"unit_id": unit_id, "from": "2026-06-01", "to": "2026-06-30", "rotation_id": id}]})
}

#[tokio::test]
async fn a_rotation_plans_each_day_of_its_cycle_also_before_its_anchor() {
    let f = Fixture::start().await;
    let day = f.day_shift().await;
    let made = rotation(&f, json!([day, day, null])).await;
    let location = made.header("location").to_owned();
    let made = made.must(201);
    assert_eq!(send(f.by(&f.world.worker).get(&location)).await.must(200), made);
    let listed = f.get(&f.world.worker, "/rotations").await.must(200);
    assert_eq!(listed["items"], json!([made]));
    let stored = f.put(&f.world.owner, "/roster", &plan(&f, &made["rotation_id"])).await.must(200);
    assert_eq!(stored["entries"][0]["rotation_id"], made["rotation_id"]);
    assert!(stored["entries"][0].get("shift_id").is_none(), "{stored:#}");
    let roster = f.get(&f.world.worker, "/roster?from=2026-06-01&to=2026-06-07").await.must(200);
    let days: Vec<_> =
        roster["items"].as_array().unwrap().iter().map(|d| d["shift_code"].as_str().unwrap_or("-")).collect();
    assert_eq!(days, ["DAY", "-", "DAY", "DAY", "-", "DAY", "DAY"]);
    assert!(roster["items"].as_array().unwrap().iter().all(|d| d["rotation_id"] == made["rotation_id"]));
    // And the workdays follow: the 2nd is free, the 3rd is not.
    f.set_clock("2026-06-08T09:00:00Z");
    let workdays = f.workdays(&f.world.worker, "from=2026-06-02&to=2026-06-03").await;
    assert_eq!((&workdays[0]["status"], &workdays[1]["status"]), (&json!("rest_day"), &json!("absent")));
}

#[tokio::test]
async fn a_cycle_without_days_too_long_or_of_shifts_that_are_none_is_refused() {
    let f = Fixture::start().await;
    for cycle in [json!([]), json!(vec![Value::Null; 400])] {
        assert_eq!(rotation(&f, cycle).await.bad_fields(), [("/cycle".to_owned(), "length".to_owned())]);
    }
    let unknown = rotation(&f, json!([null, rollcall_ids::ShiftId::generate()])).await;
    assert_eq!(unknown.bad_fields(), [("/cycle/1".to_owned(), "unknown_shift".to_owned())]);
    let nothing = rollcall_ids::ShiftId::generate();
    let absurd = json!({"name": "", "anchor_date": "9999-01-01", "cycle": [null, nothing]});
    let found = f.post(&f.world.owner, "/rotations", &absurd).await.bad_fields();
    let found: Vec<_> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(found, ["/name", "/anchor_date", "/cycle/1"]);
    f.post(&f.world.manager, "/rotations", &absurd).await.refused(403, "forbidden");
    let none = plan(&f, &json!(rollcall_ids::RotationId::generate()));
    let found = f.put(&f.world.owner, "/roster", &none).await.bad_fields();
    assert_eq!(found, [("/entries/0/rotation_id".to_owned(), "unknown_rotation".to_owned())]);
}

#[tokio::test]
async fn who_plans_can_see_that_nobody_else_did_meanwhile() {
    let f = Fixture::start().await;
    let version = async || {
        let reply = f.get(&f.world.worker, "/roster?from=2026-06-01&to=2026-06-01").await;
        reply.header("etag").to_owned()
    };
    assert_eq!(version().await, "\"0\"");
    let entry = json!({"unit_id": f.world.team.unit_id, "from": "2026-06-01", "to": "2026-06-01", "shift_id": null});
    let body = json!({"entries": [entry]});
    let put = async |tag: &str| {
        let path = f.world.path("/roster");
        send(f.by(&f.world.owner).put(&path).header("if-match", tag.to_owned()).json(&body)).await
    };
    let two = tokio::join!(put("\"0\""), put("\"0\""));
    let mut statuses = [two.0.status, two.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412], "exactly one of two wins");
    assert_eq!(version().await, "\"1\"");
    put("\"0\"").await.refused(412, "version_mismatch");
    assert_eq!(put("\"1\"").await.header("etag"), "\"2\"");
    // Left out, it is not asked for.
    f.put(&f.world.owner, "/roster", &body).await.must(200);
    assert_eq!(version().await, "\"3\"");
}
