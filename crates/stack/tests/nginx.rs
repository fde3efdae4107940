//! What nginx lets in, what it adds and takes away, and how it refuses.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use rollcall_stack::guard::Guard;
use rollcall_stack::nginx::{Nginx, Settings};
use rollcall_stack::ports;
use rollcall_stack::topology::Topology;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// nginx in front of services that answer with the head of the request as they got it.
struct Door {
    nginx: Nginx,
    port: u16,
    logs: tempfile::TempDir,
    _guard: Guard,
}

/// A service that reads every request whole, repeats its head as its answer's body, and closes.
fn echo() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || repeat(stream));
        }
    });
    port
}

fn repeat(mut stream: TcpStream) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head).to_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let _ = io::copy(&mut (&stream).take(length), &mut io::sink());
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", head.len());
    let _ = stream.write_all(answer.as_bytes());
    let _ = stream.write_all(&head);
}

fn door(change: impl FnOnce(&mut Settings)) -> Door {
    let services = ["attendance", "notification", "org", "user"];
    let services = services.map(|name| (name.to_owned(), echo()));
    let port = ports::free().unwrap();
    let mut settings = Settings::of(&Topology::built_in().unwrap().on_ports(port, &services.into()), "7").unwrap();
    change(&mut settings);
    let logs = tempfile::tempdir().unwrap();
    fs::set_permissions(logs.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let guard = Guard::start(None).unwrap();
    let static_files = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../nginx/static");
    let home = logs.path().join("nginx");
    let nginx = Nginx::start(&settings, &home, logs.path(), &static_files, &guard).unwrap();
    Door { nginx, port, logs, _guard: guard }
}

impl Door {
    /// Sends the lines as they are, reads to the end.
    fn send(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // A refused body may end with a reset after the answer.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn get(&self, path: &str, headers: &str) -> String {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n"))
    }

    fn post(&self, path: &str) -> String {
        self.post_large(path, 0)
    }

    /// Posts a body of `length` bytes.
    fn post_large(&self, path: &str, length: usize) -> String {
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        self.send(&(head + &"x".repeat(length)))
    }
}

/// Asserts that an answer is a problem with this status and code, and that its request id is in the header too.
fn assert_problem(answer: &str, status: u16, code: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(head.contains("Content-Type: application/problem+json"), "{answer}");
    let problem: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(problem["code"], code, "{answer}");
    assert_eq!(problem["status"], status, "{answer}");
    let id = problem["request_id"].as_str().unwrap();
    assert!(head.contains(&format!("X-Request-Id: {id}\r\n")), "{answer}");
}

#[test]
fn every_service_has_its_prefix_and_nothing_else_is_there() {
    let door = door(|_| {});
    for path in [
        "/api/user/v1/users/me",
        "/api/org/v1/orgs?limit=1",
        "/api/attendance/openapi.json",
        "/api/attendance/health",
        "/api/notification/v1/notifications",
        "/.well-known/jwks.json",
        "/s/abc",
    ] {
        let answer = door.get(path, "");
        assert!(answer.contains(&format!("GET {path} HTTP/1.1\r\n")), "{answer}");
    }
    for path in [
        "/internal/v1/events",
        "/api/internal/v1/events",
        "/%69nternal/v1/events",
        "/livez",
        "/metrics",
        "/api/nobody/v1/x",
    ] {
        assert_problem(&door.get(path, ""), 404, "not_found");
    }
}

#[test]
fn a_path_that_could_mean_something_else_to_a_service_is_refused() {
    let door = door(|_| {});
    for path in [
        "/api/user/../../internal/v1/events",
        "/internal/../api/user/v1/users/me",
        "/api/user/%2e%2e/internal/v1/events",
        "/api/user/..%2Finternal/v1/events",
        "//internal/v1/events",
        "/api/user//v1/users/me",
        "/api/user/v1/.",
    ] {
        assert_problem(&door.get(path, ""), 400, "malformed_request");
    }
    let answer = door.get("/api/user/v1/x?next=//y/../z%2e", "");
    assert!(answer.starts_with("HTTP/1.1 200 "), "a query may hold anything: {answer}");
}

#[test]
fn a_websocket_is_opened_where_there_is_one_and_nowhere_else() {
    let door = door(|_| {});
    let ask = |path: &str, upgrade: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: {upgrade}\r\n\r\n");
        door.send(&head)
    };
    let passed = "Upgrade: websocket\r\n";
    let answer = ask("/api/notification/v1/stream/ws?last_event_id=7:1", "WebSocket");
    assert!(answer.contains(passed) && answer.contains("Connection: upgrade\r\n"), "{answer}");
    for (path, upgrade) in [
        ("/api/notification/v1/stream/ws", "h2c"),
        ("/api/notification/v1/stream", "websocket"),
        ("/api/notification/v1/notifications", "websocket"),
        ("/api/user/v1/users/me", "websocket"),
    ] {
        let answer = ask(path, upgrade);
        assert!(answer.contains(&format!("GET {path} HTTP/1.1\r\n")) && !answer.contains("Upgrade: "), "{answer}");
    }
}

