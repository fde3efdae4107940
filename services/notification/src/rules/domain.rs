//! The table of rules, and what an event says to it. Pure.

use rollcall_attendance_api::events::{PUNCH_OUTSIDE_GEOFENCE, PunchOutsideGeofence};
use rollcall_ids::EmployeeId;
use rollcall_notification_api::inbox::{About, Category};
use rollcall_org_api::events::{INVITATION_ACCEPTED, INVITATION_CREATED, InvitationAccepted, InvitationCreated};
use rollcall_user_api::events::{
    CREDENTIALS_CHANGED, CredentialsChanged, NEW_DEVICE, NewDevice, PASSWORD_RESET_REQUESTED, PasswordResetRequested,
    Recipient,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How a message reaches somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The inbox, and with it the stream.
    Inbox,
    /// Mail.
    Email,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Type of the event.
    pub event: &'static str,
    /// What the message is about, in the inbox: nobody looks at it where only mail is sent.
    pub category: Category,
    /// Name of the template, and of the kind of message in the inbox.
    pub template: &'static str,
    /// Whether the event belongs to an organisation, and names it. Others are about an account.
    pub of_org: bool,
    /// By which ways it is told.
    pub channels: &'static [Channel],
    /// How the event is read; says who is told.
    read: fn(&serde_json::Value) -> Result<Said, serde_json::Error>,
}

/// Every rule.
pub static RULES: &[Rule] = &[
    Rule {
        event: INVITATION_CREATED,
        category: Category::Membership,
        template: "invitation",
        of_org: true,
        channels: &[Channel::Email],
        read: |data| decode(data).map(Said::InvitationCreated),
    },
    Rule {
        event: INVITATION_ACCEPTED,
        category: Category::Membership,
        template: "invitation_accepted",
        of_org: true,
        channels: &[Channel::Inbox],
        read: |data| decode(data).map(Said::InvitationAccepted),
    },
    Rule {
        event: PUNCH_OUTSIDE_GEOFENCE,
        category: Category::Attendance,
        template: "punch_outside_geofence",
        of_org: true,
        channels: &[Channel::Inbox],
        read: |data| decode(data).map(Said::PunchOutsideGeofence),
    },
    Rule {
        event: PASSWORD_RESET_REQUESTED,
        category: Category::Membership,
        template: "password_reset",
        of_org: false,
        channels: &[Channel::Email],
        read: |data| decode(data).map(Said::PasswordResetRequested),
    },
    Rule {
        event: NEW_DEVICE,
        category: Category::Membership,
        template: "new_device",
        of_org: false,
        channels: &[Channel::Email],
        read: |data| decode(data).map(Said::NewDevice),
    },
    Rule {
        event: CREDENTIALS_CHANGED,
        category: Category::Membership,
        template: "credentials_changed",
        of_org: false,
        channels: &[Channel::Email],
        read: |data| decode(data).map(Said::CredentialsChanged),
    },
];

/// The rule for events of this type; none: nobody is told.
pub fn rule_for(event: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.event == event)
}

impl Rule {
    /// Reads the event's data.
    pub fn read(&self, data: &serde_json::Value) -> Result<Said, serde_json::Error> {
        (self.read)(data)
    }

    /// Whether it is told by this way.
    pub fn by(&self, channel: Channel) -> bool {
        self.channels.contains(&channel)
    }
}

fn decode<T: DeserializeOwned>(data: &serde_json::Value) -> Result<T, serde_json::Error> {
    T::deserialize(data)
}

