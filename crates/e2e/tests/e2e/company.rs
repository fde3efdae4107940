//! What every end-to-end test starts from, built through nginx as a client program would: people who sign up, a
//! company, employees who accept their invitation by the mail they got.

use anyhow::{Context as _, Result, ensure};
use reqwest::{Method, StatusCode};
use rollcall_stack::Stack;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long anything may take that is not instant: mails, events.
const PATIENCE: Duration = Duration::from_secs(15);
const PASSWORD: &str = "correct horse battery staple";

/// A client of the whole, through nginx.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    mail: PathBuf,
}

/// A signed-in person.
#[derive(Clone)]
pub struct Person {
    pub client: Client,
    pub email: String,
    pub token: String,
    pub refresh_token: String,
}

/// An answer: status, headers, body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The body, when the status is the expected one.
    pub fn expect(self, status: u16) -> Result<Value> {
        ensure!(self.status == status, "expected {status}, got {}: {}", self.status, self.body);
        Ok(self.body)
    }
}

impl Answer {
    /// The body, when it succeeded, now or before.
    pub fn expect_success(self) -> Result<Value> {
        ensure!((200..300).contains(&self.status), "{}: {}", self.status, self.body);
        Ok(self.body)
    }
}

impl Client {
    pub fn of(stack: &Stack) -> Result<Self> {
        Self::waiting(stack, Duration::from_secs(20))
    }

    /// One who waits no longer than this for an answer.
    #[expect(clippy::disallowed_methods, reason = "a client from outside: no retries, no service token")]
    pub fn waiting(stack: &Stack, at_most: Duration) -> Result<Self> {
        let http = reqwest::Client::builder().timeout(at_most).no_proxy().build()?;
        Ok(Self { http, base_url: stack.base_url(), mail: stack.mail_dir() })
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base_url))
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer { status, headers, body })
    }

    /// The text at an address, of a service or of anybody.
    pub async fn get_text(&self, url: &str) -> Result<String> {
        Ok(self.http.get(url).send().await?.error_for_status()?.text().await?)
    }

    /// Signs up and in.
    pub async fn sign_up(&self, name: &str) -> Result<Person> {
        let email = address(name);
        let body = json!({ "email": email, "password": PASSWORD, "name": name, "locale": "en", "time_zone": "UTC" });
        self.send(self.request(Method::POST, "/api/user/v1/users").json(&body)).await?.expect(201)?;
        self.sign_in(&email).await
    }

    /// Signs somebody in who has signed up.
    pub async fn sign_in(&self, email: &str) -> Result<Person> {
        self.try_sign_in(email).await?.expect(201).and_then(|session| self.person(email, &session))
    }

    /// Signs in; any answer.
    pub async fn try_sign_in(&self, email: &str) -> Result<Answer> {
        let body = json!({ "email": email, "password": PASSWORD });
        self.send(self.request(Method::POST, "/api/user/v1/sessions").json(&body)).await
    }

    /// Who is signed in with this session.
    pub fn person(&self, email: &str, session: &Value) -> Result<Person> {
        let (token, refresh_token) = (text(session, "access_token")?, text(session, "refresh_token")?);
        Ok(Person { client: self.clone(), email: email.to_owned(), token, refresh_token })
    }

    /// The secret in the invitation that was mailed to `email`.
    pub async fn invitation_of(&self, email: &str) -> Result<String> {
        let mail = eventually(&format!("a mail to {email}"), || async {
            let entries = std::fs::read_dir(&self.mail).ok()?;
            let mails = entries.filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok());
            let to = format!("To: {email}");
            mails.into_iter().find(|mail| {
                mail.lines().any(|line| line.trim_end().contains(&to) || line.contains(&format!("<{email}>")))
            })
        })
        .await?;
        // 48 bytes in base64url, on a line of its own.
        let is_secret =
            |line: &&str| line.len() == 64 && line.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        mail.lines()
            .map(str::trim_end)
            .find(is_secret)
            .map(str::to_owned)
            .with_context(|| format!("no code in: {mail}"))
    }
}

/// An address that nobody has, with the name in it.
fn address(name: &str) -> String {
    format!("{}.{}@example.org", name.to_lowercase().replace(' ', "."), rollcall_ids::UserId::generate())
}

