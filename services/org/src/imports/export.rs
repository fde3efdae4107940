//! `/api/org/v1/orgs/{org_id}/exports/employees`: everybody as CSV that imports again to the same state.

use crate::app::{App, InOrg};
use crate::employees::domain::{Assignment, Dossier};
use crate::employees::store as employees;
use crate::error::Error;
use crate::imports::columns::Column;
use crate::imports::labels::{self, Labels};
use crate::responses;
use crate::sites::store as sites;
use crate::units::store as units;
use actix_web::http::header;
use actix_web::{HttpResponse, get, web};
use jiff::civil::Date;
use rollcall_common::csv::guarded;
use rollcall_common::fault::Fault;
use rollcall_ids::{EmployeeId, OrgId, SiteId, UnitId};
use rollcall_org_api::rights::Permission;
use std::collections::HashMap;

/// All employees as CSV
///
/// A line per assignment, in the columns that an import knows. What a spreadsheet would take for a formula has a `'`
/// before it, which an import takes off again.
#[utoipa::path(
    operation_id = "export_employees",
    tag = "imports",
    params(("org_id" = OrgId, Path, description = "The organisation")),
    responses((status = 200, description = "The file", body = String, content_type = "text/csv"), responses::Read),
    security(("bearer" = [])),
)]
#[get("/api/org/v1/orgs/{org_id}/exports/employees")]
pub(crate) async fn export(app: web::Data<App>, of: InOrg) -> Result<HttpResponse, Error> {
    of.member.must_in_org(Permission::EmployeesRead)?;
    let tenant = of.tenant;
    let file = app.core.db.transaction(tenant, move |conn| -> Result<Vec<u8>, Error> {
        let people = employees::all(conn, &tenant)?;
        let (units, sites) = (labels::units(&units::all(conn, &tenant)?), labels::sites(&sites::all(conn, &tenant)?));
        Ok(write(&people, &units, &sites)?)
    });
    let named = (header::CONTENT_DISPOSITION, "attachment; filename=\"employees.csv\"");
    Ok(HttpResponse::Ok().content_type("text/csv; charset=utf-8").insert_header(named).body(file.await?))
}

fn write(people: &[Dossier], units: &Labels<UnitId>, sites: &Labels<SiteId>) -> Result<Vec<u8>, Fault> {
    let numbers: HashMap<EmployeeId, &str> =
        people.iter().map(|dossier| (dossier.employee.employee_id, dossier.employee.number.as_str())).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(Column::ALL.map(Column::name)).map_err(Fault::internal)?;
    for dossier in people {
        let held: Vec<Option<&Assignment>> = match dossier.assignments.as_slice() {
            [] => vec![None],
            held => held.iter().map(Some).collect(),
        };
        for held in held {
            let cells = Column::ALL.map(|column| guarded(cell(column, dossier, held, (&numbers, units, sites))));
            writer.write_record(cells).map_err(Fault::internal)?;
        }
    }
    writer.into_inner().map_err(|error| Fault::internal(anyhow::anyhow!("{error}")))
}

fn cell(
    column: Column,
    Dossier { employee, .. }: &Dossier,
    held: Option<&Assignment>,
    (numbers, units, sites): (&HashMap<EmployeeId, &str>, &Labels<UnitId>, &Labels<SiteId>),
) -> String {
    let day = |date: Option<Date>| date.map(|date| date.to_string()).unwrap_or_default();
    let of_held = |text: &dyn Fn(&Assignment) -> String| held.map(text).unwrap_or_default();
    match column {
        Column::Number => employee.number.clone(),
        Column::Name => employee.name.clone(),
        Column::Email => employee.email.clone().unwrap_or_default(),
        Column::HiredOn => employee.hired_on.to_string(),
        Column::LeftOn => day(employee.left_on),
        Column::Unit => of_held(&|held| units.word(held.unit_id).to_owned()),
        Column::Site => of_held(&|held| sites.word(held.site_id).to_owned()),
        Column::ManagerNumber => of_held(&|held| {
            let manager = held.manager_id.and_then(|manager| numbers.get(&manager));
            manager.map(|number| (*number).to_owned()).unwrap_or_default()
        }),
        Column::Position => of_held(&|held| held.position.clone().unwrap_or_default()),
        Column::EmploymentType => of_held(&|held| held.employment_type.name().to_owned()),
        Column::ValidFrom => day(held.map(|held| held.valid_from)),
        Column::ValidTo => day(held.and_then(|held| held.valid_to)),
    }
}
