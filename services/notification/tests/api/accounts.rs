//! Mail about accounts, which belong to no organisation.

use crate::support::{PATIENCE, World};
use diesel::{Connection as _, PgConnection, QueryResult, RunQueryDsl as _};
use rollcall_ids::{EventId, NotificationId, UserId};
use serde_json::{Value, json};
use std::time::Duration;

const TOKEN: &str = "Zm9vYmFyLWZvb2Jhci1mb29iYXItZm9vYmFyLWZvb2Jh";
const RESET: &str = "user.password_reset.requested.v1";
const NEW_DEVICE: &str = "user.login.new_device.v1";
const CHANGED: &str = "user.credentials.changed.v1";

/// An event of user about somebody in Shanghai, with what is special to its kind.
fn event(world: &World, kind: &str, email: &str, locale: &str, special: Value) -> Value {
    let mut data = json!({
        "user_id": UserId::generate(), "email": email, "name": "Li Wei", "locale": locale, "time_zone": "Asia/Shanghai",
    });
    let Value::Object(special) = special else { panic!("{special} is no object") };
    data.as_object_mut().unwrap().extend(special);
    let mut event = world.event("user", kind, &data);
    event.as_object_mut().unwrap().remove("orgid");
    event
}

pub(crate) fn reset(world: &World, email: &str, locale: &str) -> Value {
    event(world, RESET, email, locale, json!({ "token": TOKEN, "expires_at": "2026-06-01T07:30:00Z" }))
}

fn new_device(world: &World, email: &str, locale: &str) -> Value {
    let special = json!({ "device": "Firefox on Linux", "address": "203.0.113.7", "at": "2026-06-01T07:30:00Z" });
    event(world, NEW_DEVICE, email, locale, special)
}

fn changed(world: &World, email: &str, locale: &str) -> Value {
    let special = json!({ "change": "second_factor_removed", "at": "2026-06-01T07:30:00Z" });
    event(world, CHANGED, email, locale, special)
}

