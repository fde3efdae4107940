//! What people see of each fault: the table, and the page that shows it.
//!
//! A row is a fault and where it is, a cell the answers that a job may have while it lasts. None of them is a 500, none
//! is silence, and what was answered with success is there afterwards; `super::stage` holds every cell to that.

use anyhow::Result;
use rollcall_stack::faults::{Fault, HttpAnswer};
use std::fmt::Write as _;
use std::time::Duration;

/// What is done to a stack.
#[derive(Clone, Debug)]
pub enum Injection {
    /// To every line between services.
    Calls(Fault),
    /// To every line from nginx to a service.
    Doors(Fault),
    /// To every line from a service to its database.
    Databases(Fault),
    /// The names of the services do not resolve any more.
    Names,
    /// The clock of attendance is so many seconds ahead.
    Clock(i64),
    /// Every service in turn is killed in the middle of its work and started again.
    Restart,
    /// PostgreSQL dies, and its standby takes its place.
    FailOver,
    /// The disk of PostgreSQL has no room left.
    DiskFull,
}

/// When a message reaches the screen of whom it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// While the fault lasts.
    Meanwhile,
    /// When it is over.
    Afterwards,
    /// One or the other: the fault has holes.
    Sometime,
}

/// A fault and what is seen of it.
#[derive(Debug)]
pub struct Row {
    /// The fault, in words.
    pub fault: &'static str,
    /// How it is made.
    pub injection: Injection,
    /// Which answers each of the [`JOBS`] may have.
    pub answers: [&'static [u16]; JOBS.len()],
    /// When a message arrives.
    pub told: Told,
}

/// What people do, in the order of a row's answers.
pub const JOBS: [&str; 6] =
    ["sign in", "punch", "first punch in a new company", "read workdays", "approve leave", "read the inbox"];

const SLOW: Fault = Fault::Slow { by: Duration::from_millis(400), jitter: Duration::from_millis(200) };
/// A query waits for its answer several times in a request.
const SLUGGISH: Fault = Fault::Slow { by: Duration::from_millis(100), jitter: Duration::from_millis(50) };
const BUSY: HttpAnswer = HttpAnswer { retry_after: Some(1), ..HttpAnswer::status(429) };

/// What each row sees that only the first punch of a stranger needs a call for.
const fn others(first_punch: &'static [u16]) -> [&'static [u16]; JOBS.len()] {
    [&[201], &[201], first_punch, &[200], &[200], &[200]]
}

/// What is seen by whoever asks again and again while something breaks in the middle. It may have been done with the answer
/// lost: a punch is then the one that there is (200), a decision has been made (409).
const fn repeated(
    sign_in: &'static [u16],
    punch: &'static [u16],
    approve: &'static [u16],
    read: &'static [u16],
) -> [&'static [u16]; JOBS.len()] {
    [sign_in, punch, punch, read, approve, read]
}

const fn all(answers: &'static [u16]) -> [&'static [u16]; JOBS.len()] {
    [answers; JOBS.len()]
}

/// Of services that others call.
pub static CALLS: [Row; 9] = [
    row("the other services are down", Injection::Calls(Fault::Down), others(&[503]), Told::Afterwards),
    row("they are slow: 0.4 to 0.6 s more for each answer", Injection::Calls(SLOW), others(&[201]), Told::Meanwhile),
    row("they are a black hole", Injection::Calls(Fault::BlackHole), others(&[503, 504]), Told::Afterwards),
    row("they reset every connection", Injection::Calls(Fault::Reset), others(&[503]), Told::Afterwards),
    row("they have forgotten every open connection", Injection::Calls(Fault::HalfOpen), others(&[201]), Told::Sometime),
    row("their answers are cut off", Injection::Calls(Fault::CutOff), others(&[503]), Told::Sometime),
    row("they answer 500", Injection::Calls(Fault::Answers(HttpAnswer::status(500))), others(&[503]), Told::Afterwards),
    row("they answer 429", Injection::Calls(Fault::Answers(BUSY)), others(&[503]), Told::Afterwards),
    row(
        "they answer 200 with nonsense",
        Injection::Calls(Fault::Answers(HttpAnswer::wrong_body())),
        others(&[503]),
        Told::Afterwards,
    ),
];

/// Of the service that is asked itself, and of databases.
pub static OWN: [Row; 8] = [
    row("the service itself is down", Injection::Doors(Fault::Down), all(&[502]), Told::Afterwards),
    row("it is slow: 0.4 to 0.6 s more", Injection::Doors(SLOW), others(&[201]), Told::Meanwhile),
    row("it is a black hole", Injection::Doors(Fault::BlackHole), all(&[504]), Told::Afterwards),
    row("it resets every connection", Injection::Doors(Fault::Reset), all(&[502]), Told::Afterwards),
    row("the databases are down", Injection::Databases(Fault::Down), all(&[503]), Told::Afterwards),
    row(
        "the databases are slow: 0.1 to 0.15 s more for each answer",
        Injection::Databases(SLUGGISH),
        others(&[201]),
        Told::Meanwhile,
    ),
    row("the databases are a black hole", Injection::Databases(Fault::BlackHole), all(&[503, 504]), Told::Afterwards),
    row("the databases reset every connection", Injection::Databases(Fault::Reset), all(&[503]), Told::Afterwards),
];

/// Of what surrounds the services.
pub static SURROUNDINGS: [Row; 3] = [
    row("the names of the other services do not resolve", Injection::Names, others(&[503]), Told::Afterwards),
    row("the clock of attendance is four minutes ahead", Injection::Clock(240), others(&[503]), Told::Afterwards),
    row(
        "the clock of attendance is four minutes behind",
        Injection::Clock(-240),
        // Whose token was seen before is still believed; a new one is not valid yet.
        [&[201], &[201], &[401], &[200], &[401], &[200]],
        Told::Afterwards,
    ),
];

/// Of what breaks in the middle.
pub static CHANGES: [Row; 2] = [
    row(
        "each service in turn is killed and started again",
        Injection::Restart,
        repeated(&[201, 502, 503], &[200, 201, 502, 503], &[200, 409, 502, 503], &[200, 502, 503]),
        Told::Sometime,
    ),
    row(
        "PostgreSQL dies and a standby takes its place",
        Injection::FailOver,
        repeated(&[201, 503], &[200, 201, 503], &[200, 409, 503], &[200, 503]),
        Told::Sometime,
    ),
];

/// Of a disk.
pub static DISK: [Row; 1] = [row(
    "the disk of PostgreSQL is full",
    Injection::DiskFull,
    [&[503], &[503], &[503], &[200], &[503], &[200]],
    Told::Afterwards,
)];

const fn row(fault: &'static str, injection: Injection, answers: [&'static [u16]; JOBS.len()], told: Told) -> Row {
    Row { fault, injection, answers, told }
}

