//! Founding, reading and changing organisations.

use crate::support::{Fixture, Seat, each, send};
use rollcall_ids::UserId;
use serde_json::json;
use wiremock::{Mock, ResponseTemplate, matchers::any};

#[tokio::test]
async fn whoever_founds_an_organisation_is_its_first_employee_and_owner() {
    let f = Fixture::start().await;
    let user_id = UserId::generate();
    let body = json!({"name": " Acme ", "time_zone": "asia/kathmandu", "country": "np", "week_start": "sunday"});
    let founded = send(f.org.as_user(user_id).post("/api/org/v1/orgs").json(&body)).await;
    assert_eq!(founded.header("etag"), "\"1\"");
    let location = founded.header("location").to_owned();
    let org = founded.must(201);
    assert_eq!(org["name"], "Acme");
    assert_eq!((&org["time_zone"], &org["country"]), (&json!("Asia/Kathmandu"), &json!("NP")));
    assert_eq!(send(f.org.as_user(user_id).get(&location)).await.must(200), org);

    let seat = Seat { org_id: location.rsplit('/').next().unwrap().parse().unwrap(), user_id };
    let me = f.get(seat, "/me").await.must(200);
    assert_eq!(me["employee"]["number"], "1");
    assert_eq!(me["employee"]["name"], "Grace Hopper");
    assert_eq!(me["employee"]["email"], format!("{user_id}@example.org"));
    assert_eq!(me["employee"]["roles"], json!(["employee", "owner"]));
    assert_eq!(me["employee"]["hired_on"], "2026-06-01");
    assert_eq!((&me["unit"]["name"], &me["site"]["name"]), (&json!("Acme"), &json!("Acme")));
    assert_eq!(me["unit"]["parent_id"], json!(null));
    assert_eq!(me["time_zone"], "Asia/Kathmandu");
    assert!(me["grants"].as_array().unwrap().iter().any(|grant| grant["scope"]["kind"] == "org"));
}

#[tokio::test]
async fn founding_again_with_the_same_key_founds_once() {
    let f = Fixture::start().await;
    let user_id = UserId::generate();
    let found = |name: &str| {
        let request = f.org.as_user(user_id).post("/api/org/v1/orgs").header("Idempotency-Key", "k1");
        send(request.json(&json!({"name": name, "time_zone": "UTC"})))
    };
    let first = found("Acme").await.must(201);
    let again = found("Acme").await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.must(201), first);
    found("Other").await.refused(422, "idempotency_key_reused");
    let mine = send(f.org.as_user(user_id).get("/api/org/v1/orgs")).await.must(200);
    assert_eq!(each(&mine, "name"), ["Acme"]);
}

#[tokio::test]
async fn without_the_user_service_nothing_is_half_made() {
    let f = Fixture::start().await;
    f.user.reset().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(503)).mount(&f.user).await;
    let user_id = UserId::generate();
    let request = f.org.as_user(user_id).post("/api/org/v1/orgs").header("Request-Deadline-Ms", "1500");
    let reply = send(request.json(&json!({"name": "Acme", "time_zone": "UTC"}))).await;
    assert!(!reply.header("retry-after").is_empty());
    reply.refused(503, "unavailable");
    let mine = send(f.org.as_user(user_id).get("/api/org/v1/orgs")).await.must(200);
    assert_eq!(mine["items"], json!([]));
    assert_eq!(f.events("org.org.changed.v1"), Vec::<serde_json::Value>::new());
}

#[tokio::test]
async fn one_sees_the_organisations_one_works_for_page_by_page() {
    let f = Fixture::start().await;
    let user_id = UserId::generate();
    for name in ["One", "Two", "Three"] {
        let body = json!({"name": name, "time_zone": "UTC"});
        send(f.org.as_user(user_id).post("/api/org/v1/orgs").json(&body)).await.must(201);
    }
    f.found().await;
    let first = send(f.org.as_user(user_id).get("/api/org/v1/orgs?limit=2")).await.must(200);
    assert_eq!(each(&first, "name"), ["One", "Two"]);
    let rest = format!("/api/org/v1/orgs?limit=2&cursor={}", first["next_cursor"].as_str().unwrap());
    let rest = send(f.org.as_user(user_id).get(&rest)).await.must(200);
    assert_eq!(each(&rest, "name"), ["Three"]);
    assert_eq!(rest.get("next_cursor"), None);
}

#[tokio::test]
async fn a_change_counts_the_version_and_a_stale_one_is_refused() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let changed = f.patch(owner, "", json!({"name": "Acme SE", "country": "DE"})).await;
    assert_eq!(changed.header("etag"), "\"2\"");
    assert_eq!(changed.must(200)["country"], "DE");
    let same = f.patch(owner, "", json!({"name": "Acme SE"})).await.must(200);
    assert_eq!(same["version"], 2, "what changes nothing is no change");
    let stale = f.org.as_user(owner.user_id).patch(&owner.path("")).header("If-Match", "\"1\"");
    send(stale.json(&json!({"name": "Late"}))).await.refused(412, "version_mismatch");
    let cleared = f.patch(owner, "", json!({"country": null})).await.must(200);
    assert_eq!(cleared["country"], json!(null));
}

#[tokio::test]
async fn whoever_has_left_is_no_member_from_the_next_day_on_in_the_organisations_zone() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (ada, employee_id) = f.join(owner, "7", &[]).await;
    f.patch(owner, &format!("/employees/{employee_id}"), json!({"left_on": "2026-06-01"})).await.must(200);
    // 23:59 in Berlin.
    f.org.clock.set("2026-06-01T21:59:00Z".parse().unwrap());
    f.get(ada, "/me").await.must(200);
    // Midnight in Berlin; in UTC it is still the last day.
    f.org.clock.set("2026-06-01T22:00:00Z".parse().unwrap());
    f.get(ada, "/me").await.refused(404, "not_found");
    let mine = send(f.org.as_user(ada.user_id).get("/api/org/v1/orgs")).await.must(200);
    assert_eq!(mine["items"], json!([]));
    let left = f.get(owner, "/employees?status=left").await.must(200);
    assert_eq!(each(&left, "number"), ["7"]);
}

#[tokio::test]
async fn a_token_whose_account_is_no_more_founds_nothing() {
    let f = Fixture::start().await;
    f.user.reset().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(404)).mount(&f.user).await;
    let body = json!({"name": "Acme", "time_zone": "UTC"});
    let request = f.org.as_user(UserId::generate()).post("/api/org/v1/orgs");
    send(request.json(&body)).await.refused(401, "not_signed_in");
}
