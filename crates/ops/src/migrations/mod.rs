//! Whether a migration breaks the version that runs: expand now, contract later and say so.
//!
//! A step that the rules refuse is let through with a mark on the comment lines before it:
//!
//! ```sql
//! -- contract since 0.4.0: users.nickname is neither read nor written
//! ALTER TABLE users DROP COLUMN nickname;
//! ```
//!
//! The version is the first that does without what goes. `rollcall compat` holds the running one to it.

pub mod rules;
pub mod sql;

use anyhow::{Context, Result, ensure};
pub use rules::Rule;
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

/// Steps that were taken before there were rules: folder, rule and what it was done to, below lines with `#` that say why
/// they are accepted.
const BASELINE: &str = include_str!("baseline.txt");
const MARK: &str = "contract since ";
/// Fewer letters say nothing.
const REASON: usize = 10;

/// A version of a program, as in `0.4.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version([u64; 3]);

impl Version {
    /// Of a text like `0.4.0`; what follows a `-`, `+` or `~` is left out.
    pub fn parse(text: &str) -> Option<Self> {
        let core = text.trim().split(['-', '+', '~']).next()?;
        let mut parts = core.split('.').map(|part| part.parse().ok());
        let version = [parts.next()??, parts.next()??, parts.next()??];
        parts.next().is_none().then_some(Self(version))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

/// What is wrong with a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Name of its folder.
    pub migration: String,
    /// Line in `up.sql`.
    pub line: u64,
    /// What is wrong.
    pub why: Why,
}

/// See [`Finding`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// A step breaks the running version, and nothing says that it may.
    Breaks(Rule, String),
    /// A mark that says too little.
    Mark(String),
    /// A marked step that the running version is too old for.
    TooEarly {
        /// What it does.
        what: String,
        /// The first version that does without.
        since: Version,
        /// The one that runs.
        running: Version,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/up.sql:{}: ", self.migration, self.line)?;
        match &self.why {
            Why::Breaks(rule, what) => write!(
                f,
                "{what} ({}: {}); expand now and contract in a later release, with the mark \
                 `-- contract since <version>: <reason>` before the step",
                rule.name(),
                rule.why()
            ),
            Why::Mark(why) => f.write_str(why),
            Why::TooEarly { what, since, running } => {
                write!(f, "{what}: version {since} is the first that does without it, and {running} runs")
            }
        }
    }
}

/// Checks every migration in a directory, in their order. `running`: the version that its steps may not break; none
/// when nothing runs yet or when it is not known, as while it is written.
pub fn check_directory(directory: &Path, running: Option<Version>) -> Result<Vec<Finding>> {
    let told = || directory.display().to_string();
    let entries = fs::read_dir(directory).with_context(told)?.collect::<Result<Vec<_>, _>>().with_context(told)?;
    let names: BTreeSet<_> =
        entries.iter().filter(|entry| entry.path().join("up.sql").is_file()).map(fs::DirEntry::path).collect();
    ensure!(!names.is_empty(), "{} has no migrations", told());
    let mut findings = Vec::new();
    for folder in names {
        let file = folder.join("up.sql");
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        findings.extend(check(name, &text, running));
    }
    Ok(findings)
}

/// Checks one migration; `name` is that of its folder.
pub fn check(name: &str, text: &str, running: Option<Version>) -> Vec<Finding> {
    let mut made = rules::Made::default();
    let mut findings = Vec::new();
    for step in sql::steps(text) {
        let mark = step.comments.iter().find_map(|comment| comment.strip_prefix(MARK)).map(read_mark);
        for (rule, what) in rules::broken_by(&step, &mut made) {
            let why = match (&mark, running) {
                _ if is_old(name, rule, &what) => continue,
                (None, _) => Why::Breaks(rule, what),
                (Some(Err(why)), _) => Why::Mark(why.clone()),
                (Some(Ok(since)), Some(running)) if running < *since => Why::TooEarly { what, since: *since, running },
                (Some(Ok(_)), _) => continue,
            };
            findings.push(Finding { migration: name.to_owned(), line: step.line, why });
        }
    }
    findings
}

fn read_mark(mark: &str) -> Result<Version, String> {
    let (version, reason) = mark.split_once(':').ok_or("the mark gives no reason: `-- contract since 0.4.0: …`")?;
    if reason.trim().len() < REASON {
        return Err(format!("the mark's reason says too little: {:?}", reason.trim()));
    }
    Version::parse(version).ok_or(format!("the mark's version is none: {:?}", version.trim()))
}

fn is_old(name: &str, rule: Rule, what: &str) -> bool {
    let step = old(name, rule, what);
    BASELINE.lines().any(|line| line == step)
}

