//! Sites.

use crate::support::{Fixture, each};
use serde_json::json;

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
