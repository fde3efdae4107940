//! Who may reach what: one table over every route.

use crate::support::World;
use rollcall_common::server::openapi_with_internal;
use rollcall_ids::{NotificationId, OrgId, UserId};
use rollcall_notification::App;
use serde_json::Value;

/// Who a route is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    /// A signed-in user, about themselves; there is no organisation in the path to be a stranger to.
    User,
    /// A member of the organisation in the path.
    Member,
    /// Whoever has the path: it holds a secret.
    Anybody,
    /// Another service.
    Service,
}

/// Below an organisation.
const WEBHOOKS: &str = "/api/notification/v1/orgs/{org_id}/webhooks";

const ROUTES: &[(&str, &str, For)] = &[
    ("GET", "/api/notification/v1/notifications", For::User),
    ("POST", "/api/notification/v1/read-all", For::User),
    ("POST", "/api/notification/v1/notifications/{notification_id}/read", For::User),
    ("GET", "/api/notification/v1/unread-count", For::User),
    ("GET", "/api/notification/v1/stream", For::User),
    ("GET", "/api/notification/v1/stream/ws", For::User),
    ("GET", "/api/notification/v1/preferences", For::User),
    ("PUT", "/api/notification/v1/preferences", For::User),
    ("GET", "/api/notification/v1/orgs/{org_id}/announcements", For::Member),
    ("POST", "/api/notification/v1/orgs/{org_id}/announcements", For::Member),
    ("GET", "/api/notification/v1/orgs/{org_id}/announcements/{announcement_id}", For::Member),
    ("POST", "/api/notification/v1/orgs/{org_id}/webhooks", For::Member),
    ("GET", "/api/notification/v1/orgs/{org_id}/webhooks", For::Member),
    ("GET", "/api/notification/v1/orgs/{org_id}/webhooks/{webhook_id}", For::Member),
    ("PUT", "/api/notification/v1/orgs/{org_id}/webhooks/{webhook_id}", For::Member),
    ("DELETE", "/api/notification/v1/orgs/{org_id}/webhooks/{webhook_id}", For::Member),
    ("GET", "/api/notification/v1/orgs/{org_id}/webhooks/{webhook_id}/secrets", For::Member),
    ("POST", "/api/notification/v1/orgs/{org_id}/webhooks/{webhook_id}/rotate-secret", For::Member),
    ("GET", "/api/notification/v1/orgs/{org_id}/webhooks/{webhook_id}/deliveries", For::Member),
    ("POST", "/api/notification/v1/orgs/{org_id}/webhooks/{webhook_id}/deliveries/{delivery_id}/retry", For::Member),
    ("GET", "/s/{code}", For::Anybody),
    ("POST", "/internal/v1/events", For::Service),
];

#[test]
fn every_route_stands_in_the_table() {
    let document = serde_json::to_value(openapi_with_internal::<App>()).unwrap();
    let mut described: Vec<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())))
        .collect();
    let mut known: Vec<_> = ROUTES.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    described.sort_unstable();
    known.sort_unstable();
    assert_eq!(described, known);
}

#[tokio::test]
async fn nobody_gets_in_without_the_right_token() {
    let world = World::start().await;
    let service = &world.service;
    let user = service.keys.access_token(UserId::generate()).unwrap();
    let stranger = service.keys.service_token("org", "attendance").unwrap();
    let org = service.keys.service_token("org", "notification").unwrap();
    for (method, path, class) in ROUTES {
        let path = fill(path, &world.org_id.to_string());
        let wrong = match class {
            For::Anybody => continue,
            For::User | For::Member => [String::new(), "x.y.z".to_owned(), org.clone()],
            For::Service => [String::new(), user.clone(), stranger.clone()],
        };
        for token in wrong {
            let mut request = service.request(method.parse().unwrap(), &path);
            if !token.is_empty() {
                request = request.bearer_auth(&token);
            }
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 401, "{method} {path} with {token:?}");
            assert_eq!(answer.headers()["www-authenticate"], "Bearer");
            let problem: Value = answer.json().await.unwrap();
            assert_eq!(problem["code"], "not_signed_in", "{method} {path}");
        }
    }
}

