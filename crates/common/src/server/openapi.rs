//! The description of a service, made from its routes.

use super::{Service, routes};
use crate::describe;
use actix_web::App;
use serde_json::Value;
use std::collections::BTreeSet;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, OpenApi};
use utoipa_actix_web::AppExt as _;

const SCHEMAS: &str = "#/components/schemas/";

/// The public description: what nginx lets through, and the schemas that it needs.
pub fn openapi<S: Service>() -> OpenApi {
    let mut document = document::<S>();
    document.paths.paths.retain(|path, _| !path.starts_with("/internal/"));
    let needed = needed_schemas(&document);
    if let Some(components) = &mut document.components {
        components.schemas.retain(|name, _| needed.contains(name));
    }
    document
}

/// Everything that is served, and every event that is told to other services: what a release is compared with, and
/// tests hold tables against.
pub fn openapi_with_internal<S: Service>() -> OpenApi {
    let mut document = document::<S>();
    for event in S::events() {
        event.add_to(&mut document);
    }
    document
}

fn document<S: Service>() -> OpenApi {
    let (_, mut document) =
        App::new().into_utoipa_app().openapi(S::describe()).configure(routes::<S>).split_for_parts();
    for operation in operations(&mut document) {
        // Whoever asks too often is refused by every route alike, before it is reached.
        for (status, refusal) in describe::responses(&[describe::TOO_MANY]) {
            operation.responses.responses.entry(status).or_insert(refusal);
        }
    }
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

fn operations(document: &mut OpenApi) -> impl Iterator<Item = &mut Operation> {
    document.paths.paths.values_mut().flat_map(|path| {
        [&mut path.get, &mut path.put, &mut path.post, &mut path.delete, &mut path.patch].into_iter().flatten()
    })
}

/// The schemas that the paths and webhooks refer to, and those that these refer to.
fn needed_schemas(document: &OpenApi) -> BTreeSet<String> {
    // A description that is no JSON keeps nothing, which the test of every committed one would show.
    let document = serde_json::to_value(document).unwrap_or_default();
    let mut needed = BTreeSet::new();
    let mut open = Vec::new();
    references(&document["paths"], &mut open);
    references(&document["webhooks"], &mut open);
    while let Some(name) = open.pop() {
        if needed.insert(name.clone()) {
            references(&document["components"]["schemas"][&name], &mut open);
        }
    }
    needed
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            let name = fields.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix(SCHEMAS));
            found.extend(name.map(str::to_owned));
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}
