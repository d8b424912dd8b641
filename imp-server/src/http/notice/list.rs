//! `GET /v1/me/notices`
use axum::extract::State;
use imp_api::me::{Notice, NoticeUse, Notices};

use crate::app::{self, App};
use crate::command;
use crate::http::caller::PhonePeer;
use crate::http::{Json, ProblemResponse, problem};

/// How many notices are told: a month of days.
const MOST: u32 = 31;

/// What was done in the name of the phone's owner, day by day.
#[utoipa::path(
    get, path = "/v1/me/notices", tag = "self", operation_id = "notices", security(("machine" = [])),
    responses((status = 200, description = "the latest notices", body = Notices))
)]
#[tracing::instrument(skip_all, fields(phone.id = %phone.id))]
pub(crate) async fn list(
    State(app): State<App>,
    PhonePeer(phone): PhonePeer,
) -> Result<Json<Notices>, ProblemResponse> {
    let zone = super::zone(&app).await?;
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let told = command::notices_of_user(context, phone.user, MOST, &zone).await;
    let notices = told.map_err(problem::unread)?.into_iter().map(|(notice, uses)| Notice {
        id: notice.id,
        day: notice.day,
        uses: uses
            .into_iter()
            .map(|one| NoticeUse {
                index: one.index,
                at: one.local,
                deed: one.deed.to_owned(),
                place: one.place,
            })
            .collect(),
    });
    Ok(Json(Notices { notices: notices.collect() }))
}
