//! Passwords changed and reset, second factors, API tokens, sessions seen and ended, and the record of all of it.

use crate::support::{Fixture, PASSWORD, Reply};
use jiff::SignedDuration;
use rollcall_stack::testing::set;
use rollcall_user::mfa::domain::TotpSecret;
use serde_json::{Value, json};

const SESSIONS: &str = "/api/user/v1/sessions";
const NEW: &str = "another horse, another stable";

async fn try_log_in(fixture: &Fixture, password: &str) -> Reply {
    fixture.post(SESSIONS, &json!({"email": "ada@example.org", "password": password})).await
}

async fn send(fixture: &Fixture, method: &str, path: &str, token: &str, body: &Value) -> Reply {
    fixture.send(fixture.request(method, path).bearer_auth(token).json(body)).await
}

async fn acts(fixture: &Fixture, token: &str) -> Vec<String> {
    let reply = fixture.get_as(token, "/api/user/v1/users/me/audit-events?limit=200").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body["items"].as_array().unwrap().iter().rev().map(|i| i["kind"].as_str().unwrap().to_owned()).collect()
}

/// Data of the events of a type that wait to be sent.
async fn told(fixture: &Fixture, kind: &str) -> Vec<Value> {
    let rows = fixture
        .sql("SELECT (data || jsonb_build_object('kind', kind))::text AS value FROM outbox ORDER BY position")
        .await;
    let all = rows.iter().map(|row| serde_json::from_str::<Value>(row).unwrap());
    all.filter(|data| data["kind"] == kind).collect()
}

/// With somebody who listens to events and never answers.
async fn with_listener() -> Fixture {
    Fixture::with(|settings| set(settings, "events.subscribers.notification", "user.")).await
}

