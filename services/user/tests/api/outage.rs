//! What happens while the database is away.

use crate::support::{Fixture, PASSWORD, ada};
use rollcall_stack::testing::set;
use serde_json::json;
use std::time::{Duration, Instant};

/// Starts without a database: nobody listens at its address.
async fn start() -> Fixture {
    Fixture::with(|settings| {
        set(settings, "database.url", "postgresql://rollcall_user:x@127.0.0.1:9/none");
        set(settings, "database.acquire_timeout_ms", 200);
    })
    .await
}

#[tokio::test]
async fn it_starts_says_so_and_refuses_with_a_time_to_come_again() {
    let fixture = start().await;
    assert_eq!(fixture.request("GET", "/livez").send().await.unwrap().status(), 200);
    assert_eq!(fixture.request("GET", "/readyz").send().await.unwrap().status(), 503);
    let credentials = json!({"email": "ada@example.org", "password": PASSWORD});
    let replies = [
        fixture.post("/api/user/v1/users", &ada()).await,
        fixture.post("/api/user/v1/sessions", &credentials).await,
        fixture.refresh("x").await,
        fixture.get_as("a.b.c", "/api/user/v1/users/me").await,
        fixture.get("/.well-known/jwks.json").await,
    ];
    let codes: Vec<_> = replies.iter().map(|reply| (reply.status, reply.code(), reply.header("retry-after"))).collect();
    let unavailable = (503, "unavailable", "1");
    let not_a_token = (401, "not_signed_in", "");
    assert_eq!(codes, [unavailable, unavailable, unavailable, not_a_token, unavailable]);
    assert_eq!(fixture.get("/.well-known/openid-configuration").await.status, 200, "which needs no database");
}

#[tokio::test]
async fn many_requests_do_not_pile_up() {
    let fixture = start().await;
    let started = Instant::now();
    let replies = futures_util::future::join_all((0..40).map(|_| fixture.refresh("x"))).await;
    assert!(replies.iter().all(|reply| reply.status == 503));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}
