//! What this service answers besides what every service may.

use actix_web::http::StatusCode;
use rollcall_common::fault::Fault;
use rollcall_common::problem::Problem;

/// A refusal or a failure.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller has as many streams open as one person may.
    #[error("too many streams of one user")]
    TooManyStreams,
    /// One that every service may answer.
    #[error(transparent)]
    Fault(#[from] Fault),
}

rollcall_common::api_error!(Error);

impl Error {
    fn problem(&self) -> Problem {
        match self {
            Self::TooManyStreams => Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_streams",
                "As many streams are open as one person may have",
            )
            .retry_after(10),
            Self::Fault(fault) => fault.problem(),
        }
    }
}
