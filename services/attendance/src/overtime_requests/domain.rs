//! What may be asked for.

use crate::approvals::domain::Request;
use jiff::civil::Date;
use rollcall_attendance_api::approvals::RequestGist;
use rollcall_attendance_api::codes;
use rollcall_attendance_api::overtime::{NewOvertimeRequest, OvertimeRequest};
use rollcall_common::fault::Fault;
use rollcall_common::validate::{self, Fields, Rejection};
use rollcall_ids::OvertimeRequestId;

/// Days back: as far as a day can be corrected.
const BACK: i32 = 400;
/// Days ahead.
const AHEAD: i32 = 366;
/// Minutes of a day.
const MOST: u32 = 1_440;

/// What a client sent, or every field that is wrong.
pub(crate) fn parse(body: &NewOvertimeRequest, today: Date) -> Result<RequestGist, Fault> {
    let mut fields = Fields::new();
    let work_date = validate::date(body.work_date).and_then(|date| {
        let ahead = today.until(date).map_or(i32::MAX, |span| span.get_days());
        if (-BACK..=AHEAD).contains(&ahead) {
            Ok(date)
        } else {
            let detail = format!("must be up to {BACK} days before today and {AHEAD} after");
            Err(Rejection::new(codes::AT_OUT_OF_WINDOW, detail))
        }
    });
    let work_date = fields.take("/work_date", work_date);
    let in_range = (1..=MOST).contains(&body.minutes);
    let minutes = in_range.then_some(body.minutes);
    let minutes = minutes.ok_or_else(|| Rejection::new("out_of_range", format!("must be 1 to {MOST}")));
    let minutes = fields.take("/minutes", minutes);
    let reason = fields.take("/reason", validate::lines(&body.reason, 500));
    let (date, minutes, reason) = fields.all((work_date, minutes, reason))?;
    Ok(RequestGist { from: date, to: date, minutes: Some(minutes), label: None, reason: Some(reason) })
}

/// As clients see it.
pub(crate) fn view(request: Request) -> OvertimeRequest {
    OvertimeRequest {
        overtime_request_id: OvertimeRequestId(request.request_id.0),
        employee_id: request.employee_id,
        work_date: request.gist.from,
        minutes: request.gist.minutes.unwrap_or(0),
        reason: request.gist.reason.unwrap_or_default(),
        approval: request.approval,
    }
}
