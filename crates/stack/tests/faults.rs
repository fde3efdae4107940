//! Each fault of a line, as both of its ends feel it.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use rollcall_stack::faults::{Fault, Faults, HttpAnswer, Proxy};
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

/// Longer than anything takes that happens.
const PATIENCE: Duration = Duration::from_secs(5);
/// So long nothing happens where nothing is to happen.
const SILENCE: Duration = Duration::from_millis(300);

/// A line to somebody who says everything back, in capital letters.
struct Stage {
    faults: Faults,
}

impl Stage {
    async fn set() -> Self {
        let mut faults = Faults::new().unwrap();
        faults.add("a", "b", echo().await).unwrap();
        Self { faults }
    }

    fn line(&self) -> &Proxy {
        self.faults.between("a", "b").unwrap()
    }

    fn fault(&self, fault: Fault) {
        self.line().set(fault).unwrap();
    }

    async fn open(&self) -> TcpStream {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.line().port())).await.unwrap()
    }
}

/// The port of somebody who says everything back, in capital letters, and ends when the other side has ended.
async fn echo() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                    let said = buffer[..read].to_ascii_uppercase();
                    if stream.write_all(&said).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

async fn ask(stream: &mut TcpStream, what: &str) -> String {
    stream.write_all(what.as_bytes()).await.unwrap();
    hear(stream, what.len()).await
}

async fn hear(stream: &mut TcpStream, bytes: usize) -> String {
    let mut said = vec![0; bytes];
    timeout(PATIENCE, stream.read_exact(&mut said)).await.unwrap().unwrap();
    String::from_utf8(said).unwrap()
}

async fn is_silent(stream: &mut TcpStream) -> bool {
    timeout(SILENCE, stream.read(&mut [0; 16])).await.is_err()
}

/// Waits for the end of the connection; whether it was a reset.
async fn was_reset(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut rest)).await.unwrap().is_err()
}

#[tokio::test]
async fn without_a_fault_everything_passes_and_so_does_the_end() {
    let stage = Stage::set().await;
    let mut stream = stage.open().await;
    assert_eq!(ask(&mut stream, "hello").await, "HELLO");
    let large = "x".repeat(200_000);
    let (mut from, mut to) = stream.split();
    let sending = async {
        to.write_all(large.as_bytes()).await.unwrap();
        to.shutdown().await.unwrap();
    };
    let mut heard = String::new();
    let (_, ()) = tokio::join!(timeout(PATIENCE, from.read_to_string(&mut heard)), sending);
    assert_eq!(heard.len(), large.len());
    assert_eq!(stage.line().counts().connections, 1);
}

#[tokio::test]
async fn down_refuses_what_is_new_and_resets_what_is_open_until_it_is_over() {
    let stage = Stage::set().await;
    let mut open = stage.open().await;
    assert_eq!(ask(&mut open, "a").await, "A");
    stage.fault(Fault::Down);
    let refused = TcpStream::connect((Ipv4Addr::LOCALHOST, stage.line().port())).await;
    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(was_reset(&mut open).await);
    stage.faults.clear().unwrap();
    assert_eq!(ask(&mut stage.open().await, "b").await, "B");
}

#[tokio::test]
async fn reset_lets_nobody_speak() {
    let stage = Stage::set().await;
    let mut open = stage.open().await;
    assert_eq!(ask(&mut open, "a").await, "A");
    stage.fault(Fault::Reset);
    assert!(was_reset(&mut open).await);
    // Maybe so early that it does not even open.
    let new = TcpStream::connect((Ipv4Addr::LOCALHOST, stage.line().port())).await;
    assert!(match new {
        Ok(mut new) => was_reset(&mut new).await,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    });
}

#[tokio::test]
async fn a_black_hole_takes_everything_and_says_nothing_and_afterwards_it_arrives() {
    let stage = Stage::set().await;
    let mut open = stage.open().await;
    assert_eq!(ask(&mut open, "a").await, "A");
    stage.fault(Fault::BlackHole);
    let mut new = stage.open().await;
    for stream in [&mut open, &mut new] {
        stream.write_all(b"b").await.unwrap();
        assert!(is_silent(stream).await);
    }
    stage.faults.clear().unwrap();
    for stream in [&mut open, &mut new] {
        assert_eq!(hear(stream, 1).await, "B");
    }
}

