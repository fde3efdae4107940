//! Employees in bulk.

use crate::support::{Fixture, Reply, Seat, each, send};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use rollcall_ids::{OrgId, UserId};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

impl Fixture {
    /// Sends a file; answers at once.
    pub(crate) async fn upload(&self, seat: Seat, query: &str, file: impl Into<reqwest::Body>) -> Reply {
        let request = self.org.as_user(seat.user_id).post(&seat.path(&format!("/imports{query}")));
        send(request.header("Content-Type", "text/csv").body(file)).await
    }

    /// The import once its step is over.
    pub(crate) async fn settled(&self, seat: Seat, import: &Value) -> Value {
        let path = format!("/imports/{}", import["import_id"].as_str().unwrap());
        for _ in 0..3_000 {
            let import = self.get(seat, &path).await.must(200);
            if !["checking", "committing"].contains(&import["status"].as_str().unwrap()) {
                return import;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the import does not end");
    }

    /// Sends a file and answers what checking it came to.
    pub(crate) async fn check(&self, seat: Seat, file: &str) -> Value {
        let import = self.upload(seat, "", file.to_owned()).await.must(201);
        self.settled(seat, &import).await
    }

    /// Sends a file and takes it over.
    pub(crate) async fn import(&self, seat: Seat, file: &str) -> Value {
        let checked = self.check(seat, file).await;
        assert_eq!((&checked["status"], &checked["rejected"]), (&json!("checked"), &json!(0)), "{checked}");
        let path = format!("/imports/{}/commit", checked["import_id"].as_str().unwrap());
        let import = send(self.org.as_user(seat.user_id).post(&seat.path(&path))).await.must(202);
        self.settled(seat, &import).await
    }

    async fn lines(&self, seat: Seat, import: &Value, verdict: &str) -> Vec<String> {
        let path = format!("/imports/{}/lines?verdict={verdict}", import["import_id"].as_str().unwrap());
        let page = self.get(seat, &path).await.must(200);
        let mut lines = Vec::new();
        for item in page["items"].as_array().unwrap() {
            for error in item["errors"].as_array().unwrap() {
                let text = |name: &str| error[name].as_str().unwrap().to_owned();
                lines.push(format!("{} {} {}", item["line"], text("column"), text("code")));
            }
        }
        lines
    }

    async fn export(&self, seat: Seat) -> String {
        let response = self.org.as_user(seat.user_id).get(&seat.path("/exports/employees")).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8");
        response.text().await.unwrap()
    }
}

/// A company with a unit, a second site, histories and names that are hard on spreadsheets.
const COMPANY: &str = "\u{feff}number;name;email;hired_on;left_on;unit;site;manager_number;position;employment_type;valid_from;valid_to\r\n\
    10;\"Müller; Zoë 👩‍🚒\";zoe@example.org;2026-01-05;;WH;Acme;11;\"Lead \"\"A\"\"\";part_time;2026-01-05;2026-03-31\r\n\
    11;محمد علي;;2025-01-01;2026-12-31;Acme;Acme;;;;;\r\n\
    10;\"Müller; Zoë 👩‍🚒\";zoe@example.org;2026-01-05;;Acme;Acme;;=1+1;;2026-05-01;\r\n";

#[tokio::test]
async fn a_file_is_checked_then_taken_over_and_told_and_an_export_of_it_changes_nothing() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    f.post(owner, "/units", json!({"name": "Warehouse", "code": "WH"})).await.must(201);
    let checked = f.check(owner, COMPANY).await;
    assert_eq!((&checked["created"], &checked["rejected"], &checked["lines_done"]), (&json!(3), &json!(0), &json!(3)));
    assert_eq!(each(&f.get(owner, "/employees").await.must(200), "number"), ["1"], "a dry run changes nothing");
    let done = f.import(owner, COMPANY).await;
    assert_eq!((&done["status"], &done["created"]), (&json!("committed"), &json!(3)), "{done}");
    let people = f.get(owner, "/employees").await.must(200);
    assert_eq!(each(&people, "number"), ["1", "10", "11"]);
    let zoe = &people["items"][1];
    assert_eq!((&zoe["name"], &zoe["roles"]), (&json!("Müller; Zoë 👩‍🚒"), &json!(["employee"])));
    let held = zoe["assignments"].as_array().unwrap();
    assert_eq!((held.len(), &held[0]["position"], &held[1]["position"]), (2, &json!("Lead \"A\""), &json!("=1+1")));
    assert_eq!(held[0]["manager_id"], people["items"][2]["employee_id"]);
    let fact = f.events("org.employee.changed.v1");
    assert_eq!(fact.len(), 3, "the owner and the two who were taken over");
    assert_eq!(fact[1]["assignments"].as_array().map(Vec::len), Some(2));
    let audit = f.get(owner, "/audit-events?limit=2").await.must(200);
    assert_eq!(each(&audit, "action"), ["employee.created", "employee.created"]);

    let export = f.export(owner).await;
    assert!(export.contains("'=1+1"), "a formula is guarded: {export}");
    let again = f.import(owner, &export).await;
    assert_eq!((&again["unchanged"], &again["created"], &again["changed"]), (&json!(4), &json!(0), &json!(0)));
    assert_eq!(f.get(owner, "/employees").await.must(200), people);
    assert_eq!(f.export(owner).await, export);

    // Into an empty organisation of the same make it brings the same people.
    let other = f.found().await;
    f.post(other, "/units", json!({"name": "Warehouse", "code": "WH"})).await.must(201);
    f.import(other, &export).await;
    let number_1 = |text: &str| text.lines().filter(|line| !line.starts_with("1,")).collect::<Vec<_>>().join("\n");
    assert_eq!(number_1(&f.export(other).await), number_1(&export));
}

#[tokio::test]
async fn what_is_wrong_is_named_by_line_and_column_and_nothing_is_taken_over() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let file = format!(
        "number,name,hired_on,unit,manager_number,valid_from,valid_to\n\
         10,Ada,2026-01-05,,,,\n\
         10,Ada,2026-01-05,,,,\n\
         11,Bob,05.01.2026,,,,\n\
         12,\"Eve\nAdams\",2026-01-05,Night,,,\n\
         13,{},2026-01-05,,,,\n\
         14,Too,few\n\
         15,Ann,2026-01-05,Night,99,,\n\
         16,Bea,2026-01-05,,,2026-02-01,2026-03-01\n\
         16,Bea,2026-01-05,,,2026-03-01,\n\
         17,Cleo,2026-01-05,,17,,\n",
        "x".repeat(10_000)
    );
    let checked = f.check(owner, &file).await;
    let wrong = f.lines(owner, &checked, "rejected").await;
    let expected = [
        "3 number duplicate_number",
        "4 hired_on invalid_date",
        "5 name control_character",
        "7 name length",
        "8  wrong_columns",
        "9 unit unknown_unit",
        "9 manager_number unknown_employee",
        "10 valid_from assignment_overlap",
        "11 valid_from assignment_overlap",
        "12 manager_number own_manager",
    ];
    assert_eq!(wrong, expected);
    let commit = format!("/imports/{}/commit", checked["import_id"].as_str().unwrap());
    f.post(owner, &commit, json!({})).await.refused(422, "invalid_input");
    assert_eq!(each(&f.get(owner, "/employees").await.must(200), "number"), ["1"]);
    for (file, code) in [
        ("", "1 number missing_column"),
        ("number,name,hired_on\n", "1  empty"),
        ("\u{0}", ""),
        ("num,name,hired_on\n1,2,3\n", "1 num unknown_column"),
        ("{\"json\": 1}", "1 {\"json\": 1} unknown_column"),
    ] {
        if code.is_empty() {
            f.upload(owner, "", file).await.refused(422, "invalid_input");
            continue;
        }
        let checked = f.check(owner, file).await;
        assert_eq!(f.lines(owner, &checked, "rejected").await[0], code, "{file:?}");
    }
    f.upload(owner, "", vec![b'1', 0xff]).await.refused(400, "malformed_input");
    f.upload(owner, "?columns=%7B%22a%22%3A%22salary%22%7D", "a\n1").await.refused(422, "invalid_input");
    f.upload(owner, "?columns=nonsense", "a\n1").await.refused(422, "invalid_input");
    let problem =
        f.upload(owner, "?columns=%7B%22%5Cu0000%22%3A%22%22%7D", "\u{0}").await.refused(422, "invalid_input");
    let wrong = |index: usize| (problem["errors"][index]["pointer"].clone(), problem["errors"][index]["code"].clone());
    assert_eq!(wrong(0), (json!("?columns"), json!("control_character")));
    assert_eq!(wrong(1), (json!(""), json!("control_character")), "and the file");
}

