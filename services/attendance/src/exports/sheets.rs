//! Rows as CSV and as a workbook.

use super::cells::Cell;
use rollcall_attendance_api::settings::ExportProfile;
use rollcall_common::csv::guarded;
use rollcall_common::fault::Fault;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};
use std::fs::File;
use std::io::{BufWriter, Seek as _};

/// How hard a workbook is compressed, 1 to 9. Less than the 6 that is usual, because somebody waits for it.
const COMPRESSION: u8 = 3;

/// Rows as comma-separated text (RFC 4180).
pub(super) fn csv(profile: &ExportProfile, rows: &[Vec<Cell>]) -> Result<Vec<u8>, Fault> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        let fields = row.iter().map(|cell| match cell {
            Cell::Empty => String::new(),
            Cell::Text(text) => guarded(text.clone()),
            Cell::Number(number) => number.to_string(),
            Cell::Date(date) => date.strftime(&profile.date_format).to_string(),
            Cell::Truth(truth) => truth.to_string(),
        });
        writer.write_record(fields).map_err(Fault::internal)?;
    }
    writer.into_inner().map_err(|error| Fault::internal(anyhow::anyhow!("{error}")))
}

/// A workbook with one sheet that is written row by row: what is written is not kept in memory.
pub(super) struct Book {
    workbook: Workbook,
    dates: Format,
    rows: u32,
}

impl Book {
    /// Empty but for the headers.
    pub(super) fn new(profile: &ExportProfile, headers: &[String]) -> Result<Self, Fault> {
        let mut workbook = Workbook::new();
        workbook.set_zip_compression_level(COMPRESSION);
        let sheet = workbook.add_worksheet_with_constant_memory().map_err(Fault::internal)?;
        for (column, header) in (0..).zip(headers) {
            sheet.write_string(0, column, header).map_err(Fault::internal)?;
        }
        let format = profile.date_format.replace("%Y", "yyyy").replace("%m", "mm").replace("%d", "dd");
        Ok(Self { workbook, dates: Format::new().set_num_format(format), rows: 1 })
    }

    /// Adds rows. A cell has a type here, so a text is never a formula.
    pub(super) fn add(&mut self, rows: &[Vec<Cell>]) -> Result<(), Fault> {
        let sheet = self.workbook.worksheet_from_index(0).map_err(Fault::internal)?;
        for row in rows {
            for (column, cell) in (0..).zip(row) {
                match cell {
                    Cell::Empty => continue,
                    Cell::Text(text) => sheet.write_string(self.rows, column, text),
                    Cell::Number(number) => sheet.write_number(self.rows, column, *number),
                    Cell::Truth(truth) => sheet.write_boolean(self.rows, column, *truth),
                    Cell::Date(date) => {
                        let (year, month, day) = (date.year().cast_unsigned(), date.month(), date.day());
                        let date = ExcelDateTime::from_ymd(year, month.cast_unsigned(), day.cast_unsigned());
                        let date = date.map_err(Fault::internal)?;
                        sheet.write_datetime_with_format(self.rows, column, &date, &self.dates)
                    }
                }
                .map_err(Fault::internal)?;
            }
            self.rows += 1;
        }
        Ok(())
    }

    /// Compresses all of it into a file without a name, to be read from its beginning. Not to the client at once: the
    /// thread would wait for as long as they like to read.
    pub(super) fn finish(mut self) -> Result<File, Fault> {
        let file = tempfile::tempfile().map_err(Fault::internal)?;
        let mut to = BufWriter::new(file);
        self.workbook.save_to_writer(&mut to).map_err(Fault::internal)?;
        let mut file = to.into_inner().map_err(|error| Fault::internal(error.into_error()))?;
        file.rewind().map_err(Fault::internal)?;
        Ok(file)
    }
}
