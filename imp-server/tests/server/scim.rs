//! Provisioning by SCIM over HTTP: who may, media types, versions, errors, bulk.
use imp_identity::user::Role;
use reqwest::header::{ETAG, IF_MATCH, IF_NONE_MATCH, LOCATION};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::hospital::Hospital;

const JSON: &str = "application/scim+json";

/// A provisioning client of a hospital.
struct Provisioning {
    hospital: Hospital,
    http: reqwest::Client,
    token: String,
    administrator: String,
}

impl Provisioning {
    async fn open() -> Self {
        let hospital = Hospital::open().await;
        let ada = hospital.first_administrator().await;
        let (_, token) = hospital.person(&ada, "root", Role::Administrator).await;
        let administrator = token.expose().clone();
        let http = hospital.http(None);
        let mut open = Self { hospital, http, token: String::new(), administrator };
        open.token = open.token_for("scim").await;
        open
    }

    /// An access token of an application that was registered for this scope.
    async fn token_for(&self, scope: &str) -> String {
        let registration = json!({
            "client_name": format!("client for {scope}"),
            "grant_types": ["client_credentials"],
            "response_types": [],
            "token_endpoint_auth_method": "client_secret_basic",
            "scope": scope,
        });
        let url = format!("{}/v1/clients", self.hospital.server.url());
        let request = self.http.post(url).bearer_auth(&self.administrator).json(&registration);
        let registered = body(request.send().await.unwrap()).await;
        let (id, secret) = (&registered["client_id"], &registered["client_secret"]);
        let url = format!("{}/oauth/token", self.hospital.server.url());
        let request = self.http.post(url).basic_auth(id.as_str().unwrap(), secret.as_str());
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("grant_type=client_credentials&scope={scope}"));
        let answer = body(request.send().await.unwrap()).await;
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/scim/v2{path}", self.hospital.server.url());
        self.http.request(method, url).bearer_auth(&self.token)
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Response {
        let request = self.request(method, path).header("content-type", JSON);
        request.body(body.to_string()).send().await.unwrap()
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }
}

