//! Error codes (`code` of a problem) that only this service answers. They are stable: clients branch on them.

/// 409: an account with this e-mail address exists, in whatever case.
pub const EMAIL_TAKEN: &str = "email_taken";
/// 401: no account with this address and password; which of the two is wrong is not told.
pub const INVALID_CREDENTIALS: &str = "invalid_credentials";
/// 401: the refresh token was never issued, or has expired.
pub const INVALID_REFRESH_TOKEN: &str = "invalid_refresh_token";
/// 401: the refresh token was spent over ten seconds ago; its whole session has been ended.
pub const REFRESH_REUSED: &str = "refresh_reused";
/// 401: the session of the refresh token has been ended.
pub const SESSION_ENDED: &str = "session_ended";
/// 401: the password is right and a second factor is needed; the problem has a `challenge` for
/// `POST /api/user/v1/sessions/mfa`.
pub const MFA_REQUIRED: &str = "mfa_required";
/// 401: the challenge was never issued, has expired, or has had too many wrong codes; sign in again.
pub const INVALID_CHALLENGE: &str = "invalid_challenge";
/// 401: the code of the second factor is wrong, or was used before.
pub const INVALID_CODE: &str = "invalid_code";
/// 409: a second factor is enrolled already.
pub const MFA_ENROLLED: &str = "mfa_enrolled";
/// 404: no second factor is enrolled, or none waits to be confirmed.
pub const MFA_NOT_ENROLLED: &str = "mfa_not_enrolled";
/// 429: too many failed attempts for this account or from this address; `Retry-After` says when to try again.
pub const TOO_MANY_ATTEMPTS: &str = "too_many_attempts";
/// 403: the password is right, and the account has been disabled.
pub const ACCOUNT_DISABLED: &str = "account_disabled";
/// 403: what was asked for needs a session that began minutes ago; sign in again.
pub const SIGN_IN_AGAIN: &str = "sign_in_again";
/// 422: the current password is wrong.
pub const WRONG_PASSWORD: &str = "wrong_password";
/// 404: the token for a new password was never issued, was used, or has expired.
pub const INVALID_RESET_TOKEN: &str = "invalid_reset_token";
/// 409: no more API tokens until one is revoked.
pub const TOO_MANY_API_TOKENS: &str = "too_many_api_tokens";
