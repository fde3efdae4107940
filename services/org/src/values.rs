//! Values that several features take from outside, each parsed once, at the edge: what holds one of these
//! types needs no second look.

use jiff::tz::TimeZone;
use rollcall_common::validate::{self, Rejection};
use serde::{Deserialize, Deserializer};

/// Declares types around trimmed text of bounded length without control characters.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident, $most:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) struct $name(String);

        impl $name {
            /// Parses it.
            pub(crate) fn parse(input: &str) -> Result<Self, Rejection> {
                validate::text(input, $most).map(Self)
            }

            /// The text.
            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }
    )+};
}

texts! {
    /// Name of an organisation, a unit or a site.
    Name, 200;
    /// Name of a person, as they write it.
    PersonName, 200;
    /// Job title.
    Position, 200;
    /// What a holiday celebrates.
    HolidayName, 100;
    /// Why something is so.
    Reason, 500;
}

/// The name of a zone in the bundled database, spelt as it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ZoneName(String);

impl ZoneName {
    /// Parses it.
    pub(crate) fn parse(input: &str) -> Result<Self, Rejection> {
        let zone = validate::time_zone(input)?;
        let unknown =
            || Rejection::new("unknown_time_zone", "must be the IANA name of a time zone, like Europe/Berlin");
        zone.iana_name().filter(|_| !zone.is_unknown()).map(|name| Self(name.to_owned())).ok_or_else(unknown)
    }

    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The zone of a name that was checked when it was stored. A name that a later zone database dropped counts as
/// UTC: a wrong clock is better than an organisation that nobody can enter.
pub(crate) fn zone(stored: &str) -> TimeZone {
    TimeZone::get(stored).unwrap_or_else(|_| {
        tracing::error!(time_zone = stored, "a stored zone is unknown to the bundled database; using UTC");
        TimeZone::UTC
    })
}

/// An address that mail can be sent to: RFC 5321 lengths, one `@`, a domain of at least two labels. Whether it
/// exists only a mail can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EmailAddress(String);

impl EmailAddress {
    /// Parses it.
    pub(crate) fn parse(input: &str) -> Result<Self, Rejection> {
        let trimmed = input.trim();
        let label = |l: &str| {
            (1..=63).contains(&l.len())
                && l.chars().all(|c| c.is_alphanumeric() || c == '-')
                && !l.starts_with('-')
                && !l.ends_with('-')
        };
        let valid = trimmed.len() <= 254
            && trimmed.rsplit_once('@').is_some_and(|(local, domain)| {
                (1..=64).contains(&local.len())
                    && local.chars().all(|c| c.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c))
                    && domain.contains('.')
                    && domain.split('.').all(label)
            });
        if valid {
            Ok(Self(trimmed.to_owned()))
        } else {
            Err(Rejection::new("invalid_email", "must be an e-mail address"))
        }
    }

    /// The address.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Tells a field that is absent (leave it) from one that is `null` (clear it): for
/// `#[serde(default, deserialize_with = "present")]` on an `Option<Option<T>>`.
pub(crate) fn present<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_zone_is_kept_in_the_spelling_of_the_database() {
        assert_eq!(ZoneName::parse("europe/BERLIN").unwrap().as_str(), "Europe/Berlin");
        assert_eq!(ZoneName::parse("utc").unwrap().as_str(), "UTC");
    }

    #[test]
    fn what_names_no_zone_is_refused() {
        for input in ["", " ", "Mars/Olympus", "+02:00", "EST5EDT4,M3.2.0", "Etc/Unknown", "../../etc/passwd", "local"]
        {
            assert_eq!(ZoneName::parse(input).unwrap_err().code, "unknown_time_zone", "{input:?}");
        }
    }

    #[test]
    fn an_address_needs_a_name_and_a_domain_of_labels() {
        for good in ["ada@example.org", " ada@example.org ", "a.b+c@sub.example.co.uk", "用户@例子.公司"] {
            assert_eq!(EmailAddress::parse(good).unwrap().as_str(), good.trim());
        }
        for bad in [
            "",
            "ada",
            "ada@",
            "@example.org",
            "ada@localhost",
            "ada@-x.org",
            "a b@example.org",
            "a@b@example.org",
            "ada@example..org",
            "ada@example.org\r\nBcc: all@example.org",
        ] {
            assert_eq!(EmailAddress::parse(bad).unwrap_err().code, "invalid_email", "{bad:?}");
        }
        assert!(EmailAddress::parse(&format!("{}@example.org", "a".repeat(65))).is_err());
    }

    proptest! {
        #[test]
        fn parsing_again_changes_nothing(input in "\\PC{0,220}") {
            if let Ok(name) = Name::parse(&input) {
                prop_assert_eq!(Name::parse(name.as_str()), Ok(name.clone()));
                prop_assert!(name.as_str().chars().count() <= 200);
            }
            if let Ok(email) = EmailAddress::parse(&input) {
                prop_assert_eq!(EmailAddress::parse(email.as_str()), Ok(email.clone()));
            }
        }
    }

    #[test]
    fn null_clears_and_absence_leaves() {
        #[derive(serde::Deserialize)]
        struct Patch {
            #[serde(default, deserialize_with = "present")]
            code: Option<Option<String>>,
        }
        let code = |json: &str| serde_json::from_str::<Patch>(json).unwrap().code;
        assert_eq!(code("{}"), None);
        assert_eq!(code(r#"{"code":null}"#), Some(None));
        assert_eq!(code(r#"{"code":"x"}"#), Some(Some("x".into())));
    }
}
