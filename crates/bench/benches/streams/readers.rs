//! The client: many streams of Server-Sent Events over plain TCP, each read with a small buffer. A message carries the
//! time at which it was sent, so whoever reads it knows how long it took.

use anyhow::{Context as _, Result, ensure};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

/// Connections that are opened side by side.
const SIDE_BY_SIDE: usize = 128;
/// Bytes read at once.
const BUFFER: usize = 2048;
/// Around the time in a message.
const MARK: &str = "~@";

/// The clock of a run: microseconds since it began.
#[derive(Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    fn now(self) -> u64 {
        self.0.elapsed().as_micros().try_into().unwrap_or(u64::MAX)
    }

    /// Text for a message that is sent now.
    pub(crate) fn mark(self) -> String {
        format!("{MARK}{}{MARK}", self.now())
    }
}

/// How long messages took to arrive, in microseconds.
#[derive(Clone, Default)]
struct Arrivals(Arc<Mutex<Vec<u64>>>);

/// Open streams, which are read until this is dropped.
pub(crate) struct Readers {
    tasks: Vec<JoinHandle<()>>,
    arrivals: Arrivals,
}

impl Readers {
    /// Opens a stream for each request.
    pub(crate) async fn open(address: SocketAddr, requests: Vec<String>, clock: Clock) -> Result<Self> {
        let arrivals = Arrivals::default();
        let (mut opening, mut streams) = (JoinSet::new(), Vec::with_capacity(requests.len()));
        for request in requests {
            if opening.len() >= SIDE_BY_SIDE {
                streams.push(opening.join_next().await.context("some are opening")???);
            }
            opening.spawn(open(address, request));
        }
        while let Some(opened) = opening.join_next().await {
            streams.push(opened??);
        }
        let read = |(stream, rest)| tokio::spawn(read(stream, rest, clock, arrivals.clone()));
        let tasks = streams.into_iter().map(read).collect();
        Ok(Self { tasks, arrivals })
    }

    /// Waits until so many messages have arrived since the last time, and answers how long each took, sorted.
    pub(crate) async fn taken(&self, messages: usize, patience: Duration) -> Result<Vec<Duration>> {
        let deadline = Instant::now() + patience;
        loop {
            let arrived = self.arrivals.0.lock().unwrap_or_else(PoisonError::into_inner).len();
            if arrived >= messages {
                break;
            }
            ensure!(Instant::now() < deadline, "{arrived} of {messages} messages arrived");
            ensure!(!self.tasks.iter().any(JoinHandle::is_finished), "a stream ended");
            sleep(Duration::from_millis(10)).await;
        }
        // One that came twice would come now.
        sleep(Duration::from_millis(500)).await;
        let mut took = std::mem::take(&mut *self.arrivals.0.lock().unwrap_or_else(PoisonError::into_inner));
        ensure!(took.len() == messages, "{} messages arrived, not {messages}", took.len());
        took.sort_unstable();
        Ok(took.into_iter().map(Duration::from_micros).collect())
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn open(address: SocketAddr, request: String) -> Result<(TcpStream, Vec<u8>)> {
    let opening = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        loop {
            ensure!(stream.read_buf(&mut head).await? > 0, "closed before an answer");
            if let Some(at) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                let text = String::from_utf8_lossy(&head[..at]).into_owned();
                ensure!(text.starts_with("HTTP/1.1 200"), "no stream: {text}");
                return Ok((stream, head.split_off(at + 4)));
            }
        }
    };
    timeout(Duration::from_secs(20), opening).await.context("a stream did not open in time")?
}

async fn read(mut stream: TcpStream, mut text: Vec<u8>, clock: Clock, arrivals: Arrivals) {
    let mut last = None;
    let mut buffer = Box::new([0; BUFFER]);
    loop {
        while let Some((sent, end)) = find(&text) {
            // A message says it more than once, in its title and in its text.
            if last.replace(sent) != Some(sent) {
                let took = clock.now().saturating_sub(sent);
                arrivals.0.lock().unwrap_or_else(PoisonError::into_inner).push(took);
            }
            text.drain(..end);
        }
        // The beginning of a mark may be at the end of what was read.
        let keep = text.iter().rposition(|byte| *byte == b'~').filter(|at| text.len() - at < 32);
        text.drain(..keep.unwrap_or(text.len()));
        match stream.read(&mut buffer[..]).await {
            Ok(read) if read > 0 => text.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
}

/// The first whole mark, and where it ends.
fn find(text: &[u8]) -> Option<(u64, usize)> {
    let mark = MARK.as_bytes();
    let mut from = 0;
    loop {
        let begin = from + text[from..].windows(mark.len()).position(|two| two == mark)? + mark.len();
        let digits = text[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits > 0 && text[begin + digits..].starts_with(mark) {
            let sent = std::str::from_utf8(&text[begin..begin + digits]).ok()?.parse().ok()?;
            return Some((sent, begin + digits + mark.len()));
        }
        if begin + digits + mark.len() > text.len() {
            return None;
        }
        from = begin;
    }
}
