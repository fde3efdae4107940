//! Mechanism that every Rollcall service shares. It knows no noun of HR: what a service is about lives in the
//! service, what two services say to each other in the crates named after them with `-api`.
//!
//! | module | what |
//! |---|---|
//! | [`server`] | start, routes, health, draining |
//! | [`settings`], [`cli`], [`telemetry`] | how a process is told, run and watched |
//! | [`auth`], [`tenant`] | who calls, and in which organisation |
//! | [`extract`], [`validate`], [`idempotency`], [`paging`], [`client_address`] | what came in, and from where |
//! | [`answer`], [`problem`], [`fault`], [`csv`], [`describe`] | what goes out |
//! | [`db`], [`restored`] | one transaction for one request; a database that was put back |
//! | [`events`] | what others are told, and what is heard |
//! | [`client`], [`context`], [`trace`] | calls, with a deadline, in the trace of the request |
//! | [`cached`], [`backfill`] | what peers said, remembered; and all of it, taken over |
//! | [`clock`], [`secret`], [`seal`], [`pii`] | time, chance, secrets and personal data, through one door each |

pub mod answer;
pub mod auth;
pub mod backfill;
pub mod cached;
pub mod cli;
pub mod client;
pub mod client_address;
pub mod clock;
pub mod context;
pub mod csv;
pub mod db;
pub mod describe;
pub mod events;
pub mod extract;
pub mod fault;
pub mod idempotency;
pub mod paging;
pub mod pii;
pub mod problem;
pub mod restored;
mod schema;
pub mod seal;
pub mod secret;
pub mod server;
pub mod settings;
pub mod telemetry;
pub mod tenant;
#[cfg(feature = "testing")]
pub mod testing;
pub mod trace;
pub mod validate;

/// Names that [`api_error!`] and [`refusals!`] need in the crate that uses it.
#[doc(hidden)]
pub mod reexport {
    pub use actix_web::http::StatusCode;
    pub use actix_web::{HttpResponse, ResponseError};
    pub use diesel::result::Error as DieselError;
    pub use utoipa::IntoResponses;
    pub use utoipa::openapi::{RefOr, Response};
}
