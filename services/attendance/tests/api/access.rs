//! Who may reach which route at all: a table that has to name every route of the description.

use crate::support::{Fixture, World, send};
use reqwest::{Method, RequestBuilder};
use rollcall_attendance::App;
use rollcall_common::server::{openapi, openapi_with_internal};
use rollcall_ids::UserId;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Who a route is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Members of the organisation in the path.
    Tenant,
    /// Other services.
    Service,
    /// Devices, with their own secrets.
    Device,
    /// Whoever knows the secret in the path.
    Secret,
}
use Class::{Device, Secret, Service, Tenant};

/// A correction as it is asked for.
const CORRECTION: &str = r#"{"work_date":"2026-06-01","reason":"A","changes":[{"add":{"at":"2026-06-01T07:00:00Z"}}]}"#;

/// A period.
const PERIOD: &str = r#"{"from":"2026-02-01","to":"2026-02-28"}"#;

/// An export as it is asked for.
const EXPORT: &str = r#"{"format":"csv","from":"2026-06-01","to":"2026-06-02"}"#;

/// Overtime as it is asked for.
const OVERTIME: &str = r#"{"work_date":"2026-06-01","minutes":60,"reason":"A"}"#;

/// A swap with nobody.
const SWAP: &str = r#"{"with_employee_id":"0193a6f0-7c1e-7000-8000-000000000002","date":"2020-01-01"}"#;

/// A kind of leave, a policy of none that there is, and an entry of nobody's.
const LEAVE_TYPE: &str = r#"{"code":"V","name":"V","unit":"day"}"#;
const LEAVE_POLICY: &str = r#"{"leave_type_id":"0193a6f0-7c1e-7000-8000-000000000001","name":"P","valid_from":"2026-01-01",
    "eligible":{"kind":"everyone"},"accrual":{"kind":"none"}}"#;
const LEAVE_REQUEST: &str =
    r#"{"leave_type_id":"0193a6f0-7c1e-7000-8000-000000000001","from":"2026-07-01","to":"2026-07-01"}"#;
const LEAVE_ENTRY: &str = r#"{"leave_type_id":"0193a6f0-7c1e-7000-8000-000000000001","kind":"grant","minutes":1,"note":"N",
    "employee_id":"0193a6f0-7c1e-7000-8000-000000000002"}"#;

