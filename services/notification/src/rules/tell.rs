//! Turns one event into messages, in the transaction that takes it, from what is known here.

use super::domain::{Recipients, Rule, Said};
use super::recipients;
use super::table::rule_for;
use super::templates::{Language, Templates, Text};
use crate::facts::store as facts;
use crate::inbox::store::{self as inbox, Letter};
use crate::links::mail::Links;
use crate::mail::store::{self as mail, NewMail};
use crate::owed::store::{self as owed, Owing};
use diesel::pg::PgConnection;
use jiff::{SignedDuration, Timestamp};
use rollcall_common::events::CloudEvent;
use rollcall_common::fault::Fault;
use rollcall_common::problem::FieldError;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, EventId, UserId};
use std::collections::HashSet;

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
    /// Whose streams have something new.
    pub users: Vec<UserId>,
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
                happened_at: Some(telling.happened_at),
            };
            mail::add(conn, tenant, telling.event_id, &new, now)?;
            return Ok(Outcome::Told(Told { mail: true, ..Told::default() }));
        }
        let tenant = tenant.ok_or_else(|| Fault::internal(anyhow::anyhow!("people of no organisation")))?;
        let Some(org) = facts::org(conn, tenant)? else {
            return Ok(Outcome::Waits(vec![recipients::who_knows_the_org(&telling.said.to)]));
        };
        match recipients::accounts(conn, tenant, &telling.said.to, given, org.today(now))? {
            Ok(users) => self.tell_users(conn, tenant, telling, &org, &users, given, now),
            Err(missing) => Ok(Outcome::Waits(missing)),
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "all are needed by the one caller; a struct would be of no other use"
    )]
    fn tell_users(
        &self,
        conn: &mut PgConnection,
        tenant: &Tenant,
        telling: &Telling,
        org: &facts::Org,
        users: &[UserId],
        given: &Given,
        now: Timestamp,
    ) -> Result<Outcome, Fault> {
        let readers = facts::readers(conn, users)?;
        let missing: Vec<_> = users
            .iter()
            .filter(|user| !readers.contains_key(user) && !given.languages.contains(user))
            .map(|user| Missing::Language(*user))
            .collect();
        if !missing.is_empty() {
            return Ok(Outcome::Waits(missing));
        }
        // A language that may have changed is used all the same: nobody waits for it to be asked for anew.
        let old = |reader: &&facts::Reader| now.duration_since(reader.fetched_at) >= self.language_kept;
        let stale = readers.values().filter(old).map(|reader| reader.user_id).collect();
        let letter = |user_id: &UserId| {
            let locale = readers.get(user_id).map_or(org.locale.as_str(), |reader| reader.locale.as_str());
            let text = self.write(telling.rule, Language::closest_to(locale), &telling.said.data, &org.name)?;
            Ok(Letter { user_id: *user_id, title: text.title, body: text.body })
        };
        let letters = users.iter().map(letter).collect::<Result<Vec<_>, Fault>>()?;
        let told = inbox::add(conn, tenant, telling.event_id, telling.rule, &telling.said.about, &letters, now)?;
        let owing = Owing {
            category: telling.rule.category,
            urgent: telling.rule.urgent,
            happened_at: telling.happened_at,
            told: &told,
            readers: &readers,
            zone: &org.time_zone,
        };
        let owed = owed::add(conn, tenant, &owing, now)?;
        let users = told.into_iter().map(|(user_id, _)| user_id).collect();
        Ok(Outcome::Told(Told { users, mail: false, owed, stale }))
    }

    fn write(&self, rule: &Rule, language: Language, data: &serde_json::Value, org_name: &str) -> Result<Text, Fault> {
        self.templates.write(rule.template, language, data, org_name).map_err(Fault::internal)
    }
}
