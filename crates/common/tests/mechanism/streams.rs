//! Connections that carry a stream and nothing else.

use crate::{Stage, eventually};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(10);

impl Stage {
    /// A request for the stream, with these lines in its head.
    fn request(&self, path: &str, lines: &str) -> String {
        let token = self.service.keys.access_token(self.user).unwrap();
        format!("GET {path} HTTP/1.1\r\nHost: probe\r\nAuthorization: Bearer {token}\r\n{lines}\r\n")
    }

    /// Sends these on a new connection, each in a packet of its own.
    async fn send(&self, packets: &[&str]) -> TcpStream {
        let mut connection = TcpStream::connect(self.service.base_url.trim_start_matches("http://")).await.unwrap();
        connection.set_nodelay(true).unwrap();
        for packet in packets {
            connection.write_all(packet.as_bytes()).await.unwrap();
            sleep(Duration::from_millis(50)).await;
        }
        connection
    }

    async fn wait_for_open(&self, count: usize) {
        let open = &self.service.app().open;
        eventually("streams", async || (open.load(Ordering::SeqCst) == count).then_some(())).await;
    }
}

/// What has come when `end` has.
async fn read_until(connection: &mut TcpStream, end: &str) -> String {
    let mut text = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&text).contains(end) {
            assert!(connection.read_buf(&mut text).await.unwrap() > 0, "ended: {}", String::from_utf8_lossy(&text));
        }
    };
    timeout(PATIENCE, reading).await.unwrap();
    String::from_utf8(text).unwrap()
}

/// What comes until the server closes.
async fn read_to_end(connection: &mut TcpStream) -> String {
    let mut text = String::new();
    timeout(PATIENCE, connection.read_to_string(&mut text)).await.unwrap().unwrap();
    text
}

#[tokio::test]
async fn a_stream_is_answered_whichever_way_its_request_comes() {
    let stage = Stage::set().await;
    let whole = stage.request("/ticks", "");
    let (first, second) = whole.split_at(30);
    let upgrade = stage.request("/ticks", "Connection: upgrade\r\nUpgrade: h2c\r\n");
    let length = stage.request("/ticks", "Content-Length: 0\r\n");
    let unasked = stage.request("/ticks", "") + "GET /livez HTTP/1.1\r\nHost: probe\r\n\r\n";
    let mut open = Vec::new();
    for packets in [&[whole.as_str()][..], &[first, second], &[&upgrade], &[&length], &[&unasked]] {
        let mut connection = stage.send(packets).await;
        let answer = read_until(&mut connection, "\r\n4\r\ntick\r\n").await.to_lowercase();
        assert!(answer.starts_with("http/1.1 200 ok\r\n"), "{answer}");
        assert!(answer.contains("transfer-encoding: chunked") && answer.contains("x-request-id: "), "{answer}");
        open.push(connection);
        stage.wait_for_open(open.len()).await;
    }
}

#[tokio::test]
async fn a_client_that_closes_its_side_is_gone_before_anything_is_sent_to_it() {
    let stage = Stage::set().await;
    let mut connection = stage.send(&[&stage.request("/ticks", "")]).await;
    read_until(&mut connection, "tick\r\n").await;
    stage.wait_for_open(1).await;
    connection.shutdown().await.unwrap();
    stage.wait_for_open(0).await;
    let mut connection = stage.send(&[&stage.request("/ticks", "")]).await;
    read_until(&mut connection, "tick\r\n").await;
    drop(connection);
    stage.wait_for_open(0).await;
}

#[tokio::test]
async fn what_a_client_says_after_its_request_is_not_heard() {
    let stage = Stage::set().await;
    let mut connection = stage.send(&[&stage.request("/ticks", "")]).await;
    read_until(&mut connection, "tick\r\n").await;
    connection.write_all(b"GET /livez HTTP/1.1\r\nHost: probe\r\n\r\n").await.unwrap();
    let silence = timeout(Duration::from_millis(300), connection.read_u8()).await;
    assert!(silence.is_err(), "{silence:?}");
    assert_eq!(stage.service.app().open.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn the_end_of_a_stream_is_the_end_of_its_connection() {
    let stage = Stage::set().await;
    let mut connection = stage.send(&[&stage.request("/ticks?end", "")]).await;
    let answer = read_to_end(&mut connection).await;
    assert!(answer.to_lowercase().contains("connection: close\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n4\r\ntick\r\n0\r\n\r\n"), "{answer}");
    stage.wait_for_open(0).await;
}

#[tokio::test]
async fn a_refusal_is_a_problem_like_any_other() {
    let stage = Stage::set().await;
    let stranger = "GET /ticks HTTP/1.1\r\nHost: probe\r\n\r\n";
    let mut connection = stage.send(&[stranger]).await;
    let answer = read_to_end(&mut connection).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.contains("application/problem+json") && answer.contains(r#""code":"#), "{answer}");
    // What cannot be decoded is refused by whoever refuses it everywhere.
    let mut connection = stage.send(&["GET /ticks HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"]).await;
    let answer = read_to_end(&mut connection).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}
