//! An invitation and its token.

use crate::error::Error;
use crate::imports::domain::MOST_LINES;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::prelude::*;
use jiff::{SignedDuration, Timestamp};
use rollcall_common::secret;
use rollcall_ids::{EmployeeId, InvitationId, OrgId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How long an invitation works.
pub(crate) const LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How often one employee is invited: a mail that did not come is asked for again, and again to another address.
pub(crate) const OF_EMPLOYEE: Rate = Rate { most: 3, within: SignedDuration::from_hours(1) };
/// How often people of one organisation are: everybody whom the largest import brings can be invited on the day of it. Who
/// would write to strangers through us gets no further.
pub(crate) const OF_ORG: Rate = Rate { most: MOST_LINES, within: SignedDuration::from_hours(24) };
/// Bytes of a secret: 256 random bits.
pub(crate) const SECRET_LENGTH: usize = 32;
/// Bytes of a token: the organisation's id and a secret.
const LENGTH: usize = 16 + SECRET_LENGTH;

/// What `POST …/accept` takes: the organisation's id and a secret, 48 bytes as 64 characters of base64url, which fit
/// on one line of a mail however it is encoded. It names the organisation so that the row is looked for under that
/// organisation's row-level security, not across all of them; whoever changes the name finds nothing.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token {
    org_id: OrgId,
    text: String,
}

impl Token {
    /// The token of a fresh secret.
    pub(crate) fn new(org_id: OrgId, secret: [u8; SECRET_LENGTH]) -> Self {
        let mut bytes = [0; LENGTH];
        bytes[..16].copy_from_slice(org_id.0.as_bytes());
        bytes[16..].copy_from_slice(&secret);
        Self { org_id, text: URL_SAFE_NO_PAD.encode(bytes) }
    }

    /// Takes it apart; none when it cannot be one of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; LENGTH] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let org_id = OrgId(uuid::Uuid::from_slice(&bytes[..16]).ok()?);
        Some(Self { org_id, text: text.to_owned() })
    }

    /// The organisation it names.
    pub(crate) fn org_id(&self) -> OrgId {
        self.org_id
    }

    /// The token itself, for the mail.
    pub(crate) fn expose(&self) -> &str {
        &self.text
    }

    /// What is stored of it.
    pub(crate) fn sha256(&self) -> [u8; 32] {
        secret::sha256(self.text.as_bytes())
    }
}

/// So many invitations at most in any span of time that is so long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) most: usize,
    pub(crate) within: SignedDuration,
}

impl Rate {
    /// Whether there may be one more at `now`, when the one that is `most` before it was made at `earlier`; refuses it with
    /// the seconds until there may be.
    pub(crate) fn check(&self, earlier: Option<Timestamp>, now: Timestamp) -> Result<(), Error> {
        let Some(earlier) = earlier else { return Ok(()) };
        let wait = self.within - now.duration_since(earlier);
        if !wait.is_positive() {
            return Ok(());
        }
        let seconds = wait.as_secs() + i64::from(wait.subsec_nanos() > 0);
        Err(Error::TooManyInvitations(u32::try_from(seconds).unwrap_or(u32::MAX)))
    }
}

/// An invitation as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = crate::schema::invitations)]
pub(crate) struct Invitation {
    pub(crate) invitation_id: InvitationId,
    pub(crate) employee_id: EmployeeId,
    pub(crate) email: String,
    #[diesel(deserialize_as = jiff_diesel::Timestamp)]
    pub(crate) created_at: Timestamp,
    #[diesel(deserialize_as = jiff_diesel::Timestamp)]
    pub(crate) expires_at: Timestamp,
    #[diesel(deserialize_as = jiff_diesel::NullableTimestamp)]
    pub(crate) accepted_at: Option<Timestamp>,
    pub(crate) accepted_by: Option<UserId>,
    #[diesel(deserialize_as = jiff_diesel::NullableTimestamp)]
    pub(crate) replaced_at: Option<Timestamp>,
}

