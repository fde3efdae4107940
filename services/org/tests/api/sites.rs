//! Sites.

use crate::support::{Fixture, each};
use diesel::connection::SimpleConnection as _;
use serde_json::{Value, json};

#[tokio::test]
async fn a_site_keeps_its_circle_and_its_networks_and_loses_them_by_null() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let fence = json!({"latitude": 52.52, "longitude": 13.405, "radius_m": 150});
    let body = json!({
        "name": "Berlin", "time_zone": "Europe/Berlin", "geofence": fence,
        "allowed_networks": ["203.0.113.77/24", "2001:db8::1"],
    });
    let site = f.post(owner, "/sites", body).await.must(201);
    assert_eq!(site["geofence"], fence);
    assert_eq!(site["allowed_networks"], json!(["203.0.113.0/24", "2001:db8::1/128"]));
    let path = format!("/sites/{}", site["site_id"].as_str().unwrap());
    assert_eq!(f.get(owner, &path).await.must(200), site);

    let open = f.patch(owner, &path, json!({"geofence": null, "allowed_networks": []})).await.must(200);
    assert_eq!((&open["geofence"], &open["allowed_networks"]), (&json!(null), &json!([])));
    assert_eq!(open["version"], 2);
    let fact = f.last_event("org.site.changed.v1");
    assert_eq!((&fact["geofence"], &fact["version"]), (&json!(null), &json!(2)));
    assert_eq!(each(&f.get(owner, "/sites").await.must(200), "name"), ["Acme", "Berlin"]);
}

#[tokio::test]
async fn me_is_in_the_zone_of_ones_site() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let site = f.post(owner, "/sites", json!({"name": "Tokyo", "time_zone": "Asia/Tokyo"})).await.must(201);
    let hired = f.hire(owner, "7", json!({"assignment": {"site_id": site["site_id"]}})).await;
    let token = f.invite(owner, hired).await;
    let seat = crate::support::Seat { user_id: rollcall_ids::UserId::generate(), ..owner };
    f.accept(seat.user_id, &token).await.must(200);
    let me = f.get(seat, "/me").await.must(200);
    assert_eq!((&me["time_zone"], &me["site"]["name"]), (&json!("Asia/Tokyo"), &json!("Tokyo")));
}

#[tokio::test]
async fn a_zone_holds_from_a_day_on_and_the_days_before_keep_theirs() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let site = f.post(owner, "/sites", json!({"name": "Office", "time_zone": "Europe/Berlin"})).await.must(201);
    assert_eq!(site["earlier_time_zones"], json!([]));
    let path = format!("/sites/{}", site["site_id"].as_str().unwrap());
    let zones = async |change: Value| {
        let site = f.patch(owner, &path, change).await.must(200);
        let fact = f.last_event("org.site.changed.v1");
        assert_eq!((&fact["time_zone"], &fact["earlier_zones"]), (&site["time_zone"], &site["earlier_time_zones"]));
        let earlier = site["earlier_time_zones"].as_array().unwrap().iter();
        let earlier = earlier.map(|zone| format!("{} {}", zone["time_zone"].as_str().unwrap(), &zone["valid_to"]));
        (site["time_zone"].as_str().unwrap().to_owned(), earlier.collect::<Vec<_>>())
    };
    let (berlin, until) = ("Europe/Berlin", |zone: &str, day: &str| format!("{zone} \"{day}\""));

    // It is 1 June: a move today.
    let moved = zones(json!({"time_zone": "Europe/London"})).await;
    assert_eq!(moved, ("Europe/London".to_owned(), vec![until(berlin, "2026-05-31")]));
    assert_eq!(f.get(owner, &path).await.must(200)["earlier_time_zones"][0]["valid_to"], "2026-05-31");
    // It was the week before.
    let moved = zones(json!({"time_zone": "Europe/London", "time_zone_from": "2026-05-25"})).await;
    assert_eq!(moved.1, [until(berlin, "2026-05-24")]);
    // Another name, or the same zone again, moves nothing.
    assert_eq!(zones(json!({"name": "Branch"})).await, moved);
    assert_eq!(zones(json!({"time_zone": "Europe/London"})).await, moved);
    // A day before all that: what began later is gone.
    let moved = zones(json!({"time_zone": "Asia/Tokyo", "time_zone_from": "2026-02-01"})).await;
    assert_eq!(moved, ("Asia/Tokyo".to_owned(), vec![until(berlin, "2026-01-31")]));
    let moved = zones(json!({"time_zone": "Europe/London", "time_zone_from": "2026-03-01"})).await;
    assert_eq!(moved.1, [until(berlin, "2026-01-31"), until("Asia/Tokyo", "2026-02-28")]);
    // Back to what it was, as if nothing had happened.
    let moved = zones(json!({"time_zone": berlin, "time_zone_from": "2026-02-01"})).await;
    assert_eq!(moved, (berlin.to_owned(), vec![]));
    let all = f.get(owner, "/sites").await.must(200);
    assert_eq!(all["items"][1]["earlier_time_zones"], json!([]));

    for (change, code) in [
        (json!({"time_zone": "Asia/Tokyo", "time_zone_from": "2026-06-02"}), "in_the_future"),
        (json!({"time_zone": "Asia/Tokyo", "time_zone_from": "1899-12-31"}), "date_out_of_range"),
        (json!({"time_zone_from": "2026-05-01"}), "without_time_zone"),
    ] {
        let problem = f.patch(owner, &path, change).await.refused(422, "invalid_input");
        let error = &problem["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!("/time_zone_from"), &json!(code)));
    }
}

#[tokio::test]
async fn there_are_two_thousand_sites_at_most_with_those_removed() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let removed = format!(
        "INSERT INTO sites (org_id, site_id, name, time_zone, created_at, updated_at, removed_at) \
         SELECT org_id, gen_random_uuid(), 'Gone', 'UTC', now(), now(), now() FROM sites, generate_series(1, 1998) \
         WHERE org_id = '{}'",
        owner.org_id
    );
    f.database().batch_execute(&removed).unwrap();
    let one_more = async || f.post(owner, "/sites", json!({"name": "Shop", "time_zone": "UTC"})).await;
    one_more().await.must(201);
    let problem = one_more().await.refused(422, "invalid_input");
    assert_eq!(
        (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
        (&json!("/name"), &json!("too_many"))
    );
}
