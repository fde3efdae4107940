//! Two processes take turns on one socket, as under systemd: this test program starts itself as the service.

use crate::probe::Probe;
use diesel::connection::{Connection as _, SimpleConnection as _};
use rollcall_stack::guard::{Guard, Level};
use rollcall_stack::process::{Process, Signal};
use rollcall_stack::socket::{self, Notices};
use rollcall_stack::testing::{Cluster, set, settings_file};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const SETTINGS: &str = "ROLLCALL_TEST_SETTINGS";
const PATIENCE: Duration = Duration::from_secs(20);

/// Not a test of its own: the service, when a test below has started this program for it.
#[test]
fn serves_when_told_to() {
    let Some(file) = std::env::var_os(SETTINGS) else { return };
    let arguments = ["rollcall-org".into(), "serve".into(), "--config".into(), file];
    assert_eq!(rollcall_common::cli::run::<Probe>(arguments), std::process::ExitCode::SUCCESS);
}

/// What a manager has: the socket, and where it hears from the services.
pub struct Manager {
    listener: TcpListener,
    guard: Guard,
    settings: PathBuf,
    started: u32,
}

/// One instance.
pub struct Instance {
    pub process: Process,
    notices: Notices,
}

impl Manager {
    pub fn new(change: impl FnOnce(&mut toml::Table)) -> Self {
        let settings = settings_file::<Probe>(|settings| {
            set(settings, "server.inherit_socket", true);
            set(settings, "server.drain_ms", 300);
            change(settings);
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self { listener, guard: Guard::start(None).unwrap(), settings: settings.unwrap(), started: 0 }
    }

    /// The database of the service, as a superuser.
    pub fn admin_url(&self) -> String {
        let settings: toml::Table = toml::from_str(&std::fs::read_to_string(&self.settings).unwrap()).unwrap();
        let (_, name) = settings["database"]["url"].as_str().unwrap().rsplit_once('/').unwrap();
        let server = Cluster::of_this_process().unwrap().admin_url();
        format!("{}/{name}", server.rsplit_once('/').unwrap().0)
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    fn start(&mut self, watchdog: Option<Duration>) -> Instance {
        self.started += 1;
        let directory = self.settings.parent().unwrap();
        let notices = Notices::listen(directory.join(format!("{}.notify", self.started))).unwrap();
        let program = std::env::current_exe().unwrap();
        let (mut command, input) = socket::command(&program, &self.listener, &notices).unwrap();
        as_the_service(&mut command, &self.settings);
        if let Some(limit) = watchdog {
            command.env("WATCHDOG_USEC", limit.as_micros().to_string());
        }
        let log = directory.join(format!("{}.log", self.started));
        let process =
            Process::spawn_reading("probe", command, input, &log, &self.guard, Signal::SIGTERM, Level::Service)
                .unwrap();
        Instance { process, notices }
    }

    pub fn ready(&mut self) -> Instance {
        let instance = self.start(None);
        instance.heard("READY=1");
        instance
    }
}

impl Instance {
    fn heard(&self, line: &str) {
        let ended = || self.process.exited().map(|_| self.process.failure("ended"));
        self.notices.wait_for(line, PATIENCE, ended).unwrap();
    }
}

fn as_the_service<'a>(command: &'a mut Command, settings: &Path) -> &'a mut Command {
    command.args(["--exact", "release::serves_when_told_to", "--nocapture"]).env(SETTINGS, settings)
}

/// Sends a request and leaves the connection open.
fn ask(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: probe\r\n\r\n").unwrap();
    stream
}

/// The head and the body of an answer.
fn answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        text.extend_from_slice(&buffer[..read]);
        let so_far = String::from_utf8_lossy(&text).to_lowercase();
        let complete = so_far.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            length.is_some_and(|length| length.parse::<usize>().unwrap() <= body.len())
        });
        if complete || read == 0 {
            return so_far;
        }
    }
}

