//! A session that was ended is refused by all four services, though each verifies tokens by itself.

use crate::company::{Client, Company, Person};
use crate::start;
use anyhow::{Result, ensure};
use reqwest::Method;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// What the contract allows until all have heard.
const WITHIN: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_session_is_refused_everywhere_within_two_seconds_and_at_once_by_who_comes_back() -> Result<()> {
    let (mut stack, _place) = start().await?;
    let client = Client::of(&stack)?;
    let company = Company::found(&client).await?;
    company.known_to_attendance().await?;
    let paths = [
        "/api/user/v1/users/me".to_owned(),
        format!("/api/org/v1/orgs/{}/me", company.org_id),
        company.attendance("punches"),
        "/api/notification/v1/unread-count".to_owned(),
    ];
    for path in &paths {
        let answer = company.worker.call(Method::GET, path, None).await?;
        ensure!(answer.status == 200, "{path} before: {answer:?}");
    }
    end(&company.worker).await?;
    let ended = Instant::now();
    for path in &paths {
        while company.worker.call(Method::GET, path, None).await?.status != 401 {
            ensure!(ended.elapsed() < WITHIN, "{path} still takes the token after {:?}", ended.elapsed());
            sleep(Duration::from_millis(20)).await;
        }
    }

    // Attendance is down when another session ends, and refuses it from its first request on.
    stack.stop_service("attendance").await?;
    end(&company.owner).await?;
    stack.start_service("attendance").await?;
    let answer = company.owner.call(Method::GET, &company.attendance("punches"), None).await?;
    ensure!(answer.status == 401, "after its return: {answer:?}");
    stack.shutdown().await
}

async fn end(person: &Person) -> Result<()> {
    let answer = person.call(Method::DELETE, "/api/user/v1/sessions/current", None).await?;
    ensure!(answer.status == 204, "{answer:?}");
    Ok(())
}
