//! Values of `code` in problems that only attendance answers. Stable: a client may branch on them.

/// 409: another shift of the organisation has this code.
pub const SHIFT_CODE_TAKEN: &str = "shift_code_taken";
/// 409: the shift changes on this date already, or on a later one.
pub const SHIFT_VERSION_EXISTS: &str = "shift_version_exists";
/// 422 (in `errors`): the instant lies outside of what this source may send.
pub const AT_OUT_OF_WINDOW: &str = "at_out_of_window";
/// 422 (in `errors`): a punch needs an `Idempotency-Key`, so that a lost answer can be asked for again.
pub const IDEMPOTENCY_KEY_REQUIRED: &str = "idempotency_key_required";
