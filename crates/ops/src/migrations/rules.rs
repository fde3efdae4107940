//! What a step may not do while the version before runs: a table of rules.
//!
//! During a release the old program works on the new tables, and after a rollback it does again. So a migration adds
//! (expand), and what nobody uses any more is taken away by a later one (contract), which says so with a mark. Tables
//! and columns that the same migration makes are nobody's yet: they may be changed at will.

use super::sql::{Step, names_in};
use crate::rule::rules;
use sqlparser::ast::{
    AlterColumnOperation, AlterTableOperation, AlterTypeOperation, ColumnOption, CreatePolicyType, ObjectName,
    Statement, TableConstraint,
};
use std::collections::{BTreeMap, BTreeSet};

rules! {
    /// A rule that a step breaks, and why the version that runs minds.
    DropTable "drop-table": "the running version reads it",
    DropColumn "drop-column": "the running version names every column that it knows",
    DropObject "drop-object": "the running version may use it",
    DropConstraint "drop-constraint": "the running version tells a conflict by its name, or by ON CONFLICT",
    DropIndex "drop-index": "the running version's ON CONFLICT needs it, or its reads are slow without it",
    DropDefault "drop-default": "the running version leaves the column out and counts on the default",
    Rename "rename": "the running version uses the old name",
    AlterType "alter-type": "the running version decodes the old type",
    SetNotNull "set-not-null": "the running version may leave the column empty",
    AddRequiredColumn "add-required-column": "the running version does not fill it, so its inserts fail",
    AddConstraint "add-constraint": "the running version may write what it forbids",
    AddUniqueIndex "add-unique-index": "the running version may write what it forbids",
    RowSecurity "row-security": "the running version may not see or write its rows any more",
    Revoke "revoke": "the running version's role needs it",
    ReplaceFunction "replace-function": "the running version's statements and triggers call it",
    RemoveRows "remove-rows": "the running version may need them",
    NotUnderstood "not-understood": "what is not understood is not known to be harmless",
}

/// What the steps before have made, in this migration.
#[derive(Debug, Default)]
pub struct Made {
    tables: BTreeSet<String>,
    columns: BTreeMap<String, BTreeSet<String>>,
    defaults: BTreeSet<(String, String)>,
    functions: BTreeSet<String>,
}

impl Made {
    fn has_table(&self, table: &str) -> bool {
        self.tables.contains(table)
    }

    fn has_column(&self, table: &str, column: &str) -> bool {
        self.has_table(table) || self.columns.get(table).is_some_and(|columns| columns.contains(&column.to_lowercase()))
    }

    /// Whether one of them is new and stays empty where it is not known: then nothing is compared with anything.
    fn has_empty(&self, table: &str, columns: &[String]) -> bool {
        let is_empty = |column: &&String| {
            self.has_column(table, column) && !self.defaults.contains(&(table.to_owned(), column.to_lowercase()))
        };
        self.has_table(table) || columns.iter().any(|column| is_empty(&column))
    }

    /// Whether all of them are new, and there are some.
    fn has_all(&self, table: &str, columns: &[String]) -> bool {
        self.has_table(table) || (!columns.is_empty() && columns.iter().all(|column| self.has_column(table, column)))
    }
}

