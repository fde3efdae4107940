//! Mail.

use crate::accounts::reset;
use crate::support::{PATIENCE, World};
use diesel::{Connection as _, PgConnection, RunQueryDsl as _};
use jiff::SignedDuration;
use rollcall_stack::testing::set;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

const TOKEN: &str = "Zm9vYmFyLWZvb2Jhci1mb29iYXItZm9vYmFyLWZvb2Jh";

/// Waits until there are so many mails; answers their content.
pub(crate) async fn files(directory: &Path, count: usize) -> Vec<String> {
    let read = || {
        let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        let mails = entries.filter(|path| path.extension().is_some_and(|extension| extension == "eml"));
        mails.map(|path| std::fs::read_to_string(path).unwrap()).collect::<Vec<_>>()
    };
    let waited = tokio::time::timeout(PATIENCE, async {
        while read().len() < count {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(waited.await.is_ok(), "{} mails, not {count}", read().len());
    read()
}

#[tokio::test]
async fn an_invitation_is_a_mail_with_the_token_on_a_line_of_its_own() {
    let world = World::start().await;
    let event = world.invited("wei@example.org", "en", TOKEN);
    world.send("org", &[event.clone(), event]).await;
    let chinese = world.invited("李伟 <not an address>", "zh-CN", TOKEN);
    world.send("org", &[chinese, world.invited("mei@example.org", "zh-CN", TOKEN)]).await;
    let mails = files(&world.service.directory.join("mail"), 2).await;
    assert_eq!(mails.len(), 2, "twice told is once mailed, and no address is no mail");
    for mail in &mails {
        assert!(mail.lines().any(|line| line == TOKEN), "{mail}");
        assert!(mail.contains("From: Rollcall <no-reply@localhost>"), "{mail}");
        assert!(mail.contains("multipart/alternative") && mail.contains("text/html"), "{mail}");
    }
    let english = mails.iter().find(|mail| mail.contains("wei@example.org")).unwrap();
    assert!(english.contains("Subject: Nordlicht invites you to Rollcall"), "{english}");
    assert!(
        mails.iter().all(|mail| !mail.contains("href") && !mail.contains("localhost:8080")),
        "no link without a page"
    );
    let wait_for = |state: &str, count: i64| {
        let query = format!("SELECT count(*) FROM mail_deliveries WHERE state = '{state}' AND attempts = 1");
        wait_for_count(&world, query, count)
    };
    wait_for("sent", 2).await;
    wait_for("dead", 1).await;
    let secrets = "SELECT count(*) FROM mail_deliveries WHERE state = 'sent' AND (text_body IS NOT NULL OR html_body IS NOT NULL)";
    assert_eq!(world.count(secrets), 0, "what was sent is not kept");
}

pub(crate) async fn wait_for_count(world: &World, query: String, count: i64) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while world.count(&query) != count {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(waited.await.is_ok(), "{query}: {}, not {count}", world.count(&query));
}

/// A mail server as simple as the protocol allows.
struct Server {
    port: u16,
    behaviour: Arc<Mutex<Behaviour>>,
    taken: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    Takes,
    TakesItsTime,
    IsBusy,
    KnowsNobody,
}

impl Server {
    async fn start(behaviour: Behaviour) -> Self {
        Self::start_on(0, behaviour).await
    }

    async fn start_on(port: u16, behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { port, behaviour: Arc::new(Mutex::new(behaviour)), taken: Arc::default() };
        let (behaviour, taken) = (Arc::clone(&server.behaviour), Arc::clone(&server.taken));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, Arc::clone(&behaviour), Arc::clone(&taken)));
            }
        });
        server
    }

    fn now(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }

    fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }
}

