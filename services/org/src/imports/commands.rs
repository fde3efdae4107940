//! The two steps of an import: checking and committing. Both make the same plan; only the second writes it.

use crate::act::Act;
use crate::audit::domain::Actor;
use crate::employees::store as employees;
use crate::error::Error;
use crate::imports::columns::Mapping;
use crate::imports::domain::{LineVerdict, Verdict};
use crate::imports::plan::{Directory, Person, Plan, plan};
use crate::imports::store::{self, Work};
use crate::imports::table::Table;
use crate::imports::{apply, labels};
use crate::members::authority;
use crate::members::domain::Member;
use crate::orgs::store as orgs;
use crate::roles::store as roles;
use crate::sites::store as sites;
use crate::units::store as units;
use diesel::pg::PgConnection;
use jiff::Timestamp;
use rollcall_common::events::Outbox;
use rollcall_common::fault::Fault;
use rollcall_common::tenant::Tenant;
use rollcall_ids::ImportId;
use rollcall_org_api::rights::Permission;
use std::sync::atomic::{AtomicI32, Ordering};

/// How far a step is.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) total: AtomicI32,
    pub(crate) done: AtomicI32,
}

impl Progress {
    fn at(&self, total: usize, done: usize) {
        self.total.store(i32::try_from(total).unwrap_or(i32::MAX), Ordering::Relaxed);
        self.done.store(i32::try_from(done).unwrap_or(i32::MAX), Ordering::Relaxed);
    }
}

/// Does the step that the import waits for.
pub(crate) fn step(
    conn: &mut PgConnection,
    tenant: &Tenant,
    id: ImportId,
    outbox: Outbox,
    now: Timestamp,
    progress: &Progress,
) -> Result<(), Error> {
    let Some(work) = store::work(conn, tenant, id)? else { return Ok(()) };
    let (outcome, lines) = match work.status.as_str() {
        "checking" => ("checked", check(conn, tenant, &work, now, progress)?),
        "committing" => match commit(conn, tenant, &work, outbox, now, progress)? {
            Ok(lines) => ("committed", lines),
            Err(lines) => ("refused", lines),
        },
        _ => return Ok(()),
    };
    store::finish(conn, tenant, id, (outcome, &lines), now)
}

fn check(
    conn: &mut PgConnection,
    tenant: &Tenant,
    work: &Work,
    now: Timestamp,
    progress: &Progress,
) -> Result<Vec<LineVerdict>, Error> {
    let (_, member) = sender(conn, tenant, work, now)?;
    let drawn = draw(conn, tenant, work, &member, |total, done| progress.at(total, done))?;
    Ok(drawn.map_or_else(|line| vec![line], |plan| plan.lines))
}

/// Takes the file over whole, or says what hinders it.
fn commit(
    conn: &mut PgConnection,
    tenant: &Tenant,
    work: &Work,
    outbox: Outbox,
    now: Timestamp,
    progress: &Progress,
) -> Result<Result<Vec<LineVerdict>, Vec<LineVerdict>>, Error> {
    // The organisation before its employees, as everywhere; then nobody changes whom the file changes too, and the
    // sender's rights are those of now.
    orgs::lock(conn, tenant)?;
    employees::lock_all(conn, tenant)?;
    let (actor, member) = sender(conn, tenant, work, now)?;
    let plan = match draw(conn, tenant, work, &member, |total, _| progress.at(total, 0))? {
        Ok(plan) => plan,
        Err(line) => return Ok(Err(vec![line])),
    };
    if plan.lines.iter().any(|line| line.verdict == Verdict::Rejected) {
        return Ok(Err(plan.lines));
    }
    let total = plan.lines.len();
    let act = Act { outbox, actor, at: now, today: member.today };
    apply::apply(conn, tenant, &act, &plan.people, |done| progress.at(total, done.min(total)))?;
    if plan.people.iter().any(Person::moves_employment) && !roles::has_owner(conn, tenant, act.today)? {
        return Err(Error::LastOwner);
    }
    Ok(Ok(plan.lines))
}

/// Who asked for the step, if they may still do so.
fn sender(conn: &mut PgConnection, tenant: &Tenant, work: &Work, now: Timestamp) -> Result<(Actor, Member), Error> {
    let actor: Actor = serde_json::from_value(work.actor.clone()).map_err(Fault::internal)?;
    let member = authority::member(conn, tenant, actor.user_id, now)?.ok_or(Fault::Forbidden)?;
    member.must_in_org(Permission::EmployeesWrite)?;
    Ok((actor, member))
}

/// The plan of the file; or the one line that says why there is none.
fn draw(
    conn: &mut PgConnection,
    tenant: &Tenant,
    work: &Work,
    member: &Member,
    progress: impl Fn(usize, usize),
) -> Result<Result<Plan, LineVerdict>, Error> {
    let names = serde_json::from_value(work.mapping.clone()).map_err(Fault::internal)?;
    let mapping = Mapping::parse(&names).map_err(|why| Fault::invalid("?columns", why.code, why.detail))?;
    let table = match Table::read(work.source.as_deref().unwrap_or_default(), &mapping) {
        Ok(table) => table,
        Err((line, errors)) => return Ok(Err(LineVerdict { line, verdict: Verdict::Rejected, errors })),
    };
    let total = table.records.len();
    progress(total, 0);
    let directory = directory(conn, tenant)?;
    let may_decide_over = |dossier: &_| member.must_decide_over(dossier).is_ok();
    Ok(Ok(plan(&table, &directory, may_decide_over, |done| progress(total, done))))
}

fn directory(conn: &mut PgConnection, tenant: &Tenant) -> Result<Directory, Error> {
    let people = employees::all(conn, tenant)?;
    Ok(Directory {
        people: people.into_iter().map(|dossier| (dossier.employee.number.clone(), dossier)).collect(),
        units: labels::units(&units::all(conn, tenant)?),
        sites: labels::sites(&sites::all(conn, tenant)?),
        root: units::root(conn, tenant)?,
        first_site: sites::first(conn, tenant)?,
    })
}
