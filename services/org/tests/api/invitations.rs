//! Inviting and accepting.

use crate::support::{Fixture, Seat, id, send};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::prelude::*;
use jiff::SignedDuration;
use rollcall_common::events::CloudEvent;
use rollcall_ids::{EmployeeId, OrgId, UserId};
use serde_json::json;
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

#[tokio::test]
async fn accepting_links_the_account_and_tells_the_manager() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let boss = f.me(owner).await;
    let ada = f.hire(owner, "7", json!({"name": "Ada", "assignment": {"manager_id": boss}})).await;
    let invited = f.post(owner, "/invitations", json!({"employee_id": ada})).await.must(201);
    assert_eq!(invited["expires_at"], "2026-06-08T09:00:00Z");
    let mail = f.last_event("org.invitation.created.v1");
    assert_eq!(
        (&mail["email"], &mail["org_name"], &mail["locale"]),
        (&json!("7@example.org"), &json!("Acme"), &json!("en"))
    );
    assert!(!invited.to_string().contains(mail["token"].as_str().unwrap()), "the secret goes by mail alone");

    let user_id = UserId::generate();
    let seat = Seat { user_id, ..owner };
    f.get(seat, "/me").await.refused(404, "not_found");
    let accepted = f.accept(user_id, mail["token"].as_str().unwrap()).await.must(200);
    assert_eq!((&accepted["employee"]["user_id"], &accepted["org"]["name"]), (&json!(user_id), &json!("Acme")));
    assert_eq!(f.me(seat).await, ada);
    let told = f.last_event("org.invitation.accepted.v1");
    assert_eq!(
        (&told["manager_id"], &told["user_id"], &told["employee_name"]),
        (&json!(boss), &json!(user_id), &json!("Ada"))
    );
    let fact = f.last_event("org.employee.changed.v1");
    assert_eq!((&fact["user_id"], &fact["version"]), (&json!(user_id), &json!(2)));
    f.post(owner, "/invitations", json!({"employee_id": ada})).await.refused(409, "already_linked");
}

#[tokio::test]
async fn a_token_works_once() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let ada = f.hire(owner, "7", json!({})).await;
    let token = f.invite(owner, ada).await;
    let user_id = UserId::generate();
    let accept = || {
        let request = f.org.as_user(user_id).post("/api/org/v1/invitations/accept").header("Idempotency-Key", "a");
        send(request.json(&json!({"token": token})))
    };
    let first = accept().await.must(200);
    assert_eq!(accept().await.must(200), first, "a lost answer can be asked for again by its key");
    f.accept(user_id, &token).await.refused(409, "invitation_used");
    f.accept(UserId::generate(), &token).await.refused(409, "invitation_used");
}

#[tokio::test]
async fn of_two_who_bring_the_same_token_one_is_linked() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let employee_id = f.hire(owner, "7", json!({})).await;
    let token = f.invite(owner, employee_id).await;
    let (one, other) = (UserId::generate(), UserId::generate());
    let row = format!("SELECT 1 FROM employees WHERE employee_id = '{employee_id}'");
    let (a, b) = f.race(&row, f.accept(one, &token), f.accept(other, &token)).await;
    let (won, lost, winner) = if a.status == 200 { (a, b, one) } else { (b, a, other) };
    assert_eq!(won.must(200)["employee"]["user_id"], json!(winner));
    lost.refused(409, "invitation_used");
}

#[tokio::test]
async fn whoever_accepts_two_invitations_of_one_organisation_at_once_is_linked_once() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (ada, bob) = (f.hire(owner, "7", json!({})).await, f.hire(owner, "8", json!({})).await);
    let (to_ada, to_bob) = (f.invite(owner, ada).await, f.invite(owner, bob).await);
    let user_id = UserId::generate();
    let rows = format!("SELECT 1 FROM employees WHERE employee_id IN ('{ada}', '{bob}')");
    let (a, b) = f.race(&rows, f.accept(user_id, &to_ada), f.accept(user_id, &to_bob)).await;
    let (won, lost) = if a.status == 200 { (a, b) } else { (b, a) };
    won.must(200);
    lost.refused(409, "already_member");
}

