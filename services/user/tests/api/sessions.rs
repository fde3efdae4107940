//! Signing in, staying signed in, signing out.

use crate::support::{Fixture, PASSWORD};
use jiff::SignedDuration;
use rollcall_stack::testing::set;
use serde_json::json;
use std::time::{Duration, Instant};

const SESSIONS: &str = "/api/user/v1/sessions";
const REFRESH: &str = "/api/user/v1/sessions/refresh";
const CURRENT: &str = "/api/user/v1/sessions/current";
const ME: &str = "/api/user/v1/users/me";

#[tokio::test]
async fn whoever_knows_the_password_is_signed_in_and_known() {
    let fixture = Fixture::start().await;
    let user = fixture.sign_up("ada@example.org").await;
    let reply = fixture.post(SESSIONS, &json!({"email": "ADA@example.org", "password": PASSWORD})).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!((&reply.body["token_type"], &reply.body["expires_in"]), (&json!("Bearer"), &json!(300)));
    assert_eq!(reply.body["user"], user);
    let me = fixture.get_as(reply.text("access_token"), ME).await;
    assert_eq!((me.status, &me.body), (200, &user));
}

#[tokio::test]
async fn a_wrong_password_and_no_account_are_the_same_answer() {
    let fixture = Fixture::start().await;
    fixture.sign_up("ada@example.org").await;
    let wrong = fixture.post(SESSIONS, &json!({"email": "ada@example.org", "password": "wrong horse"})).await;
    let nobody = fixture.post(SESSIONS, &json!({"email": "eve@example.org", "password": "wrong horse"})).await;
    for mut reply in [wrong, nobody] {
        assert_eq!((reply.status, reply.code()), (401, "invalid_credentials"));
        reply.body["request_id"].take();
        let expected = json!({
            "type": "urn:rollcall:problem:invalid_credentials",
            "title": "No account with this e-mail address and password",
            "status": 401, "code": "invalid_credentials", "request_id": null
        });
        assert_eq!(reply.body, expected);
    }
}

#[tokio::test]
async fn the_time_of_an_answer_does_not_tell_whether_an_account_exists() {
    let fixture = Fixture::with(|settings| set(settings, "throttling.account.free", 1_000)).await;
    fixture.sign_up("ada@example.org").await;
    let mut fastest = [Duration::MAX; 2];
    for _ in 0..24 {
        for (fastest, email) in fastest.iter_mut().zip(["ada@example.org", "eve@example.org"]) {
            let started = Instant::now();
            fixture.post(SESSIONS, &json!({"email": email, "password": "wrong horse"})).await;
            *fastest = started.elapsed().min(*fastest);
        }
    }
    // Without the hash an answer takes a tenth of the time; what is left is noise of the machine.
    let ratio = fastest[0].as_secs_f64() / fastest[1].as_secs_f64();
    assert!((0.5..2.0).contains(&ratio), "{fastest:?}");
}

