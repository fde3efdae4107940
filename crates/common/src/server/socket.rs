//! Where the listening socket comes from: the service's own, or one that was handed over.
//!
//! A release runs two instances for a moment. Both take connections from one queue of the kernel, which belongs to
//! whoever started them, so nothing that was queued is lost when one of them goes. An instance that made its own socket
//! instead would be alone with it, or would find the port taken: so it never does when it was told to expect one.

use crate::settings::ServerSettings;
use anyhow::{Context as _, ensure};
use listenfd::ListenFd;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use std::net::TcpListener;

/// The socket that systemd, or who does as it does (`LISTEN_FDS`, `LISTEN_PID`), has handed over; none where the
/// settings say that the service makes its own. Can be taken once in a process.
pub(super) fn handed_over(settings: &ServerSettings) -> anyhow::Result<Option<TcpListener>> {
    let mut handed = ListenFd::from_env();
    let count = handed.len();
    if !settings.inherit_socket {
        ensure!(count == 0, "a socket was handed over (LISTEN_FDS={count}), but server.inherit_socket is off");
        return Ok(None);
    }
    ensure!(
        count == 1,
        "server.inherit_socket is on, so exactly one socket has to be handed over, but LISTEN_FDS for this process is \
         {count}; start it by its systemd unit"
    );
    let socket = handed.take_tcp_listener(0).context("the socket that was handed over")?;
    let socket = socket.context("the socket that was handed over is taken already")?;
    if unblock(&socket)? {
        tracing::error!(
            "the socket was handed over blocking: another instance on it may hang in accept() until it is killed; \
             set NonBlocking=yes in the unit of the service"
        );
    }
    Ok(Some(socket))
}

/// Makes a socket non-blocking; whether it was not. The flag belongs to the socket and not to a process: systemd sets
/// or clears it for everybody each time it hands the socket over (`NonBlocking=` of `systemd.service(5)`), and an
/// instance that finds nobody in the queue of a blocking socket waits there, deaf to everything else.
fn unblock(socket: &TcpListener) -> anyhow::Result<bool> {
    let flags = OFlag::from_bits_retain(fcntl(socket, FcntlArg::F_GETFL).context("the flags of the socket")?);
    socket.set_nonblocking(true)?;
    Ok(!flags.contains(OFlag::O_NONBLOCK))
}

/// A socket of the service's own.
pub(super) fn own(settings: &ServerSettings) -> anyhow::Result<TcpListener> {
    TcpListener::bind(settings.listen).with_context(|| format!("cannot listen on server.listen = {}", settings.listen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_is_handed_over_is_made_non_blocking_for_everybody_who_has_it() -> anyhow::Result<()> {
        let held = TcpListener::bind("127.0.0.1:0")?;
        let handed = held.try_clone()?;
        ensure!(unblock(&handed)?, "a new socket blocks");
        let refused = held.accept().map(drop).map_err(|error| error.kind());
        ensure!(refused == Err(std::io::ErrorKind::WouldBlock), "{refused:?}");
        ensure!(!unblock(&held)?, "it was told as blocking again");
        Ok(())
    }
}
