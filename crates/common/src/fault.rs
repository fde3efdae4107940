//! What every service may answer besides its own errors.

use crate::problem::{FieldError, Problem};
use actix_web::http::StatusCode;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// A refusal or a failure that is not particular to one service.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No token, or not a valid one.
    #[error("not signed in: {0}")]
    NotSignedIn(&'static str),
    /// Signed in, but not allowed; used only where the caller may know that the thing exists.
    #[error("not allowed")]
    Forbidden,
    /// The API token does not cover the request, whatever its owner may do.
    #[error("insufficient scope")]
    InsufficientScope,
    /// Not there, or of another tenant.
    #[error("not found")]
    NotFound,
    /// The body, the query or a header cannot be decoded.
    #[error("malformed input")]
    Malformed(Vec<FieldError>),
    /// Understood, and wrong.
    #[error("invalid input")]
    Invalid(Vec<FieldError>),
    /// The body is not JSON by its `Content-Type`.
    #[error("unsupported media type")]
    UnsupportedMediaType,
    /// The body is larger than this many bytes.
    #[error("body over {0} bytes")]
    TooLarge(usize),
    /// The resource needs `If-Match`.
    #[error("If-Match is missing")]
    PreconditionRequired,
    /// Somebody else changed the resource.
    #[error("version differs")]
    PreconditionFailed,
    /// A request with this `Idempotency-Key` still runs.
    #[error("a request with this idempotency key still runs")]
    IdempotencyInProgress,
    /// This `Idempotency-Key` came before with another request.
    #[error("idempotency key reused")]
    IdempotencyMismatch,
    /// The caller has asked for more than is theirs; nothing was done.
    #[error("rate limit {policy} exceeded")]
    TooManyRequests {
        /// Which limit.
        policy: &'static str,
        /// Seconds after which there is more.
        retry_after: u32,
    },
    /// Something that is needed cannot be reached or is too busy; nothing was done.
    #[error("{what} is not available")]
    Unavailable {
        /// What, for the log.
        what: &'static str,
        /// Seconds after which to try again.
        retry_after: u32,
        /// Why.
        #[source]
        source: Option<anyhow::Error>,
    },
    /// The connection was lost while committing: it may have been done, or not.
    #[error("the outcome is not known")]
    OutcomeUnknown(#[source] DieselError),
    /// The caller's time is over.
    #[error("deadline exceeded")]
    DeadlineExceeded,
    /// Everything else; a defect.
    #[error("internal error")]
    Internal(#[source] anyhow::Error),
}

impl Fault {
    /// One bad field that was understood.
    pub fn invalid(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError { pointer: pointer.into(), code: code.into(), detail: detail.into() }])
    }

    /// `what` is away; the caller may try again in a second.
    pub fn unavailable(what: &'static str, source: impl Into<anyhow::Error>) -> Self {
        Self::Unavailable { what, retry_after: 1, source: Some(source.into()) }
    }

    /// A defect, with what is known of it.
    pub fn internal(source: impl Into<anyhow::Error>) -> Self {
        Self::Internal(source.into())
    }

    /// How it is answered.
    pub fn problem(&self) -> Problem {
        match self {
            Self::NotSignedIn(why) => {
                Problem::new(StatusCode::UNAUTHORIZED, "not_signed_in", "Not signed in").detail(*why)
            }
            Self::Forbidden => Problem::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed"),
            Self::InsufficientScope => {
                Problem::new(StatusCode::FORBIDDEN, "insufficient_scope", "The API token does not cover this request")
            }
            Self::NotFound => Problem::new(StatusCode::NOT_FOUND, "not_found", "Not found"),
            Self::Malformed(errors) => {
                Problem::new(StatusCode::BAD_REQUEST, "malformed_input", "The input cannot be decoded")
                    .errors(errors.clone())
            }
            Self::Invalid(errors) => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_input", "The input breaks a rule")
                    .errors(errors.clone())
            }
            Self::UnsupportedMediaType => Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "The body must be application/json",
            ),
            Self::TooLarge(limit) => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too large")
                .detail(format!("at most {limit} bytes are taken")),
            Self::PreconditionRequired => Problem::new(
                StatusCode::PRECONDITION_REQUIRED,
                "if_match_required",
                "If-Match with the version of the resource is required",
            ),
            Self::PreconditionFailed => Problem::new(
                StatusCode::PRECONDITION_FAILED,
                "version_mismatch",
                "The resource has changed since it was read",
            ),
            Self::IdempotencyInProgress => Problem::new(
                StatusCode::CONFLICT,
                "idempotency_in_progress",
                "A request with this Idempotency-Key is still running",
            )
            .retry_after(1),
            Self::IdempotencyMismatch => Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "This Idempotency-Key came before with another request",
            ),
            Self::TooManyRequests { policy, retry_after } => {
                Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests in a short time")
                    .with("violated-policies", vec![*policy])
                    .retry_after(*retry_after)
            }
            Self::Unavailable { retry_after, .. } => Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "Something that is needed is not available right now",
            )
            .retry_after(*retry_after),
            Self::OutcomeUnknown(_) => Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "outcome_unknown",
                "It may have been done; the same Idempotency-Key makes it safe to send again",
            )
            .retry_after(1),
            Self::DeadlineExceeded => {
                Problem::new(StatusCode::GATEWAY_TIMEOUT, "deadline_exceeded", "The time of the request ran out")
                    .retry_after(1)
            }
            Self::Internal(_) => Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "The service failed; the request id finds the cause",
            ),
        }
    }
}

