//! Leave: kinds of it, how it is earned, what was earned and used, and who asks for it.

pub mod away;
pub mod ledger;
pub mod policies;
pub mod requests;
pub mod types;

pub use away::Away;
pub use ledger::{LeaveBalance, LeaveBalances, LeaveEntry, LeaveEntryKind, NewLeaveEntry};
pub use policies::{Accrual, CarryOver, Eligible, LeavePolicy, LeavePolicyBody};
pub use requests::{LeaveCancellation, LeaveDay, LeaveRequest, NewLeaveRequest};
pub use types::{LeaveType, LeaveTypeBody, LeaveUnit};
