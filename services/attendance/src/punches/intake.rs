//! From what a client sent to decisions, for one punch and for many.

use crate::app::App;
use crate::devices::domain::Heard;
use crate::devices::door::{By, Puncher};
use crate::facts::{People, org_is_away};
use crate::punches::commit::Written;
use crate::punches::decide::{Circumstances, Decided, Key, decide};
use rollcall_attendance_api::codes::UNKNOWN_EMPLOYEE;
use rollcall_attendance_api::punches::{BatchItem, ItemFieldError, ItemProblem, NewPunch, Verdict};
use rollcall_common::fault::Fault;
use rollcall_common::problem::FieldError;
use rollcall_ids::EmployeeId;
use rollcall_org_api::rights::Permission;
use serde_json::Value;
use std::collections::HashSet;

/// Characters of a key at most, as of the header.
const KEY: usize = 200;

/// Writes one punch.
pub(crate) async fn punch(app: &App, at: &Puncher, request: &NewPunch, key: Option<String>) -> Result<Written, Fault> {
    let key = key.map(|key| Key::new(key, request)).transpose()?;
    let people = people(app, at, request.employee_id.into_iter()).await?;
    let written = match judge(app, at, &people, request, key.clone()) {
        Ok(decided) => app.writer.write(&at.tenant, vec![decided]).await?.pop(),
        Err(refusal) => Some(replayed(app, at, request, key, refusal).await?),
    };
    heard(app, at, written.iter());
    written.ok_or_else(|| Fault::internal(anyhow::anyhow!("nothing was written")))
}

/// Writes a batch. What cannot be accepted is rejected by itself; the rest is written together.
pub(crate) async fn batch(app: &App, at: &Puncher, items: Vec<Value>) -> Result<Vec<BatchItem>, Fault> {
    let items: Vec<_> = items.into_iter().map(decode).collect();
    let named = items.iter().filter_map(|item| item.as_ref().ok()?.0.employee_id);
    let people = people(app, at, named).await?;
    let mut verdicts: Vec<Option<Result<Written, Fault>>> = Vec::with_capacity(items.len());
    let mut accepted = Vec::new();
    for item in items {
        let verdict = match item {
            Err(refusal) => Some(Err(refusal)),
            Ok((request, key)) => match judge(app, at, &people, &request, Some(key.clone())) {
                Ok(decided) => {
                    accepted.push(decided);
                    None
                }
                Err(refusal) => Some(replayed(app, at, &request, Some(key), refusal).await),
            },
        };
        verdicts.push(verdict);
    }
    let written = app.writer.write(&at.tenant, accepted).await?;
    let before = verdicts.iter().flatten().filter_map(|verdict| verdict.as_ref().ok());
    heard(app, at, written.iter().chain(before));
    let mut written = written.into_iter();
    let missing = || Err(Fault::internal(anyhow::anyhow!("nothing was written")));
    let all = verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(|| written.next().map_or_else(missing, Ok)));
    all.enumerate().map(|(index, verdict)| item(index, verdict)).collect()
}

/// Notes that a device was heard of, and what it has told: only once that is durable.
fn heard<'a>(app: &App, at: &Puncher, written: impl Iterator<Item = &'a Written>) {
    let By::Device(_, door) = &at.by else { return };
    let told = written.filter_map(|written| match written {
        Written::Created(punch) => Some((punch.at, punch.offline)),
        // Out of its memory, however it came the first time: what it has beside it is not known to have come.
        Written::Replayed(punch) => Some((punch.at, true)),
        Written::Mismatch => None,
    });
    app.seen.note((at.tenant.org_id(), door.device_id), Heard::of_punches(app.core.clock.now(), told));
}

fn judge(app: &App, at: &Puncher, people: &People, request: &NewPunch, key: Option<Key>) -> Result<Decided, Fault> {
    let whose = match (request.employee_id, at.by.own()) {
        (Some(id), own) if own.is_none_or(|own| own.employee_id != id) => {
            if !may_for_others(at) {
                return Err(Fault::Forbidden);
            }
            if people.away.contains(&id) {
                return Err(org_is_away());
            }
            let unknown = || Fault::invalid("/employee_id", UNKNOWN_EMPLOYEE, "the organisation has none of this id");
            people.found.get(&id).ok_or_else(unknown)?
        }
        (_, Some(own)) => own,
        (_, None) => return Err(Fault::invalid("/employee_id", "required", "a device has to say whose punch it is")),
    };
    let given =
        Circumstances { now: app.core.clock.now(), accepts: &app.accepts, by: &at.by, address: at.address, whose };
    decide(request, key, &given)
}

