//! Makes an export: some people at a time.

use super::body::{Pieces, Stopped};
use super::cells::{self, Cell, Rows};
use super::sheets::{self, Book};
use super::turns::Turn;
use crate::facts::domain::Org;
use crate::facts::store as facts;
use crate::workdays::{days, room};
use actix_web::web;
use jiff::Timestamp;
use jiff::civil::Date;
use rollcall_attendance_api::exports::{ExportFormat, ExportRows};
use rollcall_attendance_api::settings::ExportProfile;
use rollcall_common::db::Database;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::LeaveTypeId;
use std::collections::HashMap;
use std::sync::Arc;

/// People at a time, of a long range fewer: with a month each some 3,000 rows.
const PEOPLE: u32 = 100;

/// What is exported.
pub(super) struct Export {
    pub(super) db: Database,
    pub(super) tenant: Tenant,
    pub(super) org: Arc<Org>,
    pub(super) dates: (Date, Date),
    pub(super) now: Timestamp,
    pub(super) profile: Arc<ExportProfile>,
    pub(super) format: ExportFormat,
    pub(super) rows: ExportRows,
    /// Codes of the kinds of leave that the caller may know.
    pub(super) codes: Arc<HashMap<LeaveTypeId, String>>,
}

impl Export {
    /// Sends all of it. The turn is held until a text is sent, or a workbook is made.
    pub(super) async fn produce(self, mut pieces: Pieces, mut turn: Turn) -> Result<(), Stopped> {
        let headers = cells::headers(&self.profile)?;
        let mut book = None;
        match self.format {
            ExportFormat::Csv => {
                let above = headers.into_iter().map(Cell::Text).collect();
                pieces.send(sheets::csv(&self.profile, &[above])?).await?;
            }
            ExportFormat::Xlsx => book = Some(Box::new(Book::new(&self.profile, &headers)?)),
        }
        let mut page = Some(self.read(None).await?);
        while let Some((read, after)) = page {
            // The next people are read while these are written.
            let ahead = async {
                match after {
                    Some(_) => self.read(after).await.map(Some),
                    None => Ok(None),
                }
            };
            let (written, ahead) = tokio::join!(self.write(read, book, &mut pieces), ahead);
            book = written?;
            page = ahead?;
        }
        if let Some(book) = book {
            let file = web::block(move || book.finish()).await.map_err(Fault::internal)??;
            // It has no connection and no rows in memory any more: whoever reads it slowly holds up nobody.
            turn.is_made();
            pieces.send_file(file).await?;
        }
        pieces.end().await
    }

    /// Computes what was read and writes it: into the book, if there is one, and else to the client.
    async fn write(
        &self,
        read: days::Read,
        book: Option<Box<Book>>,
        pieces: &mut Pieces,
    ) -> Result<Option<Box<Book>>, Stopped> {
        let (profile, org, codes) = (Arc::clone(&self.profile), Arc::clone(&self.org), Arc::clone(&self.codes));
        let each = self.rows;
        let work = move || {
            let rows = rows(&Rows { profile: &profile, org: &org, codes: &codes }, each, read)?;
            match book {
                Some(mut book) => book.add(&rows).map(|()| (Some(book), Vec::new())),
                None => Ok((None, sheets::csv(&profile, &rows)?)),
            }
        };
        let (book, text) = web::block(work).await.map_err(Fault::internal)??;
        pieces.send(text).await?;
        Ok(book)
    }

    /// The next people with what their days need, and after whom the ones after them come.
    async fn read(&self, after: Option<facts::AfterPerson>) -> Result<(days::Read, Option<facts::AfterPerson>), Fault> {
        let (tenant, org, dates, now) = (self.tenant, Arc::clone(&self.org), self.dates, self.now);
        let load = move |conn: &mut diesel::PgConnection| {
            let room = room::people(PEOPLE, dates);
            let people = facts::people(conn, &tenant, after.as_ref(), room.into())?;
            let more = people.len() == room as usize;
            let last = people.last().filter(|_| more).map(|person| (person.number.clone(), person.employee_id));
            Ok((days::read(conn, &tenant, &org, people, dates, now)?, last))
        };
        self.db.transaction(&tenant, load).await
    }
}

fn rows(rows: &Rows<'_>, each: ExportRows, read: days::Read) -> Result<Vec<Vec<Cell>>, Fault> {
    let people = read.days();
    match each {
        ExportRows::Days => {
            let days = people.iter().flat_map(|(person, days)| days.iter().map(move |day| (person, day)));
            days.map(|(person, day)| rows.of_day(person, day)).collect()
        }
        ExportRows::Sums => {
            let people = people.iter().filter(|(_, days)| !days.is_empty());
            people.map(|(person, days)| rows.of_sums(person, days)).collect()
        }
    }
}
