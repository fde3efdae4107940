//! Sessions that end before their tokens do, and API tokens.

use crate::{Stage, eventually};
use jiff::SignedDuration;
use rollcall_common::auth::{ApiTokenGrant, Revocation, api_token_path};
use rollcall_common::secret;
use rollcall_common::server::Service as _;
use rollcall_ids::{EventId, SessionId, UserId};
use rollcall_stack::testing::set;
use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn status(stage: &Stage, token: &str) -> u16 {
    stage.service.get(&stage.notes()).bearer_auth(token).send().await.unwrap().status().as_u16()
}

/// Tells the probe of a revocation, as user would.
async fn tell(stage: &Stage, kind: &str, revocation: &Revocation, from: &str) -> Value {
    let event = json!({
        "specversion": "1.0", "id": EventId::generate(), "source": format!("/rollcall/{from}"), "type": kind,
        "subject": revocation.id, "time": stage.service.clock.now(), "datacontenttype": "application/json",
        "data": revocation,
    });
    let token = stage.service.keys.service_token(from, "org").unwrap();
    let request = stage.service.post("/internal/v1/events").bearer_auth(token);
    let request = request.header("content-type", "application/cloudevents-batch+json");
    let answer = request.body(serde_json::to_vec(&[event]).unwrap()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

fn ended(stage: &Stage, session_id: SessionId, user_id: UserId) -> Revocation {
    let now = stage.service.clock.now();
    Revocation::of_session(session_id, user_id, now, now + SignedDuration::from_mins(6))
}

#[actix_web::test]
async fn a_session_that_ended_is_refused_at_once_and_no_other() {
    let stage = Stage::set().await;
    let (claims, other) = (stage.service.keys.claims(stage.user), stage.service.keys.claims(stage.user));
    let (token, other) = (stage.service.keys.sign(&claims).unwrap(), stage.service.keys.sign(&other).unwrap());
    assert_eq!((status(&stage, &token).await, status(&stage, &other).await), (200, 200), "both are remembered");
    let mut heard = stage.service.app().core().revocations.subscribe();
    let revocation = ended(&stage, claims.sid, stage.user);
    let verdicts = tell(&stage, "user.session.ended.v1", &revocation, "user").await;
    assert_eq!(verdicts["results"][0]["verdict"], "applied");
    assert_eq!((status(&stage, &token).await, status(&stage, &other).await), (401, 200));
    assert_eq!(heard.recv().await.unwrap(), revocation, "whoever holds a stream hears of it");
}

#[actix_web::test]
async fn a_user_who_was_disabled_is_refused_with_every_token_issued_until_then() {
    let stage = Stage::set().await;
    let token = stage.service.keys.access_token(stage.user).unwrap();
    let now = stage.service.clock.now();
    let revocation = Revocation::of_user(stage.user, now, now + SignedDuration::from_mins(6));
    tell(&stage, "user.disabled.v1", &revocation, "user").await;
    assert_eq!(status(&stage, &token).await, 401);
    stage.service.clock.advance(SignedDuration::from_secs(1));
    let later = stage.service.keys.access_token(stage.user).unwrap();
    assert_eq!(status(&stage, &later).await, 200, "enabled again, and signed in again");
    assert_eq!(status(&stage, &token).await, 401);
}

#[actix_web::test]
async fn only_user_ends_sessions() {
    let stage = Stage::set().await;
    let claims = stage.service.keys.claims(stage.user);
    let token = stage.service.keys.sign(&claims).unwrap();
    tell(&stage, "user.session.ended.v1", &ended(&stage, claims.sid, stage.user), "attendance").await;
    assert_eq!(status(&stage, &token).await, 200);
}

#[actix_web::test]
async fn what_another_instance_heard_is_known_within_two_seconds_and_after_a_restart() {
    let stage = Stage::set().await;
    let claims = stage.service.keys.claims(stage.user);
    let token = stage.service.keys.sign(&claims).unwrap();
    assert_eq!(status(&stage, &token).await, 200);
    let core = stage.service.app().core().clone();
    let revocation = ended(&stage, claims.sid, stage.user);
    let noted = core.db.transaction(rollcall_common::db::Unscoped, move |conn| {
        core.revocations.note(conn, &revocation).map_err(rollcall_common::fault::Fault::from)
    });
    noted.await.unwrap();
    let since = std::time::Instant::now();
    eventually("refused", || async { (status(&stage, &token).await == 401).then_some(()) }).await;
    assert!(since.elapsed().as_secs_f64() < 2.0, "{:?}", since.elapsed());
}

#[actix_web::test]
async fn a_clock_that_was_ahead_for_a_while_costs_no_session_its_end() {
    let stage = Stage::set().await;
    let clock = &stage.service.clock;
    let claims = stage.service.keys.claims(stage.user);
    let token = stage.service.keys.sign(&claims).unwrap();
    let core = stage.service.app().core().clone();
    tell(&stage, "user.session.ended.v1", &ended(&stage, claims.sid, stage.user), "user").await;
    clock.advance(SignedDuration::from_hours(2));
    // News is read by the second: what has expired by now is forgotten.
    let (revocations, user_id, sid) = (core.revocations.clone(), stage.user, claims.sid);
    let issued_at = clock.now();
    eventually("forgotten", || async { (!revocations.refuses(user_id, sid, issued_at)).then_some(()) }).await;
    core.forget_old().await;
    // Another session ends while the clock is ahead.
    let other = stage.service.keys.claims(stage.user);
    tell(&stage, "user.session.ended.v1", &ended(&stage, other.sid, stage.user), "user").await;
    clock.advance(-SignedDuration::from_hours(2));
    eventually("known again", || async { (status(&stage, &token).await == 401).then_some(()) }).await;
    // And news of other instances, whose clock is right, is still heard.
    let third = stage.service.keys.claims(stage.user);
    let third_token = stage.service.keys.sign(&third).unwrap();
    let revocation = ended(&stage, third.sid, stage.user);
    let noted = core.db.transaction(rollcall_common::db::Unscoped, move |conn| {
        core.revocations.note(conn, &revocation).map_err(rollcall_common::fault::Fault::from)
    });
    noted.await.unwrap();
    eventually("heard", || async { (status(&stage, &third_token).await == 401).then_some(()) }).await;
}

#[actix_web::test]
async fn what_only_user_knows_is_asked_for_again_when_the_clock_has_gone_back() {
    let server = MockServer::start().await;
    let url = server.uri();
    let stage = Stage::with(|settings| set(settings, "peers.user.url", url)).await;
    let clock = &stage.service.clock;
    let claims = stage.service.keys.claims(stage.user);
    let token = stage.service.keys.sign(&claims).unwrap();
    let list = json!({ "items": [ended(&stage, claims.sid, stage.user)] });
    let known = path("/internal/v1/revocations");
    Mock::given(known).respond_with(ResponseTemplate::new(200).set_body_json(&list)).mount(&server).await;
    let marker = stage.service.keys.claims(stage.user).sid;
    tell(&stage, "user.session.ended.v1", &ended(&stage, marker, stage.user), "user").await;
    clock.advance(SignedDuration::from_hours(2));
    let (revocations, user_id, now) = (stage.service.app().core().revocations.clone(), stage.user, clock.now());
    eventually("news is read", || async { (!revocations.refuses(user_id, marker, now)).then_some(()) }).await;
    assert!(server.received_requests().await.unwrap().is_empty(), "nothing is asked while it goes on");
    clock.advance(-SignedDuration::from_hours(2));
    eventually("refused", || async { (status(&stage, &token).await == 401).then_some(()) }).await;
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[actix_web::test]
async fn what_has_expired_is_forgotten() {
    let stage = Stage::set().await;
    let revocations = stage.service.app().core().revocations.clone();
    tell(&stage, "user.session.ended.v1", &ended(&stage, SessionId::generate(), stage.user), "user").await;
    assert_eq!(revocations.current().await.unwrap().items.len(), 1);
    stage.service.clock.advance(SignedDuration::from_mins(7));
    assert!(revocations.current().await.unwrap().items.is_empty());
}

/// A stage whose user service knows one API token; the token and what it is worth.
async fn with_api_token(scopes: &[&str]) -> (Stage, MockServer, String, ApiTokenGrant) {
    let server = MockServer::start().await;
    let url = server.uri();
    let stage = Stage::with(|settings| set(settings, "peers.user.url", url)).await;
    let token = format!("rct_{}", secret::random_token(32));
    let now = stage.service.clock.now();
    let grant = ApiTokenGrant {
        api_token_id: SessionId::generate(),
        user_id: stage.user,
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        created_at: now,
        expires_at: now + SignedDuration::from_hours(24),
    };
    let known = path(api_token_path(&secret::sha256(token.as_bytes())));
    Mock::given(known).respond_with(ResponseTemplate::new(200).set_body_json(&grant)).mount(&server).await;
    Mock::given(wiremock::matchers::any()).respond_with(ResponseTemplate::new(404)).mount(&server).await;
    (stage, server, token, grant)
}

async fn add(stage: &Stage, token: &str) -> u16 {
    let request = stage.service.post(&stage.notes()).bearer_auth(token).json(&json!({ "text": "a" }));
    request.send().await.unwrap().status().as_u16()
}

#[actix_web::test]
async fn an_api_token_stands_where_a_bearer_token_does_and_user_is_asked_once() {
    let (stage, server, token, _) = with_api_token(&["org:write"]).await;
    for _ in 0..5 {
        assert_eq!((add(&stage, &token).await, status(&stage, &token).await), (201, 200));
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
    assert_eq!(status(&stage, "rct_sesame").await, 401);
}

#[actix_web::test]
async fn an_api_token_may_do_what_its_scopes_say_and_nothing_else() {
    let (stage, _server, token, _) = with_api_token(&["org:read", "attendance:write"]).await;
    assert_eq!(status(&stage, &token).await, 200);
    assert_eq!(add(&stage, &token).await, 403);
    let (stage, _server, token, _) = with_api_token(&["attendance:write"]).await;
    assert_eq!(status(&stage, &token).await, 403);
}

#[actix_web::test]
async fn an_api_token_is_believed_while_user_is_away_for_an_hour_and_not_longer() {
    let (stage, server, token, _) = with_api_token(&["org:read"]).await;
    assert_eq!(status(&stage, &token).await, 200);
    server.reset().await;
    Mock::given(wiremock::matchers::any()).respond_with(ResponseTemplate::new(503)).mount(&server).await;
    stage.service.clock.advance(SignedDuration::from_mins(59));
    assert_eq!(status(&stage, &token).await, 200);
    stage.service.clock.advance(SignedDuration::from_mins(2));
    assert_eq!(status(&stage, &token).await, 503);
}

#[actix_web::test]
async fn an_api_token_ends_when_it_is_revoked_or_expires() {
    let (stage, _server, token, _) = with_api_token(&["org:read"]).await;
    assert_eq!(status(&stage, &token).await, 200);
    stage.service.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(status(&stage, &token).await, 401, "expired");
    let (stage, _server, token, grant) = with_api_token(&["org:read"]).await;
    assert_eq!(status(&stage, &token).await, 200);
    tell(&stage, "user.api_token.revoked.v1", &ended(&stage, grant.api_token_id, stage.user), "user").await;
    assert_eq!(status(&stage, &token).await, 401, "revoked, though user would still answer for it");
}
