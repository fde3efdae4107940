//! What is not understood or wrong is answered with a problem that names the field, never with a 5xx.

use crate::support::{Fixture, send};
use serde_json::{Value, json};

/// A body that cannot be decoded, and the field it is about.
#[tokio::test]
async fn what_cannot_be_decoded_is_400_with_a_pointer() {
    let f = Fixture::start().await;
    let owner = f.world.owner.clone();
    let shift = |change: Value| {
        let mut body = json!({"code": "A", "name": "A", "start": "09:00", "end": "18:00"});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    let entry = |entry: Value| json!({"entries": [entry]});
    for (method, path, body, pointer) in [
        ("POST", "/punches", json!({"at": "yesterday"}), "/at"),
        ("POST", "/punches", json!({"at": "2026-06-01T09:00:00"}), "/at"),
        ("POST", "/punches", json!({"at": "99999-01-01T00:00:00Z"}), "/at"),
        ("POST", "/punches", json!({"direction": "sideways"}), "/direction"),
        ("POST", "/punches", json!({"employee_id": "nobody"}), "/employee_id"),
        ("POST", "/punches", json!({"latitude": "north"}), "/latitude"),
        ("POST", "/punches", json!({"colour": "red"}), "/colour"),
        ("POST", "/shifts", shift(json!({"grace_in": -1})), "/grace_in"),
        ("POST", "/shifts", shift(json!({"pairing": "triples"})), "/pairing"),
        ("POST", "/shifts", shift(json!({"overtime": {"always": true}})), "/overtime/always"),
        ("POST", "/shifts", shift(json!({"breaks": [{"start": "12:00"}]})), "/breaks/0"),
        ("PUT", "/roster", entry(json!({"from": "2026-06-01", "to": "2026-06-02"})), "/entries/0"),
        (
            "PUT",
            "/roster",
            entry(json!({"from": "2026-02-30", "to": "2026-06-02", "shift_id": null})),
            "/entries/0/from",
        ),
        ("PUT", "/roster", json!({"entries": 7}), "/entries"),
        ("POST", "/punches/batch", json!({"punches": {}}), "/punches"),
        ("POST", "/exports", json!({"format": "pdf"}), "/format"),
        ("POST", "/exports", json!({"format": "csv", "period_id": "may"}), "/period_id"),
        ("POST", "/leave-types", json!({"code": "V", "name": "V", "unit": "week"}), "/unit"),
        ("POST", "/leave-policies", json!({"leave_type_id": 7}), "/leave_type_id"),
        ("POST", "/leave-ledger", json!({"minutes": "many"}), "/minutes"),
        ("POST", "/leave-requests", json!({"hours": {"start": "25:00"}}), "/hours/start"),
    ] {
        let request = f.by(&owner).request(method.parse().unwrap(), &f.world.path(path)).json(&body);
        let problem = send(request).await.refused(400, "malformed_input");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{method} {path} {body}: {problem:#}");
    }
}

#[tokio::test]
async fn what_is_no_json_or_too_much_of_it_is_refused() {
    let f = Fixture::start().await;
    let owner = f.world.owner.clone();
    let post = |path: &str, body: String| {
        let request = f.by(&owner).post(&f.world.path(path));
        request.header("content-type", "application/json").body(body)
    };
    for path in ["/punches", "/shifts", "/punches/batch", "/exports"] {
        send(post(path, "{\"at\": ".into())).await.refused(400, "malformed_input");
        send(post(path, "\u{0}".into())).await.refused(400, "malformed_input");
        send(post(path, "null".into())).await.refused(400, "malformed_input");
        let form = f.by(&owner).post(&f.world.path(path)).body("at=now");
        send(form).await.refused(415, "unsupported_media_type");
    }
    let note = |bytes: usize| format!("{{\"note\":\"{}\"}}", "x".repeat(bytes));
    send(post("/punches", note(1 << 20))).await.refused(413, "too_large");
    send(post("/shifts", note(1 << 20))).await.refused(413, "too_large");
    send(post("/punches/batch", note(1 << 19))).await.refused(400, "malformed_input");
    send(post("/punches/batch", note(1 << 20))).await.refused(413, "too_large");
}

#[tokio::test]
async fn what_is_understood_and_wrong_is_422_with_every_field() {
    let f = Fixture::start().await;
    let owner = f.world.owner.clone();
    let fields = |found: Vec<(String, String)>| found.into_iter().map(|(pointer, _)| pointer).collect::<Vec<_>>();

    let punch = json!({"at": "2026-05-01T09:00:00Z", "latitude": 91, "longitude": -181, "accuracy_m": -1, "note": " "});
    let found = fields(f.post(&owner, "/punches", &punch).await.bad_fields());
    assert_eq!(found, ["/at", "/latitude", "/longitude", "/accuracy_m", "/note"]);
    let found = fields(f.post(&owner, "/punches", &json!({"latitude": 1.0})).await.bad_fields());
    assert_eq!(found, ["/longitude"]);
    for at in ["0001-01-01T00:00:00Z", "9999-12-30T00:00:00Z", "-009999-01-02T01:59:59Z"] {
        assert_eq!(fields(f.post(&owner, "/punches", &json!({"at": at})).await.bad_fields()), ["/at"], "{at}");
    }

    let shift = json!({"code": "", "name": "", "start": "25:00", "end": "9", "opens_before": 721,
        "auto_break": {"after": 1441, "minutes": 481}});
    let found = fields(f.post(&owner, "/shifts", &shift).await.bad_fields());
    let wrong = ["/code", "/name", "/start", "/end", "/opens_before", "/auto_break/after", "/auto_break/minutes"];
    assert_eq!(found, wrong);
    let shift = json!({"code": "A", "name": "A", "start": "25:00", "end": "18:00", "valid_from": "2026-06-01",
        "breaks": [{"start": "x", "end": "y"}]});
    let found = fields(f.post(&owner, "/shifts", &shift).await.bad_fields());
    assert_eq!(found, ["/start", "/breaks/0/start", "/breaks/0/end", "/valid_from"]);

    for (query, pointer) in [
        ("from=2026-06-02&to=2026-06-01", "?to"),
        ("from=2025-06-01&to=2026-06-02", "?to"),
        ("from=0001-01-01&to=0001-01-02", "?from"),
        ("from=-009999-01-01&to=9999-12-31", "?from"),
    ] {
        for list in ["workdays", "roster"] {
            let answer = f.get(&owner, &format!("/{list}?{query}")).await;
            assert_eq!(fields(answer.bad_fields())[0], pointer, "{list} {query}");
        }
    }
    for (query, pointer) in
        [("limit=0", "?limit"), ("limit=201", "?limit"), ("cursor=x", "?cursor"), ("from=0001-01-01", "?from")]
    {
        assert_eq!(fields(f.get(&owner, &format!("/punches?{query}")).await.bad_fields()), [pointer], "{query}");
    }
    // `["-009999-01-01","<uuid>"]`: of the form of this list, and no date that the database knows.
    let cursor = "WyItMDA5OTk5LTAxLTAxIiwiMDFhMjI3MGItOGU1ZS03MGRiLWIxOGMtNzgzYmE5MDZiYjlkIl0";
    assert_eq!(fields(f.get(&owner, &format!("/periods?cursor={cursor}")).await.bad_fields()), ["?cursor"]);
    f.get(&owner, "/workdays?from=2026-06-01").await.refused(400, "malformed_input");
    f.get(&owner, "/workdays?from=tomorrow&to=2026-06-01").await.refused(400, "malformed_input");
    f.get(&owner, "/shifts/7").await.refused(404, "not_found");
}

#[tokio::test]
async fn a_punch_of_nobody_is_422_with_all_that_is_wrong_beside_it_and_403_for_who_may_not_ask() {
    let org = wiremock::MockServer::start().await; // knows nobody: every question is answered 404
    let service = rollcall_stack::testing::TestService::with(|settings| {
        rollcall_stack::testing::set(settings, "peers.org.url", org.uri());
    });
    let f = Fixture::on(service.await).await;
    let (owner, manager, worker) = (&f.world.owner, &f.world.manager, &f.world.worker);
    let wrong = |whose: &str| {
        let mut body = json!({"at": "2026-05-01T09:00:00Z", "latitude": 91, "longitude": -181, "note": ""});
        body["employee_id"] = json!(whose);
        body
    };
    let nobody = "0193a6f0-7c1e-7000-8000-00000000dead";
    let all = [
        ("/employee_id", "unknown_employee"),
        ("/at", "at_out_of_window"),
        ("/latitude", "out_of_range"),
        ("/longitude", "out_of_range"),
        ("/note", "length"),
    ];
    let expected = all.map(|(pointer, code)| (pointer.to_owned(), code.to_owned()));
    assert_eq!(f.post(owner, "/punches", &wrong(nobody)).await.bad_fields(), expected);
    let found = f.post(owner, "/punches", &json!({"employee_id": nobody})).await.bad_fields();
    assert_eq!(found, expected[..1]);
    let mut item = wrong(nobody);
    item["idempotency_key"] = json!("wrong");
    let answer =
        f.post(owner, "/punches/batch", &json!({"punches": [item, {"idempotency_key": "good"}]})).await.must(200);
    let errors = answer["items"][0]["problem"]["errors"].as_array().unwrap();
    let pointers: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, all.map(|(pointer, _)| pointer));
    assert_eq!(answer["items"][1]["verdict"], "created");

    // Whoever may not punch for somebody learns nothing else, not even whether there is such a person.
    let of_owner = owner.employee_id.to_string();
    let mut import = wrong(nobody);
    import["source"] = json!("import");
    for (who, body) in
        [(worker, wrong(nobody)), (worker, wrong(&of_owner)), (manager, wrong(&of_owner)), (manager, import)]
    {
        let refused = f.post(who, "/punches", &body).await.refused(403, "forbidden");
        assert_eq!(refused["errors"], Value::Null, "{body}");
    }
}

/// Org is asked who somebody is, and knows nobody else.
#[tokio::test]
async fn of_a_roster_what_is_understood_and_wrong_is_422_with_every_field() {
    let (f, _org) = crate::roster::beside_org().await;
    let owner = f.world.owner.clone();
    let fields = |found: Vec<(String, String)>| found.into_iter().map(|(pointer, _)| pointer).collect::<Vec<_>>();
    let nobody = rollcall_ids::EmployeeId::generate();
    let roster = json!({"entries": [
        {"from": "2026-06-02", "to": "2026-06-01", "shift_id": null, "site_id": f.world.berlin.site_id},
        {"from": "9999-01-01", "to": "9999-01-02", "shift_id": null, "employee_id": nobody, "unit_id": f.world.team.unit_id},
    ]});
    let found = fields(f.put(&owner, "/roster", &roster).await.bad_fields());
    let wrong = ["/entries/0/to", "/entries/1", "/entries/1/from", "/entries/1/to", "/entries/1/employee_id"];
    assert_eq!(found, wrong);
    assert_eq!(fields(f.put(&owner, "/roster", &json!({"entries": []})).await.bad_fields()), ["/entries"]);
    let many = vec![json!({"from": "2026-06-01", "to": "2026-06-01", "shift_id": null}); 501];
    let found = fields(f.put(&owner, "/roster", &json!({"entries": many})).await.bad_fields());
    assert_eq!((found.len(), found[0].as_str()), (501, "/entries"));
}

#[tokio::test]
async fn of_leave_what_is_understood_and_wrong_is_422_with_every_field() {
    let f = Fixture::start().await;
    let owner = f.world.owner.clone();
    let nobody = "0193a6f0-7c1e-7000-8000-00000000dead";
    let fields = |found: Vec<(String, String)>| found.into_iter().map(|(pointer, _)| pointer).collect::<Vec<_>>();
    let leave_type = json!({"code": "", "name": "\u{7}", "unit": "day", "approval_levels": 3});
    let found = fields(f.post(&owner, "/leave-types", &leave_type).await.bad_fields());
    assert_eq!(found, ["/code", "/name", "/approval_levels"]);
    let policy = json!({"leave_type_id": nobody, "name": "", "eligible": {"kind": "units", "unit_ids": [nobody]},
        "accrual": {"kind": "worked_hours", "minutes": 0, "per_minutes": 0}, "year_starts_month": 13, "cap_minutes": 0,
        "carry_over": {"limit_minutes": 1_000_001, "expires_after_months": 25},
        "valid_from": "1999-01-01", "valid_to": "1998-01-01"});
    let found = fields(f.post(&owner, "/leave-policies", &policy).await.bad_fields());
    let wrong = [
        "/leave_type_id",
        "/name",
        "/eligible/unit_ids/0",
        "/accrual/minutes",
        "/accrual/per_minutes",
        "/year_starts_month",
        "/cap_minutes",
        "/carry_over/limit_minutes",
        "/carry_over/expires_after_months",
        "/valid_from",
        "/valid_to",
    ];
    assert_eq!(found, wrong);
    let policy = json!({"leave_type_id": nobody, "name": "P", "eligible": {"kind": "everyone"},
        "accrual": {"kind": "none"}, "valid_from": "2026-01-01"});
    assert_eq!(fields(f.post(&owner, "/leave-policies", &policy).await.bad_fields()), ["/leave_type_id"]);
    let entry = json!({"employee_id": f.world.worker.employee_id, "leave_type_id": nobody, "kind": "expiry",
        "minutes": 0, "effective_on": "0001-01-01", "note": ""});
    let found = fields(f.post(&owner, "/leave-ledger", &entry).await.bad_fields());
    assert_eq!(found, ["/leave_type_id", "/kind", "/minutes", "/effective_on", "/note"]);
    let entry = |change: Value| {
        let mut body = json!({"employee_id": f.world.worker.employee_id, "leave_type_id": nobody, "kind": "adjust",
            "minutes": -1, "note": "N"});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    for (change, pointer) in [
        (json!({"expires_on": "2030-01-01"}), "/expires_on"),
        (json!({"kind": "grant"}), "/minutes"),
        (json!({"minutes": i64::MIN}), "/minutes"),
    ] {
        let found = fields(f.post(&owner, "/leave-ledger", &entry(change.clone())).await.bad_fields());
        assert_eq!(found, ["/leave_type_id", pointer], "{change}");
    }
    assert_eq!(fields(f.post(&owner, "/leave-ledger", &entry(json!({}))).await.bad_fields()), ["/leave_type_id"]);
    let days = crate::leave::leave_type(&f, json!({"code": "DAYS", "unit": "day"})).await;
    let hours = crate::leave::leave_type(&f, json!({"code": "HOURS"})).await;
    let wish = |of: &str, change: Value| {
        let mut body = json!({"leave_type_id": of, "from": "2026-07-01", "to": "2026-07-01"});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        body
    };
    let of_hours = json!({"start": "09:00", "end": "10:00"});
    for (of, change, wrong) in [
        (&days, json!({"from": "0001-01-01", "to": "9999-12-31", "reason": ""}), vec!["/from", "/to", "/reason"]),
        (&days, json!({"to": "2026-06-30"}), vec!["/to"]),
        (&days, json!({"to": "2027-07-02"}), vec!["/to"]),
        (&days, json!({"portion": "am"}), vec!["/portion"]),
        (&days, json!({"hours": of_hours}), vec!["/hours"]),
        (&hours, json!({"portion": "full", "hours": of_hours}), vec!["/hours"]),
        (&hours, json!({"to": "2026-07-02", "portion": "pm"}), vec!["/portion"]),
        (&hours, json!({"to": "2026-07-02", "hours": of_hours}), vec!["/hours"]),
        (&hours, json!({"hours": {"start": "09:00", "end": "09:00"}}), vec!["/hours/end"]),
        (&hours, json!({"leave_type_id": nobody}), vec!["/leave_type_id"]),
        (
            &hours,
            json!({"leave_type_id": nobody, "to": "2026-06-30", "reason": ""}),
            vec!["/leave_type_id", "/to", "/reason"],
        ),
    ] {
        let found = fields(f.post(&owner, "/leave-requests", &wish(of, change.clone())).await.bad_fields());
        assert_eq!(found, wrong, "{change}");
    }
    let query = format!("/away?from=2026-06-01&to=2026-06-02&unit_id={nobody}");
    assert_eq!(fields(f.get(&owner, &query).await.bad_fields()), ["?unit_id"]);
    let query = query.replace("unit_id", "site_id");
    assert_eq!(fields(f.get(&owner, &query).await.bad_fields()), ["?site_id"]);
    assert_eq!(fields(f.get(&owner, "/leave-balances?as_of=0001-01-01").await.bad_fields()), ["?as_of"]);
}

/// What the rules of a shift, a cycle and a batch refuse, each with the field that is to blame; nothing of it is stored.
#[tokio::test]
async fn absurd_shifts_cycles_and_batches_are_422_and_leave_nothing_behind() {
    let f = Fixture::start().await;
    let owner = f.world.owner.clone();
    let fields = |found: Vec<(String, String)>| found.into_iter().map(|(pointer, _)| pointer).collect::<Vec<_>>();
    let one = |start: &str, end: &str| json!({"start": start, "end": end});
    for (times, expected) in [
        (json!({"start": "09:00", "end": "34:00"}), vec!["/end"]),
        (json!({"start": "24:00", "end": "25:00"}), vec!["/start", "/end"]),
        (json!({"start": "09:00", "end": "18:00", "breaks": [one("09:00", "18:00")]}), vec!["/breaks"]),
        (
            json!({"start": "09:00", "end": "18:00", "breaks": [one("12:00", "13:00"), one("12:59", "14:00")]}),
            vec!["/breaks/1"],
        ),
        // Of too many, as many are looked at as there may be.
        (
            json!({"start": "09:00", "end": "18:00", "breaks": [
                one("09:00", "09:05"), one("09:10", "09:15"), one("x", "09:25"), one("09:30", "09:35"),
                one("09:40", "09:45"), one("09:50", "09:55"), one("10:00", "10:00"), one("10:10", "10:15"),
                one("10:20", "10:25"), one("10:24", "10:26"), one("10:30", "10:30"),
            ]}),
            vec!["/breaks", "/breaks/2/start", "/breaks/6", "/breaks/9"],
        ),
        // On one that is refused itself, or overlaps another.
        (
            json!({"start": "09:00", "end": "18:00", "breaks": [
                one("17:30", "18:30"), one("17:00", "17:45"), one("16:30", "17:15"), one("12:00", "13:00"),
            ]}),
            vec!["/breaks/0", "/breaks/1", "/breaks/2"],
        ),
        // Whatever the times of the shift should be.
        (
            json!({"start": "9", "end": "18:00", "breaks": [one("23:30", "00:30"), one("00:15", "00:45")]}),
            vec!["/start", "/breaks/1"],
        ),
        (
            json!({"start": "09:00", "end": "18:00", "breaks": [one("12:00", "12:00"), one("25:00", "x")]}),
            vec!["/breaks/0", "/breaks/1/start", "/breaks/1/end"],
        ),
    ] {
        let mut body = json!({"code": "A", "name": "A"});
        body.as_object_mut().unwrap().extend(times.as_object().unwrap().clone());
        assert_eq!(fields(f.post(&owner, "/shifts", &body).await.bad_fields()), expected, "{body}");
    }
    assert_eq!(f.get(&owner, "/shifts").await.must(200)["items"], json!([]));

    for (cycle, pointer) in
        [(json!([]), "/cycle"), (json!(vec![Value::Null; 400]), "/cycle"), (json!(vec![Value::Null; 367]), "/cycle")]
    {
        let body = json!({"name": "A", "anchor_date": "2026-06-01", "cycle": cycle});
        assert_eq!(fields(f.post(&owner, "/rotations", &body).await.bad_fields()), [pointer]);
    }
    assert_eq!(f.get(&owner, "/rotations").await.must(200)["items"], json!([]));

    let item = |n: usize| json!({"idempotency_key": format!("k{n}"), "direction": "in"});
    let many: Vec<Value> = (0..501).map(item).collect();
    let found = f.post(&owner, "/punches/batch", &json!({"punches": many})).await.bad_fields();
    assert_eq!(fields(found), ["/punches"]);
    assert_eq!(f.get(&owner, "/punches").await.must(200)["items"], json!([]));
}

#[tokio::test]
async fn one_bad_item_among_500_is_named_and_the_others_are_stored() {
    let f = Fixture::start().await;
    let owner = f.world.owner.clone();
    for (bad, status, pointer) in [
        (json!({"at": "1999-01-01T00:00:00Z"}), 422, "/at"),
        (json!({"latitude": 1e300, "longitude": -1e300}), 422, "/latitude"),
        (json!({"latitude": "north"}), 400, "/latitude"),
    ] {
        let key = |n: usize| format!("{pointer}-{status}-{n}");
        let mut items: Vec<Value> = (0..500).map(|n| json!({"idempotency_key": key(n)})).collect();
        items[250].as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        let answer = f.post(&owner, "/punches/batch", &json!({"punches": items})).await.must(200);
        let verdicts = answer["items"].as_array().unwrap();
        assert_eq!(verdicts.iter().filter(|item| item["verdict"] == "created").count(), 499, "{bad}");
        let rejected = &verdicts[250];
        assert_eq!((&rejected["verdict"], &rejected["problem"]["status"]), (&json!("rejected"), &json!(status)));
        assert_eq!(rejected["problem"]["errors"][0]["pointer"], pointer, "{rejected:#}");
    }
}

#[tokio::test]
async fn a_body_that_names_nobody_is_422_with_all_that_is_wrong_beside_it_and_403_for_who_may_not_ask() {
    let (f, _org) = crate::roster::beside_org().await;
    let (owner, worker) = (&f.world.owner, &f.world.worker);
    let nobody = "0193a6f0-7c1e-7000-8000-00000000dead";
    let fields = |found: Vec<(String, String)>| found.into_iter().map(|(pointer, _)| pointer).collect::<Vec<_>>();
    let of = crate::leave::leave_type(&f, json!({})).await;
    for (path, right, change, wrong) in [
        (
            "/corrections",
            json!({"work_date": "2026-05-31", "reason": "R", "changes": [{"add": {"at": "2026-05-31T07:00:00Z"}}]}),
            json!({"work_date": "2020-01-01", "reason": "", "changes": []}),
            vec!["/employee_id", "/work_date", "/reason", "/changes"],
        ),
        (
            "/overtime-requests",
            json!({"work_date": "2026-05-31", "minutes": 30, "reason": "R"}),
            json!({"minutes": 0, "reason": "\u{7}"}),
            vec!["/employee_id", "/minutes", "/reason"],
        ),
        (
            "/leave-requests",
            json!({"leave_type_id": of, "from": "2026-07-01", "to": "2026-07-01"}),
            json!({"leave_type_id": nobody, "to": "2026-06-30"}),
            vec!["/employee_id", "/leave_type_id", "/to"],
        ),
        (
            "/leave-ledger",
            json!({"leave_type_id": of, "kind": "grant", "minutes": 60, "note": "N"}),
            json!({"leave_type_id": nobody, "minutes": 0}),
            vec!["/employee_id", "/leave_type_id", "/minutes"],
        ),
        ("/calendar-feeds", json!({"name": "Phone"}), json!({"name": ""}), vec!["/employee_id", "/name"]),
    ] {
        let mut body = right.clone();
        body["employee_id"] = json!(nobody);
        assert_eq!(fields(f.post(owner, path, &body).await.bad_fields()), ["/employee_id"], "{path}");
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(fields(f.post(owner, path, &body).await.bad_fields()), wrong, "{path}");
        f.post(worker, path, &body).await.refused(403, "forbidden");
    }
}

#[tokio::test]
async fn what_people_write_to_each_other_may_have_lines_and_is_given_back_with_them() {
    let f = Fixture::start().await;
    let body = json!({"work_date": "2026-06-01", "minutes": 30, "reason": "Stocktaking:\r\n\t- hall 1\r\n\t- hall 2"});
    let made = f.post(&f.world.worker, "/overtime-requests", &body).await.must(201);
    assert_eq!(made["reason"], "Stocktaking:\n\t- hall 1\n\t- hall 2");
    let punch = f.punch(&f.world.worker, "k", &json!({"note": "Gate shut.\nCame by the yard."})).await.must(201);
    assert_eq!(punch["note"], "Gate shut.\nCame by the yard.");
}