#[test]
fn what_a_client_says_about_itself_is_replaced_and_the_trace_is_passed() {
    let door = door(|_| {});
    let trace = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
    let headers = format!(
        "X-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nRequest-Deadline-Ms: 9999999\r\nX-Request-Id: client-chose-1\r\n{trace}"
    );
    let answer = door.get("/api/user/v1/users/me", &headers);
    assert!(answer.contains("X-Forwarded-For: 127.0.0.1\r\n"), "{answer}");
    assert!(answer.contains("Request-Deadline-Ms: 10000\r\n"), "{answer}");
    assert!(!answer.contains("6.6.6.6") && !answer.contains("9999999"), "{answer}");
    assert!(answer.contains(trace), "{answer}");
    assert_eq!(answer.matches("X-Request-Id: client-chose-1\r\n").count(), 2, "up and down: {answer}");

    let answer = door.get("/api/user/v1/users/me", "X-Request-Id: \"},{\\n\r\n");
    assert!(!answer.contains("},{"), "an id that would break a log line is replaced: {answer}");
    for header in
        ["X-Content-Type-Options: nosniff", "Content-Security-Policy: default-src 'none'", "Cache-Control: no-store"]
    {
        assert!(answer.contains(header), "{header}: {answer}");
    }
}

#[test]
fn sign_in_is_rationed_by_address_and_reading_is_not() {
    let door = door(|settings| {
        settings.sign_in_rate = "1r/s".to_owned();
        settings.sign_in_burst = 2;
    });
    let answers: Vec<_> = (0..6).map(|_| door.post("/api/user/v1/sessions")).collect();
    assert!(answers[..3].iter().all(|answer| answer.starts_with("HTTP/1.1 200 ")), "{answers:?}");
    assert_problem(&answers[5], 429, "too_many_requests");
    assert!(answers[5].contains("Retry-After: 1\r\n"), "{}", answers[5]);
    for _ in 0..6 {
        assert!(door.get("/api/user/v1/sessions", "").starts_with("HTTP/1.1 200 "));
        assert!(door.post("/api/user/v1/sessions/refresh").starts_with("HTTP/1.1 200 "));
    }
    assert_problem(&door.post("/api/user/v1/password-resets"), 429, "too_many_requests");
}

#[test]
fn behind_a_proxy_that_is_named_everybody_has_the_address_that_it_says_and_nobody_another() {
    let behind = |proxies: &[&str]| {
        door(|settings| {
            settings.proxies = proxies.iter().map(|proxy| (*proxy).to_owned()).collect();
            settings.sign_in_rate = "1r/m".to_owned();
            settings.sign_in_burst = 1;
        })
    };
    let sign_in = |door: &Door, forwarded: &str| {
        let head = "POST /api/user/v1/sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0";
        door.send(&format!("{head}\r\nX-Forwarded-For: {forwarded}\r\n\r\n"))
    };
    let passed = |answer: &str, address: &str| answer.contains(&format!("X-Forwarded-For: {address}\r\n"));
    let door = behind(&["127.0.0.1", "10.0.0.0/8"]);
    let answer = sign_in(&door, "203.0.113.9");
    assert!(passed(&answer, "203.0.113.9"), "{answer}");
    sign_in(&door, "203.0.113.9");
    assert_problem(&sign_in(&door, "203.0.113.9"), 429, "too_many_requests");
    // The same client, who says to be others: what proxies wrote after that is what counts.
    assert_problem(&sign_in(&door, "6.6.6.6, 203.0.113.9, 10.1.2.3"), 429, "too_many_requests");
    let answer = sign_in(&door, "203.0.113.10");
    assert!(passed(&answer, "203.0.113.10"), "another one is not rationed for it: {answer}");
    let answer = door.get("/_generation", "X-Forwarded-For: 203.0.113.9\r\n");
    assert_problem(&answer, 404, "not_found");
    assert!(door.get("/_generation", "").ends_with("\r\n\r\n7"));

    let door = behind(&["10.0.0.0/8"]);
    let answer = sign_in(&door, "203.0.113.9");
    assert!(passed(&answer, "127.0.0.1"), "who is no proxy is not believed: {answer}");
    sign_in(&door, "203.0.113.9");
    assert_problem(&sign_in(&door, "203.0.113.10"), 429, "too_many_requests");
}

