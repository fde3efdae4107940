//! Announcements, and the copy of org's facts that they need whole.

use crate::support::{Person, World};
use rollcall_ids::{AssignmentId, OrgId, SiteId, UnitId};
use rollcall_notification::App;
use rollcall_notification_api::announcements::Announcement;
use rollcall_stack::testing::TestService;
use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param, query_param_is_missing};
use wiremock::{Mock, ResponseTemplate};

/// A company with a tree and two sites, of which org can tell everything.
struct Company {
    world: World,
    root: UnitId,
    team: UnitId,
    leaf: UnitId,
    harbour: SiteId,
    office: SiteId,
    /// In a unit below the team, at the harbour.
    docker: Person,
}

impl Company {
    /// Org knows it, and the service has heard nothing.
    async fn new() -> Self {
        let world = World::empty(|_| {}).await;
        let [root, team, leaf] = [(); 3].map(|()| UnitId::generate());
        let [harbour, office] = [(); 2].map(|()| SiteId::generate());
        let company = Self { world, root, team, leaf, harbour, office, docker: Person::new() };
        let page = ResponseTemplate::new(200)
            .set_body_json(json!({"items": [company.world.org_fact(1, "en")], "next_cursor": null}));
        Mock::given(method("GET")).and(path("/internal/v1/orgs")).respond_with(page).mount(&company.world.peers).await;
        company.tells(&company.people()).await;
        company
    }

    /// Org knows it, and the service has heard of its owner.
    async fn heard_of() -> Self {
        let company = Self::new().await;
        let owner = company.world.event("org", "org.employee.changed.v1", &company.people()[0]);
        company.world.send("org", &[owner, company.world.org(1, "en")]).await;
        company
    }

    fn people(&self) -> Vec<Value> {
        let w = &self.world;
        vec![
            self.fact(w.owner, self.root, self.office, json!([grant(json!({"kind": "org"}))])),
            self.fact(w.manager, self.root, self.office, json!([grant(json!({"kind": "unit", "unit_id": self.team}))])),
            self.fact(w.employee, self.team, self.office, json!([])),
            self.fact(self.docker, self.leaf, self.harbour, json!([])),
        ]
    }

    fn fact(&self, who: Person, unit: UnitId, site: SiteId, grants: Value) -> Value {
        let mut fact = self.world.employee_fact(who, 1, true, &[]);
        fact["grants"] = grants;
        fact["assignments"] = json!([
            { "assignment_id": AssignmentId::generate(), "unit_id": UnitId::generate(), "site_id": SiteId::generate(),
              "manager_id": null, "position": null, "valid_from": "2026-01-01", "valid_to": "2026-02-28" },
            { "assignment_id": AssignmentId::generate(), "unit_id": unit, "site_id": site,
              "manager_id": null, "position": null, "valid_from": "2026-03-01", "valid_to": null },
        ]);
        fact
    }

    /// Org's snapshot: everything around the people on the first page, the last of them on a second one.
    async fn tells(&self, people: &[Value]) {
        let w = &self.world;
        let unit = |id: UnitId, parent: Option<UnitId>| json!({"unit_id": id, "name": "U", "parent_id": parent, "head_employee_id": null, "version": 1});
        let site = |id: SiteId| {
            json!({"site_id": id, "name": "S", "time_zone": "Europe/Berlin", "geofence": null,
                   "holiday_calendar_id": null, "version": 1})
        };
        let units = json!([unit(self.root, None), unit(self.team, Some(self.root)), unit(self.leaf, Some(self.team))]);
        let sites = json!([site(self.harbour), site(self.office)]);
        let (last, first) = people.split_last().unwrap();
        let at = format!("/internal/v1/orgs/{}/snapshot", w.org_id);
        let page = json!({"org": w.org_fact(1, "en"), "units": units, "sites": sites, "employees": first, "next_cursor": "bmV4dA"});
        let get = || Mock::given(method("GET")).and(path(at.clone()));
        let answer = |page: &Value| ResponseTemplate::new(200).set_body_json(page);
        get().and(query_param_is_missing("cursor")).respond_with(answer(&page)).mount(&w.peers).await;
        let page =
            json!({"org": w.org_fact(1, "en"), "units": [], "sites": [], "employees": [last], "next_cursor": null});
        get().and(query_param("cursor", "bmV4dA")).respond_with(answer(&page)).mount(&w.peers).await;
    }

    fn path(&self) -> String {
        format!("/api/notification/v1/orgs/{}/announcements", self.world.org_id)
    }

