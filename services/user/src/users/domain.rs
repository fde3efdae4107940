//! What may stand in a profile: every value is parsed here once, and the rest of the service believes it.

use icu_locale_core::LanguageIdentifier;
use rollcall_common::pii::Pii;
use rollcall_common::validate::{self, Rejection};
use unicode_normalization::UnicodeNormalization as _;

/// Longest e-mail address that fits an SMTP path (RFC 5321 §4.5.3.1.3, with erratum 1690).
const EMAIL_MAX: usize = 254;
/// Longest local part (RFC 5321 §4.5.3.1.1).
const LOCAL_PART_MAX: usize = 64;
/// Longest name of a person, in characters.
const NAME_MAX: usize = 200;
/// Length that an implementation must support for a language tag (RFC 5646 §4.4.1).
const LOCALE_MAX: usize = 35;

/// An address that mail can be sent to, with the local part as its owner writes it and the domain in lower-case
/// ASCII (IDNA). Quoted local parts, address literals and non-ASCII local parts are refused: mail to them gets
/// lost at too many hosts.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress {
    address: String,
}

impl EmailAddress {
    /// Parses what a person typed; white space around it is not part of it.
    pub fn parse(input: &str) -> Result<Self, Rejection> {
        let invalid = || Rejection::new("invalid_email", "must be an e-mail address like ada@example.org");
        let (local, domain) = input.trim().rsplit_once('@').ok_or_else(invalid)?;
        if !is_dot_atom(local) || local.len() > LOCAL_PART_MAX {
            return Err(invalid());
        }
        let domain = ascii_domain(domain).ok_or_else(invalid)?;
        let address = format!("{local}@{domain}");
        if address.len() > EMAIL_MAX {
            return Err(Rejection::new("length", format!("must have at most {EMAIL_MAX} characters")));
        }
        Ok(Self { address })
    }

    /// The address to write to.
    pub fn as_str(&self) -> &str {
        &self.address
    }

    /// What makes two addresses the same account: the address without regard to case.
    pub fn key(&self) -> String {
        self.address.to_ascii_lowercase()
    }
}

impl std::fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Pii::new(()).fmt(f)
    }
}

