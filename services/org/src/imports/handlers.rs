//! `/api/org/v1/orgs/{org_id}/imports`

use crate::app::{App, InOrg, Origin};
use crate::error::Error;
use crate::imports::columns::Mapping;
use crate::imports::domain::{Import, LineVerdict, Verdict};
use crate::imports::store::{self, Work};
use crate::responses;
use crate::upload::{Kind, Upload};
use actix_web::http::StatusCode;
use actix_web::{get, post, web};
use rollcall_common::answer::Answer;
use rollcall_common::describe::PageParams;
use rollcall_common::extract::{IfMatch, Path, Query};
use rollcall_common::fault::Fault;
use rollcall_common::paging::{PageQuery, Paged};
use rollcall_common::validate::{Fields, Rejection};
use rollcall_ids::{ImportId, OrgId};
use rollcall_org_api::rights::Permission;
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::IntoParams;

/// A CSV file.
pub(crate) struct Csv;

impl Kind for Csv {
    const MEDIA_TYPE: &'static str = "text/csv";
    const LIMIT: usize = 8 << 20;
}

/// How the file is to be read.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportQuery {
    /// A JSON object from headers of the file to columns (`{"Personalnummer":"number","Notes":""}`); an empty name
    /// leaves the header out. A header that is the name of a column needs no mention.
    columns: Option<String>,
}

impl ImportQuery {
    fn parse(&self) -> Result<BTreeMap<String, String>, Rejection> {
        let Some(text) = &self.columns else { return Ok(BTreeMap::new()) };
        let names = serde_json::from_str(text).map_err(|error| Rejection::new("not_json", error.to_string()))?;
        Mapping::parse(&names)?;
        Ok(names)
    }
}

/// Send a file of employees
///
/// CSV in UTF-8 with a header line, separated by `,`, `;` or tabs; columns `number`, `name`, `email`, `hired_on`,
/// `left_on`, `unit`, `site`, `manager_number`, `position`, `employment_type`, `valid_from` and `valid_to`. It is checked
/// first: `GET` the import until its status is `checked`, and its lines for the verdicts. At most 8 MiB and 20,000 lines.
/// The file is kept for a day, unless a line is rejected; 409 `imports_open` while ten are kept.
#[utoipa::path(
    operation_id = "create_import",
    tag = "imports",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ImportQuery,
        ("Idempotency-Key" = Option<String>, Header, description = "The same key again: the same answer"),
    ),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 201, description = "It is being checked", body = Import, headers(("ETag" = String, description = "Its version"), ("Location" = String, description = "Where it can be read"))), responses::Create),
    security(("bearer" = [])),
)]
#[post("/api/org/v1/orgs/{org_id}/imports")]
pub(crate) async fn create(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    Query(query): Query<ImportQuery>,
    upload: Upload<Csv>,
) -> Result<Answer, Error> {
    of.member.must_in_org(Permission::EmployeesWrite)?;
    let org_id = of.tenant.org_id();
    let Upload { text, guard, .. } = upload;
    let mut fields = Fields::new();
    let names = fields.take("?columns", query.parse());
    if text.contains('\0') {
        fields.reject("", Rejection::new("control_character", "must not contain NUL"));
    }
    let (names,) = fields.all((names,))?;
    let answer = app.change(of, origin, Some(guard), move |conn, tenant, act, _| {
        let work = Work {
            status: "checking".to_owned(),
            source: Some(text),
            mapping: serde_json::to_value(names).map_err(Fault::internal)?,
            actor: serde_json::to_value(&act.actor).map_err(Fault::internal)?,
        };
        store::make_room(conn, tenant)?;
        let import = store::insert(conn, tenant, ImportId::generate(), &work, act.at)?;
        let location = format!("/api/org/v1/orgs/{org_id}/imports/{}", import.import_id);
        Ok(Answer::created(location, &import)?.version(import.version))
    });
    let answer = answer.await?;
    app.imports.notify_one();
    Ok(answer)
}

/// All imports, newest first
///
/// Needs `employees.write` or `audit.read` for the whole organisation.
#[utoipa::path(
    operation_id = "list_imports",
    tag = "imports",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        PageParams,
    ),
    responses((status = 200, description = "A page", body = Paged<Import>), responses::List),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/imports")]
