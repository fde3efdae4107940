//! An organisation: its name and the defaults that its people share.

use crate::values::{Name, ZoneName, present};
use diesel::prelude::*;
use rollcall_common::fault::Fault;
use rollcall_common::validate::{Fields, Rejection};
use rollcall_ids::OrgId;
use rollcall_org_api::facts::OrgFact;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The day on which a week starts in calendars and reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WeekStart {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl WeekStart {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Monday, "monday"),
        (Self::Tuesday, "tuesday"),
        (Self::Wednesday, "wednesday"),
        (Self::Thursday, "thursday"),
        (Self::Friday, "friday"),
        (Self::Saturday, "saturday"),
        (Self::Sunday, "sunday"),
    ];

    /// The name in the database.
    pub(crate) fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(day, _)| *day == self).map_or("monday", |(_, name)| name)
    }
}

impl From<String> for WeekStart {
    /// A check constraint keeps other names out.
    fn from(stored: String) -> Self {
        Self::ALL.into_iter().find(|(_, name)| *name == stored).map_or(Self::Monday, |(day, _)| day)
    }
}

/// An organisation.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = crate::schema::orgs)]
#[schema(example = json!({
    "org_id": "01890a5d-ac96-774b-bcce-b302099a8050", "name": "Acme GmbH", "time_zone": "Europe/Berlin", "locale": "en", "country": "DE",
    "week_start": "monday", "version": 1,
}))]
pub(crate) struct Org {
    /// Its id, part of the path of everything in it.
    pub(crate) org_id: OrgId,
    /// Its name.
    #[schema(example = "Acme GmbH")]
    pub(crate) name: String,
    /// IANA name of its time zone.
    #[schema(example = "Europe/Berlin")]
    pub(crate) time_zone: String,
    /// BCP 47 tag of the language people are written to in.
    #[schema(example = "en")]
    pub(crate) locale: String,
    /// ISO 3166-1 alpha-2 code.
    #[schema(example = "DE")]
    pub(crate) country: Option<String>,
    /// First day of the week.
    #[diesel(deserialize_as = String)]
    pub(crate) week_start: WeekStart,
    /// Ascends with each change; the value of `ETag`.
    #[schema(example = 1)]
    pub(crate) version: i64,
}

impl Org {
    /// What other services see of it.
    pub(crate) fn fact(&self) -> OrgFact {
        OrgFact {
            org_id: self.org_id,
            name: self.name.clone(),
            time_zone: self.time_zone.clone(),
            locale: self.locale.clone(),
            version: self.version,
        }
    }

    /// With `change` made to it; the version is the store's to count.
    pub(crate) fn with(&self, change: Change) -> Self {
        Self {
            org_id: self.org_id,
            name: change.name.map_or_else(|| self.name.clone(), |name| name.as_str().to_owned()),
            time_zone: change.time_zone.map_or_else(|| self.time_zone.clone(), |zone| zone.as_str().to_owned()),
            locale: change.locale.map_or_else(|| self.locale.clone(), |locale| locale.0),
            country: change.country.map_or_else(|| self.country.clone(), |country| country.map(|c| c.0)),
            week_start: change.week_start.unwrap_or(self.week_start),
            version: self.version,
        }
    }
}

/// What it takes to found an organisation.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Acme GmbH", "time_zone": "Europe/Berlin", "country": "DE"}))]
pub(crate) struct NewOrg {
    /// Its name, 1 to 200 characters; the root unit and the first site get it too.
    name: String,
    /// IANA name of its time zone.
    time_zone: String,
    /// BCP 47 tag; by default the founder's.
    locale: Option<String>,
    /// ISO 3166-1 alpha-2 code.
    country: Option<String>,
    /// First day of the week; by default Monday.
    week_start: Option<WeekStart>,
}

/// A checked [`NewOrg`].
#[derive(Clone, Debug)]
pub(crate) struct Founding {
    pub(crate) name: Name,
    pub(crate) time_zone: ZoneName,
    pub(crate) locale: Option<Locale>,
    pub(crate) country: Option<Country>,
    pub(crate) week_start: WeekStart,
}

impl NewOrg {
    /// Checks every field.
    pub(crate) fn parse(&self) -> Result<Founding, Fault> {
        let mut fields = Fields::new();
        let name = fields.take("/name", Name::parse(&self.name));
        let time_zone = fields.take("/time_zone", ZoneName::parse(&self.time_zone));
        let locale = fields.take_optional("/locale", self.locale.as_deref().map(Locale::parse));
        let country = fields.take_optional("/country", self.country.as_deref().map(Country::parse));
        let (name, time_zone, locale, country) = fields.all((name, time_zone, locale, country))?;
        Ok(Founding { name, time_zone, locale, country, week_start: self.week_start.unwrap_or(WeekStart::Monday) })
    }
}

