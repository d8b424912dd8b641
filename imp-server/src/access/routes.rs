//! The routes of the contract with what each asks of its callers.
use axum::http::Method;
use imp_access::{CallerKind, Operation, SubjectKind};
use serde_json::Value;
use utoipa::openapi::OpenApi;

use super::GateError;

/// How callers show who they are: the contract's security schemes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scheme {
    /// By the certificate of the connection.
    Machine,
    /// By a token of hers, or by her browser's sign-on.
    Person,
    /// By a receiver's token.
    Receiver,
    /// By an access token in an application's own name.
    Client,
}

/// One route.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// What policies know it as.
    pub(crate) operation: Operation,
    /// Ways of showing who asks, each of which may need several schemes. None: anyone asks.
    pub(crate) ways: Vec<Vec<Scheme>>,
    /// The parameter of the address that names what is asked about.
    pub(crate) parameter: Option<String>,
}

/// The operations of the contract, for whoever reads policies without serving.
pub(crate) fn operations(contract: &OpenApi) -> Result<Vec<Operation>, GateError> {
    Ok(read(contract)?.into_iter().map(|(_, route)| route.operation).collect())
}

/// Where a route is: its method and the path with its parameters.
pub(super) type Place = (Method, String);

/// Reads every route of the contract.
pub(super) fn read(contract: &OpenApi) -> Result<Vec<(Place, Route)>, GateError> {
    let broken = |what: &str| GateError::Contract(what.to_owned());
    let document =
        serde_json::to_value(contract).map_err(|error| GateError::Contract(error.to_string()))?;
    let paths = document["paths"].as_object().ok_or_else(|| broken("no paths"))?;
    let mut routes = vec![];
    for (path, item) in paths {
        for (name, operation) in item.as_object().into_iter().flatten() {
            let Some(method) = method(name) else { continue };
            let route = route(path, operation)?;
            routes.push(((method, path.clone()), route));
        }
    }
    Ok(routes)
}

fn method(name: &str) -> Option<Method> {
    Some(match name {
        "get" => Method::GET,
        "post" => Method::POST,
        "put" => Method::PUT,
        "patch" => Method::PATCH,
        "delete" => Method::DELETE,
        _ => return None,
    })
}

fn route(path: &str, operation: &Value) -> Result<Route, GateError> {
    let id = operation["operationId"].as_str();
    let id = id.ok_or_else(|| GateError::Contract(format!("{path} has no operation id")))?;
    let tags = operation["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let groups = tags.map(|tag| format!("{tag}/*")).collect();
    let mut ways = vec![];
    for way in operation["security"].as_array().into_iter().flatten() {
        let mut schemes = vec![];
        for name in way.as_object().into_iter().flat_map(serde_json::Map::keys) {
            schemes.push(scheme(id, name)?);
        }
        schemes.sort_unstable();
        ways.push(schemes);
    }
    let mut callers: Vec<_> = ways.iter().flatten().flat_map(|scheme| scheme.callers()).collect();
    if callers.is_empty() {
        callers.push(&CallerKind::Anyone);
    }
    callers.sort_unstable();
    callers.dedup();
    let (parameter, subject) = subject(path).unzip();
    let subject = subject.unwrap_or(SubjectKind::Hospital);
    let operation = Operation {
        id: id.to_owned(),
        groups,
        callers: callers.into_iter().copied().collect(),
        subject,
    };
    Ok(Route { operation, ways, parameter })
}

/// The first parameter of the address that policies know.
fn subject(path: &str) -> Option<(String, SubjectKind)> {
    let parameters = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut known =
        parameters.filter_map(|name| Some((name.to_owned(), SubjectKind::of_parameter(name)?)));
    known.next()
}

fn scheme(operation: &str, name: &str) -> Result<Scheme, GateError> {
    match name {
        "machine" => Ok(Scheme::Machine),
        "person" => Ok(Scheme::Person),
        "receiver" => Ok(Scheme::Receiver),
        "client" => Ok(Scheme::Client),
        _ => Err(GateError::Contract(format!("{operation} asks for the unknown scheme {name}"))),
    }
}

impl Scheme {
    const fn callers(self) -> &'static [CallerKind] {
        match self {
            Self::Machine => &[CallerKind::Workstation, CallerKind::Phone, CallerKind::Device],
            Self::Person => &[CallerKind::User],
            Self::Receiver => &[CallerKind::Receiver],
            Self::Client => &[CallerKind::Client],
        }
    }
}
