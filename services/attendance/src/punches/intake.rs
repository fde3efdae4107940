//! From what a client sent to decisions, for one punch and for many.

use crate::app::App;
use crate::devices::domain::Heard;
use crate::devices::door::{By, Puncher};
use crate::facts::{People, org_is_away};
use crate::punches::allowance::{Counted, counted};
use crate::punches::commit::Written;
use crate::punches::decide::{Circumstances, Decided, Key, decide};
use crate::punches::writer::likewise;
use rollcall_attendance_api::codes::UNKNOWN_EMPLOYEE;
use rollcall_attendance_api::punches::{BatchItem, ItemFieldError, ItemProblem, NewPunch, Verdict};
use rollcall_common::fault::Fault;
use rollcall_common::problem::FieldError;
use rollcall_common::validate::Rejection;
use rollcall_ids::EmployeeId;
use rollcall_org_api::rights::Permission;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// Characters of a key at most, as of the header.
const KEY: usize = 200;

/// Writes one punch.
pub(crate) async fn punch(app: &App, at: &Puncher, request: NewPunch, key: Option<String>) -> Result<Written, Fault> {
    let key = key.map(|key| key_of(app, at, key, &request)).transpose()?;
    let nothing = || Err(Fault::internal(anyhow::anyhow!("nothing was written")));
    write(app, at, vec![Ok((request, key))]).await?.pop().unwrap_or_else(nothing)
}

/// Writes a batch. What cannot be accepted is rejected by itself; the rest is written together.
pub(crate) async fn batch(app: &App, at: &Puncher, items: Vec<Value>) -> Result<Vec<BatchItem>, Fault> {
    let asked =
        items.into_iter().map(|item| decode(app, at, item).map(|(request, key)| (request, Some(key)))).collect();
    let verdicts = write(app, at, asked).await?;
    verdicts.into_iter().enumerate().map(|(index, verdict)| item(index, verdict)).collect()
}

/// A punch that was asked for, with its key; or why it is none.
type Asked = Result<(NewPunch, Option<Key>), Fault>;

/// How far a punch is.
#[expect(clippy::large_enum_variant, reason = "nearly all are to be written")]
enum Step {
    /// It is to be written.
    Write(Decided),
    /// What became of it is known.
    Done(Result<Written, Fault>),
}

/// Judges all, looks up what may have been stored before, writes the rest.
async fn write(app: &App, at: &Puncher, asked: Vec<Asked>) -> Result<Vec<Result<Written, Fault>>, Fault> {
    let named = asked.iter().filter_map(|one| one.as_ref().ok()?.0.employee_id);
    let people = people(app, at, named).await?;
    let mut steps = Vec::with_capacity(asked.len());
    let mut before = Vec::new();
    for (index, one) in asked.into_iter().enumerate() {
        let judged = one.and_then(|(request, key)| {
            let decided = judge(app, at, &people, &request, key.clone());
            if let (Err(Fault::Invalid(_)), Some(key), Some(whose)) = (&decided, key, whose(at, &request)) {
                before.push((index, whose, key));
            }
            decided
        });
        steps.push(judged.map_or_else(|refusal| Step::Done(Err(refusal)), Step::Write));
    }
    let over: HashSet<Counted> = above_allowance(app, &steps).into_iter().map(|(_, of, _)| of).collect();
    before.extend(steps.iter().enumerate().filter_map(|(index, step)| match step {
        Step::Write(Decided { punch, key: Some(key), .. }) if over.contains(&counted(punch)) => {
            Some((index, punch.employee_id, key.clone()))
        }
        Step::Write(_) | Step::Done(_) => None,
    }));
    repeated(app, at, &mut steps, before).await;
    if !over.is_empty() {
        for (index, _, refusal) in above_allowance(app, &steps) {
            steps[index] = Step::Done(Err(refusal));
        }
    }
    let mut accepted = Vec::with_capacity(steps.len());
    let mut verdicts: Vec<Option<Result<Written, Fault>>> = Vec::with_capacity(steps.len());
    for step in steps {
        verdicts.push(match step {
            Step::Write(decided) => {
                accepted.push(decided);
                None
            }
            Step::Done(verdict) => Some(verdict),
        });
    }
    let mut written = app.writer.write(&at.tenant, accepted).await?.into_iter();
    let nothing = || Err(Fault::internal(anyhow::anyhow!("nothing was written")));
    let verdict = |known: Option<_>| known.unwrap_or_else(|| written.next().map_or_else(nothing, Ok));
    let verdicts: Vec<_> = verdicts.into_iter().map(verdict).collect();
    heard(app, at, verdicts.iter().flatten());
    Ok(verdicts)
}

/// The punches of which as many are stored as may be, and the refusals.
fn above_allowance(app: &App, steps: &[Step]) -> Vec<(usize, Counted, Fault)> {
    let now = app.core.clock.now();
    let mut asked: HashMap<Counted, u32> = HashMap::new();
    let refusal = |(index, step): (usize, &Step)| {
        let Step::Write(Decided { punch, counts: true, .. }) = step else { return None };
        let of = counted(punch);
        let so_far = asked.entry(of).or_default();
        let refusal = app.allowances.room(of, *so_far + 1, now).err();
        *so_far += u32::from(refusal.is_none());
        refusal.map(|refusal| (index, of, refusal))
    };
    steps.iter().enumerate().filter_map(refusal).collect()
}

/// Gives repetitions of what was stored the answer that they were given the first time: a key holds for ever, while what is
/// accepted depends on the hour, and on how many there are.
async fn repeated(app: &App, at: &Puncher, steps: &mut [Step], before: Vec<(usize, EmployeeId, Key)>) {
    if before.is_empty() {
        return;
    }
    let (places, keys): (Vec<usize>, Vec<_>) =
        before.into_iter().map(|(index, whose, key)| (index, (whose, key))).unzip();
    match app.writer.written(&at.tenant, keys).await {
        Ok(found) => {
            for (index, found) in places.into_iter().zip(found) {
                let refused = matches!(steps[index], Step::Done(_));
                match found {
                    // What is wrong with it says more than that its key was used for another one.
                    Some(Written::Mismatch) if refused => {}
                    Some(written) => steps[index] = Step::Done(Ok(written)),
                    None => {}
                }
            }
        }
        Err(fault) => places.into_iter().for_each(|index| steps[index] = Step::Done(Err(likewise(&fault)))),
    }
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
            let unknown = || Rejection::new(UNKNOWN_EMPLOYEE, "the organisation has none of this id");
            people.found.get(&id).map(|known| &**known).ok_or_else(unknown)
        }
        (_, Some(own)) => Ok(own),
        (_, None) => Err(Rejection::new("required", "a device has to say whose punch it is")),
    };
    let given = Circumstances { now: app.core.clock.now(), accepts: &app.accepts, by: &at.by, address: at.address };
    decide(request, key, whose, &given)
}

/// Whose punch it is, whether or not there is such a person.
fn whose(at: &Puncher, request: &NewPunch) -> Option<EmployeeId> {
    request.employee_id.or_else(|| at.by.own().map(|own| own.employee_id))
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
fn decode(app: &App, at: &Puncher, mut item: Value) -> Result<(NewPunch, Key), Fault> {
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
    let key = key_of(app, at, key, &punch)?;
    Ok((punch, key))
}

fn key_of(app: &App, at: &Puncher, chosen: String, request: &NewPunch) -> Result<Key, Fault> {
    Key::new(chosen, request, &at.by, (app.core.clock.now(), &app.accepts))
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
