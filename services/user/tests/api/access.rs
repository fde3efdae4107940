//! Who may call what: one table over every route of the description.

use crate::support::{Fixture, described};
use rollcall_ids::UserId;
use std::collections::BTreeSet;

/// Whose a route is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Anybody's.
    Public,
    /// A signed-in person's, about themselves.
    User,
    /// Other services'.
    Service,
}

/// Every route of the service itself. What all services have (health, metrics) is the shared library's to test.
const TABLE: [(&str, &str, Class); 24] = [
    ("POST", "/api/user/v1/users", Class::Public),
    ("GET", "/api/user/v1/users/me", Class::User),
    ("PATCH", "/api/user/v1/users/me", Class::User),
    ("PUT", "/api/user/v1/users/me/password", Class::User),
    ("GET", "/api/user/v1/users/me/audit-events", Class::User),
    ("POST", "/api/user/v1/users/me/mfa/totp", Class::User),
    ("POST", "/api/user/v1/users/me/mfa/totp/confirm", Class::User),
    ("DELETE", "/api/user/v1/users/me/mfa/totp", Class::User),
    ("POST", "/api/user/v1/password-resets", Class::Public),
    ("PUT", "/api/user/v1/password-resets/{token}", Class::Public),
    ("POST", "/api/user/v1/sessions", Class::Public),
    ("POST", "/api/user/v1/sessions/mfa", Class::Public),
    ("POST", "/api/user/v1/sessions/refresh", Class::Public),
    ("GET", "/api/user/v1/sessions", Class::User),
    ("DELETE", "/api/user/v1/sessions/{session_id}", Class::User),
    ("GET", "/api/user/v1/api-tokens", Class::User),
    ("POST", "/api/user/v1/api-tokens", Class::User),
    ("DELETE", "/api/user/v1/api-tokens/{api_token_id}", Class::User),
    ("GET", "/.well-known/jwks.json", Class::Public),
    ("GET", "/.well-known/openid-configuration", Class::Public),
    ("GET", "/internal/v1/users/{user_id}", Class::Service),
    ("GET", "/internal/v1/revocations", Class::Service),
    ("GET", "/internal/v1/api-tokens/{hash}", Class::Service),
    // Last, because it ends the session that the others are tried with.
    ("DELETE", "/api/user/v1/sessions/current", Class::User),
];

/// The path with ids of nothing that exists.
fn concrete(path: &str) -> String {
    let id = UserId::generate().to_string();
    let path = path.replace("{user_id}", &id).replace("{session_id}", &id).replace("{api_token_id}", &id);
    path.replace("{token}", "sesame").replace("{hash}", "sesame")
}

#[test]
fn the_table_knows_every_route_and_each_says_who_it_is_for() {
    let described = described();
    let known: BTreeSet<_> = TABLE.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    let routes: BTreeSet<_> = described.keys().cloned().collect();
    assert_eq!(routes, known, "left: described, right: in the table");
    for (method, path, class) in TABLE {
        let operation = &described[&(method.to_owned(), path.to_owned())];
        let scheme = match class {
            Class::Public => None,
            Class::User => Some("bearer"),
            Class::Service => Some("service"),
        };
        let declared = operation["security"][0].as_object().and_then(|s| s.keys().next()).map(String::as_str);
        assert_eq!(declared, scheme, "{method} {path}");
        assert!(operation["summary"].is_string(), "{method} {path} has no summary");
        let unauthorized = operation["responses"].get("401").is_some();
        assert!(unauthorized || class == Class::Public, "{method} {path} does not describe 401");
    }
}

#[tokio::test]
async fn whoever_is_not_signed_in_gets_401_or_what_is_public() {
    let fixture = Fixture::start().await;
    for (method, path, class) in TABLE {
        let path = concrete(path);
        for token in [None, Some(""), Some("x"), Some("a.b.c")] {
            let mut request = fixture.request(method, &path);
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let reply = fixture.send(request).await;
            let refused = reply.status == 401 && reply.code() == "not_signed_in";
            assert_eq!(refused, class != Class::Public, "{method} {path} with {token:?}: {reply:?}");
            assert!(!refused || reply.header("www-authenticate").starts_with("Bearer"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_person_does_not_reach_what_is_for_services_nor_a_service_what_is_for_people() {
    let fixture = Fixture::start().await;
    let session = fixture.log_in("ada@example.org").await;
    let person = session.text("access_token").to_owned();
    let service = fixture.service_token("notification");
    let stranger = fixture.service_token_for("notification", "org");
    for (method, path, class) in TABLE {
        let path = concrete(path);
        let ask = |token: &str| fixture.send(fixture.request(method, &path).bearer_auth(token));
        match class {
            Class::Public => {}
            Class::User => {
                assert_eq!(ask(&service).await.status, 401, "{method} {path}");
                let own = ask(&person).await;
                assert_ne!(own.status, 401, "{method} {path}: {own:?}");
            }
            Class::Service => {
                assert_eq!(ask(&person).await.status, 401, "{method} {path}");
                assert_eq!(ask(&stranger).await.status, 401, "{method} {path}: a token for another service");
                let expected = if path.ends_with("/revocations") { 200 } else { 404 };
                assert_eq!(ask(&service).await.status, expected, "{method} {path}");
            }
        }
    }
}
