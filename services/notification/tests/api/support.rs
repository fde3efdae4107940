//! A company of three, the events that speak of it, and a client of streams.

use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _};
use rollcall_ids::{
    AssignmentId, EmployeeId, EventId, InvitationId, NotificationId, OrgId, PunchId, SiteId, UnitId, UserId,
};
use rollcall_notification::App;
use rollcall_notification_api::inbox::{Inbox, Notification, UnreadCount};
use rollcall_stack::testing::{START, TestService, set};
use serde_json::{Value, json};
use std::time::Duration;
use toml::Table;
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// As long as anything here may take; far above what it takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A company: an owner, a manager and an employee of theirs.
pub(crate) struct World {
    pub(crate) service: TestService<App>,
    /// Stands for user and org.
    pub(crate) peers: MockServer,
    pub(crate) org_id: OrgId,
    pub(crate) owner: Person,
    pub(crate) manager: Person,
    pub(crate) employee: Person,
}

#[derive(Clone, Copy)]
pub(crate) struct Person {
    pub(crate) employee_id: EmployeeId,
    pub(crate) user_id: UserId,
}

impl Person {
    pub(crate) fn new() -> Self {
        Self { employee_id: EmployeeId::generate(), user_id: UserId::generate() }
    }
}

impl World {
    /// The company is known to the service, everybody reads English.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Table)) -> Self {
        let world = Self::empty(change).await;
        world.everybody_reads("en").await;
        world.send("org", &[world.org(1, "en"), world.is(world.owner, 1, true, &["owner"])]).await;
        world
            .send("org", &[world.is(world.manager, 1, true, &["manager"]), world.is(world.employee, 1, true, &[])])
            .await;
        world
    }

    /// The service knows nothing yet, and its peers know nobody.
    pub(crate) async fn empty(change: impl FnOnce(&mut Table)) -> Self {
        let peers = MockServer::start().await;
        let service = TestService::<App>::with(|settings| {
            set(settings, "peers.user.url", peers.uri());
            set(settings, "peers.org.url", peers.uri());
            set(settings, "stream.poll_ms", 100);
            change(settings);
        })
        .await;
        let (owner, manager, employee) = (Person::new(), Person::new(), Person::new());
        Self { service, peers, org_id: OrgId::generate(), owner, manager, employee }
    }

    /// User answers this language for everybody.
    pub(crate) async fn everybody_reads(&self, locale: &'static str) {
        Mock::given(method("GET"))
            .and(path_regex("^/internal/v1/users/"))
            .respond_with(move |request: &Request| {
                let user_id = request.url.path().rsplit('/').next().unwrap_or_default().to_owned();
                ResponseTemplate::new(200).set_body_json(json!({
                    "user_id": user_id, "email": "x@example.org", "name": "X", "locale": locale, "time_zone": "UTC",
                }))
            })
            .mount(&self.peers)
            .await;
    }

    /// Org knows nobody whom it has not told of.
    pub(crate) async fn answers_for_nobody(&self) {
        let nobody = ResponseTemplate::new(404).set_body_json(json!({ "code": "not_found" }));
        Mock::given(method("GET")).and(path_regex("^/internal/v1/orgs/")).respond_with(nobody).mount(&self.peers).await;
    }

    /// Org and user answer nothing any more but that they are away.
    pub(crate) async fn org_is_away(&self) {
        self.peers.reset().await;
        Mock::given(method("GET")).respond_with(ResponseTemplate::new(503)).mount(&self.peers).await;
    }

    /// The state of the organisation.
    pub(crate) fn org(&self, version: i64, locale: &str) -> Value {
        self.event("org", "org.org.changed.v1", &self.org_fact(version, locale))
    }

    pub(crate) fn org_fact(&self, version: i64, locale: &str) -> Value {
        json!({ "org_id": self.org_id, "name": "Nordlicht", "time_zone": "Europe/Berlin", "locale": locale, "version": version })
    }

    /// The state of somebody in it.
    pub(crate) fn is(&self, who: Person, version: i64, has_account: bool, roles: &[&str]) -> Value {
        self.event("org", "org.employee.changed.v1", &self.employee_fact(who, version, has_account, roles))
    }

    pub(crate) fn employee_fact(&self, who: Person, version: i64, has_account: bool, roles: &[&str]) -> Value {
        let grants: Vec<_> =
            roles.iter().map(|role| json!({ "role": role, "permissions": [], "scope": { "kind": "org" } })).collect();
        json!({
            "employee_id": who.employee_id, "number": "7", "name": "Somebody", "email": null,
            "user_id": has_account.then_some(who.user_id), "status": "active", "hired_on": "2026-01-01", "left_on": null,
            "assignments": [{
                "assignment_id": AssignmentId::generate(), "unit_id": UnitId::generate(), "site_id": SiteId::generate(),
                "manager_id": self.manager.employee_id, "position": null, "valid_from": "2026-01-01", "valid_to": null,
            }],
            "grants": grants, "version": version,
        })
    }

    /// The state of somebody who works there from one day to another, both included.
    pub(crate) fn works(&self, who: Person, version: i64, from: &str, to: Option<&str>, roles: &[&str]) -> Value {
        let mut fact = self.employee_fact(who, version, true, roles);
        fact["hired_on"] = from.into();
        fact["left_on"] = to.into();
        self.event("org", "org.employee.changed.v1", &fact)
    }

    /// The employee accepted their invitation.
    pub(crate) fn accepted(&self) -> Value {
        self.accepted_by("Li Wei", Some(self.manager.employee_id))
    }

    pub(crate) fn accepted_by(&self, name: &str, manager_id: Option<EmployeeId>) -> Value {
        let data = json!({
            "invitation_id": InvitationId::generate(), "employee_id": self.employee.employee_id,
            "employee_name": name, "user_id": self.employee.user_id, "manager_id": manager_id,
        });
        self.event("org", "org.invitation.accepted.v1", &data)
    }

    /// Somebody is invited by mail.
    pub(crate) fn invited(&self, email: &str, locale: &str, token: &str) -> Value {
        let data = json!({
            "invitation_id": InvitationId::generate(), "employee_id": EmployeeId::generate(), "email": email,
            "name": "Li Wei", "org_name": "Nordlicht", "locale": locale, "token": token,
            "expires_at": "2026-06-08T09:00:00Z",
        });
        self.event("org", "org.invitation.created.v1", &data)
    }

    /// The employee punched from elsewhere.
    pub(crate) fn outside_geofence(&self) -> Value {
        let data = json!({
            "punch_id": PunchId::generate(), "employee_id": self.employee.employee_id, "employee_name": "Li Wei",
            "manager_id": self.manager.employee_id, "site_id": SiteId::generate(), "site_name": "Hafen",
            "at": "2026-06-01T07:02:00Z", "time_zone": "Europe/Berlin", "distance_m": 320,
        });
        self.event("attendance", "attendance.punch.outside_geofence.v1", &data)
    }

    pub(crate) fn event(&self, service: &str, kind: &str, data: &Value) -> Value {
        json!({
            "specversion": "1.0", "id": EventId::generate(), "source": format!("/rollcall/{service}"), "type": kind,
            "subject": "s", "time": START, "datacontenttype": "application/json", "orgid": self.org_id, "data": data,
        })
    }

    /// Sends a batch as a service; answers the verdicts.
    pub(crate) async fn send(&self, from: &str, events: &[Value]) -> Vec<Value> {
        let request = self.service.as_service(from).post("/internal/v1/events");
        let answer = request
            .header("content-type", "application/cloudevents-batch+json")
            .body(serde_json::to_vec(events).unwrap())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
        let answer: Value = answer.json().await.unwrap();
        answer["results"].as_array().unwrap().clone()
    }

    /// Tells the manager so many things, one after the other, and waits until all are in their inbox.
    pub(crate) async fn tell_manager(&self, names: &[&str]) {
        let before = self.unread(self.manager.user_id).await;
        let events: Vec<_> = names.iter().map(|name| self.accepted_by(name, Some(self.manager.employee_id))).collect();
        self.send("org", &events).await;
        self.wait_for_unread(self.manager.user_id, before + i64::try_from(names.len()).unwrap()).await;
    }

    pub(crate) async fn inbox(&self, user_id: UserId, query: &str) -> Inbox {
        let path = format!("/api/notification/v1/notifications{query}");
        let answer = self.service.as_user(user_id).get(&path).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    pub(crate) async fn unread(&self, user_id: UserId) -> i64 {
        let answer = self.service.as_user(user_id).get("/api/notification/v1/unread-count").send().await.unwrap();
        answer.json::<UnreadCount>().await.unwrap().unread
    }

    pub(crate) async fn wait_for_unread(&self, user_id: UserId, unread: i64) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while self.unread(user_id).await != unread {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(waited.await.is_ok(), "{} unread, not {unread}", self.unread(user_id).await);
    }

    pub(crate) async fn read(&self, user_id: UserId, id: NotificationId) -> reqwest::Response {
        let path = format!("/api/notification/v1/notifications/{id}/read");
        self.service.as_user(user_id).post(&path).send().await.unwrap()
    }

    /// Opens a stream, after `last_event_id` if there is one.
    pub(crate) async fn listen(&self, user_id: UserId, last_event_id: Option<&str>) -> Events {
        let mut request = self.service.as_user(user_id).get("/api/notification/v1/stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        Events::of(request.send().await.unwrap())
    }

    /// A statement as superuser, behind the service's back.
    pub(crate) fn sql(&self, statement: &str) {
        let mut admin = PgConnection::establish(&self.service.admin_url).unwrap();
        diesel::sql_query(statement).execute(&mut admin).unwrap();
    }

    /// A number from the database.
    pub(crate) fn count(&self, query: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            count: i64,
        }
        let mut admin = PgConnection::establish(&self.service.admin_url).unwrap();
        diesel::sql_query(query).get_result::<Count>(&mut admin).unwrap().count
    }
}

