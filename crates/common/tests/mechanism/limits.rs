//! What one caller, and all together, may take.

use crate::Stage;
use rollcall_stack::testing::set;

/// A stage whose sessions and addresses may ask five times at once, and hardly ever again.
async fn stingy() -> Stage {
    Stage::with(|settings| {
        for kind in ["session", "address"] {
            set(settings, &format!("limits.{kind}.per_second"), 1);
            set(settings, &format!("limits.{kind}.burst"), 5);
        }
    })
    .await
}

#[actix_web::test]
async fn who_asks_too_often_is_refused_with_429_and_told_when_to_come_again_and_others_are_not() {
    let stage = stingy().await;
    let token = stage.service.keys.access_token(stage.user).unwrap();
    let ask = |token: String| stage.service.get(&stage.notes()).bearer_auth(token).send();
    let first = ask(token.clone()).await.unwrap();
    assert_eq!(first.headers()["ratelimit-policy"], "\"session\";q=5;w=5");
    assert_eq!(first.headers()["ratelimit"], "\"session\";r=4;t=1");
    for _ in 0..4 {
        assert_eq!(ask(token.clone()).await.unwrap().status(), 200);
    }
    let refused = ask(token).await.unwrap();
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    assert!(refused.headers()["ratelimit"].to_str().unwrap().starts_with("\"session\";r=0;t="));
    let problem: serde_json::Value = refused.json().await.unwrap();
    assert_eq!((&problem["code"], &problem["violated-policies"][0]), (&"too_many_requests".into(), &"session".into()));
    let other = stage.service.keys.access_token(stage.user).unwrap();
    assert_eq!(ask(other).await.unwrap().status(), 200, "another session of the same person");
}

#[actix_web::test]
async fn who_is_not_signed_in_or_makes_up_tokens_counts_by_the_address_that_the_proxy_names() {
    let stage = stingy().await;
    let ask = |token: &str, address: &str| {
        let request = stage.service.get(&stage.notes()).header("X-Forwarded-For", address);
        let request = if token.is_empty() { request } else { request.bearer_auth(token) };
        async { request.send().await.unwrap().status().as_u16() }
    };
    for number in 0..5 {
        assert_eq!(ask(if number % 2 == 0 { "" } else { "made-up" }, "203.0.113.7").await, 401);
    }
    assert_eq!((ask("", "203.0.113.7").await, ask("made-up", "203.0.113.7").await), (429, 429));
    assert_eq!(ask("", "203.0.113.8").await, 401);
    let token = stage.service.keys.access_token(stage.user).unwrap();
    assert_eq!(ask(&token, "203.0.113.7").await, 200, "who is signed in does not pay for the address");
}

#[actix_web::test]
async fn neither_a_header_nor_a_path_leads_around_the_limit_of_an_address() {
    let stage = stingy().await;
    for (path, authorization, address) in [
        // Nobody asks there who it is from.
        ("/echo", "Bearer made-up", "203.0.113.1"),
        ("/echo", "Basic x", "203.0.113.2"),
        ("/nothing/health", "", "203.0.113.3"),
        ("/nothing", "Bearer made-up", "203.0.113.4"),
    ] {
        let ask = || async {
            let mut request = stage.service.post(path).header("X-Forwarded-For", address);
            if !authorization.is_empty() {
                request = request.header("Authorization", authorization);
            }
            request.json(&serde_json::json!({ "text": "x" })).send().await.unwrap().status().as_u16()
        };
        let mut answers = Vec::new();
        for _ in 0..8 {
            answers.push(ask().await);
        }
        assert!(answers[..5].iter().all(|status| *status != 429), "{path} {authorization}: {answers:?}");
        assert_eq!(answers[6..], [429, 429], "{path} {authorization}: {answers:?}");
    }
    let token = stage.service.keys.access_token(stage.user).unwrap();
    let known = || {
        let request = stage.service.post("/echo").header("X-Forwarded-For", "203.0.113.1").bearer_auth(&token);
        async { request.json(&serde_json::json!({ "text": "x" })).send().await.unwrap().status().as_u16() }
    };
    for _ in 0..5 {
        assert_eq!(known().await, 200, "who is signed in does not pay for the address");
    }
    assert_eq!(known().await, 429, "but for themselves");
}

#[actix_web::test]
async fn beyond_the_limit_of_requests_under_way_the_next_is_refused_at_once_and_health_is_still_told() {
    let stage = Stage::with(|settings| {
        set(settings, "limits.in_flight_least", 2);
        set(settings, "limits.in_flight_most", 2);
    })
    .await;
    let hang = || stage.service.get("/hangs").header("Request-Deadline-Ms", "1000").send();
    let meanwhile = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let refused = stage.service.get("/slow").send().await.unwrap();
        assert_eq!(refused.status(), 503);
        assert!(refused.headers().contains_key("retry-after"));
        for path in ["/livez", "/readyz", "/api/org/health", "/internal/metrics"] {
            assert_eq!(stage.service.get(path).send().await.unwrap().status(), 200, "{path}");
        }
    };
    let (one, other, ()) = tokio::join!(hang(), hang(), meanwhile);
    assert_eq!((one.unwrap().status().as_u16(), other.unwrap().status().as_u16()), (504, 504));
    assert_eq!(stage.service.get("/slow").send().await.unwrap().status(), 204);
}

#[actix_web::test]
async fn work_whose_caller_has_gone_is_not_begun() {
    let stage = Stage::with(|settings| set(settings, "database.max_connections", 1)).await;
    let add = |text: &'static str, deadline: &'static str| {
        let request = stage.service.as_user(stage.user).post(&stage.notes()).header("Request-Deadline-Ms", deadline);
        request.json(&serde_json::json!({ "text": text })).send()
    };
    assert_eq!(add("too late", "0").await.unwrap().status(), 504);
    // The one connection is held for half a second; the second has gone by then.
    let (slow, gone) = tokio::join!(stage.service.get("/slow").send(), async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        add("gone", "200").await
    });
    assert_eq!(slow.unwrap().status(), 204);
    assert!(matches!(gone.unwrap().status().as_u16(), 503 | 504));
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(stage.listed().await.is_empty());
}
