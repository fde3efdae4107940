//! The file as a table: a delimiter, a header, and records with the line on which each starts (RFC 4180, and what
//! spreadsheets make of it: `;` or tabs, either line end, line breaks within quotes).

use crate::imports::columns::{Column, Mapping};
use crate::imports::domain::{LineError, MOST_LINES};
use rollcall_common::csv::unguarded;
use rollcall_common::validate::Rejection;
use std::collections::BTreeMap;

/// A record: its cells by column, those that are empty left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    /// Line of the file on which it starts.
    pub(crate) line: i32,
    cells: BTreeMap<Column, String>,
    /// Whether it has as many cells as the header.
    pub(crate) whole: bool,
}

impl Record {
    /// The cell of a column; none when it is empty.
    pub(crate) fn cell(&self, column: Column) -> Option<&str> {
        self.cells.get(&column).map(String::as_str)
    }
}

/// The records of a file, and the header of each column in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) headers: BTreeMap<Column, String>,
    pub(crate) records: Vec<Record>,
}

impl Table {
    /// Reads it; else what is wrong with the file as a whole, with the line.
    pub(crate) fn read(text: &str, mapping: &Mapping) -> Result<Self, (i32, Vec<LineError>)> {
        // The reader counts the line of a record before the line feed of the one above; with one sign per end it is right.
        let text = text.replace("\r\n", "\n");
        let whole = |line, code, detail: String| (line, vec![LineError::new("", Rejection::new(code, detail))]);
        let mut reader =
            csv::ReaderBuilder::new().delimiter(delimiter(&text)).flexible(true).from_reader(text.as_bytes());
        let unreadable = |error: &csv::Error| {
            let line = error.position().map_or(1, |position| line_of(position.line()));
            whole(line, "not_csv", error.to_string())
        };
        let header = reader.headers().map_err(|error| unreadable(&error))?.clone();
        let columns = mapping
            .of_headers(header.iter())
            .map_err(|errors| (1, errors.into_iter().map(|(header, why)| LineError::new(header, why)).collect()))?;
        let named = columns.iter().zip(header.iter());
        let headers = named.filter_map(|(column, header)| Some(((*column)?, header.trim().to_owned()))).collect();
        let mut records = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| unreadable(&error))?;
            let line = record.position().map_or(0, |position| line_of(position.line()));
            if records.len() >= MOST_LINES {
                return Err(whole(line, "too_many_lines", format!("at most {MOST_LINES} lines")));
            }
            let cells = columns.iter().zip(record.iter()).filter_map(|(column, cell)| {
                let cell = unguarded(cell.trim());
                Some(((*column)?, cell.to_owned())).filter(|_| !cell.is_empty())
            });
            records.push(Record { line, cells: cells.collect(), whole: record.len() == columns.len() });
        }
        if records.is_empty() {
            return Err(whole(1, "empty", "has no line besides the header".to_owned()));
        }
        Ok(Self { headers, records })
    }
}

fn line_of(line: u64) -> i32 {
    i32::try_from(line).unwrap_or(i32::MAX)
}

/// The one of `,`, `;` and tab that the first line has most of.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |delimiter: &u8| first.matches(char::from(*delimiter)).count();
    // Of equals the last is taken: a comma when there is none.
    [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Table, (i32, Vec<LineError>)> {
        Table::read(text, &Mapping::default())
    }

    #[test]
    fn either_delimiter_either_line_end_and_line_breaks_in_quotes_are_read() {
        for text in [
            "number,name,hired_on\n1,\"Ada\nLovelace\",2026-01-05\n2,Bob,2026-01-05\n",
            "number;name;hired_on\r\n1;\"Ada\r\nLovelace\";2026-01-05\r\n2;Bob;2026-01-05",
            "number\tname\thired_on\n1\t\"Ada\nLovelace\"\t2026-01-05\n2\tBob\t2026-01-05",
        ] {
            let table = read(text).unwrap();
            let lines: Vec<_> = table.records.iter().map(|record| (record.line, record.cell(Column::Number))).collect();
            assert_eq!(lines, [(2, Some("1")), (4, Some("2"))], "{text:?}");
            assert!(table.records.iter().all(|record| record.whole));
        }
    }

    #[test]
    fn a_file_that_is_none_is_refused_by_its_line() {
        for (text, line, code) in [
            ("", 1, "missing_column"),
            ("number,name,hired_on\n", 1, "empty"),
            ("number,name\n1,Ada\n", 1, "missing_column"),
            ("<html>", 1, "unknown_column"),
        ] {
            let (at, errors) = read(text).unwrap_err();
            assert_eq!((at, errors[0].code.as_str()), (line, code), "{text:?}");
        }
        let many = format!("number,name,hired_on\n{}", "1,Ada,2026-01-05\n".repeat(MOST_LINES + 1));
        assert_eq!(read(&many).unwrap_err().1[0].code, "too_many_lines");
        assert!(!read("number,name,hired_on\n1,Ada\n").unwrap().records[0].whole);
    }

    proptest! {
        #[test]
        fn no_file_makes_it_fail_otherwise(text in "(?s)number,name,hired_on\n[\"',;\n\r=a1 \u{0}é]{0,60}") {
            let _ = read(&text);
        }
    }
}