/// What an event of the table says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Said {
    /// Of [`INVITATION_CREATED`].
    InvitationCreated(InvitationCreated),
    /// Of [`INVITATION_ACCEPTED`].
    InvitationAccepted(InvitationAccepted),
    /// Of [`PUNCH_OUTSIDE_GEOFENCE`].
    PunchOutsideGeofence(PunchOutsideGeofence),
    /// Of [`PASSWORD_RESET_REQUESTED`].
    PasswordResetRequested(PasswordResetRequested),
    /// Of [`NEW_DEVICE`].
    NewDevice(NewDevice),
    /// Of [`CREDENTIALS_CHANGED`].
    CredentialsChanged(CredentialsChanged),
}

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipients<'a> {
    /// An address: of somebody outside, who need not have an account, or of an account.
    Address {
        /// Where the mail goes.
        email: &'a str,
        /// How they are addressed.
        name: &'a str,
        /// BCP 47 tag of the language they are written to in.
        locale: &'a str,
    },
    /// The manager of `employee_id`; whoever speaks for the organisation if there is none with an account.
    ManagerOf {
        /// Whom it is about; never told about themselves.
        employee_id: EmployeeId,
        /// Their direct manager, as the event's owner knew it.
        manager_id: Option<EmployeeId>,
    },
}

impl Said {
    /// Who is told.
    pub fn recipients(&self) -> Recipients<'_> {
        match self {
            Self::InvitationCreated(it) => Recipients::Address { email: &it.email, name: &it.name, locale: &it.locale },
            Self::InvitationAccepted(it) => {
                Recipients::ManagerOf { employee_id: it.employee_id, manager_id: it.manager_id }
            }
            Self::PunchOutsideGeofence(it) => {
                Recipients::ManagerOf { employee_id: it.employee_id, manager_id: it.manager_id }
            }
            Self::PasswordResetRequested(it) => of_account(&it.recipient),
            Self::NewDevice(it) => of_account(&it.recipient),
            Self::CredentialsChanged(it) => of_account(&it.recipient),
        }
    }

    /// What a client may open from the message.
    pub fn about(&self) -> About {
        match self {
            Self::InvitationCreated(it) => {
                About { employee_id: Some(it.employee_id), invitation_id: Some(it.invitation_id), ..About::default() }
            }
            Self::InvitationAccepted(it) => {
                About { employee_id: Some(it.employee_id), invitation_id: Some(it.invitation_id), ..About::default() }
            }
            Self::PunchOutsideGeofence(it) => {
                About { employee_id: Some(it.employee_id), punch_id: Some(it.punch_id), ..About::default() }
            }
            Self::PasswordResetRequested(_) | Self::NewDevice(_) | Self::CredentialsChanged(_) => About::default(),
        }
    }
}

fn of_account(recipient: &Recipient) -> Recipients<'_> {
    Recipients::Address { email: &recipient.email, name: &recipient.name, locale: &recipient.locale }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_event_has_two_rules() {
        for rule in RULES {
            assert_eq!(RULES.iter().filter(|other| other.event == rule.event).count(), 1, "{}", rule.event);
        }
        assert!(rule_for("org.employee.changed.v1").is_none());
    }

    #[test]
    fn an_invitation_goes_by_mail_to_the_invited_address() {
        let data = serde_json::json!({
            "invitation_id": "0192aaaa-0000-7000-8000-000000000001",
            "employee_id": "0192aaaa-0000-7000-8000-000000000002",
            "email": "wei@example.org", "name": "Li Wei", "org_name": "Nordlicht", "locale": "zh-CN",
            "token": "s3cret", "expires_at": "2026-11-27T09:00:00Z", "a_later_field": true
        });
        let rule = rule_for(INVITATION_CREATED).unwrap();
        let said = rule.read(&data).unwrap();
        assert!(rule.by(Channel::Email) && !rule.by(Channel::Inbox));
        assert_eq!(
            said.recipients(),
            Recipients::Address { email: "wei@example.org", name: "Li Wei", locale: "zh-CN" }
        );
    }

    #[test]
    fn an_event_that_does_not_keep_its_contract_is_an_error_and_not_a_silence() {
        assert!(rule_for(INVITATION_ACCEPTED).unwrap().read(&serde_json::json!({"employee_id": 7})).is_err());
    }
}
