//! The table of channels outside the inbox. Adding one is a folder that implements [`Outside`], and a line in
//! [`CHANNELS`].
//!
//! A message for an account stands in its inbox, and beside it as [`owed`](crate::owed) by every channel that its owner
//! wants for the category. When it is due it is handed to the channel as a [`Parcel`], alone or in a digest, in the
//! transaction that no longer owes it; how the channel then gets it out (leases, retries, dead letters) is its own.

use crate::app::App;
use crate::rules::templates::{Language, Templates};
use diesel::pg::PgConnection;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use rollcall_common::fault::Fault;
use rollcall_common::server::Drain;
use rollcall_ids::{EventId, NotificationId, OrgId, UserId};
use rollcall_notification_api::preferences::Channel;
use std::sync::Arc;

/// Every channel outside the inbox.
pub static CHANNELS: &[&dyn Outside] = &[&crate::mail::channel::Mail];

/// A channel outside the inbox.
pub trait Outside: Send + Sync {
    /// Which one it is, in preferences and in the database.
    fn channel(&self) -> Channel;

    /// Name of the task that sends.
    fn task(&self) -> &'static str;

    /// Stores a parcel to be sent. What it stores it stores once for each [`Parcel::id`].
    fn owe(
        &self,
        conn: &mut PgConnection,
        words: &Templates,
        to: &Contact,
        parcel: &Parcel,
        now: Timestamp,
    ) -> Result<(), Fault>;

    /// Parcels are stored and committed: whoever sends should look.
    fn wake(&self, app: &App);

    /// Sends what is stored, until the service drains.
    fn run(&self, app: Arc<App>, drain: Drain) -> BoxFuture<'static, ()>;
}

/// The channel of that name.
pub fn channel(name: &str) -> Option<&'static dyn Outside> {
    CHANNELS.iter().copied().find(|channel| channel.channel().as_str() == name)
}

/// To whom a parcel goes. Personal data: it does not print.
#[derive(Clone)]
pub struct Contact {
    /// The account.
    pub user_id: UserId,
    /// Where mail reaches them.
    pub email: String,
    /// How they are addressed.
    pub name: String,
    /// What they read.
    pub language: Language,
    /// IANA name of the zone whose wall clock they read.
    pub zone: String,
}

/// One message, written in its reader's language when it was stored.
#[derive(Clone)]
pub struct Message {
    /// Its id in the inbox.
    pub notification_id: NotificationId,
    /// The organisation that it comes from.
    pub org_id: OrgId,
    /// One line.
    pub title: String,
    /// The text.
    pub body: String,
    /// When it was stored.
    pub created_at: Timestamp,
}

/// What is handed over at once.
pub enum Parcel {
    /// One message.
    One(Message),
    /// The messages of a period.
    Digest {
        /// Of the digest.
        id: EventId,
        /// They, the oldest first; never none.
        messages: Vec<Message>,
    },
}

impl Parcel {
    /// What makes it recognisable: no channel sends two of the same.
    pub fn id(&self) -> EventId {
        match self {
            Self::One(message) => EventId(message.notification_id.0),
            Self::Digest { id, .. } => *id,
        }
    }

    /// The organisation that it comes from, or that its oldest message does.
    pub fn org_id(&self) -> Option<OrgId> {
        match self {
            Self::One(message) => Some(message.org_id),
            Self::Digest { messages, .. } => messages.first().map(|message| message.org_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_has_one_line_and_the_inbox_none() {
        for channel in Channel::ALL {
            let lines = CHANNELS.iter().filter(|line| line.channel() == channel).count();
            assert!(lines <= 1 && (channel != Channel::Inbox || lines == 0), "{channel:?}");
        }
        assert!(channel("email").is_some() && channel("inbox").is_none() && channel("pigeon").is_none());
    }
}