#[test]
fn of_two_instances_on_one_socket_the_first_leaves_without_a_lost_request() {
    let mut manager = Manager::new(|_| {});
    let address = manager.address();
    let blue = manager.ready();
    let mut kept = ask(address, "/livez");
    assert!(answer(&mut kept).starts_with("http/1.1 200"));
    let running = ask(address, "/takes-long");
    std::thread::sleep(Duration::from_millis(100));
    let green = manager.ready();

    blue.process.ask_to_stop();
    blue.heard("STOPPING=1");
    // The connection that blue holds is answered once more, and told that this was the last time.
    write!(kept, "GET /livez HTTP/1.1\r\nHost: probe\r\n\r\n").unwrap();
    let last = answer(&mut kept);
    assert!(last.starts_with("http/1.1 200") && last.contains("connection: close"), "{last}");
    // New ones are green's.
    let mut asked: Vec<_> = (0..20).map(|_| ask(address, "/takes-long")).collect();
    for stream in &mut asked {
        let text = answer(stream);
        assert!(text.ends_with(&format!("\r\n\r\n{}", green.process.pid())), "{text}");
    }
    // What blue was doing is done.
    let mut running = running;
    assert!(answer(&mut running).ends_with(&format!("\r\n\r\n{}", blue.process.pid())));
    assert!(blue.process.wait(PATIENCE).unwrap().success());
    green.process.ask_to_stop();
    assert!(green.process.wait(PATIENCE).unwrap().success());
}

#[test]
fn what_waits_in_the_socket_while_nobody_serves_is_answered_by_the_next() {
    let mut manager = Manager::new(|_| {});
    let blue = manager.ready();
    blue.process.kill();
    let mut waiting = ask(manager.address(), "/livez");
    let _green = manager.ready();
    assert!(answer(&mut waiting).starts_with("http/1.1 200"));
}

#[test]
fn without_the_expected_socket_it_does_not_start_and_makes_none() {
    let port = rollcall_stack::ports::free().unwrap();
    let file = settings_file::<Probe>(|settings| {
        set(settings, "server.inherit_socket", true);
        set(settings, "server.listen", format!("127.0.0.1:{port}"));
    });
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = as_the_service(&mut command, &file.unwrap()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("server.inherit_socket is on"), "{said}");
    assert!(!said.contains("serving"), "{said}");
}

#[test]
fn a_socket_that_is_not_expected_is_refused() {
    let mut manager = Manager::new(|settings| set(settings, "server.inherit_socket", false));
    let instance = manager.start(None);
    assert!(!instance.process.wait(PATIENCE).unwrap().success());
    let log = std::fs::read_to_string(instance.process.log()).unwrap();
    assert!(log.contains("server.inherit_socket is off"), "{log}");
}

#[test]
fn no_connection_is_taken_and_nothing_is_ready_while_the_database_is_away() {
    let mut name = String::new();
    let mut manager = Manager::new(|settings| {
        name = settings["database"]["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    });
    let admin = Cluster::of_this_process().unwrap();
    let switch = |on: bool| {
        let sql = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {on}");
        let mut conn = diesel::PgConnection::establish(&admin.admin_url()).unwrap();
        conn.batch_execute(&sql).unwrap();
    };
    switch(false);
    let mut waiting = ask(manager.address(), "/livez");
    let instance = manager.start(None);
    instance.heard("STATUS=waiting for the database");
    waiting.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    assert!(waiting.read(&mut [0; 1]).is_err(), "it answered before it was ready");
    waiting.set_read_timeout(Some(PATIENCE)).unwrap();
    switch(true);
    instance.heard("READY=1");
    assert!(answer(&mut waiting).starts_with("http/1.1 200"));
}

#[test]
fn a_start_that_waits_for_its_database_can_be_stopped() {
    let mut manager =
        Manager::new(|settings| set(settings, "database.url", "postgresql://nobody:x@127.0.0.1:9/nothing"));
    let instance = manager.start(None);
    instance.heard("STATUS=waiting for the database");
    instance.process.ask_to_stop();
    assert!(instance.process.wait(PATIENCE).unwrap().success());
}

#[test]
fn the_watchdog_is_told_while_workers_work_and_not_while_one_is_blocked() {
    let mut manager = Manager::new(|_| {});
    let instance = manager.start(Some(Duration::from_secs(2)));
    instance.heard("READY=1");
    instance.heard("WATCHDOG=1");
    let mut blocked = ask(manager.address(), "/blocks");
    // Half the limit without a beat, and what was sent until then.
    std::thread::sleep(Duration::from_millis(1600));
    while instance.notices.next(Duration::from_millis(1)).unwrap().is_some() {}
    let silence = instance.notices.next(Duration::from_millis(900)).unwrap();
    assert!(silence.is_none(), "{silence:?}");
    assert!(answer(&mut blocked).starts_with("http/1.1 200"));
    instance.heard("WATCHDOG=1");
}
