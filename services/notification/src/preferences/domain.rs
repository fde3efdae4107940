//! What holds when nobody has said anything, and what may be said. Pure.

use super::due::Quiet;
use jiff::civil::Time;
use rollcall_common::fault::Fault;
use rollcall_common::validate::{Fields, Rejection};
use rollcall_notification_api::inbox::Category;
use rollcall_notification_api::preferences::{Channel, Digest, NewPreferences, QuietHours, Ways};
use std::collections::BTreeMap;

/// Whether messages of a category wait for nothing and cannot be switched off: somebody else may have got into the
/// account, and its owner is asleep.
pub const fn is_critical(category: Category) -> bool {
    matches!(category, Category::Account)
}

/// What holds for a category when nobody has said anything: by mail whatever concerns one's own work and wages.
/// That somebody has joined is told in the inbox alone.
pub const fn default_ways(category: Category) -> Ways {
    let email = match category {
        Category::Membership => false,
        Category::Account
        | Category::Attendance
        | Category::Requests
        | Category::Roster
        | Category::Leave
        | Category::Periods
        | Category::Announcements
        | Category::Integrations => true,
    };
    Ways { inbox: true, email, web_push: true, webhook: false }
}

/// Preferences as they are gone by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// What was said of categories.
    pub categories: BTreeMap<Category, Ways>,
    /// When to be left in peace.
    pub quiet: Option<Quiet>,
    /// Whether messages are gathered.
    pub digest: Digest,
}

impl Wishes {
    /// How a category is told.
    pub fn ways(&self, category: Category) -> Ways {
        match self.categories.get(&category) {
            Some(ways) if !is_critical(category) => *ways,
            _ => default_ways(category),
        }
    }

    /// Whether messages of the category leave by the channel.
    pub fn wants(&self, category: Category, channel: Channel) -> bool {
        self.ways(category).by(channel)
    }
}

/// What somebody asks for, if it can be had; everything that cannot is named.
pub fn check(new: &NewPreferences) -> Result<Wishes, Fault> {
    let mut fields = Fields::new();
    for (category, ways) in &new.categories {
        let mut always_on = |channel: Channel| {
            let pointer = format!("/categories/{}/{}", category.as_str(), channel.as_str());
            let detail = format!("{} is always told by {}", category.as_str(), channel.as_str());
            fields.reject(&pointer, Rejection::new("always_on", detail));
        };
        if !ways.inbox {
            always_on(Channel::Inbox);
        }
        if is_critical(*category) && !ways.email {
            always_on(Channel::Email);
        }
    }
    let quiet = match &new.quiet_hours {
        None => Some(None),
        Some(QuietHours { start, end }) => {
            let start = fields.take("/quiet_hours/start", wall_time(start));
            let end = fields.take("/quiet_hours/end", wall_time(end));
            match (start, end) {
                (Some(start), Some(end)) => fields
                    .take(
                        "/quiet_hours/end",
                        Quiet::new(start, end)
                            .ok_or_else(|| Rejection::new("whole_day", "must differ from start: a day has an end")),
                    )
                    .map(Some),
                _ => None,
            }
        }
    };
    let (quiet,) = fields.all((quiet,))?;
    Ok(Wishes { categories: new.categories.clone(), quiet, digest: new.digest })
}

/// `HH:MM`, and nothing that merely resembles it.
fn wall_time(input: &str) -> Result<Time, Rejection> {
    let rejection = || Rejection::new("wall_time", "must be a time of day, HH:MM, 00:00 to 23:59");
    let (hour, minute) = input.split_once(':').ok_or_else(rejection)?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return Err(rejection());
    }
    let number = |part: &str| part.parse::<i8>().map_err(|_| rejection());
    Time::new(number(hour)?, number(minute)?, 0, 0).map_err(|_| rejection())
}

/// Quiet hours as they are written.
pub fn written(quiet: Quiet) -> QuietHours {
    let write = |time: Time| format!("{:02}:{:02}", time.hour(), time.minute());
    QuietHours { start: write(quiet.start()), end: write(quiet.end()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_mail_cannot_be_switched_off_even_by_a_row_that_says_so() {
        let off = Ways { inbox: false, email: false, web_push: false, webhook: false };
        let wishes = Wishes {
            categories: BTreeMap::from([(Category::Account, off), (Category::Leave, off)]),
            ..Wishes::default()
        };
        assert!(wishes.wants(Category::Account, Channel::Email));
        assert!(!wishes.wants(Category::Leave, Channel::Email));
        assert!(wishes.wants(Category::Requests, Channel::Email), "what was left out is as by default");
    }

    #[test]
    fn what_cannot_be_had_is_named_all_at_once() {
        let off = Ways { inbox: false, email: false, web_push: false, webhook: false };
        let new = NewPreferences {
            categories: BTreeMap::from([(Category::Account, off), (Category::Leave, Ways { inbox: true, ..off })]),
            quiet_hours: Some(QuietHours { start: "24:00".into(), end: "7:00".into() }),
            digest: Digest::Off,
        };
        let Err(Fault::Invalid(errors)) = check(&new) else { panic!("all is wrong") };
        let pointers: Vec<_> = errors.iter().map(|error| (error.pointer.as_str(), error.code.as_ref())).collect();
        assert_eq!(
            pointers,
            [
                ("/categories/account/inbox", "always_on"),
                ("/categories/account/email", "always_on"),
                ("/quiet_hours/start", "wall_time"),
                ("/quiet_hours/end", "wall_time"),
            ]
        );
    }

    #[test]
    fn a_time_of_day_is_hours_and_minutes_and_comes_back_as_it_was_written() {
        for bad in ["", "7", "07:0", "+7:00", "07:60", "24:00", "07:00:00", "aa:bb", "07-00", "٠٧:٠٠"] {
            assert!(wall_time(bad).is_err(), "{bad}");
        }
        let hours = QuietHours { start: "22:05".into(), end: "07:00".into() };
        let new = NewPreferences { quiet_hours: Some(hours.clone()), ..NewPreferences::default() };
        assert_eq!(written(check(&new).unwrap().quiet.unwrap()), hours);
        let whole = QuietHours { start: "07:00".into(), end: "07:00".into() };
        assert!(check(&NewPreferences { quiet_hours: Some(whole), ..NewPreferences::default() }).is_err());
    }
}