#[tokio::test]
async fn an_invitation_ends_with_the_address_that_a_file_corrects() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let mut tokens = Vec::new();
    for number in ["7", "8", "9"] {
        let employee_id = f.hire(owner, number, json!({})).await;
        tokens.push(f.invite(owner, employee_id).await);
    }
    let file = "number,name,email,hired_on\n\
        7,Ada,ada@example.org,2026-01-05\n\
        8,Bob,,2026-01-05\n\
        9,Cleo,9@example.org,2026-01-05\n";
    assert_eq!(f.import(owner, file).await["changed"], 3);
    for (token, what) in tokens.iter().zip(["another address", "none"]) {
        let refused = f.accept(UserId::generate(), token).await;
        assert_eq!((refused.status.as_u16(), &refused.body["code"]), (410, &json!("invitation_expired")), "{what}");
    }
    f.accept(UserId::generate(), &tokens[2]).await.must(200);
}

#[tokio::test]
async fn headers_are_mapped_and_a_change_keeps_what_the_file_does_not_name() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let ada = f.hire(owner, "7", json!({"assignment": {"position": "Picker"}})).await;
    let columns = "?columns=%7B%22Nr%22%3A%22number%22%2C%22Notes%22%3A%22%22%7D";
    let file = "Nr,Name,Hired_on,Notes\n7,Ada King,2026-01-05,x\n";
    let import = f.upload(owner, columns, file).await.must(201);
    let checked = f.settled(owner, &import).await;
    assert_eq!(checked["changed"], 1, "{checked}");
    let commit = format!("/imports/{}/commit", checked["import_id"].as_str().unwrap());
    let started = f.post(owner, &commit, json!({})).await.must(202);
    f.post(owner, &commit, json!({})).await.refused(409, "import_state");
    assert_eq!(f.settled(owner, &started).await["status"], "committed");
    let now = f.get(owner, &format!("/employees/{ada}")).await.must(200);
    assert_eq!(
        (&now["name"], &now["email"], &now["version"]),
        (&json!("Ada King"), &json!("7@example.org"), &json!(2))
    );
    assert_eq!(now["assignments"][0]["position"], "Picker");
}