/// What a step breaks, with what it does it to; and notes what it makes.
pub fn broken_by(step: &Step, made: &mut Made) -> Vec<(Rule, String)> {
    let statement = match &step.statement {
        Ok(statement) => statement,
        Err(error) => return vec![(Rule::NotUnderstood, error.clone())],
    };
    match &**statement {
        Statement::CreateTable(table) => {
            made.tables.insert(plain(&table.name));
            Vec::new()
        }
        Statement::AlterTable(table) => {
            let name = plain(&table.name);
            table.operations.iter().flat_map(|operation| altered(&name, operation, made)).collect()
        }
        Statement::CreateIndex(index) => {
            let (table, text) = (plain(&index.table_name), statement.to_string());
            let columns: Vec<String> =
                index.columns.iter().flat_map(|column| names_in(&column.column.expr.to_string())).collect();
            let tightens = index.unique && !made.has_empty(&table, &columns);
            tightens.then_some((Rule::AddUniqueIndex, text)).into_iter().collect()
        }
        Statement::CreateFunction(function) => {
            let name = plain(&function.name);
            let replaces = function.or_replace && !made.functions.contains(&name);
            made.functions.insert(name.clone());
            replaces.then_some((Rule::ReplaceFunction, name)).into_iter().collect()
        }
        Statement::CreatePolicy(policy) => {
            let restricts = matches!(policy.policy_type, Some(CreatePolicyType::Restrictive));
            // One more that permits lets more through; where it is the first, switching row security on is the break.
            let broken = restricts && !made.has_table(&plain(&policy.table_name));
            broken.then(|| (Rule::RowSecurity, statement.to_string())).into_iter().collect()
        }
        Statement::AlterType(change) => match change.operation {
            AlterTypeOperation::AddValue(_) => Vec::new(),
            AlterTypeOperation::Rename(_) | AlterTypeOperation::RenameValue(_) => {
                vec![(Rule::Rename, statement.to_string())]
            }
        },
        Statement::Drop { object_type, names, .. } => {
            use sqlparser::ast::ObjectType as Kind;
            let rule = match object_type {
                Kind::Table => Rule::DropTable,
                Kind::Index => Rule::DropIndex,
                _ => Rule::DropObject,
            };
            let old = names.iter().map(plain).filter(|name| !made.has_table(name));
            old.map(|name| (rule, name)).collect()
        }
        Statement::DropPolicy(policy) => {
            let old = !made.has_table(&plain(&policy.table_name));
            old.then(|| (Rule::RowSecurity, statement.to_string())).into_iter().collect()
        }
        Statement::AlterPolicy(_) => vec![(Rule::RowSecurity, statement.to_string())],
        Statement::DropFunction(_)
        | Statement::DropProcedure { .. }
        | Statement::DropTrigger(_)
        | Statement::DropDomain(_)
        | Statement::DropExtension(_)
        | Statement::DropRule(_) => vec![(Rule::DropObject, statement.to_string())],
        Statement::Revoke(_) | Statement::RevokeRole(_) => vec![(Rule::Revoke, statement.to_string())],
        Statement::Delete(_) | Statement::Truncate(_) => vec![(Rule::RemoveRows, statement.to_string())],
        Statement::AlterIndex { .. } | Statement::AlterView(_) | Statement::AlterSchema(_) => {
            vec![(Rule::Rename, statement.to_string())]
        }
        // These add, or change rows in a way that is the migration's business.
        Statement::Insert(_)
        | Statement::Update(_)
        | Statement::Query(_)
        | Statement::Set(_)
        | Statement::Grant(_)
        | Statement::GrantRole(_)
        | Statement::Comment { .. }
        | Statement::CreateView(_)
        | Statement::CreateTrigger(_)
        | Statement::CreateExtension(_)
        | Statement::CreateSequence { .. }
        | Statement::CreateType { .. }
        | Statement::CreateDomain(_)
        | Statement::CreateSchema { .. } => Vec::new(),
        _ => vec![(Rule::NotUnderstood, statement.to_string())],
    }
}

