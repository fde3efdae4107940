//! Every rule, shown on an altered copy of a document that the services publish; and what a release may add.

#![expect(clippy::unwrap_used, reason = "a document that cannot be read fails the test")]

use proptest::prelude::*;
use rollcall_ops::compat::{Rule, compare};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

const SERVICES: [&str; 4] = ["user", "org", "attendance", "notification"];

fn document(service: &str) -> Value {
    read(service, "v1.json")
}

/// What services say to each other, besides.
fn internal(service: &str) -> Value {
    read(service, "internal.json")
}

fn read(service: &str, name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../services").join(service).join("openapi").join(name);
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// The value at a JSON pointer, which has to be there.
fn at<'a>(document: &'a mut Value, pointer: &str) -> &'a mut Value {
    assert!(document.pointer(pointer).is_some(), "nothing is at {pointer}");
    document.pointer_mut(pointer).unwrap()
}

fn remove(document: &mut Value, pointer: &str, key: &str) {
    let removed = at(document, pointer).as_object_mut().unwrap().remove(key);
    assert!(removed.is_some(), "{pointer} has no {key}");
}

fn push(document: &mut Value, pointer: &str, value: Value) {
    at(document, pointer).as_array_mut().unwrap().push(value);
}

fn drop_from(document: &mut Value, pointer: &str, value: &Value) {
    let list = at(document, pointer).as_array_mut().unwrap();
    let before = list.len();
    list.retain(|one| one != value);
    assert_eq!(list.len() + 1, before, "{value} at {pointer}");
}

type Alter = fn(&mut Value);

const SIGN_UP: &str = "/paths/~1api~1user~1v1~1users/post";
const PUNCHES: &str = "/paths/~1api~1attendance~1v1~1orgs~1{org_id}~1punches/get";
const STREAM: &str = "/paths/~1api~1notification~1v1~1stream/get";

fn sign_up(below: &str) -> String {
    format!("{SIGN_UP}{below}")
}

fn schema(below: &str) -> String {
    format!("/components/schemas/{below}")
}