/// A step as the baseline names it.
fn old(name: &str, rule: Rule, what: &str) -> String {
    let one_line = what.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{name} {} {one_line}", rule.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<Rule> {
        let rule = |finding: Finding| match finding.why {
            Why::Breaks(rule, _) => rule,
            other => panic!("{other:?}"),
        };
        check("x", text, None).into_iter().map(rule).collect()
    }

    /// A step for each rule, and what stands beside it that is harmless.
    const CASES: &[(Rule, &[&str], &[&str])] = &[
        (
            Rule::DropTable,
            &["DROP TABLE users", "DROP TABLE IF EXISTS users"],
            &["CREATE TABLE a (b int); DROP TABLE a"],
        ),
        (
            Rule::DropColumn,
            &["ALTER TABLE users DROP COLUMN name"],
            &["ALTER TABLE users ADD COLUMN n text; ALTER TABLE users DROP COLUMN n"],
        ),
        (
            Rule::DropObject,
            &["DROP VIEW v", "DROP FUNCTION f", "DROP EXTENSION pg_trgm", "DROP TYPE t"],
            &["CREATE VIEW v AS SELECT 1"],
        ),
        (
            Rule::DropConstraint,
            &["ALTER TABLE users DROP CONSTRAINT c"],
            &["CREATE TABLE a (b int); ALTER TABLE a DROP CONSTRAINT c"],
        ),
        (Rule::DropIndex, &["DROP INDEX i"], &["CREATE INDEX i ON users (name)"]),
        (
            Rule::DropDefault,
            &["ALTER TABLE users ALTER COLUMN n DROP DEFAULT"],
            &["ALTER TABLE users ALTER COLUMN n SET DEFAULT 1"],
        ),
        (
            Rule::Rename,
            &[
                "ALTER TABLE users RENAME COLUMN a TO b",
                "ALTER TABLE users RENAME TO people",
                "ALTER TABLE users RENAME CONSTRAINT a TO b",
                "ALTER INDEX a RENAME TO b",
                "ALTER TYPE t RENAME VALUE 'a' TO 'b'",
            ],
            &["ALTER TYPE t ADD VALUE 'c'"],
        ),
        (
            Rule::AlterType,
            &["ALTER TABLE users ALTER COLUMN n TYPE bigint"],
            &["ALTER TABLE users ADD COLUMN n bigint"],
        ),
        (
            Rule::SetNotNull,
            &[
                "ALTER TABLE users ALTER COLUMN n SET NOT NULL",
                "ALTER TABLE users ADD COLUMN n int; ALTER TABLE users ALTER COLUMN n SET NOT NULL",
            ],
            &[
                "ALTER TABLE users ALTER COLUMN n SET DEFAULT 1; ALTER TABLE users ALTER COLUMN n SET NOT NULL",
                "ALTER TABLE users ADD COLUMN n int DEFAULT 1; ALTER TABLE users ALTER COLUMN n SET NOT NULL",
                "ALTER TABLE users ALTER COLUMN n DROP NOT NULL",
                "CREATE TABLE a (n int); ALTER TABLE a ALTER COLUMN n SET NOT NULL",
            ],
        ),
        (
            Rule::AddRequiredColumn,
            &["ALTER TABLE users ADD COLUMN n int NOT NULL"],
            &[
                "ALTER TABLE users ADD COLUMN n int NOT NULL DEFAULT 0",
                "ALTER TABLE users ADD COLUMN n int GENERATED ALWAYS AS (1) STORED NOT NULL",
                "ALTER TABLE users ADD COLUMN n int",
            ],
        ),
        (
            Rule::AddConstraint,
            &[
                "ALTER TABLE users ADD CONSTRAINT c CHECK (name <> '')",
                "ALTER TABLE users ADD COLUMN n int; ALTER TABLE users ADD CONSTRAINT c CHECK (n > age)",
                "ALTER TABLE users ADD CONSTRAINT c FOREIGN KEY (org_id) REFERENCES orgs",
                "ALTER TABLE users ADD UNIQUE (name)",
                "ALTER TABLE users ADD CONSTRAINT c CHECK (name <> '') NOT VALID",
            ],
            &[
                "ALTER TABLE users ADD COLUMN n int; ALTER TABLE users ADD CONSTRAINT c CHECK (n > 0)",
                "ALTER TABLE users ADD COLUMN n int CHECK (n > 0)",
                "ALTER TABLE users ADD COLUMN n int; ALTER TABLE users ADD FOREIGN KEY (org_id, n) REFERENCES orgs (a, b)",
                "CREATE TABLE a (b int); ALTER TABLE a ADD UNIQUE (b)",
            ],
        ),
        (
            Rule::AddUniqueIndex,
            &["CREATE UNIQUE INDEX i ON users (name)", "CREATE UNIQUE INDEX i ON users (lower(name))"],
            &[
                "CREATE INDEX i ON users (name)",
                "ALTER TABLE users ADD COLUMN n int; CREATE UNIQUE INDEX i ON users (n)",
            ],
        ),
        (
            Rule::RowSecurity,
            &[
                "ALTER TABLE users ENABLE ROW LEVEL SECURITY",
                "DROP POLICY p ON users",
                "ALTER POLICY p ON users USING (false)",
                "CREATE POLICY p ON users AS RESTRICTIVE USING (false)",
            ],
            &[
                "CREATE POLICY p ON users USING (true)",
                "CREATE TABLE a (b int); ALTER TABLE a ENABLE ROW LEVEL SECURITY",
            ],
        ),
        (Rule::Revoke, &["REVOKE SELECT ON users FROM rollcall_user"], &["GRANT SELECT ON users TO rollcall_user"]),
        (
            Rule::ReplaceFunction,
            &["CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"],
            &["CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"],
        ),
        (
            Rule::RemoveRows,
            &["DELETE FROM users", "TRUNCATE users"],
            &["UPDATE users SET n = 1", "INSERT INTO users (n) VALUES (1)"],
        ),
        (Rule::NotUnderstood, &["MAKE IT SO", "ALTER TABLE users SET TBLPROPERTIES ('a' = 'b')"], &[]),
    ];

    #[test]
    fn each_rule_refuses_its_step_and_lets_its_neighbour_through() {
        for (rule, broken, fine) in CASES {
            for text in *broken {
                assert_eq!(found(text), [*rule], "{text}");
            }
            for text in *fine {
                assert_eq!(found(text), [], "{text}");
            }
        }
        assert_eq!(CASES.len(), Rule::ALL.len(), "every rule has its case");
    }

    #[test]
    fn what_a_body_of_plpgsql_does_is_seen() {
        let text = "DO $$ BEGIN EXECUTE format('ALTER TABLE %I DROP COLUMN name', 'users'); END $$";
        assert_eq!(found(text), [Rule::DropColumn]);
    }

    #[test]
    fn a_mark_with_a_version_and_a_reason_lets_its_own_step_through() {
        let marked = |mark: &str| format!("-- {mark}\nALTER TABLE users DROP COLUMN n;\nDROP TABLE a;");
        let good = marked("contract since 0.4.0: nobody reads it any more");
        assert_eq!(found(&good), [Rule::DropTable], "the next step has none");
        for (mark, said) in [
            ("contract since 0.4.0", "gives no reason"),
            ("contract since 0.4.0: old", "says too little"),
            ("contract since soon: nobody reads it any more", "version is none"),
        ] {
            let findings = check("x", &marked(mark), None);
            assert!(findings[0].to_string().contains(said), "{}", findings[0]);
        }
    }

    #[test]
    fn a_marked_step_waits_until_the_running_version_does_without() {
        let text = "-- contract since 0.4.0: nobody reads it any more\nDROP TABLE a;";
        let with = |running: &str| check("x", text, Version::parse(running));
        assert_eq!(
            with("0.3.9")[0].to_string(),
            "x/up.sql:2: a: version 0.4.0 is the first that does without it, and 0.3.9 runs"
        );
        assert_eq!((with("0.4.0"), with("1.0.0-rc1")), (vec![], vec![]));
    }

    #[test]
    fn a_version_is_three_numbers() {
        assert!(Version::parse("0.10.0") > Version::parse("0.9.9"));
        assert_eq!(Version::parse("1.2.3~rc1").map(|version| version.to_string()), Some("1.2.3".to_owned()));
        assert_eq!((Version::parse("1.2"), Version::parse("1.2.3.4"), Version::parse("x.y.z")), (None, None, None));
    }

    fn directories() -> Vec<std::path::PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let services =
            fs::read_dir(root.join("services")).unwrap().map(|entry| entry.unwrap().path().join("migrations"));
        services.chain([root.join("crates/common/migrations")]).collect()
    }

    #[test]
    fn every_migration_there_is_holds() {
        let mut said = Vec::new();
        for directory in directories() {
            said.extend(check_directory(&directory, None).unwrap().iter().map(ToString::to_string));
        }
        assert!(said.is_empty(), "{}", said.join("\n"));
    }

    #[test]
    fn of_every_old_step_there_is_it_says_why_it_is_accepted() {
        let mut there_are = BTreeSet::new();
        for folder in directories().iter().flat_map(|directory| fs::read_dir(directory).unwrap()) {
            let folder = folder.unwrap();
            let (name, mut made) = (folder.file_name().into_string().unwrap(), rules::Made::default());
            let Ok(text) = fs::read_to_string(folder.path().join("up.sql")) else { continue };
            for step in sql::steps(&text) {
                there_are.extend(rules::broken_by(&step, &mut made).iter().map(|(rule, what)| old(&name, *rule, what)));
            }
        }
        for block in BASELINE.split("\n\n").skip(1) {
            let (verdict, steps): (Vec<_>, Vec<_>) = block.lines().partition(|line| line.starts_with("# "));
            assert!(verdict.concat().len() > REASON && !steps.is_empty(), "{block}");
            assert!(block.starts_with("# "), "the verdict stands first: {block}");
            for step in steps {
                assert!(there_are.contains(step), "there is no such step, or none that a rule refuses: {step}");
            }
        }
    }
}
