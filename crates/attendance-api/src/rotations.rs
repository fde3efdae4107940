//! `/rotations`: cycles of shifts.

use jiff::{Timestamp, civil::Date};
use rollcall_ids::{RotationId, ShiftId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /rotations`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotationBody {
    /// Name, 1 to 100 characters.
    #[schema(example = "Two weeks early, two weeks late")]
    pub name: String,
    /// A date on which the cycle begins; it goes on for ever in both directions.
    pub anchor_date: Date,
    /// The shift of each day of the cycle, `null` for a day off; 1 to 366 days. A week is a cycle of 7.
    pub cycle: Vec<Option<ShiftId>>,
}

/// A rotation. It never changes: another one is planned from a date on instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rotation {
    /// Its id.
    pub rotation_id: RotationId,
    /// What it is.
    #[serde(flatten)]
    pub body: RotationBody,
    /// When it was made.
    pub created_at: Timestamp,
}
