//! Everything that this service refuses, and how it is answered.

use actix_web::http::StatusCode;
use rollcall_common::fault::Fault;
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
            (404, "not_found"),
        ];
        assert_eq!(answers, expected.map(|(status, code)| (status, code.to_owned())));
    }
}
