//! Faults between the parts of a stack: a TCP proxy on every line, switched while everything runs.
//!
//! ```text
//! let stack = Stack::builder().with_faults().start().await?;
//! stack.faults()?.between("attendance", "org")?.set(Fault::BlackHole)?;
//! ```
//!
//! | line | from | to |
//! |---|---|---|
//! | a call, an event, published keys | a service | another service |
//! | queries | a service | [`POSTGRES`] |
//! | requests of people, streams | [`NGINX`] | a service |
//! | mail | a service | [`SMTP`], where [`Builder::smtp`](crate::Builder::smtp) names a server |
//!
//! Linux can do the same to packets (`tc netem`), with root and a kernel module that containers seldom have; this
//! needs neither, and hurts one line and not the whole loopback. What a proxy cannot do is withhold the kernel's own
//! acknowledgements: behind a [`Fault::HalfOpen`] the sender's bytes arrive somewhere, so its TCP timeouts stay out of
//! play and only deadlines help.

mod answer;
mod line;
mod proxy;

pub use answer::HttpAnswer;
pub use proxy::{Counts, Proxy};

use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::runtime::{self, Runtime};

/// How the databases are called here.
pub const POSTGRES: &str = "postgres";
/// How the door is called here.
pub const NGINX: &str = "nginx";
/// How the mail server is called here.
pub const SMTP: &str = "smtp";

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: all passes.
    None,
    /// Nobody listens: what is open is reset, what is new is refused.
    Down,
    /// Somebody listens and resets every connection, those that are open too.
    Reset,
    /// Nothing comes through, in either direction, and nothing ends: connections are made and stay silent. When it is
    /// over, what was sent meanwhile arrives.
    BlackHole,
    /// The connections that are open now never say anything again, whatever comes later; new ones work. So it looks
    /// when the other machine has lost its memory, or a firewall its table.
    HalfOpen,
    /// What comes back is late by so much, and by up to `jitter` more, in the order in which it was sent.
    Slow {
        /// At least.
        by: Duration,
        /// At most so much more.
        jitter: Duration,
    },
    /// So much gets through in a second, in each direction.
    Narrow {
        /// Bytes.
        bytes_per_second: u32,
    },
    /// When one side has ended its connection the other hears of it so much later.
    SlowClose(Duration),
    /// The last byte of what comes back is missing, and the connection ends.
    CutOff,
    /// Whoever is there answers this, whatever it is asked (HTTP).
    Answers(HttpAnswer),
}

/// All lines of a stack, each with its proxy.
pub struct Faults {
    proxies: BTreeMap<(String, String), Proxy>,
    /// Apart from the tests' own, which may block.
    runtime: Option<Runtime>,
}

impl Faults {
    /// No lines yet.
    pub fn new() -> Result<Self> {
        let mut runtime = runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).thread_name("faults").enable_all().build();
        Ok(Self { proxies: BTreeMap::new(), runtime: Some(runtime.context("the threads of the proxies")?) })
    }

    /// Adds a line on which everything passes to `port` of this machine; answers the port to use instead.
    pub fn add(&mut self, from: &str, to: &str, port: u16) -> Result<u16> {
        let runtime = self.runtime.as_ref().context("the proxies have ended")?;
        let proxy = Proxy::start(runtime.handle(), SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        let port = proxy.port();
        self.proxies.insert((from.to_owned(), to.to_owned()), proxy);
        Ok(port)
    }

    /// The line between two parts.
    pub fn between(&self, from: &str, to: &str) -> Result<&Proxy> {
        let found = self.proxies.get(&(from.to_owned(), to.to_owned()));
        found.with_context(|| format!("there is no line from {from} to {to}"))
    }

    /// All lines from this part.
    pub fn from<'a>(&'a self, from: &'a str) -> impl Iterator<Item = &'a Proxy> {
        self.lines().filter(move |((of, _), _)| of == from).map(|(_, proxy)| proxy)
    }

    /// All lines to this part.
    pub fn to<'a>(&'a self, to: &'a str) -> impl Iterator<Item = &'a Proxy> {
        self.lines().filter(move |((_, of), _)| of == to).map(|(_, proxy)| proxy)
    }

    /// All lines between services.
    pub fn calls(&self) -> impl Iterator<Item = &Proxy> {
        let outside = |name: &String| [POSTGRES, NGINX, SMTP].contains(&name.as_str());
        self.lines().filter(move |((from, to), _)| !outside(from) && !outside(to)).map(|(_, proxy)| proxy)
    }

    /// All lines, by their ends.
    pub fn lines(&self) -> impl Iterator<Item = (&(String, String), &Proxy)> {
        self.proxies.iter()
    }

    /// From now on everything passes everywhere.
    pub fn clear(&self) -> Result<()> {
        self.proxies.values().try_for_each(|proxy| proxy.set(Fault::None))
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        self.proxies.clear();
        if let Some(runtime) = self.runtime.take() {
            // Dropped where others run, it must not wait.
            runtime.shutdown_background();
        }
    }
}
