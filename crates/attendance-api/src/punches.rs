//! `/punches`: clockings-in and -out, facts that are kept as they came.

use jiff::Timestamp;
use rollcall_ids::{DeviceId, EmployeeId, PunchId, SiteId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a punch says it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Coming.
    In,
    /// Going.
    Out,
    /// Not said: alternates.
    #[default]
    Auto,
}

impl Direction {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::In, Self::Out, Self::Auto];

    /// The word that it is on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
            Self::Auto => "auto",
        }
    }

    /// The one that this word is on the wire.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|direction| direction.as_str() == word)
    }
}

/// Where a punch was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A browser.
    #[default]
    Web,
    /// A phone.
    Mobile,
    /// A shared screen at the door.
    Kiosk,
    /// A time clock.
    Device,
    /// A program.
    Api,
    /// History from another system; needs the right to import.
    Import,
}

/// Body of `POST /punches`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPunch {
    /// Whose; left out: the caller's own. A device has to say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub employee_id: Option<EmployeeId>,
    /// When; left out: now. At most 72 h back (then `offline`) and 2 min ahead; 400 days back for an import.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Coming or going; left out: `auto`.
    #[serde(default)]
    pub direction: Direction,
    /// Where it was made; left out: `web`. A device says what it is by itself.
    #[serde(default)]
    pub source: Source,
    /// Degrees north, WGS 84, −90 to 90; together with `longitude`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    /// Degrees east, WGS 84, −180 to 180; together with `latitude`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    /// Radius in metres in which the position is right, 0 to 100,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<f64>,
    /// A remark, at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Something odd about a punch, kept with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum PunchException {
    /// It came from outside the geofence of the site.
    OutsideGeofence {
        /// Metres from the centre of the geofence.
        distance_m: u32,
    },
    /// It came from outside the networks of the site.
    OutsideNetwork,
}

/// A punch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Punch {
    /// Its id.
    pub punch_id: PunchId,
    /// Whose.
    pub employee_id: EmployeeId,
    /// When it was made.
    pub at: Timestamp,
    /// What it says it is.
    pub direction: Direction,
    /// Where it was made.
    pub source: Source,
    /// Whether it was sent later than it was made.
    pub offline: bool,
    /// The site of the assignment on that date; of a punch at a device, where it hangs.
    pub site_id: Option<SiteId>,
    /// The device at which it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<DeviceId>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Radius in metres in which the position is right.
    pub accuracy_m: Option<f64>,
    /// A remark.
    pub note: Option<String>,
    /// What is odd about it.
    pub exceptions: Vec<PunchException>,
    /// When the service got it.
    pub received_at: Timestamp,
    /// Who sent it, as an employee; at a device the person themselves.
    pub recorded_by: EmployeeId,
}

/// Body of `POST /punches/batch`. Items are decoded one by one: a bad one does not hold back a good one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PunchBatch {
    /// 1 to 500 punches.
    pub punches: Vec<BatchPunch>,
}

/// One punch of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BatchPunch {
    /// What `Idempotency-Key` is to a single punch: unique for the employee, and of a device for the employee at this
    /// device. A terminal that may begin to count anew puts something before its numbers that is new each time.
    pub idempotency_key: String,
    /// The punch.
    #[serde(flatten)]
    pub punch: NewPunch,
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Stored now.
    Created,
    /// Was stored before, with this key and this body.
    Duplicate,
    /// Not stored; `problem` says why.
    Rejected,
}

/// The verdict on one item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BatchItem {
    /// Its place in the request, from 0.
    pub index: u32,
    /// What became of it.
    pub verdict: Verdict,
    /// The punch, unless rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub punch: Option<Punch>,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<ItemProblem>,
}

/// Why an item was rejected: what the single punch would have been answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemProblem {
    /// The status the single punch would have had.
    pub status: u16,
    /// Stable name of the problem.
    pub code: String,
    /// The kind of problem in a few words.
    pub title: String,
    /// Every bad field; pointers start at the item.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ItemFieldError>,
}

/// One bad field of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemFieldError {
    /// JSON pointer into the item.
    pub pointer: String,
    /// Stable name of the rule.
    pub code: String,
    /// What the rule is.
    pub detail: String,
}

/// Answer to `POST /punches/batch`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BatchAnswer {
    /// One verdict per item, in the order of the request.
    pub items: Vec<BatchItem>,
}
