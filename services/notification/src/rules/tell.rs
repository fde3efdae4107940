//! Turns events into messages, in the transaction that takes them, from what is known here.

use super::domain::{Recipients, Rule, Said};
use super::recipients::{self, People};
use super::table::rule_for;
use super::templates::{Language, Templates, Text};
use crate::facts::store as facts;
use crate::inbox::store::{self as inbox, Letter};
use crate::links::mail::Links;
use crate::mail::store::{self as mail, NewMail};
use crate::owed::store::{self as owed, Owing};
use crate::stream::domain::Fresh;
use diesel::pg::PgConnection;
use jiff::{SignedDuration, Timestamp};
use rollcall_common::events::CloudEvent;
use rollcall_common::fault::Fault;
use rollcall_common::problem::FieldError;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, EventId, UserId};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Writes and stores messages.
pub struct Teller {
    /// The words.
    pub templates: Templates,
    /// Links in mails.
    pub links: Links,
    /// After this long a user's language is asked for anew.
    pub language_kept: SignedDuration,
}

/// An event of the table of rules, read.
#[derive(Clone, Debug)]
pub struct Telling {
    /// Of the event.
    pub event_id: EventId,
    /// When it happened.
    pub happened_at: Timestamp,
    /// What it comes under.
    pub rule: &'static Rule,
    /// What it says.
    pub said: Said,
}

impl Telling {
    /// What the table of rules makes of an event; none if it has no rule.
    pub fn of(event: &CloudEvent) -> Result<Option<Self>, Fault> {
        let Some(rule) = rule_for(&event.kind) else { return Ok(None) };
        let said = (rule.read)(&event.data).map_err(|error| {
            let error = FieldError { pointer: "/data".into(), code: "wrong_type".into(), detail: error.to_string() };
            Fault::Malformed(vec![error])
        })?;
        Ok(Some(Self { event_id: event.id, happened_at: event.time, rule, said }))
    }
}

/// A fact that is not known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Missing {
    /// An employee, or the organisation they are in; org knows both.
    Employee(EmployeeId),
    /// Anybody who speaks for the organisation. There always is one, so their event is on its way.
    Speaker,
    /// The language of a user, which was never known; user knows.
    Language(UserId),
}

/// What the owners of facts could not answer either: go on without.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Languages that are not to be had: the organisation's is taken.
    pub languages: HashSet<UserId>,
    /// Employees that org does not know.
    pub absent: HashSet<EmployeeId>,
}

/// What follows from messages that are stored.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// What was added to streams.
    pub fresh: Vec<Fresh>,
    /// Whether mail is to be sent.
    pub mail: bool,
    /// Whether channels outside the inbox owe something.
    pub owed: bool,
    /// Whose language should be asked for anew.
    pub stale: Vec<UserId>,
}

/// What became of an event.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The messages are stored.
    Told(Told),
    /// Nothing is stored: these have to be asked for first.
    Waits(Vec<Missing>),
}

impl Teller {
    /// Stores the messages that the rules make of an event, or says what has to be asked for first. Without a tenant
    /// the event belongs to no organisation: only an address can be told of it.
    pub fn tell(
        &self,
        conn: &mut PgConnection,
        tenant: Option<&Tenant>,
        telling: &Telling,
        given: &Given,
        now: Timestamp,
    ) -> Result<Outcome, Fault> {
        if let Recipients::Address { email, name, locale } = &telling.said.to {
            let language = Language::closest_to(locale);
            // The event names the organisation itself, or there is none: no fact is needed.
            let mut data = telling.said.data.clone();
            if let Some(link) = self.links.of(conn, telling.rule.template, &data, now)? {
                data["link"] = link.into();
            }
            let text = self.write(telling.rule, language, &data, "")?;
            let new = NewMail {
                recipient: email,
                recipient_name: name,
                language,
                text,
                kind: telling.rule.template,
                turn_of: tenant.map(Tenant::org_id),
                happened_at: Some(telling.happened_at),
            };
            mail::add(conn, tenant, telling.event_id, &new, now)?;
            return Ok(Outcome::Told(Told { mail: true, ..Told::default() }));
        }
        let tenant = tenant.ok_or_else(|| Fault::internal(anyhow::anyhow!("people of no organisation")))?;
        let mut outcomes = self.tell_all(conn, tenant, &[telling], given, now)?;
        outcomes.pop().ok_or_else(|| Fault::internal(anyhow::anyhow!("an event without an outcome")))
    }

