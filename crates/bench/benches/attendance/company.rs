//! The owner of the crowd's organisation at work, as a client program would be.

use anyhow::{Context as _, Result, ensure};
use reqwest::{Method, Response};
use rollcall_stack::Stack;
use rollcall_stack::crowd::Crowd;
use serde_json::{Value, json};

/// An owner, signed in for five minutes at a time.
pub(crate) struct Owner<'a> {
    crowd: &'a Crowd,
    http: reqwest::Client,
    base: String,
}

impl<'a> Owner<'a> {
    pub(crate) fn of(crowd: &'a Crowd, stack: &Stack) -> Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "a client from outside: no retries, no service token")]
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { crowd, http, base: stack.service_url("attendance")? })
    }

    /// Sends, with the version that the change is made against, if it needs one.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        version: Option<i64>,
        body: &Value,
    ) -> Result<Response> {
        let mut request = self.http.request(method, format!("{}{}", self.base, self.crowd.path(path)));
        request = request.bearer_auth(self.crowd.token(self.crowd.people[0])?);
        if let Some(version) = version {
            request = request.header("If-Match", format!("\"{version}\""));
        }
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        if !status.is_success() {
            let said = answer.text().await?;
            anyhow::bail!("{path}: {status} {said}");
        }
        Ok(answer)
    }

    pub(crate) async fn post(&self, path: &str, version: Option<i64>, body: &Value) -> Result<Value> {
        Ok(self.send(Method::POST, path, version, body).await?.json().await?)
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        Ok(self.send(Method::GET, path, None, &Value::Null).await?.json().await?)
    }

    /// A shift for everybody, Mondays to Fridays, in a year.
    pub(crate) async fn plan_everybody(&self) -> Result<()> {
        let shift = json!({
            "code": "DAY", "name": "Day", "start": "09:00", "end": "18:00",
            "breaks": [{"start": "12:00", "end": "13:00", "paid": false}],
        });
        let shift = self.post("/shifts", None, &shift).await?;
        let shift = shift.get("shift_id").context("a shift has an id")?;
        let cycle = json!([shift, shift, shift, shift, shift, null, null]);
        // The anchor is a Monday.
        let week = json!({ "name": "Week", "anchor_date": "2026-01-05", "cycle": cycle });
        let week = self.post("/rotations", None, &week).await?;
        let entry = |unit_id| {
            json!({
                "unit_id": unit_id, "from": "2026-01-05", "to": "2026-12-31", "rotation_id": week["rotation_id"],
            })
        };
        let entries = json!({ "entries": [entry(self.crowd.unit_id), entry(self.crowd.hall_id)] });
        let answer = self.send(Method::PUT, "/roster", Some(0), &entries).await?;
        ensure!(answer.status().is_success(), "planning");
        Ok(())
    }
}