pub(crate) async fn list(app: web::Data<App>, of: InOrg, Query(query): Query<PageQuery>) -> Result<Answer, Error> {
    of.member.must_in_org_either(Permission::EmployeesWrite, Permission::AuditRead)?;
    let page = query.page()?;
    app.read(of, move |conn, tenant, _| {
        let rows = store::list(conn, tenant, &page)?;
        Ok(Answer::ok(&Paged::new(rows, &page, |import| import.import_id)?)?)
    })
    .await
}

/// One import
///
/// Needs `employees.write` or `audit.read` for the whole organisation.
#[utoipa::path(
    operation_id = "get_import",
    tag = "imports",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("import_id" = ImportId, Path, description = "The import"),
    ),
    responses((status = 200, description = "How far it is", body = Import, headers(("ETag" = String, description = "Its version"))), responses::Read),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/imports/{import_id}")]
pub(crate) async fn find(app: web::Data<App>, of: InOrg, path: Path<(OrgId, ImportId)>) -> Result<Answer, Error> {
    let (_, id) = path.0;
    of.member.must_in_org_either(Permission::EmployeesWrite, Permission::AuditRead)?;
    app.read(of, move |conn, tenant, _| {
        let import = store::find(conn, tenant, id)?.ok_or(Fault::NotFound)?;
        Ok(Answer::ok(&import)?.version(import.version))
    })
    .await
}

/// Which lines to list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineQuery {
    /// Rows wanted; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Only lines of this verdict.
    #[param(inline)]
    verdict: Option<Verdict>,
}

/// The verdicts on its lines
///
/// Of the last step that has ended; none before the first has. Needs `employees.write` or `audit.read` for the whole
/// organisation.
#[utoipa::path(
    operation_id = "list_import_lines",
    tag = "imports",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("import_id" = ImportId, Path, description = "The import"),
        LineQuery,
    ),
    responses((status = 200, description = "A page", body = Paged<LineVerdict>), responses::List),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/imports/{import_id}/lines")]
pub(crate) async fn lines(
    app: web::Data<App>,
    of: InOrg,
    path: Path<(OrgId, ImportId)>,
    Query(query): Query<LineQuery>,
) -> Result<Answer, Error> {
    let (_, id) = path.0;
    of.member.must_in_org_either(Permission::EmployeesWrite, Permission::AuditRead)?;
    let page = PageQuery { limit: query.limit, cursor: query.cursor }.page()?;
    app.read(of, move |conn, tenant, _| {
        store::find(conn, tenant, id)?.ok_or(Fault::NotFound)?;
        let rows = store::lines(conn, tenant, id, query.verdict, &page)?;
        Ok(Answer::ok(&Paged::new(rows, &page, |line| line.line)?)?)
    })
    .await
}

/// Take the file over
///
/// All of it or nothing: what has changed since it was checked is checked again. 409 `import_state` unless its status is
/// `checked`; 422 while a line is rejected.
#[utoipa::path(
    operation_id = "commit_import",
    tag = "imports",
    params(
        ("org_id" = OrgId, Path, description = "The organisation"),
        ("import_id" = ImportId, Path, description = "The import"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the commit is based on"),
    ),
    responses((status = 202, description = "It is being taken over", body = Import, headers(("ETag" = String, description = "Its version"))), responses::Commit),
    security(("bearer" = [])),
)]
#[post("/api/org/v1/orgs/{org_id}/imports/{import_id}/commit")]
pub(crate) async fn commit(
    app: web::Data<App>,
    of: InOrg,
    origin: Origin,
    path: Path<(OrgId, ImportId)>,
    if_match: IfMatch,
) -> Result<Answer, Error> {
    let (_, id) = path.0;
    of.member.must_in_org(Permission::EmployeesWrite)?;
    let work = move |conn: &mut _, tenant: &_, act: &crate::act::Act, _: &_| {
        let import = store::lock(conn, tenant, id)?.ok_or(Fault::NotFound)?;
        if_match.check(import.version)?;
        if import.status != "checked" {
            return Err(Error::ImportState(import.status));
        }
        if import.rejected > 0 {
            return Err(Fault::invalid("", "rejected_lines", "has lines that are rejected").into());
        }
        let actor = serde_json::to_value(&act.actor).map_err(Fault::internal)?;
        let import = store::start_commit(conn, tenant, id, &actor)?;
        Ok(Answer::new(StatusCode::ACCEPTED, &import)?.version(import.version))
    };
    let answer = app.change(of, origin, None, work).await?;
    app.imports.notify_one();
    Ok(answer)
}
