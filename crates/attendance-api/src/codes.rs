//! Values of `code` that only attendance answers. Stable: a client may branch on them.

/// 409: another shift of the organisation has this code.
pub const SHIFT_CODE_TAKEN: &str = "shift_code_taken";
/// 403: one's own request, or one for one's own day, is decided by somebody else.
pub const OWN_REQUEST: &str = "own_request";
/// 409: somebody has decided it, or it was taken back.
pub const ALREADY_DECIDED: &str = "already_decided";
/// 409: the colleague whom a swap takes has not agreed yet, so nobody decides it.
pub const NOT_ACCEPTED: &str = "not_accepted";
/// 409: the shifts cannot be swapped any more; `obstacles` says why.
pub const SWAP_IMPOSSIBLE: &str = "swap_impossible";
/// 422, in `errors`: the colleague cannot take part in this swap; why, is for those who may see their plan.
pub const COLLEAGUE_UNAVAILABLE: &str = "colleague_unavailable";
/// 409: the person has as many calendar feeds as there may be.
pub const TOO_MANY_FEEDS: &str = "too_many_feeds";
/// 409: a date would be in two periods.
pub const PERIOD_OVERLAP: &str = "period_overlap";
/// 409: the period is not where this begins: open for a lock, locked for closing, either that or being locked for reopening.
pub const PERIOD_STATE: &str = "period_state";
/// 409: a period is locked once its last day is over.
pub const PERIOD_NOT_OVER: &str = "period_not_over";
/// 409: a day that would be another one is in a period that is locked or closed.
pub const PERIOD_LOCKED: &str = "period_locked";
/// 409: days of the period are not judged yet: a window is open, or devices have not reported.
pub const PERIOD_PENDING: &str = "period_pending";
/// 422, in `errors`: there is no such punch that counts around the day.
pub const UNKNOWN_PUNCH: &str = "unknown_punch";
/// 422, in `errors`: the instant lies outside of what this source may send.
pub const AT_OUT_OF_WINDOW: &str = "at_out_of_window";
/// 422, in `errors`: the site refuses punches from outside its geofence.
pub const OUTSIDE_GEOFENCE: &str = "outside_geofence";
/// 422, in `errors`: the site refuses punches from outside its networks.
pub const OUTSIDE_NETWORK: &str = "outside_network";
/// 422, in `errors`: the site refuses punches from outside its geofence, and this one says no position.
pub const POSITION_REQUIRED: &str = "position_required";
/// 422, in `errors`: the person may not punch at this device.
pub const NOT_ON_DEVICE: &str = "not_on_device";
/// 422, in `errors`: the organisation has no such employee.
pub const UNKNOWN_EMPLOYEE: &str = "unknown_employee";
/// 422, in `errors`: the organisation has no such unit.
pub const UNKNOWN_UNIT: &str = "unknown_unit";
/// 422, in `errors`: the organisation has no such site.
pub const UNKNOWN_SITE: &str = "unknown_site";
/// 422, in `errors`: the organisation has no such shift.
pub const UNKNOWN_SHIFT: &str = "unknown_shift";
/// 409: somebody is away already, or has asked to be.
pub const LEAVE_OVERLAPS: &str = "leave_overlaps";
/// 409: its first day is over, so it is not taken back as if it had not been; it can be ended early.
pub const LEAVE_BEGUN: &str = "leave_begun";
/// 422, in `errors`: there is not so much leave to be taken; 409 of an approval, to which the balance has changed.
pub const ABOVE_BALANCE: &str = "above_balance";
/// 409: leave was earned or granted already for some of these dates.
pub const LEAVE_EARNED_ALREADY: &str = "leave_earned_already";
/// 409: another kind of leave of the organisation has this code.
pub const LEAVE_TYPE_CODE_TAKEN: &str = "leave_type_code_taken";
/// 422, in `errors`: the organisation has no such kind of leave, or it can be asked for no more.
pub const UNKNOWN_LEAVE_TYPE: &str = "unknown_leave_type";
/// 422, in `errors`: the organisation has no such rotation.
pub const UNKNOWN_ROTATION: &str = "unknown_rotation";
/// 422, in `errors`: the organisation has no such period.
pub const UNKNOWN_PERIOD: &str = "unknown_period";
/// 422, in `errors`: the settings have no profile of exports of this name.
pub const UNKNOWN_PROFILE: &str = "unknown_profile";
/// 422, in `errors`: a column of a profile of exports is of other rows, of days or of sums.
pub const COLUMN_OF_OTHER_ROWS: &str = "column_of_other_rows";
/// 422, in `errors`: a workbook cannot have so many rows.
pub const TOO_MANY_ROWS: &str = "too_many_rows";
