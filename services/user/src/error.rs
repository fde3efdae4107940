//! Everything that this service refuses, and how it is answered.

use actix_web::http::StatusCode;
use rollcall_common::fault::Fault;
use rollcall_common::pii::Pii;
use rollcall_common::problem::Problem;
use rollcall_user_api::codes;

/// What this service answers besides success.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An account with this e-mail address exists.
    #[error("e-mail address taken")]
    EmailTaken,
    /// No account with this address and password.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// The refresh token was never issued, or has expired.
    #[error("invalid refresh token")]
    InvalidRefreshToken,
    /// The refresh token was spent long ago; its session has been ended.
    #[error("refresh token reused")]
    RefreshReused,
    /// The session has been ended.
    #[error("session ended")]
    SessionEnded,
    /// The password is right, and a second factor is needed: with what to go on.
    #[error("second factor required")]
    MfaRequired(Pii<String>),
    /// The challenge was never issued, is over, or has had too many wrong codes.
    #[error("invalid challenge")]
    InvalidChallenge,
    /// The code of the second factor is wrong, or was used before.
    #[error("invalid code")]
    InvalidCode,
    /// A second factor is enrolled already.
    #[error("second factor enrolled")]
    MfaEnrolled,
    /// There is no second factor to confirm or remove.
    #[error("no second factor")]
    MfaNotEnrolled,
    /// Too many failed attempts; to be tried again after so many seconds.
    #[error("too many attempts")]
    TooManyAttempts(u32),
    /// The password is right, and the account is disabled.
    #[error("account disabled")]
    AccountDisabled,
    /// The session is too old for what was asked.
    #[error("sign in again")]
    SignInAgain,
    /// The current password is wrong.
    #[error("wrong password")]
    WrongPassword,
    /// The token for a new password is worth nothing.
    #[error("invalid reset token")]
    InvalidResetToken,
    /// The account has as many API tokens as it may.
    #[error("too many API tokens")]
    TooManyApiTokens,
    /// What every service may answer.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Error {
    /// How it is answered.
    pub fn problem(&self) -> Problem {
        match self {
            Self::EmailTaken => {
                Problem::new(StatusCode::CONFLICT, codes::EMAIL_TAKEN, "An account with this e-mail address exists")
            }
            Self::InvalidCredentials => Problem::new(
                StatusCode::UNAUTHORIZED,
                codes::INVALID_CREDENTIALS,
                "No account with this e-mail address and password",
            ),
            Self::InvalidRefreshToken => Problem::new(
                StatusCode::UNAUTHORIZED,
                codes::INVALID_REFRESH_TOKEN,
                "The refresh token is not valid; sign in again",
            ),
            Self::RefreshReused => Problem::new(
                StatusCode::UNAUTHORIZED,
                codes::REFRESH_REUSED,
                "The refresh token was used before, so the session has been ended; sign in again",
            ),
            Self::SessionEnded => Problem::new(
                StatusCode::UNAUTHORIZED,
                codes::SESSION_ENDED,
                "The session has been ended; sign in again",
            ),
            Self::MfaRequired(challenge) => {
                Problem::new(StatusCode::UNAUTHORIZED, codes::MFA_REQUIRED, "The second factor is needed as well")
                    .with("challenge", challenge.expose().as_str())
            }
            Self::InvalidChallenge => Problem::new(
                StatusCode::UNAUTHORIZED,
                codes::INVALID_CHALLENGE,
                "The challenge is not valid; sign in again",
            ),
            Self::InvalidCode => {
                Problem::new(StatusCode::UNAUTHORIZED, codes::INVALID_CODE, "The code is wrong, or was used before")
            }
            Self::MfaEnrolled => {
                Problem::new(StatusCode::CONFLICT, codes::MFA_ENROLLED, "A second factor is enrolled already")
            }
            Self::MfaNotEnrolled => {
                Problem::new(StatusCode::NOT_FOUND, codes::MFA_NOT_ENROLLED, "There is no second factor")
            }
            Self::TooManyAttempts(seconds) => Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                codes::TOO_MANY_ATTEMPTS,
                "Too many attempts; wait before the next one",
            )
            .retry_after(*seconds),
            Self::AccountDisabled => {
                Problem::new(StatusCode::FORBIDDEN, codes::ACCOUNT_DISABLED, "The account has been disabled")
            }
            Self::SignInAgain => Problem::new(
                StatusCode::FORBIDDEN,
                codes::SIGN_IN_AGAIN,
                "This needs a session that began within the last minutes; sign in again",
            ),
            Self::WrongPassword => {
                Fault::invalid("/current_password", codes::WRONG_PASSWORD, "is not the password").problem()
            }
            Self::InvalidResetToken => Problem::new(
                StatusCode::NOT_FOUND,
                codes::INVALID_RESET_TOKEN,
                "The token is not valid; ask for another mail",
            ),
            Self::TooManyApiTokens => Problem::new(
                StatusCode::CONFLICT,
                codes::TOO_MANY_API_TOKENS,
                "There are as many API tokens as there may be; revoke one",
            ),
            Self::Fault(fault) => fault.problem(),
        }
    }
}

rollcall_common::api_error!(Error);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_own_code_and_status() {
        let answers: Vec<_> = [
            Error::EmailTaken,
            Error::InvalidCredentials,
            Error::InvalidRefreshToken,
            Error::RefreshReused,
            Error::SessionEnded,
            Error::MfaRequired("x".to_owned().into()),
            Error::InvalidChallenge,
            Error::InvalidCode,
            Error::MfaEnrolled,
            Error::MfaNotEnrolled,
            Error::TooManyAttempts(7),
            Error::AccountDisabled,
            Error::SignInAgain,
            Error::WrongPassword,
            Error::InvalidResetToken,
            Error::TooManyApiTokens,
            Fault::NotFound.into(),
        ]
        .iter()
        .map(|error| (error.problem().status, error.problem().code.into_owned()))
        .collect();
        let expected = [
            (409, "email_taken"),
            (401, "invalid_credentials"),
            (401, "invalid_refresh_token"),
            (401, "refresh_reused"),
            (401, "session_ended"),
            (401, "mfa_required"),
            (401, "invalid_challenge"),
            (401, "invalid_code"),
            (409, "mfa_enrolled"),
            (404, "mfa_not_enrolled"),
            (429, "too_many_attempts"),
            (403, "account_disabled"),
            (403, "sign_in_again"),
            (422, "invalid_input"),
            (404, "invalid_reset_token"),
            (409, "too_many_api_tokens"),
            (404, "not_found"),
        ];
        assert_eq!(answers, expected.map(|(status, code)| (status, code.to_owned())));
    }
}
