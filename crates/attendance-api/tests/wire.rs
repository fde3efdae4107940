//! The contract on the wire: what a client sends is taken as it is written, and what is answered can be read back.

use rollcall_attendance_api::policy::Policy;
use rollcall_attendance_api::punches::{BatchPunch, Direction, NewPunch, PunchException};
use rollcall_attendance_api::roster::{NewRosterEntry, RosterStored};
use rollcall_attendance_api::shifts::{Shift, ShiftBody};
use serde_json::{Value, json};

#[test]
fn a_day_off_is_said_and_not_left_out() {
    let day_off = json!({"from": "2026-06-01", "to": "2026-06-02", "shift_id": null});
    let entry: NewRosterEntry = serde_json::from_value(day_off.clone()).unwrap();
    assert_eq!(entry.shift_id, Some(None));
    assert_eq!(serde_json::to_value(&entry).unwrap(), day_off);
    let left_out = json!({"from": "2026-06-01", "to": "2026-06-02"});
    assert!(serde_json::from_value::<NewRosterEntry>(left_out).is_err());
    let id = "01890000-0000-7000-8000-000000000000";
    let rotation = json!({"from": "2026-06-01", "to": "2026-06-02", "rotation_id": id});
    let entry: NewRosterEntry = serde_json::from_value(rotation.clone()).unwrap();
    assert_eq!(serde_json::to_value(&entry).unwrap(), rotation);
    let both = json!({"from": "2026-06-01", "to": "2026-06-02", "rotation_id": id, "shift_id": null});
    assert!(serde_json::from_value::<NewRosterEntry>(both).is_err());
}

#[test]
fn what_is_stored_of_a_roster_can_be_read_back() {
    let id = "01890000-0000-7000-8000-000000000000";
    let wire = json!({"entries": [{
        "roster_entry_id": id, "created_at": "2026-06-01T09:00:00Z",
        "unit_id": id, "from": "2026-06-01", "to": "2026-06-02", "shift_id": id,
    }]});
    let stored: RosterStored = serde_json::from_value(wire.clone()).unwrap();
    assert_eq!(serde_json::to_value(stored).unwrap(), wire);
}

#[test]
fn a_shift_carries_its_rules_beside_its_times() {
    let mut wire = serde_json::to_value(Policy::default()).unwrap();
    let shift = json!({
        "shift_id": "01890000-0000-7000-8000-000000000000", "code": "DAY", "name": "Day", "start": "09:00",
        "end": "18:00", "breaks": [{"start": "12:00", "end": "13:00", "paid": false}], "valid_from": null,
        "version": 1, "created_at": "2026-06-01T09:00:00Z",
    });
    wire.as_object_mut().unwrap().extend(shift.as_object().unwrap().clone());
    let read: Shift = serde_json::from_value(wire.clone()).unwrap();
    assert_eq!(read.policy, Policy::default());
    assert_eq!(serde_json::to_value(read).unwrap(), wire);
}

#[test]
fn an_unknown_field_of_a_request_is_an_error() {
    for (body, known) in [(json!({"note": "x"}), true), (json!({"notes": "x"}), false)] {
        assert_eq!(serde_json::from_value::<NewPunch>(body).is_ok(), known);
    }
    let shift = json!({"code": "A", "name": "A", "start": "09:00", "end": "18:00", "grace": 5});
    assert!(serde_json::from_value::<ShiftBody>(shift).is_err());
}

#[test]
fn an_item_of_a_batch_is_a_punch_with_its_key() {
    let wire = json!({"idempotency_key": "k", "direction": "in", "source": "kiosk"});
    let item: BatchPunch = serde_json::from_value(wire.clone()).unwrap();
    assert_eq!(serde_json::to_value(item).unwrap(), wire);
}

#[test]
fn an_exception_of_a_punch_names_itself() {
    let outside = PunchException::OutsideGeofence { distance_m: 7 };
    let wire: Value = json!({"code": "outside_geofence", "distance_m": 7});
    assert_eq!(serde_json::to_value(outside).unwrap(), wire);
}

#[test]
fn a_direction_is_the_same_word_everywhere() {
    for direction in Direction::ALL {
        assert_eq!(serde_json::to_value(direction).unwrap(), direction.as_str());
        assert_eq!(Direction::of_word(direction.as_str()), Some(direction));
    }
    assert_eq!(Direction::of_word("sideways"), None);
}
