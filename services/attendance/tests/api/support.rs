//! An organisation as org's events tell of it, and requests of the people in it.

use diesel::prelude::*;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use reqwest::{Method, RequestBuilder};
use rollcall_attendance::App;
use rollcall_ids::{AssignmentId, DelegationId, EmployeeId, EventId, HolidayCalendarId, OrgId, SiteId, UnitId, UserId};
use rollcall_org_api::events::{
    DELEGATION_CHANGED, EMPLOYEE_CHANGED, HOLIDAY_CALENDAR_CHANGED, ORG_CHANGED, SITE_CHANGED, UNIT_CHANGED,
};
use rollcall_org_api::facts::{
    AssignmentFact, DelegationFact, EmployeeFact, EmployeeStatus, Geofence, HolidayCalendarFact, HolidayFact,
    HolidayPortion, OrgFact, SiteFact, UnitFact,
};
use rollcall_org_api::internal::Member;
use rollcall_org_api::rights::{Grant, Permission, Scope};
use rollcall_stack::testing::{As, TestService, set};
use serde::Serialize;
use serde_json::{Value, json};

#[derive(diesel::QueryableByName)]
struct Told {
    #[diesel(sql_type = diesel::sql_types::Jsonb)]
    data: Value,
}

/// A status and a body.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) headers: reqwest::header::HeaderMap,
}

impl Reply {
    /// The body, which came with this status.
    pub(crate) fn must(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:#}", self.body);
        self.body
    }

    /// A problem with this status and code.
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{:#}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        self.body
    }

    /// The pointers and codes of the bad fields of a 422.
    pub(crate) fn bad_fields(self) -> Vec<(String, String)> {
        let body = self.refused(422, "invalid_input");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        body["errors"].as_array().unwrap().iter().map(|e| (text(&e["pointer"]), text(&e["code"]))).collect()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Reply { status, body, headers }
}

/// An organisation with an owner, and a team of a manager and a worker, in Berlin.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) org: OrgFact,
    pub(crate) root: UnitFact,
    pub(crate) team: UnitFact,
    pub(crate) berlin: SiteFact,
    /// Followed by no site yet.
    pub(crate) holidays: HolidayCalendarFact,
    pub(crate) owner: EmployeeFact,
    pub(crate) manager: EmployeeFact,
    pub(crate) worker: EmployeeFact,
}

fn grant(role: &str, permissions: &[Permission], scope: Scope) -> Grant {
    Grant { role: role.into(), permissions: permissions.iter().copied().collect(), scope }
}

const OWN: [Permission; 5] = [
    Permission::AttendanceRead,
    Permission::LeaveRead,
    Permission::PunchesCreate,
    Permission::RosterRead,
    Permission::ShiftsRead,
];

pub(crate) fn employee(number: &str, unit: UnitId, site: SiteId, grants: Vec<Grant>) -> EmployeeFact {
    EmployeeFact {
        employee_id: EmployeeId::generate(),
        number: number.into(),
        name: format!("Employee {number}"),
        email: None,
        user_id: Some(UserId::generate()),
        status: EmployeeStatus::Active,
        hired_on: date(2025, 1, 1),
        left_on: None,
        assignments: vec![assignment(unit, site, date(2025, 1, 1), None)],
        grants: [vec![grant("employee", &OWN, Scope::Own)], grants].concat(),
        version: 1,
    }
}

pub(crate) fn assignment(unit_id: UnitId, site_id: SiteId, valid_from: Date, valid_to: Option<Date>) -> AssignmentFact {
    let assignment_id = AssignmentId::generate();
    AssignmentFact { assignment_id, unit_id, site_id, manager_id: None, position: None, valid_from, valid_to }
}

pub(crate) fn unit(name: &str, parent_id: Option<UnitId>) -> UnitFact {
    let unit_id = UnitId::generate();
    UnitFact { unit_id, name: name.into(), parent_id, head_employee_id: None, deleted: false, version: 1 }
}

pub(crate) fn site(name: &str, time_zone: &str) -> SiteFact {
    SiteFact {
        site_id: SiteId::generate(),
        name: name.into(),
        time_zone: time_zone.into(),
        earlier_zones: None,
        geofence: Some(Geofence { latitude: 52.520_008, longitude: 13.404_954, radius_m: 200 }),
        holiday_calendar_id: None,
        allowed_networks: vec![],
        deleted: false,
        version: 1,
    }
}

