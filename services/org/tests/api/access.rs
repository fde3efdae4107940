//! Who may reach which route at all: a table that has to name every route of the description.

use crate::support::{Fixture, Seat, send};
use reqwest::{Method, RequestBuilder};
use rollcall_common::server::openapi_with_internal;
use rollcall_ids::{InvitationId, UserId};
use rollcall_org::App;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Who a route is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Anybody who is signed in.
    User,
    /// Members of the organisation in the path.
    Tenant,
    /// Other services.
    Service,
}
use Class::{Service, Tenant, User};

/// Every route, with a body that it would take; for a file, its media type.
fn table() -> Vec<(Class, &'static str, &'static str, Value)> {
    const ANY: &str = "01890000-0000-7000-8000-000000000000";
    let org = "/api/org/v1/orgs/{org_id}";
    let path = |suffix: &str| -> &'static str { Box::leak(format!("{org}{suffix}").into_boxed_str()) };
    let none = Value::Null;
    let holiday = json!({"date": "2026-10-03", "name": "H"});
    let role = json!({"role": "planner", "name": "P", "scope": "org", "permissions": ["org.read"]});
    let assignment = json!({"unit_id": ANY, "site_id": ANY, "valid_from": "2027-01-01"});
    let delegation = json!({"to_employee_id": ANY, "valid_from": "2026-08-01", "valid_to": "2026-08-02"});
    vec![
        (User, "POST", "/api/org/v1/orgs", json!({"name": "A", "time_zone": "UTC"})),
        (User, "GET", "/api/org/v1/orgs", none.clone()),
        (User, "POST", "/api/org/v1/invitations/accept", json!({"token": "x"})),
        (Tenant, "GET", path(""), none.clone()),
        (Tenant, "PATCH", path(""), json!({"name": "B"})),
        (Tenant, "GET", path("/me"), none.clone()),
        (Tenant, "POST", path("/units"), json!({"name": "U"})),
        (Tenant, "GET", path("/units"), none.clone()),
        (Tenant, "GET", path("/units/tree"), none.clone()),
        (Tenant, "GET", path("/units/{unit_id}"), none.clone()),
        (Tenant, "DELETE", path("/units/{unit_id}"), none.clone()),
        (Tenant, "PATCH", path("/units/{unit_id}"), json!({"name": "U"})),
        (Tenant, "POST", path("/sites"), json!({"name": "S", "time_zone": "UTC"})),
        (Tenant, "GET", path("/sites"), none.clone()),
        (Tenant, "GET", path("/sites/{site_id}"), none.clone()),
        (Tenant, "PATCH", path("/sites/{site_id}"), json!({"name": "S"})),
        (Tenant, "DELETE", path("/sites/{site_id}"), none.clone()),
        (Tenant, "POST", path("/holiday-calendars"), json!({"name": "C"})),
        (Tenant, "GET", path("/holiday-calendars"), none.clone()),
        (Tenant, "GET", path("/holiday-calendars/{holiday_calendar_id}"), none.clone()),
        (Tenant, "PATCH", path("/holiday-calendars/{holiday_calendar_id}"), json!({"name": "C"})),
        (Tenant, "DELETE", path("/holiday-calendars/{holiday_calendar_id}"), none.clone()),
        (Tenant, "GET", path("/holiday-calendars/{holiday_calendar_id}/holidays"), none.clone()),
        (Tenant, "POST", path("/holiday-calendars/{holiday_calendar_id}/holidays"), holiday),
        (Tenant, "DELETE", path("/holiday-calendars/{holiday_calendar_id}/holidays/{date}"), none.clone()),
        (Tenant, "POST", path("/holiday-calendars/{holiday_calendar_id}/imports"), json!("text/calendar")),
        (Tenant, "POST", path("/employees"), json!({"number": "9", "name": "E", "hired_on": "2026-01-01"})),
        (Tenant, "GET", path("/employees"), none.clone()),
        (Tenant, "GET", path("/employees/{employee_id}"), none.clone()),
        (Tenant, "PATCH", path("/employees/{employee_id}"), json!({"name": "E"})),
        (Tenant, "GET", path("/employees/{employee_id}/assignments"), none.clone()),
        (Tenant, "POST", path("/employees/{employee_id}/assignments"), assignment),
        (Tenant, "PATCH", path("/employees/{employee_id}/assignments/{assignment_id}"), json!({"position": "P"})),
        (Tenant, "DELETE", path("/employees/{employee_id}/assignments/{assignment_id}"), none.clone()),
        (Tenant, "GET", path("/roles"), none.clone()),
        (Tenant, "POST", path("/roles"), role),
        (Tenant, "GET", path("/roles/{role}"), none.clone()),
        (Tenant, "PATCH", path("/roles/{role}"), json!({"name": "R"})),
        (Tenant, "DELETE", path("/roles/{role}"), none.clone()),
        (Tenant, "POST", path("/delegations"), delegation),
        (Tenant, "GET", path("/delegations"), none.clone()),
        (Tenant, "GET", path("/delegations/{delegation_id}"), none.clone()),
        (Tenant, "DELETE", path("/delegations/{delegation_id}"), none.clone()),
        (Tenant, "PUT", path("/employees/{employee_id}/roles/{role}"), none.clone()),
        (Tenant, "DELETE", path("/employees/{employee_id}/roles/{role}"), none.clone()),
        (Tenant, "POST", path("/invitations"), json!({"employee_id": ANY})),
        (Tenant, "GET", path("/invitations"), none.clone()),
        (Tenant, "GET", path("/invitations/{invitation_id}"), none.clone()),
        (Tenant, "POST", path("/imports"), json!("text/csv")),
        (Tenant, "GET", path("/imports"), none.clone()),
        (Tenant, "GET", path("/imports/{import_id}"), none.clone()),
        (Tenant, "GET", path("/imports/{import_id}/lines"), none.clone()),
        (Tenant, "POST", path("/imports/{import_id}/commit"), none.clone()),
        (Tenant, "GET", path("/exports/employees"), none.clone()),
        (Tenant, "GET", path("/audit-events"), none.clone()),
        (Service, "GET", "/internal/v1/orgs", none.clone()),
        (Service, "GET", "/internal/v1/orgs/{org_id}/holiday-calendars", none.clone()),
        (Service, "GET", "/internal/v1/orgs/{org_id}/members/by-user/{user_id}", none.clone()),
        (Service, "GET", "/internal/v1/orgs/{org_id}/members/{employee_id}", none.clone()),
        (Service, "GET", "/internal/v1/orgs/{org_id}/snapshot", none),
    ]
}

