//! `/workdays`.

use crate::support::{Fixture, assignment, employee};
use jiff::civil::date;
use serde_json::{Value, json};

#[tokio::test]
async fn a_punch_that_was_answered_is_in_the_next_reading() {
    let f = Fixture::start().await;
    let worker = f.world.worker.clone();
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-06-01", "2026-06-30").await;
    let read = async || f.workdays(&worker, "from=2026-06-01&to=2026-06-01").await.remove(0);

    f.set_clock("2026-06-01T07:00:00Z"); // 09:00 in Berlin
    assert_eq!(read().await["status"], "pending");
    f.punch(&worker, "in", &json!({})).await.must(201);
    let day = read().await;
    assert_eq!(day["first_in"], "2026-06-01T07:00:00Z");
    assert_eq!(day["punches"][0]["direction"], "in");
    f.set_clock("2026-06-01T16:00:00Z");
    f.punch(&worker, "out", &json!({})).await.must(201);
    let day = read().await;
    assert_eq!(
        (&day["status"], &day["worked_minutes"], &day["late_minutes"]),
        (&json!("present"), &json!(480), &json!(0))
    );
    assert_eq!(
        (&day["planned_minutes"], &day["paid_minutes"], &day["break_minutes"]),
        (&json!(480), &json!(480), &json!(60))
    );
    assert_eq!(day["time_zone"], "Europe/Berlin");
    assert_eq!((&day["frozen"], &day["version"]), (&json!(false), &json!(0)));
}

#[tokio::test]
async fn punches_that_come_late_and_out_of_order_count_as_if_they_had_come_in_time() {
    let f = Fixture::start().await;
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-05-29", "2026-05-31").await;
    let batch = json!({"punches": [
        {"idempotency_key": "2", "at": "2026-05-30T16:00:00Z"},
        {"idempotency_key": "1", "at": "2026-05-30T07:00:00Z"},
    ]});
    f.post(&f.world.worker, "/punches/batch", &batch).await.must(200);
    let days = f.workdays(&f.world.worker, "from=2026-05-29&to=2026-05-31").await;
    let seen: Vec<_> =
        days.iter().map(|d| (d["status"].as_str().unwrap(), d["worked_minutes"].as_i64().unwrap())).collect();
    assert_eq!(seen, [("absent", 0), ("present", 480), ("absent", 0)]);
}

/// Somebody without a plan who punches in at nine and out at six every day: where a stretch of work begins
/// depends on the one before, so a reading in the middle has to look further back than its own dates.
#[tokio::test]
async fn a_day_is_the_same_whatever_range_it_is_read_in() {
    let f = Fixture::start().await;
    let owner = f.world.owner.clone();
    let mut punches = Vec::new();
    for day in 1..=28 {
        for (hour, key) in [(7, "in"), (16, "out")] {
            let at = format!("2026-05-{day:02}T{hour:02}:00:00Z");
            punches.push(json!({"idempotency_key": format!("{day}-{key}"), "at": at, "source": "import"}));
        }
    }
    f.post(&owner, "/punches/batch", &json!({"punches": punches})).await.must(200);
    let whole = f.workdays(&owner, "from=2026-05-01&to=2026-05-31").await;
    assert!(whole[..28].iter().all(|day| day["worked_minutes"] == 540), "{whole:#?}");
    for day in [2, 9, 15, 27] {
        let one = f.workdays(&owner, &format!("from=2026-05-{day:02}&to=2026-05-{day:02}")).await;
        assert_eq!(one[0], whole[day - 1]);
    }
}

#[tokio::test]
async fn a_unit_is_everybody_below_it_page_by_page() {
    let f = Fixture::start().await;
    let mut people = Vec::new();
    for n in 10..17 {
        let person = employee(&n.to_string(), f.world.team.unit_id, f.world.berlin.site_id, vec![]);
        f.tell_employee(&person).await;
        people.push(person);
    }
    let unit = |id: rollcall_ids::UnitId, limit: u32, more: &str| {
        format!("/workdays?unit_id={id}&from=2026-06-01&to=2026-06-02&limit={limit}{more}")
    };
    let mut seen: Vec<Value> = Vec::new();
    let mut pages = 0;
    let mut cursor = String::new();
    loop {
        let page = f.get(&f.world.owner, &unit(f.world.root.unit_id, 4, &cursor)).await.must(200);
        seen.extend(page["items"].as_array().unwrap().iter().cloned());
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!((pages, seen.len()), (3, 20), "ten people, two days each");
    let owners = seen.iter().filter(|day| day["employee_id"] == json!(f.world.owner.employee_id)).count();
    assert_eq!(owners, 2);
    let of_team = f.get(&f.world.manager, &unit(f.world.team.unit_id, 500, "")).await.must(200);
    assert_eq!(of_team["items"].as_array().unwrap().len(), 18, "all but the owner");
    // Who may see nobody else of the unit sees themselves.
    let own = f.get(&f.world.worker, &unit(f.world.root.unit_id, 500, "")).await.must(200);
    assert!(own["items"].as_array().unwrap().iter().all(|day| day["employee_id"] == json!(f.world.worker.employee_id)));
}

#[tokio::test]
async fn days_before_the_first_and_after_the_last_are_not_given() {
    let f = Fixture::start().await;
    let mut person = employee("9", f.world.team.unit_id, f.world.berlin.site_id, vec![]);
    person.hired_on = date(2026, 5, 20);
    person.left_on = Some(date(2026, 6, 2));
    person.assignments = vec![assignment(f.world.team.unit_id, f.world.berlin.site_id, date(2026, 5, 20), None)];
    f.tell_employee(&person).await;
    let days = f.workdays(&person, "from=2026-05-19&to=2026-06-05").await;
    let dates: Vec<_> = days.iter().map(|day| day["work_date"].as_str().unwrap()).collect();
    assert_eq!((dates.len(), dates[0], dates[13]), (14, "2026-05-20", "2026-06-02"));
}

#[tokio::test]
async fn a_night_before_the_clocks_change_is_as_long_as_it_was() {
    let f = Fixture::start().await;
    let owner = f.world.owner.clone();
    let body = json!({"code": "NIGHT", "name": "Night", "start": "22:00", "end": "06:00"});
    let shift = f.post(&owner, "/shifts", &body).await.must(201)["shift_id"].clone();
    let entry = json!({"employee_id": owner.employee_id, "from": "2026-03-28", "to": "2026-03-28", "shift_id": shift});
    f.put(&owner, "/roster", &json!({"entries": [entry]})).await.must(200);
    for at in ["2026-03-28T22:00:00+01:00", "2026-03-29T06:00:00+02:00"] {
        f.post(&owner, "/punches", &json!({"at": at, "source": "import"})).await.must(201);
    }
    let day = f.workdays(&owner, "from=2026-03-28&to=2026-03-28").await.remove(0);
    assert_eq!(
        (&day["planned_minutes"], &day["worked_minutes"], &day["status"]),
        (&json!(420), &json!(420), &json!("present"))
    );
}
