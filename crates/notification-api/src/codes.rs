//! Values of `code` that only notification answers. Stable: a client may branch on them.

/// 409: the organisation has as many webhooks as it may.
pub const TOO_MANY_WEBHOOKS: &str = "too_many_webhooks";
/// 409: nothing is sent to a webhook that is off.
pub const WEBHOOK_OFF: &str = "webhook_off";
/// 409: so many secrets that were replaced still sign; one has to end first.
pub const TOO_MANY_SECRETS: &str = "too_many_secrets";
/// 422, in `errors`: not an `https` URL that a webhook may have.
pub const BAD_URL: &str = "bad_url";
/// 422, in `errors`: the address is private, or of this machine or its network.
pub const PRIVATE_ADDRESS: &str = "private_address";
/// 422, in `errors`: no event of this type is sent to webhooks.
pub const UNKNOWN_EVENT_TYPE: &str = "unknown_event_type";
/// 422, in `errors`: not `whsec_` and base64 of 24 to 64 bytes.
pub const BAD_SECRET: &str = "bad_secret";
/// 410: the short link was there and its time is over.
pub const LINK_EXPIRED: &str = "link_expired";
