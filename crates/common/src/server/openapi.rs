//! The description of a service, made from its routes.

use super::{Service, routes};
use actix_web::App;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, OpenApi};
use utoipa_actix_web::AppExt as _;

/// The public description: what nginx lets through.
pub fn openapi<S: Service>() -> OpenApi {
    let mut document = openapi_with_internal::<S>();
    document.paths.paths.retain(|path, _| !path.starts_with("/internal/"));
    document
}

/// Everything that is served, for the tests that hold a table against it.
pub fn openapi_with_internal<S: Service>() -> OpenApi {
    let (_, mut document) =
        App::new().into_utoipa_app().openapi(S::describe()).configure(routes::<S>).split_for_parts();
    let components = document.components.get_or_insert_with(Components::new);
    let scheme = |text: &str| {
        let mut http = Http::new(HttpAuthScheme::Bearer);
        http.bearer_format = Some("JWT".to_owned());
        http.description = Some(text.to_owned());
        SecurityScheme::Http(http)
    };
    components
        .add_security_scheme("bearer", scheme("Access token of a signed-in user, from `POST /api/user/v1/sessions`"));
    components.add_security_scheme("service", scheme("Token of another service, signed with its own key"));
    document
}
