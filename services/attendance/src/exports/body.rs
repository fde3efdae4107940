//! The body of an answer that is made while it is sent.

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::poll_fn;
use std::io;
use tokio::sync::mpsc;

/// Pieces that wait for a client who reads slowly; then the making waits too.
const PIECES: usize = 4;
/// Bytes of a piece of a workbook.
const PIECE: usize = 64 << 10;

/// Where pieces are put.
#[derive(Clone)]
pub(super) struct Pieces(mpsc::Sender<io::Result<Bytes>>);

/// A body, and where its pieces are put.
pub(super) fn body() -> (Pieces, impl Stream<Item = io::Result<Bytes>> + 'static) {
    let (sender, mut pieces) = mpsc::channel(PIECES);
    (Pieces(sender), poll_fn(move |context| pieces.poll_recv(context)))
}

impl Pieces {
    /// Sends a piece, once there is room; false: the client has gone.
    pub(super) async fn send(&self, piece: Vec<u8>) -> bool {
        self.0.send(Ok(piece.into())).await.is_ok()
    }

    /// Breaks the body off.
    pub(super) async fn fail(&self) {
        // Whether the client is still there does not matter any more.
        drop(self.0.send(Err(io::Error::other("the export failed"))).await);
    }

    /// To be written to from a thread that may wait.
    pub(super) fn writer(&self) -> impl io::Write + Send + use<> {
        io::BufWriter::with_capacity(PIECE, Blocking(self.0.clone()))
    }
}

struct Blocking(mpsc::Sender<io::Result<Bytes>>);

impl io::Write for Blocking {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map(|()| bytes.len()).map_err(|_| io::Error::other("the client has gone"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
