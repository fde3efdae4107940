//! Who is believed, and who is not.

use crate::Stage;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use rollcall_common::auth::{AccessClaims, Identity};
use rollcall_common::testing::{TestKey, TestKeys};
use rollcall_ids::{OrgId, UserId};
use rollcall_stack::testing::set;

async fn status(stage: &Stage, token: &str) -> u16 {
    stage.service.get(&stage.notes()).bearer_auth(token).send().await.unwrap().status().as_u16()
}

#[actix_web::test]
async fn a_member_with_a_valid_token_is_served_until_it_expires() {
    let stage = Stage::set().await;
    let token = stage.service.keys.access_token(stage.user).unwrap();
    assert_eq!(status(&stage, &token).await, 200);
    stage.service.clock.advance(SignedDuration::from_secs(304));
    assert_eq!(status(&stage, &token).await, 200, "clocks may differ by five seconds");
    stage.service.clock.advance(SignedDuration::from_secs(2));
    assert_eq!(status(&stage, &token).await, 401, "a remembered token expires too");
}

#[actix_web::test]
async fn forged_tokens_are_refused() {
    let stage = Stage::set().await;
    let keys = &stage.service.keys;
    let spoilt = |spoil: fn(&mut AccessClaims)| {
        let mut claims = keys.claims(stage.user);
        spoil(&mut claims);
        keys.sign(&claims).unwrap()
    };
    let good = stage.service.keys.access_token(stage.user).unwrap();
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("a JWT has three parts") };
    let unsigned = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"test"}"#);
    let symmetric = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","kid":"test"}"#);
    let elsewhere = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"../other"}"#);
    let mut claims = keys.claims(UserId::generate());
    claims.jti = "tampered".to_owned();
    let tampered = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims).unwrap());
    let foreign = TestKeys::generate(stage.service.clock.clone()).unwrap().access_token(stage.user).unwrap();
    let forged = [
        ("alg none", format!("{unsigned}.{payload}.")),
        ("alg swapped", format!("{symmetric}.{payload}.{signature}")),
        ("kid elsewhere", format!("{elsewhere}.{payload}.{signature}")),
        ("payload tampered", format!("{header}.{tampered}.{signature}")),
        ("signature cut", format!("{header}.{payload}.")),
        ("another key", foreign),
        ("another audience", spoilt(|claims| claims.aud = "bank".to_owned())),
        ("another issuer", spoilt(|claims| claims.iss = "bank".to_owned())),
        ("expired", spoilt(|claims| claims.exp -= 400)),
        ("not yet valid", spoilt(|claims| claims.iat += 60)),
        ("no JWT", "sesame".to_owned()),
        ("a service's token", keys.service_token("user", "org").unwrap()),
    ];
    for (how, token) in forged {
        assert_eq!(status(&stage, &token).await, 401, "{how}");
    }
}

#[actix_web::test]
async fn another_organisation_is_not_found_whether_it_exists_or_not() {
    let stage = Stage::set().await;
    let theirs = OrgId::generate();
    stage.service.app().admit(UserId::generate(), theirs);
    let token = stage.service.keys.access_token(stage.user).unwrap();
    let mut bodies = Vec::new();
    for org in [theirs.to_string(), OrgId::generate().to_string(), "none".to_owned()] {
        let answer = stage.service.get(&format!("/orgs/{org}/notes")).bearer_auth(&token).send().await.unwrap();
        assert_eq!(answer.status(), 404);
        let mut body: serde_json::Value = answer.json().await.unwrap();
        body["request_id"].take();
        bodies.push(body);
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "the answers tell them apart: {bodies:?}");
}

#[actix_web::test]
async fn inside_only_a_known_service_with_a_token_for_this_one_is_served() {
    let stage = Stage::set().await;
    let keys = &stage.service.keys;
    let ask = |token: String| stage.service.get("/internal/v1/who").bearer_auth(token).send();
    let answer = ask(keys.service_token("user", "org").unwrap()).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap()), (200, "user".to_owned()));

    let foreign = TestKeys::generate(stage.service.clock.clone()).unwrap();
    let refused = [
        ("for another service", keys.service_token("user", "attendance").unwrap()),
        ("of nobody we know", keys.service_token("payroll", "org").unwrap()),
        ("signed with another key", foreign.service_token("user", "org").unwrap()),
        ("of a person", stage.service.keys.access_token(stage.user).unwrap()),
    ];
    for (how, token) in refused {
        assert_eq!(ask(token).await.unwrap().status(), 401, "{how}");
    }
    let late = keys.service_token("user", "org").unwrap();
    stage.service.clock.advance(SignedDuration::from_secs(66));
    assert_eq!(ask(late).await.unwrap().status(), 401, "after a minute");
}

#[actix_web::test]
async fn a_service_whose_identity_is_being_changed_is_believed_by_both_keys() {
    let next = TestKey::generate().unwrap();
    let public = next.public.clone();
    let stage = Stage::with(|settings| set(settings, "peers.user.next_public_key", public)).await;
    let identity = Identity::from_pem("user", next.private_pem.as_bytes(), stage.service.clock.clock()).unwrap();
    let stranger = TestKey::generate().unwrap();
    let stranger = Identity::from_pem("user", stranger.private_pem.as_bytes(), stage.service.clock.clock()).unwrap();
    let tokens = [
        (stage.service.keys.service_token("user", "org").unwrap(), 200),
        (identity.token_for("org").unwrap(), 200),
        (stranger.token_for("org").unwrap(), 401),
    ];
    for (token, expected) in tokens {
        let request = stage.service.post("/internal/v1/events").bearer_auth(token);
        let answer =
            request.header("content-type", "application/cloudevents-batch+json").body("[]").send().await.unwrap();
        assert_eq!(answer.status(), expected);
    }
}