/// Every route, with a body that it would take.
const ROUTES: &[(Class, &str, &str, &str)] = &[
    (
        Tenant,
        "POST",
        "/api/attendance/v1/orgs/{org_id}/shifts",
        r#"{"code":"A","name":"A","start":"09:00","end":"18:00"}"#,
    ),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/shifts", ""),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/shifts/{shift_id}", ""),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/shifts/{shift_id}/versions", ""),
    (
        Tenant,
        "PUT",
        "/api/attendance/v1/orgs/{org_id}/shifts/{shift_id}",
        r#"{"code":"A","name":"A","start":"09:00","end":"18:00"}"#,
    ),
    (
        Tenant,
        "POST",
        "/api/attendance/v1/orgs/{org_id}/rotations",
        r#"{"name":"A","anchor_date":"2026-06-01","cycle":[null]}"#,
    ),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/rotations", ""),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/rotations/{rotation_id}", ""),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/roster", ""),
    (Tenant, "PUT", "/api/attendance/v1/orgs/{org_id}/roster", r#"{"entries":[]}"#),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/punches", "{}"),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/punches/batch", r#"{"punches":[]}"#),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/punches", ""),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/approvals", ""),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/corrections", CORRECTION),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/corrections", ""),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/corrections/{correction_id}", ""),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/corrections/{correction_id}/cancel", "{}"),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/corrections/{correction_id}/reject", "{}"),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/corrections/{correction_id}/approve", "{}"),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/leave-types", LEAVE_TYPE),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/leave-types", ""),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/leave-types/{leave_type_id}", ""),
    (Tenant, "PUT", "/api/attendance/v1/orgs/{org_id}/leave-types/{leave_type_id}", LEAVE_TYPE),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/leave-policies", LEAVE_POLICY),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/leave-policies", ""),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/leave-policies/{leave_policy_id}", ""),
    (Tenant, "PUT", "/api/attendance/v1/orgs/{org_id}/leave-policies/{leave_policy_id}", LEAVE_POLICY),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/leave-ledger", LEAVE_ENTRY),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/leave-ledger", ""),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/leave-balances", ""),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/leave-requests", LEAVE_REQUEST),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/leave-requests", ""),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/leave-requests/{leave_request_id}", ""),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/leave-requests/{leave_request_id}/cancel", "{}"),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/leave-requests/{leave_request_id}/reject", "{}"),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/leave-requests/{leave_request_id}/approve", "{}"),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/away", ""),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/workdays", ""),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/now", ""),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/settings", ""),
    (Tenant, "PUT", "/api/attendance/v1/orgs/{org_id}/settings", "{}"),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/audit-events", ""),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/overtime-requests", OVERTIME),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/overtime-requests", ""),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/overtime-requests/{overtime_request_id}", ""),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/overtime-requests/{overtime_request_id}/cancel", "{}"),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/overtime-requests/{overtime_request_id}/reject", "{}"),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/overtime-requests/{overtime_request_id}/approve", "{}"),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/swaps", SWAP),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/swaps", ""),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/swaps/{swap_id}", ""),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/swaps/{swap_id}/accept", "{}"),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/swaps/{swap_id}/cancel", "{}"),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/swaps/{swap_id}/reject", "{}"),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/swaps/{swap_id}/approve", "{}"),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/calendar-feeds", "{}"),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/calendar-feeds", ""),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/calendar-feeds/{calendar_feed_id}/rotate-secret", ""),
    (Secret, "GET", "/api/attendance/v1/calendar-feeds/{secret}.ics", ""),
    (Tenant, "DELETE", "/api/attendance/v1/orgs/{org_id}/calendar-feeds/{calendar_feed_id}", ""),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/periods", PERIOD),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/periods", ""),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/periods/{period_id}", ""),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/periods/{period_id}/lock", ""),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/periods/{period_id}/reopen", r#"{"reason":"A"}"#),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/periods/{period_id}/close", ""),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/periods/{period_id}/adjustments", ""),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/summaries", ""),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/exports", EXPORT),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/roster/calendar", ""),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/sites/{site_id}/punch-rules", ""),
    (Tenant, "PUT", "/api/attendance/v1/orgs/{org_id}/sites/{site_id}/punch-rules", "{}"),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/devices", r#"{"name":"","kind":"kiosk","site_id":"{site_id}"}"#),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/devices", ""),
    (Tenant, "GET", "/api/attendance/v1/orgs/{org_id}/devices/{device_id}", ""),
    (Tenant, "PUT", "/api/attendance/v1/orgs/{org_id}/devices/{device_id}", r#"{"name":"","site_id":"{site_id}"}"#),
    (Tenant, "POST", "/api/attendance/v1/orgs/{org_id}/devices/{device_id}/rotate-secret", ""),
    (Device, "POST", "/api/attendance/v1/orgs/{org_id}/devices/current/heartbeat", ""),
    (Service, "POST", "/internal/v1/events", "[]"),
];

#[test]
fn the_table_names_every_route_and_no_other() {
    let document = serde_json::to_value(openapi_with_internal::<App>()).unwrap();
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.insert((method.to_uppercase(), path.clone()));
        }
    }
    let named: BTreeSet<_> = ROUTES.iter().map(|(_, m, p, _)| ((*m).to_owned(), (*p).to_owned())).collect();
    assert_eq!(named, described);
}

