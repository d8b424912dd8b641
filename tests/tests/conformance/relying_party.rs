//! An application: what it keeps, asks and checks. ID tokens are verified by a library that is not ours.
use data_encoding::{BASE64, BASE64URL_NOPAD};
use imp_identity::Clock as _;
use imp_tests::browser::encode;
use imp_tests::world::World;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use super::provider::{CALLBACK, VERIFIER};

/// How the application proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    Basic,
    Post,
}

/// A registered application.
pub(super) struct RelyingParty {
    pub(super) id: String,
    pub(super) issuer: String,
    pub(super) metadata: Value,
    secret: String,
    proof: Proof,
    http: reqwest::Client,
}

/// What an application got for a code.
#[derive(Clone, Debug)]
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) refresh: Option<String>,
    pub(super) id: String,
    pub(super) response: Value,
}

impl Tokens {
    /// Reads an answer of the token endpoint (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3).
    pub(super) fn of(body: &Value) -> Self {
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        assert_eq!(body["token_type"], "Bearer");
        assert!(body["expires_in"].as_i64().expect("expires_in") > 0);
        Self {
            access: text("access_token").expect("access_token"),
            refresh: text("refresh_token"),
            id: text("id_token").expect("id_token"),
            response: body.clone(),
        }
    }
}

impl RelyingParty {
    /// Registers an application by the administrator, as a static client of the suite is.
    pub(super) async fn register(world: &World, changes: &Value) -> Self {
        let mut metadata = json!({
            "client_name": "Conformance",
            "redirect_uris": [CALLBACK],
            "post_logout_redirect_uris": ["https://application.example/signed-out"],
            "scope": "openid profile email",
            "grant_types": ["authorization_code", "refresh_token"],
        });
        for (name, value) in changes.as_object().expect("an object") {
            metadata[name] = value.clone();
        }
        let proof = if metadata["token_endpoint_auth_method"] == "client_secret_post" {
            Proof::Post
        } else {
            Proof::Basic
        };
        let client: Value = world
            .administrator
            .post("v1/clients", &metadata)
            .await
            .expect("the client is registered");
        let text = |name: &str| {
            client[name].as_str().unwrap_or_else(|| panic!("{name} in {client}")).to_owned()
        };
        let http = world.http();
        let url = format!("{}/.well-known/openid-configuration", world.issuer());
        let response = http.get(url).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        assert!(
            response.headers()["content-type"].to_str().unwrap().starts_with("application/json")
        );
        let metadata: Value = response.json().await.expect("discovery");
        let issuer = metadata["issuer"].as_str().expect("issuer").to_owned();
        assert_eq!(issuer, world.issuer());
        Self { id: text("client_id"), secret: text("client_secret"), issuer, metadata, proof, http }
    }

    /// The URL of an endpoint.
    pub(super) fn endpoint(&self, name: &str) -> String {
        let url = self.metadata[name].as_str().unwrap_or_else(|| panic!("{name}"));
        assert!(url.starts_with("https://"), "{url}");
        url.to_owned()
    }

    /// An authorization request.
    pub(super) fn authorize_path(&self, parameters: &[(String, String)]) -> String {
        format!("{}?{}", self.endpoint("authorization_endpoint"), encode(parameters))
    }

    /// Exchanges a code.
    pub(super) async fn redeem(&self, code: &str) -> (StatusCode, Value) {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.token(&fields).await
    }

    /// Asks the token endpoint.
    pub(super) async fn token(&self, fields: &[(&str, &str)]) -> (StatusCode, Value) {
        let response = self.ask("token_endpoint", fields).await;
        let status = response.status();
        // OpenID Connect Core §3.1.3.3.
        assert!(response.headers()["cache-control"].to_str().unwrap().contains("no-store"));
        (status, response.json().await.expect("JSON"))
    }

