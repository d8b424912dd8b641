//! Administration: users, workstations, phones, policy, and the first sign-ins.
use imp_identity::invitation::Code;
use imp_identity::name::Email;
use imp_identity::policy::Policy;
use imp_identity::user::Role;
use imp_identity::{GroupId, PhoneId, Secret, UserId, WorkstationId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /v1/sign-in`: uses a one-time code. Answers 200 [`SignedIn`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The administrator token of the first start, or a sign-in code made by an administrator.
    #[schema(value_type = String)]
    pub code: Code,
    /// With the administrator token of the first start: the first administrator to create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_administrator: Option<CreateUser>,
}

/// A bearer token (RFC 6750) for the person who used the code.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// Whom it stands for.
    #[schema(value_type = Uuid)]
    pub user: UserId,
    /// The token.
    #[schema(value_type = String)]
    pub token: Secret<String>,
    /// First instant at which it no longer counts.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// `POST /v1/users` by an administrator. Answers 201 [`User`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    /// 1 to 64 lower-case letters, digits, `.`, `_` or `-`.
    pub username: String,
    /// 1 to 128 printable characters.
    pub display_name: String,
    /// `staff` unless said otherwise; for the first administrator always `administrator`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub role: Option<Role>,
    /// The ward or department.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Where notices to her go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub email: Option<Email>,
}

/// `PUT /v1/users/{user}/contact` by an administrator. Answers 200 [`User`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactUser {
    /// Where notices to her go; `null` for nowhere.
    #[schema(value_type = Option<String>)]
    pub email: Option<Email>,
}

/// A user. `GET /v1/users`, `GET /v1/users/{user}`; `POST /v1/users/{user}/disablement` and `DELETE` of it change `active`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// Names the user.
    #[schema(value_type = Uuid)]
    pub id: UserId,
    /// What she signs in as.
    pub username: String,
    /// How she is shown to people.
    pub display_name: String,
    /// What she may do.
    #[schema(value_type = String)]
    pub role: Role,
    /// The ward or department.
    pub unit: Option<String>,
    /// Where notices to her go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub email: Option<Email>,
    /// Whether she may be authenticated.
    pub active: bool,
}

/// One page of users, by username.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Users {
    /// The page.
    pub users: Vec<User>,
    /// Pass as `after` for the next page; absent on the last.
    pub next: Option<String>,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Group {
    /// Names the group.
    #[schema(value_type = Uuid)]
    pub id: GroupId,
    /// What it is called.
    pub name: String,
    /// How many are in it.
    pub members: i64,
}

/// `GET /v1/groups`: one page of groups, in the order in which they were created.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Groups {
    /// The page.
    pub groups: Vec<Group>,
    /// Pass as `after` for the next page; absent on the last.
    #[schema(value_type = Option<Uuid>)]
    pub next: Option<GroupId>,
}

/// `GET /v1/groups/{group}`: a group and who is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupWithMembers {
    /// Names the group.
    #[schema(value_type = Uuid)]
    pub id: GroupId,
    /// What it is called.
    pub name: String,
    /// Who is in it.
    pub members: Vec<Member>,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// Who.
    #[schema(value_type = Uuid)]
    pub user: UserId,
    /// How she is shown to people.
    pub display_name: String,
}

/// `GET /v1/units`: the units that people belong to, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Units {
    /// The units.
    pub units: Vec<Unit>,
}

/// A unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unit {
    /// What it is called.
    pub unit: String,
    /// How many people belong to it.
    pub users: i64,
}

/// `POST /v1/users/{user}/sign-in-code` by an administrator. Answers 201.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SignInCode {
    /// To be used once.
    #[schema(value_type = String)]
    pub code: Code,
    /// First instant at which it no longer counts.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// `POST /v1/workstations` by an administrator. Answers 201 [`WorkstationInvited`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteWorkstation {
    /// How it is shown to people.
    pub name: String,
    /// The ward or department where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The building or campus where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
}

/// `PUT /v1/workstations/{workstation}/place` by an administrator: where it stands now. Answers 200 [`Workstation`].
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceWorkstation {
    /// The ward or department.
    pub unit: Option<String>,
    /// The building or campus.
    pub site: Option<String>,
}

/// A workstation may enrol with this.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WorkstationInvited {
    /// Names the workstation.
    #[schema(value_type = Uuid)]
    pub workstation: WorkstationId,
    /// What to type at the workstation: `imp:enrol?server=…&ca=…&code=…`.
    pub invitation: String,
    /// First instant at which it no longer counts.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// A workstation, as `GET /v1/workstations` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Workstation {
    /// Names the workstation.
    #[schema(value_type = Uuid)]
    pub id: WorkstationId,
    /// How it is shown to people.
    pub name: String,
    /// The ward or department where it stands.
    pub unit: Option<String>,
    /// The building or campus where it stands.
    pub site: Option<String>,
    /// `invited`, `enrolled` or `revoked`.
    pub state: String,
}

/// One page of workstations, oldest first. `GET /v1/workstations?after=…&limit=…` by an officer or administrator.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Workstations {
    /// The page.
    pub workstations: Vec<Workstation>,
    /// Pass as `after` for the next page; absent on the last.
    #[schema(value_type = Option<Uuid>)]
    pub next: Option<WorkstationId>,
}

/// A phone, as `GET /v1/users/{user}/phones` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Phone {
    /// Names the phone.
    #[schema(value_type = Uuid)]
    pub id: PhoneId,
    /// `invited`, `bound` or `revoked`.
    pub state: String,
}

/// A user's phones. `GET /v1/users/{user}/phones` by an officer or administrator.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Phones {
    /// Newest last.
    pub phones: Vec<Phone>,
}

/// A passkey or security key of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Credential {
    /// Names it.
    #[schema(value_type = Uuid)]
    pub id: imp_identity::CredentialId,
    /// What she calls it.
    pub name: String,
    /// `passkey` (may be copied between devices) or `security-key` (stays in one).
    pub kind: String,
    /// Its model, as the authenticator says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aaguid: Option<uuid::Uuid>,
    /// Whether its maker vouched for the model.
    pub attested: bool,
    /// When it was registered.
    #[schema(value_type = String, format = DateTime)]
    pub registered_at: Timestamp,
    /// When it was used last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub used_at: Option<Timestamp>,
}

/// A user's passkeys and security keys. `GET /v1/users/{user}/credentials` by an officer or administrator.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Credentials {
    /// Newest last.
    pub credentials: Vec<Credential>,
}

/// The policy in force. `GET /v1/policy` by an administrator or auditor; `PUT` of it by an administrator, with the
/// `version` that was edited, puts another in force and answers it with its new version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object)]
pub struct PolicyDocument(pub Policy);

/// `POST /v1/phones/{phone}/revocation` and `POST /v1/workstations/{workstation}/revocation` by an officer or administrator. Answers 204.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Revoke {
    /// `administrator`, `lost`, `superseded` or `erased`.
    #[schema(value_type = String)]
    pub reason: imp_identity::phone::Revocation,
}
