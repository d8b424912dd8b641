//! HTTP: the route table, who asks, and one file an endpoint.
pub(crate) mod admin;
pub(crate) mod answer;
pub(crate) mod audit;
mod authorize;
pub(crate) mod break_glass;
pub(crate) mod caller;
pub(crate) mod enrolment;
pub(crate) mod extract;
pub(crate) mod limits;
pub(crate) mod log;
pub(crate) mod machine;
pub(crate) mod me;
pub(crate) mod notice;
pub(crate) mod origin;
pub(crate) mod problem;
pub(crate) mod router;
pub(crate) mod saml;
pub(crate) mod service;
pub(crate) mod session;
mod settle;
pub(crate) mod sign_in;
pub(crate) mod ssf;
pub(crate) mod streams;
pub(crate) mod tap;

pub(crate) use extract::{Path, Query};
pub(crate) use imp_service::http::{Json, ProblemResponse};
