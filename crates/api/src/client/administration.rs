//! The endpoints of administration.
use imp_identity::phone::Revocation;
use imp_identity::{GroupId, PhoneId, SessionId, UserId, WorkstationId};

use super::{Client, ClientError};
use crate::admin::{
    ContactUser, CreateUser, GroupWithMembers, Groups, InviteWorkstation, Phones, PlaceWorkstation,
    PolicyDocument, Revoke, SignInCode, Units, User, Users, Workstation, WorkstationInvited,
    Workstations,
};
use crate::session::SuspendSession;
use crate::tap::Session;

impl Client {
    /// `POST /v1/users`
    pub async fn create_user(&self, body: &CreateUser) -> Result<User, ClientError> {
        self.post("v1/users", body).await
    }

    /// `GET /v1/users?after=…&limit=…`
    pub async fn users(&self, after: Option<&str>, limit: u32) -> Result<Users, ClientError> {
        let after = after.map_or_else(String::new, |after| format!("&after={after}"));
        self.get(&format!("v1/users?limit={limit}{after}")).await
    }

    /// `GET /v1/users/{user}`
    pub async fn user(&self, id: UserId) -> Result<User, ClientError> {
        self.get(&format!("v1/users/{id}")).await
    }

    /// `GET /v1/groups?after=…&limit=…`
    pub async fn groups(&self, after: Option<GroupId>, limit: u32) -> Result<Groups, ClientError> {
        let after = after.map_or_else(String::new, |after| format!("&after={after}"));
        self.get(&format!("v1/groups?limit={limit}{after}")).await
    }

    /// `GET /v1/groups/{group}`
    pub async fn group(&self, id: GroupId) -> Result<GroupWithMembers, ClientError> {
        self.get(&format!("v1/groups/{id}")).await
    }

    /// `GET /v1/units`
    pub async fn units(&self) -> Result<Units, ClientError> {
        self.get("v1/units").await
    }

    /// `POST /v1/users/{user}/disablement`
    pub async fn disable_user(&self, id: UserId) -> Result<User, ClientError> {
        self.post(&format!("v1/users/{id}/disablement"), &SuspendSession {}).await
    }

    /// `DELETE /v1/users/{user}/disablement`
    pub async fn enable_user(&self, id: UserId) -> Result<User, ClientError> {
        self.delete(&format!("v1/users/{id}/disablement")).await
    }

    /// `PUT /v1/users/{user}/contact`
    pub async fn contact_user(&self, id: UserId, body: &ContactUser) -> Result<User, ClientError> {
        self.put(&format!("v1/users/{id}/contact"), body).await
    }

    /// `POST /v1/users/{user}/sign-in-code`
    pub async fn issue_sign_in_code(&self, id: UserId) -> Result<SignInCode, ClientError> {
        self.post(&format!("v1/users/{id}/sign-in-code"), &SuspendSession {}).await
    }

    /// `GET /v1/users/{user}/phones`
    pub async fn phones(&self, id: UserId) -> Result<Phones, ClientError> {
        self.get(&format!("v1/users/{id}/phones")).await
    }

    /// `POST /v1/workstations`
    pub async fn invite_workstation(
        &self,
        body: &InviteWorkstation,
    ) -> Result<WorkstationInvited, ClientError> {
        self.post("v1/workstations", body).await
    }

    /// `GET /v1/workstations?after=…&limit=…`
    pub async fn workstations(
        &self,
        after: Option<WorkstationId>,
        limit: u32,
    ) -> Result<Workstations, ClientError> {
        let after = after.map_or_else(String::new, |after| format!("&after={after}"));
        self.get(&format!("v1/workstations?limit={limit}{after}")).await
    }

    /// `PUT /v1/workstations/{workstation}/place`
    pub async fn place_workstation(
        &self,
        id: WorkstationId,
        body: &PlaceWorkstation,
    ) -> Result<Workstation, ClientError> {
        self.put(&format!("v1/workstations/{id}/place"), body).await
    }

    /// `POST /v1/workstations/{workstation}/revocation`
    pub async fn revoke_workstation(
        &self,
        id: WorkstationId,
        reason: Revocation,
    ) -> Result<(), ClientError> {
        self.post_nothing(&format!("v1/workstations/{id}/revocation"), &Revoke { reason }).await
    }

    /// `POST /v1/phones/{phone}/revocation`
    pub async fn revoke_phone(&self, id: PhoneId, reason: Revocation) -> Result<(), ClientError> {
        self.post_nothing(&format!("v1/phones/{id}/revocation"), &Revoke { reason }).await
    }

    /// `DELETE /v1/sessions/{session}`
    pub async fn end_session(&self, id: SessionId) -> Result<Session, ClientError> {
        self.delete(&format!("v1/sessions/{id}")).await
    }

    /// `GET /v1/policy`
    pub async fn policy(&self) -> Result<PolicyDocument, ClientError> {
        self.get("v1/policy").await
    }

    /// `PUT /v1/policy`
    pub async fn set_policy(&self, body: &PolicyDocument) -> Result<PolicyDocument, ClientError> {
        self.put("v1/policy", body).await
    }
}
