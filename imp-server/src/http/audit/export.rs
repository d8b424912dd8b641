//! `GET /v1/events/export`
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue};
use futures::stream::{self, Stream};
use imp_api::audit::EventsQuery;
use imp_api::export::ExportQuery;
use imp_events::export::Format;
use imp_storage::StorageError;

use super::question;
use crate::app::{self, App};
use crate::command::{self, ExportLog, LogExport};
use crate::http::caller::Reader;
use crate::http::{ProblemResponse, Query};

/// After which index the next export begins, when this one arrived whole.
const AFTER: HeaderName = HeaderName::from_static("imp-after");

/// Exports the log in another system's language, from its beginning or after an index, up to where it ends now. Every line is
/// whole, and a broken download goes on after the index of its last line. The export is itself an entry.
#[utoipa::path(
    get, path = "/v1/events/export", tag = "audit", operation_id = "export", params(ExportQuery),
    security(("person" = [])),
    responses(
        (status = 200, description = "lines: FHIR, OCSF and JSON as NDJSON, ATNA as syslog messages, CEF, or CSV",
         body = String, content_type = "application/x-ndjson",
         headers(("imp-after" = u64, description = "pass as `after` to go on when all of this arrived"))),
        (status = 403, description = "it would show when somebody was at work", body = imp_api::Problem),
    )
)]
#[tracing::instrument(skip_all)]
pub(crate) async fn export(
    State(app): State<App>,
    reader: Reader,
    Query(query): Query<ExportQuery>,
) -> Result<(HeaderMap, Body), ProblemResponse> {
    let format = query.format.parse::<Format>();
    let format = format.map_err(|error| question::invalid("format", error))?;
    let (after, names) = (query.after, query.names.unwrap_or_default());
    let question = question::question(&app.storage, &filters(query)).await?;
    let order = ExportLog { format, question, after, names };
    let mut rng = app::rng();
    let context = &mut app.context(&mut rng);
    let export = command::export_log(context, &reader.actor(), app.source(), order).await?;
    Ok((headers(&export, format, after), Body::from_stream(lines(export))))
}

/// The conditions, in the words of a search.
fn filters(query: ExportQuery) -> EventsQuery {
    let ExportQuery { person, workstation, device, kind, outcome, from, until, case, .. } = query;
    EventsQuery {
        person,
        workstation,
        device,
        kind,
        outcome,
        from,
        until,
        case,
        ..EventsQuery::default()
    }
}

fn headers(export: &LogExport, format: Format, after: Option<u64>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    if let Some(after) = export.complete_after() {
        headers.insert(AFTER, HeaderValue::from(after));
    }
    let ending = match format {
        Format::Csv => "csv",
        Format::Fhir | Format::Ocsf | Format::Json => "ndjson",
        Format::Atna | Format::Cef => "log",
    };
    let first = after.map_or(0, |after| after.saturating_add(1));
    let name = format!("attachment; filename=\"imp-log-{format}-from-{first}.{ending}\"");
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(CONTENT_DISPOSITION, name);
    }
    headers
}

/// The head, then the pieces as fast as they are fetched. An error breaks the answer off: it must not look whole.
fn lines(export: LogExport) -> impl Stream<Item = Result<Bytes, StorageError>> {
    let head = export.head();
    stream::try_unfold((Some(head), export), async |(head, mut export)| {
        if let Some(head) = head {
            return Ok(Some((Bytes::from(head), (None, export))));
        }
        let piece = export.next().await?;
        Ok(piece.map(|piece| (Bytes::from(piece.lines), (None, export))))
    })
}