async fn serve(connection: TcpStream, behaviour: Arc<Mutex<Behaviour>>, taken: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let (input, mut output) = connection.into_split();
    let mut lines = BufReader::new(input).lines();
    output.write_all(b"220 test\r\n").await.ok()?;
    while let Some(line) = lines.next_line().await.ok()? {
        let verb = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        let behaviour = *behaviour.lock().unwrap();
        let answer = match (verb.as_str(), behaviour) {
            ("EHLO", _) => "250-test\r\n250 8BITMIME\r\n",
            ("RCPT", Behaviour::IsBusy) => "451 later\r\n",
            ("RCPT", Behaviour::KnowsNobody) => "550 no such user\r\n",
            ("DATA", _) => {
                output.write_all(b"354 go\r\n").await.ok()?;
                let mut mail = String::new();
                while let Some(line) = lines.next_line().await.ok()?.filter(|line| line != ".") {
                    mail.push_str(&line);
                    mail.push('\n');
                }
                taken.lock().unwrap().push(mail);
                if behaviour == Behaviour::TakesItsTime {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
                "250 taken\r\n"
            }
            ("QUIT", _) => "221 bye\r\n",
            _ => "250 ok\r\n",
        };
        output.write_all(answer.as_bytes()).await.ok()?;
    }
    Some(())
}

async fn world_with(port: u16) -> World {
    World::with(|settings| {
        set(settings, "mail.transport", "smtp");
        set(settings, "mail.smtp.host", "127.0.0.1");
        set(settings, "mail.smtp.port", i64::from(port));
        set(settings, "mail.smtp.tls", "none");
    })
    .await
}

#[tokio::test]
async fn mail_goes_to_the_server_and_waits_while_the_server_is_busy() {
    let server = Server::start(Behaviour::IsBusy).await;
    let world = world_with(server.port).await;
    world.send("org", &[world.invited("wei@example.org", "en", TOKEN)]).await;
    let tried = |attempts: i32| {
        format!("SELECT count(*) FROM mail_deliveries WHERE attempts >= {attempts} AND leased_until IS NULL")
    };
    wait_for_count(&world, tried(1), 1).await;
    world.service.clock.advance(SignedDuration::from_mins(1));
    wait_for_count(&world, tried(2), 1).await;
    assert_eq!(server.taken(), [] as [String; 0]);

    server.now(Behaviour::Takes);
    world.service.clock.advance(SignedDuration::from_mins(1));
    wait_for_count(&world, "SELECT count(*) FROM mail_deliveries WHERE state = 'sent'".to_owned(), 1).await;
    world.service.clock.advance(SignedDuration::from_hours(1));
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let taken = server.taken();
    assert_eq!(taken.len(), 1, "once");
    assert!(taken[0].lines().any(|line| line == TOKEN), "{}", taken[0]);
}

#[tokio::test]
async fn all_mails_arrive_after_the_server_was_away_for_an_hour_and_none_twice() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let world = world_with(port).await;
    let events: Vec<_> = (0..10).map(|n| world.invited(&format!("p{n}@example.org"), "en", TOKEN)).collect();
    world.send("org", &events).await;
    let waiting = |attempts: i32| {
        format!(
            "SELECT count(*) FROM mail_deliveries WHERE state = 'queued' AND leased_until IS NULL AND attempts = {attempts}"
        )
    };
    for attempts in 1..=4 {
        wait_for_count(&world, waiting(attempts), 10).await;
        world.service.clock.advance(SignedDuration::from_mins(15));
    }
    wait_for_count(&world, waiting(5), 10).await;

    let server = Server::start_on(port, Behaviour::Takes).await;
    world.service.clock.advance(SignedDuration::from_mins(15));
    wait_for_count(&world, "SELECT count(*) FROM mail_deliveries WHERE state = 'sent'".to_owned(), 10).await;
    let taken = server.taken();
    let ids: BTreeSet<_> =
        taken.iter().flat_map(|mail| mail.lines().filter(|l| l.starts_with("Message-ID:"))).collect();
    assert_eq!((taken.len(), ids.len()), (10, 10));
}

#[tokio::test]
async fn nobody_waits_behind_the_many_mails_of_one_organisation() {
    let server = Server::start(Behaviour::IsBusy).await;
    let world = world_with(server.port).await;
    let many: Vec<_> = (0..60).map(|n| world.invited(&format!("p{n}@example.org"), "en", TOKEN)).collect();
    world.send("org", &many).await;
    let tried = |count: i64| {
        let query =
            "SELECT count(*) FROM mail_deliveries WHERE state = 'queued' AND leased_until IS NULL AND attempts > 0";
        wait_for_count(&world, query.to_owned(), count)
    };
    tried(60).await;
    world.send("org", &[world.invited("elsewhere@example.org", "en", TOKEN)]).await;
    world.send("user", &[reset(&world, "forgetful@example.org", "en")]).await;
    tried(62).await;
    let mut admin = PgConnection::establish(&world.service.admin_url).unwrap();
    // One is of another organisation; most are messages to accounts.
    for (moved, rows) in [
        ("SET org_id = gen_random_uuid(), turn_of = gen_random_uuid() WHERE recipient = 'elsewhere@example.org'", 1),
        ("SET org_id = NULL, kind = 'message' WHERE recipient LIKE 'p%' AND recipient NOT LIKE 'p1%'", 49),
    ] {
        let moved = diesel::sql_query(format!("UPDATE mail_deliveries {moved}"));
        assert_eq!(moved.execute(&mut admin).unwrap(), rows);
    }

    // All are due now, those of the one organisation since before.
    server.now(Behaviour::Takes);
    world.service.clock.advance(SignedDuration::from_mins(15));
    wait_for_count(&world, "SELECT count(*) FROM mail_deliveries WHERE state = 'sent'".to_owned(), 62).await;
    let taken = server.taken();
    let place = |address: &str| taken.iter().position(|mail| mail.contains(address)).unwrap();
    let to = |mail: &String| mail.lines().find(|line| line.starts_with("To:")).unwrap_or_default().to_owned();
    let order: Vec<_> = taken.iter().map(to).collect();
    assert!(place("forgetful@example.org") < 8, "{order:?}");
    assert!(place("elsewhere@example.org") < 8, "{order:?}");
    assert_eq!(taken.len(), 62, "each once");
}

#[tokio::test]
async fn a_release_in_the_middle_of_a_mail_does_not_send_it_twice() {
    let server = Server::start(Behaviour::TakesItsTime).await;
    let world = world_with(server.port).await;
    let mut admin = PgConnection::establish(&world.service.admin_url).unwrap();
    world.send("org", &[world.invited("wei@example.org", "en", TOKEN)]).await;
    let waited = tokio::time::timeout(PATIENCE, async {
        while server.taken().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(waited.await.is_ok(), "it was never begun");
    world.service.stop().await;
    let sent = diesel::sql_query("SELECT 1 FROM mail_deliveries WHERE state = 'sent' AND attempts = 1");
    assert_eq!(sent.execute(&mut admin).unwrap(), 1, "the server has it, and the next release knows");
}

#[tokio::test]
async fn an_address_that_the_server_does_not_know_is_tried_once() {
    let server = Server::start(Behaviour::KnowsNobody).await;
    let world = world_with(server.port).await;
    world.send("org", &[world.invited("nobody@example.org", "en", TOKEN)]).await;
    let dead = "SELECT count(*) FROM mail_deliveries WHERE state = 'dead' AND attempts = 1 AND last_error LIKE '%no such user%'";
    wait_for_count(&world, dead.to_owned(), 1).await;
}