/// `dot-atom-text` of RFC 5322 §3.2.3.
fn is_dot_atom(local: &str) -> bool {
    let is_atext = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// A host name of at least two labels in ASCII form (RFC 5890), or none.
fn ascii_domain(domain: &str) -> Option<String> {
    // `Host::parse` decodes percent escapes, which no e-mail address has.
    if domain.contains('%') {
        return None;
    }
    let Ok(url::Host::Domain(ascii)) = url::Host::parse(domain) else { return None };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    (ascii.contains('.') && ascii.split('.').all(is_label)).then_some(ascii)
}

/// A person's name as they write it: 1 to 200 characters, NFC.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonName(String);

impl PersonName {
    /// Parses a name.
    pub fn parse(input: &str) -> Result<Self, Rejection> {
        let composed: String = input.nfc().collect();
        validate::text(&composed, NAME_MAX).map(Self)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PersonName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Pii::new(()).fmt(f)
    }
}

/// The language somebody is written to in: a BCP 47 tag in canonical case. Any language may be chosen; messages
/// are in the nearest one there are templates for (`en`, `zh-CN`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locale(String);

impl Locale {
    /// The language of those who name none.
    pub fn fallback() -> Self {
        Self("en".to_owned())
    }

    /// Parses a tag of language, script, region and variants (RFC 5646 §2.1, without extensions).
    pub fn parse(input: &str) -> Result<Self, Rejection> {
        let invalid = || Rejection::new("invalid_locale", "must be a BCP 47 language tag like en or zh-CN");
        if input.len() > LOCALE_MAX {
            return Err(invalid());
        }
        let tag: LanguageIdentifier = input.parse().map_err(|_| invalid())?;
        if tag.language.is_unknown() {
            return Err(invalid());
        }
        Ok(Self(tag.to_string()))
    }

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The zone whose wall clock somebody reads, by its IANA name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeZoneName(String);

impl TimeZoneName {
    /// The zone of those who name none.
    pub fn fallback() -> Self {
        Self("UTC".to_owned())
    }

    /// Parses a name that the bundled zone database knows; the case is put right.
    pub fn parse(input: &str) -> Result<Self, Rejection> {
        let zone = validate::time_zone(input)?;
        match zone.iana_name() {
            Some(name) if !zone.is_unknown() => Ok(Self(name.to_owned())),
            _ => Err(Rejection::new("unknown_time_zone", "must be the IANA name of a time zone, like Europe/Berlin")),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The parts of a profile that its owner changes; none stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileChange {
    /// A new name.
    pub name: Option<PersonName>,
    /// A new language.
    pub locale: Option<Locale>,
    /// A new zone.
    pub time_zone: Option<TimeZoneName>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_that_people_have_are_taken() {
        for (typed, kept) in [
            ("ada@example.org", "ada@example.org"),
            ("  Ada.Lovelace+work@Example.ORG\n", "Ada.Lovelace+work@example.org"),
            ("o'brien@mail.example.co.uk", "o'brien@mail.example.co.uk"),
            ("li@例子.测试", "li@xn--fsqu00a.xn--0zwm56d"),
            ("x@bücher.example", "x@xn--bcher-kva.example"),
        ] {
            assert_eq!(EmailAddress::parse(typed).unwrap().as_str(), kept);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long_local = format!("{}@example.org", "a".repeat(65));
        let long = format!(
            "a@{}.org",
            ["b".repeat(60), "c".repeat(60), "d".repeat(60), "e".repeat(60), "f".repeat(9)].join(".")
        );
        for typed in [
            "",
            "@",
            "ada",
            "ada@",
            "@example.org",
            "ada@example",
            "a da@example.org",
            "ada@exa mple.org",
            ".ada@example.org",
            "ada.@example.org",
            "a..b@example.org",
            "ada@-example.org",
            "ada@example..org",
            "ada@127.0.0.1",
            "ada@[::1]",
            "ada@ex%61mple.org",
            "\"ada\"@example.org",
            "ada@example.org\r\nBcc: x@y.zz",
            "ada\u{0}@example.org",
            "ädä@example.org",
            "ada@under_score.org",
            &long_local,
            &long,
        ] {
            assert!(EmailAddress::parse(typed).is_err(), "{typed:?} was taken");
        }
    }

    #[test]
    fn an_account_is_the_same_in_any_case() {
        let a = EmailAddress::parse("Ada@Example.org").unwrap();
        let b = EmailAddress::parse("aDA@eXAMPLE.oRG").unwrap();
        assert_eq!(a.key(), b.key());
        assert_eq!(format!("{a:?}"), "[redacted]");
    }

    #[test]
    fn a_locale_is_put_in_canonical_case_and_nonsense_is_refused() {
        for (typed, kept) in [("en", "en"), ("zh-cn", "zh-CN"), ("ZH-hans-cn", "zh-Hans-CN"), ("es-419", "es-419")] {
            assert_eq!(Locale::parse(typed).unwrap().as_str(), kept);
        }
        for typed in [
            "",
            "e",
            "english please",
            "en_US!",
            "und",
            "zh--CN",
            "-en",
            "en-",
            "en-USA1234567890123456789012345678901234567890",
        ] {
            assert!(Locale::parse(typed).is_err(), "{typed:?} was taken");
        }
    }

    #[test]
    fn a_zone_has_its_iana_name() {
        assert_eq!(TimeZoneName::parse("europe/berlin").unwrap().as_str(), "Europe/Berlin");
        assert_eq!(TimeZoneName::parse("UTC").unwrap().as_str(), "UTC");
        for typed in ["", "Mars/Olympus", "Etc/Unknown", "CET-1CEST", "../../etc/passwd", "+02:00"] {
            assert!(TimeZoneName::parse(typed).is_err(), "{typed:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn any_input_is_parsed_or_refused_and_what_is_parsed_parses_to_itself(input in "\\PC{0,80}|[a-z.@-]{0,40}") {
            if let Ok(email) = EmailAddress::parse(&input) {
                prop_assert!(email.as_str().is_ascii() && email.as_str().len() <= EMAIL_MAX);
                prop_assert_eq!(EmailAddress::parse(email.as_str()).unwrap(), email.clone());
                prop_assert_eq!(EmailAddress::parse(&email.key()).unwrap().key(), email.key());
            }
            if let Ok(name) = PersonName::parse(&input) {
                prop_assert!((1..=NAME_MAX).contains(&name.as_str().chars().count()));
                prop_assert_eq!(PersonName::parse(name.as_str()).unwrap(), name.clone());
            }
            if let Ok(locale) = Locale::parse(&input) {
                prop_assert_eq!(Locale::parse(locale.as_str()).unwrap(), locale.clone());
            }
            if let Ok(zone) = TimeZoneName::parse(&input) {
                prop_assert_eq!(TimeZoneName::parse(zone.as_str()).unwrap(), zone.clone());
            }
        }

        #[test]
        fn plain_addresses_are_always_taken(local in "[a-zA-Z0-9]{1,20}", host in "[a-z][a-z0-9]{0,20}", top in "[a-z]{2,6}") {
            let typed = format!("{local}@{host}.{top}");
            let kept = EmailAddress::parse(&typed).unwrap();
            prop_assert_eq!(kept.as_str(), typed.as_str());
        }

        #[test]
        fn language_tags_of_the_usual_form_are_taken(tag in "[a-z]{2}(-[A-Z][a-z]{3})?(-[A-Z]{2})?") {
            let kept = Locale::parse(&tag).unwrap();
            prop_assert_eq!(kept.as_str(), tag.as_str());
        }
    }
}
