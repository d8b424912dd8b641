//! Names in bodies, parsed.
use std::fmt::Display;
use std::str::FromStr;

use imp_api::admin::CreateUser;
use imp_identity::name::Label;
use imp_identity::user::Role;
use imp_identity::workstation::Place;
use imp_service::http::problem::BODY_INVALID;

use crate::command::NewUser;
use crate::http::ProblemResponse;

/// Parses one field of a body.
pub(crate) fn field<T: FromStr<Err: Display>>(
    name: &str,
    text: &str,
) -> Result<T, ProblemResponse> {
    text.parse().map_err(|error| {
        let problem = BODY_INVALID.says("The body does not say what is expected.");
        problem.with_detail(format!("{name}: {error}"))
    })
}

/// A ward or department, if one is named.
pub(crate) fn unit(text: Option<&str>) -> Result<Option<Label>, ProblemResponse> {
    text.map(|text| field("unit", text)).transpose()
}

/// A ward or department and a building or campus, if they are named.
pub(crate) fn place(unit: Option<&str>, site: Option<&str>) -> Result<Place, ProblemResponse> {
    let site = site.map(|site| field("site", site)).transpose()?;
    Ok(Place { unit: self::unit(unit)?, site })
}

/// A user to create; `staff` unless said otherwise.
pub(crate) fn new_user(body: &CreateUser) -> Result<NewUser, ProblemResponse> {
    Ok(NewUser {
        username: field("username", &body.username)?,
        display_name: field("display_name", &body.display_name)?,
        role: body.role.unwrap_or(Role::Staff),
        unit: unit(body.unit.as_deref())?,
        email: body.email.clone(),
    })
}
