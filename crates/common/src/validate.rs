//! Collects every bad field of an input, so that a form is corrected once and not field by field.
//!
//! Parse functions of the domain return their value or a [`Rejection`]; [`Fields`] pairs it with the pointer:
//!
//! ```
//! # use rollcall_common::validate::{Fields, Rejection};
//! # fn parse(s: &str) -> Result<u8, Rejection> { s.parse().map_err(|_| Rejection::new("not_a_number", "must be 0 to 255")) }
//! let mut fields = Fields::new();
//! let floor = fields.take("/floor", parse("3"));
//! let door = fields.take("/door", parse("12"));
//! let (floor, door) = fields.all((floor, door))?;
//! # assert_eq!((floor, door), (3, 12));
//! # Ok::<(), rollcall_common::fault::Fault>(())
//! ```

use crate::fault::Fault;
use crate::problem::FieldError;

/// Why a value was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Stable name of the rule.
    pub code: &'static str,
    /// What the rule is.
    pub detail: String,
}

impl Rejection {
    /// A rule and its explanation.
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

/// The bad fields seen so far.
#[derive(Debug, Default)]
pub struct Fields(Vec<FieldError>);

impl Fields {
    /// Nothing wrong yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value, or none and a note of what is wrong at `pointer`.
    pub fn take<T, E: Into<Rejection>>(&mut self, pointer: &str, parsed: Result<T, E>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(rejection) => {
                self.reject(pointer, rejection);
                None
            }
        }
    }

    /// Like [`Fields::take`] for a field that may be absent: absent is `Some(None)`.
    pub fn take_optional<T, E: Into<Rejection>>(
        &mut self,
        pointer: &str,
        parsed: Option<Result<T, E>>,
    ) -> Option<Option<T>> {
        match parsed {
            None => Some(None),
            Some(parsed) => self.take(pointer, parsed).map(Some),
        }
    }

    /// Notes that what stands at `pointer` is wrong.
    pub fn reject(&mut self, pointer: &str, rejection: impl Into<Rejection>) {
        let Rejection { code, detail } = rejection.into();
        self.0.push(FieldError { pointer: pointer.to_owned(), code: code.into(), detail });
    }

    /// Takes over what another step found.
    pub fn extend(&mut self, errors: impl IntoIterator<Item = FieldError>) {
        self.0.extend(errors);
    }

    /// The value of another step, or none and a note of all that it found wrong. What has failed otherwise is passed on.
    pub fn take_over<T>(&mut self, step: Result<T, Fault>) -> Result<Option<T>, Fault> {
        match step {
            Ok(value) => Ok(Some(value)),
            Err(Fault::Invalid(errors)) => {
                self.extend(errors);
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// An error that names every bad field, if there was one.
    pub fn finish(self) -> Result<(), Fault> {
        if self.0.is_empty() { Ok(()) } else { Err(Fault::Invalid(self.0)) }
    }

    /// All values, or the error that names every bad field.
    pub fn all<T: AllPresent>(self, values: T) -> Result<T::Values, Fault> {
        self.finish()?;
        // A value can only be missing if `take` noted why, so this is unreachable unless a caller made the `None`.
        values.all_present().ok_or_else(|| Fault::internal(anyhow::anyhow!("a field is missing without a reason")))
    }
}

/// A tuple of options that become a tuple of values.
pub trait AllPresent {
    /// The tuple without the options.
    type Values;
    /// The values if none is missing.
    fn all_present(self) -> Option<Self::Values>;
}

macro_rules! all_present {
    ($($name:ident)+) => {
        impl<$($name),+> AllPresent for ($(Option<$name>,)+) {
            type Values = ($($name,)+);
            #[expect(non_snake_case, reason = "the type parameters name the variables")]
            fn all_present(self) -> Option<Self::Values> {
                let ($($name,)+) = self;
                Some(($($name?,)+))
            }
        }
    };
}
all_present!(A);
all_present!(A B);
all_present!(A B C);
all_present!(A B C D);
all_present!(A B C D E);
all_present!(A B C D E F);
all_present!(A B C D E F G);
all_present!(A B C D E F G H);
all_present!(A B C D E F G H I);
all_present!(A B C D E F G H I J);

/// Text of a person's or thing's name: trimmed, 1 to `most` characters, no control characters.
pub fn text(input: &str, most: usize) -> Result<String, Rejection> {
    bounded(input.trim().to_owned(), most, &[], "must not contain control characters")
}

/// What a person writes to others, of one line or of several: trimmed, lines end with `\n`, 1 to `most` characters, no
/// control characters but line breaks and tabs.
pub fn lines(input: &str, most: usize) -> Result<String, Rejection> {
    let text = input.replace("\r\n", "\n").trim().to_owned();
    bounded(text, most, &['\n', '\t'], "must not contain control characters but line breaks and tabs")
}

fn bounded(text: String, most: usize, allowed: &[char], rule: &str) -> Result<String, Rejection> {
    let length = text.chars().count();
    if length == 0 || length > most {
        return Err(Rejection::new("length", format!("must have 1 to {most} characters, has {length}")));
    }
    if text.chars().any(|c| c.is_control() && !allowed.contains(&c)) {
        return Err(Rejection::new("control_character", rule));
    }
    Ok(text)
}

/// A zone by its IANA name, as the bundled database knows it.
pub fn time_zone(input: &str) -> Result<jiff::tz::TimeZone, Rejection> {
    jiff::tz::TimeZone::get(input)
        .map_err(|_| Rejection::new("unknown_time_zone", "must be the IANA name of a time zone, like Europe/Berlin"))
}

/// A date that a working life can contain: 1900-01-01 to 2199-12-31.
pub fn date(input: jiff::civil::Date) -> Result<jiff::civil::Date, Rejection> {
    if (1900..=2199).contains(&input.year()) {
        Ok(input)
    } else {
        Err(Rejection::new("date_out_of_range", "must be between 1900-01-01 and 2199-12-31"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_field_is_named_at_once() {
        let mut fields = Fields::new();
        let name = fields.take("/name", text("  ", 10));
        let zone = fields.take("/time_zone", time_zone("Mars/Olympus"));
        let Err(Fault::Invalid(errors)) = fields.all((name, zone)) else { panic!("both are wrong") };
        let pointers: Vec<_> = errors.iter().map(|e| (e.pointer.as_str(), e.code.as_ref())).collect();
        assert_eq!(pointers, [("/name", "length"), ("/time_zone", "unknown_time_zone")]);
    }

    #[test]
    fn lines_may_be_several_and_a_name_is_one() {
        assert_eq!(
            lines(" My phone was empty.\r\n\tSee the gate's log. ", 60).unwrap(),
            "My phone was empty.\n\tSee the gate's log."
        );
        assert_eq!(lines("张\n伟", 3).unwrap(), "张\n伟");
        assert_eq!(lines("张\n伟x", 3).unwrap_err().code, "length");
        assert_eq!(lines(" \n ", 9).unwrap_err().code, "length");
        for bad in ["a\u{0}b", "a\u{1b}[31m", "a\rb"] {
            assert_eq!(lines(bad, 9).unwrap_err().code, "control_character", "{bad:?}");
        }
        assert_eq!(text("a\nb", 9).unwrap_err().code, "control_character");
    }

    #[test]
    fn text_counts_characters_not_bytes() {
        assert_eq!(text(" 张伟🙂 ", 3).unwrap(), "张伟🙂");
        assert_eq!(text("张伟🙂x", 3).unwrap_err().code, "length");
        assert_eq!(text("a\u{0}b", 9).unwrap_err().code, "control_character");
    }
}