#[tokio::test]
async fn an_import_does_not_do_what_its_sender_may_not() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let (hr, _) = f.join(owner, "7", &["hr_admin"]).await;
    let (ada, _) = f.join(owner, "8", &["manager"]).await;
    let let_go = "number,name,hired_on,left_on\n1,Grace Hopper,2026-06-01,2026-12-31\n";
    f.upload(ada, "", let_go).await.refused(403, "forbidden");
    let checked = f.check(hr, let_go).await;
    assert_eq!(f.lines(hr, &checked, "rejected").await, ["2 number not_allowed"]);
    // The last owner stays, whoever sends the file.
    let refused = f.import(owner, let_go).await;
    assert_eq!(refused["status"], "refused");
    assert_eq!(f.lines(owner, &refused, "rejected").await, ["1  last_owner"]);
    assert_eq!(f.get(owner, "/me").await.must(200)["employee"]["left_on"], json!(null));
}

#[tokio::test]
async fn what_changed_since_the_check_is_checked_again() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let unit = f.post(owner, "/units", json!({"name": "Night"})).await.must(201);
    let checked = f.check(owner, "number,name,hired_on,unit\n7,Ada,2026-01-05,Night\n8,Bob,2026-01-05,\n").await;
    assert_eq!(checked["rejected"], 0);
    f.delete(owner, &format!("/units/{}", unit["unit_id"].as_str().unwrap())).await;
    let commit = format!("/imports/{}/commit", checked["import_id"].as_str().unwrap());
    let started = f.post(owner, &commit, json!({})).await.must(202);
    let refused = f.settled(owner, &started).await;
    assert_eq!((&refused["status"], &refused["rejected"]), (&json!("refused"), &json!(1)));
    assert_eq!(each(&f.get(owner, "/employees").await.must(200), "number"), ["1"], "nothing is half applied");
}

