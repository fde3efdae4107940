//! Attendance as a file: a row for each person and day, or the sums of each person, people by number.
//!
//! People are read, computed and written some at a time, and what is written goes to the client while the next are read,
//! so the memory of an export does not depend on its length. A workbook is written to a temporary file first, because
//! its format wants the sheets compressed as one. A failure in the middle, and a client who does not read on, break
//! the connection off: half a file must not look like a whole one.
//!
//! Few are made at a time ([`turns`]), and whoever reads slowly must not keep others from theirs: a workbook in its file
//! counts as made, and a text, which is made as fast as it is read, is broken off below a least pace ([`body`]).

mod body;
mod cells;
pub(crate) mod handlers;
mod produce;
mod sheets;
pub(crate) mod turns;
