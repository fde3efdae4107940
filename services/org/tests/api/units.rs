//! The tree of units.

use crate::support::{Fixture, Seat, each, id};
use diesel::connection::SimpleConnection as _;
use rollcall_ids::UnitId;
use serde_json::{Value, json};

async fn unit(f: &Fixture, owner: Seat, name: &str, parent: Option<UnitId>) -> UnitId {
    let unit = f.post(owner, "/units", json!({"name": name, "parent_id": parent})).await.must(201);
    id(&unit["unit_id"])
}

async fn root(f: &Fixture, owner: Seat) -> UnitId {
    id(&f.get(owner, "/me").await.must(200)["unit"]["unit_id"])
}

#[tokio::test]
async fn a_unit_stands_below_the_root_unless_said() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let root = root(&f, owner).await;
    let created = f.post(owner, "/units", json!({"name": "Warehouse", "code": "WH"})).await;
    let location = created.header("location").to_owned();
    let unit = created.must(201);
    assert_eq!((&unit["parent_id"], &unit["version"]), (&json!(root), &json!(1)));
    let path = location.strip_prefix(&owner.path("")).unwrap();
    assert_eq!(f.get(owner, path).await.must(200), unit);
    assert_eq!(each(&f.get(owner, "/units").await.must(200), "name"), ["Acme", "Warehouse"]);
    f.post(owner, "/units", json!({"name": "Other", "code": "WH"})).await.refused(409, "unit_code_taken");
}

#[tokio::test]
async fn a_unit_moves_with_all_below_it_but_never_below_itself() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let root = root(&f, owner).await;
    let a = unit(&f, owner, "A", None).await;
    let b = unit(&f, owner, "B", Some(a)).await;
    let c = unit(&f, owner, "C", Some(b)).await;
    for below in [a, b, c] {
        f.patch(owner, &format!("/units/{a}"), json!({"parent_id": below})).await.refused(409, "unit_cycle");
    }
    f.patch(owner, &format!("/units/{root}"), json!({"parent_id": a})).await.refused(409, "root_unit");
    let moved = f.patch(owner, &format!("/units/{c}"), json!({"parent_id": root})).await.must(200);
    assert_eq!((&moved["parent_id"], &moved["version"]), (&json!(root), &json!(2)));
    f.patch(owner, &format!("/units/{a}"), json!({"parent_id": c})).await.must(200);
}

#[tokio::test]
async fn of_two_moves_that_together_make_a_cycle_one_is_refused() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let a = unit(&f, owner, "A", None).await;
    let b = unit(&f, owner, "B", None).await;
    let (of_a, of_b) = (format!("/units/{a}"), format!("/units/{b}"));
    let row = format!("SELECT 1 FROM orgs WHERE org_id = '{}'", owner.org_id);
    let moves = (f.patch(owner, &of_a, json!({"parent_id": b})), f.patch(owner, &of_b, json!({"parent_id": a})));
    let (one, other) = f.race(&row, moves.0, moves.1).await;
    let (won, lost) = if one.status == 200 { (one, other) } else { (other, one) };
    won.must(200);
    lost.refused(409, "unit_cycle");
}

#[tokio::test]
async fn what_is_named_must_be_there() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let nobody = UnitId::generate();
    let body = json!({"name": "X", "parent_id": nobody, "head_employee_id": nobody});
    let problem = f.post(owner, "/units", body).await.refused(422, "invalid_input");
    let pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| e["pointer"].clone()).collect();
    assert_eq!(pointers, ["/parent_id", "/head_employee_id"]);
    f.get(owner, &format!("/units/{nobody}")).await.refused(404, "not_found");
    f.get(owner, "/units/not-an-id").await.refused(404, "not_found");
}