#[tokio::test]
async fn fifty_megabytes_are_refused() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    f.upload(owner, "", vec![b'x'; 50 << 20]).await.refused(413, "too_large");
}

#[tokio::test]
async fn ten_thousand_lines_are_taken_over_in_time_with_progress_to_see() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let mut file = "number,name,email,hired_on,manager_number,position\n".to_owned();
    for number in 0..10_000 {
        writeln!(
            file,
            "n{number},Employee {number},n{number}@example.org,2026-01-05,n{},Picker",
            number / 10 * 10 + 1_u32.pow(number % 2)
        )
        .unwrap();
    }
    let file = file.replace(",n1,Picker", ",,Picker");
    let file: String = file
        .lines()
        .map(|line| {
            let own = line.split(',').next().unwrap();
            let manager = line.split(',').nth(4).unwrap();
            if own == manager { line.replacen(&format!(",{manager},P"), ",,P", 1) + "\n" } else { format!("{line}\n") }
        })
        .collect();
    let start = Instant::now();
    let checked = f.check(owner, &file).await;
    assert_eq!((&checked["created"], &checked["rejected"]), (&json!(10_000), &json!(0)), "{checked}");
    let check = start.elapsed();
    let path = format!("/imports/{}", checked["import_id"].as_str().unwrap());
    let start = Instant::now();
    f.post(owner, &format!("{path}/commit"), json!({})).await.must(202);
    let mut seen = Vec::new();
    let done = loop {
        let import = f.get(owner, &path).await.must(200);
        if import["status"] != "committing" {
            break import;
        }
        seen.push(import["lines_done"].as_i64().unwrap());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let commit = start.elapsed();
    assert_eq!(done["status"], "committed");
    assert!(seen.iter().any(|lines| (1..10_000).contains(lines)), "progress is to be seen: {seen:?}");
    eprintln!("10,000 lines: checked in {check:?}, taken over in {commit:?}");
}

#[tokio::test]
async fn an_import_that_is_over_is_forgotten_after_ninety_days() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    f.import(owner, "number;name;hired_on\r\n20;Grace;2026-01-05\r\n").await;
    let imports = async || f.get(owner, "/imports").await.must(200)["items"].as_array().unwrap().len();
    f.org.clock.advance(jiff::SignedDuration::from_hours(24 * 90));
    assert_eq!((f.org.app().forget_imports().await.unwrap(), imports().await), (0, 1));
    f.org.clock.advance(jiff::SignedDuration::from_secs(1));
    assert_eq!((f.org.app().forget_imports().await.unwrap(), imports().await), (1, 0));
}

/// A file of one line, with nothing wrong.
fn one(number: &str) -> String {
    format!("number,name,hired_on\n{number},Ada,2026-01-05\n")
}

