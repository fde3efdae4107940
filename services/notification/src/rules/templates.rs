//! Texts. A template has a title and a body as text and, where it is mailed, a body as HTML; names are
//! escaped in HTML and left alone in text. The files are compiled in: a release carries its own words.

use super::table::{RULES, words};
use jiff::{Timestamp, tz::TimeZone};
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, context};
use serde::Serialize;

/// Characters of a device's name that are shown.
const MOST_OF_A_DEVICE: usize = 200;

/// A language that messages are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Simplified Chinese.
    SimplifiedChinese,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::English, Self::SimplifiedChinese];

    /// The closest there is to a BCP 47 tag. Whoever reads any Chinese is served better by it than by English.
    pub fn closest_to(locale: &str) -> Self {
        let primary = locale.split(['-', '_']).next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("zh") { Self::SimplifiedChinese } else { Self::English }
    }

    /// BCP 47 tag, which is also the folder of its templates.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::SimplifiedChinese => "zh-Hans",
        }
    }

    fn of_tag(tag: &str) -> Self {
        Self::ALL.into_iter().find(|language| language.tag() == tag).unwrap_or(Self::English)
    }

    /// `at` on the wall clock of `zone`, to the minute.
    fn moment(self, at: Timestamp, zone: TimeZone) -> String {
        let pattern = match self {
            Self::English => "%-d %b %Y, %H:%M",
            Self::SimplifiedChinese => "%Y年%-m月%-d日 %H:%M",
        };
        at.to_zoned(zone).strftime(pattern).to_string()
    }

    /// The date that a clock of `zone` shows at `at`.
    fn day(self, at: Timestamp, zone: TimeZone) -> String {
        let pattern = match self {
            Self::English => "%-d %b %Y",
            Self::SimplifiedChinese => "%Y年%-m月%-d日",
        };
        at.to_zoned(zone).strftime(pattern).to_string()
    }

    /// A distance in metres; in kilometres, to one decimal, from 1,000 on.
    fn distance(self, metres: u32) -> String {
        let (metre, kilometre) = match self {
            Self::English => (" m", " km"),
            Self::SimplifiedChinese => (" 米", " 公里"),
        };
        if metres < 1_000 {
            format!("{metres}{metre}")
        } else {
            format!("{}.{}{kilometre}", metres / 1_000, metres % 1_000 / 100)
        }
    }
}

/// A message as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// One line.
    pub title: String,
    /// Plain text.
    pub body: String,
    /// The same as HTML; none where the template has no HTML of its own.
    pub html: Option<String>,
}

/// Words of mails to accounts: of one message, and of a digest.
const SHARED: &[&[(&str, &str)]] = &[words!("message", html), words!("digest", html)];

/// All templates, parsed once.
pub struct Templates(Environment<'static>);

impl Templates {
    /// Parses them; fails on a mistake in a file, that is at the start of the service.
    pub fn load() -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|name| match name.rsplit_once('.') {
            Some((_, "html")) => AutoEscape::Html,
            _ => AutoEscape::None,
        });
        environment.add_filter("moment", moment);
        environment.add_filter("moment_of", moment_of);
        environment.add_filter("distance", distance);
        environment.add_filter("day", day);
        environment.add_filter("plural", plural);
        environment.add_filter("short", short);
        for (name, source) in RULES.iter().flat_map(|rule| rule.words).chain(SHARED.iter().copied().flatten()) {
            environment.add_template(name, source)?;
        }
        Ok(Self(environment))
    }

    /// Writes `template` in `language` from the event's own data and what the rules add to it.
    pub fn write(
        &self,
        template: &str,
        language: Language,
        event: &impl Serialize,
        org_name: &str,
    ) -> Result<Text, Error> {
        let tag = language.tag();
        let context = context! { language => tag, event => Value::from(Serde(event)), org_name };
        let write = |part: &str| self.0.get_template(&format!("{tag}/{template}.{part}"))?.render(context.clone());
        let html = match write("body.html") {
            Ok(html) => Some(html),
            Err(error) if error.kind() == ErrorKind::TemplateNotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Text { title: one_line(&write("title.txt")?), body: write("body.txt")?.trim().to_owned(), html })
    }
}

/// A title never breaks: it becomes a header of a mail and a line of a list.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn language(state: &State<'_, '_>) -> Language {
    let tag = state.lookup("language");
    Language::of_tag(tag.as_ref().and_then(Value::as_str).unwrap_or_default())
}

/// Filter: an RFC 3339 instant on the wall clock of an IANA zone. A zone that is not known shows UTC and says so.
fn moment(state: &State<'_, '_>, at: &str, zone: &str) -> Result<String, Error> {
    let at: Timestamp =
        at.parse().map_err(|e| Error::new(ErrorKind::InvalidOperation, "not an instant").with_source(e))?;
    Ok(match TimeZone::get(zone) {
        Ok(zone) => language(state).moment(at, zone),
        Err(_) => format!("{} UTC", language(state).moment(at, TimeZone::UTC)),
    })
}

/// Filter: the date that an IANA zone's clock shows at an RFC 3339 instant; in UTC where the zone is not known.
fn day(state: &State<'_, '_>, at: &str, zone: &str) -> Result<String, Error> {
    let at: Timestamp =
        at.parse().map_err(|e| Error::new(ErrorKind::InvalidOperation, "not an instant").with_source(e))?;
    Ok(language(state).day(at, TimeZone::get(zone).unwrap_or(TimeZone::UTC)))
}

