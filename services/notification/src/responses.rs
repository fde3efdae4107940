//! The refusals of each kind of operation, as its description lists them.

use rollcall_common::describe::{
    BAD_REQUEST, DEADLINE, FORBIDDEN, INTERNAL, INVALID, INVALID_OR_KEY, MEDIA_TYPE, NOT_FOUND, NOT_SIGNED_IN, Refusal,
    TOO_LARGE, UNAVAILABLE, VERSION,
};
use rollcall_common::refusals;

/// The first still runs.
const KEY_BUSY: Refusal = ("409", "A request with this `Idempotency-Key` still runs: `idempotency_in_progress`");

refusals! {
    /// Of whatever concerns the whole inbox.
    Own [NOT_SIGNED_IN, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of a list.
    List [BAD_REQUEST, NOT_SIGNED_IN, INVALID, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of one message.
    One [NOT_SIGNED_IN, NOT_FOUND, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of replacing what is the caller's own.
    OwnChange [
        BAD_REQUEST, NOT_SIGNED_IN, VERSION, TOO_LARGE, MEDIA_TYPE, INVALID, INTERNAL, UNAVAILABLE, DEADLINE,
    ];
    /// Of making an announcement.
    Announce [
        BAD_REQUEST, NOT_SIGNED_IN, FORBIDDEN, NOT_FOUND, KEY_BUSY, TOO_LARGE, MEDIA_TYPE, INVALID_OR_KEY, INTERNAL,
        UNAVAILABLE, DEADLINE,
    ];
    /// Of a list of an organisation.
    OrgList [BAD_REQUEST, NOT_SIGNED_IN, FORBIDDEN, NOT_FOUND, INVALID, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of one thing of an organisation.
    OrgOne [NOT_SIGNED_IN, FORBIDDEN, NOT_FOUND, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of opening a stream.
    Open [BAD_REQUEST, NOT_SIGNED_IN, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of opening one as a WebSocket.
    OpenSocket [BAD_REQUEST, NOT_SIGNED_IN, INVALID, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of a route below an organisation that asks for a right.
    InOrg [NOT_SIGNED_IN, FORBIDDEN, NOT_FOUND, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of one that takes a query.
    InOrgQuery [BAD_REQUEST, INVALID];
    /// Of one that takes a body.
    Body [BAD_REQUEST, TOO_LARGE, MEDIA_TYPE, INVALID];
    /// Of one that takes a body and an `Idempotency-Key`.
    KeyedBody [BAD_REQUEST, TOO_LARGE, MEDIA_TYPE, INVALID_OR_KEY];
    /// Of one that takes `If-Match`.
    Versioned [VERSION];
    /// Of opening a short link.
    Link [NOT_FOUND, INTERNAL, UNAVAILABLE, DEADLINE];
}
