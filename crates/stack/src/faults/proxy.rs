//! One line: it listens where its users look for the other end, and passes on what comes, as its fault lets it.

use super::Fault;
use super::answer::{self, HttpAnswer};
use super::line::{self, Condition, Line};
use crate::ports;
use anyhow::{Context as _, Result, ensure};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::sleep;

/// How long a new fault may take to be felt, and a port to be had again.
const PATIENCE: Duration = Duration::from_secs(5);
/// A port that was free may be taken a moment later.
const PORT_TRIES: u32 = 4;

/// A line with a proxy on it. Dropped, it ends with all that is open on it.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    conditions: watch::Sender<Condition>,
    shared: Arc<Shared>,
}

/// What a line has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were made to it.
    pub connections: u64,
    /// Requests that [`Fault::Answers`] answered.
    pub answered: u64,
}

#[derive(Debug)]
pub(super) struct Shared {
    target: Mutex<SocketAddr>,
    connections: AtomicU64,
    pub(super) answered: AtomicU64,
    /// Number of the condition that is felt.
    felt: Mutex<u64>,
    feels: Condvar,
}

impl Proxy {
    /// Listens on a free port and passes everything to `target`.
    pub fn start(runtime: &Handle, target: SocketAddr) -> Result<Self> {
        let mut tries = 0;
        let (port, listener) = loop {
            let port = ports::free()?;
            match std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                Ok(listener) => break (port, listener),
                Err(_) if tries < PORT_TRIES => tries += 1,
                Err(error) => return Err(error).context("a port for a proxy"),
            }
        };
        listener.set_nonblocking(true)?;
        let shared = Arc::new(Shared {
            target: Mutex::new(target),
            connections: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            felt: Mutex::new(0),
            feels: Condvar::new(),
        });
        let (conditions, felt) = watch::channel(Condition::default());
        let entered = runtime.enter();
        let listener = TcpListener::from_std(listener)?;
        drop(entered);
        runtime.spawn(listen(port, listener, felt, Arc::clone(&shared)));
        Ok(Self { port, conditions, shared })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What is wrong with the line from now on. When this returns, new connections feel it.
    pub fn set(&self, fault: Fault) -> Result<()> {
        let mut number = 0;
        self.conditions.send_modify(|condition| {
            condition.change(fault);
            number = condition.number;
        });
        let felt = self.shared.felt.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.shared.feels.wait_timeout_while(felt, PATIENCE, |felt| *felt < number);
        let (felt, _) = waited.unwrap_or_else(PoisonError::into_inner);
        ensure!(*felt >= number, "the proxy on port {} has ended", self.port);
        Ok(())
    }

    /// What is wrong with the line.
    pub fn fault(&self) -> Fault {
        self.conditions.borrow().fault.clone()
    }

    /// New connections lead there.
    pub fn point_to(&self, target: SocketAddr) {
        *self.shared.target.lock().unwrap_or_else(PoisonError::into_inner) = target;
    }

    /// What it has seen.
    pub fn counts(&self) -> Counts {
        let Shared { connections, answered, .. } = &*self.shared;
        Counts { connections: connections.load(Ordering::Relaxed), answered: answered.load(Ordering::Relaxed) }
    }
}

async fn listen(port: u16, listener: TcpListener, mut conditions: watch::Receiver<Condition>, shared: Arc<Shared>) {
    let mut listener = Some(listener);
    loop {
        let condition = conditions.borrow_and_update().clone();
        if condition.fault == Fault::Down {
            listener = None;
        } else if listener.is_none() {
            listener = Some(match again(port).await {
                Ok(listener) => listener,
                Err(error) => {
                    tracing::error!(port, error = format!("{error:#}"), "a proxy cannot listen again");
                    return;
                }
            });
        }
        shared.feel(condition.number);
        tokio::select! {
            accepted = accept(listener.as_ref()) => {
                let number = shared.connections.fetch_add(1, Ordering::Relaxed);
                // Delays differ from each other and are the same in each run.
                let chance = StdRng::seed_from_u64((u64::from(port) << 32) + number).random();
                let line = Line::new(conditions.clone(), chance);
                tokio::spawn(serve(accepted, line, Arc::clone(&shared)));
            }
            changed = conditions.changed() => if changed.is_err() { return },
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else { return std::future::pending().await };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // Out of descriptors, or the client has gone again.
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn again(port: u16) -> Result<TcpListener> {
    let started = tokio::time::Instant::now();
    loop {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(listener) => return Ok(listener),
            Err(error) if started.elapsed() > PATIENCE => return Err(error).context("listening again"),
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

impl Shared {
    fn feel(&self, number: u64) {
        *self.felt.lock().unwrap_or_else(PoisonError::into_inner) = number;
        self.feels.notify_all();
    }
}

async fn serve(client: TcpStream, mut line: Line, shared: Arc<Shared>) {
    // Errors are those of a connection that has ended, which is then dropped.
    let _ = client.set_nodelay(true);
    let target = *shared.target.lock().unwrap_or_else(PoisonError::into_inner);
    match line.passable().await {
        Ok(Fault::Answers(said)) => answered(client, line, &said, &shared).await,
        Ok(_) => match TcpStream::connect(target).await {
            Ok(server) => {
                let _ = server.set_nodelay(true);
                line::join(client, server, line).await;
            }
            Err(_) => line::reset(&client),
        },
        Err(ending) => ending.end(&client),
    }
}

async fn answered(mut client: TcpStream, mut line: Line, said: &HttpAnswer, shared: &Shared) {
    let answering = async {
        if answer::asked(&mut client).await? {
            // Before it is heard of, so that whoever has heard it finds it counted.
            shared.answered.fetch_add(1, Ordering::Relaxed);
            answer::say(&mut client, said).await?;
        }
        Ok::<_, std::io::Error>(())
    };
    tokio::select! {
        // Whoever has gone need not be answered.
        _ = answering => {}
        () = line.moved_on() => {}
    }
}
