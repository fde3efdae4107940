//! What services may ask user directly, with a service token. Never proxied by nginx.

use rollcall_ids::UserId;
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// Path of one user: 200 with [`Contact`], 404 when there is none.
pub fn user_path(user_id: UserId) -> String {
    format!("/internal/v1/users/{user_id}")
}

/// How to reach somebody, and in which language and at which times. All of it is personal data: it prints as its id
/// alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Contact {
    /// Their id.
    pub user_id: UserId,
    /// Where mail reaches them.
    #[schema(example = "ada@example.org")]
    pub email: String,
    /// Their name as they write it.
    #[schema(example = "Ada Lovelace")]
    pub name: String,
    /// BCP 47 tag of the language they are written to in.
    #[schema(example = "en")]
    pub locale: String,
    /// IANA name of the zone whose wall clock they read.
    #[schema(example = "Europe/London")]
    pub time_zone: String,
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn contact(email: &str, name: &str) -> Contact {
        Contact {
            user_id: UserId::generate(),
            email: email.to_owned(),
            name: name.to_owned(),
            locale: "zh-CN".to_owned(),
            time_zone: "Asia/Shanghai".to_owned(),
        }
    }

    #[test]
    fn a_contact_prints_nothing_personal() {
        let printed = format!("{:?}", contact("ada@example.org", "Ada"));
        assert!(!printed.contains("ada") && !printed.contains("Ada"), "{printed}");
    }

    #[test]
    fn a_newer_service_may_say_more() {
        let mut wire = serde_json::to_value(contact("ada@example.org", "Ada")).unwrap();
        wire["pronouns"] = "she".into();
        assert_eq!(serde_json::from_value::<Contact>(wire).unwrap().email, "ada@example.org");
    }

    proptest! {
        #[test]
        fn a_contact_comes_back_as_it_was_sent(email: String, name: String) {
            let sent = contact(&email, &name);
            let wire = serde_json::to_string(&sent).unwrap();
            prop_assert_eq!(serde_json::from_str::<Contact>(&wire).unwrap(), sent);
        }
    }
}
