//! `Idempotency-Key`.

use crate::Stage;

#[actix_web::test]
async fn a_repeated_request_has_one_effect_and_the_same_answer() {
    let stage = Stage::set().await;
    let first = stage.add("a", "key-1").await;
    assert_eq!((first.status(), first.headers().get("idempotency-replayed")), (reqwest::StatusCode::CREATED, None));
    let (etag, body) = (first.headers()["etag"].clone(), first.text().await.unwrap());

    let again = stage.add("a", "key-1").await;
    assert_eq!(again.status(), 201);
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.headers()["etag"], etag);
    assert_eq!(again.text().await.unwrap(), body);
    assert_eq!(stage.listed().await, ["a"]);
}

#[actix_web::test]
async fn another_body_under_the_same_key_is_refused() {
    let stage = Stage::set().await;
    stage.add("a", "key-1").await;
    let other = stage.add("b", "key-1").await;
    assert_eq!(other.status(), 422);
    let problem: serde_json::Value = other.json().await.unwrap();
    assert_eq!(problem["code"], "idempotency_key_reused");
    assert_eq!(stage.listed().await, ["a"]);
}

#[actix_web::test]
async fn a_repetition_while_the_first_still_runs_is_refused_for_now() {
    let stage = Stage::set().await;
    let (first, second) = tokio::join!(stage.add("slow", "key-1"), async {
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        stage.add("slow", "key-1").await
    });
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (201, 409));
    assert_eq!(second.headers()["retry-after"], "1");
    assert_eq!(stage.listed().await, ["slow"]);
}

#[actix_web::test]
async fn the_same_key_of_two_organisations_is_two_keys() {
    let stage = Stage::set().await;
    let other = rollcall_ids::OrgId::generate();
    stage.service.app().admit(stage.user, other);
    stage.add("here", "key-1").await;
    let request = stage.service.as_user(stage.user).post(&format!("/orgs/{other}/notes"));
    let there =
        request.header("Idempotency-Key", "key-1").json(&serde_json::json!({ "text": "there" })).send().await.unwrap();
    assert_eq!(there.status(), 201);
    assert_eq!(stage.listed().await, ["here"]);
}

#[actix_web::test]
async fn a_key_that_is_none_is_named() {
    let stage = Stage::set().await;
    let answer = stage.add("a", &"k".repeat(201)).await;
    assert_eq!(answer.status(), 400);
    let problem: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(problem["errors"][0]["pointer"], "Idempotency-Key");
}
