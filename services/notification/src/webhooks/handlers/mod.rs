//! `/api/notification/v1/orgs/{org_id}/webhooks` and what is below it.

pub(crate) mod deliveries;
pub(crate) mod secrets;
pub(crate) mod webhooks;