/// The parts of [`api_error!`](crate::api_error) that a fault needs for itself.
impl actix_web::ResponseError for Fault {
    fn status_code(&self) -> StatusCode {
        self.problem().status_code()
    }

    fn error_response(&self) -> actix_web::HttpResponse {
        crate::problem::respond(self, self.problem())
    }
}

/// A row that is not there is 404; a lost, refused or overloaded database is 503; everything else, a constraint
/// that the service did not recognise by its name included, is a defect.
impl From<DieselError> for Fault {
    fn from(error: DieselError) -> Self {
        match &error {
            DieselError::NotFound => Self::NotFound,
            DieselError::DatabaseError(kind, info) if is_outage(*kind, info.message()) => {
                Self::unavailable("database", error)
            }
            DieselError::BrokenTransactionManager => Self::unavailable("database", error),
            _ => Self::internal(error),
        }
    }
}

/// Whether PostgreSQL, not the statement, is the reason. The messages are those of SQLSTATE classes 08
/// (connection), 53 (resources), 57 (operator intervention, timeouts), 55P03 (lock timeout) and 40P01 (deadlock);
/// diesel does not hand out the code itself, and provisioning sets `lc_messages` of the roles to C.
fn is_outage(kind: DatabaseErrorKind, message: &str) -> bool {
    const MESSAGES: [&str; 14] = [
        "deadlock detected",
        "server closed the connection",
        "terminating connection",
        "connection to server",
        "could not connect",
        "no connection to the server",
        "the database system is",
        "canceling statement due to",
        "remaining connection slots",
        "too many clients",
        "No space left on device",
        "could not extend file",
        "cannot execute",
        "SSL SYSCALL error",
    ];
    match kind {
        DatabaseErrorKind::ClosedConnection
        | DatabaseErrorKind::SerializationFailure
        | DatabaseErrorKind::ReadOnlyTransaction
        | DatabaseErrorKind::UnableToSendCommand => true,
        _ => MESSAGES.iter().any(|known| message.contains(known)),
    }
}

impl From<crate::client::CallError> for Fault {
    fn from(error: crate::client::CallError) -> Self {
        use crate::client::CallError;
        match error {
            CallError::NotFound { .. } => Self::NotFound,
            // What says nothing that its contract knows is not the peer: a page of a proxy, a release gone wrong.
            CallError::Unavailable { .. } | CallError::TooLarge { .. } | CallError::BrokenContract { .. } => {
                Self::unavailable("another service", error)
            }
            // Its clock or its keys differ from ours for now: whoever asked us has done nothing wrong.
            CallError::Refused { status, .. } if matches!(status.as_u16(), 401 | 403) => {
                Self::unavailable("another service", error)
            }
            CallError::Refused { .. } => Self::internal(error),
        }
    }
}