fn altered(table: &str, operation: &AlterTableOperation, made: &mut Made) -> Vec<(Rule, String)> {
    use AlterTableOperation as Op;
    let of = |column: &str| format!("{table}.{column}");
    let rule = match operation {
        Op::AddColumn { column_def, .. } => return added(table, column_def, made),
        Op::AlterColumn { column_name, op } => return changed(table, &column_name.value, op, made),
        _ if made.has_table(table) => return Vec::new(),
        Op::DropColumn { column_names, .. } => {
            let old = column_names.iter().filter(|column| !made.has_column(table, &column.value));
            return old.map(|column| (Rule::DropColumn, of(&column.value))).collect();
        }
        Op::AddConstraint { constraint, .. } => {
            let columns = columns_of(constraint);
            let harmless = match constraint {
                TableConstraint::ForeignKey(_) | TableConstraint::Unique(_) => made.has_empty(table, &columns),
                _ => made.has_all(table, &columns),
            };
            return if harmless { Vec::new() } else { vec![(Rule::AddConstraint, format!("{table}: {constraint}"))] };
        }
        Op::EnableRowLevelSecurity => Rule::RowSecurity,
        Op::DropConstraint { .. } | Op::DropPrimaryKey { .. } | Op::DropForeignKey { .. } => Rule::DropConstraint,
        Op::RenameColumn { .. } | Op::RenameTable { .. } | Op::RenameConstraint { .. } => Rule::Rename,
        // `FORCE` and `NO FORCE` concern the owner, who does not serve; it is how migrations reach every row.
        Op::NoForceRowLevelSecurity
        | Op::ForceRowLevelSecurity
        | Op::DisableRowLevelSecurity
        | Op::ValidateConstraint { .. }
        | Op::EnableTrigger { .. }
        | Op::SetOptionsParens { .. } => return Vec::new(),
        _ => Rule::NotUnderstood,
    };
    vec![(rule, format!("{table}: {operation}"))]
}

fn added(table: &str, column: &sqlparser::ast::ColumnDef, made: &mut Made) -> Vec<(Rule, String)> {
    let has = |wanted: fn(&ColumnOption) -> bool| column.options.iter().any(|option| wanted(&option.option));
    let required = has(|option| matches!(option, ColumnOption::NotNull | ColumnOption::PrimaryKey(_)));
    let filled = has(|option| {
        matches!(option, ColumnOption::Default(_) | ColumnOption::Generated { .. } | ColumnOption::Identity(_))
    });
    let name = column.name.value.to_lowercase();
    if filled {
        made.defaults.insert((table.to_owned(), name.clone()));
    }
    made.columns.entry(table.to_owned()).or_default().insert(name.clone());
    let broken = required && !filled && !made.has_table(table);
    broken.then(|| (Rule::AddRequiredColumn, format!("{table}.{name}"))).into_iter().collect()
}

fn changed(table: &str, column: &str, change: &AlterColumnOperation, made: &mut Made) -> Vec<(Rule, String)> {
    use AlterColumnOperation as Op;
    let key = (table.to_owned(), column.to_lowercase());
    let rule = match change {
        Op::SetDefault { .. } => {
            made.defaults.insert(key);
            return Vec::new();
        }
        Op::DropNotNull => return Vec::new(),
        // Filled by a default, also where the running version does not know the column.
        Op::SetNotNull if made.defaults.contains(&key) => return Vec::new(),
        // A column that is new is not known to the running version, which would leave it empty.
        Op::SetNotNull if !made.has_table(table) => Rule::SetNotNull,
        _ if made.has_column(table, column) => return Vec::new(),
        Op::SetNotNull => Rule::SetNotNull,
        Op::DropDefault => Rule::DropDefault,
        Op::SetDataType { .. } => Rule::AlterType,
        Op::AddGenerated { .. } | Op::GenericOptions { .. } => Rule::NotUnderstood,
    };
    vec![(rule, format!("{table}.{column}: {change}"))]
}

/// The columns that a constraint is about.
fn columns_of(constraint: &TableConstraint) -> Vec<String> {
    let indexed = |columns: &[sqlparser::ast::IndexColumn]| -> Vec<String> {
        columns.iter().flat_map(|column| names_in(&column.column.expr.to_string())).collect()
    };
    match constraint {
        TableConstraint::ForeignKey(key) => key.columns.iter().map(|column| column.value.to_lowercase()).collect(),
        TableConstraint::Unique(key) => indexed(&key.columns),
        TableConstraint::PrimaryKey(key) => indexed(&key.columns),
        TableConstraint::Check(check) => names_in(&check.expr.to_string()),
        _ => Vec::new(),
    }
}

fn plain(name: &ObjectName) -> String {
    let last = name.0.last().map(ToString::to_string).unwrap_or_default();
    last.trim_matches('"').to_lowercase()
}
