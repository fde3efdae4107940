//! An import, its lines and their verdicts.

use diesel::prelude::*;
use jiff::Timestamp;
use rollcall_common::validate::Rejection;
use rollcall_ids::ImportId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Lines of a file at most.
pub(crate) const MOST_LINES: usize = 20_000;

/// Imports of an organisation at most whose files are kept: those that wait for a step, and those that could be taken over.
/// Enough for whoever checks file after file before they take one over, and at most 80 MiB.
pub(crate) const MOST_OPEN: i64 = 10;

/// Imports of an organisation at most that can be looked at; older ones that are over go. Each has a row for every line.
pub(crate) const MOST_KEPT: i64 = 100;

/// An import.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Serialize, ToSchema)]
#[diesel(table_name = crate::schema::imports)]
#[schema(example = json!({
    "import_id": "01890a5d-ac96-774b-bcce-b302099a8061", "status": "checked", "lines_total": 120, "lines_done": 120,
    "created": 100, "changed": 5, "unchanged": 15, "rejected": 0, "created_at": "2026-06-01T09:00:00Z",
    "finished_at": null, "version": 4,
}))]
pub(crate) struct Import {
    /// Its id.
    pub(crate) import_id: ImportId,
    /// `checking`, then `checked`; after a commit `committing`, then `committed`, or `refused` when a line is rejected.
    /// One that is not taken over within a day is `refused` too (line 1: `expired`).
    #[schema(example = "checked")]
    pub(crate) status: String,
    /// Lines of the file, its header not counted.
    pub(crate) lines_total: i32,
    /// Lines that the running step has done.
    pub(crate) lines_done: i32,
    /// Lines that add an employee or an assignment to nobody known before.
    pub(crate) created: i32,
    /// Lines that change an employee.
    pub(crate) changed: i32,
    /// Lines that say what is so already.
    pub(crate) unchanged: i32,
    /// Lines with something wrong; with one of them nothing is taken over.
    pub(crate) rejected: i32,
    /// When the file came.
    #[diesel(deserialize_as = jiff_diesel::Timestamp)]
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
    /// When it was taken over or refused.
    #[diesel(deserialize_as = jiff_diesel::NullableTimestamp)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) finished_at: Option<Timestamp>,
    /// Ascends with each step; the value of `ETag`.
    pub(crate) version: i64,
}

/// What comes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// Somebody is added.
    Create,
    /// Somebody is changed, or gets another assignment.
    Change,
    /// It is so already.
    Unchanged,
    /// Something is wrong.
    Rejected,
}

impl Verdict {
    /// The name in the database and on the wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Change => "change",
            Self::Unchanged => "unchanged",
            Self::Rejected => "rejected",
        }
    }
}

/// One thing that is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct LineError {
    /// The column, as the header of the file has it; empty when it is the line as a whole.
    #[schema(example = "hired_on")]
    pub(crate) column: String,
    /// Stable name of the rule that was broken.
    #[schema(example = "invalid_date")]
    pub(crate) code: String,
    /// What the rule is.
    pub(crate) detail: String,
}

impl LineError {
    /// A rule that a column breaks.
    pub(crate) fn new(column: impl Into<String>, Rejection { code, detail }: Rejection) -> Self {
        Self { column: column.into(), code: code.to_owned(), detail }
    }
}

/// A line of the file with what comes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "line": 7, "verdict": "rejected",
    "errors": [{"column": "hired_on", "code": "invalid_date", "detail": "must be a date like 2026-01-31"}],
}))]
pub(crate) struct LineVerdict {
    /// Line of the file on which the record starts; the header is line 1.
    pub(crate) line: i32,
    /// What comes of it.
    pub(crate) verdict: Verdict,
    /// What is wrong with it.
    pub(crate) errors: Vec<LineError>,
}

/// How many lines have which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) created: i32,
    pub(crate) changed: i32,
    pub(crate) unchanged: i32,
    pub(crate) rejected: i32,
}

impl Tally {
    /// Of these lines.
    pub(crate) fn of(lines: &[LineVerdict]) -> Self {
        let mut tally = Self::default();
        for line in lines {
            *match line.verdict {
                Verdict::Create => &mut tally.created,
                Verdict::Change => &mut tally.changed,
                Verdict::Unchanged => &mut tally.unchanged,
                Verdict::Rejected => &mut tally.rejected,
            } += 1;
        }
        tally
    }
}