/// What to change; an absent field stays, `null` clears.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Acme SE"}))]
pub(crate) struct OrgPatch {
    name: Option<String>,
    time_zone: Option<String>,
    locale: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    country: Option<Option<String>>,
    week_start: Option<WeekStart>,
}

/// A checked [`OrgPatch`].
#[derive(Clone, Debug)]
pub(crate) struct Change {
    name: Option<Name>,
    time_zone: Option<ZoneName>,
    locale: Option<Locale>,
    country: Option<Option<Country>>,
    week_start: Option<WeekStart>,
}

impl OrgPatch {
    /// Checks every field.
    pub(crate) fn parse(&self) -> Result<Change, Fault> {
        let mut fields = Fields::new();
        let name = fields.take_optional("/name", self.name.as_deref().map(Name::parse));
        let time_zone = fields.take_optional("/time_zone", self.time_zone.as_deref().map(ZoneName::parse));
        let locale = fields.take_optional("/locale", self.locale.as_deref().map(Locale::parse));
        let country = self.country.as_ref().map(|code| code.as_deref().map(Country::parse).transpose());
        let country = fields.take_optional("/country", country);
        let (name, time_zone, locale, country) = fields.all((name, time_zone, locale, country))?;
        Ok(Change { name, time_zone, locale, country, week_start: self.week_start })
    }
}

/// A language tag of the shape of BCP 47: a language and optional subtags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Locale(String);

impl Locale {
    /// Parses it.
    pub(crate) fn parse(input: &str) -> Result<Self, Rejection> {
        let mut parts = input.split('-');
        let language =
            parts.next().is_some_and(|l| (2..=3).contains(&l.len()) && l.chars().all(|c| c.is_ascii_alphabetic()));
        let subtags =
            parts.all(|part| (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric()));
        if language && subtags && input.len() <= 35 {
            Ok(Self(input.to_owned()))
        } else {
            Err(Rejection::new("invalid_locale", "must be a BCP 47 language tag, like en or zh-CN"))
        }
    }

    /// The tag.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A country code of the shape of ISO 3166-1 alpha-2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Country(String);

impl Country {
    /// Parses it.
    pub(crate) fn parse(input: &str) -> Result<Self, Rejection> {
        if input.len() == 2 && input.chars().all(|c| c.is_ascii_alphabetic()) {
            Ok(Self(input.to_ascii_uppercase()))
        } else {
            Err(Rejection::new("invalid_country", "must be a two-letter country code, like DE"))
        }
    }

    /// The code.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_field_of_a_founding_is_named() {
        let body = serde_json::json!({"name": " ", "time_zone": "Mars/Base", "locale": "x", "country": "Germany"});
        let new: NewOrg = serde_json::from_value(body).unwrap();
        let Err(Fault::Invalid(errors)) = new.parse() else { panic!("all four are wrong") };
        let pointers: Vec<_> = errors.iter().map(|e| e.pointer.as_str()).collect();
        assert_eq!(pointers, ["/name", "/time_zone", "/locale", "/country"]);
    }

    #[test]
    fn a_patch_changes_what_it_names_and_null_clears() {
        let org = Org {
            org_id: OrgId::generate(),
            name: "Acme".into(),
            time_zone: "UTC".into(),
            locale: "en".into(),
            country: Some("DE".into()),
            week_start: WeekStart::Monday,
            version: 4,
        };
        let patched =
            |body: serde_json::Value| org.with(serde_json::from_value::<OrgPatch>(body).unwrap().parse().unwrap());
        assert_eq!(patched(serde_json::json!({})), org);
        assert_eq!(patched(serde_json::json!({"country": null})), Org { country: None, ..org.clone() });
        assert_eq!(
            patched(serde_json::json!({"name": "New", "week_start": "sunday"})),
            Org { name: "New".into(), week_start: WeekStart::Sunday, ..org.clone() },
        );
    }

    #[test]
    fn the_stored_name_of_a_day_is_its_wire_name() {
        for (day, name) in WeekStart::ALL {
            assert_eq!(serde_json::to_value(day).unwrap(), name);
            assert_eq!(WeekStart::from(day.name().to_owned()), day);
        }
    }

    #[test]
    fn tags_and_codes_have_their_standard_shape() {
        for good in ["en", "zh-CN", "sr-Latn-RS", "gsw"] {
            assert_eq!(Locale::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "e", "english", "en_US", "en-", "12", "en-abcdefghi"] {
            assert!(Locale::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Country::parse("de").unwrap().as_str(), "DE");
        assert!(Country::parse("ÄÖ").is_err());
    }
}