    /// Asks an endpoint with the application's proof.
    pub(super) async fn ask(&self, endpoint: &str, fields: &[(&str, &str)]) -> Response {
        let mut fields: Vec<_> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut request = self.http.post(self.endpoint(endpoint));
        match self.proof {
            Proof::Basic => {
                let credentials = BASE64.encode(format!("{}:{}", self.id, self.secret).as_bytes());
                request = request.header("authorization", format!("Basic {credentials}"));
            }
            Proof::Post => {
                fields.push(("client_id".to_owned(), self.id.clone()));
                fields.push(("client_secret".to_owned(), self.secret.clone()));
            }
        }
        post(request, &fields).await
    }

    /// Asks the userinfo endpoint with the token in the header.
    pub(super) async fn userinfo(&self, access: &str) -> (StatusCode, Value) {
        let request = self.http.get(self.endpoint("userinfo_endpoint"));
        let response = request
            .header("authorization", format!("Bearer {access}"))
            .send()
            .await
            .expect("an answer");
        (response.status(), response.json().await.expect("JSON"))
    }

    /// The same by POST.
    pub(super) async fn userinfo_by_post(
        &self,
        header: Option<&str>,
        body: Option<&str>,
    ) -> (StatusCode, Value) {
        let mut request = self.http.post(self.endpoint("userinfo_endpoint"));
        if let Some(access) = header {
            request = request.header("authorization", format!("Bearer {access}"));
        }
        let fields: Vec<_> =
            body.map(|access| ("access_token".to_owned(), access.to_owned())).into_iter().collect();
        let response = post(request, &fields).await;
        (response.status(), response.json().await.expect("JSON"))
    }

    /// The claims of an ID token, after every check of OpenID Connect Core §3.1.3.7.
    pub(super) async fn id_token(
        &self,
        world: &World,
        tokens: &Tokens,
        nonce: Option<&str>,
    ) -> Value {
        let claims = self.signed(&tokens.id).await;
        assert_eq!(claims["iss"], self.issuer.as_str());
        assert_eq!(claims["aud"], self.id.as_str());
        assert_eq!(claims["nonce"].as_str(), nonce);
        assert!((1..=255).contains(&claims["sub"].as_str().expect("sub").len()));
        let (now, seconds) =
            (world.clock.now().as_second(), |name: &str| claims[name].as_i64().expect("a time"));
        assert!(seconds("exp") > now && (now - 60..=now).contains(&seconds("iat")));
        assert!(seconds("auth_time") <= now);
        if let Some(hash) = claims["at_hash"].as_str() {
            let digest = imp_identity::Digest::of(&[tokens.access.as_bytes()]);
            assert_eq!(hash, BASE64URL_NOPAD.encode(&digest.as_bytes()[..16]));
        }
        claims
    }

    /// The claims of a token that one of the published keys signed.
    pub(super) async fn signed(&self, token: &str) -> Value {
        let header = decode_header(token).expect("a token");
        assert_eq!(header.alg, Algorithm::ES256);
        let keys = self.keys().await;
        let key = keys.find(header.kid.as_deref().expect("kid")).expect("a published key");
        let mut validation = Validation::new(header.alg);
        // The hospital's clock is not the machine's: times and audiences are compared by hand.
        (validation.validate_exp, validation.validate_aud) = (false, false);
        validation.required_spec_claims.clear();
        let key = DecodingKey::from_jwk(key).expect("a key");
        decode::<Value>(token, &key, &validation).expect("the signature holds").claims
    }

    /// The published keys, none of them private.
    pub(super) async fn keys(&self) -> JwkSet {
        let response = self.http.get(self.endpoint("jwks_uri")).send().await.expect("an answer");
        let keys: Value = response.json().await.expect("JSON");
        for key in keys["keys"].as_array().expect("keys") {
            assert!(["d", "k", "p", "q"].iter().all(|name| key.get(name).is_none()));
        }
        serde_json::from_value(keys).expect("keys")
    }
}

async fn post(request: RequestBuilder, fields: &[(String, String)]) -> Response {
    let request =
        request.header("content-type", "application/x-www-form-urlencoded").body(encode(fields));
    request.send().await.expect("an answer")
}
