//! A record as what it says, each cell checked by itself.

use crate::employees::domain::EmploymentType;
use crate::employees::input::EmployeeNumber;
use crate::imports::columns::Column;
use crate::imports::domain::LineError;
use crate::imports::table::{Record, Table};
use crate::values::{EmailAddress, PersonName, Position};
use jiff::civil::Date;
use rollcall_common::validate::{self, Rejection};

/// Who is to be employed, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) number: String,
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    pub(crate) hired_on: Date,
    pub(crate) left_on: Option<Date>,
    /// None when the line says nothing of where.
    pub(crate) place: Option<Place>,
    /// Whether the line says from when itself.
    pub(crate) dated: bool,
}

/// Where somebody works, in the words of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) unit: Option<String>,
    pub(crate) site: Option<String>,
    pub(crate) manager_number: Option<String>,
    pub(crate) position: Option<String>,
    pub(crate) employment_type: Option<EmploymentType>,
    pub(crate) valid_from: Date,
    pub(crate) valid_to: Option<Date>,
}

/// Notes what is wrong, by the header that the file has for the column.
struct Cells<'a> {
    table: &'a Table,
    record: &'a Record,
    errors: Vec<LineError>,
}

impl Cells<'_> {
    fn reject(&mut self, column: Column, why: Rejection) {
        let header = self.table.headers.get(&column).map_or(column.name(), String::as_str);
        self.errors.push(LineError::new(header, why));
    }

    fn optional<T>(&mut self, column: Column, parse: impl Fn(&str) -> Result<T, Rejection>) -> Option<T> {
        match self.record.cell(column).map(parse)? {
            Ok(value) => Some(value),
            Err(why) => {
                self.reject(column, why);
                None
            }
        }
    }

    fn required<T>(&mut self, column: Column, parse: impl Fn(&str) -> Result<T, Rejection>) -> Option<T> {
        if self.record.cell(column).is_none() {
            self.reject(column, Rejection::new("required", "must not be empty"));
        }
        self.optional(column, parse)
    }

    fn text(&mut self, column: Column) -> Option<String> {
        self.optional(column, |text| validate::text(text, 1_000))
    }
}

/// What the record says; else everything that is wrong with it.
pub(crate) fn entry(table: &Table, record: &Record) -> Result<Entry, Vec<LineError>> {
    if !record.whole {
        let why = Rejection::new("wrong_columns", "must have as many cells as the header");
        return Err(vec![LineError::new("", why)]);
    }
    let mut cells = Cells { table, record, errors: vec![] };
    let number = cells.required(Column::Number, |text| Ok(EmployeeNumber::parse(text)?.as_str().to_owned()));
    let name = cells.required(Column::Name, |text| Ok(PersonName::parse(text)?.as_str().to_owned()));
    let email = cells.optional(Column::Email, |text| Ok(EmailAddress::parse(text)?.as_str().to_owned()));
    let hired_on = cells.required(Column::HiredOn, date);
    let left_on = cells.optional(Column::LeftOn, date);
    let valid_from = cells.optional(Column::ValidFrom, date);
    let valid_to = cells.optional(Column::ValidTo, date);
    let place = Place {
        unit: cells.text(Column::Unit),
        site: cells.text(Column::Site),
        manager_number: cells.text(Column::ManagerNumber),
        position: cells.optional(Column::Position, |text| Ok(Position::parse(text)?.as_str().to_owned())),
        employment_type: cells.optional(Column::EmploymentType, employment_type),
        valid_from: valid_from.or(hired_on).unwrap_or_default(),
        valid_to,
    };
    if left_on.zip(hired_on).is_some_and(|(left, hired)| left < hired) {
        cells.reject(Column::LeftOn, Rejection::new("before_hired_on", "must not be before hired_on"));
    }
    if valid_from.zip(hired_on).is_some_and(|(from, hired)| from < hired) {
        cells.reject(Column::ValidFrom, Rejection::new("before_hired_on", "must not be before hired_on"));
    }
    if valid_to.is_some_and(|to| to < place.valid_from) {
        cells.reject(Column::ValidTo, Rejection::new("before_valid_from", "must not be before valid_from"));
    }
    let says_where = [
        Column::Unit,
        Column::Site,
        Column::ManagerNumber,
        Column::Position,
        Column::EmploymentType,
        Column::ValidFrom,
        Column::ValidTo,
    ];
    let place = says_where.into_iter().any(|column| record.cell(column).is_some()).then_some(place);
    match (number, name, hired_on) {
        (Some(number), Some(name), Some(hired_on)) if cells.errors.is_empty() => {
            Ok(Entry { number, name, email, hired_on, left_on, place, dated: valid_from.is_some() })
        }
        _ => Err(cells.errors),
    }
}

fn date(text: &str) -> Result<Date, Rejection> {
    let date = text.parse().map_err(|_| Rejection::new("invalid_date", "must be a date like 2026-01-31"));
    // jiff takes a time along with a date; a cell with one is no date.
    if text.len() > 10 {
        return Err(Rejection::new("invalid_date", "must be a date like 2026-01-31"));
    }
    validate::date(date?)
}

fn employment_type(text: &str) -> Result<EmploymentType, Rejection> {
    let kind = EmploymentType::from(text.to_owned());
    if kind.name() == text {
        return Ok(kind);
    }
    let rule = "must be full_time, part_time, temporary, intern or contractor";
    Err(Rejection::new("unknown_employment_type", rule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imports::columns::Mapping;

    fn errors(line: &str) -> Vec<String> {
        let headers = "number,name,email,hired_on,left_on,position,employment_type,valid_from,valid_to";
        let table = Table::read(&format!("{headers}\n{line}\n"), &Mapping::default()).unwrap();
        let wrong = entry(&table, &table.records[0]).err().unwrap_or_default();
        wrong.into_iter().map(|error| format!("{} {}", error.column, error.code)).collect()
    }

    #[test]
    fn each_bad_cell_is_named_by_its_column() {
        let long = format!("7,{},,2026-01-05,,,,,", "x".repeat(10_000));
        for (line, expected) in [
            ("7,张伟 👩‍🚒,,2026-01-05,,,,,", vec![]),
            ("7,محمد علي,a@example.org,2026-01-05,2026-12-31,Lead,intern,2026-02-01,2026-02-28", vec![]),
            (",,,,,,,,", vec!["number required", "name required", "hired_on required"]),
            ("a b,x,x,31.01.2026,,,,,", vec!["number invalid_number", "email invalid_email", "hired_on invalid_date"]),
            ("7,x,,2026-02-30,,,,,", vec!["hired_on invalid_date"]),
            ("7,x,,2026-01-05T10:00,,,,,", vec!["hired_on invalid_date"]),
            ("7,x,,0001-01-01,,,,,", vec!["hired_on date_out_of_range"]),
            ("7,x,,2026-01-05,2026-01-04,,,,", vec!["left_on before_hired_on"]),
            (
                "7,x,,2026-01-05,,,boss,2026-01-04,2026-01-03",
                vec![
                    "employment_type unknown_employment_type",
                    "valid_from before_hired_on",
                    "valid_to before_valid_from",
                ],
            ),
            ("7,\"x\ny\",,2026-01-05,,,,,", vec!["name control_character"]),
            ("7,x", vec![" wrong_columns"]),
            (long.as_str(), vec!["name length"]),
        ] {
            assert_eq!(errors(line), expected, "{line:.60}");
        }
    }
}
