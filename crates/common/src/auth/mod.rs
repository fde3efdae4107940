//! Who calls: a signed-in person by an access token of the user service, or a service by a token of its own. Both
//! are verified here, with keys at hand; no call is made while a request waits, unless a key or an API token is
//! unknown. Sessions that ended early are refused by what the user service has told.

mod access;
mod api_tokens;
mod keys;
mod revocations;
mod service;

pub use access::{AccessClaims, Caller};
pub use api_tokens::{
    API_TOKEN_PREFIX, ApiTokenAuthority, ApiTokenGrant, Grant, STALE as API_TOKEN_STALE, api_token_path,
    parse_api_token_hash,
};
pub use keys::{Jwk, JwkSet, KeySource};
pub use revocations::{
    API_TOKEN_REVOKED, REVOCATIONS_PATH, Revocation, RevocationKind, RevocationList, Revocations, SESSION_ENDED,
    USER_DISABLED,
};
pub use service::{Identity, ServiceCaller};

pub(crate) use access::AccessTokens;
pub(crate) use api_tokens::ApiTokens;
pub(crate) use keys::KeyCache;
pub(crate) use service::ServiceTokens;

use crate::fault::Fault;
use crate::server::Core;
use crate::server::limits::{Principal, Standing};
use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpMessage as _, HttpRequest, web};
use rollcall_ids::SessionId;

/// How far two machines' clocks may differ, in seconds.
const LEEWAY_SECONDS: i64 = 5;

/// What the subprotocol begins with that carries a token.
const PROTOCOL: &str = "bearer.";

/// The token of `Authorization: Bearer …`; where a WebSocket is opened without that header, which browsers and mini
/// programs cannot set, that of the subprotocol `bearer.<token>` it offers. A token never stands in a URL: those are kept
/// in logs and histories.
pub fn bearer(request: &HttpRequest) -> Option<&str> {
    let headers = request.headers();
    let Some(value) = headers.get(header::AUTHORIZATION) else { return of_websocket(headers) };
    // Not `to_str`, which looks at every byte by itself: a token has hundreds, and is asked for more than once.
    let value = value.as_bytes();
    let (scheme, token) = value.split_at(value.iter().position(|byte| *byte == b' ')?);
    let token =
        std::str::from_utf8(token).ok().filter(|token| scheme.eq_ignore_ascii_case(b"bearer") && token.is_ascii())?;
    Some(token.trim())
}

fn of_websocket(headers: &HeaderMap) -> Option<&str> {
    let upgrade = headers.get(header::UPGRADE)?.to_str().ok()?;
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).filter_map(|value| value.to_str().ok());
    upgrade.eq_ignore_ascii_case("websocket").then(|| offered.flat_map(|value| value.split(',')))?.find_map(in_protocol)
}

/// The token in a subprotocol that a client offers.
pub fn in_protocol(offer: &str) -> Option<&str> {
    offer.trim().strip_prefix(PROTOCOL)
}

/// Whether a request says who it is from; that makes nobody known.
pub(crate) fn says_who(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION) || of_websocket(headers).is_some()
}

/// Counts a request from an address that has asked too often, if it comes from somebody we know: they do not pay for
/// the address. Otherwise `exhausted`, which is where the address stands, is why it is refused.
pub(crate) async fn count_known(
    request: &HttpRequest,
    core: &Core,
    exhausted: Standing,
) -> Result<(), (Fault, Standing)> {
    let token = bearer(request).unwrap_or_default();
    let principal = match core.service_tokens.verify(token) {
        Some(service) => Ok(Principal::Service(service.name().to_owned())),
        None => core.access_tokens.verify(token).await.map(|caller| caller.principal()),
    };
    let standing = match principal {
        Ok(principal) => core.rates.count(principal),
        Err(Fault::NotSignedIn(_)) => exhausted,
        // Whoever says who they are is away: that is not the caller's doing.
        Err(fault) => return Err((fault, exhausted)),
    };
    if let Some(refusal) = standing.refusal() {
        return Err((refusal, standing));
    }
    request.extensions_mut().insert(standing);
    Ok(())
}

/// Counts a request for its principal, once however many extractors ask who it is.
fn count(request: &HttpRequest, count: impl FnOnce() -> Standing) -> Result<(), Fault> {
    if request.extensions().contains::<Standing>() {
        return Ok(());
    }
    let standing = count();
    let refusal = standing.refusal();
    request.extensions_mut().insert(standing);
    refusal.map_or(Ok(()), Err)
}

/// Counts a token that is worth nothing for the address that it came from; answers why the request is refused.
fn not_known(fault: Fault, request: &HttpRequest, core: &Core) -> Fault {
    if !matches!(fault, Fault::NotSignedIn(_)) || request.extensions().contains::<Standing>() {
        return fault;
    }
    let Some(standing) = core.rates.count_stranger(request) else { return fault };
    let refusal = standing.refusal();
    request.extensions_mut().insert(standing);
    refusal.unwrap_or(fault)
}

/// Whoever is known by a secret that a service keeps itself, as a device is: `known` is what was found under it, with an
/// id that stands for it. It is counted like an API token, and a secret that is worth nothing for the address.
pub fn by_secret<T>(request: &HttpRequest, known: Result<(SessionId, T), Fault>) -> Result<T, Fault> {
    let core = request.app_data::<web::Data<Core>>();
    let core = core.ok_or_else(|| Fault::internal(anyhow::anyhow!("no core is registered")))?;
    let (id, known) = known.map_err(|fault| not_known(fault, request, core))?;
    count(request, || core.rates.count(Principal::ApiToken(id)))?;
    Ok(known)
}
