//! `/exports`: attendance as a file.

use crate::support::{Fixture, World, employee, event, send};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use rollcall_org_api::events::{EMPLOYEE_CHANGED, UNIT_CHANGED};
use rollcall_org_api::facts::UnitFact;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::Read as _;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// A worker with a name like a formula, who worked nine to six on Monday the first of June.
async fn a_day() -> Fixture {
    let mut f = Fixture::start().await;
    "=HYPERLINK(\"x\")".clone_into(&mut f.world.worker.name);
    f.world.worker.version = 2;
    f.tell_employee(&f.world.worker).await;
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-06-01", "2026-06-30").await;
    for (key, at) in [("in", "2026-06-01T07:00:00Z"), ("out", "2026-06-01T16:00:00Z")] {
        f.set_clock(at);
        f.punch(&f.world.worker, key, &json!({"direction": key})).await.must(201);
    }
    f.set_clock("2026-06-03T08:00:00Z");
    f
}

async fn file(f: &Fixture, body: &Value) -> (String, Vec<u8>) {
    let response = f.by(&f.world.owner).post(&f.world.path("/exports")).json(body).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    (kind, response.bytes().await.unwrap().to_vec())
}

async fn with_profile(f: &Fixture, profile: &Value) {
    let request = f.by(&f.world.owner).put(&f.world.path("/settings")).header("if-match", "\"0\"");
    send(request.json(&json!({"export_profiles": [profile]}))).await.must(200);
}

#[tokio::test]
async fn a_text_has_a_row_for_each_person_and_day_and_no_formulas() {
    let f = a_day().await;
    let (kind, bytes) = file(&f, &json!({"format": "csv", "from": "2026-06-01", "to": "2026-06-02"})).await;
    assert_eq!(kind, "text/csv; charset=utf-8");
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let headers = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 6, "three people, two days");
    let of = |row: &csv::StringRecord, field: &str| {
        row[headers.iter().position(|header| header == field).unwrap()].to_owned()
    };
    let worker = rows.iter().find(|row| of(row, "number") == "3" && of(row, "work_date") == "2026-06-01").unwrap();
    for (field, expected) in [
        ("name", "'=HYPERLINK(\"x\")"),
        ("unit", "Team"),
        ("site", "Berlin"),
        ("status", "present"),
        ("first_in", "09:00"),
        ("last_out", "18:00"),
        ("worked_minutes", "480"),
        ("frozen", "false"),
    ] {
        assert_eq!(of(worker, field), expected, "{field}");
    }
}

#[tokio::test]
async fn a_profile_says_which_columns_and_how_dates_are_written() {
    let f = a_day().await;
    let column = |field: &str, header: &str| json!({"field": field, "header": header});
    let profile = json!({"name": "Payroll", "date_format": "%d.%m.%Y", "columns": [
        column("paid_minutes", "=Minuten"), column("work_date", "Tag"), {"field": "number"},
    ]});
    with_profile(&f, &profile).await;
    let body = json!({"format": "csv", "from": "2026-06-01", "to": "2026-06-01", "profile": "Payroll"});
    let (_, bytes) = file(&f, &body).await;
    let expected = "'=Minuten,Tag,number\r\n0,01.06.2026,1\r\n0,01.06.2026,2\r\n480,01.06.2026,3\r\n";
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
}