/// The rule, the service, where it is felt, and what was altered.
const BREAKS: &[(Rule, &str, &str, Alter)] = &[
    (Rule::PathRemoved, "user", "/api/user/v1/users/me", |d| remove(d, "/paths", "/api/user/v1/users/me")),
    (Rule::MethodRemoved, "user", "PATCH /api/user/v1/users/me", |d| {
        remove(d, "/paths/~1api~1user~1v1~1users~1me", "patch");
    }),
    (Rule::EventRemoved, "notification", "org.unit.changed.v1", |d| remove(d, "/webhooks", "org.unit.changed.v1")),
    (Rule::ParameterRequired, "attendance", "punches query site_id", |d| {
        let parameter = json!({"name": "site_id", "in": "query", "required": true, "schema": {"type": "string"}});
        push(d, &format!("{PUNCHES}/parameters"), parameter);
    }),
    (Rule::ParameterRequired, "user", "users header idempotency-key", |d| {
        *at(d, &sign_up("/parameters/0/required")) = true.into();
    }),
    (Rule::ParameterRemoved, "attendance", "punches query from", |d| {
        at(d, &format!("{PUNCHES}/parameters")).as_array_mut().unwrap().retain(|one| one["name"] != "from");
    }),
    (Rule::BodyRequired, "user", "sessions/current body", |d| {
        let current = at(d, "/paths/~1api~1user~1v1~1sessions~1current/delete").as_object_mut().unwrap();
        current.insert("requestBody".to_owned(), json!({"required": true, "content": {"application/json": {}}}));
    }),
    (Rule::BodyKindRemoved, "user", "users body", |d| remove(d, &sign_up("/requestBody/content"), "application/json")),
    (Rule::AnswerRemoved, "user", "users 201", |d| remove(d, &sign_up("/responses"), "201")),
    (Rule::AnswerKindRemoved, "notification", "stream 200", |d| {
        remove(d, &format!("{STREAM}/responses/200/content"), "text/event-stream");
    }),
    (Rule::HeaderRemoved, "user", "users 201 header etag", |d| remove(d, &sign_up("/responses/201/headers"), "ETag")),
    (Rule::SecurityAdded, "user", "POST /api/user/v1/users", |d| {
        at(d, SIGN_UP).as_object_mut().unwrap().insert("security".to_owned(), json!([{"bearer": []}]));
    }),
    (Rule::OutputFieldRemoved, "user", ".locale", |d| remove(d, &schema("UserView/properties"), "locale")),
    (Rule::OutputFieldRemoved, "attendance", ".worked_minutes", |d| {
        remove(d, &schema("Workday/properties"), "worked_minutes");
    }),
    (Rule::OutputFieldRemoved, "notification", "org.unit.changed.v1.data", |d| {
        remove(d, &schema("UnitFact/properties"), "name");
    }),
    (Rule::OutputFieldOptional, "user", ".locale", |d| {
        drop_from(d, &schema("UserView/required"), &"locale".into());
    }),
    (Rule::OutputTypeWidened, "user", ".name", |d| {
        *at(d, &schema("UserView/properties/name/type")) = json!(["string", "null"]);
    }),
    (Rule::OutputTypeWidened, "user", ".version", |d| {
        *at(d, &schema("UserView/properties/version/type")) = "number".into();
    }),
    (Rule::OutputEnumAdded, "attendance", "code", |d| {
        push(d, &schema("ExceptionCode/enum"), "too_many".into());
    }),
    (Rule::OutputVariantAdded, "attendance", "exception", |d| {
        let form = json!({"type": "object", "required": ["code"], "properties": {"code": {"type": "string", "enum": ["late"]}}});
        push(d, &schema("PunchException/oneOf"), form);
    }),
    (Rule::OutputBoundLoosened, "attendance", "distance_m", |d| {
        remove(d, &schema("PunchException/oneOf/0/properties/distance_m"), "minimum");
    }),
    (Rule::InputFieldRequired, "user", "users body.nickname", |d| {
        at(d, &schema("SignUp/properties"))["nickname"] = json!({"type": "string"});
        push(d, &schema("SignUp/required"), "nickname".into());
    }),
    (Rule::InputFieldRequired, "user", "users body.locale", |d| push(d, &schema("SignUp/required"), "locale".into())),
    (Rule::InputFieldRemoved, "user", "users body.locale", |d| remove(d, &schema("SignUp/properties"), "locale")),
    (Rule::InputTypeNarrowed, "user", "users body.locale", |d| {
        *at(d, &schema("SignUp/properties/locale/type")) = "string".into();
    }),
    (Rule::InputEnumRemoved, "attendance", "body.direction", |d| {
        drop_from(d, &schema("Direction/enum"), &"auto".into());
    }),
    (Rule::InputEnumRemoved, "user", "users body.name", |d| {
        at(d, &schema("SignUp/properties/name"))["enum"] = json!(["Ada"]);
    }),
    (Rule::InputVariantRemoved, "attendance", "accrual", |d| {
        at(d, &schema("Accrual/oneOf")).as_array_mut().unwrap().remove(1);
    }),
    (Rule::InputTypeNarrowed, "attendance", "carry_over", |d| {
        let carried = at(d, &schema("LeavePolicyBody/properties/carry_over"));
        *carried = json!({"$ref": "#/components/schemas/CarryOver"});
    }),
    (Rule::InputBoundTightened, "user", "users body.password", |d| {
        *at(d, &schema("SignUp/properties/password/minLength")) = 15.into();
    }),
    (Rule::InputBoundTightened, "attendance", "punches query limit", |d| {
        let parameters = at(d, &format!("{PUNCHES}/parameters")).as_array_mut().unwrap();
        let limit = parameters.iter_mut().find(|one| one["name"] == "limit").unwrap();
        limit["schema"]["maximum"] = 100.into();
    }),
    (Rule::InputClosed, "attendance", "body.accrual", |d| {
        at(d, &schema("Accrual/oneOf/1"))["additionalProperties"] = false.into();
    }),
    (Rule::FormChanged, "user", ".created_at", |d| {
        *at(d, &schema("UserView/properties/created_at/format")) = "date".into();
    }),
    (Rule::Unreadable, "user", " 201", |d| {
        at(d, &schema("UserView"))["dependentRequired"] = json!({"name": ["locale"]});
    }),
    (Rule::Unreadable, "user", "users 201", |d| {
        *at(d, &sign_up("/responses/201/content/application~1json/schema")) =
            json!({"$ref": "#/components/schemas/Gone"});
    }),
];

