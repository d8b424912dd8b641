//! What is done with users and with groups alike; each route says of which kind it is.
use axum::http::StatusCode;
use imp_identity::Actor;
use imp_identity::id::Id;
use imp_scim::list::Query;
use imp_scim::patch::Patch;
use imp_scim::projection::Projection;
use imp_scim::{GROUP, ResourceType, ScimError, USER, etag, resource};
use serde_json::Value;

use super::answer::{Answer, Refused};
use super::body::{Asked, Conditions};
use super::rules;
use crate::app::{self, App};
use crate::command::scim::{self, Change, ProvisionError, Shown, Wish};

/// A kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    User,
    Group,
}

impl Kind {
    /// The kind whose resources are under `endpoint`.
    pub(super) fn at(endpoint: &str) -> Option<Self> {
        match endpoint {
            "/Users" => Some(Self::User),
            "/Groups" => Some(Self::Group),
            _ => None,
        }
    }

    const fn schema(self) -> &'static ResourceType {
        match self {
            Self::User => &USER,
            Self::Group => &GROUP,
        }
    }

    /// What is no identifier names nothing.
    fn parsed<E>(self, id: &str) -> Result<Id<E>, ScimError> {
        let missing = match self {
            Self::User => "such user",
            Self::Group => "such group",
        };
        id.parse().map_err(|_| ScimError::not_found(missing))
    }

    /// A page of those that `query` asks for.
    pub(super) async fn select(self, app: &App, query: &Query) -> Result<Answer, Refused> {
        query.check(self.schema())?;
        let listed = match self {
            Self::User => scim::select_users(&app.storage, &rules(app), query).await?,
            Self::Group => scim::select_groups(&app.storage, &rules(app), query).await?,
        };
        Ok(Answer::list(listed, query.skip, &query.projection, self.schema()))
    }

    /// One of them, unless the client has it already.
    pub(super) async fn show(
        self,
        app: &App,
        id: &str,
        asked: &Asked,
        conditions: &Conditions,
    ) -> Result<Answer, Refused> {
        let projection = asked.projection()?;
        let (storage, rules) = (&app.storage, rules(app));
        let shown = match self {
            Self::User => scim::show_user(storage, &rules, self.parsed(id)?).await?,
            Self::Group => {
                let with_members = projection.shows("members");
                scim::show_group(storage, &rules, self.parsed(id)?, with_members).await?
            }
        };
        let known = conditions.if_none_match.as_deref();
        if known.is_some_and(|it| etag::matches(it, shown.version)) {
            let (status, version) = (StatusCode::NOT_MODIFIED, Some(shown.version));
            return Ok(Answer { status, body: None, version, location: None });
        }
        Ok(self.answer(StatusCode::OK, shown, &projection))
    }

    /// What is answered when one was created or changed.
    pub(super) fn answer(
        self,
        status: StatusCode,
        shown: Shown,
        projection: &Projection,
    ) -> Answer {
        Answer::resource(status, shown, projection, self.schema())
    }

    pub(super) async fn create(
        self,
        app: &App,
        actor: &Actor,
        body: &Value,
    ) -> Result<Shown, ProvisionError> {
        let wish = resource::read(body, self.schema())?;
        let mut rng = app::rng();
        let context = &mut app.context(&mut rng);
        match self {
            Self::User => scim::create_user(context, actor, &rules(app), &wish).await,
            Self::Group => scim::create_group(context, actor, &rules(app), &wish).await,
        }
    }

    pub(super) async fn replace(
        self,
        app: &App,
        actor: &Actor,
        id: &str,
        if_match: Option<String>,
        body: &Value,
    ) -> Result<Shown, ProvisionError> {
        let to = Wish::Whole(resource::read(body, self.schema())?);
        self.change(app, actor, id, &Change { if_match, to }).await
    }

    pub(super) async fn patch(
        self,
        app: &App,
        actor: &Actor,
        id: &str,
        if_match: Option<String>,
        body: &Value,
    ) -> Result<Shown, ProvisionError> {
        let to = Wish::Patch(Patch::read(body)?);
        self.change(app, actor, id, &Change { if_match, to }).await
    }

    async fn change(
        self,
        app: &App,
        actor: &Actor,
        id: &str,
        change: &Change,
    ) -> Result<Shown, ProvisionError> {
        let mut rng = app::rng();
        let (context, rules) = (&mut app.context(&mut rng), rules(app));
        match self {
            Self::User => scim::change_user(context, actor, &rules, self.parsed(id)?, change).await,
            Self::Group => {
                scim::change_group(context, actor, &rules, self.parsed(id)?, change).await
            }
        }
    }

    pub(super) async fn remove(
        self,
        app: &App,
        actor: &Actor,
        id: &str,
        if_match: Option<&str>,
    ) -> Result<(), ProvisionError> {
        let mut rng = app::rng();
        let (context, rules) = (&mut app.context(&mut rng), rules(app));
        match self {
            Self::User => {
                scim::remove_user(context, actor, &rules, self.parsed(id)?, if_match).await
            }
            Self::Group => {
                scim::remove_group(context, actor, &rules, self.parsed(id)?, if_match).await
            }
        }
    }
}
