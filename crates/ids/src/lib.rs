//! Typed identifiers. Every identifier is a UUIDv7 (RFC 9562 §5.7): unique without coordination and
//! ascending in time, so that a B-tree on it grows at its right edge.
//!
//! The types differ so that an employee's id cannot be passed where a user's is meant. Nothing reads
//! the time inside an id: order by a column that says what it orders by.

/// Declares one identifier type around [`uuid::Uuid`].
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, utoipa::ToSchema,
        )]
        #[cfg_attr(
            feature = "diesel",
            derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow),
            diesel(sql_type = diesel::sql_types::Uuid)
        )]
        #[serde(transparent)]
        #[schema(value_type = uuid::Uuid)]
        pub struct $name(pub uuid::Uuid);

        impl $name {
            /// A new identifier, never given before.
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place that mints ids; they are opaque, so no rule depends on their clock"
            )]
            pub fn generate() -> Self {
                Self(uuid::Uuid::now_v7())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                s.parse().map(Self)
            }
        }

        #[cfg(feature = "diesel")]
        impl diesel::serialize::ToSql<diesel::sql_types::Uuid, diesel::pg::Pg> for $name {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, diesel::pg::Pg>,
            ) -> diesel::serialize::Result {
                diesel::serialize::ToSql::<diesel::sql_types::Uuid, diesel::pg::Pg>::to_sql(&self.0, out)
            }
        }

        #[cfg(feature = "diesel")]
        impl diesel::deserialize::FromSql<diesel::sql_types::Uuid, diesel::pg::Pg> for $name {
            fn from_sql(bytes: diesel::pg::PgValue<'_>) -> diesel::deserialize::Result<Self> {
                diesel::deserialize::FromSql::<diesel::sql_types::Uuid, diesel::pg::Pg>::from_sql(bytes)
                    .map(Self)
            }
        }
    )+};
}

ids! {
    /// A person who can sign in; owned by the user service.
    UserId;
    /// One signed-in device of a user (`sid` in access tokens).
    SessionId;
    /// An organisation: the tenant that every other row belongs to.
    OrgId;
    /// A person's employment in one organisation.
    EmployeeId;
    /// A department.
    UnitId;
    /// A place of work, which has a time zone.
    SiteId;
    /// An effective-dated assignment of an employee to a unit and a site.
    AssignmentId;
    /// A calendar of public holidays.
    HolidayCalendarId;
    /// An invitation to become a member of an organisation.
    InvitationId;
    /// A stretch of time in which somebody decides in another's place.
    DelegationId;
    /// A file of employees that is checked and then taken over.
    ImportId;
    /// One clocking-in or clocking-out.
    PunchId;
    /// A shift: planned times and the policy of a workday.
    ShiftId;
    /// A cycle of shifts.
    RotationId;
    /// One planned stretch of the roster.
    RosterEntryId;
    /// A request to put a workday right.
    CorrectionId;
    /// Any request that waits for a decision; the same value as the id of what is asked for.
    RequestId;
    /// A request that overtime counts.
    OvertimeRequestId;
    /// The record of a change.
    AuditEventId;
    /// A stretch of dates that is locked and closed as a whole.
    PeriodId;
    /// Something that an organisation tells its people.
    AnnouncementId;
    /// A kind of leave.
    LeaveTypeId;
    /// How a kind of leave is earned.
    LeavePolicyId;
    /// An entry of the leave ledger.
    LeaveEntryId;
    /// A request for leave.
    LeaveRequestId;
    /// A secret address at which a person's calendar is read.
    CalendarFeedId;
    /// A terminal or kiosk that people punch at.
    DeviceId;
    /// A request of two people to take each other's shifts.
    RosterSwapId;
    /// A message to one recipient.
    NotificationId;
    /// An address of an organisation that events are sent to.
    WebhookId;
    /// One event that is sent to one webhook.
    WebhookDeliveryId;
    /// An event in an outbox (`id` of a CloudEvent).
    EventId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_plain_string_on_the_wire_and_comes_back_unchanged() {
        let id = UserId::generate();
        let wire = serde_json::to_string(&id).unwrap();
        assert_eq!(wire, format!("\"{id}\""));
        assert_eq!(serde_json::from_str::<UserId>(&wire).unwrap(), id);
        assert_eq!(id.0.get_version_num(), 7);
    }

    #[test]
    fn later_ids_sort_after_earlier_ones() {
        let ids: Vec<_> = (0..1_000).map(|_| EventId::generate()).collect();
        assert!(ids.is_sorted());
    }
}