pub(crate) fn calendar(days: &[(Date, HolidayPortion, &str)]) -> HolidayCalendarFact {
    let day = |(date, portion, name): &(Date, HolidayPortion, &str)| HolidayFact {
        date: *date,
        name: (*name).into(),
        portion: *portion,
    };
    HolidayCalendarFact {
        holiday_calendar_id: HolidayCalendarId::generate(),
        name: "Holidays".into(),
        holidays: days.iter().map(day).collect(),
        deleted: false,
        version: 1,
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let org_id = OrgId::generate();
        let (name, time_zone, locale) = ("Example".into(), "Europe/Berlin".into(), "en".into());
        let org = OrgFact { org_id, name, time_zone, locale, version: 1 };
        let root = unit("Example", None);
        let team = unit("Team", Some(root.unit_id));
        let berlin = site("Berlin", "Europe/Berlin");
        let holidays = calendar(&[
            (date(2026, 12, 24), HolidayPortion::Pm, "Christmas Eve"),
            (date(2026, 12, 25), HolidayPortion::Full, "Christmas Day"),
        ]);
        let owner = grant("owner", &Permission::ALL, Scope::Org);
        let of_team = [
            Permission::AttendanceRead,
            Permission::LeaveRead,
            Permission::PunchesCreateForOthers,
            Permission::RosterRead,
            Permission::RosterWrite,
        ];
        let manager = grant("manager", &of_team, Scope::Unit { unit_id: Some(team.unit_id) });
        let owner = employee("1", root.unit_id, berlin.site_id, vec![owner]);
        let manager = employee("2", team.unit_id, berlin.site_id, vec![manager]);
        let mut worker = employee("3", team.unit_id, berlin.site_id, vec![]);
        worker.assignments[0].manager_id = Some(manager.employee_id);
        Self { org, root, team, berlin, holidays, owner, manager, worker }
    }

    /// The event that somebody decides in another's place.
    pub(crate) fn delegation(&self, from: &EmployeeFact, to: &EmployeeFact, first: &str, last: &str) -> Value {
        let fact = DelegationFact {
            delegation_id: DelegationId::generate(),
            from_employee_id: from.employee_id,
            to_employee_id: to.employee_id,
            valid_from: first.parse().unwrap(),
            valid_to: last.parse().unwrap(),
            deleted: false,
            version: 1,
        };
        event(self.org.org_id, DELEGATION_CHANGED, 1, &fact)
    }

    /// What org would answer about one of its employees.
    pub(crate) fn member(&self, employee: &EmployeeFact) -> Member {
        Member {
            org: self.org.clone(),
            employee: employee.clone(),
            units: vec![self.root.clone(), self.team.clone()],
            sites: vec![self.berlin.clone()],
        }
    }

    pub(crate) fn path(&self, suffix: &str) -> String {
        format!("/api/attendance/v1/orgs/{}{suffix}", self.org.org_id)
    }
}

/// An event of org as it comes over the wire.
pub(crate) fn event(org_id: OrgId, kind: &str, version: i64, data: &impl Serialize) -> Value {
    json!({
        "specversion": "1.0", "id": EventId::generate(), "source": "/rollcall/org", "type": kind,
        "subject": "any", "time": "2026-06-01T08:00:00Z", "datacontenttype": "application/json",
        "orgid": org_id, "aggregateversion": version, "data": data,
    })
}

/// The service and a world that it has been told of.
pub(crate) struct Fixture {
    pub(crate) service: TestService<App>,
    pub(crate) world: World,
}

impl Fixture {
    /// Org is away, as everything else: all that is known came by events.
    pub(crate) async fn start() -> Self {
        Self::on(TestService::start().await).await
    }

    pub(crate) async fn on(service: TestService<App>) -> Self {
        let fixture = Self { service, world: World::new() };
        fixture.tell_all(&fixture.world).await;
        fixture
    }

    pub(crate) async fn tell_all(&self, world: &World) {
        let org_id = world.org.org_id;
        let mut events = vec![event(org_id, ORG_CHANGED, 1, &world.org)];
        events.extend([&world.root, &world.team].map(|unit| event(org_id, UNIT_CHANGED, 1, unit)));
        events.push(event(org_id, SITE_CHANGED, 1, &world.berlin));
        events.push(event(org_id, HOLIDAY_CALENDAR_CHANGED, 1, &world.holidays));
        let people = [&world.owner, &world.manager, &world.worker];
        events.extend(people.map(|person| event(org_id, EMPLOYEE_CHANGED, 1, person)));
        self.tell(&events).await;
    }