#[tokio::test]
async fn a_workbook_is_one_that_can_be_opened() {
    let f = a_day().await;
    let columns = json!([{"field": "name", "header": "Name"}, {"field": "work_date"}, {"field": "paid_minutes", "header": "Minutes"}]);
    with_profile(&f, &json!({"name": "Payroll", "columns": columns})).await;
    let period = json!({"from": "2026-06-01", "to": "2026-06-02"});
    let period = f.post(&f.world.owner, "/periods", &period).await.must(201);
    let lock = f.world.path(&format!("/periods/{}/lock", period["period_id"].as_str().unwrap()));
    send(f.by(&f.world.owner).post(&lock).header("if-match", "\"1\"")).await.must(200);
    let (kind, bytes) =
        file(&f, &json!({"format": "xlsx", "period_id": period["period_id"], "profile": "Payroll"})).await;
    assert_eq!(kind, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
    let mut book = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut sheet = String::new();
    book.by_name("xl/worksheets/sheet1.xml").unwrap().read_to_string(&mut sheet).unwrap();
    let rows: Vec<&str> = sheet.split("<row ").skip(1).collect();
    assert_eq!(rows.len(), 1 + 6, "a header, and two days of three people");
    for (row, text) in [(0, ">Name<"), (0, ">Minutes<"), (5, ">=HYPERLINK(\"x\")<"), (5, "<v>480</v>"), (6, "<v>0</v>")]
    {
        assert!(rows[row].contains(text), "{text} in {}", rows[row]);
    }
    // The first of June 2026, counted in days as workbooks do.
    assert!(rows[5].contains("<v>46174</v>"), "a date is one: {}", rows[5]);
    assert!(!sheet.contains("<f>"), "no formula: {sheet}");
}

/// A client must not take half a file for all of it: what comes must end without its end.
#[tokio::test]
async fn a_file_that_fails_under_way_is_broken_off() {
    let f = a_day().await;
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    admin.batch_execute("UPDATE employees SET fact = '{}' WHERE number = '3'").unwrap();
    for format in ["csv", "xlsx"] {
        let body = json!({"format": format, "from": "2026-06-01", "to": "2026-06-02"});
        let request = f.by(&f.world.owner).post(&f.world.path("/exports")).json(&body);
        // A connection that breaks before the head has left is no answer at all.
        if let Ok(response) = request.send().await {
            assert_eq!(response.status(), 200, "{format}: it had begun");
            assert!(response.bytes().await.is_err(), "{format}: it looks whole");
        }
    }
}

/// The rows of a text, each by the names of its columns.
fn table(bytes: &[u8]) -> Vec<HashMap<String, String>> {
    csv::Reader::from_reader(bytes).deserialize().map(Result::unwrap).collect()
}

#[tokio::test]
async fn sums_have_a_row_for_each_person() {
    let f = a_day().await;
    let body = json!({"format": "csv", "rows": "sums", "from": "2026-06-01", "to": "2026-06-02"});
    let (_, bytes) = file(&f, &body).await;
    let rows = table(&bytes);
    assert_eq!(rows.iter().map(|row| row["number"].as_str()).collect::<Vec<_>>(), ["1", "2", "3"]);
    for (column, expected) in [
        ("unit", "Team"),
        ("days", "2"),
        ("planned_days", "2"),
        ("worked_days", "1"),
        ("absent_days", "1"),
        ("planned_minutes", "960"),
        ("worked_minutes", "480"),
        ("paid_minutes", "480"),
        ("leave_minutes_by_type", ""),
        ("frozen", "false"),
    ] {
        assert_eq!(rows[2][column], expected, "{column}");
    }
    let (kind, bytes) =
        file(&f, &json!({"format": "xlsx", "rows": "sums", "from": "2026-06-01", "to": "2026-06-02"})).await;
    assert!(kind.contains("spreadsheetml"), "{kind}");
    let mut sheet = String::new();
    let mut book = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    book.by_name("xl/worksheets/sheet1.xml").unwrap().read_to_string(&mut sheet).unwrap();
    assert_eq!(sheet.matches("<row ").count(), 1 + 3);
}

#[tokio::test]
async fn a_profile_is_of_days_or_of_sums() {
    let f = a_day().await;
    let columns = |fields: &[&str]| fields.iter().map(|field| json!({"field": field})).collect::<Vec<_>>();
    let profile = |fields| json!({"name": "P", "columns": columns(fields)});
    let mixed = json!({"export_profiles": [profile(&["work_date", "absent_days"])]});
    let put = f.by(&f.world.owner).put(&f.world.path("/settings")).header("if-match", "\"0\"").json(&mixed);
    let pointer = "/export_profiles/0/columns".to_owned();
    assert_eq!(send(put).await.bad_fields(), [(pointer, "column_of_other_rows".to_owned())]);
    with_profile(&f, &profile(&["number", "absent_days", "frozen"])).await;
    let mut body = json!({"format": "csv", "from": "2026-06-02", "to": "2026-06-02", "profile": "P"});
    let pointer = "/profile".to_owned();
    assert_eq!(
        f.post(&f.world.owner, "/exports", &body).await.bad_fields(),
        [(pointer, "column_of_other_rows".to_owned())]
    );
    body["rows"] = json!("sums");
    let (_, bytes) = file(&f, &body).await;
    assert!(String::from_utf8(bytes).unwrap().ends_with("\r\n3,1,false\r\n"));
}

/// What was worked in a unit that is gone is still paid to its people, and looked up by its name.
#[tokio::test]
async fn a_unit_that_is_gone_keeps_its_name_in_what_was_worked_there() {
    let f = a_day().await;
    let gone = UnitFact { deleted: true, version: 2, ..f.world.team.clone() };
    f.tell(&[event(f.world.org.org_id, UNIT_CHANGED, 2, &gone)]).await;
    let (_, bytes) = file(&f, &json!({"format": "csv", "from": "2026-06-01", "to": "2026-06-01"})).await;
    assert_eq!(table(&bytes)[2]["unit"], "Team");
}

/// Two hundred people more, whose names nothing makes short: a file of all of them fills the buffers of a connection
/// that nobody reads, of which the kernel alone has some megabytes.
async fn that_fill_buffers() -> Fixture {
    let f = a_day().await;
    let org_id = f.world.org.org_id;
    for hundred in [8, 9] {
        let (unit_id, site_id) = (f.world.team.unit_id, f.world.berlin.site_id);
        let people = (0..100).map(|n| employee(&format!("{hundred}{n:02}"), unit_id, site_id, vec![]));
        f.tell(&people.map(|person| event(org_id, EMPLOYEE_CHANGED, 1, &person)).collect::<Vec<_>>()).await;
    }
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    let long = "SELECT string_agg(encode(sha256(convert_to(number || n, 'UTF8')), 'base64'), '') \
                FROM generate_series(1, 700) AS n";
    let change = format!("UPDATE employees SET fact = jsonb_set(fact, '{{name}}', to_jsonb(({long})))");
    admin.batch_execute(&change).unwrap();
    with_profile(&f, &json!({"name": "Numbers", "columns": [{"field": "number"}]})).await;
    f
}

/// A file with nothing of what makes the others long.
fn short() -> Value {
    json!({"format": "csv", "from": "2026-06-01", "to": "2026-06-01", "profile": "Numbers"})
}

/// Asks for a day of everybody and reads nothing of it; none: it was refused.
async fn begun(f: &Fixture, format: &str) -> Option<TcpStream> {
    let address = f.service.base_url.strip_prefix("http://").unwrap().parse().unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let body = json!({"format": format, "from": "2026-06-01", "to": "2026-06-01"}).to_string();
    let token = f.service.keys.access_token(f.world.owner.user_id.unwrap()).unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        f.world.path("/exports"),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    let made = &first == b"HTTP/1.1 200";
    assert!(made || &first == b"HTTP/1.1 429", "{format}: {}", String::from_utf8_lossy(&first));
    made.then_some(stream)
}

/// The same, once there is a turn.
async fn unread(f: &Fixture, format: &str) -> TcpStream {
    let began = Instant::now();
    loop {
        if let Some(stream) = begun(f, format).await {
            return stream;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{format}: there is no turn");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until another file is made.
async fn turns_are_free(f: &Fixture) {
    let began = Instant::now();
    while f.post(&f.world.owner, "/exports", &short()).await.status != 200 {
        assert!(began.elapsed() < Duration::from_secs(30), "the turns of clients who have gone are not free");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Whoever opens exports and does not read them holds two turns, and no thread: others work on.
#[tokio::test]
async fn exports_that_nobody_reads_hold_up_nobody_else() {
    let f = that_fill_buffers().await;
    let held = [unread(&f, "csv").await, unread(&f, "csv").await];
    let refused = f.post(&f.world.owner, "/exports", &short()).await;
    assert_eq!(refused.header("retry-after"), "5");
    refused.refused(429, "too_many_requests");
    assert_eq!(
        f.workdays(
            &f.world.owner,
            &format!("employee_id={}&from=2026-06-01&to=2026-06-01", f.world.worker.employee_id)
        )
        .await
        .len(),
        1
    );
    drop(held);
    turns_are_free(&f).await;
}

/// A workbook is made before it is sent, so however slowly it is read it holds no turn; but only so many wait.
#[tokio::test]
async fn workbooks_that_are_made_and_that_nobody_reads_hold_no_turns() {
    let f = that_fill_buffers().await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(unread(&f, "xlsx").await);
    }
    turns_are_free(&f).await;
    held.push(unread(&f, "xlsx").await);
    f.post(&f.world.owner, "/exports", &short()).await.refused(429, "too_many_requests");
    held.pop();
    turns_are_free(&f).await;
}

#[tokio::test]
async fn what_cannot_be_exported_is_named() {
    let f = a_day().await;
    let World { owner, worker, manager, .. } = f.world.clone();
    let good = json!({"format": "csv", "from": "2026-06-01", "to": "2026-06-02"});
    for who in [&worker, &manager] {
        f.post(who, "/exports", &good).await.refused(403, "forbidden");
    }
    for (body, pointer) in [
        (json!({"format": "csv"}), "/period_id"),
        (json!({"format": "csv", "from": "2026-06-01"}), "/period_id"),
        (json!({"format": "csv", "from": "2026-06-02", "to": "2026-06-01"}), "/to"),
        (json!({"format": "csv", "period_id": rollcall_ids::PeriodId::generate()}), "/period_id"),
        (json!({"format": "csv", "from": "2026-06-01", "to": "2026-06-01", "profile": "P"}), "/profile"),
    ] {
        assert_eq!(f.post(&owner, "/exports", &body).await.bad_fields()[0].0, pointer, "{body}");
    }
    with_profile(&f, &json!({"name": "Sums", "columns": [{"field": "absent_days"}]})).await;
    for (change, wrong) in [
        (json!({"from": "1800-01-01", "to": "2200-01-01", "profile": "P"}), vec!["/from", "/to", "/profile"]),
        (json!({"from": "2026-06-02", "to": "2026-06-01", "profile": "Sums"}), vec!["/to", "/profile"]),
        (json!({"period_id": rollcall_ids::PeriodId::generate(), "profile": "P"}), vec!["/period_id", "/profile"]),
        (json!({"from": "1800-01-01", "profile": "P"}), vec!["/from", "/period_id", "/profile"]),
    ] {
        let mut body = json!({"format": "xlsx"});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let found = f.post(&owner, "/exports", &body).await.bad_fields();
        assert_eq!(found.iter().map(|(pointer, _)| pointer.as_str()).collect::<Vec<_>>(), wrong, "{body}");
        f.post(&worker, "/exports", &body).await.refused(403, "forbidden");
    }
    f.post(&owner, "/exports", &json!({"format": "pdf"})).await.refused(400, "malformed_input");
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Prints time and memory of an export of 2,000 people and a month, open and frozen, as text and as a workbook:
/// `cargo test --release -p rollcall-attendance --test api -- --ignored --nocapture a_month_of_two_thousand`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: prints what it takes"]
async fn a_month_of_two_thousand_people() {
    let f = Fixture::start().await;
    let shift = f.day_shift().await;
    f.plan_team(&shift, "2026-05-01", "2026-05-31").await;
    let org_id = f.world.org.org_id;
    for hundred in 0..20 {
        let people = (0..100).map(|n| {
            let number = format!("9{hundred:02}{n:02}");
            employee(&number, f.world.team.unit_id, f.world.berlin.site_id, vec![])
        });
        f.tell(&people.map(|person| event(org_id, EMPLOYEE_CHANGED, 1, &person)).collect::<Vec<_>>()).await;
    }
    let mut admin = PgConnection::establish(&f.service.admin_url).unwrap();
    let punches = format!(
        "INSERT INTO punches (org_id, punch_id, employee_id, at, direction, source, offline, exceptions, received_at, \
         recorded_by) SELECT '{org_id}', gen_random_uuid(), employee_id, day + at, 'auto', 'web', false, '[]', now(), \
         employee_id FROM employees, generate_series('2026-05-01T00:00Z'::timestamptz, '2026-05-31T00:00Z', '1 day') day, \
         (VALUES ('7 hours'::interval), ('16 hours'::interval)) AS times (at) WHERE org_id = '{org_id}'; ANALYZE"
    );
    admin.batch_execute(&punches).unwrap();
    f.set_clock("2026-06-03T08:00:00Z");
    let period = json!({"from": "2026-05-01", "to": "2026-05-31"});
    let period = f.post(&f.world.owner, "/periods", &period).await.must(201);
    let id = period["period_id"].as_str().unwrap().to_owned();
    for state in ["open", "frozen"] {
        for format in ["csv", "xlsx"] {
            std::fs::write("/proc/self/clear_refs", "5").unwrap();
            let (before, start) = (peak_kib(), Instant::now());
            let (_, bytes) = file(&f, &json!({"format": format, "period_id": id})).await;
            eprintln!(
                "{state} {format}: {:.2} s, {} KiB sent, memory of the process {} MiB at most ({} before), the file included",
                start.elapsed().as_secs_f64(),
                bytes.len() / 1024,
                peak_kib() / 1024,
                before / 1024
            );
            if format == "csv" {
                assert_eq!(String::from_utf8(bytes).unwrap().lines().count(), 2_003 * 31 + 1);
            }
        }
        if state == "open" {
            let start = Instant::now();
            let lock = f.world.path(&format!("/periods/{id}/lock"));
            send(f.by(&f.world.owner).post(&lock).header("if-match", "\"1\"")).await.must(200);
            let status = async || f.get(&f.world.owner, &format!("/periods/{id}")).await.must(200)["status"].clone();
            while status().await != "locked" {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            eprintln!("lock: {:.2} s", start.elapsed().as_secs_f64());
        }
    }
}
