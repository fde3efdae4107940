//! The committed OpenAPI document.

use crate::support::Fixture;
use rollcall_common::server;
use rollcall_user::App;
use serde_json::Value;

const COMMITTED: &str = include_str!("../../openapi/v1.json");

#[test]
fn it_is_what_the_code_says() {
    let generated = serde_json::to_value(server::openapi::<App>()).unwrap();
    let committed: Value = serde_json::from_str(COMMITTED).unwrap();
    assert!(generated == committed, "run `cargo run -p rollcall-user -- openapi > services/user/openapi/v1.json`");
}

#[tokio::test]
async fn its_examples_work() {
    let fixture = Fixture::start().await;
    let document: Value = serde_json::from_str(COMMITTED).unwrap();
    let example = |schema: &str| document["components"]["schemas"][schema]["example"].clone();

    let user = fixture.post("/api/user/v1/users", &example("SignUp")).await;
    assert_eq!(user.status, 201, "{user:?}");
    let session = fixture.post("/api/user/v1/sessions", &example("LogIn")).await;
    assert_eq!(session.status, 201, "{session:?}");
    let change = fixture.request("PATCH", "/api/user/v1/users/me").bearer_auth(session.text("access_token"));
    let changed = fixture.send(change.json(&example("ProfilePatch"))).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let unknown = fixture.post("/api/user/v1/sessions/refresh", &example("Refresh")).await;
    assert_eq!(unknown.code(), "invalid_refresh_token", "well-formed, but not anybody's");

    let shown: Vec<_> = example("UserView").as_object().unwrap().keys().cloned().collect();
    let answered: Vec<_> = user.body.as_object().unwrap().keys().cloned().collect();
    assert_eq!(shown, answered);
}
