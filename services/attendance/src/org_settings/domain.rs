//! Which settings are possible.

use rollcall_attendance_api::approvals::RequestKind;
use rollcall_attendance_api::codes;
use rollcall_attendance_api::exports::ExportRows;
use rollcall_attendance_api::settings::{ExportProfile, OrgSettings};
use rollcall_common::fault::Fault;
use rollcall_common::validate::{self, Fields, Rejection};
use std::collections::HashSet;

/// Profiles of exports at most, and columns of one.
const PROFILES: usize = 20;
const COLUMNS: usize = 60;
/// The ways in which a date can be written.
const DATE_FORMATS: [&str; 5] = ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d"];

/// Settings that are possible, or every field that is not.
pub(crate) fn checked(mut settings: OrgSettings) -> Result<OrgSettings, Fault> {
    let mut fields = Fields::new();
    let levels = settings.approvals;
    for (name, given) in [("correction", levels.correction), ("overtime", levels.overtime), ("swap", levels.swap)] {
        if !(1..=2).contains(&given) {
            fields.reject(&format!("/approvals/{name}"), Rejection::new("out_of_range", "must be 1 or 2"));
        }
    }
    if settings.periods.warn_days > 30 {
        fields.reject("/periods/warn_days", Rejection::new("out_of_range", "must be 0 to 30"));
    }
    if settings.export_profiles.len() > PROFILES {
        fields.reject("/export_profiles", Rejection::new("length", format!("must be at most {PROFILES}")));
    }
    let mut names = HashSet::new();
    for (index, profile) in settings.export_profiles.iter_mut().enumerate().take(PROFILES) {
        profile_checked(&mut fields, &format!("/export_profiles/{index}"), profile);
        if !names.insert(profile.name.clone()) {
            let twice = Rejection::new("name_taken", "another profile has this name");
            fields.reject(&format!("/export_profiles/{index}/name"), twice);
        }
    }
    fields.finish()?;
    Ok(settings)
}

fn profile_checked(fields: &mut Fields, at: &str, profile: &mut ExportProfile) {
    if let Some(name) = fields.take(&format!("{at}/name"), validate::text(&profile.name, 60)) {
        profile.name = name;
    }
    if profile.columns.is_empty() || profile.columns.len() > COLUMNS {
        let length = Rejection::new("length", format!("must be 1 to {COLUMNS}"));
        fields.reject(&format!("{at}/columns"), length);
    }
    for (index, column) in profile.columns.iter_mut().enumerate().take(COLUMNS) {
        let Some(header) = &column.header else { continue };
        column.header = fields.take(&format!("{at}/columns/{index}/header"), validate::text(header, 100));
    }
    let fit = |rows: ExportRows| profile.columns.iter().all(|column| rows.fields().contains(&column.field));
    if !fit(ExportRows::Days) && !fit(ExportRows::Sums) {
        let mixed = Rejection::new(codes::COLUMN_OF_OTHER_ROWS, "must all be of days, or all of sums");
        fields.reject(&format!("{at}/columns"), mixed);
    }
    if !DATE_FORMATS.contains(&profile.date_format.as_str()) {
        let one_of = Rejection::new("unknown_date_format", format!("must be one of {}", DATE_FORMATS.join(", ")));
        fields.reject(&format!("{at}/date_format"), one_of);
    }
}

/// How many have to approve a request of this kind; of leave its type says it.
pub(crate) fn levels(settings: &OrgSettings, kind: RequestKind) -> u8 {
    match kind {
        RequestKind::Correction => settings.approvals.correction,
        RequestKind::Overtime => settings.approvals.overtime,
        RequestKind::Swap => settings.approvals.swap,
        RequestKind::Leave => 1,
    }
}
