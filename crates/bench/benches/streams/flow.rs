//! A steady flow of messages to random single users: events as attendance would emit them, in batches.

use crate::readers::Clock;
use anyhow::Result;
use jiff::Timestamp;
use rollcall_attendance_api::events::{PUNCH_OUTSIDE_GEOFENCE, PunchOutsideGeofence};
use rollcall_ids::{EventId, PunchId};
use rollcall_stack::crowd::Crowd;
use rollcall_stack::load::Traffic;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Events of one request.
pub(crate) const BATCH: usize = 30;

/// Punches outside of a geofence, of which the manager is told: each time somebody else.
pub(crate) struct Flow {
    crowd: Arc<Crowd>,
    recipients: usize,
    head: String,
    clock: Clock,
    at: Timestamp,
    applied: AtomicUsize,
}

impl Flow {
    /// To the first so many people but one: the first is told of nobody, it is about them.
    pub(crate) fn new(crowd: &Arc<Crowd>, among: usize, clock: Clock) -> Result<Arc<Self>> {
        let token = crowd.service_token("attendance")?;
        let head = format!(
            "POST /internal/v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/cloudevents-batch+json\r\n"
        );
        let at = rollcall_common::clock::Clock::system().now();
        Ok(Arc::new(Self {
            crowd: Arc::clone(crowd),
            recipients: among - 1,
            head,
            clock,
            at,
            applied: AtomicUsize::new(0),
        }))
    }

    /// How many messages were stored since the last time.
    pub(crate) fn stored(&self) -> usize {
        self.applied.swap(0, Ordering::Relaxed)
    }

    fn event(&self, recipient: usize) -> serde_json::Value {
        let data = PunchOutsideGeofence {
            punch_id: PunchId::generate(),
            employee_id: self.crowd.people[0].employee_id,
            employee_name: self.clock.mark(),
            manager_id: Some(self.crowd.people[recipient].employee_id),
            site_id: self.crowd.site_id,
            site_name: "Works".into(),
            at: self.at,
            time_zone: "Europe/Berlin".into(),
            distance_m: 1_250,
        };
        json!({
            "specversion": "1.0", "id": EventId::generate(), "source": "/rollcall/attendance",
            "type": PUNCH_OUTSIDE_GEOFENCE, "subject": "any", "time": self.at, "datacontenttype": "application/json",
            "orgid": self.crowd.org_id, "aggregateversion": 1, "data": data,
        })
    }
}

impl Traffic for Flow {
    fn request(&self, number: u64, into: &mut Vec<u8>) {
        // Neighbours in time are far apart in the crowd.
        let first = usize::try_from(number).unwrap_or_default() * BATCH;
        let recipient = |of: usize| 1 + (first + of).wrapping_mul(2_654_435_761) % self.recipients;
        let events: Vec<_> = (0..BATCH).map(|of| self.event(recipient(of))).collect();
        let body = serde_json::to_vec(&events).unwrap_or_default();
        into.extend_from_slice(self.head.as_bytes());
        into.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        into.extend_from_slice(&body);
    }

    fn answered(&self, _number: u64, status: u16, body: &[u8]) -> bool {
        let applied = String::from_utf8_lossy(body).matches(r#""verdict":"applied""#).count();
        self.applied.fetch_add(applied, Ordering::Relaxed);
        status == 200 && applied == BATCH
    }
}
