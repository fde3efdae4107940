//! The whole, through nginx, with the real programs.

#![expect(unreachable_pub, reason = "tests have no readers of their documentation but their own")]

mod company;
mod crash;
mod outage;
mod stream;
mod walk;

use anyhow::Result;
use rollcall_stack::Stack;

/// A day in hours: work dates are a matter of wall clocks, these tests only need to be near.
const DAY: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// A stack of its own for each test. Everybody here comes from one address, so the limit on sign-in paths, which
/// nginx's own tests show, is out of the way.
async fn start() -> Result<Stack> {
    Stack::builder().sign_in_limit("1000r/s", 1000).start().await
}