/// The answer that a refused request was given when it came the first time: its key holds for ever, while what
/// is accepted depends on the hour.
async fn replayed(
    app: &App,
    at: &Puncher,
    request: &NewPunch,
    key: Option<Key>,
    refusal: Fault,
) -> Result<Written, Fault> {
    let whose = request.employee_id.or_else(|| at.by.own().map(|own| own.employee_id));
    match (&refusal, key.zip(whose)) {
        (Fault::Invalid(_), Some((key, whose))) => match app.writer.written(&at.tenant, whose, key).await? {
            Some(written @ Written::Replayed(_)) => Ok(written),
            Some(Written::Created(_) | Written::Mismatch) | None => Err(refusal),
        },
        _ => Err(refusal),
    }
}

/// The people that punches are for, besides the caller. For who may punch for nobody else, others are not looked for.
async fn people(app: &App, at: &Puncher, named: impl Iterator<Item = EmployeeId>) -> Result<People, Fault> {
    let others: HashSet<EmployeeId> = named.filter(|id| !at.by.is_own(*id)).collect();
    if others.is_empty() || !may_for_others(at) {
        return Ok(People::default());
    }
    app.facts.look_up(&at.tenant, others).await
}

/// Whether the caller may punch for anybody but themselves.
fn may_for_others(at: &Puncher) -> bool {
    match &at.by {
        By::Member(member) => {
            let may = |permission| member.may_somewhere(permission);
            may(Permission::PunchesCreateForOthers) || may(Permission::PunchesImport)
        }
        By::Device(..) => true,
    }
}

/// One item of a batch, decoded by itself.
fn decode(mut item: Value) -> Result<(NewPunch, Key), Fault> {
    let malformed = |pointer: String, code: &'static str, detail: String| {
        Fault::Malformed(vec![FieldError { pointer, code: code.into(), detail }])
    };
    let key = item.as_object_mut().and_then(|fields| fields.remove("idempotency_key"));
    let key = match key {
        Some(Value::String(key)) if (1..=KEY).contains(&key.chars().count()) && !key.chars().any(char::is_control) => {
            key
        }
        _ => {
            let detail = format!("must be text of 1 to {KEY} characters, none of them a control character");
            return Err(malformed("/idempotency_key".to_owned(), "malformed_key", detail));
        }
    };
    let punch: NewPunch = serde_path_to_error::deserialize(item).map_err(|error| {
        let path = error.path().to_string();
        let pointer = if path == "." { String::new() } else { format!("/{path}") };
        malformed(pointer, "wrong_type", error.into_inner().to_string())
    })?;
    let key = Key::new(key, &punch)?;
    Ok((punch, key))
}

fn item(index: usize, verdict: Result<Written, Fault>) -> Result<BatchItem, Fault> {
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    let (verdict, punch, refusal) = match verdict {
        Ok(Written::Created(punch)) => (Verdict::Created, Some(punch), None),
        Ok(Written::Replayed(punch)) => (Verdict::Duplicate, Some(punch), None),
        Ok(Written::Mismatch) => (Verdict::Rejected, None, Some(Fault::IdempotencyMismatch)),
        Err(defect @ Fault::Internal(_)) => return Err(defect),
        // Somebody unknown while org is away holds back nobody else: the terminal sends this item again.
        Err(refusal) => (Verdict::Rejected, None, Some(refusal)),
    };
    let problem = refusal.map(|refusal| {
        let problem = refusal.problem();
        let error = |error: FieldError| ItemFieldError {
            pointer: error.pointer,
            code: error.code.into_owned(),
            detail: error.detail,
        };
        ItemProblem {
            status: problem.status,
            code: problem.code.into_owned(),
            title: problem.title.into_owned(),
            errors: problem.errors.into_iter().map(error).collect(),
        }
    });
    Ok(BatchItem { index, verdict, punch, problem })
}
