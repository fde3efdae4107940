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
use tokio::time::{Instant, timeout};

/// Pieces that wait for a client who reads slowly; then the making waits too.
const PIECES: usize = 4;
/// Bytes of a piece at most.
const PIECE: usize = 64 << 10;
/// A client who takes no piece for so long reads less than a thousandth of what a bad telephone line brings: whoever opens
/// exports and leaves them unread would hold turns that others wait for.
const STALLED: Duration = Duration::from_mins(1);
/// Bytes a second that a client takes on the average of the time that it is waited for, what [`STALLED`] lets pass aside:
/// as much as a telephone has where it has little. With less, 50 MB hold a turn for longer than a quarter of an hour, and
/// each piece would begin a minute of its own. How long it takes to make what is sent is not the client's fault.
const LEAST: u64 = 64 << 10;

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
    /// Somebody reads too slowly for others to wait for it.
    #[error("the client reads too slowly")]
    Slow,
}

/// Where pieces are put. Dropping it breaks the body off: only [`Self::end`] ends it.
pub(super) struct Pieces {
    sender: mpsc::Sender<Piece>,
    /// How long a client may take nothing.
    stalled: Duration,
    pace: Pace,
}

/// How fast a client reads.
#[derive(Debug, Default)]
struct Pace {
    /// For how long it was waited for.
    waited: Duration,
    /// Bytes that it took meanwhile.
    taken: u64,
}

impl Pace {
    /// How long it may still be waited for.
    fn left(&self) -> Duration {
        let earned = Duration::from_millis(self.taken.saturating_mul(1000) / LEAST);
        (STALLED + earned).saturating_sub(self.waited)
    }

    fn took(&mut self, bytes: usize, waited: Duration) {
        self.taken += bytes as u64;
        self.waited += waited;
    }
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
    (Pieces { sender, stalled, pace: Pace::default() }, body)
}

impl Pieces {
    /// Sends some bytes, once there is room: as long as the client does not read too slowly, for a turn is held meanwhile.
    pub(super) async fn send(&mut self, bytes: Vec<u8>) -> Result<(), Stopped> {
        let mut bytes = Bytes::from(bytes);
        while !bytes.is_empty() {
            let part = bytes.split_to(bytes.len().min(PIECE));
            let (length, left, began) = (part.len(), self.pace.left(), Instant::now());
            let sent = self.put(Piece::Part(part), left.min(self.stalled)).await;
            self.pace.took(length, began.elapsed());
            match sent {
                Err(Stopped::Stalled(_)) if left < self.stalled => return Err(Stopped::Slow),
                sent => sent?,
            }
        }
        Ok(())
    }

    /// Sends what is in a file from where it stands, to however slow a client: nobody waits for it.
    pub(super) async fn send_file(&self, file: File) -> Result<(), Stopped> {
        let mut file = tokio::fs::File::from_std(file);
        loop {
            let mut part = BytesMut::with_capacity(PIECE);
            if file.read_buf(&mut part).await.map_err(Fault::internal)? == 0 {
                return Ok(());
            }
            self.put(Piece::Part(part.freeze()), self.stalled).await?;
        }
    }

    /// Ends the body: all of it was sent.
    pub(super) async fn end(self) -> Result<(), Stopped> {
        self.put(Piece::End, self.stalled).await
    }

    async fn put(&self, piece: Piece, patience: Duration) -> Result<(), Stopped> {
        let sent = timeout(patience, self.sender.send(piece)).await;
        let sent = sent.map_err(|_| Stopped::Stalled(patience))?;
        sent.map_err(|_| Stopped::Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt as _;

    #[tokio::test]
    async fn what_was_ended_is_whole_and_what_was_dropped_is_broken_off() {
        let (mut pieces, body) = body();
        pieces.send(vec![1; PIECE + 1]).await.unwrap();
        pieces.end().await.unwrap();
        let parts: Vec<usize> = body.map(|part| part.unwrap().len()).collect().await;
        assert_eq!(parts, [PIECE, 1]);

        let (mut pieces, body) = super::body();
        pieces.send(vec![1]).await.unwrap();
        drop(pieces);
        let parts: Vec<bool> = body.map(|part| part.is_ok()).collect().await;
        assert_eq!(parts, [true, false]);
    }

    #[tokio::test]
    async fn who_takes_nothing_is_not_waited_for_for_ever() {
        let (mut pieces, body) = body_for(Duration::from_millis(20));
        let sent = pieces.send(vec![1; PIECE * (PIECES + 1)]).await;
        assert!(matches!(sent, Err(Stopped::Stalled(_))), "{sent:?}");
        drop(pieces);
        assert!(body.map(|part| part.is_ok()).collect::<Vec<_>>().await.ends_with(&[true, false]), "it looks whole");
    }

    #[test]
    fn a_client_is_waited_for_as_long_as_what_it_takes_is_worth() {
        // Whole seconds that so many pieces are waited for, and whether all of them are.
        let waited = |pieces: u32, seconds_each: &dyn Fn(u32) -> f64| {
            let mut pace = Pace::default();
            for piece in 0..pieces {
                let each = Duration::from_secs_f64(seconds_each(piece));
                if each > pace.left() {
                    return (pace.waited.as_secs(), false);
                }
                pace.took(PIECE, each);
            }
            (pace.waited.as_secs(), true)
        };
        let of_50_mb = 763;
        assert_eq!(waited(of_50_mb, &|_| 0.5), (381, true));
        assert_eq!(waited(of_50_mb, &|_| 1.0), (763, true), "the least that is enough");
        // 32 KiB a second: no piece is waited for as long as STALLED, and all of them for half an hour.
        assert_eq!(waited(of_50_mb, &|_| 2.0), (118, false));
        // A tunnel in the middle of a good line is no slow line, and a slow line after a good beginning is.
        assert_eq!(waited(of_50_mb, &|piece| if piece == 300 { 50.0 } else { 0.5 }), (431, true));
        assert_eq!(waited(of_50_mb, &|piece| if piece < 100 { 0.5 } else { 2.0 }), (268, false));
    }

    #[tokio::test]
    async fn a_client_who_reads_too_slowly_is_broken_off_unless_nobody_waits_for_it() {
        use std::io::{Seek as _, Write as _};
        let (mut pieces, body) = body_for(Duration::from_millis(20));
        pieces.pace.took(0, 2 * STALLED);
        let sent = pieces.send(vec![1; PIECE * (PIECES + 1)]).await;
        assert!(matches!(sent, Err(Stopped::Slow)), "{sent:?}");
        drop(pieces);
        assert!(body.map(|part| part.is_ok()).collect::<Vec<_>>().await.ends_with(&[true, false]), "it looks whole");

        let (mut pieces, body) = super::body();
        pieces.pace.took(0, 2 * STALLED);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all("7".repeat(PIECE * (PIECES + 1)).as_bytes()).unwrap();
        file.rewind().unwrap();
        let all = async {
            pieces.send_file(file).await?;
            pieces.end().await
        };
        let (sent, parts) = tokio::join!(all, body.map(|part| part.is_ok()).collect::<Vec<_>>());
        assert!(sent.is_ok() && parts.iter().all(|ok| *ok), "{sent:?}");
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
