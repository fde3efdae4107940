//! The columns of a file, and which of its headers is which.

use rollcall_common::validate::Rejection;
use std::collections::{BTreeMap, BTreeSet};

/// What a column says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    Number,
    Name,
    Email,
    HiredOn,
    LeftOn,
    Unit,
    Site,
    ManagerNumber,
    Position,
    EmploymentType,
    ValidFrom,
    ValidTo,
}

impl Column {
    /// All of them, in the order in which an export has them.
    pub(crate) const ALL: [Self; 12] = [
        Self::Number,
        Self::Name,
        Self::Email,
        Self::HiredOn,
        Self::LeftOn,
        Self::Unit,
        Self::Site,
        Self::ManagerNumber,
        Self::Position,
        Self::EmploymentType,
        Self::ValidFrom,
        Self::ValidTo,
    ];
    /// Those without which nobody can be hired.
    const REQUIRED: [Self; 3] = [Self::Number, Self::Name, Self::HiredOn];

    /// The header it has by itself.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Name => "name",
            Self::Email => "email",
            Self::HiredOn => "hired_on",
            Self::LeftOn => "left_on",
            Self::Unit => "unit",
            Self::Site => "site",
            Self::ManagerNumber => "manager_number",
            Self::Position => "position",
            Self::EmploymentType => "employment_type",
            Self::ValidFrom => "valid_from",
            Self::ValidTo => "valid_to",
        }
    }

    /// The column of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }
}

/// Which header of a file is which column; an empty name leaves the header out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mapping(BTreeMap<String, Option<Column>>);

impl Mapping {
    /// From names, as a client gives them; the first header that can be none, or whose column there is none, is the error. One
    /// may have several lines, as spreadsheets write them.
    pub(crate) fn parse(names: &BTreeMap<String, String>) -> Result<Self, Rejection> {
        let mut columns = BTreeMap::new();
        for (header, name) in names {
            if header.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
                let rule = "a header must not contain control characters but line breaks and tabs";
                return Err(Rejection::new("control_character", rule));
            }
            let column = match name.as_str() {
                "" => None,
                name => Some(Column::named(name).ok_or_else(|| {
                    let known = Column::ALL.map(Column::name).join(", ");
                    Rejection::new("unknown_column", format!("`{name}` is none of {known}"))
                })?),
            };
            columns.insert(header.trim().to_owned(), column);
        }
        Ok(Self(columns))
    }

    /// The column of each header, in their order; else what is wrong, by header.
    pub(crate) fn of_headers<'a>(
        &self,
        headers: impl Iterator<Item = &'a str>,
    ) -> Result<Vec<Option<Column>>, Vec<(String, Rejection)>> {
        let (mut columns, mut errors, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        let mut unused: BTreeSet<&str> = self.0.keys().map(String::as_str).collect();
        for header in headers.map(str::trim) {
            let column = match self.0.get(header) {
                Some(column) => *column,
                None => Column::named(&header.to_lowercase()).or_else(|| {
                    errors.push((header.to_owned(), Rejection::new("unknown_column", "is no column; map it")));
                    None
                }),
            };
            unused.remove(header);
            if let Some(column) = column
                && !seen.insert(column)
            {
                errors.push((header.to_owned(), Rejection::new("duplicate_column", "another header is this column")));
            }
            columns.push(column);
        }
        for header in unused {
            errors.push((header.to_owned(), Rejection::new("missing_column", "is mapped, but not in the file")));
        }
        for column in Column::REQUIRED.into_iter().filter(|column| !seen.contains(column)) {
            errors.push((column.name().to_owned(), Rejection::new("missing_column", "must be in the file")));
        }
        if errors.is_empty() { Ok(columns) } else { Err(errors) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(pairs: &[(&str, &str)]) -> Result<Mapping, Rejection> {
        Mapping::parse(&pairs.iter().map(|(header, name)| ((*header).into(), (*name).into())).collect())
    }

    fn codes(errors: Vec<(String, Rejection)>) -> Vec<String> {
        errors.into_iter().map(|(header, why)| format!("{header} {}", why.code)).collect()
    }

    #[test]
    fn headers_are_columns_by_their_name_or_by_the_mapping() {
        let mapping = mapping(&[("Personalnummer", "number"), ("Kostenstelle", "")]).unwrap();
        let headers = ["Personalnummer", " Name ", "Kostenstelle", "hired_on"];
        let columns = mapping.of_headers(headers.into_iter()).unwrap();
        assert_eq!(columns, [Some(Column::Number), Some(Column::Name), None, Some(Column::HiredOn)]);
    }

    #[test]
    fn what_is_wrong_with_the_headers_is_named_by_them() {
        assert_eq!(mapping(&[("x", "salary")]).unwrap_err().code, "unknown_column");
        assert_eq!(mapping(&[("x\u{0}", "")]).unwrap_err().code, "control_character");
        assert!(mapping(&[("Personal-\r\nnummer", "number")]).is_ok());
        let mapping = mapping(&[("Nr", "number")]).unwrap();
        let errors = mapping.of_headers(["number", "name", "Name", "shoe size"].into_iter()).unwrap_err();
        let expected =
            ["Name duplicate_column", "shoe size unknown_column", "Nr missing_column", "hired_on missing_column"];
        assert_eq!(codes(errors), expected);
    }
}