#[test]
fn each_rule_finds_what_it_is_for_and_says_where() {
    let (mut shown, mut missed) = (BTreeSet::new(), Vec::new());
    for (rule, service, place, alter) in BREAKS {
        let old = document(service);
        let mut new = old.clone();
        alter(&mut new);
        let breaks = compare(&old, &new);
        if !breaks.iter().any(|found| found.rule == *rule && found.place.contains(place)) {
            missed.push(format!("{} at {place:?}: {breaks:#?}", rule.name()));
        }
        assert!(breaks.iter().all(|found| !found.to_string().is_empty()));
        shown.insert(*rule);
    }
    let missing: Vec<&str> = Rule::ALL.iter().filter(|rule| !shown.contains(rule)).map(|rule| rule.name()).collect();
    assert!(missing.is_empty(), "no altered document shows {missing:?}");
}

/// What nobody who was written against the old document notices.
const ADDITIONS: &[(&str, Alter)] = &[
    ("user", |d| {
        let again = at(d, SIGN_UP).clone();
        d["paths"]["/api/user/v1/more"] = json!({ "post": again });
    }),
    ("user", |d| {
        let again = at(d, SIGN_UP).clone();
        at(d, "/paths/~1api~1user~1v1~1users").as_object_mut().unwrap().insert("put".to_owned(), again);
    }),
    ("user", |d| {
        at(d, &schema("UserView/properties"))["nickname"] = json!({"type": "string"});
        push(d, &schema("UserView/required"), "nickname".into());
    }),
    ("user", |d| at(d, &schema("SignUp/properties"))["nickname"] = json!({"type": ["string", "null"]})),
    ("user", |d| drop_from(d, &schema("SignUp/required"), &"name".into())),
    ("user", |d| *at(d, &schema("SignUp/properties/password/minLength")) = 1.into()),
    ("user", |d| *at(d, &schema("SignUp/properties/name/type")) = json!(["string", "null"])),
    ("user", |d| remove(d, &sign_up("/responses"), "409")),
    ("user", |d| {
        let parameter = json!({"name": "verbose", "in": "query", "required": false, "schema": {"type": "boolean"}});
        push(d, &sign_up("/parameters"), parameter);
    }),
    ("user", |d| {
        at(d, &sign_up("/responses/201/headers"))["X-More"] = json!({"schema": {"type": "string"}});
    }),
    ("user", |d| *at(d, &schema("UserView/description")) = "Other words.".into()),
    // The name of a parameter in the path is not on the wire.
    ("user", |d| {
        let paths = d["paths"].as_object_mut().unwrap();
        let item = paths.remove("/api/user/v1/sessions/{session_id}").unwrap();
        paths.insert("/api/user/v1/sessions/{id}".to_owned(), item);
    }),
    // A schema that is called otherwise is the same one.
    ("user", |d| {
        let view = at(d, &schema("UserView")).clone();
        d["components"]["schemas"]["Account"] = view;
        *at(d, &sign_up("/responses/201/content/application~1json/schema")) =
            json!({"$ref": "#/components/schemas/Account"});
    }),
    // What `type: [string, null]` says, said otherwise.
    ("user", |d| {
        *at(d, &schema("SignUp/properties/locale")) = json!({"oneOf": [{"type": "null"}, {"type": "string"}]});
    }),
    // A list that says that it may grow.
    ("attendance", |d| at(d, &schema("ExceptionCode"))["x-extensible-enum"] = true.into()),
    // One more form of what is sent; the answers keep the old list.
    ("attendance", |d| {
        let form = json!({"type": "object", "required": ["move"], "properties": {"move": {"type": "string"}}});
        let more = [at(d, &schema("Change/oneOf")).as_array().unwrap().clone(), vec![form]].concat();
        d["components"]["schemas"]["NewChange"] = json!({ "oneOf": more });
        *at(d, &schema("NewCorrection/properties/changes/items")) = json!({"$ref": "#/components/schemas/NewChange"});
    }),
    ("notification", |d| {
        let event = d["webhooks"]["org.unit.changed.v1"].clone();
        d["webhooks"]["org.unit.merged.v1"] = event;
    }),
];