#[tokio::test]
async fn whoever_may_write_sees_the_invitations_and_never_a_token() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let ada = f.hire(owner, "7", json!({})).await;
    let invited = f.post(owner, "/invitations", json!({"employee_id": ada})).await;
    let location = invited.header("location").to_owned();
    let invited = invited.must(201);
    let path = location.strip_prefix(&owner.path("")).unwrap().to_owned();
    assert_eq!(f.get(owner, &path).await.must(200), invited);
    f.post(owner, "/invitations", json!({"employee_id": ada})).await.must(201);
    let first = f.get(owner, "/invitations?limit=1").await.must(200);
    let rest = format!("/invitations?limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(f.get(owner, &rest).await.must(200)["items"], json!([invited]));
    let (employee, _) = f.join(owner, "8", &[]).await;
    f.get(employee, "/invitations").await.refused(403, "forbidden");
    f.get(employee, &path).await.refused(403, "forbidden");
}

#[tokio::test]
async fn after_seven_days_or_a_newer_one_an_invitation_is_over() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let ada = f.hire(owner, "7", json!({})).await;
    let old = f.invite(owner, ada).await;
    let new = f.invite(owner, ada).await;
    f.accept(UserId::generate(), &old).await.refused(410, "invitation_expired");
    f.org.clock.advance(SignedDuration::from_hours(7 * 24));
    f.accept(UserId::generate(), &new).await.refused(410, "invitation_expired");
    let newest = f.invite(owner, ada).await;
    f.org.clock.advance(SignedDuration::from_hours(7 * 24) - SignedDuration::from_secs(1));
    f.accept(UserId::generate(), &newest).await.must(200);
}

#[tokio::test]
async fn whoever_is_a_member_already_is_not_linked_twice() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let ada = f.hire(owner, "7", json!({})).await;
    let token = f.invite(owner, ada).await;
    f.accept(owner.user_id, &token).await.refused(409, "already_member");
    // The token is not spent by the attempt.
    f.accept(UserId::generate(), &token).await.must(200);
}

#[tokio::test]
async fn a_strangers_token_opens_nothing() {
    let f = Fixture::start().await;
    let (owner, other) = (f.found().await, f.found().await);
    let ada = f.hire(owner, "7", json!({})).await;
    let token = f.invite(owner, ada).await;
    let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
    let (org, secret) = bytes.split_at(16);
    let forge = |org: &[u8], secret: &[u8]| URL_SAFE_NO_PAD.encode([org, secret].concat());
    let turned: Vec<u8> = secret.iter().rev().copied().collect();
    for forged in [
        String::new(),
        "token".to_owned(),
        forge(org, &turned),
        forge(other.org_id.0.as_bytes(), secret),
        forge(OrgId::generate().0.as_bytes(), secret),
        format!("{token}x"),
    ] {
        f.accept(UserId::generate(), &forged).await.refused(404, "not_found");
    }
    f.accept(UserId::generate(), &token).await.must(200);
}

#[tokio::test]
async fn only_the_hash_of_a_token_is_kept() {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        row: String,
    }
    let f = Fixture::start().await;
    let owner = f.found().await;
    let ada = f.hire(owner, "7", json!({})).await;
    let token = f.invite(owner, ada).await;
    // The part that is no one's to know, whole characters of it.
    let secret = &token[22..];
    for table in ["invitations", "audit_events", "idempotency_keys"] {
        let rows: Vec<Row> =
            diesel::sql_query(format!("SELECT t::text AS row FROM {table} t")).load(&mut f.database()).unwrap();
        assert!(rows.iter().all(|row| !row.row.contains(secret)), "{table} holds the secret");
    }
}

