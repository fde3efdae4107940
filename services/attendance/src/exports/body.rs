//! The body of an answer that is made while it is sent.

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use futures_util::stream::poll_fn;
use rollcall_common::fault::Fault;
use std::fs::File;
use std::io;
use std::task::Poll;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Pieces that wait for a client who reads slowly; then the making waits too.
const PIECES: usize = 4;
/// Bytes of a piece at most.
const PIECE: usize = 64 << 10;
/// A client who takes no piece for so long reads less than a thousandth of what a bad telephone line brings: whoever opens
/// exports and leaves them unread would hold turns that others wait for.
const STALLED: Duration = Duration::from_mins(1);

/// Why the making ended before the end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stopped {
    /// What was to be sent could not be made.
    #[error(transparent)]
    Failed(#[from] Fault),
    /// Nobody is there any more.
    #[error("the client has gone")]
    Gone,
    /// Nobody reads.
    #[error("the client took nothing for {0:?}")]
    Stalled(Duration),
}

/// Where pieces are put. Dropping it breaks the body off: only [`Self::end`] ends it.
pub(super) struct Pieces {
    sender: mpsc::Sender<Piece>,
    /// How long a client may take nothing.
    stalled: Duration,
}

enum Piece {
    Part(Bytes),
    End,
}

/// A body, and where its pieces are put.
pub(super) fn body() -> (Pieces, impl Stream<Item = io::Result<Bytes>> + 'static) {
    body_for(STALLED)
}

fn body_for(stalled: Duration) -> (Pieces, impl Stream<Item = io::Result<Bytes>> + 'static) {
    let (sender, mut pieces) = mpsc::channel(PIECES);
    let mut over = false;
    let body = poll_fn(move |context| {
        if over {
            return Poll::Ready(None);
        }
        pieces.poll_recv(context).map(|piece| match piece {
            Some(Piece::Part(bytes)) => Some(Ok(bytes)),
            Some(Piece::End) => {
                over = true;
                None
            }
            None => {
                over = true;
                Some(Err(io::Error::other("the export failed")))
            }
        })
    });
    (Pieces { sender, stalled }, body)
}

impl Pieces {
    /// Sends some bytes, once there is room.
    pub(super) async fn send(&self, bytes: Vec<u8>) -> Result<(), Stopped> {
        let mut bytes = Bytes::from(bytes);
        while !bytes.is_empty() {
            let part = bytes.split_to(bytes.len().min(PIECE));
            self.put(Piece::Part(part)).await?;
        }
        Ok(())
    }

    /// Sends what is in a file from where it stands.
    pub(super) async fn send_file(&self, file: File) -> Result<(), Stopped> {
        let mut file = tokio::fs::File::from_std(file);
        loop {
            let mut part = BytesMut::with_capacity(PIECE);
            if file.read_buf(&mut part).await.map_err(Fault::internal)? == 0 {
                return Ok(());
            }
            self.put(Piece::Part(part.freeze())).await?;
        }
    }

    /// Ends the body: all of it was sent.
    pub(super) async fn end(self) -> Result<(), Stopped> {
        self.put(Piece::End).await
    }

    async fn put(&self, piece: Piece) -> Result<(), Stopped> {
        let sent = timeout(self.stalled, self.sender.send(piece)).await;
        let sent = sent.map_err(|_| Stopped::Stalled(self.stalled))?;
        sent.map_err(|_| Stopped::Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt as _;

    #[tokio::test]
    async fn what_was_ended_is_whole_and_what_was_dropped_is_broken_off() {
        let (pieces, body) = body();
        pieces.send(vec![1; PIECE + 1]).await.unwrap();
        pieces.end().await.unwrap();
        let parts: Vec<usize> = body.map(|part| part.unwrap().len()).collect().await;
        assert_eq!(parts, [PIECE, 1]);

        let (pieces, body) = super::body();
        pieces.send(vec![1]).await.unwrap();
        drop(pieces);
        let parts: Vec<bool> = body.map(|part| part.is_ok()).collect().await;
        assert_eq!(parts, [true, false]);
    }

    #[tokio::test]
    async fn who_takes_nothing_is_not_waited_for_for_ever() {
        let (pieces, body) = body_for(Duration::from_millis(20));
        let sent = pieces.send(vec![1; PIECE * (PIECES + 1)]).await;
        assert!(matches!(sent, Err(Stopped::Stalled(_))), "{sent:?}");
        drop(pieces);
        assert!(body.map(|part| part.is_ok()).collect::<Vec<_>>().await.ends_with(&[true, false]), "it looks whole");
    }

    #[tokio::test]
    async fn a_file_is_sent_from_where_it_stands() {
        use std::io::{Seek as _, SeekFrom, Write as _};
        let mut file = tempfile::tempfile().unwrap();
        file.write_all("7".repeat(2 * PIECE + 5).as_bytes()).unwrap();
        file.seek(SeekFrom::Start(5)).unwrap();
        let (pieces, body) = body();
        pieces.send_file(file).await.unwrap();
        pieces.end().await.unwrap();
        let sent: usize = body.map(|part| part.unwrap().len()).collect::<Vec<_>>().await.into_iter().sum();
        assert_eq!(sent, 2 * PIECE);
    }
}
