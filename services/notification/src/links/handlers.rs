//! `GET /s/{code}`.

use super::domain::Target;
use super::store::{self, Found};
use crate::app::App;
use crate::error::Error;
use crate::responses;
use actix_web::http::header;
use actix_web::{HttpResponse, get, web};
use diesel::PgConnection;
use rollcall_common::db::Unscoped;
use rollcall_common::extract::Path;
use rollcall_common::fault::Fault;
use rollcall_common::problem::Problem;
use std::sync::Arc;

/// Open a short link
///
/// Leads below this installation's own address, never elsewhere.
#[utoipa::path(
    tag = "links",
    operation_id = "open_link",
    params(("code" = String, Path, description = "What follows `/s/` in a mail", example = "VvPBDnGBCrjUDDCQOGTY5A")),
    responses(
        (status = 302, description = "Where it leads", headers(("Location" = String, description = "The page"))),
        (status = 410, description = "Its time is over: `link_expired`", body = Problem, content_type = "application/problem+json"),
        responses::Link,
    )
)]
#[get("/s/{code}")]
pub(crate) async fn open(app: web::Data<App>, code: Path<String>) -> Result<HttpResponse, Error> {
    let (Path(code), sealing, now) = (code, Arc::clone(&app.sealing), app.core.clock.now());
    let find = move |conn: &mut PgConnection| store::find(conn, &code, &sealing, now);
    let path = match app.core.db.transaction(Unscoped, find).await? {
        None => return Err(Fault::NotFound.into()),
        Some(Found::Expired) => return Err(Error::LinkExpired),
        Some(Found::Path(path)) => path,
    };
    let base = &app.settings.links.base_url;
    // The base may have changed since the link was made.
    let whole = Target::new(base, path).and_then(|target| target.below(base)).map_err(|_| Fault::NotFound)?;
    Ok(HttpResponse::Found()
        .insert_header((header::LOCATION, whole.as_str()))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .finish())
}