impl Person {
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let request = self.client.request(method, path).bearer_auth(&self.token);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        self.client.send(request).await
    }

    /// Puts what nobody has put before.
    pub async fn put_first(&self, path: &str, body: &Value) -> Result<Answer> {
        let request = self.client.request(Method::PUT, path).bearer_auth(&self.token).header("If-Match", "\"0\"");
        self.client.send(request.json(body)).await
    }

    pub async fn get(&self, path: &str) -> Result<Value> {
        self.call(Method::GET, path, None).await?.expect(200)
    }

    pub async fn create(&self, path: &str, body: &Value) -> Result<Value> {
        self.call(Method::POST, path, Some(body)).await?.expect(201)
    }

    /// Creates with a key, which makes it safe to repeat; any answer.
    pub async fn create_once(&self, path: &str, body: &Value, key: &str) -> Result<Answer> {
        let request = self.client.request(Method::POST, path).bearer_auth(&self.token).header("Idempotency-Key", key);
        self.client.send(request.json(body)).await
    }

    /// The whole inbox, newest first.
    pub async fn inbox(&self) -> Result<Vec<Value>> {
        self.all("/api/notification/v1/notifications?limit=200").await
    }

    /// Punches with a key; any answer.
    pub async fn punch(&self, org_id: &str, body: &Value, key: &str) -> Result<Answer> {
        self.create_once(&format!("/api/attendance/v1/orgs/{org_id}/punches"), body, key).await
    }

    /// All punches of an employee, newest first.
    pub async fn punches_of(&self, org_id: &str, employee_id: &str) -> Result<Vec<Value>> {
        self.all(&format!("/api/attendance/v1/orgs/{org_id}/punches?employee_id={employee_id}&limit=200")).await
    }

    /// The items of all pages; `path` has a query.
    async fn all(&self, path: &str) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{path}{cursor}")).await?;
            all.extend(page["items"].as_array().context("items")?.iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(all),
            }
        }
    }
}

/// A company with an owner, who is employee number 1 and everybody's manager, and one employee.
pub struct Company {
    pub org_id: String,
    pub owner: Person,
    pub worker: Person,
    pub worker_id: String,
}

impl Company {
    /// Sign up, found, add a site, hire, invite, accept: everything a punch needs.
    pub async fn found(client: &Client) -> Result<Self> {
        let owner = client.sign_up("Ada Owner").await?;
        let org =
            owner.create("/api/org/v1/orgs", &json!({ "name": "Analytical Engines", "time_zone": "UTC" })).await?;
        let org_id = text(&org, "org_id")?;
        let me = owner.get(&format!("/api/org/v1/orgs/{org_id}/me")).await?;
        let owner_id = find(&me, "employee_id").context("employee_id of the owner")?;
        let site = json!({
            "name": "Works", "time_zone": "UTC",
            "geofence": { "latitude": 51.5, "longitude": -0.12, "radius_m": 200 },
        });
        let site = owner.create(&format!("/api/org/v1/orgs/{org_id}/sites"), &site).await?;
        let site_id = text(&site, "site_id")?;
        let worker = client.sign_up("Charles Worker").await?;
        let employee = json!({
            "number": "2", "name": "Charles Worker", "email": worker.email, "hired_on": "2024-01-01",
            "assignment": { "site_id": site_id, "manager_id": owner_id }, "invite": true,
        });
        let employee = owner.create(&format!("/api/org/v1/orgs/{org_id}/employees"), &employee).await?;
        let worker_id = text(&employee, "employee_id")?;
        let company = Self { org_id, owner, worker, worker_id };
        company.accept(client, &company.worker).await?;
        Ok(company)
    }

    /// Accepts the invitation that was mailed to `person`.
    pub async fn accept(&self, client: &Client, person: &Person) -> Result<()> {
        let token = client.invitation_of(&person.email).await?;
        let path = "/api/org/v1/invitations/accept";
        let answer = person.call(Method::POST, path, Some(&json!({ "token": token }))).await?;
        ensure!(StatusCode::from_u16(answer.status)?.is_success(), "not accepted: {answer:?}");
        Ok(())
    }

    /// Waits until attendance knows the worker, so that what follows measures nothing else.
    pub async fn known_to_attendance(&self) -> Result<()> {
        let path = format!("/api/attendance/v1/orgs/{}/punches?employee_id={}", self.org_id, self.worker_id);
        eventually("attendance knows the worker", || async {
            (self.worker.call(Method::GET, &path, None).await.ok()?.status == 200).then_some(())
        })
        .await
    }

    pub fn attendance(&self, rest: &str) -> String {
        format!("/api/attendance/v1/orgs/{}/{rest}", self.org_id)
    }
}

/// A string field.
pub fn text(value: &Value, field: &str) -> Result<String> {
    value[field].as_str().map(str::to_owned).with_context(|| format!("no {field} in {value}"))
}

/// The first string under this key, at any depth.
pub fn find(value: &Value, key: &str) -> Option<String> {
    match value {
        Value::Object(fields) => fields
            .get(key)
            .and_then(|value| value.as_str().map(str::to_owned))
            .or_else(|| fields.values().find_map(|value| find(value, key))),
        Value::Array(items) => items.iter().find_map(|value| find(value, key)),
        _ => None,
    }
}

/// Waits until `check` answers something.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut check: impl FnMut() -> F) -> Result<T> {
    let give_up = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check().await {
            return Ok(found);
        }
        ensure!(Instant::now() < give_up, "did not happen within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(50)).await;
    }
}
