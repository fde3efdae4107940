//! The table of rules: which event is told to whom, as what, with which words.
//!
//! A rule is a file here and a line in [`RULES`]; its words are files of `templates/`, in every language. The tests
//! below go over the table: they fail for a rule whose words are missing, in whatever language, or do not fit its event.

use super::domain::Rule;

mod account;
mod device;
mod invitation;
mod leave;
mod periods;
mod punch;
mod requests;
mod roster;
mod webhook;

/// Every rule.
pub static RULES: &[&Rule] = &[
    &account::CREDENTIALS_CHANGED,
    &account::NEW_DEVICE,
    &account::PASSWORD_RESET,
    &device::SILENT,
    &invitation::ACCEPTED,
    &invitation::CREATED,
    &leave::EXPIRING,
    &periods::LOCKED,
    &periods::LOCKING,
    &punch::MISSING,
    &punch::OUTSIDE_GEOFENCE,
    &requests::CORRECTION_DECIDED_RULE,
    &requests::CORRECTION_REQUESTED_RULE,
    &requests::LEAVE_DECIDED_RULE,
    &requests::LEAVE_REQUESTED_RULE,
    &requests::OVERTIME_DECIDED_RULE,
    &requests::OVERTIME_REQUESTED_RULE,
    &requests::SWAP_ACCEPTED_RULE,
    &requests::SWAP_ASKED_RULE,
    &requests::SWAP_DECIDED_RULE,
    &requests::SWAP_REQUESTED_RULE,
    &roster::CHANGED,
    &webhook::SWITCHED_OFF,
];

/// The rule for events of this type; none: nobody is told.
pub fn rule_for(event: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.event == event)
}

/// The files of a template in every language: title and text, and HTML of its own where it is asked for. A message to
/// an account needs none: its mail is the text in the HTML that all share.
macro_rules! words {
    ($template:literal) => { words!($template, ".title.txt", ".body.txt") };
    ($template:literal, html) => { words!($template, ".title.txt", ".body.txt", ".body.html") };
    ($template:literal, $($part:literal),+) => {
        &[$(
            (
                concat!("en/", $template, $part),
                include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/en/", $template, $part)),
            ),
            (
                concat!("zh-Hans/", $template, $part),
                include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/zh-Hans/", $template, $part)),
            ),
        )+]
    };
}
pub(in crate::rules) use words;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::domain::Recipients;
    use crate::rules::templates::{Language, Templates};

    #[test]
    fn no_event_has_two_rules_and_no_template_two_events() {
        for rule in RULES {
            assert_eq!(RULES.iter().filter(|other| other.event == rule.event).count(), 1, "{}", rule.event);
            assert_eq!(RULES.iter().filter(|other| other.template == rule.template).count(), 1, "{}", rule.template);
        }
        assert!(rule_for("org.employee.changed.v1").is_none());
    }

    #[test]
    fn every_rule_has_words_in_every_language_for_what_its_event_says() {
        let templates = Templates::load().unwrap();
        for rule in RULES {
            let said = (rule.read)(&(rule.example)("Li Wei <&>")).unwrap_or_else(|e| panic!("{}: {e}", rule.event));
            let mut bodies = Vec::new();
            for language in Language::ALL {
                let text = templates.write(rule.template, language, &said.data, "Nordlicht").unwrap();
                assert!(!text.title.is_empty() && !text.body.is_empty(), "{}", rule.template);
                if let Some(html) = &text.html {
                    assert!(!html.contains("<&>"), "{}: {html}", rule.template);
                }
                // Who is written to at an address has a mail of its own words; others have one that all share.
                assert_eq!(text.html.is_some(), matches!(said.to, Recipients::Address { .. }), "{}", rule.template);
                bodies.push(text.body);
            }
            bodies.dedup();
            assert_eq!(bodies.len(), Language::ALL.len(), "{} is not translated", rule.template);
        }
    }

    #[test]
    fn an_event_that_does_not_keep_its_contract_is_an_error_and_not_a_silence() {
        for rule in RULES {
            assert!((rule.read)(&serde_json::json!({ "employee_id": 7 })).is_err(), "{}", rule.event);
        }
    }

    #[test]
    fn what_a_later_release_adds_to_an_event_is_left_out() {
        for rule in RULES {
            let mut data = (rule.example)("Li Wei");
            data["a_later_field"] = true.into();
            let said = (rule.read)(&data).unwrap();
            assert_eq!(said.data.get("a_later_field"), None, "{}", rule.event);
        }
    }
}
