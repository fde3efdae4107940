//! The real binary.

use crate::support::{Fixture, PASSWORD};
use rollcall_stack::testing::set;
use serde_json::json;

#[tokio::test]
async fn nothing_personal_and_no_secret_reaches_the_log() {
    let fixture = Fixture::start().await;
    let mut process = fixture.process(|settings| set(settings, "telemetry.log", "debug")).await;
    let session = process.log_in("Canary.Bird@example.org").await;
    let token = session.text("access_token");
    let next = process.refresh(session.text("refresh_token")).await;
    let wrong = json!({"email": "canary.bird@example.org", "password": "wrong-password-typed"});
    process.post("/api/user/v1/sessions", &wrong).await;
    process.post("/api/user/v1/sessions", &json!({"email": "not-an-address-typed", "password": 7})).await;
    process
        .post("/api/user/v1/users", &json!({"email": "canary.bird@example.org", "password": PASSWORD, "name": "Again"}))
        .await;
    process.get_as(token, "/api/user/v1/users/me").await;
    process.get_as("forged-token-typed", "/api/user/v1/users/me").await;
    assert!(process.terminate().await, "it ends well when it is asked to");

    let log = process.log();
    let lines = log.lines().filter(|line| line.contains("/api/user/v1/")).count();
    assert!(lines >= 8, "each request has its line:\n{log}");
    let secrets = [
        "canary",
        "Canary",
        "Lovelace",
        PASSWORD,
        "wrong-password-typed",
        "not-an-address-typed",
        "forged-token-typed",
        "argon2id",
        token,
        session.text("refresh_token"),
        next.text("refresh_token"),
    ];
    for secret in secrets {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn two_hundred_logins_at_once_are_answered_or_refused_and_the_rest_stays_quick() {
    let fixture = Fixture::start().await;
    // Each of them has a right password: what slows guesses down has its own tests.
    let process = fixture
        .process(|settings| {
            set(settings, "throttling.account.free", 10_000);
            set(settings, "throttling.address.free", 10_000);
        })
        .await;
    let session = process.log_in("ada@example.org").await;
    let credentials = json!({"email": "ada@example.org", "password": PASSWORD});
    let logins = (0..200).map(|_| process.post("/api/user/v1/sessions", &credentials));
    let (logins, peak) = tokio::join!(futures_util::future::join_all(logins), async {
        let mut peak = 0;
        for _ in 0..20 {
            assert_eq!(process.get_as(session.text("access_token"), "/api/user/v1/users/me").await.status, 200);
            peak = peak.max(process.resident_mib());
        }
        peak
    });
    for reply in &logins {
        let refused = reply.status == 503 && reply.header("retry-after") == "1";
        assert!(reply.status == 201 || refused, "{reply:?}");
    }
    assert!(logins.iter().any(|reply| reply.status == 201));
    // Two hashes work in 19 MiB each; the process itself takes about 40.
    assert!(peak < 150, "{peak} MiB");
}