#[tokio::test]
async fn ones_sessions_are_seen_and_ended() {
    let fixture = Fixture::start().await;
    let here = fixture.log_in("ada@example.org").await;
    let phone =
        fixture.request("POST", SESSIONS).header("User-Agent", "Phone/7").header("X-Forwarded-For", "203.0.113.7");
    let phone = fixture.send(phone.json(&json!({"email": "ada@example.org", "password": PASSWORD}))).await;
    let token = here.text("access_token");
    let list = fixture.get_as(token, SESSIONS).await;
    let items = list.body["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    let other = items.iter().find(|item| item["current"] == false).unwrap();
    assert_eq!((&other["device"], &other["address"]), (&json!("Phone/7"), &json!("203.0.113.7")));
    let path = format!("{SESSIONS}/{}", phone.text("session_id"));
    let stranger = fixture.log_in("eve@example.org").await;
    assert_eq!(send(&fixture, "DELETE", &path, stranger.text("access_token"), &json!({})).await.status, 404);
    assert_eq!(send(&fixture, "DELETE", &path, token, &json!({})).await.status, 204);
    assert_eq!(send(&fixture, "DELETE", &path, token, &json!({})).await.status, 404);
    assert_eq!(fixture.get_as(phone.text("access_token"), SESSIONS).await.status, 401);
    assert_eq!(fixture.refresh(phone.text("refresh_token")).await.code(), "session_ended");
    assert_eq!(fixture.get_as(token, SESSIONS).await.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_login_from_a_new_device_is_told_once() {
    let fixture = with_listener().await;
    fixture.sign_up("ada@example.org").await;
    let from = async |device: &str, address: &str| {
        let request = fixture.request("POST", SESSIONS).header("User-Agent", device).header("X-Forwarded-For", address);
        let reply = fixture.send(request.json(&json!({"email": "ada@example.org", "password": PASSWORD}))).await;
        assert_eq!(reply.status, 201);
    };
    from("Firefox/131.0", "203.0.113.7").await;
    from("Firefox/132.0", "203.0.113.8").await;
    assert!(told(&fixture, "user.login.new_device.v1").await.is_empty(), "the first one, and its update");
    for _ in 0..2 {
        from("curl/8", "198.51.100.7").await;
    }
    let told = told(&fixture, "user.login.new_device.v1").await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["email"], &told[0]["device"], &told[0]["address"]),
        (&json!("ada@example.org"), &json!("curl/8"), &json!("198.51.100.7"))
    );
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let fixture = with_listener().await;
    let here = fixture.log_in("ada@example.org").await;
    let there = fixture.log_in_again("ada@example.org").await;
    let token = here.text("access_token");
    let path = "/api/user/v1/users/me/password";
    let body = |current: &str, new: &str| json!({"current_password": current, "new_password": new});
    let wrong = send(&fixture, "PUT", path, token, &body("wrong horse", NEW)).await;
    assert_eq!(
        (wrong.status, wrong.errors()),
        (422, vec![("/current_password".to_owned(), "wrong_password".to_owned())])
    );
    let common = send(&fixture, "PUT", path, token, &body(PASSWORD, "password")).await;
    assert_eq!(common.errors(), [("/new_password".to_owned(), "password_common".to_owned())]);
    assert_eq!(send(&fixture, "PUT", path, token, &body(PASSWORD, NEW)).await.status, 204);
    assert_eq!(fixture.get_as(token, SESSIONS).await.status, 200, "this one stays");
    assert_eq!(fixture.get_as(there.text("access_token"), SESSIONS).await.status, 401);
    assert_eq!(fixture.refresh(there.text("refresh_token")).await.code(), "session_ended");
    assert_eq!((try_log_in(&fixture, PASSWORD).await.status, try_log_in(&fixture, NEW).await.status), (401, 201));
    assert_eq!(told(&fixture, "user.credentials.changed.v1").await[0]["change"], "password_changed");
    for _ in 0..6 {
        send(&fixture, "PUT", path, token, &body("wrong horse", NEW)).await;
    }
    assert_eq!(send(&fixture, "PUT", path, token, &body("wrong horse", NEW)).await.status, 429);
}

async fn mails(fixture: &Fixture, expected: usize) -> Vec<Value> {
    for _ in 0..100 {
        let mails = told(fixture, "user.password_reset.requested.v1").await;
        if mails.len() >= expected {
            return mails;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    unreachable!("no mail was asked for")
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_a_mail_once_and_within_half_an_hour() {
    let fixture = with_listener().await;
    let session = fixture.log_in("ada@example.org").await;
    let ask = async |email: &str| fixture.post("/api/user/v1/password-resets", &json!({"email": email})).await;
    let choose = async |token: &str, password: &str| {
        let path = format!("/api/user/v1/password-resets/{token}");
        fixture.send(fixture.request("PUT", &path).json(&json!({"password": password}))).await
    };
    let (known, unknown) = (ask("ADA@example.org").await, ask("nobody@example.org").await);
    assert_eq!((known.status, unknown.status, &known.body), (202, 202, &unknown.body));
    let token = mails(&fixture, 1).await[0]["token"].as_str().unwrap().to_owned();
    let stored = fixture.sql("SELECT r::text AS value FROM password_resets r").await;
    assert!(stored.len() == 1 && !stored[0].contains(&token));
    assert_eq!(choose(&token, "password").await.status, 422, "and the token is not spent");
    assert_eq!(choose(&token, NEW).await.status, 204);
    let again = choose(&token, "third horse, third stable").await;
    assert_eq!((again.status, again.code()), (404, "invalid_reset_token"));
    assert_eq!(fixture.get_as(session.text("access_token"), SESSIONS).await.status, 401, "every session has ended");
    assert_eq!((try_log_in(&fixture, PASSWORD).await.status, try_log_in(&fixture, NEW).await.status), (401, 201));

    ask("ada@example.org").await;
    let first = mails(&fixture, 2).await[1]["token"].as_str().unwrap().to_owned();
    ask("ada@example.org").await;
    let late = mails(&fixture, 3).await[2]["token"].as_str().unwrap().to_owned();
    assert_eq!(choose(&first, PASSWORD).await.status, 404, "a later mail takes its place");
    fixture.advance(SignedDuration::from_mins(30));
    assert_eq!(choose(&late, PASSWORD).await.status, 404);
}

#[tokio::test]
async fn mails_to_one_account_are_rationed_and_the_answer_does_not_tell() {
    let fixture = with_listener().await;
    fixture.sign_up("ada@example.org").await;
    for _ in 0..10 {
        let reply = fixture.post("/api/user/v1/password-resets", &json!({"email": "ada@example.org"})).await;
        assert_eq!(reply.status, 202);
    }
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(mails(&fixture, 1).await.len() <= 4);
}

/// Enrols a second factor; its secret, its recovery codes.
async fn enrol(fixture: &Fixture, token: &str) -> (TotpSecret, Vec<String>) {
    let path = "/api/user/v1/users/me/mfa/totp";
    let enrolled = send(fixture, "POST", path, token, &json!({})).await;
    assert_eq!((enrolled.status, enrolled.header("cache-control")), (201, "no-store"), "{enrolled:?}");
    assert!(enrolled.text("otpauth_uri").contains(enrolled.text("secret")));
    let secret = TotpSecret::from_bytes(decode_base32(enrolled.text("secret")));
    let confirm = format!("{path}/confirm");
    let wrong = send(fixture, "POST", &confirm, token, &json!({"code": "000000"})).await;
    assert_eq!((wrong.status, wrong.code()), (401, "invalid_code"));
    let code = secret.code(TotpSecret::step_at(fixture.now()));
    let confirmed = send(fixture, "POST", &confirm, token, &json!({"code": code})).await;
    assert_eq!(confirmed.status, 200, "{confirmed:?}");
    let codes = confirmed.body["recovery_codes"].as_array().unwrap();
    (secret, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
}

fn decode_base32(text: &str) -> Vec<u8> {
    let (mut bytes, mut buffer, mut bits) = (Vec::new(), 0_u32, 0);
    for b in text.bytes() {
        let digit = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|c| *c == b).unwrap();
        buffer = (buffer << 5) | u32::try_from(digit).unwrap();
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((buffer >> bits) & 0xff).unwrap());
        }
    }
    bytes
}

#[tokio::test]
async fn with_a_second_factor_the_password_alone_is_not_enough() {
    let fixture = with_listener().await;
    let session = fixture.log_in("ada@example.org").await;
    let (secret, recovery) = enrol(&fixture, session.text("access_token")).await;
    assert_eq!(recovery.len(), 10);
    let dump =
        fixture.sql("SELECT f::text AS value FROM totp_factors f UNION ALL SELECT r::text FROM recovery_codes r").await;
    assert!(dump.iter().all(|row| !row.contains(&recovery[0].replace('-', ""))));
    let answer = async |challenge: &str, code: &str| {
        fixture.post("/api/user/v1/sessions/mfa", &json!({"challenge": challenge, "code": code})).await
    };
    let challenge = async || {
        let reply = try_log_in(&fixture, PASSWORD).await;
        assert_eq!((reply.status, reply.code()), (401, "mfa_required"), "{reply:?}");
        assert!(reply.body.get("access_token").is_none());
        reply.text("challenge").to_owned()
    };
    fixture.advance(SignedDuration::from_secs(60));
    let code = secret.code(TotpSecret::step_at(fixture.now()));
    let first = challenge().await;
    assert_eq!(answer(&first, "000000").await.code(), "invalid_code");
    let signed_in = answer(&first, &code).await;
    assert_eq!(signed_in.status, 201, "{signed_in:?}");
    assert_eq!(answer(&first, &code).await.code(), "invalid_challenge", "a challenge is answered once");
    assert_eq!(answer(&challenge().await, &code).await.code(), "invalid_code", "a code is taken once");
    assert_eq!(answer(&challenge().await, &recovery[3]).await.status, 201);
    assert_eq!(answer(&challenge().await, &recovery[3]).await.code(), "invalid_code", "a recovery code too");
    let late = challenge().await;
    fixture.advance(SignedDuration::from_mins(5));
    assert_eq!(answer(&late, &recovery[4]).await.code(), "invalid_challenge");
    assert_eq!(answer("made up", &recovery[4]).await.code(), "invalid_challenge");

    let guessed = challenge().await;
    for _ in 0..5 {
        assert_eq!(answer(&guessed, "000000").await.code(), "invalid_code");
    }
    assert_eq!(answer(&guessed, &recovery[5]).await.code(), "invalid_challenge", "five guesses are all there are");

    fixture.advance(SignedDuration::from_mins(20));
    let back = answer(&challenge().await, &recovery[6]).await;
    let token = back.text("access_token");
    let path = "/api/user/v1/users/me/mfa/totp";
    assert_eq!(send(&fixture, "POST", path, token, &json!({})).await.code(), "mfa_enrolled");
    fixture.advance(SignedDuration::from_mins(4));
    assert_eq!(send(&fixture, "DELETE", path, token, &json!({})).await.status, 204);
    assert_eq!(send(&fixture, "DELETE", path, token, &json!({})).await.code(), "mfa_not_enrolled");
    assert_eq!(try_log_in(&fixture, PASSWORD).await.status, 201);
    let acts = acts(&fixture, token).await;
    for act in ["second_factor_added", "second_factor_failed", "recovery_code_used", "second_factor_removed"] {
        assert!(acts.iter().any(|known| known == act), "{act}: {acts:?}");
    }
}

/// What ends the challenges of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    Reset,
    Change,
    Disable,
    OtherDevice,
}

#[tokio::test]
async fn who_ends_the_challenges_of_an_account_and_who_answers_one_both_come_to_an_end() {
    use diesel::Connection as _;
    use diesel::connection::SimpleConnection as _;
    for ends in [Ends::Reset, Ends::Change, Ends::Disable, Ends::OtherDevice] {
        let fixture = with_listener().await;
        let session = fixture.log_in("ada@example.org").await;
        let (secret, recovery) = enrol(&fixture, session.text("access_token")).await;
        fixture.post("/api/user/v1/password-resets", &json!({"email": "ada@example.org"})).await;
        let reset = mails(&fixture, 1).await[0]["token"].as_str().unwrap().to_owned();
        let challenge = async || try_log_in(&fixture, PASSWORD).await.text("challenge").to_owned();
        let answer = async |challenge: &str, code: &str| {
            fixture.post("/api/user/v1/sessions/mfa", &json!({"challenge": challenge, "code": code})).await
        };
        let (first, second) = (challenge().await, challenge().await);
        // So that there is a count to stand before, with the challenge in hand.
        assert_eq!(answer(&first, "000000").await.code(), "invalid_code");
        fixture.advance(SignedDuration::from_secs(60));
        let code = secret.code(TotpSecret::step_at(fixture.now()));

        let mut gate = diesel::PgConnection::establish(&fixture.owner_url()).unwrap();
        gate.batch_execute("BEGIN; SELECT FROM throttles FOR UPDATE").unwrap();
        let other = async {
            fixture.until_waiting(1).await;
            match ends {
                Ends::Reset => {
                    let path = format!("/api/user/v1/password-resets/{reset}");
                    fixture.send(fixture.request("PUT", &path).json(&json!({"password": NEW}))).await.status
                }
                Ends::Change => {
                    let body = json!({"current_password": PASSWORD, "new_password": NEW});
                    let path = "/api/user/v1/users/me/password";
                    send(&fixture, "PUT", path, session.text("access_token"), &body).await.status
                }
                Ends::Disable => {
                    let email = rollcall_user::users::domain::EmailAddress::parse("ada@example.org").unwrap();
                    rollcall_user::accounts::disable(fixture.app(), email).await.map_or(500, |_| 204)
                }
                Ends::OtherDevice => answer(&second, &recovery[0]).await.status,
            }
        };
        let open = async {
            fixture.until_waiting(2).await;
            gate.batch_execute("COMMIT").unwrap();
        };
        let (answered, ended, ()) = tokio::join!(answer(&first, &code), other, open);
        assert_eq!(answered.status, 201, "{ends:?}: {answered:?}");
        if ends == Ends::OtherDevice {
            assert_eq!(ended, 401, "one answer is all that is taken");
        } else {
            assert_eq!(ended, 204, "{ends:?}");
            let token = answered.text("access_token");
            assert_eq!(
                fixture.get_as(token, SESSIONS).await.status,
                401,
                "{ends:?}: and the session has ended with it"
            );
        }
        fixture.stop().await;
    }
}

#[tokio::test]
async fn a_reset_password_does_not_pass_by_the_second_factor() {
    let fixture = with_listener().await;
    let session = fixture.log_in("ada@example.org").await;
    enrol(&fixture, session.text("access_token")).await;
    fixture.post("/api/user/v1/password-resets", &json!({"email": "ada@example.org"})).await;
    let token = mails(&fixture, 1).await[0]["token"].as_str().unwrap().to_owned();
    let path = format!("/api/user/v1/password-resets/{token}");
    assert_eq!(fixture.send(fixture.request("PUT", &path).json(&json!({"password": NEW}))).await.status, 204);
    assert_eq!(try_log_in(&fixture, NEW).await.code(), "mfa_required");
}

#[tokio::test]
async fn what_changes_how_one_signs_in_needs_a_session_that_is_fresh() {
    let fixture = Fixture::start().await;
    let session = fixture.log_in("ada@example.org").await;
    fixture.advance(SignedDuration::from_mins(11));
    let session = fixture.refresh(session.text("refresh_token")).await;
    let token = session.text("access_token");
    let api_token = json!({"name": "Gate", "scopes": ["org:read"], "expires_at": "2026-07-01T00:00:00Z"});
    for (method, path, body) in [
        ("POST", "/api/user/v1/users/me/mfa/totp", json!({})),
        ("DELETE", "/api/user/v1/users/me/mfa/totp", json!({})),
        ("POST", "/api/user/v1/api-tokens", api_token),
    ] {
        let reply = send(&fixture, method, path, token, &body).await;
        assert_eq!((reply.status, reply.code()), (403, "sign_in_again"), "{method} {path}");
    }
}

#[tokio::test]
async fn an_api_token_is_shown_once_stored_hashed_and_changes_nothing_of_the_account() {
    let fixture = Fixture::start().await;
    let session = fixture.log_in("ada@example.org").await;
    let token = session.text("access_token");
    let made = fixture.make_api_token(token, &["user:read", "attendance:write"]).await;
    let secret = made.text("token");
    assert!(secret.starts_with("rct_") && made.header("cache-control") == "no-store");
    let dump = fixture.sql("SELECT t::text AS value FROM api_tokens t").await;
    assert!(dump.len() == 1 && !dump[0].contains(secret));
    let list = fixture.get_as(token, "/api/user/v1/api-tokens").await;
    assert_eq!(list.body["items"][0]["name"], "Gate");
    assert!(!list.body.to_string().contains(secret));

    assert_eq!(fixture.get_as(secret, "/api/user/v1/users/me").await.status, 200);
    for (method, path) in [
        ("PATCH", "/api/user/v1/users/me"),
        ("PUT", "/api/user/v1/users/me/password"),
        ("POST", "/api/user/v1/users/me/mfa/totp"),
        ("GET", SESSIONS),
        ("GET", "/api/user/v1/users/me/audit-events"),
        ("GET", "/api/user/v1/api-tokens"),
        ("POST", "/api/user/v1/api-tokens"),
        ("DELETE", "/api/user/v1/sessions/current"),
    ] {
        let body = json!({"name": "x", "current_password": PASSWORD, "new_password": NEW});
        let reply = send(&fixture, method, path, secret, &body).await;
        assert!(reply.status == 403 || reply.status == 400, "{method} {path}: {reply:?}");
        assert_ne!(reply.status, 200, "{method} {path}");
    }
    fixture.advance(SignedDuration::from_hours(24 * 40));
    assert_eq!(fixture.get_as(secret, "/api/user/v1/users/me").await.status, 401, "it has expired");
}

#[tokio::test]
async fn an_api_token_is_asked_for_in_full() {
    let fixture = Fixture::start().await;
    let session = fixture.log_in("ada@example.org").await;
    let bad = json!({"name": " ", "scopes": ["everything"], "expires_at": "2036-07-01T00:00:00Z"});
    let reply = send(&fixture, "POST", "/api/user/v1/api-tokens", session.text("access_token"), &bad).await;
    let pointers: Vec<_> = reply.errors().into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(
        (reply.status, pointers),
        (422, vec!["/name".to_owned(), "/scopes".to_owned(), "/expires_at".to_owned()])
    );
}

#[tokio::test]
async fn every_act_is_kept_and_read_by_whom_it_concerns() {
    let fixture = Fixture::start().await;
    let first = fixture.log_in("ada@example.org").await;
    try_log_in(&fixture, "wrong horse").await;
    let here = fixture.log_in_again("ada@example.org").await;
    let token = here.text("access_token");
    let path = format!("{SESSIONS}/{}", first.text("session_id"));
    send(&fixture, "DELETE", &path, token, &json!({})).await;
    let made = fixture.make_api_token(token, &["org:read"]).await;
    let path = format!("/api/user/v1/api-tokens/{}", made.text("api_token_id"));
    send(&fixture, "DELETE", &path, token, &json!({})).await;
    let change = json!({"current_password": PASSWORD, "new_password": NEW});
    send(&fixture, "PUT", "/api/user/v1/users/me/password", token, &change).await;
    let mut found = acts(&fixture, token).await;
    let mut expected = [
        "account_created",
        "signed_in",
        "sign_in_failed",
        "signed_in",
        "session_ended",
        "api_token_created",
        "api_token_revoked",
        "password_changed",
    ];
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    let page = fixture.get_as(token, "/api/user/v1/users/me/audit-events?limit=3").await;
    let next = page.text("next_cursor");
    let rest = fixture.get_as(token, &format!("/api/user/v1/users/me/audit-events?limit=200&cursor={next}")).await;
    assert_eq!(rest.body["items"].as_array().unwrap().len(), 5);
    let stranger = fixture.log_in("eve@example.org").await;
    assert_eq!(acts(&fixture, stranger.text("access_token")).await.len(), 2, "their own alone");
}
