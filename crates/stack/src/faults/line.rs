//! One connection on a line: bytes in both directions, each as the fault of the moment lets them pass.

use super::Fault;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

/// Bytes that are read at a time.
const CHUNK: usize = 16 * 1024;
/// Chunks that are on their way in one direction.
const UNDER_WAY: usize = 64;
/// A narrow line passes what a second allows in so many pieces.
const PIECES: u32 = 20;

/// What is wrong with a line, and what that means for connections that were there before. A connection looks when it
/// has something to do: what happened between two looks must still be felt, so it is counted here.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) fault: Fault,
    /// Ascends with each change.
    pub(super) number: u64,
    reset_before: u64,
    closed_before: u64,
    dead_before: u64,
}

impl Default for Condition {
    fn default() -> Self {
        Self { fault: Fault::None, number: 0, reset_before: 0, closed_before: 0, dead_before: 0 }
    }
}

impl Condition {
    pub(super) fn change(&mut self, fault: Fault) {
        self.number += 1;
        match &fault {
            Fault::Down | Fault::Reset => self.reset_before = self.number,
            Fault::HalfOpen => self.dead_before = self.number,
            // They lead to somebody who would answer otherwise.
            Fault::Answers(_) => self.closed_before = self.number,
            Fault::None
            | Fault::BlackHole
            | Fault::Slow { .. }
            | Fault::Narrow { .. }
            | Fault::SlowClose(_)
            | Fault::CutOff => {}
        }
        self.fault = fault;
    }

    /// What a connection made under condition `born` may do.
    fn allows(&self, born: u64) -> Allowed {
        if born < self.reset_before || matches!(self.fault, Fault::Down | Fault::Reset) {
            Allowed::End(Ending::Reset)
        } else if born < self.closed_before {
            Allowed::End(Ending::Closed)
        } else if born < self.dead_before || self.fault == Fault::BlackHole {
            Allowed::Nothing
        } else {
            Allowed::Pass(self.fault.clone())
        }
    }
}

enum Allowed {
    Pass(Fault),
    Nothing,
    End(Ending),
}

/// How a connection is ended by its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Reset,
    Closed,
}

impl Ending {
    pub(super) fn end(self, stream: &TcpStream) {
        if self == Self::Reset {
            reset(stream);
        }
    }
}

/// When it is dropped, the other side is told that it was reset.
pub(super) fn reset(stream: &TcpStream) {
    // It may have ended by itself.
    let _ = stream.set_zero_linger();
}

/// What a connection knows of its line.
#[derive(Clone)]
pub(super) struct Line {
    conditions: watch::Receiver<Condition>,
    born: u64,
    /// Between 0 and 1: of the jitter.
    chance: f64,
}

impl Line {
    pub(super) fn new(mut conditions: watch::Receiver<Condition>, chance: f64) -> Self {
        let born = conditions.borrow_and_update().number;
        Self { conditions, born, chance }
    }

    /// Waits until something may pass; answers under which fault.
    pub(super) async fn passable(&mut self) -> Result<Fault, Ending> {
        loop {
            let allowed = self.conditions.borrow_and_update().allows(self.born);
            match allowed {
                Allowed::Pass(fault) => return Ok(fault),
                Allowed::End(ending) => return Err(ending),
                Allowed::Nothing => self.conditions.changed().await.map_err(|_| Ending::Closed)?,
            }
        }
    }

    /// Waits for another fault, or for none.
    pub(super) async fn moved_on(&mut self) {
        // An error means that the line is gone.
        let _ = self.conditions.changed().await;
    }

    /// Waits for this, unless the line ends the connection before.
    async fn lasting(&mut self, until: Instant) -> Result<(), Ending> {
        loop {
            tokio::select! {
                () = sleep_until(until) => return Ok(()),
                changed = self.conditions.changed() => {
                    changed.map_err(|_| Ending::Closed)?;
                    self.passable().await?;
                }
            }
        }
    }

    /// A number between 0 and 1 that is another each time: the fractions of multiples of the golden ratio.
    fn draw(&mut self) -> f64 {
        self.chance = (self.chance + 0.618_033_988_75).fract();
        self.chance
    }
}

/// Passes on in both directions until both sides have ended, or the line ends them.
pub(super) async fn join(mut client: TcpStream, mut server: TcpStream, line: Line) {
    let ending = {
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        let forth = pass(from_client, to_server, line.clone(), Way::Forth);
        let back = pass(from_server, to_client, line, Way::Back);
        tokio::try_join!(forth, back).err()
    };
    if let Some(ending) = ending {
        ending.end(&client);
        ending.end(&server);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Forth,
    Back,
}

/// Bytes and when they are due; none: the end.
struct Parcel(Instant, Option<Vec<u8>>);

async fn pass(from: ReadHalf<'_>, to: WriteHalf<'_>, line: Line, way: Way) -> Result<(), Ending> {
    let (sender, parcels) = mpsc::channel(UNDER_WAY);
    tokio::try_join!(take(from, sender, line.clone(), way), give(to, parcels, line, way)).map(drop)
}

async fn take(mut from: ReadHalf<'_>, parcels: mpsc::Sender<Parcel>, mut line: Line, way: Way) -> Result<(), Ending> {
    let mut buffer = vec![0; CHUNK];
    loop {
        line.passable().await?;
        let read = tokio::select! {
            read = from.read(&mut buffer) => read.map_err(|_| Ending::Reset)?,
            () = line.moved_on() => continue,
        };
        let mut due = Instant::now();
        match line.passable().await? {
            Fault::Slow { by, jitter } if way == Way::Back => due += by + jitter.mul_f64(line.draw()),
            Fault::SlowClose(by) if read == 0 => due += by,
            _ => {}
        }
        let bytes = (read > 0).then(|| buffer[..read].to_vec());
        if parcels.send(Parcel(due, bytes)).await.is_err() || read == 0 {
            return Ok(());
        }
    }
}

async fn give(
    mut to: WriteHalf<'_>,
    mut parcels: mpsc::Receiver<Parcel>,
    mut line: Line,
    way: Way,
) -> Result<(), Ending> {
    while let Some(Parcel(due, bytes)) = parcels.recv().await {
        line.lasting(due).await?;
        let fault = line.passable().await?;
        let Some(bytes) = bytes else {
            // Who has gone already need not be told.
            let _ = to.shutdown().await;
            return Ok(());
        };
        let gone = |_| Ending::Reset;
        match fault {
            Fault::CutOff if way == Way::Back => {
                to.write_all(&bytes[..bytes.len() - 1]).await.map_err(gone)?;
                return Err(Ending::Closed);
            }
            Fault::Narrow { bytes_per_second } => {
                let piece = usize::try_from(bytes_per_second / PIECES).unwrap_or(CHUNK).max(1);
                for piece in bytes.chunks(piece) {
                    line.passable().await?;
                    to.write_all(piece).await.map_err(gone)?;
                    sleep(Duration::from_secs(1) / PIECES).await;
                }
            }
            _ => to.write_all(&bytes).await.map_err(gone)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_between_two_looks_is_felt() {
        let mut condition = Condition::default();
        let old = condition.number;
        condition.change(Fault::HalfOpen);
        condition.change(Fault::None);
        assert!(matches!(condition.allows(old), Allowed::Nothing), "dead for good");
        assert!(matches!(condition.allows(condition.number), Allowed::Pass(Fault::None)));
        condition.change(Fault::Reset);
        condition.change(Fault::None);
        assert!(matches!(condition.allows(old), Allowed::End(Ending::Reset)));
    }
}