#[test]
fn what_is_added_breaks_nobody() {
    for (at, (service, alter)) in ADDITIONS.iter().enumerate() {
        let old = document(service);
        let mut new = old.clone();
        alter(&mut new);
        assert_ne!(old, new, "addition {at} adds nothing");
        assert_eq!(compare(&old, &new), [], "addition {at}, of {service}");
    }
}

#[test]
fn a_list_that_said_that_it_may_grow_grows() {
    let mut old = document("attendance");
    at(&mut old, &schema("ExceptionCode"))["x-extensible-enum"] = true.into();
    let mut new = old.clone();
    push(&mut new, &schema("ExceptionCode/enum"), "too_many".into());
    assert_eq!(compare(&old, &new), []);
}

#[test]
fn the_documents_break_nothing_of_their_own() {
    for service in SERVICES {
        for document in [document(service), internal(service)] {
            assert_eq!(compare(&document, &document), [], "{service}");
        }
    }
}

#[test]
fn what_services_say_to_each_other_is_held_alike() {
    let breaks: [(&str, Rule, &str, Alter); 5] = [
        ("user", Rule::PathRemoved, "/internal/v1/users/{user_id}", |d| {
            remove(d, "/paths", "/internal/v1/users/{user_id}");
        }),
        ("user", Rule::EventRemoved, "user.session.ended.v1", |d| remove(d, "/webhooks", "user.session.ended.v1")),
        ("user", Rule::OutputFieldRemoved, "user.login.new_device.v1.email", |d| {
            at(d, &schema("Recipient/properties")).as_object_mut().unwrap().retain(|name, _| name != "email");
        }),
        ("user", Rule::OutputEnumAdded, "user.credentials.changed.v1.change", |d| {
            push(d, &schema("Credential/enum"), "passkey_added".into());
        }),
        ("org", Rule::OutputFieldOptional, ".hired_on", |d| {
            drop_from(d, &schema("EmployeeFact/required"), &"hired_on".into());
        }),
    ];
    for (service, rule, place, alter) in breaks {
        let old = internal(service);
        let mut new = old.clone();
        alter(&mut new);
        let found = compare(&old, &new);
        assert!(found.iter().any(|one| one.rule == rule && one.place.contains(place)), "{place}: {found:#?}");
    }
    let old = internal("user");
    let mut new = old.clone();
    at(&mut new, &schema("Recipient/properties"))["pronouns"] = json!({"type": "string"});
    assert_eq!(compare(&old, &new), [], "an event may say more");
}

/// What an old client of one version of a schema may send or be sent, as the direction has it.
fn field() -> impl Strategy<Value = Value> {
    let kind = prop::sample::subsequence(vec!["string", "integer", "null"], 1..=3);
    (kind, prop::option::of(0..3_u32)).prop_map(|(kind, most)| match most {
        Some(most) => json!({"type": kind, "maxLength": most}),
        None => json!({ "type": kind }),
    })
}

fn with_field(way_in: bool, field: &Value) -> Value {
    let content = json!({"application/json": {"schema": {"type": "object", "properties": {"x": field}}}});
    let answer = if way_in { json!({}) } else { json!({"200": {"content": content}}) };
    let body = if way_in { json!({ "content": content }) } else { Value::Null };
    json!({"paths": {"/x": {"post": {"requestBody": body, "responses": answer}}}})
}

proptest! {
    /// What breaks nobody as an input, turned round, breaks nobody as an output: who reads and who writes change places.
    #[test]
    fn an_input_and_an_output_are_mirror_images(old in field(), new in field()) {
        let way_in = compare(&with_field(true, &old), &with_field(true, &new));
        let way_out = compare(&with_field(false, &new), &with_field(false, &old));
        prop_assert_eq!(way_in.is_empty(), way_out.is_empty(), "{:?} {:?}", way_in, way_out);
    }

    /// Two steps that break nobody are a step that breaks nobody.
    #[test]
    fn to_get_along_is_transitive(a in field(), b in field(), c in field(), way_in: bool) {
        let [a, b, c] = [a, b, c].map(|field| with_field(way_in, &field));
        if compare(&a, &b).is_empty() && compare(&b, &c).is_empty() {
            prop_assert_eq!(compare(&a, &c), vec![]);
        }
    }
}
