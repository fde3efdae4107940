//! Signing keys, and the tokens that they make.

use crate::support::{Client, Fixture, Reply};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use rollcall_stack::testing::set;
use serde_json::{Value, json};

const JWKS: &str = "/.well-known/jwks.json";
const ME: &str = "/api/user/v1/users/me";

fn decode(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn encode(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

async fn published(client: &Client) -> Reply {
    client.get(JWKS).await
}

#[tokio::test]
async fn a_token_is_verified_with_what_is_published_and_nothing_else() {
    let fixture = Fixture::start().await;
    let session = fixture.log_in("ada@example.org").await;
    let jwks = published(&fixture).await;
    assert_eq!((jwks.status, jwks.header("cache-control")), (200, "public, max-age=300"));
    assert!(!jwks.body.to_string().contains("\"d\""), "no private half");

    let parts: Vec<_> = session.text("access_token").split('.').collect();
    let (header, claims) = (decode(parts[0]), decode(parts[1]));
    let keys = jwks.body["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kid"] == header["kid"]).unwrap();
    assert_eq!(
        (&header["alg"], &key["kty"], &key["crv"], &key["use"]),
        (&json!("EdDSA"), &json!("OKP"), &json!("Ed25519"), &json!("sig"))
    );
    let x = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap();
    let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
    UnparsedPublicKey::new(&ED25519, x).verify(format!("{}.{}", parts[0], parts[1]).as_bytes(), &signature).unwrap();

    let now = fixture.now().as_second();
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!("rollcall"), &json!("rollcall")));
    assert_eq!((&claims["iat"], &claims["exp"]), (&json!(now), &json!(now + 300)));
    assert_eq!((&claims["sub"], &claims["sid"]), (&session.body["user"]["user_id"], &session.body["session_id"]));
    assert!(claims["jti"].as_str().unwrap().len() >= 16);
    assert_eq!(claims.as_object().unwrap().len(), 7, "no personal data: {claims}");
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let fixture = Fixture::start().await;
    let session = fixture.log_in("ada@example.org").await;
    let good = session.text("access_token");
    let parts: Vec<_> = good.split('.').collect();
    let (header, claims) = (decode(parts[0]), decode(parts[1]));
    let other = Ed25519KeyPair::generate().unwrap();
    let signed_by_other = |header: &Value, claims: &Value| {
        let input = format!("{}.{}", encode(header), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(other.sign(input.as_bytes()));
        format!("{input}.{signature}")
    };
    let with = |value: &Value, field: &str, new: Value| {
        let mut value = value.clone();
        value[field] = new;
        value
    };
    let later = with(&claims, "exp", json!(4_000_000_000_i64));
    let somebody_else = with(&claims, "sub", json!("0193a6f0-7c1e-7000-8000-000000000001"));
    let x = URL_SAFE_NO_PAD.encode(other.public_key().as_ref());
    let own_key = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
    let forged = [
        ("no algorithm", format!("{}.{}.", encode(&with(&header, "alg", json!("none"))), parts[1])),
        (
            "no algorithm, a signature",
            format!("{}.{}.{}", encode(&with(&header, "alg", json!("none"))), parts[1], parts[2]),
        ),
        ("another algorithm", format!("{}.{}.{}", encode(&with(&header, "alg", json!("HS256"))), parts[1], parts[2])),
        ("another key", signed_by_other(&header, &claims)),
        ("a key that the token brings", signed_by_other(&with(&header, "jwk", own_key), &claims)),
        ("a key that is not there", signed_by_other(&with(&header, "kid", json!("../../other")), &claims)),
        ("no key", signed_by_other(&with(&header, "kid", Value::Null), &claims)),
        ("a later end", format!("{}.{}.{}", parts[0], encode(&later), parts[2])),
        ("another person", format!("{}.{}.{}", parts[0], encode(&somebody_else), parts[2])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("a part too many", format!("{good}.{}", parts[2])),
    ];
    for (what, token) in forged {
        let reply = fixture.get_as(&token, ME).await;
        assert_eq!((reply.status, reply.code()), (401, "not_signed_in"), "{what}");
    }
    assert_eq!(fixture.get_as(good, ME).await.status, 200);
    fixture.advance(SignedDuration::from_secs(306));
    assert_eq!(fixture.get_as(good, ME).await.status, 401, "it has expired");
}

#[tokio::test]
async fn a_restart_keeps_the_key_and_the_sessions() {
    let fixture = Fixture::start().await;
    let session = fixture.log_in("ada@example.org").await;
    let restarted = fixture.another_instance(|_| {}).await.unwrap();
    assert_eq!(published(&fixture).await.body, published(&restarted).await.body);
    assert_eq!(restarted.get_as(session.text("access_token"), ME).await.status, 200);
    assert_eq!(restarted.refresh(session.text("refresh_token")).await.status, 200);
}

#[tokio::test]
async fn instances_that_start_together_make_one_key() {
    let fixture = Fixture::start().await;
    fixture.sql("DELETE FROM signing_keys RETURNING kid AS value").await;
    let start = || fixture.another_instance(|_| {});
    let (a, b, c) = tokio::join!(start(), start(), start());
    let (a, b, c) = (published(&a.unwrap()).await, published(&b.unwrap()).await, published(&c.unwrap()).await);
    assert_eq!(a.body["keys"].as_array().unwrap().len(), 1);
    assert_eq!((&a.body, &b.body), (&b.body, &c.body));
}

#[tokio::test]
async fn a_key_is_sealed_in_the_database_and_another_key_file_stops_the_start() {
    let fixture = Fixture::start().await;
    let rows = fixture.sql("SELECT encode(sealed_private_key, 'hex') AS value FROM signing_keys").await;
    assert_eq!(rows.len(), 1);
    // Every Ed25519 key in PKCS #8 has its algorithm's object identifier, 1.3.101.112, in clear.
    assert!(!rows[0].contains("06032b6570"));
    for (content, why) in [("77".repeat(32), "does not open"), ("not a key".to_owned(), "64 hexadecimal digits")] {
        let file = fixture.write("other-keys", &content);
        let started = fixture.another_instance(|settings| set(settings, "keys.encryption_key_file", file)).await;
        let Err(error) = started else { unreachable!("it started") };
        let error = format!("{error:#}");
        assert!(error.contains("keys.encryption_key_file") && error.contains(why), "{error}");
        assert!(!error.contains(&content), "{error}");
    }
}

#[tokio::test]
async fn a_key_whose_time_is_over_is_replaced_and_no_longer_shown() {
    let fixture = Fixture::start().await;
    let before = published(&fixture).await.body;
    let session = fixture.log_in("ada@example.org").await;
    fixture.sql("UPDATE signing_keys SET retired_at = signs_from + interval '1 hour' RETURNING kid AS value").await;
    fixture.app().read_keys().await.unwrap();
    assert_eq!(published(&fixture).await.body, before, "its time has not come");
    fixture.advance(SignedDuration::from_hours(1));
    fixture.app().read_keys().await.unwrap();
    let after = published(&fixture).await.body;
    assert_eq!(after["keys"].as_array().unwrap().len(), 1);
    assert_ne!(after, before);
    assert_eq!(fixture.refresh(session.text("refresh_token")).await.status, 200, "sessions do not depend on a key");
}

#[tokio::test]
async fn a_key_is_followed_by_the_next_one_every_thirty_days() {
    let fixture = Fixture::start().await;
    let names = async || {
        let keys = published(&fixture).await.body["keys"].as_array().unwrap().clone();
        keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let signs = async || {
        let session = fixture.log_in_again("ada@example.org").await;
        decode(session.text("access_token").split('.').next().unwrap())["kid"].as_str().unwrap().to_owned()
    };
    fixture.sign_up("ada@example.org").await;
    let first = names().await;
    fixture.advance(SignedDuration::from_hours(24 * 30) - SignedDuration::from_mins(15));
    fixture.app().read_keys().await.unwrap();
    let both = names().await;
    assert_eq!((both.len(), signs().await), (2, first[0].clone()), "published a quarter of an hour before it signs");
    fixture.advance(SignedDuration::from_mins(15));
    let next = signs().await;
    assert!(next != first[0] && both.contains(&next) && names().await.len() == 2);
    fixture.advance(SignedDuration::from_mins(6));
    assert_eq!(names().await, [next], "the last token of the first has expired");
}

#[tokio::test]
async fn keys_that_would_sign_before_everybody_has_read_them_stop_the_start() {
    let fixture = Fixture::start().await;
    let started = fixture.another_instance(|settings| set(settings, "keys.publish_ahead_seconds", 600)).await;
    let Err(error) = started else { unreachable!("it started") };
    assert!(format!("{error:#}").contains("keys.publish_ahead_seconds must be more than"), "{error:#}");
}

#[tokio::test]
async fn discovery_says_where_the_keys_are() {
    let fixture = Fixture::start().await;
    let reply = fixture.get("/.well-known/openid-configuration").await;
    assert_eq!((reply.status, &reply.body["issuer"]), (200, &json!("rollcall")));
    assert!(reply.text("jwks_uri").ends_with(JWKS));
    assert_eq!(reply.body["id_token_signing_alg_values_supported"], json!(["EdDSA"]));

    let public = "https://hr.example.org/.well-known/jwks.json";
    let outside = fixture.another_instance(|settings| set(settings, "keys.public_jwks_url", public)).await.unwrap();
    assert_eq!(outside.get("/.well-known/openid-configuration").await.text("jwks_uri"), public);
}
