//! The OpenAPI document and the page to try it; its assets are in the binary.

use axum::Router;
use utoipa::ToSchema as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::Tag;
use utoipa::openapi::{Content, Info, OpenApi, PathItem, Ref, RefOr, Response};
use utoipa_swagger_ui::SwaggerUi;

use super::Service;
use crate::auth::Access;
use crate::problem::{PROBLEM_JSON, ProblemDocument};

/// Completes the document: what the service is, and the problems that any operation may answer.
pub(super) fn describe(document: &mut OpenApi, service: &Service) {
    document.info = Info::new(service.name, service.version);
    document.info.description = Some(service.description.to_owned());
    // The page lists tags in this order: what the service is for first, its probes last.
    let named = document.paths.paths.values_mut().flat_map(operations);
    let mut tags: Vec<String> = named
        .filter_map(|operation| operation.tags.clone())
        .flatten()
        .collect();
    tags.sort_by_key(|tag| tag == PROBES);
    tags.dedup();
    document.tags = Some(tags.into_iter().map(Tag::new).collect());
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in methods(item) {
            operation.operation_id = Some(operation_id(method, path));
            add_problems(operation);
            guard(operation, &service.access);
        }
    }
    if !service.access.is_open() {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A key: `stocksctl keys create`"));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(KEY, SecurityScheme::Http(scheme.build()));
    }
}

/// Name of the security scheme that handlers ask for.
const KEY: &str = "key";
/// Scope of those that only read the catalogue.
const READ: &str = "read";

/// Leaves of what an operation asks of its caller what it asks as things are set, and adds how it refuses.
fn guard(operation: &mut Operation, access: &Access) {
    let reads = [SecurityRequirement::new(KEY, [READ])];
    let is_read = operation.security.as_deref() == Some(&reads);
    if access.is_open() || (is_read && !access.protects_reads()) {
        operation.security = None;
    }
    if operation.security.is_some() {
        let responses = &mut operation.responses.responses;
        for (status, description) in [
            ("401", "unauthenticated: no key, or one that does not count"),
            ("403", "forbidden: the key is for something else"),
        ] {
            let response = problem_response(description);
            responses.insert(status.to_owned(), RefOr::T(response));
        }
    }
}

/// Tag of the calls that watch a service.
pub(super) const PROBES: &str = "probes";

pub(super) fn page(document: OpenApi) -> Router {
    SwaggerUi::new("/docs")
        .url("/openapi.json", document)
        .into()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    methods(item).map(|(_, operation)| operation)
}

fn methods(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("get", &mut item.get),
        ("post", &mut item.post),
        ("put", &mut item.put),
        ("delete", &mut item.delete),
        ("patch", &mut item.patch),
    ];
    all.into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// The one name of an operation in its document, such as `get_stocks_symbol`: handlers of many resources are named alike.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(|character: char| !character.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    [method]
        .into_iter()
        .chain(words)
        .collect::<Vec<_>>()
        .join("_")
}

fn add_problems(operation: &mut Operation) {
    let takes_parameters = operation
        .parameters
        .as_ref()
        .is_some_and(|parameters| !parameters.is_empty());
    let takes_body = operation.request_body.is_some();
    let problems = [
        (
            "400",
            "The request cannot be read",
            takes_parameters || takes_body,
        ),
        ("413", "The body is too large", takes_body),
        ("415", "The body is no JSON by its content type", takes_body),
        (
            "422",
            "A part of the request is wrong",
            takes_parameters || takes_body,
        ),
        ("500", "The service failed", true),
        ("503", "Not available for now; see Retry-After", true),
    ];
    for (status, description, applies) in problems {
        let responses = &mut operation.responses.responses;
        if applies && !responses.contains_key(status) {
            responses.insert(status.to_owned(), RefOr::T(problem_response(description)));
        }
    }
}

fn problem_response(description: &str) -> Response {
    let mut response = Response::new(description);
    let schema = Ref::from_schema_name(ProblemDocument::name());
    response.content.insert(
        PROBLEM_JSON.to_owned(),
        RefOr::T(Content::new(Some(schema))),
    );
    response
}
