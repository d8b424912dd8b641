//! The `claims` parameter (OpenID Connect Core §5.5).
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json;

/// How many claims may be asked for at each place.
const MAX_CLAIMS: usize = 50;

/// Claims that are asked for one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsRequest {
    /// For the userinfo endpoint.
    #[serde(default)]
    pub userinfo: BTreeMap<String, ClaimRequest>,
    /// For the ID token.
    #[serde(default)]
    pub id_token: BTreeMap<String, ClaimRequest>,
}

/// How a claim is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRequest {
    /// The application cannot do without it.
    #[serde(default)]
    pub essential: bool,
    /// It should have one of these values.
    #[serde(default)]
    pub values: Vec<Value>,
}

/// The text is no JSON of OpenID Connect Core §5.5, or asks for more than 50 claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the claims parameter is malformed")]
pub struct InvalidClaims;

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    userinfo: Option<BTreeMap<String, Option<RawClaim>>>,
    #[serde(default)]
    id_token: Option<BTreeMap<String, Option<RawClaim>>>,
}

#[derive(Default, Deserialize)]
struct RawClaim {
    #[serde(default)]
    essential: bool,
    #[serde(default)]
    value: Option<Value>,
    #[serde(default)]
    values: Vec<Value>,
}

impl ClaimsRequest {
    /// Reads the parameter.
    pub fn parse(text: &str) -> Result<Self, InvalidClaims> {
        let raw: Raw = json::object(text.as_bytes()).map_err(|_| InvalidClaims)?;
        Ok(Self { userinfo: read(raw.userinfo)?, id_token: read(raw.id_token)? })
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.userinfo.is_empty() && self.id_token.is_empty()
    }

    /// The `acr` values that the ID token must have (§5.5.1.1).
    pub fn essential_acr(&self) -> Option<Vec<String>> {
        let acr = self.id_token.get("acr").filter(|acr| acr.essential && !acr.values.is_empty())?;
        Some(acr.values.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// The subject that must be the one signed in (§5.5.1).
    pub fn subject(&self) -> Option<&str> {
        self.id_token.get("sub")?.values.first()?.as_str()
    }
}

fn read(
    claims: Option<BTreeMap<String, Option<RawClaim>>>,
) -> Result<BTreeMap<String, ClaimRequest>, InvalidClaims> {
    let claims = claims.unwrap_or_default();
    if claims.len() > MAX_CLAIMS {
        return Err(InvalidClaims);
    }
    let read = |claim: Option<RawClaim>| {
        let RawClaim { essential, value, mut values } = claim.unwrap_or_default();
        values.extend(value);
        ClaimRequest { essential, values }
    };
    Ok(claims.into_iter().map(|(name, claim)| (name, read(claim))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_asked_for_in_every_way_of_the_specification() {
        let text = r#"{"userinfo": {"name": {"essential": true}, "nickname": null},
            "id_token": {"auth_time": {"essential": true}, "acr": {"essential": true, "values": ["phr", "phrh"]},
                         "sub": {"value": "alice"}}}"#;
        let claims = ClaimsRequest::parse(text).unwrap();
        assert!(claims.userinfo["name"].essential && !claims.userinfo["nickname"].essential);
        assert_eq!(claims.essential_acr().unwrap(), ["phr", "phrh"]);
        assert_eq!(claims.subject(), Some("alice"));
        let stored = serde_json::to_string(&claims).unwrap();
        assert_eq!(serde_json::from_str::<ClaimsRequest>(&stored).unwrap(), claims);
        let wanted = r#"{"id_token": {"acr": {"values": ["phr"]}}}"#;
        assert_eq!(ClaimsRequest::parse(wanted).unwrap().essential_acr(), None);
        for bad in ["", "[]", "{\"id_token\": 1}", "{\"id_token\": {\"acr\": 1}}"] {
            assert_eq!(ClaimsRequest::parse(bad), Err(InvalidClaims), "{bad}");
        }
    }
}
