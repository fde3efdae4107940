//! The refusals of each kind of operation, as its description lists them.

use rollcall_common::describe::{
    BAD_REQUEST, DEADLINE, FORBIDDEN, INTERNAL, INVALID, MEDIA_TYPE, NOT_FOUND, NOT_SIGNED_IN, Refusal, TOO_LARGE,
    UNAVAILABLE, VERSION,
};
use rollcall_common::refusals;

const CONFLICT: Refusal = (
    "409",
    "Conflicts with the state: `last_owner`, `unit_cycle`, `root_unit`, `unit_code_taken`, `number_taken`, \
     `assignment_overlap`, `already_linked`, `already_member`, `invitation_used`, `unit_not_empty`, `site_in_use`, \
     `last_site`, `calendar_in_use`, `holiday_taken`, `delegation_taken`, `role_taken`, `role_in_use`, `import_state`, \
     `imports_open`, `idempotency_in_progress`",
);
const GONE: Refusal = ("410", "The invitation's time is over, or a newer one replaced it: `invitation_expired`");

const INVITED_OFTEN: Refusal = (
    "429",
    "The employee, or all together, were invited as often as may be for now: `too_many_invitations`; or too many requests \
     in a short time: `too_many_requests`; with `Retry-After`",
);
const NO_VERSION: Refusal = ("428", "`If-Match` with the version of the resource is required: `if_match_required`");

refusals! {
    /// Of a read.
    Read [NOT_SIGNED_IN, FORBIDDEN, NOT_FOUND, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of a list.
    List [BAD_REQUEST, NOT_SIGNED_IN, FORBIDDEN, NOT_FOUND, INVALID, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of a list across organisations.
    OwnList [BAD_REQUEST, NOT_SIGNED_IN, INVALID, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of adding something.
    Create [
        BAD_REQUEST, NOT_SIGNED_IN, FORBIDDEN, NOT_FOUND, CONFLICT, TOO_LARGE, MEDIA_TYPE, INVALID, INTERNAL,
        UNAVAILABLE, DEADLINE
    ];
    /// Of adding something with an invitation.
    Invite [
        BAD_REQUEST, NOT_SIGNED_IN, FORBIDDEN, NOT_FOUND, CONFLICT, TOO_LARGE, MEDIA_TYPE, INVALID, INVITED_OFTEN, INTERNAL,
        UNAVAILABLE, DEADLINE
    ];
    /// Of founding an organisation.
    Found [
        BAD_REQUEST, NOT_SIGNED_IN, CONFLICT, TOO_LARGE, MEDIA_TYPE, INVALID, INTERNAL, UNAVAILABLE, DEADLINE
    ];
    /// Of changing something.
    Change [
        BAD_REQUEST, NOT_SIGNED_IN, FORBIDDEN, NOT_FOUND, CONFLICT, VERSION, TOO_LARGE, MEDIA_TYPE, INVALID, INTERNAL,
        UNAVAILABLE, DEADLINE
    ];
    /// Of changing something in a way that must not overwrite another's.
    Guarded [
        BAD_REQUEST, NOT_SIGNED_IN, FORBIDDEN, NOT_FOUND, CONFLICT, VERSION, NO_VERSION, TOO_LARGE, MEDIA_TYPE, INVALID,
        INTERNAL, UNAVAILABLE, DEADLINE
    ];
    /// Of changing something by its path alone.
    Toggle [
        BAD_REQUEST, NOT_SIGNED_IN, FORBIDDEN, NOT_FOUND, CONFLICT, VERSION, INTERNAL, UNAVAILABLE, DEADLINE
    ];
    /// Of committing an import.
    Commit [
        BAD_REQUEST, NOT_SIGNED_IN, FORBIDDEN, NOT_FOUND, CONFLICT, VERSION, INVALID, INTERNAL, UNAVAILABLE, DEADLINE
    ];
    /// Of accepting an invitation.
    Accept [
        BAD_REQUEST, NOT_SIGNED_IN, NOT_FOUND, CONFLICT, GONE, TOO_LARGE, MEDIA_TYPE, INVALID, INTERNAL, UNAVAILABLE,
        DEADLINE
    ];
    /// Of a call by another service.
    Internal [BAD_REQUEST, NOT_SIGNED_IN, NOT_FOUND, INVALID, INTERNAL, UNAVAILABLE, DEADLINE];
}
