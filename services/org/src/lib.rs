//! The org service: who works where, under whom, with which rights.
//!
//! A folder per feature. `handlers` decode, call and encode; `domain` is pure; `store` is statements; `commands` are
//! the changes that take several of them, each in one transaction with its audit event and the event that tells
//! the other services (`act`).

#![expect(clippy::option_option, reason = "in a PATCH a field that is absent and one that is null differ")]
#![expect(clippy::struct_field_names, reason = "ids are named in full, here and on the wire: unit_id, not id")]

mod act;
mod app;
mod assignments;
mod audit;
mod delegations;
mod employees;
mod error;
mod holidays;
mod imports;
mod invitations;
mod members;
mod orgs;
mod responses;
mod roles;
mod routes;
mod schema;
mod settings;
mod sites;
mod units;
mod upload;
mod values;

pub use app::App;
pub use settings::Settings;