#[tokio::test]
async fn a_new_head_tells_the_others_of_both_heads_rights() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (_, ada) = f.join(owner, "7", &["manager"]).await;
    let (_, bob) = f.join(owner, "8", &["manager"]).await;
    let unit = unit(&f, owner, "Warehouse", None).await;
    let scopes = |fact: &Value| -> Vec<Value> {
        let grants = fact["grants"].as_array().unwrap().iter();
        grants.filter(|grant| grant["role"] == "manager").map(|grant| grant["scope"].clone()).collect()
    };
    f.patch(owner, &format!("/units/{unit}"), json!({"head_employee_id": ada})).await.must(200);
    let fact = f.last_event("org.employee.changed.v1");
    assert_eq!((&fact["employee_id"], scopes(&fact)), (&json!(ada), vec![json!({"kind": "unit", "unit_id": unit})]));

    f.patch(owner, &format!("/units/{unit}"), json!({"head_employee_id": bob})).await.must(200);
    let facts = f.events("org.employee.changed.v1");
    let last = &facts[facts.len() - 2..];
    let of = |employee| last.iter().find(|fact| fact["employee_id"] == json!(employee)).unwrap();
    assert_eq!(scopes(of(ada)), [json!({"kind": "unit", "unit_id": null})]);
    assert_eq!(scopes(of(bob)), [json!({"kind": "unit", "unit_id": unit})]);
}

#[tokio::test]
async fn there_are_ten_thousand_units_at_most_with_those_removed() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let removed = format!(
        "INSERT INTO units (org_id, unit_id, name, parent_id, created_at, updated_at, removed_at) \
         SELECT org_id, gen_random_uuid(), 'Gone', unit_id, now(), now(), now() FROM units, generate_series(1, 9998) \
         WHERE org_id = '{}'",
        owner.org_id
    );
    f.database().batch_execute(&removed).unwrap();
    unit(&f, owner, "The last", None).await;
    let problem = f.post(owner, "/units", json!({"name": "One more"})).await.refused(422, "invalid_input");
    assert_eq!(
        (&problem["errors"][0]["pointer"], &problem["errors"][0]["code"]),
        (&json!("/name"), &json!("too_many"))
    );
}

#[tokio::test]
async fn nobody_widens_their_own_reach_by_what_they_set_in_the_tree() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let planner = json!({"role": "planner", "name": "P", "scope": "org", "permissions": ["org.read", "org.write"]});
    f.post(owner, "/roles", planner).await.must(201);
    let (planner, ada) = f.join(owner, "7", &["manager", "planner"]).await;
    let (boss, root) = (f.me(owner).await, root(&f, owner).await);
    let (mine, other) = (unit(&f, owner, "Mine", None).await, unit(&f, owner, "Other", None).await);
    let of = |unit: UnitId| format!("/units/{unit}");
    let headed = json!({"head_employee_id": ada});
    for unit in [root, mine] {
        f.patch(planner, &of(unit), headed.clone()).await.refused(403, "forbidden");
    }
    let body = json!({"name": "New", "head_employee_id": ada});
    f.post(planner, "/units", body).await.refused(403, "forbidden");
    // Whom else they name, and what they move elsewhere, is theirs to say.
    f.patch(planner, &of(mine), json!({"head_employee_id": boss})).await.must(200);
    f.patch(planner, &of(other), json!({"parent_id": mine})).await.must(200);
    f.patch(planner, &of(other), json!({"parent_id": root})).await.must(200);

    f.patch(owner, &of(mine), headed.clone()).await.must(200);
    f.patch(planner, &of(other), json!({"parent_id": mine})).await.refused(403, "forbidden");
    f.patch(planner, &of(mine), json!({"name": "Still mine"})).await.must(200);
    let body = json!({"name": "Team", "parent_id": mine, "head_employee_id": ada});
    f.post(planner, "/units", body).await.must(201);

    // Who holds it all for the whole organisation rises by nothing.
    let (hr, hr_id) = f.join(owner, "8", &["manager", "hr_admin"]).await;
    f.patch(hr, &of(root), json!({"head_employee_id": hr_id})).await.must(200);
    f.patch(owner, &of(root), json!({"head_employee_id": boss})).await.must(200);
}