/// One event of a stream, or what else came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Event { id: String, event: String, data: Value },
    Comment(String),
    Retry(u64),
    End,
}

/// A client of a stream, as simple as the format allows.
pub(crate) struct Events {
    answer: reqwest::Response,
    buffer: String,
}

impl Events {
    pub(crate) fn of(answer: reqwest::Response) -> Self {
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        Self { answer, buffer: String::new() }
    }

    /// What comes next, whatever it is.
    pub(crate) async fn next(&mut self) -> Heard {
        loop {
            if let Some(end) = self.buffer.find("\n\n") {
                let block: String = self.buffer.drain(..end + 2).collect();
                return parse(block.trim_end());
            }
            match tokio::time::timeout(PATIENCE, self.answer.chunk()).await {
                Ok(Ok(Some(chunk))) => self.buffer.push_str(std::str::from_utf8(&chunk).unwrap()),
                Ok(Ok(None)) => return Heard::End,
                Ok(Err(error)) => panic!("the stream broke off: {error:?}"),
                Err(elapsed) => panic!("nothing came, {elapsed}, after {:?}", self.buffer),
            }
        }
    }

    /// What comes next but for counts of unread messages.
    pub(crate) async fn next_after_counts(&mut self) -> Heard {
        loop {
            match self.next().await {
                Heard::Event { event, .. } if event == "unread_count" => {}
                other => return other,
            }
        }
    }