async fn body(answer: Response) -> Value {
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

/// The status and the keyword of an error of SCIM.
async fn error(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["content-type"], JSON);
    let body = body(answer).await;
    assert_eq!(body["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error", "{body}");
    assert_eq!(body["status"], status.to_string());
    (status, body["scimType"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn only_an_application_with_the_scope_provisions() {
    let mut open = Provisioning::open().await;
    assert_eq!(open.get("/Users").await.status(), StatusCode::OK);
    let good = std::mem::take(&mut open.token);
    for (token, status) in [
        (open.administrator.clone(), 401),
        ("nonsense".to_owned(), 401),
        (open.token_for("introspect").await, 403),
    ] {
        open.token = token;
        assert_eq!(error(open.get("/Users").await).await.0, status);
        let eve = json!({ "userName": "eve" });
        assert_eq!(error(open.send(Method::POST, "/Users", &eve).await).await.0, status);
    }
    // What the service offers, anyone may know.
    open.token = String::new();
    for path in ["/ServiceProviderConfig", "/Schemas", "/ResourceTypes/Group"] {
        let url = format!("{}/scim/v2{path}", open.hospital.server.url());
        let answer = open.http.get(url).send().await.unwrap();
        assert_eq!(
            (answer.status(), &answer.headers()["content-type"]),
            (StatusCode::OK, &JSON.parse().unwrap())
        );
    }
    // It provisions, and nothing else.
    let url = format!("{}/v1/users", open.hospital.server.url());
    let answer = open.http.get(url).bearer_auth(good).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_resource_has_an_address_and_a_version() {
    let open = Provisioning::open().await;
    let schema = "urn:ietf:params:scim:schemas:core:2.0:User";
    let wish = json!({ "schemas": [schema], "userName": "Bea", "title": "Nurse" });
    let made = open.send(Method::POST, "/Users?attributes=userName", &wish).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let (location, tag) = (made.headers()[LOCATION].clone(), made.headers()[ETAG].clone());
    let made = body(made).await;
    assert_eq!((&made["userName"], made.get("title")), (&json!("bea"), None));
    let place = format!("/Users/{}", made["id"].as_str().unwrap());
    assert!(location.to_str().unwrap().ends_with(&place), "{location:?}");
    let known = open.request(Method::GET, &place).header(IF_NONE_MATCH, &tag).send().await.unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "title", "value": "Head nurse" }],
    });
    let changed = open.send(Method::PATCH, &place, &patch).await;
    assert_eq!(changed.status(), StatusCode::OK);
    assert_ne!(changed.headers()[ETAG], tag);
    let stale = open.request(Method::DELETE, &place).header(IF_MATCH, &tag).send().await.unwrap();
    assert_eq!(error(stale).await.0, 412);
    let gone = open.request(Method::DELETE, &place).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    assert_eq!(error(open.get(&place).await).await.0, 404);
}

#[tokio::test]
async fn what_is_wrong_is_said_in_scim_words() {
    let open = Provisioning::open().await;
    let bea = json!({ "userName": "bea" });
    assert_eq!(open.send(Method::POST, "/Users", &bea).await.status(), StatusCode::CREATED);
    let again = open.send(Method::POST, "/Users", &bea).await;
    assert_eq!(error(again).await, (409, "uniqueness".to_owned()));
    let nameless = open.send(Method::POST, "/Users", &json!({ "title": "x" })).await;
    assert_eq!(error(nameless).await, (400, "invalidValue".to_owned()));
    let broken = open.request(Method::POST, "/Users").header("content-type", JSON).body("{");
    assert_eq!(error(broken.send().await.unwrap()).await, (400, "invalidSyntax".to_owned()));
    let text = open.request(Method::POST, "/Users").header("content-type", "text/plain").body("{}");
    assert_eq!(error(text.send().await.unwrap()).await.0, 415);
    let filter = open.get("/Users?filter=userName%20is%20%22bea%22").await;
    assert_eq!(error(filter).await, (400, "invalidFilter".to_owned()));
    let unknown = open.get("/Users?filter=shoeSize%20pr").await;
    assert_eq!(error(unknown).await, (400, "invalidFilter".to_owned()));
    assert_eq!(error(open.get("/Users/not-an-id").await).await.0, 404);
    assert_eq!(error(open.get("/Nothing").await).await.0, 404);
    assert_eq!(error(open.request(Method::DELETE, "/Schemas").send().await.unwrap()).await.0, 405);
    assert_eq!(error(open.get("/Schemas?filter=id%20pr").await).await.0, 403);
}

#[tokio::test]
async fn a_bulk_request_creates_a_group_and_its_members() {
    let open = Provisioning::open().await;
    let request = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [
            {
                "method": "POST", "path": "/Groups", "bulkId": "group",
                "data": { "displayName": "Ward 3", "members": [{ "value": "bulkId:bea" }] },
            },
            { "method": "POST", "path": "/Users", "bulkId": "bea", "data": { "userName": "bea" } },
            { "method": "POST", "path": "/Users", "bulkId": "twin", "data": { "userName": "bea" } },
            { "method": "DELETE", "path": "/Users/bulkId:twin" },
        ],
    });
    let answer = open.send(Method::POST, "/Bulk", &request).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let answer = body(answer).await;
    let operations = answer["Operations"].as_array().unwrap();
    let statuses: Vec<_> = operations.iter().map(|it| it["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["201", "201", "409", "409"], "{answer}");
    assert_eq!(operations[2]["response"]["scimType"], "uniqueness");
    let search = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": "displayName eq \"ward 3\"",
    });
    let found = body(open.send(Method::POST, "/Groups/.search", &search).await).await;
    assert_eq!(found["totalResults"], 1);
    let bea = operations[1]["location"].as_str().unwrap();
    assert_eq!(found["Resources"][0]["members"][0]["$ref"], bea);
    let both = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": "displayName sw \"ward\" or userName eq \"bea\"",
    });
    let both = body(open.send(Method::POST, "/.search", &both).await).await;
    assert_eq!(both["totalResults"], 2);
    let kinds = [0, 1].map(|at| both["Resources"][at]["meta"]["resourceType"].clone());
    assert_eq!(kinds, ["User", "Group"]);
    let token = open.administrator.clone().into();
    let administrator = open.hospital.stranger().with_token(token);
    let groups = administrator.groups(None, 10).await.unwrap();
    assert_eq!((groups.groups[0].name.as_str(), groups.groups[0].members), ("Ward 3", 1));
    let group = administrator.group(groups.groups[0].id).await.unwrap();
    assert_eq!(group.members[0].display_name, "bea");
    assert_eq!(administrator.units().await.unwrap().units, []);
    let hidden = body(open.get("/Groups?excludedAttributes=members").await).await;
    assert_eq!(hidden["Resources"][0].get("members"), None);
}

/// The person's own token is refused by the time the answer arrives.
#[tokio::test]
async fn a_leaver_is_refused_at_once() {
    let open = Provisioning::open().await;
    let administrator = open.hospital.stranger().with_token(open.administrator.clone().into());
    let (bea, token) = open.hospital.person(&administrator, "bea", Role::Officer).await;
    let path = format!("/Users/{bea}");
    let url = format!("{}/v1/groups", open.hospital.server.url());
    let ask = || open.http.get(&url).bearer_auth(token.expose()).send();
    assert_eq!(ask().await.unwrap().status(), StatusCode::OK);
    let left = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "value": { "active": false } }],
    });
    assert_eq!(open.send(Method::PATCH, &path, &left).await.status(), StatusCode::OK);
    assert_eq!(ask().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}
