//! What other services ask directly.

use crate::support::{Fixture, send};
use rollcall_ids::{EmployeeId, OrgId, UserId};
use rollcall_org_api::internal::{Member, Snapshot, member_by_user_path, member_path, snapshot_path};
use serde_json::json;

#[tokio::test]
async fn a_member_comes_with_the_facts_around_them() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let boss = f.me(owner).await;
    f.post(owner, "/units", json!({"name": "A"})).await.must(201);
    let attendance = f.org.as_service("attendance");
    let by_user = send(attendance.get(&member_by_user_path(owner.org_id, owner.user_id))).await.must(200);
    let member: Member = serde_json::from_value(by_user.clone()).unwrap();
    assert_eq!(member.employee.employee_id, boss);
    assert_eq!((member.units.len(), member.sites.len()), (2, 1));
    assert_eq!(member.org.org_id, owner.org_id);
    assert_eq!(send(attendance.get(&member_path(owner.org_id, boss))).await.must(200), by_user);
}

#[tokio::test]
async fn who_is_not_there_is_404() {
    let f = Fixture::start().await;
    let (owner, other) = (f.found().await, f.found().await);
    let attendance = f.org.as_service("attendance");
    for path in [
        member_by_user_path(owner.org_id, UserId::generate()),
        member_by_user_path(other.org_id, owner.user_id),
        member_by_user_path(OrgId::generate(), owner.user_id),
        member_path(owner.org_id, EmployeeId::generate()),
        member_path(owner.org_id, f.me(other).await),
        snapshot_path(OrgId::generate(), None),
    ] {
        send(attendance.get(&path)).await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn the_pages_of_a_snapshot_make_up_the_organisation() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    for number in 0..5 {
        f.hire(owner, &format!("n{number}"), json!({})).await;
    }
    let attendance = f.org.as_service("attendance");
    let path = format!("/internal/v1/orgs/{}/snapshot?limit=4", owner.org_id);
    let first: Snapshot = serde_json::from_value(send(attendance.get(&path)).await.must(200)).unwrap();
    assert_eq!((first.units.len(), first.sites.len(), first.employees.len()), (1, 1, 4));
    let next = format!("{path}&cursor={}", first.next_cursor.unwrap());
    let last: Snapshot = serde_json::from_value(send(attendance.get(&next)).await.must(200)).unwrap();
    assert_eq!((last.units.len(), last.employees.len(), last.next_cursor), (0, 2, None));
    let mut numbers: Vec<_> = first.employees.iter().chain(&last.employees).map(|e| e.number.clone()).collect();
    numbers.sort();
    assert_eq!(numbers, ["1", "n0", "n1", "n2", "n3", "n4"]);
    let whole = send(attendance.get(&snapshot_path(owner.org_id, None))).await.must(200);
    assert_eq!(serde_json::from_value::<Snapshot>(whole).unwrap().employees.len(), 6);
}
