//! What this service tells others: type and data of each event. None belongs to an organisation.
//!
//! `user.session.ended.v1`, `user.api_token.revoked.v1` and `user.disabled.v1` are heard by every service, in the
//! shared library, which also has their data: they are how tokens are refused before they expire. Those here are for
//! whoever writes to people.

use jiff::Timestamp;
use rollcall_ids::UserId;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// Somebody asked for a new password: [`PasswordResetRequested`].
pub const PASSWORD_RESET_REQUESTED: &str = "user.password_reset.requested.v1";
/// Somebody signed in from a device or a network that the account was not used from before: [`NewDevice`].
pub const NEW_DEVICE: &str = "user.login.new_device.v1";
/// How somebody signs in was changed: [`CredentialsChanged`].
pub const CREDENTIALS_CHANGED: &str = "user.credentials.changed.v1";

/// Whom to write to, and how.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Recipient {
    /// The account.
    pub user_id: UserId,
    /// Where mail reaches them.
    pub email: String,
    /// Their name.
    pub name: String,
    /// BCP 47 tag of the language they are written to in.
    pub locale: String,
    /// IANA name of the zone whose wall clock they read.
    pub time_zone: String,
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipient").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

/// Data of [`PASSWORD_RESET_REQUESTED`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PasswordResetRequested {
    /// Whose account it is.
    #[serde(flatten)]
    pub recipient: Recipient,
    /// What goes into `PUT /api/user/v1/password-resets/{token}`, once.
    pub token: String,
    /// When it stops being worth anything.
    pub expires_at: Timestamp,
}

impl fmt::Debug for PasswordResetRequested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordResetRequested").field("recipient", &self.recipient).finish_non_exhaustive()
    }
}

/// Data of [`NEW_DEVICE`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewDevice {
    /// Whose account it is.
    #[serde(flatten)]
    pub recipient: Recipient,
    /// What the client calls itself: its `User-Agent`.
    pub device: String,
    /// From where.
    pub address: String,
    /// When.
    pub at: Timestamp,
}

/// What was changed of how somebody signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// The password, by its owner.
    PasswordChanged,
    /// The password, by a token that was sent by mail.
    PasswordReset,
    /// A second factor is asked for from now on.
    SecondFactorAdded,
    /// No second factor is asked for any more.
    SecondFactorRemoved,
    /// A recovery code stood in for the second factor.
    RecoveryCodeUsed,
    /// A token for scripts or devices was made.
    ApiTokenCreated,
}

/// Data of [`CREDENTIALS_CHANGED`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CredentialsChanged {
    /// Whose account it is.
    #[serde(flatten)]
    pub recipient: Recipient,
    /// What was changed.
    pub change: Credential,
    /// When.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_flat_on_the_wire_and_prints_nothing_personal() {
        let event = PasswordResetRequested {
            recipient: Recipient {
                user_id: UserId::generate(),
                email: "ada@example.org".to_owned(),
                name: "Ada".to_owned(),
                locale: "en".to_owned(),
                time_zone: "UTC".to_owned(),
            },
            token: "sesame".to_owned(),
            expires_at: Timestamp::UNIX_EPOCH,
        };
        let wire = serde_json::to_value(&event).unwrap();
        assert_eq!((&wire["email"], &wire["token"]), (&"ada@example.org".into(), &"sesame".into()));
        assert_eq!(serde_json::from_value::<PasswordResetRequested>(wire).unwrap(), event);
        let printed = format!("{event:?}");
        assert!(!printed.contains("ada") && !printed.contains("Ada") && !printed.contains("sesame"), "{printed}");
    }
}