/// Filter: which form a number takes, by the rules of CLDR for whole numbers: English has one and other, Chinese only
/// other.
fn plural(state: &State<'_, '_>, count: u64, one: String, other: String) -> String {
    match language(state) {
        Language::English if count == 1 => one,
        Language::English | Language::SimplifiedChinese => other,
    }
}

/// Filter: as [`moment`], for somebody whose zone the text does not say otherwise: it is named.
fn moment_of(state: &State<'_, '_>, at: &str, zone: &str) -> Result<String, Error> {
    let moment = moment(state, at, zone)?;
    Ok(if TimeZone::get(zone).is_ok() { format!("{moment} ({zone})") } else { moment })
}

/// Filter: what a stranger's program says of itself, on one line and cut off where no honest one goes on.
fn short(text: &str) -> String {
    one_line(text).chars().take(MOST_OF_A_DEVICE).collect()
}

/// Filter: a distance in metres.
fn distance(state: &State<'_, '_>, metres: u32) -> String {
    language(state).distance(metres)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rollcall_user_api::events::Credential;
    use std::collections::BTreeSet;

    fn example(template: &str, name: &str) -> serde_json::Value {
        let rule = RULES.iter().find(|rule| rule.template == template).unwrap();
        (rule.example)(name)
    }

    fn write(template: &str, language: Language, name: &str) -> Text {
        let templates = Templates::load().unwrap();
        templates.write(template, language, &example(template, name), "Nordlicht").unwrap()
    }

    #[test]
    fn markup_in_a_name_is_escaped_in_html_and_left_alone_in_text() {
        let text = write("invitation", Language::English, "<b>Bobby & Co</b>");
        assert!(text.body.contains("Hello <b>Bobby & Co</b>,"), "{}", text.body);
        let html = text.html.unwrap();
        assert!(html.contains("Hello &lt;b&gt;Bobby &amp; Co&lt;"), "{html}");
        assert!(!html.contains("<b>"), "{html}");
    }

    #[test]
    fn the_token_stands_on_a_line_of_its_own_in_every_language() {
        for (template, language) in
            ["invitation", "password_reset"].into_iter().flat_map(|it| Language::ALL.map(|language| (it, language)))
        {
            let text = write(template, language, "Li Wei");
            assert!(text.body.lines().any(|line| line == "s3cret_-token"), "{}", text.body);
            assert!(!text.body.contains("http") && !text.html.unwrap().contains("href"), "there is no page to lead to");
        }
    }

    #[test]
    fn an_instant_is_shown_on_the_wall_clock_of_its_place() {
        let text = write("punch_outside_geofence", Language::English, "Ada");
        assert_eq!(text.title, "Ada punched 1.2 km from Hafen");
        assert!(text.body.starts_with("The punch of 29 Mar 2026, 03:30 came"), "{}", text.body);
        let text = write("punch_outside_geofence", Language::SimplifiedChinese, "Ada");
        assert_eq!(text.title, "Ada 在距离 Hafen 1.2 公里处打卡");
        assert!(text.body.starts_with("2026年3月29日 03:30 的打卡"), "{}", text.body);
    }

    #[test]
    fn an_account_reads_its_own_clock_and_is_told_which_one() {
        let text = write("password_reset", Language::English, "Wei");
        assert!(text.body.contains("until 1 Jun 2026, 15:30 (Asia/Shanghai)"), "{}", text.body);
        let text = write("credentials_changed", Language::English, "Wei");
        assert!(text.body.contains("1 Jun 2026, 07:30 UTC"), "{}", text.body);
        assert!(!text.body.contains("Mars"), "{}", text.body);
    }

    #[test]
    fn a_device_cannot_write_the_mail() {
        for language in Language::ALL {
            let text = write("new_device", language, "Wei");
            assert!(text.body.lines().any(|line| line.ends_with("Firefox <b>")), "{}", text.body);
            assert!(!text.html.unwrap().contains("<b>"));
        }
        assert_eq!(short(&"x".repeat(10_000)).len(), MOST_OF_A_DEVICE);
    }

    #[test]
    fn every_change_is_called_by_a_name_of_its_own_in_every_language() {
        const CHANGES: [Credential; 6] = [
            Credential::PasswordChanged,
            Credential::PasswordReset,
            Credential::SecondFactorAdded,
            Credential::SecondFactorRemoved,
            Credential::RecoveryCodeUsed,
            Credential::ApiTokenCreated,
        ];
        let templates = Templates::load().unwrap();
        let mut titles = BTreeSet::new();
        for language in Language::ALL {
            for change in CHANGES {
                let mut event = example("credentials_changed", "Wei");
                event["change"] = serde_json::to_value(change).unwrap();
                let text = templates.write("credentials_changed", language, &event, "").unwrap();
                assert!(text.body.contains(&text.title) && text.html.unwrap().contains(&text.title), "{}", text.body);
                titles.insert(text.title);
            }
        }
        titles.remove("");
        assert_eq!(titles.len(), 2 * CHANGES.len(), "{titles:?}");
    }

    #[test]
    fn a_title_is_one_line_whatever_the_name_holds() {
        let text = write("invitation_accepted", Language::English, "Eve\r\nBcc: all@example.org\u{7}");
        assert_eq!(text.title, "Eve Bcc: all@example.org joined Nordlicht");
    }

    #[test]
    fn the_closest_language_is_chosen() {
        for (locale, language) in [
            ("zh", Language::SimplifiedChinese),
            ("zh-CN", Language::SimplifiedChinese),
            ("ZH_tw", Language::SimplifiedChinese),
            ("en-GB", Language::English),
            ("de", Language::English),
            ("", Language::English),
            ("zhuang", Language::English),
        ] {
            assert_eq!(Language::closest_to(locale), language, "{locale}");
        }
    }
}