    /// The next event of this name; others in between are passed over.
    pub(crate) async fn next_named(&mut self, name: &str) -> (String, Value) {
        loop {
            match self.next().await {
                Heard::Event { id, event, data } if event == name => return (id, data),
                Heard::End => panic!("the stream ended before `{name}` came"),
                _ => {}
            }
        }
    }

    /// Titles and ids of the next notifications, which are all that has an id of its own in between.
    pub(crate) async fn next_titles(&mut self, count: usize) -> Vec<(String, String)> {
        let mut titles = Vec::new();
        while titles.len() < count {
            let (id, data) = self.next_named("notification").await;
            let notification: Notification = serde_json::from_value(data).unwrap();
            titles.push((id, notification.title));
        }
        titles
    }

    /// Whether anything but a comment comes within a while.
    pub(crate) async fn stays_silent(&mut self) -> bool {
        let heard = tokio::time::timeout(Duration::from_millis(400), async {
            loop {
                match self.next().await {
                    Heard::Comment(_) | Heard::Retry(_) => {}
                    Heard::Event { event, .. } if event == "unread_count" => {}
                    other => return other,
                }
            }
        });
        heard.await.is_err()
    }
}

fn parse(block: &str) -> Heard {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim().to_owned());
    if let Some(comment) = field(":") {
        return Heard::Comment(comment);
    }
    if let Some(retry) = field("retry:") {
        return Heard::Retry(retry.parse().unwrap());
    }
    Heard::Event {
        id: field("id:").unwrap(),
        event: field("event:").unwrap(),
        data: serde_json::from_str(&field("data:").unwrap()).unwrap(),
    }
}

/// The number in an id of the stream.
pub(crate) fn number(id: &str) -> i64 {
    id.split_once(':').unwrap().1.parse().unwrap()
}