#[tokio::test]
async fn a_token_leaves_the_outbox_when_it_is_taken() {
    let taker = MockServer::start().await;
    let taking = |request: &Request| {
        let events: Vec<CloudEvent> = serde_json::from_slice(&request.body).unwrap();
        let results: Vec<_> = events.iter().map(|event| json!({"id": event.id, "verdict": "applied"})).collect();
        ResponseTemplate::new(200).set_body_json(json!({"results": results}))
    };
    Mock::given(path("/internal/v1/events")).respond_with(taking).mount(&taker).await;
    let f = Fixture::heard_by(Some(taker.uri())).await;
    let owner = f.found().await;
    let ada = f.hire(owner, "7", json!({})).await;
    f.post(owner, "/invitations", json!({"employee_id": ada})).await.must(201);
    while f.count("outbox_deliveries") > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let requests = taker.received_requests().await.unwrap();
    let mut heard =
        requests.iter().flat_map(|request| serde_json::from_slice::<Vec<CloudEvent>>(&request.body).unwrap());
    let event = heard.rfind(|event| event.kind == "org.invitation.created.v1").unwrap();
    let secret = &event.data["token"].as_str().unwrap()[22..];
    assert_eq!(f.count(&format!("outbox o WHERE o::text LIKE '%{secret}%'")), 0);
    assert!(f.count("outbox") > 0, "others are kept");
}

#[tokio::test]
async fn one_employee_is_invited_three_times_an_hour() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let body =
        json!({"name": "Ada", "invite": true, "email": "ada@example.org", "number": "7", "hired_on": "2026-01-05"});
    let ada: EmployeeId = id(&f.post(owner, "/employees", body).await.must(201)["employee_id"]);
    let bob = f.hire(owner, "8", json!({})).await;
    f.org.clock.advance(SignedDuration::from_mins(20));
    f.invite(owner, ada).await;
    f.invite(owner, ada).await;
    let refused = f.post(owner, "/invitations", json!({"employee_id": ada})).await;
    assert_eq!(refused.header("retry-after"), "2400", "when the first one is an hour old");
    refused.refused(429, "too_many_invitations");
    f.invite(owner, bob).await;
    f.org.clock.advance(SignedDuration::from_mins(40));
    f.invite(owner, ada).await;
}

#[tokio::test]
async fn an_organisation_invites_all_of_its_largest_import_in_a_day_and_then_no_more() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (ada, bob) = (f.hire(owner, "7", json!({})).await, f.hire(owner, "8", json!({})).await);
    f.invite(owner, ada).await;
    let all = format!(
        "INSERT INTO invitations (org_id, invitation_id, employee_id, email, token_sha256, created_at, expires_at, replaced_at)
         SELECT org_id, gen_random_uuid(), employee_id, email, sha256(n::text::bytea), created_at, expires_at, created_at
         FROM invitations, generate_series(1, 19998) n WHERE employee_id = '{ada}'"
    );
    diesel::sql_query(all).execute(&mut f.database()).unwrap();
    f.org.clock.advance(SignedDuration::from_hours(23));
    f.invite(owner, bob).await;
    let body =
        json!({"name": "Eve", "invite": true, "email": "eve@example.org", "number": "9", "hired_on": "2026-01-05"});
    let refused = f.post(owner, "/employees", body.clone()).await;
    assert_eq!(refused.header("retry-after"), "3600");
    refused.refused(429, "too_many_invitations");
    f.org.clock.advance(SignedDuration::from_hours(1));
    f.post(owner, "/employees", body).await.must(201);
}

#[tokio::test]
async fn an_invitation_needs_an_employee_with_an_address() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let ada = f.hire(owner, "7", json!({"email": null})).await;
    let problem = f.post(owner, "/invitations", json!({"employee_id": ada})).await.refused(422, "invalid_input");
    assert_eq!(problem["errors"][0]["code"], "no_email");
    let body = json!({"employee_id": EmployeeId::generate()});
    let problem = f.post(owner, "/invitations", body).await.refused(422, "invalid_input");
    assert_eq!(problem["errors"][0]["pointer"], "/employee_id");
}

#[tokio::test]
async fn an_open_invitation_to_an_address_that_is_no_longer_theirs_opens_nothing() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let ada = f.hire(owner, "7", json!({})).await;
    let token = f.invite(owner, ada).await;
    // Past the service, which closes the invitation with every such change.
    let readdress = |email: &str| {
        let change = format!("UPDATE employees SET email = {email} WHERE employee_id = '{ada}'");
        diesel::sql_query(change).execute(&mut f.database()).unwrap()
    };
    for email in ["'ada@example.org'", "NULL"] {
        readdress(email);
        f.accept(UserId::generate(), &token).await.refused(404, "not_found");
    }
    readdress("'7@example.org'");
    f.accept(UserId::generate(), &token).await.must(200);
}
