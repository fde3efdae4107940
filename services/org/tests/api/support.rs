//! What the tests share: the service with a user service that knows everybody, and the steps every test starts with.

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Jsonb, Text};
use reqwest::{RequestBuilder, StatusCode, header::HeaderMap};
use rollcall_ids::{EmployeeId, OrgId, UserId};
use rollcall_org::App;
use rollcall_stack::testing::{TestService, set};
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// The service, and the user service it asks.
pub(crate) struct Fixture {
    pub(crate) org: TestService<App>,
    pub(crate) user: MockServer,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    /// The body, if the status is the one expected.
    #[track_caller]
    pub(crate) fn must(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    /// That it is a problem of this status and code.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        self.body
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Reply { status, headers, body }
}

/// An organisation and whoever acts in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    pub(crate) org_id: OrgId,
    pub(crate) user_id: UserId,
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        Self::heard_by(None).await
    }

    /// Starts with somebody at this address who takes its events.
    pub(crate) async fn heard_by(taker: Option<String>) -> Self {
        let user = MockServer::start().await;
        let everybody = |request: &Request| {
            let user_id = request.url.path().rsplit('/').next().unwrap().to_owned();
            ResponseTemplate::new(200).set_body_json(json!({
                "user_id": user_id, "email": format!("{user_id}@example.org"), "name": "Grace Hopper",
                "locale": "en", "time_zone": "UTC",
            }))
        };
        let users = Mock::given(method("GET")).and(path_regex("^/internal/v1/users/"));
        users.respond_with(everybody).mount(&user).await;
        let uri = user.uri();
        let org = TestService::with(|settings| {
            set(settings, "peers.user.url", uri);
            set(settings, "events.subscribers.attendance", "org.");
            if let Some(taker) = taker {
                set(settings, "peers.attendance.url", taker);
            }
        });
        Self { org: org.await, user }
    }

    pub(crate) async fn get(&self, seat: Seat, path: &str) -> Reply {
        send(self.org.as_user(seat.user_id).get(&seat.path(path))).await
    }

    pub(crate) async fn post(&self, seat: Seat, path: &str, body: Value) -> Reply {
        send(self.org.as_user(seat.user_id).post(&seat.path(path)).json(&body)).await
    }

    pub(crate) async fn patch(&self, seat: Seat, path: &str, body: Value) -> Reply {
        send(self.org.as_user(seat.user_id).patch(&seat.path(path)).json(&body)).await
    }

    pub(crate) async fn put(&self, seat: Seat, path: &str) -> Reply {
        send(self.org.as_user(seat.user_id).put(&seat.path(path))).await
    }

    pub(crate) async fn delete(&self, seat: Seat, path: &str) -> Reply {
        send(self.org.as_user(seat.user_id).delete(&seat.path(path))).await
    }

    /// A new organisation and its owner.
    pub(crate) async fn found(&self) -> Seat {
        let user_id = UserId::generate();
        let body = json!({"name": "Acme", "time_zone": "Europe/Berlin"});
        let org = send(self.org.as_user(user_id).post("/api/org/v1/orgs").json(&body)).await.must(201);
        Seat { org_id: org["org_id"].as_str().unwrap().parse().unwrap(), user_id }
    }

    /// A new employee, not yet linked to an account. `more` is merged into the body.
    pub(crate) async fn hire(&self, owner: Seat, number: &str, more: Value) -> EmployeeId {
        let mut body = json!({
            "number": number, "name": format!("Employee {number}"), "email": format!("{number}@example.org"),
            "hired_on": "2026-01-05",
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        id(&self.post(owner, "/employees", body).await.must(201)["employee_id"])
    }

    /// Invites an employee; answers the token of the mail.
    pub(crate) async fn invite(&self, owner: Seat, employee_id: EmployeeId) -> String {
        self.post(owner, "/invitations", json!({"employee_id": employee_id})).await.must(201);
        self.last_event("org.invitation.created.v1")["token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn accept(&self, user_id: UserId, token: &str) -> Reply {
        let body = json!({"token": token});
        send(self.org.as_user(user_id).post("/api/org/v1/invitations/accept").json(&body)).await
    }

    /// A new employee with an account and these roles besides `employee`.
    pub(crate) async fn join(&self, owner: Seat, number: &str, roles: &[&str]) -> (Seat, EmployeeId) {
        let employee_id = self.hire(owner, number, json!({})).await;
        let token = self.invite(owner, employee_id).await;
        let user_id = UserId::generate();
        self.accept(user_id, &token).await.must(200);
        for role in roles {
            self.put(owner, &format!("/employees/{employee_id}/roles/{role}")).await.must(200);
        }
        (Seat { user_id, ..owner }, employee_id)
    }

    /// The employee that the seat's user is.
    pub(crate) async fn me(&self, seat: Seat) -> EmployeeId {
        id(&self.get(seat, "/me").await.must(200)["employee"]["employee_id"])
    }

    /// Its database, past every policy.
    pub(crate) fn database(&self) -> PgConnection {
        PgConnection::establish(&self.org.admin_url).unwrap()
    }

    /// Runs two requests that both stand before the lock of a row at the same moment: the row is held until both wait
    /// for it. `select` names the row.
    pub(crate) async fn race<A: Future, B: Future>(&self, select: &str, one: A, other: B) -> (A::Output, B::Output) {
        let mut gate = self.database();
        gate.batch_execute(&format!("BEGIN; {select} FOR UPDATE")).unwrap();
        let open = async {
            self.until_waiting(2).await;
            gate.batch_execute("COMMIT").unwrap();
        };
        let (one, other, ()) = tokio::join!(one, other, open);
        (one, other)
    }

    /// Until so many requests wait for a lock.
    pub(crate) async fn until_waiting(&self, requests: i64) {
        let mut patience = 700;
        while self.waiting() < requests {
            assert!(patience > 0, "not {requests} requests wait for the row");
            patience -= 1;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Sessions of the database that wait for a lock.
    fn waiting(&self) -> i64 {
        self.count("pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    }

    /// How many rows there are in what is named.
    pub(crate) fn count(&self, rows: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = BigInt)]
            count: i64,
        }
        let query = diesel::sql_query(format!("SELECT count(*) AS count FROM {rows}"));
        query.get_result::<Row>(&mut self.database()).unwrap().count
    }

    /// Data of the events of a type in the outbox, oldest first.
    pub(crate) fn events(&self, kind: &str) -> Vec<Value> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Jsonb)]
            data: Value,
        }
        let rows: Vec<Row> = diesel::sql_query("SELECT data FROM outbox WHERE kind = $1 ORDER BY position")
            .bind::<Text, _>(kind)
            .load(&mut self.database())
            .unwrap();
        rows.into_iter().map(|row| row.data).collect()
    }

    pub(crate) fn last_event(&self, kind: &str) -> Value {
        self.events(kind).pop().unwrap_or_else(|| panic!("no event {kind}"))
    }
}

impl Seat {
    /// `path` below the organisation.
    pub(crate) fn path(self, path: &str) -> String {
        format!("/api/org/v1/orgs/{}{path}", self.org_id)
    }
}

/// An id in an answer.
pub(crate) fn id<T: std::str::FromStr>(value: &Value) -> T {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{value} is no id"))
}

/// The values of one field of each item of a page.
pub(crate) fn each<'a>(page: &'a Value, field: &str) -> Vec<&'a str> {
    page["items"].as_array().unwrap().iter().map(|item| item[field].as_str().unwrap()).collect()
}
