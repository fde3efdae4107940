//! Calls to other services.

use crate::Stage;
use rollcall_stack::testing::set;
use std::time::{Duration, Instant};
use wiremock::matchers::{header_exists, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn with_peer(peer: &str) -> Stage {
    let url = peer.to_owned();
    Stage::with(|settings| set(settings, "peers.user.url", url)).await
}

#[actix_web::test]
async fn a_read_is_repeated_until_the_peer_is_well_and_carries_token_deadline_and_request_id() {
    let peer = MockServer::start().await;
    Mock::given(path("/thing")).respond_with(ResponseTemplate::new(503)).up_to_n_times(2).mount(&peer).await;
    Mock::given(path("/thing"))
        .and(header_exists("authorization"))
        .and(header_exists("request-deadline-ms"))
        .and(header_exists("x-request-id"))
        .respond_with(ResponseTemplate::new(200).set_body_json(7))
        .mount(&peer)
        .await;
    let stage = with_peer(&peer.uri()).await;
    let answer = stage.service.get("/asks/get").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap()), (200, "7".to_owned()));
    assert_eq!(peer.received_requests().await.unwrap().len(), 3);
}

#[actix_web::test]
async fn a_post_with_a_key_is_repeated_and_keeps_its_key() {
    let peer = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(502)).up_to_n_times(1).mount(&peer).await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(201).set_body_json(1)).mount(&peer).await;
    let stage = with_peer(&peer.uri()).await;
    assert_eq!(stage.service.get("/asks/post").send().await.unwrap().status(), 200);
    let keys: Vec<_> =
        peer.received_requests().await.unwrap().iter().map(|r| r.headers["idempotency-key"].clone()).collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
}

#[actix_web::test]
async fn answers_of_a_peer_are_told_apart() {
    for (answer, expected) in [
        (ResponseTemplate::new(404), 404),
        (ResponseTemplate::new(403), 500),
        (ResponseTemplate::new(200).set_body_string("not json"), 500),
        (ResponseTemplate::new(503), 503),
        (ResponseTemplate::new(500), 503),
    ] {
        let peer = MockServer::start().await;
        Mock::given(path("/thing")).respond_with(answer).mount(&peer).await;
        let stage = with_peer(&peer.uri()).await;
        assert_eq!(stage.service.get("/asks/get").send().await.unwrap().status(), expected);
    }
}

#[actix_web::test]
async fn a_peer_that_does_not_answer_costs_no_more_than_the_deadline() {
    let peer = MockServer::start().await;
    let hang = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(path("/thing")).respond_with(hang).mount(&peer).await;
    let stage = with_peer(&peer.uri()).await;
    let started = Instant::now();
    let answer = stage.service.get("/asks/get").header("Request-Deadline-Ms", "600").send().await.unwrap();
    assert!(matches!(answer.status().as_u16(), 503 | 504), "{}", answer.status());
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[actix_web::test]
async fn a_peer_that_is_down_is_a_503_at_once() {
    let stage = with_peer("http://127.0.0.1:1").await;
    let started = Instant::now();
    assert_eq!(stage.service.get("/asks/get").send().await.unwrap().status(), 503);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}
