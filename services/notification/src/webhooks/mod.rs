//! Events of an organisation, posted to addresses of its choice by the Standard Webhooks specification
//! (<https://www.standardwebhooks.com>): at least once, signed, and the same `webhook-id` however often.
//!
//! What is owed is stored in the transaction that takes the event ([`owe`]). [`worker`] leases it, fairly over all
//! webhooks, and sends it ([`sender`]) only where [`targets`] lets it. [`domain`] says what an answer means, [`signature`]
//! how a message is signed, [`payload`] which events are told and what of them.

pub mod deliveries;
pub mod describe;
pub mod domain;
pub mod handlers;
pub mod over;
pub mod owe;
pub mod payload;
pub mod queue;
pub mod resolver;
pub mod secrets;
pub mod sender;
pub mod signature;
pub mod store;
pub mod targets;
pub mod worker;
