//! `rollcall compat`: whether a release breaks those who use the service that it replaces, or needs what does not run.
//!
//! | module | what |
//! |---|---|
//! | [`rules`] | the table: what breaks whom |
//! | [`schema`] | two schemas of one value, in the direction in which it goes |
//! | [`document`] | two OpenAPI documents: paths, methods, parameters, bodies, answers, events |
//! | [`release`] | which documents are compared when a service is released |
//!
//! Why our own: of the programs that compare OpenAPI documents, those that take 3.1 see a path or a required field that
//! goes and little else, and none knows that here an event in `webhooks` goes out and not in.

pub mod document;

pub mod release;
pub mod rules;
pub mod schema;

pub use document::compare;
pub use rules::{Break, Rule};
