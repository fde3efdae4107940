//! What concerns an account, and no organisation. Such mail cannot be switched off and waits for nothing: it is how
//! somebody learns that another has got in.

use super::words;
use crate::rules::domain::{Recipients, Rule, Said};
use rollcall_notification_api::inbox::{About, Category};
use rollcall_user_api::events::{self, CredentialsChanged, NewDevice, PasswordResetRequested, Recipient};

pub(super) static PASSWORD_RESET: Rule = Rule {
    event: events::PASSWORD_RESET_REQUESTED,
    category: Category::Account,
    template: "password_reset",
    of_org: false,
    urgent: true,
    read: |data| Said::read(data, |it: &PasswordResetRequested| (of_account(&it.recipient), About::default())),
    words: words!("password_reset", html),
    #[cfg(test)]
    example: |name| {
        serde_json::json!({
            "user_id": "0192aaaa-0000-7000-8000-000000000003", "email": "wei@example.org", "name": name,
            "locale": "en", "time_zone": "Asia/Shanghai", "token": "s3cret_-token", "expires_at": "2026-06-01T07:30:00Z",
        })
    },
};

pub(super) static NEW_DEVICE: Rule = Rule {
    event: events::NEW_DEVICE,
    category: Category::Account,
    template: "new_device",
    of_org: false,
    urgent: true,
    read: |data| Said::read(data, |it: &NewDevice| (of_account(&it.recipient), About::default())),
    words: words!("new_device", html),
    #[cfg(test)]
    example: |name| {
        serde_json::json!({
            "user_id": "0192aaaa-0000-7000-8000-000000000003", "email": "wei@example.org", "name": name,
            "locale": "en", "time_zone": "Asia/Shanghai", "device": "Firefox\r\n\r\n<b>", "address": "203.0.113.7",
            "at": "2026-06-01T07:30:00Z",
        })
    },
};

pub(super) static CREDENTIALS_CHANGED: Rule = Rule {
    event: events::CREDENTIALS_CHANGED,
    category: Category::Account,
    template: "credentials_changed",
    of_org: false,
    urgent: true,
    read: |data| Said::read(data, |it: &CredentialsChanged| (of_account(&it.recipient), About::default())),
    words: words!("credentials_changed", html),
    #[cfg(test)]
    example: |name| {
        serde_json::json!({
            "user_id": "0192aaaa-0000-7000-8000-000000000003", "email": "wei@example.org", "name": name,
            "locale": "en", "time_zone": "Mars/Olympus", "change": "password_changed", "at": "2026-06-01T07:30:00Z",
        })
    },
};

fn of_account(recipient: &Recipient) -> Recipients {
    Recipients::Address {
        email: recipient.email.clone(),
        name: recipient.name.clone(),
        locale: recipient.locale.clone(),
    }
}