impl Invitation {
    /// Whether it may be accepted at `now`: 409 once used, 410 when it is too old or a newer one took its place.
    pub(crate) fn check(&self, now: Timestamp) -> Result<(), Error> {
        if self.accepted_at.is_some() {
            Err(Error::InvitationUsed)
        } else if self.replaced_at.is_some() || self.expires_at <= now {
            Err(Error::InvitationExpired)
        } else {
            Ok(())
        }
    }

    /// What clients see of it: never the token.
    pub(crate) fn view(&self) -> InvitationView {
        InvitationView {
            invitation_id: self.invitation_id,
            employee_id: self.employee_id,
            email: self.email.clone(),
            created_at: self.created_at,
            expires_at: self.expires_at,
            accepted_at: self.accepted_at,
        }
    }
}

/// An invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Invitation, example = json!({
    "invitation_id": "01890a5d-ac96-774b-bcce-b302099a8056", "employee_id": "01890a5d-ac96-774b-bcce-b302099a8053", "email": "ada@example.org",
    "created_at": "2026-06-01T09:00:00Z", "expires_at": "2026-06-08T09:00:00Z", "accepted_at": null,
}))]
pub(crate) struct InvitationView {
    /// Its id.
    pub(crate) invitation_id: InvitationId,
    /// Who is invited.
    pub(crate) employee_id: EmployeeId,
    /// Where the mail goes.
    #[schema(example = "ada@example.org")]
    pub(crate) email: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
    /// When it stops working.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) expires_at: Timestamp,
    /// When it was accepted.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) accepted_at: Option<Timestamp>,
}

/// Whom to invite.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"employee_id": "01890a5d-ac96-774b-bcce-b302099a8057"}))]
pub(crate) struct NewInvitation {
    /// An employee with an address and without an account.
    pub(crate) employee_id: EmployeeId,
}

/// The token of an invitation.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acceptance {
    /// As it came in the mail.
    #[schema(example = "AY8vOlwecACAAAAAAAAAAavN7xI0VniavN7xI0VniavN7xI0VniavN7xI0VniavN")]
    pub(crate) token: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn invitation() -> Invitation {
        Invitation {
            invitation_id: InvitationId::generate(),
            employee_id: EmployeeId::generate(),
            email: "ada@example.org".into(),
            created_at: at("2026-01-01T00:00:00Z"),
            expires_at: at("2026-01-08T00:00:00Z"),
            accepted_at: None,
            accepted_by: None,
            replaced_at: None,
        }
    }

    #[test]
    fn a_token_comes_back_as_it_was_made() {
        let token = Token::new(OrgId::generate(), [7; SECRET_LENGTH]);
        assert_eq!(token.expose().len(), 64);
        let parsed = Token::parse(token.expose()).unwrap();
        assert_eq!((parsed.org_id(), parsed.sha256()), (token.org_id(), token.sha256()));
    }

    proptest! {
        #[test]
        fn what_a_stranger_sends_is_no_token(text in "\\PC{0,63}|\\PC{65,120}") {
            prop_assert!(Token::parse(&text).is_none());
        }
    }

    #[test]
    fn it_works_until_its_last_moment_and_once() {
        let open = invitation();
        assert!(open.check(at("2026-01-07T23:59:59Z")).is_ok());
        assert!(matches!(open.check(at("2026-01-08T00:00:00Z")), Err(Error::InvitationExpired)));
        let replaced = Invitation { replaced_at: Some(at("2026-01-02T00:00:00Z")), ..invitation() };
        assert!(matches!(replaced.check(at("2026-01-03T00:00:00Z")), Err(Error::InvitationExpired)));
        let used = Invitation { accepted_at: Some(at("2026-01-02T00:00:00Z")), ..invitation() };
        assert!(matches!(used.check(at("2027-01-01T00:00:00Z")), Err(Error::InvitationUsed)));
    }
}
