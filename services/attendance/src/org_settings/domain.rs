//! Which settings are possible.

use rollcall_attendance_api::approvals::RequestKind;
use rollcall_attendance_api::codes;
use rollcall_attendance_api::exports::ExportRows;
use rollcall_attendance_api::settings::{ExportColumn, ExportProfile, OrgSettings};
use rollcall_common::fault::Fault;
use rollcall_common::validate::{self, Fields, Rejection};
use serde::Deserialize as _;
use serde_json::Value;
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

/// Stored settings as far as this release knows them, and where there is what it does not know. A column of which it
/// does not know the field is left out, and so is a profile that has no other columns or something else that is new.
pub(super) fn known(mut stored: Value) -> Result<(OrgSettings, Vec<String>), serde_json::Error> {
    let mut unknown = Vec::new();
    if let Ok(settings) = OrgSettings::deserialize(&stored) {
        return Ok((settings, unknown));
    }
    keep_fields(&mut stored, &serde_json::to_value(OrgSettings::default())?, "", &mut unknown);
    if let Some(profiles) = stored.get_mut("export_profiles").and_then(Value::as_array_mut) {
        for (index, profile) in profiles.iter_mut().enumerate() {
            let Some(columns) = profile.get_mut("columns").and_then(Value::as_array_mut) else { continue };
            columns.retain(|column| {
                let known = ExportColumn::deserialize(column).is_ok();
                if !known {
                    unknown.push(format!("/export_profiles/{index}/columns: {column}"));
                }
                known
            });
        }
        profiles.retain(|profile| {
            let known = ExportProfile::deserialize(profile).is_ok_and(|profile| !profile.columns.is_empty());
            if !known {
                unknown.push(format!("/export_profiles: {}", profile["name"]));
            }
            known
        });
    }
    Ok((OrgSettings::deserialize(stored)?, unknown))
}

/// Keeps of an object, and of those in it, the fields that `known` has.
fn keep_fields(stored: &mut Value, known: &Value, at: &str, unknown: &mut Vec<String>) {
    let (Value::Object(stored), Value::Object(known)) = (stored, known) else { return };
    stored.retain(|field, value| {
        let at = format!("{at}/{field}");
        match known.get(field) {
            Some(known) => keep_fields(value, known, &at, unknown),
            None => unknown.push(at),
        }
        known.contains_key(field)
    });
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
