//! Which acts are kept.

/// An act that concerns the safety of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Somebody signed up.
    AccountCreated,
    /// Signed in.
    SignedIn,
    /// Tried a wrong password.
    SignInFailed,
    /// Signed in from a device or network that was not known.
    NewDevice,
    /// Gave a wrong code of the second factor.
    SecondFactorFailed,
    /// Ended the session one is signed in with.
    SignedOut,
    /// Ended another session.
    SessionEnded,
    /// A refresh token came again; its session was ended.
    RefreshReused,
    /// Changed the password.
    PasswordChanged,
    /// Asked for a mail with which to choose a new password.
    PasswordResetRequested,
    /// Chose a new password by such a mail.
    PasswordReset,
    /// Enrolled a second factor.
    SecondFactorAdded,
    /// Removed it.
    SecondFactorRemoved,
    /// Used a recovery code in its place.
    RecoveryCodeUsed,
    /// Made an API token.
    ApiTokenCreated,
    /// Revoked one.
    ApiTokenRevoked,
    /// An operator disabled the account.
    AccountDisabled,
    /// An operator enabled it again.
    AccountEnabled,
}

impl Act {
    /// Its name in the record, which is stable.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountCreated => "account_created",
            Self::SignedIn => "signed_in",
            Self::SignInFailed => "sign_in_failed",
            Self::NewDevice => "new_device",
            Self::SecondFactorFailed => "second_factor_failed",
            Self::SignedOut => "signed_out",
            Self::SessionEnded => "session_ended",
            Self::RefreshReused => "refresh_reused",
            Self::PasswordChanged => "password_changed",
            Self::PasswordResetRequested => "password_reset_requested",
            Self::PasswordReset => "password_reset",
            Self::SecondFactorAdded => "second_factor_added",
            Self::SecondFactorRemoved => "second_factor_removed",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::ApiTokenCreated => "api_token_created",
            Self::ApiTokenRevoked => "api_token_revoked",
            Self::AccountDisabled => "account_disabled",
            Self::AccountEnabled => "account_enabled",
        }
    }
}
