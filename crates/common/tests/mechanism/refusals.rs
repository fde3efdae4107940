//! What bad input and failures are answered with.

use crate::Stage;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use std::time::{Duration, Instant};

async fn problem(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["request_id"], id.as_str());
    assert_eq!(body["status"], status);
    (status, body)
}

#[actix_web::test]
async fn bad_bodies_are_named() {
    let stage = Stage::set().await;
    let json = "application/json";
    let large = format!("{{\"text\":\"{}\"}}", "x".repeat(1 << 20));
    for (content_type, body, status, code, pointer) in [
        (json, "{", 400, "malformed_input", ""),
        (json, "", 400, "malformed_input", ""),
        (json, r#"{"text":7}"#, 400, "malformed_input", "/text"),
        (json, r#"{"text":"a","colour":1}"#, 400, "malformed_input", "/colour"),
        (json, "{}", 400, "malformed_input", ""),
        ("text/plain", r#"{"text":"a"}"#, 415, "unsupported_media_type", ""),
        (json, &large, 413, "too_large", ""),
    ] {
        let request = stage.service.post("/echo").header(CONTENT_TYPE, content_type).body(body.to_owned());
        let (got, problem) = problem(request.send().await.unwrap()).await;
        assert_eq!((got, problem["code"].as_str().unwrap()), (status, code), "{body:.40}");
        if !pointer.is_empty() {
            assert_eq!(problem["errors"][0]["pointer"], pointer);
        }
    }
}

#[actix_web::test]
async fn what_the_server_answers_by_itself_is_a_problem_too() {
    let stage = Stage::set().await;
    let (status, body) = problem(stage.service.get("/nowhere").send().await.unwrap()).await;
    assert_eq!((status, body["code"].as_str().unwrap()), (404, "not_found"));
    let (status, _) = problem(stage.service.get("/echo").send().await.unwrap()).await;
    assert!(status == 404 || status == 405, "{status}");
}

#[actix_web::test]
async fn a_panic_is_a_500_that_tells_nothing_and_the_next_request_is_served() {
    let stage = Stage::set().await;
    let (status, body) = problem(stage.service.get("/panics").send().await.unwrap()).await;
    assert_eq!((status, body["code"].as_str().unwrap()), (500, "internal"));
    assert!(!body.to_string().contains("sesame"));
    assert_eq!(stage.service.get("/livez").send().await.unwrap().status(), 200);
}

#[actix_web::test]
async fn a_request_ends_at_its_deadline() {
    let stage = Stage::set().await;
    let started = Instant::now();
    let answer = stage.service.get("/hangs").header("Request-Deadline-Ms", "200").send().await.unwrap();
    let (status, body) = problem(answer).await;
    assert_eq!((status, body["code"].as_str().unwrap()), (504, "deadline_exceeded"));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[actix_web::test]
async fn a_client_s_request_id_is_kept() {
    let stage = Stage::set().await;
    let answer = stage.service.get("/nowhere").header("X-Request-Id", "mine-12345").send().await.unwrap();
    let (_, body) = problem(answer).await;
    assert_eq!(body["request_id"], "mine-12345");
}

#[actix_web::test]
async fn health_says_what_it_is_and_metrics_count_requests() {
    let stage = Stage::set().await;
    assert_eq!(stage.service.get("/readyz").send().await.unwrap().status(), 200);
    let health: Value = stage.service.get("/api/org/health").send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&health["status"], &health["service"], &health["checks"]["database"]),
        (&"ok".into(), &"org".into(), &"ok".into())
    );
    stage.service.request(reqwest::Method::from_bytes(b"MADEUP").unwrap(), "/livez").send().await.unwrap();
    let metrics = stage.service.get("/internal/metrics").send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("http_requests_total") && metrics.contains("/readyz"), "{metrics}");
    assert!(
        !metrics.contains("MADEUP") && metrics.contains("method=\"other\""),
        "a label is what a client sent: {metrics}"
    );
}

#[actix_web::test]
async fn the_public_description_tells_nothing_of_the_inside() {
    use crate::probe::Probe;
    use rollcall_common::server::{openapi, openapi_with_internal};
    let inside = serde_json::to_value(openapi_with_internal::<Probe>()).unwrap();
    assert!(inside["paths"]["/internal/v1/events"].is_object());
    assert!(inside["components"]["schemas"]["CloudEvent"].is_object());
    let public = serde_json::to_value(openapi::<Probe>()).unwrap();
    assert!(!public.to_string().contains("/internal/"));
    assert!(public["components"]["schemas"]["CloudEvent"].is_null());
    assert!(public["paths"]["/echo"].is_object() && public["components"]["schemas"]["Note"].is_object());
}