/// The path with ids in it: that of the organisation, and any for the rest.
fn fill(path: &str, org_id: &str) -> String {
    let id = NotificationId::generate().to_string();
    let parts = path.split('/').map(|part| match part {
        "{org_id}" => org_id,
        part if part.starts_with('{') => &id,
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn who_is_no_member_is_told_that_there_is_nothing_whatever_they_send() {
    let world = World::start().await;
    let stranger = world.service.keys.access_token(UserId::generate()).unwrap();
    for (method, path, _) in ROUTES.iter().filter(|(_, _, class)| *class == For::Member) {
        for body in ["{}", "{", ""] {
            let path = fill(path, &world.org_id.to_string());
            let request = world.service.request(method.parse().unwrap(), &path).bearer_auth(&stranger);
            let answer = request.header("content-type", "application/json").body(body).send().await.unwrap();
            assert_eq!(answer.status(), 404, "{method} {path} {body}");
            assert_eq!(answer.json::<Value>().await.unwrap()["code"], "not_found");
        }
    }
}

/// Whoever is no member is told the same of every organisation: there is none. A member without the right is refused,
/// whatever they send.
#[tokio::test]
async fn webhooks_are_for_members_who_hold_the_right() {
    let world = World::start().await;
    world.answers_for_nobody().await;
    crate::webhooks::admit(&world).await;
    let stranger = world.service.as_user(UserId::generate());
    for (method, path, _) in ROUTES.iter().filter(|(_, path, _)| path.starts_with(WEBHOOKS)) {
        let method: reqwest::Method = method.parse().unwrap();
        let (ours, others) = (fill(path, &world.org_id.to_string()), fill(path, &OrgId::generate().to_string()));
        for (who, path, status, code) in [
            (&stranger, &ours, 404, "not_found"),
            (&world.service.as_user(world.owner.user_id), &others, 404, "not_found"),
            (&world.service.as_user(world.manager.user_id), &ours, 403, "forbidden"),
            (&world.service.as_user(world.employee.user_id), &ours, 403, "forbidden"),
        ] {
            for body in ["", "{"] {
                let answer = who.request(method.clone(), path).body(body).send().await.unwrap();
                assert_eq!(answer.status(), status, "{method} {path}");
                assert_eq!(answer.json::<Value>().await.unwrap()["code"], code, "{method} {path}");
            }
        }
        let owner = world.service.as_user(world.owner.user_id);
        let body = serde_json::json!({ "url": "https://hooks.example.org/" });
        let body = if path.ends_with("/rotate-secret") { serde_json::json!({}) } else { body };
        let answer = owner.request(method.clone(), &ours).header("if-match", "\"1\"").json(&body).send().await.unwrap();
        let status = if path.contains("{webhook_id}") {
            404
        } else if method == "POST" {
            201
        } else {
            200
        };
        assert_eq!(answer.status(), status, "{method} {path}");
    }
    world.org_is_away().await;
    let newcomer = world.service.as_user(UserId::generate());
    let path = fill(WEBHOOKS, &world.org_id.to_string());
    assert_eq!(newcomer.get(&path).send().await.unwrap().status(), 503, "nobody is no member because org is away");
}

#[tokio::test]
async fn an_expired_token_opens_nothing() {
    let world = World::start().await;
    let token = world.service.keys.access_token(world.manager.user_id).unwrap();
    world.service.clock.advance(jiff::SignedDuration::from_secs(310));
    for path in ["/api/notification/v1/notifications", "/api/notification/v1/stream"] {
        let answer = world.service.with_token(&token).get(path).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{path}");
    }
}

#[tokio::test]
async fn bad_batches_of_events_are_refused_with_a_problem() {
    let world = World::start().await;
    let batch = "application/cloudevents-batch+json";
    let huge = format!("[{}]", " ".repeat(5 << 20));
    for (content_type, body, status) in [
        (batch, "[{", 400),
        (batch, "{}", 400),
        (batch, "[{\"id\":7}]", 400),
        (batch, "[]", 200),
        (batch, huge.as_str(), 413),
        ("text/plain", "[]", 415),
    ] {
        let request = world.service.as_service("org").post("/internal/v1/events").header("content-type", content_type);
        let answer = request.body(body.to_owned()).send().await.unwrap();
        assert_eq!(answer.status(), status, "{}", &body[..body.len().min(20)]);
    }
}

#[tokio::test]
async fn a_body_where_none_is_due_does_no_harm() {
    let world = World::start().await;
    let user = world.service.as_user(world.manager.user_id);
    for body in ["{", "\u{0}", &"x".repeat(1 << 20)] {
        let request = user.post("/api/notification/v1/read-all").body(body.to_owned());
        assert_eq!(request.send().await.unwrap().status(), 204);
    }
}
