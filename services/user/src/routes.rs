//! Every route of the service, in one place.

use crate::{api_tokens, audit, keys, mfa, passwords, resets, sessions, users};
use utoipa_actix_web::service_config::ServiceConfig;

/// Registers them.
pub(crate) fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(users::handlers::sign_up)
        .service(users::handlers::read_me)
        .service(users::handlers::change_me)
        .service(users::handlers::read_contact)
        .service(passwords::change::change_password)
        .service(resets::handlers::request_reset)
        .service(resets::handlers::choose_password)
        .service(mfa::handlers::enrol_totp)
        .service(mfa::handlers::confirm_totp)
        .service(mfa::handlers::remove_totp)
        .service(audit::handlers::list_audit_events)
        .service(sessions::handlers::log_in)
        .service(sessions::handlers::refresh)
        .service(mfa::handlers::log_in_mfa)
        .service(sessions::handlers::list_sessions)
        .service(sessions::handlers::log_out)
        .service(sessions::handlers::end_session)
        .service(sessions::handlers::list_revocations)
        .service(api_tokens::handlers::list_api_tokens)
        .service(api_tokens::handlers::make_api_token)
        .service(api_tokens::handlers::revoke_api_token)
        .service(api_tokens::handlers::read_api_token)
        .service(keys::handlers::jwks)
        .service(keys::handlers::discovery);
}
