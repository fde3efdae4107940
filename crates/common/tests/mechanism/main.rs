//! The mechanism through HTTP, against a real PostgreSQL, in the smallest service there can be.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]
#![expect(missing_docs, unreachable_pub, reason = "tests have no readers of their documentation but their own")]

mod backfill;
mod database;
mod events;
mod idempotency;
mod instances;
mod limits;
mod migrate;
mod outgoing;
mod probe;
mod refusals;
mod release;
mod sessions;
mod streams;
mod tokens;

use probe::Probe;
use rollcall_ids::{OrgId, UserId};
use rollcall_stack::testing::TestService;

/// A probe with one member of one organisation.
pub struct Stage {
    pub service: TestService<Probe>,
    pub user: UserId,
    pub org: OrgId,
}

impl Stage {
    pub async fn set() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(settings: impl FnOnce(&mut toml::Table)) -> Self {
        let service = TestService::<Probe>::with(settings).await;
        let (user, org) = (UserId::generate(), OrgId::generate());
        service.app().admit(user, org);
        Self { service, user, org }
    }

    pub fn notes(&self) -> String {
        format!("/orgs/{}/notes", self.org)
    }

    /// Posts a note with a key.
    pub async fn add(&self, text: &str, key: &str) -> reqwest::Response {
        let request = self.service.as_user(self.user).post(&self.notes());
        let request = request.header("Idempotency-Key", key).json(&serde_json::json!({ "text": text }));
        request.send().await.unwrap()
    }

    /// The texts of all notes.
    pub async fn listed(&self) -> Vec<String> {
        let request = self.service.as_user(self.user).get(&self.notes());
        request.send().await.unwrap().json().await.unwrap()
    }
}

/// Waits until `check` answers something, for at most ten seconds.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut check: impl FnMut() -> F) -> T {
    for _ in 0..400 {
        if let Some(found) = check().await {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("did not happen within ten seconds: {what}")
}
