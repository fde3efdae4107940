//! Webhooks in the description of the service: OpenAPI 3.1 has a place for requests that come from here.

use super::payload::{PUBLISHED, Published};
use rollcall_ids::OrgId;
use utoipa::PartialSchema as _;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{
    ContentBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder, ResponsesBuilder, Schema,
};

const HEADERS: [(&str, &str); 3] = [
    ("webhook-id", "Id of the event, the same at every attempt: what makes a repetition recognisable"),
    ("webhook-timestamp", "When this attempt was made, in seconds since 1970. Refuse what is older than minutes"),
    (
        "webhook-signature",
        "`v1,` and the base64 of HMAC-SHA256 over `{webhook-id}.{webhook-timestamp}.{body}`; several, with spaces \
         between them, while a replaced secret still signs. One that fits is enough",
    ),
];

/// Adds every event that webhooks are told, with its schema.
pub fn add(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    let mut paths = PathsBuilder::new();
    for published in PUBLISHED {
        let mut schemas = (published.schemas)();
        let name = schemas[0].0.clone();
        for (name, schema) in schemas.drain(..) {
            components.schemas.entry(name).or_insert(schema);
        }
        paths = paths.path(published.kind, PathItem::new(HttpMethod::Post, operation(published, &name)));
    }
    document.webhooks = Some(paths.build());
}

fn operation(published: &Published, data: &str) -> utoipa::openapi::path::Operation {
    let text = |value: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(value.to_owned()));
    let message = ObjectBuilder::new()
        .property("type", text("Type of the event").enum_values(Some([published.kind])))
        .property("timestamp", text("When it happened").format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))))
        .property("org_id", OrgId::schema())
        .property("data", RefOr::<Schema>::Ref(Ref::from_schema_name(data)))
        .required("type")
        .required("timestamp")
        .required("org_id")
        .required("data");
    let body = RequestBodyBuilder::new()
        .content("application/json", ContentBuilder::new().schema(Some(message)).build())
        .required(Some(Required::True));
    let mut operation = OperationBuilder::new()
        .summary(Some(published.summary))
        .tag("webhooks")
        .request_body(Some(body.build()))
        .responses(
            ResponsesBuilder::new()
                .response("2XX", ResponseBuilder::new().description("Taken; what the body says does not count"))
                .response("410", ResponseBuilder::new().description("Gone for good: the webhook is switched off"))
                .response("429", ResponseBuilder::new().description("Busy: nothing more comes before `Retry-After`"))
                .response("default", ResponseBuilder::new().description("Failed, redirects too: it is tried again"))
                .build(),
        );
    for (name, about) in HEADERS {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(Required::True)
            .description(Some(about))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
        operation = operation.parameter(parameter);
    }
    operation.build()
}