#[tokio::test]
async fn more_logins_than_can_wait_are_refused_with_a_time_to_come_again() {
    let fixture = Fixture::with(|settings| {
        set(settings, "passwords.workers", 1);
        set(settings, "passwords.queue", 1);
        set(settings, "throttling.account.free", 1_000);
    })
    .await;
    let body = json!({"email": "eve@example.org", "password": "wrong horse"});
    let replies = futures_util::future::join_all((0..12).map(|_| fixture.post(SESSIONS, &body))).await;
    let refused: Vec<_> = replies.iter().filter(|reply| reply.status == 503).collect();
    assert!(!refused.is_empty(), "twelve at once find two places");
    assert!(refused.iter().all(|reply| reply.code() == "unavailable" && reply.header("retry-after") == "1"));
    assert!(replies.iter().filter(|reply| reply.status == 401).count() >= 2, "those who had a place were served");
    assert_eq!(fixture.post(SESSIONS, &body).await.status, 401, "there is room again");
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_for_the_next_pair() {
    let fixture = Fixture::start().await;
    let first = fixture.log_in("ada@example.org").await;
    fixture.advance(SignedDuration::from_mins(6));
    assert_eq!(fixture.get_as(first.text("access_token"), ME).await.status, 401, "it has expired");

    let second = fixture.refresh(first.text("refresh_token")).await;
    assert_eq!(second.status, 200, "{second:?}");
    assert_eq!(second.body["session_id"], first.body["session_id"]);
    assert_eq!(second.body["user"], first.body["user"]);
    assert_ne!(second.body["refresh_token"], first.body["refresh_token"]);
    assert_eq!(second.header("cache-control"), "no-store");
    assert_eq!(fixture.get_as(second.text("access_token"), ME).await.status, 200);
    assert_eq!(fixture.refresh(second.text("refresh_token")).await.status, 200);
}

#[tokio::test]
async fn a_lost_answer_may_be_asked_for_again_within_ten_seconds() {
    let fixture = Fixture::start().await;
    let first = fixture.log_in("ada@example.org").await;
    assert_eq!(fixture.refresh(first.text("refresh_token")).await.status, 200, "whose answer is lost");
    fixture.advance(SignedDuration::from_secs(10));
    let again = fixture.refresh(first.text("refresh_token")).await;
    assert_eq!(again.status, 200);
    fixture.advance(SignedDuration::from_secs(60));
    assert_eq!(fixture.refresh(again.text("refresh_token")).await.status, 200, "the session lives on");
}

#[tokio::test]
async fn two_refreshes_at_once_both_get_a_pair() {
    let fixture = Fixture::start().await;
    let first = fixture.log_in("ada@example.org").await;
    let token = first.text("refresh_token");
    let replies = futures_util::future::join_all((0..6).map(|_| fixture.refresh(token))).await;
    assert!(replies.iter().all(|reply| reply.status == 200), "{replies:?}");
    let tokens: std::collections::HashSet<_> = replies.iter().map(|reply| reply.text("refresh_token")).collect();
    assert_eq!(tokens.len(), 6);
}

#[tokio::test]
async fn a_token_that_comes_again_later_ends_the_whole_session() {
    let fixture = Fixture::start().await;
    let first = fixture.log_in("ada@example.org").await;
    let other_device = fixture.log_in_again("ada@example.org").await;
    let second = fixture.refresh(first.text("refresh_token")).await;
    fixture.advance(SignedDuration::from_secs(11));

    let reused = fixture.refresh(first.text("refresh_token")).await;
    assert_eq!((reused.status, reused.code()), (401, "refresh_reused"));
    let thief_or_owner = fixture.refresh(second.text("refresh_token")).await;
    assert_eq!((thief_or_owner.status, thief_or_owner.code()), (401, "session_ended"));
    assert_eq!(fixture.refresh(other_device.text("refresh_token")).await.status, 200, "another session is not touched");
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_and_at_last_however_busy_it_is() {
    let fixture = Fixture::with(|settings| {
        set(settings, "sessions.idle_seconds", 3_600);
        set(settings, "sessions.absolute_seconds", 7_200);
    })
    .await;
    let idle = fixture.log_in("ada@example.org").await;
    let mut busy = fixture.log_in_again("ada@example.org").await;
    for _ in 0..3 {
        fixture.advance(SignedDuration::from_mins(35));
        busy = fixture.refresh(busy.text("refresh_token")).await;
        assert_eq!(busy.status, 200);
    }
    let idle = fixture.refresh(idle.text("refresh_token")).await;
    assert_eq!((idle.status, idle.code()), (401, "invalid_refresh_token"));
    fixture.advance(SignedDuration::from_mins(15));
    let busy = fixture.refresh(busy.text("refresh_token")).await;
    assert_eq!((busy.status, busy.code()), (401, "invalid_refresh_token"), "two hours are over");
}

#[tokio::test]
async fn signing_out_ends_this_session_alone() {
    let fixture = Fixture::start().await;
    let here = fixture.log_in("ada@example.org").await;
    let there = fixture.log_in_again("ada@example.org").await;
    for status in [204, 401] {
        let reply = fixture.send(fixture.request("DELETE", CURRENT).bearer_auth(here.text("access_token"))).await;
        assert_eq!(reply.status, status, "the access token is refused at once");
    }
    let reply = fixture.refresh(here.text("refresh_token")).await;
    assert_eq!((reply.status, reply.code()), (401, "session_ended"));
    assert_eq!(fixture.refresh(there.text("refresh_token")).await.status, 200);
}

#[tokio::test]
async fn a_token_that_nobody_issued_is_refused() {
    let fixture = Fixture::start().await;
    for token in ["", "x", "n3h2v0sYtqkq1q8m1D3m0o7r8J9x2cV5bN4mL6kJ7hG", "\u{0}💥"] {
        let reply = fixture.post(REFRESH, &json!({"refresh_token": token})).await;
        assert_eq!((reply.status, reply.code()), (401, "invalid_refresh_token"), "{token:?}");
    }
}

#[tokio::test]
async fn the_database_has_no_token_in_clear() {
    let fixture = Fixture::start().await;
    let session = fixture.log_in("ada@example.org").await;
    let dump =
        fixture.sql("SELECT t::text AS value FROM refresh_tokens t UNION ALL SELECT s::text FROM sessions s").await;
    assert_eq!(dump.len(), 2);
    assert!(dump.iter().all(|row| !row.contains(session.text("refresh_token"))));
}

#[tokio::test]
async fn what_is_over_is_swept_away() {
    let fixture = Fixture::start().await;
    fixture.log_in("ada@example.org").await;
    fixture.advance(SignedDuration::from_hours(24 * 200));
    let live = fixture.log_in_again("ada@example.org").await;
    assert_eq!(fixture.app().sweep().await.unwrap(), 2, "a session and its token");
    assert_eq!(fixture.sql("SELECT session_id::text AS value FROM sessions").await, [live.text("session_id")]);
}

#[tokio::test]
async fn much_is_swept_in_portions_and_what_cannot_be_holds_up_nothing_else() {
    let fixture = Fixture::start().await;
    let session = fixture.log_in("ada@example.org").await;
    let user_id = session.body["user"]["user_id"].as_str().unwrap();
    fixture.execute(&format!(
        "INSERT INTO throttles SELECT sha256(n::text::bytea), 1, '2020-01-01', '2020-01-01' FROM generate_series(1, 2500) n;
         INSERT INTO mfa_challenges SELECT sha256(n::text::bytea), '{user_id}', '2020-01-01' FROM generate_series(1, 1500) n;
         INSERT INTO password_resets SELECT sha256(n::text::bytea), '{user_id}', '2020-01-01' FROM generate_series(1, 1500) n;
         CREATE TABLE deleted (rows bigint);
         GRANT INSERT ON deleted TO PUBLIC;
         CREATE FUNCTION note_deleted() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN INSERT INTO deleted SELECT count(*) FROM gone; RETURN NULL; END';
         CREATE TRIGGER noted AFTER DELETE ON throttles REFERENCING OLD TABLE AS gone
             FOR EACH STATEMENT EXECUTE FUNCTION note_deleted();
         CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';
         CREATE TRIGGER refused BEFORE DELETE ON password_resets FOR EACH ROW EXECUTE FUNCTION refuse();",
    ));
    fixture.advance(SignedDuration::from_hours(24 * 200));
    assert!(fixture.app().sweep().await.is_err(), "resets cannot be swept");
    let left = "SELECT concat_ws(' ', (SELECT count(*) FROM throttles), (SELECT count(*) FROM mfa_challenges),
        (SELECT count(*) FROM sessions), (SELECT count(*) FROM password_resets)) AS value";
    assert_eq!(fixture.sql(left).await, ["0 0 0 1500"]);
    let portions = fixture.sql("SELECT max(rows)::text AS value FROM deleted").await;
    assert_eq!(portions, ["1000"], "no statement deletes more");
    fixture.execute("DROP TRIGGER refused ON password_resets");
    assert_eq!(fixture.app().sweep().await.unwrap(), 1500);
    fixture.stop().await;
}
