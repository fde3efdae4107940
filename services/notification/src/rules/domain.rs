//! What a rule is, and what an event says by it. Pure; the rules themselves are in [`table`](super::table).

use rollcall_ids::EmployeeId;
use rollcall_notification_api::inbox::{About, Category};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One line of the table: an event, what its messages are about, and their words.
///
/// By which ways somebody is told is not the rule's to say: an address gets a mail, and an account has its inbox and
/// whatever it wants beside it for the category.
#[derive(Debug)]
pub struct Rule {
    /// Type of the event.
    pub event: &'static str,
    /// What the message is about; the unit in which people choose what they are told.
    pub category: Category,
    /// Name of the template, and of the kind of message in the inbox.
    pub template: &'static str,
    /// Whether the event belongs to an organisation, and names it. Others are about an account.
    pub of_org: bool,
    /// Whether it waits for nothing: neither for the end of quiet hours nor for a digest.
    pub urgent: bool,
    /// How the event is read; says who is told.
    pub read: fn(&serde_json::Value) -> Result<Said, serde_json::Error>,
    /// The template's files, by their names.
    pub words: &'static [(&'static str, &'static str)],
    /// Data of such an event about somebody of this name, for the tests over the table.
    #[cfg(test)]
    pub example: fn(&str) -> serde_json::Value,
}

/// What an event of the table says.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// Who is told.
    pub to: Recipients,
    /// What a client may open from the message.
    pub about: About,
    /// The event's data, for the template: what its type has, and nothing that a later release adds.
    pub data: serde_json::Value,
}

impl Said {
    /// Reads data as what its type says it is.
    pub fn read<T: DeserializeOwned + Serialize>(
        data: &serde_json::Value,
        say: impl FnOnce(&T) -> (Recipients, About),
    ) -> Result<Self, serde_json::Error> {
        let event = T::deserialize(data)?;
        let (to, about) = say(&event);
        Ok(Self { to, about, data: serde_json::to_value(&event)? })
    }
}

/// Who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// An address: of somebody outside, who need not have an account, or of an account.
    Address {
        /// Where the mail goes.
        email: String,
        /// How they are addressed.
        name: String,
        /// BCP 47 tag of the language they are written to in.
        locale: String,
    },
    /// The manager of `employee_id`; whoever speaks for the organisation if there is none with an account.
    ManagerOf {
        /// Whom it is about; never told about themselves.
        employee_id: EmployeeId,
        /// Their direct manager, as the event's owner knew it.
        manager_id: Option<EmployeeId>,
    },
    /// These, as far as they have an account and work here today.
    Employees(Vec<EmployeeId>),
    /// Whoever speaks for the organisation: owners and HR.
    Speakers,
}