/// Waits until so many mails are sent; answers the file of each.
async fn sent(world: &World, count: i64) -> Vec<String> {
    let query = "SELECT count(*) FROM mail_deliveries WHERE state = 'sent'";
    let waited = tokio::time::timeout(PATIENCE, async {
        while world.count(query) < count {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(waited.await.is_ok(), "{} sent, not {count}", world.count(query));
    let entries = std::fs::read_dir(world.service.directory.join("mail")).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// What a mail program shows of the quoted-printable in a file (RFC 2045 §6.7).
fn shown(file: &str) -> String {
    let joined = file.replace("=\r\n", "");
    let mut parts = joined.split('=');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend(&part.as_bytes()[2..]);
            }
            None => bytes.extend(format!("={part}").as_bytes()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn each_event_of_an_account_is_one_mail_in_the_language_and_zone_of_its_owner() {
    let world = World::empty(|_| {}).await;
    let (en, zh) = ("wei@example.org", "mei@example.org");
    let events = [
        reset(&world, en, "en-GB"),
        reset(&world, zh, "zh-CN"),
        new_device(&world, en, "en-GB"),
        new_device(&world, zh, "zh-CN"),
        changed(&world, en, "en-GB"),
        changed(&world, zh, "zh-CN"),
    ];
    for verdict in ["applied", "duplicate"] {
        let verdicts = world.send("user", &events).await;
        assert!(verdicts.iter().all(|it| it["verdict"] == verdict), "{verdicts:?}");
    }
    let files = sent(&world, 6).await;
    assert_eq!(files.len(), 6, "twice told is once mailed");
    assert_eq!(world.count("SELECT count(*) FROM mail_deliveries WHERE org_id IS NULL"), 6);
    for (to, subject, contents) in [
        (en, "Reset your Rollcall password", &[TOKEN, "until 1 Jun 2026, 15:30 (Asia/Shanghai)"][..]),
        (zh, "重置您的 Rollcall 密码", &[TOKEN, "有效期至 2026年6月1日 15:30 (Asia/Shanghai)"]),
        (
            en,
            "New sign-in to your Rollcall account",
            &["Device: Firefox on Linux", "Address: 203.0.113.7", "Time: 1 Jun 2026, 15:30 (Asia/Shanghai)"],
        ),
        (
            zh,
            "您的 Rollcall 账户有新的登录",
            &["设备：Firefox on Linux", "地址：203.0.113.7", "时间：2026年6月1日 15:30 (Asia/Shanghai)"],
        ),
        (
            en,
            "The second factor of your Rollcall account was removed",
            &["second factor of your Rollcall account was removed\r\nTime: 1 Jun 2026, 15:30 (Asia/Shanghai)"],
        ),
        (
            zh,
            "您的 Rollcall 账户已停用第二验证因素",
            &["您的 Rollcall 账户已停用第二验证因素\r\n时间：2026年6月1日 15:30 (Asia/Shanghai)"],
        ),
    ] {
        let query = format!("SELECT count(*) FROM mail_deliveries WHERE subject = '{subject}' AND recipient = '{to}'");
        assert_eq!(world.count(&query), 1, "{subject}");
        let matching = files.iter().map(|file| shown(file)).filter(|mail| {
            mail.contains(to) && mail.contains("Li Wei") && contents.iter().all(|content| mail.contains(content))
        });
        assert_eq!(matching.count(), 1, "{subject}: {contents:?} in {files:#?}");
        if subject.is_ascii() {
            let header = format!("Subject: {subject}");
            assert_eq!(files.iter().filter(|file| file.lines().any(|line| line == header)).count(), 1, "{header}");
        }
    }
    let with_token = files.iter().filter(|file| file.lines().any(|line| line == TOKEN));
    assert_eq!(with_token.count(), 2, "the token stands in the file as it is");
    let kept = "SELECT count(*) FROM mail_deliveries WHERE text_body IS NOT NULL OR html_body IS NOT NULL";
    assert_eq!(world.count(kept), 0, "what was sent is not kept");
    assert!(world.peers.received_requests().await.unwrap().is_empty(), "nobody is asked for anything");
}

#[tokio::test]
async fn an_event_of_an_account_names_no_organisation_and_an_invitation_does() {
    let world = World::empty(|_| {}).await;
    let mut of_org = reset(&world, "wei@example.org", "en");
    of_org["orgid"] = json!(world.org_id);
    let mut of_nobody = world.invited("wei@example.org", "en", TOKEN);
    of_nobody.as_object_mut().unwrap().remove("orgid");
    for (from, event) in [("user", of_org), ("org", of_nobody), ("org", reset(&world, "wei@example.org", "en"))] {
        let verdicts = world.send(from, &[event]).await;
        assert_eq!(verdicts[0]["verdict"], "failed", "{verdicts:?}");
    }
    assert_eq!(world.count("SELECT count(*) FROM mail_deliveries"), 0);
}

/// Runs a statement as a role for whom row-level security holds; answers how many rows it saw or changed.
fn rows(world: &World, scope: Option<(&str, String)>, statement: &str) -> QueryResult<usize> {
    let mut conn = PgConnection::establish(&world.service.database_url).unwrap();
    conn.transaction(|conn| {
        if let Some((name, value)) = scope {
            diesel::sql_query(format!("SELECT set_config('{name}', '{value}', true)")).execute(conn)?;
        }
        diesel::sql_query(statement).execute(conn)
    })
}

/// A row of mail, owed under this organisation.
fn owed(org_id: &str) -> String {
    let (delivery_id, event_id) = (NotificationId::generate(), EventId::generate());
    format!(
        "INSERT INTO mail_deliveries (org_id, delivery_id, event_id, recipient, recipient_name, kind, language,
            subject, state, next_attempt_at, created_at)
        VALUES ({org_id}, '{delivery_id}', '{event_id}', 'x@example.org', 'X', 'x', 'en', 'x', 'sent', now(), now())"
    )
}

#[tokio::test]
async fn a_transaction_without_tenant_owes_mail_of_accounts_and_sees_and_changes_none() {
    const READ: &str = "SELECT 1 FROM mail_deliveries";
    let world = World::start().await;
    world.send("org", &[world.invited("wei@example.org", "en", TOKEN)]).await;
    world.send("user", &[reset(&world, "wei@example.org", "en")]).await;
    sent(&world, 2).await;
    let org = || Some(("app.org_id", world.org_id.to_string()));
    let task = || Some(("app.task", "mail".to_owned()));
    assert_eq!(rows(&world, None, READ), Ok(0), "nobody's");
    assert_eq!(rows(&world, org(), READ), Ok(1), "its own and none of an account");
    assert_eq!(rows(&world, task(), READ), Ok(2), "the worker's: all");
    for change in ["UPDATE mail_deliveries SET state = 'dead'", "DELETE FROM mail_deliveries"] {
        assert_eq!(rows(&world, None, change), Ok(0), "{change}");
    }
    let org_id = format!("'{}'", world.org_id);
    assert_eq!(rows(&world, None, &owed("NULL")), Ok(1));
    assert!(rows(&world, None, &owed(&org_id)).is_err(), "no tenant owes for an organisation");
    assert!(rows(&world, org(), &owed("NULL")).is_err(), "no organisation owes for an account");
    assert_eq!(rows(&world, org(), &owed(&org_id)), Ok(1));
}