#[tokio::test]
async fn only_those_a_route_is_for_get_past_its_door() {
    let org = wiremock::MockServer::start().await; // knows nobody: every question is answered 404
    let service = rollcall_stack::testing::TestService::with(|settings| {
        rollcall_stack::testing::set(settings, "peers.org.url", org.uri());
    });
    let f = Fixture::on(service.await).await;
    let elsewhere = World::new();
    f.tell_all(&elsewhere).await;
    let shift_id = f.day_shift().await;
    let rotation = json!({"name": "R", "anchor_date": "2026-06-01", "cycle": [shift_id]});
    let rotation = f.post(&f.world.owner, "/rotations", &rotation).await.must(201);
    let rotation_id = rotation["rotation_id"].as_str().unwrap();
    let correction: Value = serde_json::from_str(CORRECTION).unwrap();
    // Asked for by somebody else, so that the owner may decide it.
    let correction = f.post(&f.world.worker, "/corrections", &correction).await.must(201);
    let correction_id = correction["correction_id"].as_str().unwrap();
    let period = f.post(&f.world.owner, "/periods", &json!({"from": "2026-01-01", "to": "2026-01-31"})).await.must(201);
    let period_id = period["period_id"].as_str().unwrap();
    let overtime: Value = serde_json::from_str(OVERTIME).unwrap();
    let overtime = f.post(&f.world.worker, "/overtime-requests", &overtime).await.must(201);
    let overtime_id = overtime["overtime_request_id"].as_str().unwrap();
    let swap_id = crate::swaps::any(&f).await;
    let feed = f.post(&f.world.owner, "/calendar-feeds", &json!({})).await.must(201);
    let feed_id = feed["calendar_feed_id"].as_str().unwrap();
    let read_feed = f.post(&f.world.owner, "/calendar-feeds", &json!({})).await.must(201);
    let read_feed = read_feed["path"].as_str().unwrap();
    let (vacation, policy) = crate::leave::vacation_with_policy(&f).await;
    let sick = crate::leave::leave_type(&f, json!({"code": "SICK", "from_balance": false})).await;
    let away = json!({"leave_type_id": sick, "from": "2026-07-01", "to": "2026-07-01"});
    let away = f.post(&f.world.worker, "/leave-requests", &away).await.must(201);
    let leave_request_id = away["leave_request_id"].as_str().unwrap();
    let site_id = f.world.berlin.site_id.to_string();
    let device = json!({"name": "Door", "kind": "terminal", "site_id": site_id});
    let device = f.post(&f.world.owner, "/devices", &device).await.must(201);
    let device_id = device["device_id"].as_str().unwrap();
    for (class, method, pattern, body) in ROUTES.iter().copied() {
        let body = body.replace("{site_id}", &site_id);
        let path = pattern.replace("{org_id}", &f.world.org.org_id.to_string()).replace("{shift_id}", &shift_id);
        let path = path.replace("{rotation_id}", rotation_id).replace("{correction_id}", correction_id);
        let path = path.replace("{leave_type_id}", &vacation).replace("{leave_policy_id}", &policy);
        let path = path.replace("{leave_request_id}", leave_request_id);
        let path = path.replace("{overtime_request_id}", overtime_id).replace("{period_id}", period_id);
        let path = path.replace("{swap_id}", &swap_id).replace("{calendar_feed_id}", feed_id);
        let path = path.replace("{site_id}", &site_id).replace("{device_id}", device_id);
        let path =
            if method == "GET" { format!("{path}?from=2026-06-01&to=2026-06-02&period={period_id}") } else { path };
        let verb: Method = method.parse().unwrap();
        let kind = if class == Service { "application/cloudevents-batch+json" } else { "application/json" };
        let with_body = |request: RequestBuilder| match body.as_str() {
            "" => request,
            body => request.header("content-type", kind).body(body.to_owned()),
        };
        let what = format!("{method} {pattern}");

        if class == Secret {
            let guessed = pattern.replace("{secret}", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
            send(f.service.request(verb.clone(), &guessed)).await.refused(404, "not_found");
            let signed_in = f.by(&f.world.owner).request(verb.clone(), &guessed);
            send(signed_in).await.refused(404, "not_found");
            assert_eq!(send(f.service.request(verb, read_feed)).await.status, 200, "{what}: the secret is enough");
            continue;
        }
        let anonymous = send(with_body(f.service.request(verb.clone(), &path))).await;
        assert_eq!(anonymous.status, 401, "{what}: not signed in");
        let forged = f.service.with_token("eyJhbGciOiJub25lIn0.e30.");
        assert_eq!(send(with_body(forged.request(verb.clone(), &path))).await.status, 401, "{what}: forged");

        let of_other_org = f.by(&elsewhere.owner).request(verb.clone(), &path);
        let of_no_org = f.service.as_user(UserId::generate()).request(verb.clone(), &path);
        let of_service = f.service.as_service("org").request(verb.clone(), &path);
        let of_member = f.by(&f.world.owner).request(verb.clone(), &path);
        match class {
            Secret => {}
            Tenant => {
                send(with_body(of_other_org)).await.refused(404, "not_found");
                send(with_body(of_no_org)).await.refused(404, "not_found");
                let carries_nothing = f.by(&elsewhere.owner).request(verb.clone(), path.split('?').next().unwrap());
                send(carries_nothing).await.refused(404, "not_found");
                assert_eq!(send(with_body(of_service)).await.status, 401, "{what}: a service is no user");
                let status = send(with_body(of_member)).await.status;
                // Taking back is for whoever asked, and agreeing for whoever was.
                let of_others = pattern.ends_with("/cancel") || pattern.ends_with("/accept");
                let status = if of_others && status == 403 { 200 } else { status };
                assert!(![401, 403, 404].contains(&status) && status < 500, "{what}: the owner gets {status}");
            }
            Device => {
                send(with_body(of_other_org)).await.refused(401, "not_signed_in");
                send(with_body(of_member)).await.refused(401, "not_signed_in");
                assert_eq!(send(with_body(of_service)).await.status, 401, "{what}: a service is no device");
                let secret = f.service.with_token(device["secret"].as_str().unwrap());
                assert_eq!(
                    send(with_body(secret.request(verb, &path))).await.status,
                    200,
                    "{what}: a device is let in"
                );
            }
            Service => {
                send(with_body(of_other_org)).await.refused(401, "not_signed_in");
                send(with_body(of_member)).await.refused(401, "not_signed_in");
                assert_eq!(send(with_body(of_service)).await.status, 200, "{what}: a service is let in");
            }
        }
    }
}

/// What a worker may not do, and a manager only within the team.
#[tokio::test]
async fn rights_reach_as_far_as_their_scope() {
    let f = Fixture::start().await;
    let World { owner, manager, worker, root, team, berlin, .. } = f.world.clone();
    let (day, shift) = (f.day_shift().await, json!({"code": "X", "name": "X", "start": "09:00", "end": "18:00"}));
    let plan = |target: Value| {
        let mut entry = json!({"from": "2026-06-01", "to": "2026-06-02", "shift_id": null});
        entry.as_object_mut().unwrap().extend(target.as_object().unwrap().clone());
        json!({"entries": [entry]})
    };
    let of = |who: &rollcall_org_api::facts::EmployeeFact| json!({"employee_id": who.employee_id});

    for (who, target, status) in [
        (&worker, of(&worker), 403),
        (&manager, of(&worker), 200),
        (&manager, of(&owner), 403),
        (&manager, json!({"unit_id": team.unit_id}), 200),
        (&manager, json!({"unit_id": root.unit_id}), 403),
        (&manager, json!({"site_id": berlin.site_id}), 403),
        (&owner, json!({"site_id": berlin.site_id}), 200),
    ] {
        let answer = f.put(who, "/roster", &plan(target.clone())).await;
        assert_eq!(answer.status, status, "{} plans {target}", who.number);
    }
    for (who, target, status) in [
        (&worker, &worker, 201),
        (&worker, &manager, 403),
        (&manager, &worker, 201),
        (&manager, &owner, 403),
        (&owner, &manager, 201),
    ] {
        let answer = f.post(who, "/punches", &of(target)).await;
        assert_eq!(answer.status, status, "{} punches for {}", who.number, target.number);
    }
    for (who, target, status) in
        [(&worker, &worker, 200), (&worker, &owner, 403), (&manager, &worker, 200), (&manager, &owner, 403)]
    {
        for list in ["punches?", "workdays?from=2026-06-01&to=2026-06-02&", "roster?from=2026-06-01&to=2026-06-02&"] {
            let answer = f.get(who, &format!("/{list}employee_id={}", target.employee_id)).await;
            assert_eq!(answer.status, status, "{} reads {list} of {}", who.number, target.number);
        }
    }
    f.post(&manager, "/shifts", &shift).await.refused(403, "forbidden");
    f.put(&worker, &format!("/shifts/{day}"), &shift).await.refused(403, "forbidden");
    f.get(&worker, &format!("/shifts/{day}")).await.must(200);
    f.post(&worker, "/punches", &json!({"source": "import", "at": "2026-03-01T09:00:00Z"}))
        .await
        .refused(403, "forbidden");
}

#[test]
fn every_operation_says_what_it_is_what_it_answers_and_what_it_needs() {
    let document = serde_json::to_value(openapi::<App>()).unwrap();
    for (_, method, path, body) in ROUTES.iter().copied().filter(|(class, ..)| *class == Tenant) {
        let operation = &document["paths"][path][method.to_lowercase()];
        let what = format!("{method} {path}");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{what}: summary");
        let devices_too = path.contains("/punches") && method == "POST";
        let schemes = if devices_too { json!([{"bearer": []}, {"device": []}]) } else { json!([{"bearer": []}]) };
        assert_eq!(operation["security"], schemes, "{what}: security");
        let mut expected = vec!["401", "403", "404", "500", "503", "504"];
        if !body.is_empty() {
            expected.extend(["400", "413", "415", "422"]);
            let content = &operation["requestBody"]["content"]["application/json"];
            assert!(content["example"].is_object() || content["examples"].is_object(), "{what}: an example");
        }
        for status in expected {
            assert!(operation["responses"][status].is_object(), "{what}: {status}");
        }
    }
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let document = serde_json::to_value(openapi_with_internal::<App>()).unwrap();
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let names: Vec<_> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    let distinct: BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "{names:?}");
}

