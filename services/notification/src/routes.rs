//! Every route, and the title of their description.

use crate::{announcements, inbox, links, preferences, stream, webhooks};
use rollcall_notification_api::inbox::Category;
use rollcall_notification_api::stream::{Read, Reset};
use utoipa_actix_web::service_config::ServiceConfig;

/// Title, text and tags.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Rollcall notification service",
        version = "1",
        description = "Telling people, at once and without loss: an inbox for each user over all their organisations, \
                       and a stream that follows it. Refusals are `application/problem+json` with a stable `code`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "inbox", description = "What somebody was told"),
        (name = "stream", description = "The same as it happens, by Server-Sent Events"),
        (name = "preferences", description = "What somebody wants to be told, by which ways, and when"),
        (name = "announcements", description = "What an organisation tells its people"),
        (name = "webhooks", description = "Events of an organisation, posted to addresses of its choice"),
        (name = "links", description = "Short links in mails"),
        (name = "internal", description = "For services only, never proxied"),
    ),
    components(schemas(Read, Reset, Category)),
)]
pub(crate) struct Description;

/// Registers them.
pub(crate) fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(preferences::handlers::read)
        .service(preferences::handlers::replace)
        .service(announcements::handlers::make)
        .service(announcements::handlers::list)
        .service(announcements::handlers::one)
        .service(inbox::handlers::list)
        .service(inbox::handlers::read_all)
        .service(inbox::handlers::read)
        .service(inbox::handlers::unread_count)
        .service(stream::handlers::stream)
        .service(stream::websocket::websocket)
        .service(webhooks::handlers::webhooks::create)
        .service(webhooks::handlers::webhooks::list)
        .service(webhooks::handlers::webhooks::read)
        .service(webhooks::handlers::webhooks::replace)
        .service(webhooks::handlers::webhooks::remove)
        .service(webhooks::handlers::secrets::read_secrets)
        .service(webhooks::handlers::secrets::rotate_secret)
        .service(webhooks::handlers::deliveries::list_deliveries)
        .service(webhooks::handlers::deliveries::retry)
        .service(links::handlers::open);
}
