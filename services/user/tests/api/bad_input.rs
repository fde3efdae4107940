//! Input that is not what it should be: always a problem that says where, never a 5xx.

use crate::support::{Fixture, PASSWORD, ada};
use serde_json::{Value, json};

/// Every route that takes a body, and a good one.
fn bodies() -> [(&'static str, &'static str, Value); 10] {
    [
        ("POST", "/api/user/v1/users", ada()),
        ("POST", "/api/user/v1/sessions", json!({"email": "ada@example.org", "password": PASSWORD})),
        ("POST", "/api/user/v1/sessions/refresh", json!({"refresh_token": "x"})),
        ("PATCH", "/api/user/v1/users/me", json!({"name": "Ada"})),
        ("POST", "/api/user/v1/sessions/mfa", json!({"challenge": "x", "code": "123456"})),
        ("PUT", "/api/user/v1/users/me/password", json!({"current_password": "x", "new_password": PASSWORD})),
        ("POST", "/api/user/v1/users/me/mfa/totp/confirm", json!({"code": "123456"})),
        ("POST", "/api/user/v1/password-resets", json!({"email": "ada@example.org"})),
        ("PUT", "/api/user/v1/password-resets/sesame", json!({"password": PASSWORD})),
        (
            "POST",
            "/api/user/v1/api-tokens",
            json!({"name": "Gate", "expires_at": "2026-07-01T00:00:00Z", "scopes": ["org:read"]}),
        ),
    ]
}

#[tokio::test]
async fn what_is_not_json_is_malformed() {
    let fixture = Fixture::start().await;
    let token = fixture.log_in("eve@example.org").await.text("access_token").to_owned();
    for (method, path, _) in bodies() {
        for body in ["", "{", "nonsense", "[]", "7", "null", "{} {}", "{\"a\":\u{1}}"] {
            let request = fixture.request(method, path).bearer_auth(&token);
            let reply = fixture.send(request.header("Content-Type", "application/json").body(body)).await;
            if (path, body) == ("/api/user/v1/users/me", "{} {}") {
                assert_eq!(reply.errors()[0].1, "not_json");
            }
            assert_eq!((reply.status, reply.code()), (400, "malformed_input"), "{method} {path} {body:?}: {reply:?}");
            assert_eq!(reply.header("content-type"), "application/problem+json");
        }
    }
}

#[tokio::test]
async fn another_media_type_is_refused() {
    let fixture = Fixture::start().await;
    let token = fixture.log_in("eve@example.org").await.text("access_token").to_owned();
    for (method, path, body) in bodies() {
        let request = fixture.request(method, path).bearer_auth(&token);
        let reply = fixture.send(request.header("Content-Type", "text/plain").body(body.to_string())).await;
        assert_eq!((reply.status, reply.code()), (415, "unsupported_media_type"), "{method} {path}");
    }
}

#[tokio::test]
async fn a_body_of_a_mebibyte_is_too_large() {
    let fixture = Fixture::start().await;
    let token = fixture.log_in("eve@example.org").await.text("access_token").to_owned();
    for (method, path, mut body) in bodies() {
        let mut fields = body.as_object_mut().unwrap().iter_mut();
        let (_, first) = fields.find(|(_, value)| value.is_string()).unwrap();
        *first = "x".repeat(1 << 20).into();
        let reply = fixture.send(fixture.request(method, path).bearer_auth(&token).json(&body)).await;
        assert_eq!((reply.status, reply.code()), (413, "too_large"), "{method} {path}");
    }
}

#[tokio::test]
async fn each_field_of_a_wrong_type_missing_or_unknown_is_named() {
    let fixture = Fixture::start().await;
    let token = fixture.log_in("eve@example.org").await.text("access_token").to_owned();
    for (method, path, good) in bodies() {
        let send = |body: Value| fixture.send(fixture.request(method, path).bearer_auth(&token).json(&body));
        for field in good.as_object().unwrap().keys() {
            for wrong in [json!(7), json!([]), json!({"a": 1}), json!(true)] {
                let mut body = good.clone();
                body[field] = wrong.clone();
                let reply = send(body).await;
                if (field.as_str(), &wrong) == ("scopes", &json!([])) {
                    continue;
                }
                assert_eq!(reply.status, 400, "{method} {path} {field}: {reply:?}");
                assert_eq!(reply.errors()[0].0, format!("/{field}"), "{method} {path}");
            }
        }
        let mut body = good.clone();
        body["is_admin"] = true.into();
        let reply = send(body).await;
        assert_eq!((reply.status, reply.errors()[0].0.as_str()), (400, "/is_admin"), "{method} {path}");
    }
    let reply = fixture.post("/api/user/v1/users", &json!({"email": "ada@example.org"})).await;
    assert_eq!(reply.status, 400, "a missing field");
}

#[tokio::test]
async fn odd_text_is_kept_or_refused_but_never_breaks_anything() {
    let fixture = Fixture::start().await;
    let odd = [
        "\u{0}",
        "\u{feff}",
        "\u{202e}evil",
        "a\u{0}b",
        "'; DROP TABLE users; --",
        "%s%n",
        "{{7*7}}",
        "𝕬𝖉𝖆",
        "\u{10ffff}",
        "👩‍👩‍👧‍👦",
        "../../etc/passwd",
        "x@y@z.example",
        "\r\nSet-Cookie: a=b",
    ];
    for (number, text) in odd.iter().enumerate() {
        for field in ["email", "password", "name", "locale", "time_zone"] {
            let mut body = ada();
            body["email"] = format!("ada{number}.{}@example.org", field.replace('_', "-")).into();
            body[field] = (*text).into();
            let status = fixture.post("/api/user/v1/users", &body).await.status;
            assert!([201, 422].contains(&status), "{field} = {text:?}: {status}");
            let status =
                fixture.post("/api/user/v1/sessions", &json!({"email": body["email"], "password": text})).await.status;
            assert!([201, 401, 422].contains(&status), "{field} = {text:?}: {status}");
        }
    }
}

#[tokio::test]
async fn a_path_that_names_nothing_is_a_problem_too() {
    let fixture = Fixture::start().await;
    for path in ["/", "/api/user/v1/nothing", "/api/user/v1/users/me/../..", "/.well-known/nothing"] {
        let reply = fixture.send(fixture.request("GET", path)).await;
        assert_eq!((reply.status, reply.code()), (404, "not_found"), "{path}");
    }
    let token = fixture.service_token("notification");
    for id in ["7", "me", "00000000-0000-0000-0000-00000000000g", "%00"] {
        let reply = fixture.send(fixture.request("GET", &format!("/internal/v1/users/{id}")).bearer_auth(&token)).await;
        assert_eq!((reply.status, reply.code()), (404, "not_found"), "{id}");
    }
}