    async fn announce(&self, by: Person, key: &str, body: &Value) -> reqwest::Response {
        let request = self.world.service.as_user(by.user_id).post(&self.path());
        request.header("idempotency-key", key).json(body).send().await.unwrap()
    }

    async fn unread(&self) -> [i64; 4] {
        let w = &self.world;
        let mut unread = [0; 4];
        for (at, who) in [w.owner, w.manager, w.employee, self.docker].into_iter().enumerate() {
            unread[at] = w.unread(who.user_id).await;
        }
        unread
    }
}

fn grant(scope: Value) -> Value {
    let mut grant = json!({ "role": "custom", "permissions": ["announcements.write"] });
    grant["scope"] = scope;
    grant
}

fn to(audience: Value) -> Value {
    let mut body = json!({ "title": "Canteen <closed>", "body": "On Friday.\nAgain on Monday." });
    body["audience"] = audience;
    body
}

async fn code(answer: reqwest::Response) -> (u16, String) {
    let status = answer.status().as_u16();
    (status, answer.json::<Value>().await.unwrap()["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_service_that_has_heard_of_one_person_announces_to_everybody_org_knows() {
    let company = Company::heard_of().await;
    let world = &company.world;
    let mut stream = world.listen(company.docker.user_id, None).await;
    stream.next_named("unread_count").await;
    let answer = company.announce(world.owner, "k1", &to(json!({"kind": "everyone"}))).await;
    assert_eq!(answer.status(), 201);
    let location = answer.headers()["location"].to_str().unwrap().to_owned();
    let made: Announcement = answer.json().await.unwrap();
    assert_eq!((made.recipients, made.created_by), (4, world.owner.employee_id));
    assert_eq!(company.unread().await, [1, 1, 1, 1]);
    let (_, heard) = stream.next_named("notification").await;
    let stored = &world.inbox(company.docker.user_id, "?category=announcements").await.items[0];
    assert_eq!(serde_json::to_value(stored).unwrap(), heard, "the stream and the inbox say the same");
    assert_eq!((stored.title.as_str(), stored.body.as_str()), ("Canteen <closed>", "On Friday.\nAgain on Monday."));
    assert_eq!(stored.about.announcement_id, Some(made.announcement_id));
    let again = company.announce(world.owner, "k1", &to(json!({"kind": "everyone"}))).await;
    assert_eq!((again.status().as_u16(), &again.headers()["idempotency-replayed"]), (201, &"true".parse().unwrap()));
    assert_eq!(again.json::<Announcement>().await.unwrap(), made);
    assert_eq!(company.unread().await, [1, 1, 1, 1], "once is once");
    let other = company.announce(world.owner, "k1", &to(json!({"kind": "site", "site_id": company.office}))).await;
    assert_eq!(code(other).await, (422, "idempotency_key_reused".to_owned()));
    let read: Announcement =
        world.service.as_user(world.owner.user_id).get(&location).send().await.unwrap().json().await.unwrap();
    assert_eq!(read, made);
}

#[tokio::test]
async fn a_unit_is_told_with_all_below_it_and_a_site_with_whoever_works_there() {
    let company = Company::heard_of().await;
    let w = &company.world;
    for (key, audience, unread) in [
        ("a", json!({"kind": "unit", "unit_id": company.team}), [0, 0, 1, 1]),
        ("b", json!({"kind": "unit", "unit_id": company.leaf}), [0, 0, 1, 2]),
        ("c", json!({"kind": "site", "site_id": company.office}), [1, 1, 2, 2]),
        ("d", json!({"kind": "unit", "unit_id": company.root}), [2, 2, 3, 3]),
    ] {
        assert_eq!(company.announce(w.owner, key, &to(audience)).await.status(), 201, "{key}");
        assert_eq!(company.unread().await, unread, "{key}");
    }
    for (audience, pointer) in [
        (json!({"kind": "unit", "unit_id": UnitId::generate()}), "/audience/unit_id"),
        (json!({"kind": "site", "site_id": SiteId::generate()}), "/audience/site_id"),
    ] {
        let answer = company.announce(w.owner, "none", &to(audience)).await;
        assert_eq!(answer.status(), 422);
        assert_eq!(answer.json::<Value>().await.unwrap()["errors"][0]["pointer"], pointer);
    }
}

#[tokio::test]
async fn who_leads_a_unit_speaks_to_it_and_sees_their_own_and_who_leads_none_is_refused() {
    let company = Company::heard_of().await;
    let w = &company.world;
    let team = || to(json!({"kind": "unit", "unit_id": company.team}));
    let leaf = || to(json!({"kind": "unit", "unit_id": company.leaf}));
    assert_eq!(company.announce(w.owner, "a", &team()).await.status(), 201);
    assert_eq!(company.announce(w.owner, "b", &to(json!({"kind": "everyone"}))).await.status(), 201);
    assert_eq!(company.announce(w.manager, "c", &leaf()).await.status(), 201);
    for audience in [
        json!({"kind": "everyone"}),
        json!({"kind": "site", "site_id": company.office}),
        json!({"kind": "unit", "unit_id": company.root}),
    ] {
        assert_eq!(company.announce(w.manager, "x", &to(audience)).await.status(), 403);
    }
    assert_eq!(company.announce(w.employee, "x", &leaf()).await.status(), 403);
    let list = async |who: Person, query: &str| -> Value {
        let answer = w.service.as_user(who.user_id).get(&format!("{}{query}", company.path())).send().await.unwrap();
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap();
        if status == 200 { body } else { json!(status) }
    };
    let kinds = |page: &Value| -> Vec<String> {
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["audience"]["kind"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = list(w.owner, "?limit=2").await;
    assert_eq!(kinds(&first), ["unit", "everyone"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(kinds(&list(w.owner, &format!("?limit=2&cursor={cursor}")).await), ["unit"]);
    assert_eq!(kinds(&list(w.manager, "").await), ["unit", "everyone"], "not the owner's to the team");
    assert_eq!(list(w.employee, "").await, json!(403));
    assert_eq!(list(Person::new(), "").await, json!(404));
}

#[tokio::test]
async fn a_bad_announcement_is_refused_with_every_field_named() {
    let company = Company::heard_of().await;
    let w = &company.world;
    let everyone = json!({"kind": "everyone"});
    for (body, status, pointers) in [
        (json!({"title": " ", "body": "a\u{0}", "audience": everyone}), 422, vec!["/title", "/body"]),
        (
            json!({"title": "x".repeat(201), "body": "x".repeat(10_001), "audience": everyone}),
            422,
            vec!["/title", "/body"],
        ),
        (
            json!({"title": " ", "body": "b", "audience": {"kind": "unit", "unit_id": UnitId::generate()}}),
            422,
            vec!["/title", "/audience/unit_id"],
        ),
        (
            json!({"title": "a", "body": " ", "audience": {"kind": "site", "site_id": SiteId::generate()}}),
            422,
            vec!["/body", "/audience/site_id"],
        ),
        (json!({"title": "a", "body": "b"}), 400, vec![""]),
        (json!({"title": "a", "body": "b", "audience": {"kind": "moon"}}), 400, vec!["/audience/kind"]),
        (json!({"title": "a", "body": "b", "audience": everyone, "until": 7}), 400, vec!["/until"]),
        (json!([1]), 400, vec![""]),
    ] {
        let answer = company.announce(w.owner, "x", &body).await;
        assert_eq!(answer.status(), status, "{body}");
        let problem: Value = answer.json().await.unwrap();
        let named: Vec<_> =
            problem["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
        assert_eq!(named, pointers, "{problem}");
    }
    let body = json!({"title": " ", "body": "b", "audience": everyone});
    assert_eq!(company.announce(w.manager, "x", &body).await.status(), 403, "they may not, whatever it says");
    assert_eq!(company.unread().await, [0; 4]);
}

#[tokio::test]
async fn an_auditor_reads_all_announcements_and_makes_none() {
    let company = Company::heard_of().await;
    let w = &company.world;
    let answer = company.announce(w.owner, "a", &to(json!({"kind": "unit", "unit_id": company.leaf}))).await;
    let made: Announcement = answer.json().await.unwrap();
    for (version, scope, status) in [(2, "self", 403), (3, "org", 200)] {
        let grants = json!([{"role": "auditor", "permissions": ["audit.read"], "scope": {"kind": scope}}]);
        let mut fact = company.fact(w.employee, company.team, company.office, grants);
        fact["version"] = json!(version);
        w.send("org", &[w.event("org", "org.employee.changed.v1", &fact)]).await;
        let reader = w.service.as_user(w.employee.user_id);
        let list = reader.get(&company.path()).send().await.unwrap();
        let one = reader.get(&format!("{}/{}", company.path(), made.announcement_id)).send().await.unwrap();
        assert_eq!((list.status().as_u16(), one.status().as_u16()), (status, status), "{scope}");
        if status == 200 {
            let page: Value = list.json().await.unwrap();
            assert_eq!(page["items"], json!([made]));
            assert_eq!(one.json::<Announcement>().await.unwrap(), made);
        }
        let body = to(json!({"kind": "unit", "unit_id": company.leaf}));
        assert_eq!(company.announce(w.employee, "b", &body).await.status(), 403);
    }
}

#[tokio::test]
async fn while_org_is_away_nobody_is_told_rather_than_half_of_them() {
    let world = World::start().await;
    let mut owner = world.employee_fact(world.owner, 2, true, &[]);
    owner["grants"] = json!([grant(json!({"kind": "org"}))]);
    world.send("org", &[world.event("org", "org.employee.changed.v1", &owner)]).await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(503)).mount(&world.peers).await;
    let at = format!("/api/notification/v1/orgs/{}/announcements", world.org_id);
    let request = world.service.as_user(world.owner.user_id).post(&at).json(&to(json!({"kind": "everyone"})));
    let answer = request.send().await.unwrap();
    assert_eq!(code(answer).await, (503, "unavailable".to_owned()));
    assert_eq!(world.unread(world.employee.user_id).await, 0);
}

#[tokio::test]
async fn the_command_takes_over_every_organisation_once() {
    let company = Company::new().await;
    let service: &TestService<App> = &company.world.service;
    let run = async || rollcall_common::backfill::take_over_all(&**service.app()).await.unwrap();
    assert_eq!(run().await, 1);
    let known = "SELECT (SELECT count(*) FROM employee_facts) + (SELECT count(*) FROM unit_facts) \
                 + (SELECT count(*) FROM site_facts) AS count";
    assert_eq!(company.world.count(known), 4 + 3 + 2);
    assert_eq!(run().await, 0);
}

#[tokio::test]
async fn two_announcements_and_a_reader_at_once_neither_lock_each_other_out_nor_lose_count() {
    let company = Company::heard_of().await;
    let w = &company.world;
    assert_eq!(company.announce(w.owner, "first", &to(json!({"kind": "everyone"}))).await.status(), 201);
    let keys: Vec<String> = (0..8).map(|n| format!("k{n}")).collect();
    let body = to(json!({"kind": "everyone"}));
    let announce = futures_util::future::join_all(keys.iter().map(|key| company.announce(w.owner, key, &body)));
    let read = async {
        for item in w.inbox(company.docker.user_id, "").await.items {
            assert_eq!(w.read(company.docker.user_id, item.notification_id).await.status(), 200);
        }
    };
    let (answers, ()) = tokio::join!(announce, read);
    assert!(answers.iter().all(|answer| answer.status() == 201));
    let unread = w.inbox(company.docker.user_id, "?unread").await.items.len();
    assert_eq!(w.unread(company.docker.user_id).await, i64::try_from(unread).unwrap());
    assert_eq!(w.unread(w.owner.user_id).await, 9);
    let gaps = "SELECT count(*) FROM user_streams s WHERE last_seq <> (SELECT count(*) FROM stream_entries e WHERE e.user_id = s.user_id)";
    assert_eq!(w.count(gaps), 0);
}

#[tokio::test]
async fn a_thousand_people_are_told_by_one_statement() {
    let world = World::start().await;
    let mut owner = world.employee_fact(world.owner, 2, true, &[]);
    owner["grants"] = json!([grant(json!({"kind": "org"}))]);
    world.send("org", &[world.event("org", "org.employee.changed.v1", &owner)]).await;
    world.sql(&format!("INSERT INTO whole_copies VALUES ('{}', 9, now(), now())", world.org_id));
    world.sql(&format!(
        "INSERT INTO employee_facts SELECT '{org}', gen_random_uuid(), gen_random_uuid(), true, false, fact, 1 \
         FROM employee_facts, generate_series(1, 997) WHERE org_id = '{org}' AND employee_id = '{id}'",
        org = world.org_id,
        id = world.employee.employee_id,
    ));
    let at = format!("/api/notification/v1/orgs/{}/announcements", world.org_id);
    let request = world.service.as_user(world.owner.user_id).post(&at).json(&to(json!({"kind": "everyone"})));
    let made: Announcement = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(made.recipients, 1_000);
    assert_eq!(world.count("SELECT count(*) FROM notifications"), 1_000);
    assert_eq!(world.count("SELECT count(*) FROM user_streams WHERE unread = 1 AND last_seq = 1"), 1_000);
    assert_eq!(world.count(&format!("SELECT count(*) FROM notifications WHERE org_id <> '{}'", world.org_id)), 0);
    let stranger = OrgId::generate();
    let answer =
        world.service.as_user(world.owner.user_id).get(&at.replace(&world.org_id.to_string(), &stranger.to_string()));
    assert_eq!(answer.send().await.unwrap().status(), 404);
}
