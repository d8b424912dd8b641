//! Routes that no policy guards, because they are not in the contract: those of the listeners for EST and for what is published,
//! and of the witness. There are exactly these, and each says here, and in `docs/authorization.md`, who may ask.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use imp_identity::clock::SystemClock;
use imp_pki::est;
use rcgen::{CertificateParams, KeyPair};
use tower::ServiceExt as _;

use super::{est as enrolment, publication, router};
use crate::app::App;
use crate::config::Config;

/// What may be asked at a route, and by whom.
struct Open {
    /// As it stands in the router.
    route: &'static str,
    /// Who may ask, as `docs/authorization.md` says it.
    who: &'static str,
}

const EST: &str = "a one-time code, the maker's certificate, or its own";
const ANYBODY: &str = "anybody";

/// The files that make such a router, and its routes.
const ROUTERS: [(&str, &[Open]); 3] = [
    (
        "http/est.rs",
        &[
            Open { route: "/.well-known/est/{operation}", who: EST },
            Open { route: "/.well-known/est/{label}/{operation}", who: EST },
        ],
    ),
    (
        "http/publication.rs",
        &[
            Open { route: "/ocsp", who: ANYBODY },
            Open { route: "/ocsp/", who: ANYBODY },
            Open { route: "/ocsp/{*request}", who: ANYBODY },
            Open { route: "/ca/{issuer}", who: ANYBODY },
            Open { route: "/crl/{issuer}", who: ANYBODY },
            Open { route: "/crl/{issuer}/{partition}", who: ANYBODY },
        ],
    ),
    (
        "witness/http.rs",
        &[
            Open { route: "/add-checkpoint", who: "a log that this witness knows" },
            Open { route: "/{origin_hash}/checkpoint", who: ANYBODY },
        ],
    ),
];

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// A file without its tests.
fn source(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

/// Every source below a folder.
fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "tests" {
            below(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs")
            && !matches!(name, "tests.rs" | "unguarded.rs")
        {
            found.push(path);
        }
    }
}

#[test]
fn no_router_but_the_known_ones_stands_beside_the_gate() {
    let mut files = vec![];
    below(&sources(), &mut files);
    assert!(files.len() > 100, "only {} sources", files.len());
    let mut makers: Vec<String> = files
        .iter()
        .filter(|path| source(path).replace("OpenApiRouter::new()", "").contains("Router::new()"))
        .map(|path| path.strip_prefix(sources()).unwrap().display().to_string())
        .collect();
    makers.sort();
    assert_eq!(makers, ROUTERS.map(|(file, _)| file));
}

#[test]
fn routes_beside_the_gate_are_the_known_ones() {
    for (file, open) in ROUTERS {
        let text = source(&sources().join(file));
        let routes: Vec<&str> = text
            .split(".route(\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap_or_default())
            .collect();
        assert_eq!(routes, open.iter().map(|it| it.route).collect::<Vec<_>>(), "{file}");
        for other in [".nest", ".merge(", ".fallback", "route_service", ".route(\n"] {
            assert!(!text.contains(other), "{file}: {other} would hide routes from this test");
        }
    }
}

#[test]
fn the_page_about_authorization_names_each_of_them_and_who_may_ask() {
    let page = sources().join("../../docs/authorization.md");
    let page = std::fs::read_to_string(page).unwrap();
    for open in ROUTERS.into_iter().flat_map(|(_, open)| open) {
        let shown = format!("`{}`", open.route.replace("{*", "{"));
        let row = page.lines().find(|line| line.starts_with('|') && line.contains(&shown));
        let row = row.unwrap_or_else(|| panic!("no row of the page has {shown}"));
        assert!(row.contains(open.who), "{shown} is for {}: {row}", open.who);
    }
}

async fn app() -> (App, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::at(&folder.path().join("data"));
    (App::open(config, Arc::new(SystemClock), 8443).await.unwrap(), folder)
}

async fn ask(router: &Router, method: Method, path: &str, kind: &str, body: String) -> StatusCode {
    let request = Request::builder().method(method).uri(path).header("content-type", kind);
    let request = request.body(Body::from(body)).unwrap();
    router.clone().oneshot(request).await.unwrap().status()
}

#[tokio::test]
async fn nothing_of_the_contract_is_answered_beside_the_gate() {
    let (app, _folder) = app().await;
    let routers = [enrolment::router(app.clone()), publication::router(app)];
    let contract = serde_json::to_value(router::published()).unwrap();
    let mut asked = 0;
    for (path, item) in contract["paths"].as_object().unwrap() {
        let path = path.replace(['{', '}'], "");
        for method in item.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            for router in &routers {
                let json = "application/json";
                let status = ask(router, method.clone(), &path, json, "{}".to_owned()).await;
                assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}");
                asked += 1;
            }
        }
    }
    assert!(asked > 400, "only {asked}");
}

#[tokio::test]
async fn a_stranger_gets_what_is_signed_or_public_and_nothing_else() {
    let (app, _folder) = app().await;
    let (est_router, open) = (enrolment::router(app.clone()), publication::router(app));
    let key = KeyPair::generate().unwrap();
    let request = CertificateParams::new(vec![]).unwrap().serialize_request(&key).unwrap();
    let request = est::encode(request.der());
    let pkcs10 = "application/pkcs10";
    for label in ["", "default/"] {
        let at = |operation: &str| format!("{}/{label}{operation}", est::ROOT);
        for (method, operation, expected) in [
            (Method::GET, "cacerts", StatusCode::OK),
            (Method::GET, "csrattrs", StatusCode::OK),
            (Method::POST, "simpleenroll", StatusCode::UNAUTHORIZED),
            (Method::POST, "simplereenroll", StatusCode::FORBIDDEN),
            (Method::POST, "fullcmc", StatusCode::NOT_IMPLEMENTED),
            (Method::POST, "serverkeygen", StatusCode::NOT_IMPLEMENTED),
            (Method::GET, "anything", StatusCode::NOT_FOUND),
            (Method::POST, "cacerts", StatusCode::METHOD_NOT_ALLOWED),
            (Method::GET, "simpleenroll", StatusCode::METHOD_NOT_ALLOWED),
        ] {
            let body = if method == Method::POST { request.clone() } else { String::new() };
            let status = ask(&est_router, method, &at(operation), pkcs10, body).await;
            assert_eq!(status, expected, "{}", at(operation));
        }
    }
    // What is published can be read, and by nobody changed.
    for path in ["/ocsp", "/ocsp/", "/ocsp/MAA=", "/ca/x.cer", "/crl/x.crl", "/crl/x/0.crl"] {
        for method in [Method::PUT, Method::DELETE, Method::PATCH] {
            let status = ask(&open, method, path, "text/plain", String::new()).await;
            assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        }
    }
    let ocsp = ask(&open, Method::POST, "/ocsp", "application/ocsp-request", "x".to_owned()).await;
    assert_eq!(ocsp, StatusCode::OK, "refusals are answers of OCSP");
}