    /// The same for several events of one organisation that are told to people in it, in their order and with no more
    /// statements than for one. What comes after one that has to wait waits behind it, so that messages keep the order of
    /// their events.
    pub fn tell_all(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        tellings: &[&Telling],
        given: &Given,
        now: Timestamp,
    ) -> Result<Vec<Outcome>, Fault> {
        let waits = |first: Vec<Missing>, of: &[&Telling]| {
            let behind = of.iter().skip(1).map(|_| Outcome::Waits(Vec::new()));
            std::iter::once(Outcome::Waits(first)).chain(behind).take(of.len()).collect::<Vec<_>>()
        };
        let Some(org) = facts::org(conn, tenant)? else {
            let missing = tellings.first().map(|telling| recipients::who_knows_the_org(&telling.said.to));
            return Ok(waits(missing.into_iter().collect(), tellings));
        };
        let people = People::of(conn, tenant, tellings.iter().map(|telling| &telling.said.to), org.today(now))?;
        let accounts: Vec<_> = tellings.iter().map(|telling| people.accounts(&telling.said.to, given)).collect();
        let users: BTreeSet<UserId> = accounts.iter().flatten().flatten().copied().collect();
        let users: Vec<UserId> = users.into_iter().collect();
        let readers = facts::readers(conn, &users)?;
        let mut heard = Vec::with_capacity(tellings.len());
        let mut missing = None;
        for found in accounts {
            match found.and_then(|users| who_reads(users, &readers, given)) {
                Ok(users) => heard.push(users),
                Err(first) => {
                    missing = Some(first);
                    break;
                }
            }
        }
        let (ready, waiting) = tellings.split_at(heard.len());
        let mut outcomes = self.store(conn, tenant, ready, &heard, &org, &readers, now)?;
        outcomes.extend(missing.into_iter().flat_map(|first| waits(first, waiting)));
        Ok(outcomes)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "all are needed by the one caller; a struct would be of no other use"
    )]
    fn store(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        tellings: &[&Telling],
        heard: &[Vec<UserId>],
        org: &facts::Org,
        readers: &HashMap<UserId, facts::Reader>,
        now: Timestamp,
    ) -> Result<Vec<Outcome>, Fault> {
        let mut letters = Vec::new();
        for (telling, users) in tellings.iter().zip(heard) {
            for user_id in users {
                let locale = readers.get(user_id).map_or(org.locale.as_str(), |reader| reader.locale.as_str());
                let language = Language::closest_to(locale);
                let text = self.write(telling.rule, language, &telling.said.data, &org.name)?;
                letters.push(Letter {
                    event_id: telling.event_id,
                    rule: telling.rule,
                    about: &telling.said.about,
                    user_id: *user_id,
                    title: text.title,
                    body: text.body,
                });
            }
        }
        let stored = inbox::add(conn, tenant, letters, now)?;
        let happened: HashMap<EventId, Timestamp> = tellings.iter().map(|it| (it.event_id, it.happened_at)).collect();
        let told: Vec<_> = stored
            .iter()
            .map(|stored| owed::Told {
                user_id: stored.fresh.user_id,
                notification_id: stored.notification_id,
                category: stored.rule.category,
                urgent: stored.rule.urgent,
                happened_at: happened.get(&stored.event_id).copied().unwrap_or(now),
            })
            .collect();
        let owed = owed::add(conn, tenant, &Owing { told: &told, readers, zone: &org.time_zone }, now)?;
        let mut fresh: HashMap<EventId, Vec<Fresh>> = HashMap::new();
        for stored in stored {
            fresh.entry(stored.event_id).or_default().push(stored.fresh);
        }
        // A language that may have changed is used all the same: nobody waits for it to be asked for anew.
        let old = |reader: &&facts::Reader| now.duration_since(reader.fetched_at) >= self.language_kept;
        let stale = |users: &[UserId]| {
            users.iter().filter_map(|user| readers.get(user)).filter(old).map(|reader| reader.user_id).collect()
        };
        let told = tellings.iter().zip(heard).map(|(telling, users)| {
            let fresh = fresh.remove(&telling.event_id).unwrap_or_default();
            Outcome::Told(Told { fresh, mail: false, owed, stale: stale(users) })
        });
        Ok(told.collect())
    }

    fn write(&self, rule: &Rule, language: Language, data: &serde_json::Value, org_name: &str) -> Result<Text, Fault> {
        self.templates.write(rule.template, language, data, org_name).map_err(Fault::internal)
    }
}

/// These users, if the languages of all are known or not to be had; else what to ask for.
fn who_reads(
    users: Vec<UserId>,
    readers: &HashMap<UserId, facts::Reader>,
    given: &Given,
) -> Result<Vec<UserId>, Vec<Missing>> {
    let unknown = |user: &&UserId| !readers.contains_key(user) && !given.languages.contains(user);
    let missing: Vec<_> = users.iter().filter(unknown).map(|user| Missing::Language(*user)).collect();
    if missing.is_empty() { Ok(users) } else { Err(missing) }
}
