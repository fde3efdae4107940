//! The whole, through nginx, with the real programs.

#![expect(unreachable_pub, reason = "tests have no readers of their documentation but their own")]

mod backup;
mod chaos;
mod company;
mod crash;
mod eventsource;
mod faults;
mod mail;
mod monitoring;
mod operations;
mod outage;
mod readme;
mod reconnect;
mod release;
mod rush;
mod screen;
mod sessions;
mod storm;
mod stream;
mod traces;
mod walk;

use anyhow::Result;
use rollcall_stack::Stack;
use tokio::sync::{Semaphore, SemaphorePermit};

/// A day in hours: work dates are a matter of wall clocks, these tests only need to be near.
const DAY: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// Stacks that run at a time: each is six programs, and what is measured is not how they share two cores.
static PLACES: Semaphore = Semaphore::const_new(2);

/// A stack of its own for each test, held with its place. Everybody here comes from one address, so the limit on
/// sign-in paths, which nginx's own tests show, is out of the way.
async fn start() -> Result<(Stack, SemaphorePermit<'static>)> {
    let place = PLACES.acquire().await?;
    let stack = Stack::builder().sign_in_limit("1000r/s", 1000).start().await?;
    Ok((stack, place))
}
