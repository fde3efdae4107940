//! What channels outside the inbox owe to accounts: messages that wait for the end of quiet hours, for their digest, or
//! for a moment. A row is written by the transaction that stores the message in the inbox, and leaves by the one that
//! hands it to its channel; so whatever happens between, each is handed over once.

pub mod release;
pub mod store;
