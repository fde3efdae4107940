//! An endpoint of a webhook that behaves as it is told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What it does with a request that it has read.
#[derive(Clone, Debug)]
pub(crate) enum Behaviour {
    /// Answers with this status and these lines of headers.
    Answers(u16, &'static str),
    /// Answers with this status after a while.
    AnswersLate(u16, Duration),
    /// Never answers.
    Hangs,
    /// Closes the connection.
    Closes,
    /// Answers 200 and a body of 100 MB.
    Floods,
    /// Answers 302 to this address.
    Redirects(String),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Taken {
    pub(crate) fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }
}

/// It, on a free port.
pub(crate) struct Endpoint {
    pub(crate) url: String,
    behaviour: Arc<Mutex<Behaviour>>,
    taken: Arc<Mutex<Vec<Taken>>>,
    /// Bytes of a flood that were taken from it.
    pub(crate) poured: Arc<AtomicUsize>,
}

impl Endpoint {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://127.0.0.1:{}/hook?key=s3cret", listener.local_addr().unwrap().port());
        let endpoint =
            Self { url, behaviour: Arc::new(Mutex::new(behaviour)), taken: Arc::default(), poured: Arc::default() };
        let (behaviour, taken) = (Arc::clone(&endpoint.behaviour), Arc::clone(&endpoint.taken));
        let poured = Arc::clone(&endpoint.poured);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, Arc::clone(&behaviour), Arc::clone(&taken), Arc::clone(&poured)));
            }
        });
        endpoint
    }

    pub(crate) fn now(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    /// Waits until it was sent so many requests; answers them.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Taken> {
        let waited = tokio::time::timeout(crate::support::PATIENCE, async {
            while self.taken().len() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        assert!(waited.await.is_ok(), "{} requests, not {count}", self.taken().len());
        self.taken()
    }
}

async fn serve(
    connection: TcpStream,
    behaviour: Arc<Mutex<Behaviour>>,
    taken: Arc<Mutex<Vec<Taken>>>,
    poured: Arc<AtomicUsize>,
) -> Option<()> {
    let (input, mut output) = connection.into_split();
    let mut input = BufReader::new(input);
    loop {
        let mut headers = BTreeMap::new();
        let mut line = String::new();
        input.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        loop {
            line.clear();
            input.read_line(&mut line).await.ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
        input.read_exact(&mut body).await.ok()?;
        taken.lock().unwrap().push(Taken { headers, body: String::from_utf8(body).ok()? });
        let behaviour = behaviour.lock().unwrap().clone();
        let head = match behaviour {
            Behaviour::Answers(status, headers) => {
                format!("HTTP/1.1 {status} X\r\nSet-Cookie: a=secret\r\n{headers}Content-Length: 5\r\n\r\ndone\0")
            }
            Behaviour::AnswersLate(status, after) => {
                tokio::time::sleep(after).await;
                format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n")
            }
            Behaviour::Redirects(to) => format!("HTTP/1.1 302 X\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"),
            Behaviour::Hangs => std::future::pending().await,
            Behaviour::Closes => return None,
            Behaviour::Floods => {
                output.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n").await.ok()?;
                let wave = vec![b'x'; 100_000];
                for _ in 0..1_000 {
                    output.write_all(&wave).await.ok()?;
                    poured.fetch_add(100_000, Ordering::Relaxed);
                }
                continue;
            }
        };
        output.write_all(head.as_bytes()).await.ok()?;
    }
}
