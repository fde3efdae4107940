//! What a run writes to its logs: nothing of the people it is about. In a process of its own, whose logs it reads.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]

#[expect(dead_code, reason = "the other tests need more of it")]
#[path = "../api/support.rs"]
mod support;

use rollcall_stack::testing::set;
use serde_json::json;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{PATIENCE, World};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, ResponseTemplate};

/// What must not be in a log: names, addresses, secrets, and what people write to each other.
const PERSONAL: [&str; 9] = [
    "Zygmunt",
    "zygmunt@",
    "Sesamtoken",
    "Firefox-von-Zygmunt",
    "203.0.113.77",
    "Kantinenschluss",
    "Freitagstext",
    "Nordlicht",
    "Hafenkante",
];

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    async fn waits_for(&self, line: &str) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !self.text().contains(line) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(waited.await.is_ok(), "`{line}` was never logged:\n{}", self.text());
    }
}

/// A mail server that refuses every recipient, and names them in doing so.
async fn unfriendly_server() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (input, mut output) = connection.into_split();
                let mut lines = BufReader::new(input).lines();
                output.write_all(b"220 test\r\n").await.unwrap();
                while let Ok(Some(line)) = lines.next_line().await {
                    let answer =
                        if line.starts_with("RCPT") { format!("550 no {line}\r\n") } else { "250 ok\r\n".into() };
                    if output.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn no_personal_data_is_in_the_logs_of_a_run() {
    let log = Log::default();
    let writer = log.clone();
    let filter = "info,rollcall_notification=trace,rollcall_common=trace";
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let port = unfriendly_server().await;
    let world = World::empty(|settings| {
        set(settings, "mail.transport", "smtp");
        set(settings, "mail.smtp.host", "127.0.0.1");
        set(settings, "mail.smtp.port", i64::from(port));
        set(settings, "mail.smtp.tls", "none");
    })
    .await;
    let contact = json!({ "email": "zygmunt@example.org", "name": "Zygmunt", "locale": "en", "time_zone": "UTC",
                          "user_id": world.manager.user_id });
    Mock::given(method("GET"))
        .and(path_regex("^/internal/v1/users/"))
        .respond_with(ResponseTemplate::new(200).set_body_json(&contact))
        .mount(&world.peers)
        .await;
    // Facts, a message for the inbox and mail, an invitation, and mail of an account.
    let mut manager = world.employee_fact(world.manager, 1, true, &[]);
    manager["name"] = "Zygmunt".into();
    manager["email"] = "zygmunt@example.org".into();
    manager["grants"] = json!([{ "role": "r", "permissions": ["announcements.write"], "scope": { "kind": "org" } }]);
    let mut punched = world.outside_geofence();
    punched["data"]["employee_name"] = "Zygmunt".into();
    punched["data"]["site_name"] = "Hafenkante".into();
    world.send("org", &[world.org(1, "en"), world.event("org", "org.employee.changed.v1", &manager)]).await;
    world.send("attendance", &[punched]).await;
    world.send("org", &[world.invited("zygmunt@example.org", "en", "Sesamtoken")]).await;
    world.send("org", &[world.invited("Zygmunt <no address>", "en", "Sesamtoken")]).await;
    let mut device = contact.clone();
    device["device"] = "Firefox-von-Zygmunt".into();
    device["address"] = "203.0.113.77".into();
    device["at"] = "2026-06-01T09:00:00Z".into();
    let mut device = world.event("user", "user.login.new_device.v1", &device);
    device.as_object_mut().unwrap().remove("orgid");
    world.send("user", &[device]).await;
    world.wait_for_unread(world.manager.user_id, 1).await;
    // What is wrong: an event that breaks its contract with a name where an id is due, and bad input.
    let bad = world.event("org", "org.invitation.accepted.v1", &json!({ "employee_id": "Zygmunt" }));
    world.send("org", &[bad]).await;
    let at = format!("/api/notification/v1/orgs/{}/announcements", world.org_id);
    world.sql(&format!("INSERT INTO whole_copies VALUES ('{}', 9, now(), now())", world.org_id));
    let user = world.service.as_user(world.manager.user_id);
    for (body, status) in [
        (json!({ "title": "Kantinenschluss", "body": "Freitagstext", "audience": { "kind": "everyone" } }), 201),
        (json!({ "title": "Kantinenschluss", "body": "Freitagstext", "audience": "Zygmunt" }), 400),
    ] {
        assert_eq!(user.post(&at).json(&body).send().await.unwrap().status(), status);
    }
    let quiet = json!({ "quiet_hours": { "start": "Zygmunt", "end": "Zygmunt" } });
    assert_eq!(user.put("/api/notification/v1/preferences").json(&quiet).send().await.unwrap().status(), 422);
    let waited = tokio::time::timeout(PATIENCE, async {
        while world.count("SELECT count(*) FROM mail_deliveries WHERE state = 'dead'") < 5 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(waited.await.is_ok(), "not every mail was refused");
    log.waits_for("mail given up").await;
    let text = log.text();
    assert!(text.lines().count() > 10, "{text}");
    for word in PERSONAL {
        let found: Vec<_> = text.lines().filter(|line| line.to_lowercase().contains(&word.to_lowercase())).collect();
        assert!(found.is_empty(), "{word}: {found:?}");
    }
}
