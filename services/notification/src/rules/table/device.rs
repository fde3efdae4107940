//! Terminals and kiosks that are not heard of.

use super::words;
use crate::rules::domain::{Recipients, Rule, Said};
use rollcall_attendance_api::events::{DEVICE_SILENT, DeviceSilent};
use rollcall_notification_api::inbox::{About, Category};

pub(super) static SILENT: Rule = Rule {
    event: DEVICE_SILENT,
    category: Category::Attendance,
    template: "device_silent",
    of_org: true,
    urgent: false,
    read: |data| Said::read(data, |_: &DeviceSilent| (Recipients::Speakers, About::default())),
    words: words!("device_silent"),
    #[cfg(test)]
    example: |name| {
        serde_json::json!({
            "device_id": "0192aaaa-0000-7000-8000-000000000001", "device_name": name,
            "site_id": "0192aaaa-0000-7000-8000-000000000004", "site_name": "Hafen",
            "silent_since": "2026-03-29T01:30:00Z", "time_zone": "Europe/Berlin",
        })
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::templates::{Language, Templates};

    #[test]
    fn those_who_speak_for_the_organisation_are_told_which_device_it_is_and_since_when_by_the_clocks_there() {
        let said = (SILENT.read)(&(SILENT.example)("Back door")).unwrap();
        assert_eq!(said.to, Recipients::Speakers);
        let templates = Templates::load().unwrap();
        let text = templates.write("device_silent", Language::English, &said.data, "Nordlicht").unwrap();
        assert_eq!(text.title, "Nothing is heard of Back door at Hafen");
        assert!(text.body.contains("03:30"), "{}", text.body);
    }
}
