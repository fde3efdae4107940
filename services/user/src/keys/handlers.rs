//! What verifiers of access tokens read. Public, cacheable, the same for everybody.

use crate::app::App;
use crate::error::Error;
use crate::responses;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, get, web};
use rollcall_common::auth::JwkSet;
use serde::Serialize;
use utoipa::ToSchema;

/// Where the keys are, for libraries that find them by discovery (`OpenID` Connect Discovery 1.0 §3, RFC 8414 §2).
#[derive(Debug, Serialize, ToSchema)]
pub struct Discovery {
    /// `iss` of access tokens.
    #[schema(example = "rollcall")]
    issuer: String,
    /// Where the public keys are.
    #[schema(example = "http://127.0.0.1:8101/.well-known/jwks.json")]
    jwks_uri: String,
    /// Empty: no authorization endpoint, people sign in at `POST /api/user/v1/sessions`.
    response_types_supported: Vec<&'static str>,
    /// The same `sub` for everybody.
    #[schema(example = json!(["public"]))]
    subject_types_supported: Vec<&'static str>,
    /// How tokens are signed.
    #[schema(example = json!(["EdDSA"]))]
    id_token_signing_alg_values_supported: Vec<&'static str>,
    /// What access tokens say.
    #[schema(example = json!(["iss", "aud", "sub", "sid", "iat", "exp", "jti"]))]
    claims_supported: Vec<&'static str>,
}

fn cacheable(app: &App, body: &impl Serialize) -> HttpResponse {
    let seconds = app.settings.keys.jwks_max_age_seconds;
    HttpResponse::Ok().insert_header((CACHE_CONTROL, format!("public, max-age={seconds}"))).json(body)
}

/// Public keys of access tokens
///
/// All keys that a valid token may name, and the next one before it signs. Fetch again when a token names a key that is
/// not there.
#[utoipa::path(
    tag = "keys",
    responses(
        (status = 200, description = "The keys (RFC 7517)", body = JwkSet, headers(("Cache-Control" = String, description = "How long to keep them"))),
        responses::Public,
    ),
)]
#[get("/.well-known/jwks.json")]
pub(crate) async fn jwks(app: web::Data<App>) -> Result<HttpResponse, Error> {
    let keys = app.tokens.keys.published(app.core.clock.now())?;
    Ok(cacheable(&app, &keys))
}

/// Where the public keys are
///
/// For libraries that verify tokens and want only an address. Rollcall is no identity provider for others: there is no
/// authorization endpoint.
#[utoipa::path(
    tag = "keys",
    responses(
        (status = 200, description = "The metadata", body = Discovery, headers(("Cache-Control" = String, description = "How long to keep it"))),
    ),
)]
#[get("/.well-known/openid-configuration")]
pub(crate) async fn discovery(app: web::Data<App>) -> HttpResponse {
    let public = app.settings.keys.public_jwks_url.as_ref();
    let document = Discovery {
        issuer: app.tokens.issuer.clone(),
        jwks_uri: public.unwrap_or(&app.core.base.auth.jwks_url).to_string(),
        response_types_supported: vec![],
        subject_types_supported: vec!["public"],
        id_token_signing_alg_values_supported: vec!["EdDSA"],
        claims_supported: vec!["iss", "aud", "sub", "sid", "iat", "exp", "jti"],
    };
    cacheable(&app, &document)
}