#[tokio::test]
async fn half_open_kills_what_is_open_for_good_and_nothing_else() {
    let stage = Stage::set().await;
    let mut open = stage.open().await;
    assert_eq!(ask(&mut open, "a").await, "A");
    stage.fault(Fault::HalfOpen);
    assert_eq!(ask(&mut stage.open().await, "b").await, "B");
    stage.faults.clear().unwrap();
    open.write_all(b"c").await.unwrap();
    assert!(is_silent(&mut open).await);
}

#[tokio::test]
async fn slow_delays_what_comes_back_keeps_its_order_and_does_not_add_up() {
    let stage = Stage::set().await;
    let (by, jitter) = (Duration::from_millis(150), Duration::from_millis(100));
    stage.fault(Fault::Slow { by, jitter });
    let mut stream = stage.open().await;
    let started = Instant::now();
    for letter in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        stream.write_all(letter.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(hear(&mut stream, 8).await, "ABCDEFGH");
    let took = started.elapsed();
    assert!(took >= by && took < by * 8, "{took:?}");
}

#[tokio::test]
async fn a_narrow_line_passes_so_much_a_second() {
    let stage = Stage::set().await;
    stage.fault(Fault::Narrow { bytes_per_second: 20_000 });
    let mut stream = stage.open().await;
    let started = Instant::now();
    stream.write_all(&[b'x'; 10_000]).await.unwrap();
    hear(&mut stream, 10_000).await;
    assert!(started.elapsed() >= Duration::from_millis(400), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_slow_close_is_heard_of_later() {
    let stage = Stage::set().await;
    let by = Duration::from_millis(400);
    stage.fault(Fault::SlowClose(by));
    let mut stream = stage.open().await;
    assert_eq!(ask(&mut stream, "a").await, "A");
    let started = Instant::now();
    stream.shutdown().await.unwrap();
    assert!(!was_reset(&mut stream).await);
    assert!(started.elapsed() >= by, "{:?}", started.elapsed());
}

#[tokio::test]
async fn cut_off_leaves_out_the_last_byte_and_ends() {
    let stage = Stage::set().await;
    stage.fault(Fault::CutOff);
    let mut stream = stage.open().await;
    stream.write_all(b"hello").await.unwrap();
    let mut said = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut said)).await.unwrap().unwrap();
    assert_eq!(said, "HELL");
}

#[tokio::test]
async fn answers_are_given_for_the_peer_and_counted_and_the_peer_is_asked_again_afterwards() {
    let stage = Stage::set().await;
    let mut open = stage.open().await;
    assert_eq!(ask(&mut open, "a").await, "A");
    stage.fault(Fault::Answers(HttpAnswer { retry_after: Some(7), ..HttpAnswer::status(429) }));
    assert!(!was_reset(&mut open).await, "it is closed in order");
    let mut stream = stage.open().await;
    stream.write_all(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhel").await.unwrap();
    assert!(is_silent(&mut stream).await, "the request is not whole");
    stream.write_all(b"lo").await.unwrap();
    let mut said = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut said)).await.unwrap().unwrap();
    assert!(said.starts_with("HTTP/1.1 429 ") && said.contains("\r\nRetry-After: 7\r\n"), "{said}");
    assert!(said.ends_with("\r\n\r\n{}"), "{said}");
    assert_eq!(stage.line().counts().answered, 1);
    stage.faults.clear().unwrap();
    assert_eq!(ask(&mut stage.open().await, "b").await, "B");
}

#[tokio::test]
async fn another_target_is_met_by_new_connections() {
    let stage = Stage::set().await;
    let mut open = stage.open().await;
    assert_eq!(ask(&mut open, "a").await, "A");
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    stage.line().point_to(other.local_addr().unwrap());
    let _new = stage.open().await;
    timeout(PATIENCE, other.accept()).await.unwrap().unwrap();
    assert_eq!(ask(&mut open, "a").await, "A");
}

#[test]
fn lines_are_found_by_their_ends() {
    let mut faults = Faults::new().unwrap();
    for (from, to) in [("attendance", "org"), ("org", "user"), ("nginx", "org"), ("org", "postgres")] {
        faults.add(from, to, 9).unwrap();
    }
    assert_eq!((faults.calls().count(), faults.from("org").count(), faults.to("org").count()), (2, 2, 2));
    assert!(faults.between("org", "attendance").is_err());
}
