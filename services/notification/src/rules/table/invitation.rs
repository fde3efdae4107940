//! Joining an organisation.

use super::words;
use crate::rules::domain::{Recipients, Rule, Said};
use rollcall_notification_api::inbox::{About, Category};
use rollcall_org_api::events::{INVITATION_ACCEPTED, INVITATION_CREATED, InvitationAccepted, InvitationCreated};

pub(super) static CREATED: Rule = Rule {
    event: INVITATION_CREATED,
    category: Category::Membership,
    template: "invitation",
    of_org: true,
    urgent: true,
    read: |data| {
        Said::read(data, |it: &InvitationCreated| {
            let to = Recipients::Address { email: it.email.clone(), name: it.name.clone(), locale: it.locale.clone() };
            let about =
                About { employee_id: Some(it.employee_id), invitation_id: Some(it.invitation_id), ..About::default() };
            (to, about)
        })
    },
    words: words!("invitation", html),
    #[cfg(test)]
    example: |name| {
        serde_json::json!({
            "invitation_id": "0192aaaa-0000-7000-8000-000000000001",
            "employee_id": "0192aaaa-0000-7000-8000-000000000002", "email": "wei@example.org", "name": name,
            "org_name": "Nordlicht", "locale": "zh-CN", "token": "s3cret_-token", "expires_at": "2026-11-27T09:00:00Z",
        })
    },
};

pub(super) static ACCEPTED: Rule = Rule {
    event: INVITATION_ACCEPTED,
    category: Category::Membership,
    template: "invitation_accepted",
    of_org: true,
    urgent: false,
    read: |data| {
        Said::read(data, |it: &InvitationAccepted| {
            let to = Recipients::ManagerOf { employee_id: it.employee_id, manager_id: it.manager_id };
            let about =
                About { employee_id: Some(it.employee_id), invitation_id: Some(it.invitation_id), ..About::default() };
            (to, about)
        })
    },
    words: words!("invitation_accepted"),
    #[cfg(test)]
    example: |name| {
        serde_json::json!({
            "invitation_id": "0192aaaa-0000-7000-8000-000000000001",
            "employee_id": "0192aaaa-0000-7000-8000-000000000002", "employee_name": name,
            "user_id": "0192aaaa-0000-7000-8000-000000000003", "manager_id": null,
        })
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_goes_to_the_invited_address() {
        let to = (CREATED.read)(&(CREATED.example)("Li Wei")).unwrap().to;
        let address = ["wei@example.org", "Li Wei", "zh-CN"].map(str::to_owned);
        let [email, name, locale] = address;
        assert_eq!(to, Recipients::Address { email, name, locale });
    }
}