    /// Delivers events; each must be applied.
    pub(crate) async fn tell(&self, events: &[Value]) {
        let request = self.service.as_service("org").post("/internal/v1/events");
        let body = serde_json::to_string(events).unwrap();
        let request = request.header("content-type", "application/cloudevents-batch+json").body(body);
        let verdicts = send(request).await.must(200);
        for result in verdicts["results"].as_array().unwrap() {
            assert_eq!(result["verdict"], "applied", "{verdicts:#}");
        }
    }

    pub(crate) async fn tell_employee(&self, employee: &EmployeeFact) {
        self.tell(&[event(self.world.org.org_id, EMPLOYEE_CHANGED, employee.version, employee)]).await;
    }

    pub(crate) fn by(&self, who: &EmployeeFact) -> As<'_> {
        self.service.as_user(who.user_id.unwrap())
    }

    pub(crate) async fn get(&self, who: &EmployeeFact, suffix: &str) -> Reply {
        send(self.by(who).get(&self.world.path(suffix))).await
    }

    pub(crate) async fn post(&self, who: &EmployeeFact, suffix: &str, body: &Value) -> Reply {
        send(self.by(who).post(&self.world.path(suffix)).json(body)).await
    }

    /// Puts; on the roster, against its version.
    pub(crate) async fn put(&self, who: &EmployeeFact, suffix: &str, body: &Value) -> Reply {
        let request = self.by(who).put(&self.world.path(suffix)).json(body);
        if suffix == "/roster" {
            let roster = self.get(&self.world.owner, "/roster?from=2026-06-01&to=2026-06-01").await;
            return send(request.header("if-match", roster.header("etag"))).await;
        }
        send(request).await
    }

    /// Puts with `If-Match`.
    pub(crate) async fn put_at(&self, who: &EmployeeFact, suffix: &str, version: i64, body: &Value) -> Reply {
        let request = self.by(who).put(&self.world.path(suffix)).json(body);
        send(request.header("if-match", format!("\"{version}\""))).await
    }

    /// A service that emits events to somebody who is away, and the events it has emitted so far.
    pub(crate) async fn that_tells() -> Self {
        let service = TestService::with(|settings| {
            set(settings, "events.subscribers.notification", vec!["attendance.".to_owned()]);
            set(settings, "peers.notification.url", "http://127.0.0.1:9");
            set(settings, "peers.notification.public_key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        });
        Self::on(service.await).await
    }

    /// The data of all events of a kind that were emitted.
    pub(crate) fn told(&self, kind: &str) -> Vec<Value> {
        let mut admin = PgConnection::establish(&self.service.admin_url).unwrap();
        let query = diesel::sql_query("SELECT data FROM outbox WHERE kind = $1 ORDER BY position");
        let rows: Vec<Told> = query.bind::<diesel::sql_types::Text, _>(kind).load(&mut admin).unwrap();
        rows.into_iter().map(|row| row.data).collect()
    }

    /// Punches with a key.
    pub(crate) async fn punch(&self, who: &EmployeeFact, key: &str, body: &Value) -> Reply {
        let request = self.by(who).request(Method::POST, &self.world.path("/punches"));
        send(request.header("idempotency-key", key).json(body)).await
    }

    /// A shift 09:00–18:00 with a break, defined by the owner.
    pub(crate) async fn day_shift(&self) -> String {
        let body = json!({
            "code": "DAY", "name": "Day", "start": "09:00", "end": "18:00",
            "breaks": [{"start": "12:00", "end": "13:00"}],
        });
        let shift = self.post(&self.world.owner, "/shifts", &body).await.must(201);
        shift["shift_id"].as_str().unwrap().to_owned()
    }

    /// Plans the team for a shift.
    pub(crate) async fn plan_team(&self, shift_id: &str, from: &str, to: &str) {
        let entry = json!({"unit_id": self.world.team.unit_id, "from": from, "to": to, "shift_id": shift_id});
        self.put(&self.world.owner, "/roster", &json!({"entries": [entry]})).await.must(200);
    }

    pub(crate) fn set_clock(&self, at: &str) {
        self.service.clock.set(at.parse::<Timestamp>().unwrap());
    }

    pub(crate) async fn workdays(&self, who: &EmployeeFact, query: &str) -> Vec<Value> {
        let body = self.get(who, &format!("/workdays?{query}")).await.must(200);
        body["items"].as_array().unwrap().clone()
    }
}
