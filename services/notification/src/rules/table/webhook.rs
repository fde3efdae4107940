//! Webhooks that went wrong.

use super::words;
use crate::rules::domain::{Recipients, Rule, Said};
use rollcall_notification_api::events::{WEBHOOK_SWITCHED_OFF, WebhookSwitchedOff};
use rollcall_notification_api::inbox::{About, Category};

pub(super) static SWITCHED_OFF: Rule = Rule {
    event: WEBHOOK_SWITCHED_OFF,
    category: Category::Integrations,
    template: "webhook_switched_off",
    of_org: true,
    urgent: true,
    read: |data| Said::read(data, |_: &WebhookSwitchedOff| (Recipients::Speakers, About::default())),
    words: words!("webhook_switched_off"),
    #[cfg(test)]
    example: |name| {
        serde_json::json!({
            "webhook_id": "0192aaaa-0000-7000-8000-000000000001", "description": name, "host": "payroll.example.org",
            "gone": false, "failing_since": "2026-06-01T09:00:00Z",
        })
    },
};
