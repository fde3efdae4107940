//! The refusals of each kind of operation, as its description lists them.

use rollcall_common::describe::{BAD_REQUEST, DEADLINE, INTERNAL, INVALID, NOT_FOUND, NOT_SIGNED_IN, UNAVAILABLE};
use rollcall_common::refusals;

refusals! {
    /// Of whatever concerns the whole inbox.
    Own [NOT_SIGNED_IN, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of a list.
    List [BAD_REQUEST, NOT_SIGNED_IN, INVALID, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of one message.
    One [NOT_SIGNED_IN, NOT_FOUND, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of opening a stream.
    Open [BAD_REQUEST, NOT_SIGNED_IN, INTERNAL, UNAVAILABLE, DEADLINE];
}
