//! Free TCP ports.
//!
//! They lie below the range from which the kernel gives ports to outgoing connections (32768 on Linux, 49152 on
//! macOS): one of those may be taken by any client between the moment it is found free and the moment a server
//! listens on it.

use anyhow::Result;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST: u16 = 18_000;
const COUNT: u16 = 14_000;

/// How many ports this process has tried. Never the same twice, so that two stacks of one process do not meet.
static TRIED: AtomicU16 = AtomicU16::new(0);

/// A port that nobody listens on and that this process has not been given before.
pub fn free() -> Result<u16> {
    for _ in 0..COUNT {
        // Processes begin at different places, as far from each other as their ids let them.
        let start = std::process::id().wrapping_mul(379) % u32::from(COUNT);
        let offset = (start + u32::from(TRIED.fetch_add(1, Ordering::Relaxed))) % u32::from(COUNT);
        let port = FIRST + u16::try_from(offset)?;
        if !is_taken(port) {
            return Ok(port);
        }
    }
    anyhow::bail!("no free TCP port between {FIRST} and {}", FIRST + COUNT)
}

/// Whether somebody listens on `port` of the loopback address.
pub fn is_taken(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_given_twice_and_none_that_is_listened_on() {
        let first = free().unwrap();
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).unwrap();
        assert!(is_taken(first));
        let more: std::collections::BTreeSet<u16> = (0..50).map(|_| free().unwrap()).collect();
        assert_eq!(more.len(), 50);
        assert!(!more.contains(&first) && more.iter().all(|port| (FIRST..FIRST + COUNT).contains(port)));
    }
}