#[test]
fn nginx_answers_its_own_errors_as_problems() {
    let closed = ports::free().unwrap();
    let door = door(|settings| settings.services.extend([("org".to_owned(), vec![([127, 0, 0, 1], closed).into()])]));
    let answer = door.get("/api/org/v1/orgs", "");
    assert_problem(&answer, 502, "service_unreachable");
    assert!(answer.contains("Retry-After: 1\r\n"), "{answer}");
    let large =
        format!("POST /api/user/v1/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", 2 << 20);
    assert_problem(&door.send(&large), 413, "too_large");
    assert_problem(&door.get(&format!("/api/user/{}", "a".repeat(9_000)), ""), 414, "uri_too_long");
    assert_problem(&door.get("/api/user/x", &format!("X-Large: {}\r\n", "a".repeat(9_000))), 431, "headers_too_large");
    assert_problem(&door.post("/docs/"), 405, "method_not_allowed");
    assert_problem(&door.send("nonsense\r\n\r\n"), 400, "malformed_request");
    assert_problem(&door.get("/_problem/too_large", ""), 404, "not_found");
    assert_problem(&door.send("GET /api/user/x HTTP/1.1\r\nConnection: close\r\n\r\n"), 400, "malformed_request");
}

#[test]
fn a_file_of_employees_may_be_as_large_as_is_promised_and_no_other_body() {
    let door = door(|_| {});
    let imports = "/api/org/v1/orgs/01890a5d-ac96-774b-bcce-b302099a8052/imports";
    for length in [2 << 20, 8 << 20] {
        let answer = door.post_large(imports, length);
        assert!(answer.contains(&format!("Content-Length: {length}\r\n")), "{length}: {answer}");
        assert!(answer.contains("Request-Deadline-Ms: 10000\r\n") && answer.contains("Cache-Control: no-store"));
    }
    let head = |path: &str, length: usize| {
        door.send(&format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"))
    };
    assert_problem(&head(imports, (8 << 20) + 1), 413, "too_large");
    for path in [
        "/api/org/v1/orgs",
        &format!("{imports}/01890a5d-ac96-774b-bcce-b302099a8052/commit"),
        "/api/attendance/v1/orgs/01890a5d-ac96-774b-bcce-b302099a8052/exports",
        "/api/attendance/v1/orgs/01890a5d-ac96-774b-bcce-b302099a8052/imports",
    ] {
        assert_problem(&head(path, 2 << 20), 413, "too_large");
    }
}

#[test]
fn a_machine_that_is_away_costs_no_request() {
    let away = ports::free().unwrap();
    let door = door(|settings| {
        let org = settings.services.get_mut("org").unwrap();
        org.push(([127, 0, 0, 1], away).into());
        let streams = settings.services.get_mut("notification").unwrap();
        streams.insert(0, ([127, 0, 0, 1], away).into());
    });
    for _ in 0..10 {
        assert!(door.get("/api/org/v1/orgs", "").starts_with("HTTP/1.1 200 "));
        assert!(
            door.post("/api/org/v1/orgs").starts_with("HTTP/1.1 200 "),
            "nothing was sent yet: it may go elsewhere"
        );
        assert!(door.get("/api/notification/v1/stream", "").starts_with("HTTP/1.1 200 "));
    }
}

#[test]
fn which_configuration_is_in_force_is_told_to_its_own_machine() {
    let door = door(|_| {});
    let answer = door.get("/_generation", "");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n7"), "{answer}");
    assert_problem(&door.post("/_generation/x"), 404, "not_found");
}

#[test]
fn the_log_is_json_without_addresses_queries_and_secrets() {
    let door = door(|_| {});
    door.get("/api/user/v1/users/me?email=a@example.org", "X-Request-Id: find-me-again\r\n");
    door.get("/s/secret-code", "");
    door.send("PUT /api/user/v1/password-resets/secret-token HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    door.nginx.process().stop(Duration::from_secs(5));
    let log = fs::read_to_string(door.logs.path().join("nginx-access.log")).unwrap();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["request_id"], "find-me-again");
    assert_eq!(lines[0]["path"], "/api/user/v1/users/me");
    assert_eq!(lines[0]["status"], 200);
    for word in ["127.0.0.1", "example.org", "secret"] {
        assert!(!log.contains(word), "{word}: {log}");
    }
}

#[test]
fn the_pages_of_the_documentation_hold_their_own_policy() {
    let door = door(|_| {});
    assert!(door.get("/docs", "").contains("Location: /docs/\r\n"));
    let page = door.get("/docs/", "");
    assert!(page.contains("swagger-ui-bundle.js") && page.contains("script-src 'self'"), "{page}");
    assert!(door.get("/docs/swagger-ui-bundle.js", "").contains("Content-Type: text/javascript"));
    assert_problem(&door.get("/docs/missing.js", ""), 404, "not_found");
}
