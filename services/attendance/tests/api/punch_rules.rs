//! `/sites/{site_id}/punch-rules`, and what they do.

use crate::support::{Fixture, Reply, event, send};
use rollcall_org_api::events::SITE_CHANGED;
use rollcall_org_api::facts::EmployeeFact;
use serde_json::{Value, json};

const HERE: [f64; 2] = [52.52, 13.405];
const PARIS: [f64; 2] = [48.85, 2.35];

fn rules(f: &Fixture) -> String {
    format!("/sites/{}/punch-rules", f.world.berlin.site_id)
}

/// The site has networks of its own.
async fn with_networks(f: &Fixture) {
    let mut site = f.world.berlin.clone();
    site.allowed_networks = vec!["203.0.113.0/24".into(), "2001:db8::/32".into()];
    site.version = 2;
    f.tell(&[event(f.world.org.org_id, SITE_CHANGED, 2, &site)]).await;
}

async fn punch(f: &Fixture, who: &EmployeeFact, from: &str, body: &Value) -> Reply {
    let request = f.by(who).post(&f.world.path("/punches")).header("x-forwarded-for", from);
    send(request.json(body)).await
}

#[tokio::test]
async fn they_have_defaults_and_a_version_that_has_to_be_named() {
    let f = Fixture::start().await;
    let (owner, path) = (&f.world.owner, rules(&f));
    let read = f.get(owner, &path).await;
    assert_eq!(read.header("etag"), "\"0\"");
    let read = read.must(200);
    assert_eq!((&read["geofence"], &read["networks"]), (&json!("exception"), &json!("exception")));
    let body = json!({"geofence": "refuse", "networks": "off", "remind_after_minutes": 10});
    f.put(owner, &path, &body).await.refused(428, "if_match_required");
    f.put_at(owner, &path, 1, &body).await.refused(412, "version_mismatch");
    let made = f.put_at(owner, &path, 0, &body).await;
    assert_eq!(made.header("etag"), "\"1\"");
    let made = made.must(200);
    assert_eq!((&made["geofence"], &made["remind_after_minutes"]), (&json!("refuse"), &json!(10)));
    f.put_at(owner, &path, 0, &body).await.refused(412, "version_mismatch");
    assert_eq!(f.get(owner, &path).await.must(200), made);
    for minutes in [0, 241] {
        let found = f.put_at(owner, &path, 1, &json!({"remind_after_minutes": minutes})).await.bad_fields();
        assert_eq!(found, [("/remind_after_minutes".to_owned(), "out_of_range".to_owned())]);
    }
    f.put_at(owner, &path, 1, &json!({"geofence": "sometimes"})).await.refused(400, "malformed_input");
    f.get(&f.world.manager, &path).await.refused(403, "forbidden");
    f.put_at(&f.world.worker, &path, 1, &body).await.refused(403, "forbidden");
    let elsewhere = format!("/sites/{}/punch-rules", rollcall_ids::SiteId::generate());
    f.get(owner, &elsewhere).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_punch_from_elsewhere_is_kept_marked_or_refused_as_the_site_says() {
    let f = Fixture::start().await;
    with_networks(&f).await;
    let (owner, worker, path) = (f.world.owner.clone(), f.world.worker.clone(), rules(&f));
    let at = |[latitude, longitude]: [f64; 2]| json!({"latitude": latitude, "longitude": longitude});
    let codes = |punch: &Value| -> Vec<String> {
        let all = punch["exceptions"].as_array().unwrap().iter();
        all.map(|one| one["code"].as_str().unwrap().to_owned()).collect()
    };
    let both = ["outside_geofence".to_owned(), "outside_network".to_owned()];
    assert_eq!(codes(&punch(&f, &worker, "198.51.100.7", &at(PARIS)).await.must(201)), both);
    for inside in ["203.0.113.9", "::ffff:203.0.113.9", "2001:db8::7"] {
        assert_eq!(codes(&punch(&f, &worker, inside, &at(HERE)).await.must(201)), [""; 0], "{inside}");
    }

    f.put_at(&owner, &path, 0, &json!({"geofence": "off", "networks": "off"})).await.must(200);
    assert_eq!(codes(&punch(&f, &worker, "198.51.100.7", &at(PARIS)).await.must(201)), [""; 0]);

    f.put_at(&owner, &path, 1, &json!({"geofence": "refuse", "networks": "refuse"})).await.must(200);
    let found = punch(&f, &worker, "198.51.100.7", &at(PARIS)).await.bad_fields();
    let expected = [("/latitude", "outside_geofence"), ("", "outside_network")];
    assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
    let found = punch(&f, &worker, "203.0.113.9", &json!({})).await.bad_fields();
    assert_eq!(found, [("/latitude".to_owned(), "position_required".to_owned())]);
    punch(&f, &worker, "203.0.113.9", &at(HERE)).await.must(201);

    // What was made offline is sent from wherever there is a network; where it was made is in the punch.
    let mut offline = at(HERE);
    offline["at"] = json!("2026-06-01T06:00:00Z");
    assert_eq!(codes(&punch(&f, &worker, "198.51.100.7", &offline).await.must(201)), ["outside_network"]);
    offline["latitude"] = json!(48.85);
    punch(&f, &worker, "198.51.100.7", &offline).await.refused(422, "invalid_input");

    // Whoever punches for others by right is believed, and an import too.
    let for_worker = json!({"employee_id": worker.employee_id});
    punch(&f, &f.world.manager, "198.51.100.7", &for_worker).await.must(201);
    let import = json!({"source": "import", "at": "2026-05-01T08:00:00Z"});
    punch(&f, &owner, "198.51.100.7", &import).await.must(201);

    let days = f.workdays(&worker, "from=2026-06-01&to=2026-06-01").await;
    let told = days[0]["exceptions"].to_string();
    assert!(told.contains("outside_network") && told.contains("outside_geofence"), "{told}");
}

#[tokio::test]
async fn what_was_stored_before_a_site_refused_it_is_answered_again() {
    let f = Fixture::start().await;
    let (owner, worker) = (f.world.owner.clone(), f.world.worker.clone());
    let body = json!({"latitude": PARIS[0], "longitude": PARIS[1]});
    let first = f.punch(&worker, "k", &body).await.must(201);
    f.put_at(&owner, &rules(&f), 0, &json!({"geofence": "refuse"})).await.must(200);
    assert_eq!(f.punch(&worker, "k", &body).await.must(200), first);
    f.punch(&worker, "other", &body).await.refused(422, "invalid_input");
    let batch = json!({"punches": [{"idempotency_key": "b", "latitude": 48.85, "longitude": 2.35},
        {"idempotency_key": "c", "latitude": 52.52, "longitude": 13.405}]});
    let answer = f.post(&worker, "/punches/batch", &batch).await.must(200);
    assert_eq!(answer["items"][0]["problem"]["errors"][0]["code"], "outside_geofence");
    assert_eq!(answer["items"][1]["verdict"], "created");
}