#[test]
fn the_table_names_every_route_and_no_other() {
    let document = serde_json::to_value(openapi_with_internal::<App>()).unwrap();
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.insert((method.to_uppercase(), path.clone()));
        }
    }
    // Every service hears when sessions end; the shared library does that, and tests it.
    assert!(described.remove(&("POST".to_owned(), "/internal/v1/events".to_owned())));
    let named: BTreeSet<_> = table().into_iter().map(|(_, m, p, _)| (m.to_owned(), p.to_owned())).collect();
    assert_eq!(named, described);
}

/// The path of a route, with what `owner`'s `me` names, and ids of nothing for the rest.
fn filled(pattern: &str, owner: Seat, me: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    pattern
        .replace("{org_id}", &owner.org_id.to_string())
        .replace("{user_id}", &owner.user_id.to_string())
        .replace("{employee_id}", &text(&me["employee"]["employee_id"]))
        .replace("{unit_id}", &text(&me["unit"]["unit_id"]))
        .replace("{site_id}", &text(&me["site"]["site_id"]))
        .replace("{invitation_id}", &InvitationId::generate().to_string())
        .replace("{holiday_calendar_id}", &InvitationId::generate().to_string())
        .replace("{assignment_id}", &InvitationId::generate().to_string())
        .replace("{delegation_id}", &InvitationId::generate().to_string())
        .replace("{import_id}", &InvitationId::generate().to_string())
        .replace("{date}", "2026-10-03")
        .replace("{role}", "manager")
}

/// The request with the body of the table.
fn carrying(request: RequestBuilder, body: &Value) -> RequestBuilder {
    match body {
        Value::Null => request,
        Value::String(file) => request.header("Content-Type", file).body("a file"),
        json => request.json(json),
    }
}

