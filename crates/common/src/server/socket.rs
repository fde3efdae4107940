//! Where the listening socket comes from: the service's own, or one that was handed over.
//!
//! A release runs two instances for a moment. Both take connections from one queue of the kernel, which belongs to
//! whoever started them, so nothing that was queued is lost when one of them goes. An instance that made its own socket
//! instead would be alone with it, or would find the port taken: so it never does when it was told to expect one.

use crate::settings::ServerSettings;
use anyhow::{Context as _, ensure};
use listenfd::ListenFd;
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
    Ok(Some(socket.context("the socket that was handed over is taken already")?))
}

/// A socket of the service's own.
pub(super) fn own(settings: &ServerSettings) -> anyhow::Result<TcpListener> {
    TcpListener::bind(settings.listen).with_context(|| format!("cannot listen on server.listen = {}", settings.listen))
}
