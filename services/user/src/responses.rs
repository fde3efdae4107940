//! The refusals of each kind of operation, as its description lists them.

use rollcall_common::describe::{
    BAD_REQUEST, DEADLINE, INTERNAL, INVALID, INVALID_OR_KEY, MEDIA_TYPE, NO_SERVICE, NOT_FOUND, NOT_SIGNED_IN,
    Refusal, TOO_LARGE, UNAVAILABLE, VERSION,
};
use rollcall_common::refusals;

const WRONG_PASSWORD: Refusal = (
    "401",
    "No account with this address and password: `invalid_credentials`; or they are right and the second factor is \
     needed: `mfa_required`, with a `challenge`",
);
const WRONG_CODE: Refusal = ("401", "The challenge or the code is worth nothing: `invalid_challenge`, `invalid_code`");
const UNCONFIRMED: Refusal = ("401", "Not signed in: `not_signed_in`; or the code is wrong: `invalid_code`");
const DISABLED: Refusal = ("403", "The account has been disabled: `account_disabled`");
const SCOPE: Refusal = ("403", "An API token may not do this: `insufficient_scope`");
const NOT_FRESH: Refusal =
    ("403", "The session is too old for this: `sign_in_again`; an API token may not do this: `insufficient_scope`");
const NOT_OWN: Refusal = ("404", "There is none of one's own: `not_found`");
const NO_FACTOR: Refusal = ("404", "There is no second factor: `mfa_not_enrolled`");
const RESET_TOKEN: Refusal = ("404", "The token is not valid: `invalid_reset_token`");
const ENROLLED: Refusal = ("409", "A second factor is enrolled already: `mfa_enrolled`");
const ENOUGH: Refusal = ("409", "There are as many API tokens as there may be: `too_many_api_tokens`");
const SLOW_DOWN: Refusal = ("429", "Too many attempts: `too_many_attempts`, with `Retry-After`");
const WORTHLESS: Refusal =
    ("401", "The refresh token is worth nothing: `invalid_refresh_token`, `refresh_reused`, `session_ended`");
const TAKEN: Refusal = ("409", "An account with this address exists, in whatever case: `email_taken`");

refusals! {
    /// Of what everybody may read.
    Public [INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of signing up.
    SigningUp [BAD_REQUEST, TAKEN, TOO_LARGE, MEDIA_TYPE, INVALID_OR_KEY, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of signing in.
    SigningIn [
        BAD_REQUEST, WRONG_PASSWORD, DISABLED, TOO_LARGE, MEDIA_TYPE, INVALID, SLOW_DOWN, INTERNAL, UNAVAILABLE, DEADLINE
    ];
    /// Of signing in with the second factor.
    SecondStep [
        BAD_REQUEST, WRONG_CODE, TOO_LARGE, MEDIA_TYPE, INVALID, SLOW_DOWN, INTERNAL, UNAVAILABLE, DEADLINE
    ];
    /// Of refreshing.
    Refreshing [BAD_REQUEST, WORTHLESS, TOO_LARGE, MEDIA_TYPE, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of what the caller reads or ends of their own.
    Own [NOT_SIGNED_IN, SCOPE, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of a list of the caller's own.
    OwnList [BAD_REQUEST, NOT_SIGNED_IN, SCOPE, INVALID, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of one thing of the caller's own.
    OwnOne [NOT_SIGNED_IN, SCOPE, NOT_OWN, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of what the caller changes of their own.
    OwnChange [
        BAD_REQUEST, NOT_SIGNED_IN, SCOPE, VERSION, TOO_LARGE, MEDIA_TYPE, INVALID, INTERNAL, UNAVAILABLE, DEADLINE
    ];
    /// Of changing one's password.
    ChangingPassword [
        BAD_REQUEST, NOT_SIGNED_IN, SCOPE, TOO_LARGE, MEDIA_TYPE, INVALID, SLOW_DOWN, INTERNAL, UNAVAILABLE, DEADLINE
    ];
    /// Of asking for a mail.
    AskingForMail [BAD_REQUEST, TOO_LARGE, MEDIA_TYPE, INVALID, SLOW_DOWN, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of choosing a password by mail.
    ChoosingPassword [BAD_REQUEST, RESET_TOKEN, TOO_LARGE, MEDIA_TYPE, INVALID, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of enrolling a second factor.
    Enrolling [NOT_SIGNED_IN, NOT_FRESH, ENROLLED, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of confirming it.
    Confirming [
        BAD_REQUEST, UNCONFIRMED, SCOPE, NO_FACTOR, ENROLLED, TOO_LARGE, MEDIA_TYPE, INVALID, INTERNAL, UNAVAILABLE, DEADLINE
    ];
    /// Of removing it.
    RemovingFactor [NOT_SIGNED_IN, NOT_FRESH, NO_FACTOR, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of making an API token.
    MakingApiToken [
        BAD_REQUEST, NOT_SIGNED_IN, NOT_FRESH, ENOUGH, TOO_LARGE, MEDIA_TYPE, INVALID, INTERNAL, UNAVAILABLE, DEADLINE
    ];
    /// Of a list for other services.
    InternalList [NO_SERVICE, INTERNAL, UNAVAILABLE, DEADLINE];
    /// Of a question by another service.
    Internal [NO_SERVICE, NOT_FOUND, INTERNAL, UNAVAILABLE, DEADLINE];
}