#[tokio::test]
async fn an_auditor_gets_through_every_door_to_read_and_through_none_to_write() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let me = f.get(owner, "/me").await.must(200);
    let (auditor, auditor_id) = f.join(owner, "7", &["auditor"]).await;
    f.delete(owner, &format!("/employees/{auditor_id}/roles/employee")).await.must(200);
    for (_, method, pattern, body) in table().into_iter().filter(|(class, ..)| *class == Tenant) {
        let request =
            f.org.as_user(auditor.user_id).request(method.parse::<Method>().unwrap(), &filled(pattern, owner, &me));
        let reply = send(carrying(request, &body)).await;
        let what = format!("{method} {pattern}: {}", reply.body);
        if method == "GET" {
            assert!([200, 404].contains(&reply.status.as_u16()), "{what}");
        } else {
            assert_eq!((reply.status.as_u16(), &reply.body["code"]), (403, &json!("forbidden")), "{what}");
        }
    }
}

#[tokio::test]
async fn only_those_a_route_is_for_get_past_its_door() {
    let f = Fixture::start().await;
    let (owner, stranger) = (f.found().await, f.found().await);
    let me = f.get(owner, "/me").await.must(200);
    for (class, method, pattern, body) in table() {
        let path = filled(pattern, owner, &me);
        let verb: Method = method.parse().unwrap();
        let with_body = |request: RequestBuilder| carrying(request, &body);
        let what = format!("{method} {pattern}");

        let anonymous = send(with_body(f.org.request(verb.clone(), &path))).await;
        assert_eq!(anonymous.status, 401, "{what}: not signed in");
        assert_eq!(anonymous.header("www-authenticate"), "Bearer", "{what}");
        let forged = f.org.with_token("eyJhbGciOiJub25lIn0.e30.");
        assert_eq!(send(with_body(forged.request(verb.clone(), &path))).await.status, 401, "{what}: forged");

        let elsewhere = send(with_body(f.org.as_user(stranger.user_id).request(verb.clone(), &path))).await;
        let nowhere = send(with_body(f.org.as_user(UserId::generate()).request(verb.clone(), &path))).await;
        let service = send(with_body(f.org.as_service("attendance").request(verb.clone(), &path))).await;
        match class {
            User => assert_eq!(service.status, 401, "{what}: a service is no user"),
            Tenant => {
                elsewhere.refused(404, "not_found");
                nowhere.refused(404, "not_found");
                assert_eq!(service.status, 401, "{what}: a service is no user");
            }
            Service => {
                elsewhere.refused(401, "not_signed_in");
                nowhere.refused(401, "not_signed_in");
                assert_eq!(service.status, 200, "{what}: a service is let in");
            }
        }
    }
}

#[test]
fn every_operation_says_what_it_is_what_it_answers_and_what_it_needs() {
    let document = serde_json::to_value(openapi_with_internal::<App>()).unwrap();
    let mut ids = BTreeSet::new();
    for (class, method, path, body) in table() {
        let operation = &document["paths"][path][method.to_lowercase()];
        let what = format!("{method} {path}");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{what}: summary");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{what}: its id is another's too");
        let scheme = if class == Service { "service" } else { "bearer" };
        assert_eq!(operation["security"], json!([{scheme: []}]), "{what}: security");
        let mut expected = vec!["401", "500", "503", "504"];
        if class == Tenant {
            expected.extend(["403", "404"]);
        }
        if !body.is_null() {
            expected.extend(["400", "413", "415", "422"]);
            assert!(operation["requestBody"].is_object(), "{what}: body");
        }
        for status in expected {
            assert!(operation["responses"][status].is_object(), "{what}: {status}");
        }
        let successes = operation["responses"].as_object().unwrap().keys().filter(|status| status.starts_with('2'));
        assert_eq!(successes.count(), 1, "{what}: one success");
    }
}

#[test]
fn the_committed_description_is_fresh() {
    let committed = include_str!("../../openapi/v1.json");
    let generated = serde_json::to_string_pretty(&rollcall_common::server::openapi::<App>()).unwrap();
    assert!(
        committed.trim_end() == generated,
        "run `cargo run -p rollcall-org -- openapi > services/org/openapi/v1.json`"
    );
}