#[tokio::test]
async fn ten_files_of_an_organisation_are_kept_and_an_eleventh_waits_for_one_of_them() {
    let f = Fixture::start().await;
    let (owner, other) = (f.found().await, f.found().await);
    // What can never be taken over is not kept.
    f.check(owner, "number,name,hired_on\n10,Ada,never\n").await;
    let mut last = Value::Null;
    for number in 10..20 {
        last = f.upload(owner, "", one(&number.to_string())).await.must(201);
    }
    f.upload(owner, "", one("20")).await.refused(409, "imports_open");
    f.upload(other, "", one("20")).await.must(201);
    f.settled(owner, &last).await;
    f.upload(owner, "", one("20")).await.refused(409, "imports_open");
    let commit = format!("/imports/{}/commit", last["import_id"].as_str().unwrap());
    let started = f.post(owner, &commit, json!({})).await.must(202);
    assert_eq!(f.settled(owner, &started).await["status"], "committed");
    f.upload(owner, "", one("20")).await.must(201);
    let last_place = (0..4).map(|number| f.upload(other, "", one(&number.to_string())));
    assert!(futures_util::future::join_all(last_place).await.iter().all(|reply| reply.status == 201));
    let at_once = (10..20).map(|number| f.upload(other, "", one(&number.to_string())));
    let taken = futures_util::future::join_all(at_once).await;
    assert_eq!(
        taken.iter().filter(|reply| reply.status == 201).count(),
        5,
        "of ten at once as many as there is room for"
    );
}

#[tokio::test]
async fn a_file_that_nobody_takes_over_goes_after_a_day() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let checked = f.check(owner, &one("7")).await;
    assert_eq!((&checked["status"], &checked["rejected"]), (&json!("checked"), &json!(0)));
    f.org.clock.advance(jiff::SignedDuration::from_hours(24));
    assert_eq!(f.org.app().expire_imports().await.unwrap(), 0);
    f.org.clock.advance(jiff::SignedDuration::from_secs(1));
    assert_eq!(f.org.app().expire_imports().await.unwrap(), 1);
    assert_eq!(f.org.app().expire_imports().await.unwrap(), 0);
    let path = format!("/imports/{}", checked["import_id"].as_str().unwrap());
    let import = f.get(owner, &path).await.must(200);
    assert_eq!((&import["status"], import["finished_at"].is_string()), (&json!("refused"), true));
    assert_eq!(f.lines(owner, &import, "rejected").await, ["1  expired"]);
    f.post(owner, &format!("{path}/commit"), json!({})).await.refused(409, "import_state");
    assert_eq!(count(&f, "source IS NOT NULL"), 0);
}

fn count(f: &Fixture, what: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let query = diesel::sql_query(format!("SELECT count(*) AS count FROM imports WHERE {what}"));
    query.get_result::<Row>(&mut f.database()).unwrap().count
}

#[tokio::test]
async fn who_sends_many_files_does_not_hold_up_the_others() {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Uuid)]
        org_id: OrgId,
    }
    let f = Fixture::start().await;
    let (busy, others) = (f.found().await, [f.found().await, f.found().await]);
    let mut sent = Vec::new();
    for number in 0..6 {
        sent.push((busy, f.upload(busy, "", one(&number.to_string())).await.must(201)));
    }
    for other in others {
        sent.push((other, f.upload(other, "", one("7")).await.must(201)));
    }
    for (seat, import) in &sent {
        f.settled(*seat, import).await;
    }
    // All of them wait once more, and are there at the same moment.
    f.database().batch_execute("UPDATE imports SET status = 'checking'").unwrap();
    for (seat, import) in &sent {
        f.settled(*seat, import).await;
    }
    // In the order in which their last transactions began.
    let query = diesel::sql_query("SELECT org_id FROM imports ORDER BY xmin::text::bigint");
    let served: Vec<Row> = query.load(&mut f.database()).unwrap();
    let served: Vec<_> = served.iter().map(|row| row.org_id).collect();
    assert_eq!(served[..3].iter().collect::<HashSet<_>>().len(), 3, "each has its turn: {served:?}");
}

#[tokio::test]
async fn of_an_organisation_the_newest_imports_can_be_looked_at() {
    let f = Fixture::start().await;
    let owner = f.found().await;
    let old = format!(
        "INSERT INTO imports (org_id, import_id, status, mapping, actor, created_at) \
         SELECT '{}', ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'committed', '{{}}', '{{}}', now() \
         FROM generate_series(1, 93) AS n",
        owner.org_id
    );
    f.database().batch_execute(&old).unwrap();
    f.check(owner, &one("7")).await;
    assert_eq!(count(&f, "import_id < '00000000-0000-7000-8000-000000000004'"), 0, "the three oldest have gone");
    assert_eq!(count(&f, "true"), 91);
}
