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
