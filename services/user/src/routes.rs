//! Every route of the service, in one place.

use crate::{keys, sessions, users};
use utoipa_actix_web::service_config::ServiceConfig;

/// Registers them.
pub(crate) fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(users::handlers::sign_up)
        .service(users::handlers::read_me)
        .service(users::handlers::change_me)
        .service(users::handlers::read_contact)
        .service(sessions::handlers::log_in)
        .service(sessions::handlers::refresh)
        .service(sessions::handlers::log_out)
        .service(keys::handlers::jwks)
        .service(keys::handlers::discovery);
}