#[test]
fn the_committed_description_is_fresh() {
    let committed: Value = serde_json::from_str(include_str!("../../openapi/v1.json")).unwrap();
    let generated = serde_json::to_value(openapi::<App>()).unwrap();
    assert!(
        committed == generated,
        "run `cargo run -p rollcall-attendance -- openapi > services/attendance/openapi/v1.json`"
    );
}

/// The examples of the description, sent as they stand.
#[tokio::test]
async fn the_examples_of_the_description_work() {
    let f = Fixture::start().await;
    f.set_clock("2026-11-20T17:00:00Z");
    let document = serde_json::to_value(openapi::<App>()).unwrap();
    let content = |path: &str, method: &str| {
        let path = format!("/api/attendance/v1/orgs/{{org_id}}{path}");
        document["paths"][path][method]["requestBody"]["content"]["application/json"].clone()
    };
    let owner = &f.world.owner;
    let shift = f.post(owner, "/shifts", &content("/shifts", "post")["example"]).await.must(201);
    let path = f.world.path(&format!("/shifts/{}", shift["shift_id"].as_str().unwrap()));
    let change = content("/shifts/{shift_id}", "put")["example"].clone();
    send(f.by(owner).put(&path).header("if-match", "\"1\"").json(&change)).await.must(200);
    let mut rotation = content("/rotations", "post")["example"].clone();
    for day in rotation["cycle"].as_array_mut().unwrap().iter_mut().filter(|day| !day.is_null()) {
        *day = shift["shift_id"].clone();
    }
    f.post(owner, "/rotations", &rotation).await.must(201);
    let mut roster = content("/roster", "put")["example"].clone();
    for entry in roster["entries"].as_array_mut().unwrap() {
        entry["unit_id"] = json!(f.world.team.unit_id);
        if !entry["shift_id"].is_null() {
            entry["shift_id"] = shift["shift_id"].clone();
        }
    }
    f.put(owner, "/roster", &roster).await.must(200);
    let rules = content("/sites/{site_id}/punch-rules", "put")["example"].clone();
    f.put_at(owner, &format!("/sites/{}/punch-rules", f.world.berlin.site_id), 0, &rules).await.must(200);
    let mut device = content("/devices", "post")["example"].clone();
    device["site_id"] = json!(f.world.berlin.site_id);
    let made = f.post(owner, "/devices", &device).await.must(201);
    let mut changed = content("/devices/{device_id}", "put")["example"].clone();
    changed["site_id"] = json!(f.world.berlin.site_id);
    f.put_at(owner, &format!("/devices/{}", made["device_id"].as_str().unwrap()), 1, &changed).await.must(200);
    let lenient = json!({"geofence": "exception", "networks": "exception"});
    f.put_at(owner, &format!("/sites/{}/punch-rules", f.world.berlin.site_id), 1, &lenient).await.must(200);
    for (name, example) in content("/punches", "post")["examples"].as_object().unwrap() {
        assert_eq!(f.post(owner, "/punches", &example["value"]).await.status, 201, "{name}");
    }
    let correction =
        f.post(&f.world.worker, "/corrections", &content("/corrections", "post")["example"]).await.must(201);
    let another = f.post(&f.world.worker, "/corrections", &content("/corrections", "post")["example"]).await.must(201);
    for (one, how, who) in [(&correction, "approve", owner), (&another, "cancel", &f.world.worker)] {
        let example = content(&format!("/corrections/{{correction_id}}/{how}"), "post")["example"].clone();
        let id = one["correction_id"].as_str().unwrap();
        f.post(who, &format!("/corrections/{id}/{how}"), &example).await.must(200);
    }
    let overtime = content("/overtime-requests", "post")["example"].clone();
    f.post(&f.world.worker, "/overtime-requests", &overtime).await.must(201);
    f.post(owner, "/calendar-feeds", &content("/calendar-feeds", "post")["example"]).await.must(201);
    let settings = f.by(owner).put(&f.world.path("/settings")).header("if-match", "\"0\"");
    send(settings.json(&content("/settings", "put")["example"])).await.must(200);
    f.post(owner, "/exports", &content("/exports", "post")["example"]).await.must(200);
    let vacation = f.post(owner, "/leave-types", &content("/leave-types", "post")["example"]).await.must(201);
    let with_ids = |example: &Value| {
        let text = example
            .to_string()
            .replace("0193a6f0-7c1e-7000-8000-000000000001", vacation["leave_type_id"].as_str().unwrap());
        let worker = f.world.worker.employee_id.to_string();
        serde_json::from_str::<Value>(&text.replace("0193a6f0-7c1e-7000-8000-000000000002", &worker)).unwrap()
    };
    let policy = with_ids(&content("/leave-policies", "post")["example"]);
    let policy = f.post(owner, "/leave-policies", &policy).await.must(201);
    for (path, example, id) in [
        ("/leave-types", "/leave-types/{leave_type_id}", &vacation["leave_type_id"]),
        ("/leave-policies", "/leave-policies/{leave_policy_id}", &policy["leave_policy_id"]),
    ] {
        let change = with_ids(&content(example, "put")["example"]);
        let path = f.world.path(&format!("{path}/{}", id.as_str().unwrap()));
        send(f.by(owner).put(&path).header("if-match", "\"1\"").json(&change)).await.must(200);
    }
    f.post(owner, "/leave-ledger", &with_ids(&content("/leave-ledger", "post")["example"])).await.must(201);
    let mut away = with_ids(&content("/leave-requests", "post")["example"]);
    for (how, who, days) in [
        ("approve", owner, ("2026-12-21", "2026-12-23")),
        ("reject", owner, ("2027-01-11", "2027-01-11")),
        ("cancel", &f.world.worker, ("2027-01-12", "2027-01-12")),
    ] {
        (away["from"], away["to"]) = (json!(days.0), json!(days.1));
        let made = f.post(&f.world.worker, "/leave-requests", &away).await.must(201);
        let example = content(&format!("/leave-requests/{{leave_request_id}}/{how}"), "post")["example"].clone();
        let id = made["leave_request_id"].as_str().unwrap();
        f.post(who, &format!("/leave-requests/{id}/{how}"), &example).await.must(200);
    }
    let batch = f.post(owner, "/punches/batch", &content("/punches/batch", "post")["example"]).await.must(200);
    assert!(batch["items"].as_array().unwrap().iter().all(|item| item["verdict"] == "created"), "{batch:#}");
}
