//! Whatever comes in, the answer is a problem that names the place, never a 5xx.

use crate::support::{Fixture, Reply, Seat, send};
use reqwest::Method;
use serde_json::{Value, json};

/// Every route that takes a body.
async fn bodies(f: &Fixture, owner: Seat) -> Vec<(Method, String)> {
    let me = f.get(owner, "/me").await.must(200);
    let of =
        |kind: &str, id: &str| owner.path(&format!("/{kind}/{}", me[&kind[..kind.len() - 1]][id].as_str().unwrap()));
    vec![
        (Method::POST, "/api/org/v1/orgs".to_owned()),
        (Method::POST, "/api/org/v1/invitations/accept".to_owned()),
        (Method::PATCH, owner.path("")),
        (Method::POST, owner.path("/units")),
        (Method::PATCH, of("units", "unit_id")),
        (Method::POST, owner.path("/sites")),
        (Method::PATCH, of("sites", "site_id")),
        (Method::POST, owner.path("/employees")),
        (Method::PATCH, of("employees", "employee_id")),
        (Method::POST, owner.path("/invitations")),
    ]
}

async fn raw(f: &Fixture, owner: Seat, method: &Method, path: &str, media_type: &str, body: Vec<u8>) -> Reply {
    let request = f.org.as_user(owner.user_id).request(method.clone(), path);
    send(request.header("Content-Type", media_type).body(body)).await
}

#[tokio::test]
async fn a_body_that_is_none_is_refused_on_every_route() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    for (method, path) in bodies(&f, owner).await {
        for broken in ["", "{", "nonsense", "[1]", "7", "\"text\"", "{\"unknown_field\": 1}", "\u{0}"] {
            let reply = raw(&f, owner, &method, &path, "application/json", broken.into()).await;
            assert_eq!(reply.status, 400, "{method} {path} {broken:?}: {}", reply.body);
            let problem = reply.refused(400, "malformed_input");
            assert!(problem["errors"][0]["pointer"].is_string());
        }
        let invalid_utf8 = raw(&f, owner, &method, &path, "application/json", vec![b'{', 0xff, b'}']).await;
        invalid_utf8.refused(400, "malformed_input");
        let big = format!("{{\"name\": \"{}\"}}", "x".repeat(1 << 20));
        raw(&f, owner, &method, &path, "application/json", big.into()).await.refused(413, "too_large");
        raw(&f, owner, &method, &path, "text/plain", b"{}".to_vec()).await.refused(415, "unsupported_media_type");
    }
}

#[tokio::test]
async fn a_wrong_type_is_named_by_its_pointer() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let site = json!({"name": "S", "time_zone": "UTC"});
    let hire = json!({"number": "7", "name": "A", "hired_on": "2026-01-01"});
    let with = |base: &Value, more: Value| {
        let mut body = base.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let fence = json!({"geofence": {"latitude": "north", "longitude": 0, "radius_m": 1}});
    for (path, body, pointer) in [
        ("/units", json!({"name": 7}), "/name"),
        ("/units", json!({"name": "U", "parent_id": "root"}), "/parent_id"),
        ("/sites", with(&site, fence), "/geofence/latitude"),
        ("/sites", with(&site, json!({"allowed_networks": ["10.0.0.0/8", 7]})), "/allowed_networks/1"),
        ("/employees", with(&hire, json!({"hired_on": "yesterday"})), "/hired_on"),
        ("/employees", with(&hire, json!({"hired_on": "2026-02-30"})), "/hired_on"),
        ("/employees", with(&hire, json!({"hired_on": "99999-01-01"})), "/hired_on"),
        ("/employees", with(&hire, json!({"assignment": {"unit_id": 7}})), "/assignment/unit_id"),
        ("/employees", with(&hire, json!({"invite": "yes"})), "/invite"),
        ("/invitations", json!({"employee_id": "7"}), "/employee_id"),
    ] {
        let problem = f.post(owner, path, body.clone()).await.refused(400, "malformed_input");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
    }
}

#[tokio::test]
async fn what_is_understood_and_wrong_is_named_field_by_field() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let long = "x".repeat(10_000);
    for (path, body, expected) in [
        ("/units", json!({"name": " ", "code": "a b"}), vec!["/name", "/code"]),
        ("/units", json!({"name": long}), vec!["/name"]),
        ("/sites", json!({"name": "a\u{7}b", "time_zone": "Mars/Olympus"}), vec!["/name", "/time_zone"]),
        (
            "/sites",
            json!({"name": "S", "time_zone": "UTC", "geofence": {"latitude": 91, "longitude": 0, "radius_m": 0}}),
            vec!["/geofence/latitude", "/geofence/radius_m"],
        ),
        (
            "/employees",
            json!({"number": "", "name": "A", "hired_on": "0001-01-01", "email": "x", "left_on": "9999-12-31"}),
            vec!["/number", "/email", "/hired_on", "/left_on"],
        ),
        (
            "/employees",
            json!({"number": "7", "name": "A", "hired_on": "2026-01-02", "left_on": "2026-01-01", "invite": true}),
            vec!["/email", "/left_on"],
        ),
    ] {
        let problem = f.post(owner, path, body).await.refused(422, "invalid_input");
        let pointers: Vec<_> =
            problem["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
        assert_eq!(pointers, expected);
    }
    let body = json!({"time_zone": "+02:00", "locale": "!", "country": "Germany"});
    let problem = f.patch(owner, "", body).await.refused(422, "invalid_input");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn names_in_every_script_come_back_as_they_were_written() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    for (number, name) in
        ["张伟", "محمد علي", "Zoë 👩‍🚒", "O'Brien; DROP TABLE employees;--", "<b>\\\"</b>"].iter().enumerate()
    {
        let ada = f.hire(owner, &format!("n{number}"), json!({"name": name})).await;
        assert_eq!(f.get(owner, &format!("/employees/{ada}")).await.must(200)["name"], *name);
    }
    // PostgreSQL keeps no NUL in text; it never gets that far.
    let body = json!({"number": "x", "name": "a\u{0}b", "hired_on": "2026-01-01"});
    f.post(owner, "/employees", body).await.refused(422, "invalid_input");
    f.get(owner, "/employees?text=%00").await.refused(422, "invalid_input");
}

#[tokio::test]
async fn a_bad_parameter_or_header_is_named() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    for (path, status, pointer) in [
        ("/employees?limit=0", 422, "?limit"),
        ("/employees?limit=201", 422, "?limit"),
        ("/employees?limit=many", 400, "?limit"),
        ("/employees?cursor=forged", 422, "?cursor"),
        ("/employees?status=gone", 400, "?status"),
        ("/employees?unit_id=7", 400, "?unit_id"),
        ("/employees?text=", 422, "?text"),
        ("/units?cursor=e30", 422, "?cursor"),
        ("/sites?limit=-1", 400, "?limit"),
        ("/audit-events?cursor=IngiCg", 422, "?cursor"),
    ] {
        let reply = f.get(owner, path).await;
        assert_eq!((reply.status.as_u16(), &reply.body["errors"][0]["pointer"]), (status, &json!(pointer)), "{path}");
    }
    let stale = f.org.as_user(owner.user_id).patch(&owner.path("")).header("If-Match", "yesterday");
    let problem = send(stale.json(&json!({"name": "B"}))).await.refused(400, "malformed_input");
    assert_eq!(problem["errors"][0]["pointer"], "If-Match");
    // An escaped byte that is no text names nothing that exists.
    f.get(owner, "/units/%ff").await.refused(404, "not_found");
}
