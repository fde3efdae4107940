//! The examples of the description work.

use crate::support::{Fixture, send};
use rollcall_common::server::openapi;
use rollcall_org::App;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn example(document: &Value, schema: &str) -> Value {
    let schemas = &document["components"]["schemas"];
    // What comes on pages alone is described within them.
    let of_page = &schemas[format!("Paged_{schema}")]["properties"]["items"]["items"];
    let example = schemas[schema].get("example").unwrap_or(&of_page["example"]);
    assert!(example.is_object(), "{schema} has an example");
    example.clone()
}

/// Names of the fields, of objects within objects too.
fn fields(value: &Value, prefix: &str, into: &mut BTreeSet<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let name = format!("{prefix}/{name}");
        fields(value, &name, into);
        into.insert(name);
    }
}

#[tokio::test]
async fn what_the_description_says_to_send_is_taken() {
    let f = Fixture::start().await;
    let document = serde_json::to_value(openapi::<App>()).unwrap();
    let owner = f.found().await;
    let me = f.get(owner, "/me").await.must(200);
    let of = |kind: &str, id: &str| format!("/{kind}s/{}", me[kind][id].as_str().unwrap());
    let found = f.org.as_user(owner.user_id).post("/api/org/v1/orgs").json(&example(&document, "NewOrg"));
    send(found).await.must(201);
    for (path, schema) in [
        ("/units", "NewUnit"),
        ("/sites", "NewSite"),
        ("/employees", "NewEmployee"),
        ("/holiday-calendars", "CalendarName"),
        ("/roles", "NewRole"),
    ] {
        f.post(owner, path, example(&document, schema)).await.must(201);
    }
    f.join(owner, "7", &["owner"]).await;
    for (path, schema) in [
        (String::new(), "OrgPatch"),
        (of("unit", "unit_id"), "UnitPatch"),
        (of("site", "site_id"), "SitePatch"),
        (of("employee", "employee_id"), "EmployeePatch"),
    ] {
        f.patch(owner, &path, example(&document, schema)).await.must(200);
    }
    // These name something that only their sender knows; they are understood all the same.
    f.post(owner, "/invitations", example(&document, "NewInvitation")).await.refused(422, "invalid_input");
    let token = &document["components"]["schemas"]["Acceptance"]["properties"]["token"]["example"];
    f.accept(owner.user_id, token.as_str().unwrap()).await.refused(404, "not_found");
}

#[tokio::test]
async fn what_the_description_shows_is_what_comes() {
    let f = Fixture::start().await;
    let document = serde_json::to_value(openapi::<App>()).unwrap();
    let owner = f.found().await;
    let ada = f.hire(owner, "7", json!({})).await;
    let token = f.invite(owner, ada).await;
    let accepted = f.accept(rollcall_ids::UserId::generate(), &token).await.must(200);
    let first = async |path: &str| f.get(owner, path).await.must(200)["items"][0].clone();
    let fence = json!({"latitude": 52.52, "longitude": 13.405, "radius_m": 150});
    let site = json!({"name": "S", "time_zone": "UTC", "geofence": fence});
    let site = f.post(owner, "/sites", site).await.must(201);
    let calendar = f.post(owner, "/holiday-calendars", json!({"name": "C"})).await.must(201);
    let stand_in = json!({"to_employee_id": ada, "valid_from": "2026-08-01", "valid_to": "2026-08-02"});
    let delegation = f.post(owner, "/delegations", stand_in).await.must(201);
    let import = f.import(owner, "number,name,hired_on\n8,Ada,2026-01-05\n").await;
    for (schema, came) in [
        ("Org", f.get(owner, "").await.must(200)),
        ("Me", f.get(owner, "/me").await.must(200)),
        ("Unit", first("/units").await),
        ("Site", site),
        ("Employee", first("/employees").await),
        ("RoleDefinition", first("/roles").await),
        ("UnitNode", f.get(owner, "/units/tree").await.must(200)),
        ("HolidayCalendar", calendar),
        ("Delegation", delegation),
        ("Import", import),
        ("Invitation", first("/invitations").await),
        ("AuditEvent", first("/audit-events").await),
        ("Accepted", accepted),
    ] {
        let (mut shown, mut sent) = (BTreeSet::new(), BTreeSet::new());
        fields(&example(&document, schema), "", &mut shown);
        fields(&came, "", &mut sent);
        // What was before and after is as manifold as what changes, and a site has a circle or none.
        let free = |name: &String| {
            let within = |part: &str| name.contains(part);
            !(within("/before/") || within("/after/") || within("/geofence/"))
        };
        let only = |set: BTreeSet<String>| set.into_iter().filter(free).collect::<BTreeSet<_>>();
        assert_eq!(only(shown), only(sent), "{schema}");
    }
}
