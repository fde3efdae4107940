//! A time on the clock on the wall.

use jiff::civil::Time;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{RefOr, schema::SchemaFormat};

/// Hours and minutes as a clock on the wall shows them, `"HH:MM"` on the wire. Which instant it is depends on
/// a date and a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(Time);

impl WallTime {
    /// `"09:00"`, exactly five characters, 00:00 to 23:59; anything else is none.
    pub fn parse(text: &str) -> Option<Self> {
        let [h1, h2, b':', m1, m2] = *text.as_bytes() else { return None };
        let number = |tens: u8, ones: u8| {
            let digit = |c: u8| c.is_ascii_digit().then(|| (c - b'0').cast_signed());
            Some(digit(tens)? * 10 + digit(ones)?)
        };
        Time::new(number(h1, h2)?, number(m1, m2)?, 0, 0).ok().map(Self)
    }

    /// As a time of jiff.
    pub fn time(self) -> Time {
        self.0
    }

    /// Minutes since midnight.
    pub fn minutes(self) -> u32 {
        u32::from(self.0.hour().unsigned_abs()) * 60 + u32::from(self.0.minute().unsigned_abs())
    }
}

impl std::fmt::Display for WallTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}", self.0.hour(), self.0.minute())
    }
}

impl Serialize for WallTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WallTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("must be a time like 09:00"))
    }
}

impl utoipa::PartialSchema for WallTime {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::Custom("time-hh-mm".to_owned())))
            .pattern(Some("^([01][0-9]|2[0-3]):[0-5][0-9]$"))
            .description(Some("Time on the wall, hours and minutes"))
            .examples(["09:00"])
            .into()
    }
}

impl utoipa::ToSchema for WallTime {
    fn name() -> std::borrow::Cow<'static, str> {
        "WallTime".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hours_and_minutes_of_a_day_are_a_wall_time() {
        assert_eq!(WallTime::parse("09:05").unwrap().minutes(), 545);
        assert_eq!(WallTime::parse("23:59").unwrap().to_string(), "23:59");
        for wrong in ["24:00", "9:00", "09:60", "09:00:00", "", "ab:cd", "०९:००", "-1:00"] {
            assert_eq!(WallTime::parse(wrong), None, "{wrong}");
        }
    }
}