/// The table as the page shows it.
pub fn page() -> String {
    let mut page = format!("| while … | {} | a message arrives |\n", JOBS.join(" | "));
    page.push_str(&"|---".repeat(JOBS.len() + 2));
    page.push_str("|\n");
    let rows = CALLS.iter().chain(&OWN).chain(&SURROUNDINGS).chain(&CHANGES).chain(&DISK);
    for Row { fault, answers, told, .. } in rows {
        let told = match told {
            Told::Meanwhile => "meanwhile",
            Told::Afterwards => "afterwards",
            Told::Sometime => "meanwhile or afterwards",
        };
        let cells: Vec<_> = answers.iter().map(|answers| in_words(answers)).collect();
        // Memory takes everything.
        let _ = writeln!(page, "| {fault} | {} | {told} |", cells.join(" | "));
    }
    page
}

fn in_words(answers: &[u16]) -> String {
    let texts: Vec<_> = answers.iter().map(u16::to_string).collect();
    match texts.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => texts.concat(),
    }
}

const PAGE: &str = "deploy/faults.md";
const BEGIN: &str = "<!-- the table: written by make faults -->\n";
const END: &str = "<!-- end of the table -->\n";

#[test]
#[expect(clippy::disallowed_methods, reason = "whether a test writes is no setting of a service")]
fn the_page_shows_the_table() -> Result<()> {
    let file = rollcall_stack::binaries::repository().join(PAGE);
    let said = std::fs::read_to_string(&file)?;
    let (before, rest) = said.split_once(BEGIN).unwrap_or((&said, END));
    let (shown, after) = rest.split_once(END).unwrap_or(("", rest));
    if std::env::var("ROLLCALL_WRITE_FAULTS").is_ok() {
        std::fs::write(&file, format!("{before}{BEGIN}{}{END}{after}", page()))?;
    } else {
        anyhow::ensure!(shown == page(), "{PAGE} is stale: make faults writes it");
    }
    Ok(())
}

#[test]
fn no_cell_is_a_500_and_none_is_empty() {
    let all = CALLS.iter().chain(&OWN).chain(&SURROUNDINGS).chain(&CHANGES).chain(&DISK);
    for row in all {
        assert!(row.answers.iter().all(|answers| !answers.is_empty() && !answers.contains(&500)), "{}", row.fault);
    }
}
