//! Mail. What is owed stands in `mail_deliveries` before anything is sent; [`worker`] leases rows, [`domain`]
//! makes a message of one, [`transport`] hands it over: to a server by SMTP, or to files while developing.
//!
//! A crash between the server's acceptance and our note of it sends a mail twice: no mail server can rule that
//! out. Both copies have the same `Message-ID`, by which many servers and programs recognise the second.

pub mod channel;
pub mod domain;
pub mod store;
pub mod transport;
pub mod worker;
