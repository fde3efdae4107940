//! What the other services are told.

use crate::support::Fixture;
use rollcall_org_api::facts::{EmployeeFact, OrgFact, SiteFact, UnitFact};
use serde_json::json;

#[tokio::test]
async fn founding_tells_of_everything_that_was_made() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let org: OrgFact = serde_json::from_value(f.last_event("org.org.changed.v1")).unwrap();
    let unit: UnitFact = serde_json::from_value(f.last_event("org.unit.changed.v1")).unwrap();
    let site: SiteFact = serde_json::from_value(f.last_event("org.site.changed.v1")).unwrap();
    let employee: EmployeeFact = serde_json::from_value(f.last_event("org.employee.changed.v1")).unwrap();
    assert_eq!(org.org_id, owner.org_id);
    assert_eq!((org.version, unit.version, site.version, employee.version), (1, 1, 1, 1));
    assert_eq!(employee.user_id, Some(owner.user_id));
    assert_eq!(employee.assignments[0].unit_id, unit.unit_id);
    assert_eq!(employee.assignments[0].site_id, site.site_id);
    let roles: Vec<_> = employee.grants.iter().map(|grant| grant.role.as_str()).collect();
    assert_eq!(roles, ["employee", "owner"]);
}

#[tokio::test]
async fn each_change_of_an_employee_carries_the_whole_of_them_and_a_higher_version() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (_, ada) = f.join(owner, "7", &["manager"]).await;
    f.post(owner, "/units", json!({"name": "A", "head_employee_id": ada})).await.must(201);
    f.patch(owner, &format!("/employees/{ada}"), json!({"left_on": "2026-12-31"})).await.must(200);
    let facts: Vec<EmployeeFact> = f
        .events("org.employee.changed.v1")
        .into_iter()
        .map(|data| serde_json::from_value(data).unwrap())
        .filter(|fact: &EmployeeFact| fact.employee_id == ada)
        .collect();
    let versions: Vec<_> = facts.iter().map(|fact| fact.version).collect();
    assert_eq!(versions, [1, 2, 3, 4, 5], "hired, linked, role, head, leaving");
    let last = facts.last().unwrap();
    assert_eq!(last.grants.len(), 2);
    assert_eq!(last.assignments.len(), 1);
    assert!(last.left_on.is_some());
}
