//! Calls to other services.

use crate::Stage;
use rollcall_stack::testing::set;
use std::time::{Duration, Instant};
use wiremock::matchers::{any, header_exists, method, path};
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
        (ResponseTemplate::new(401), 503),
        (ResponseTemplate::new(403), 503),
        (ResponseTemplate::new(409), 500),
        (ResponseTemplate::new(200).set_body_string("not json"), 503),
        (ResponseTemplate::new(302), 503),
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

/// How a stage answers `/asks/get` so many times.
async fn ask(stage: &Stage, times: usize) -> Vec<u16> {
    let mut answers = Vec::new();
    for _ in 0..times {
        answers.push(stage.service.get("/asks/get").send().await.unwrap().status().as_u16());
    }
    answers
}

async fn requests(peer: &MockServer) -> usize {
    peer.received_requests().await.unwrap().len()
}

#[actix_web::test]
async fn a_peer_that_fails_is_left_alone_and_asked_again_seconds_later() {
    let peer = MockServer::start().await;
    let failing = Mock::given(any()).respond_with(ResponseTemplate::new(500)).mount_as_scoped(&peer).await;
    let stage = with_peer(&peer.uri()).await;
    assert_eq!(ask(&stage, 20).await, [503; 20]);
    assert_eq!(failing.received_requests().await.len(), 7, "from the seventh failure on it is left alone");
    drop(failing);
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(1)).mount(&peer).await;
    let since = Instant::now();
    crate::eventually("well again", || async { (ask(&stage, 1).await == [200]).then_some(()) }).await;
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    let metrics = stage.service.get("/internal/metrics").send().await.unwrap().text().await.unwrap();
    for line in [
        "calls_total{peer=\"user\",outcome=\"unavailable\"}",
        "call_attempts_total{peer=\"user\"",
        "call_breaker_state",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[actix_web::test]
async fn when_everything_fails_the_peer_sees_a_fifth_more_and_ten_a_second() {
    let peer = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(503)).mount(&peer).await;
    let url = peer.uri();
    let stage = Stage::with(|settings| {
        set(settings, "peers.user.url", url);
        set(settings, "calls.breaker_failures", 1_000_000);
        set(settings, "calls.breaker_calls", 1_000_000);
        set(settings, "calls.in_flight", 1_000_000);
    })
    .await;
    let started = Instant::now();
    for _ in 0..10 {
        futures_util::future::join_all((0..50).map(|_| ask(&stage, 1))).await;
    }
    // The ten of a second may be spent at its end and at the beginning of the next.
    let allowed = 500.0 * 1.2 + 10.0 * (started.elapsed().as_secs_f64() + 2.0);
    let seen = u32::try_from(requests(&peer).await).unwrap();
    assert!(seen > 500 && f64::from(seen) <= allowed, "{seen} requests for 500 calls, {allowed} allowed");
}

#[actix_web::test]
async fn with_several_instances_the_one_that_is_away_costs_no_call() {
    let peer = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(1)).mount(&peer).await;
    let url = peer.uri();
    let stage = Stage::with(|settings| {
        set(settings, "peers.user.url", "http://127.0.0.1:1");
        set(settings, "peers.user.urls", url);
        // Every call that meets the one that is away needs a repetition until it is found out.
        set(settings, "calls.budget_per_second", 100);
    })
    .await;
    assert_eq!(ask(&stage, 30).await, [200; 30]);
    assert_eq!(requests(&peer).await, 30);
}

#[actix_web::test]
async fn a_wait_that_the_peer_asks_for_is_kept() {
    let peer = MockServer::start().await;
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "1");
    Mock::given(any()).respond_with(busy).up_to_n_times(1).mount(&peer).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(1)).mount(&peer).await;
    let stage = with_peer(&peer.uri()).await;
    let started = Instant::now();
    assert_eq!(ask(&stage, 1).await, [200]);
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
}

#[actix_web::test]
async fn an_answer_that_is_too_large_is_not_read_to_its_end() {
    let peer = MockServer::start().await;
    let large = ResponseTemplate::new(200).set_body_json("x".repeat(2 << 20));
    Mock::given(any()).respond_with(large).mount(&peer).await;
    let stage = with_peer(&peer.uri()).await;
    assert_eq!(ask(&stage, 1).await, [503]);
    assert_eq!(requests(&peer).await, 1, "asking again would not make it smaller");
    let url = peer.uri();
    let stage = Stage::with(|settings| {
        set(settings, "peers.user.url", url);
        set(settings, "peers.user.calls.response_limit_bytes", 4 << 20);
    })
    .await;
    assert_eq!(ask(&stage, 1).await, [200], "one peer may say more than the others");
}

#[actix_web::test]
async fn an_answer_that_is_cut_off_is_asked_for_again() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stage = with_peer(&format!("http://{}", listener.local_addr().unwrap())).await;
    let peer = tokio::spawn(async move {
        for body in ["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n4", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n42"]
        {
            let (mut connection, _) = listener.accept().await.unwrap();
            let _ = connection.read(&mut [0; 4096]).await.unwrap();
            connection.write_all(body.as_bytes()).await.unwrap();
        }
    });
    let answer = stage.service.get("/asks/get").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap()), (200, "42".to_owned()));
    peer.await.unwrap();
}

#[actix_web::test]
async fn a_peer_that_is_down_is_a_503_at_once() {
    let stage = with_peer("http://127.0.0.1:1").await;
    let started = Instant::now();
    assert_eq!(stage.service.get("/asks/get").send().await.unwrap().status(), 503);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}
