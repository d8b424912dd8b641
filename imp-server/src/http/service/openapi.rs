//! `GET /v1/openapi.json`
use imp_service::http::Json;
use utoipa::Modify;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::http::router;

/// How callers show who they are.
pub(crate) struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        let machine = SecurityScheme::MutualTls {
            description: Some("a certificate of this installation".to_owned()),
            deprecated: None,
            extensions: None,
        };
        let person = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let receiver = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let client = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("client", SecurityScheme::Http(client));
        components.add_security_scheme("machine", machine);
        components.add_security_scheme("receiver", SecurityScheme::Http(receiver));
        components.add_security_scheme("person", SecurityScheme::Http(person));
    }
}

/// This contract, in `OpenAPI` 3.1.
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "service", operation_id = "contract",
    responses((status = 200, description = "the contract", body = Object))
)]
pub(crate) async fn contract() -> Json<OpenApi> {
    Json(router::published())
}
