//! Short links.

use crate::support::World;
use diesel::{Connection as _, PgConnection};
use jiff::SignedDuration;
use rollcall_notification::links::domain::Target;
use rollcall_notification::links::store;
use rollcall_stack::testing::set;

/// One that shows where it is led and does not go there.
#[expect(clippy::disallowed_methods, reason = "tests are clients from outside: no retries, no service token")]
fn browser() -> reqwest::Client {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap()
}

#[tokio::test]
async fn a_link_leads_below_the_base_until_it_expires_and_a_guess_leads_nowhere() {
    let world = World::with(|settings| set(settings, "links.base_url", "https://hr.example.org/rollcall")).await;
    let app = world.service.app();
    let (base, now) = (app.settings.links.base_url.clone(), world.service.clock.clock().now());
    let target = Target::new(&base, "/invitations/accept#token=s3cret").unwrap();
    let mut owner = PgConnection::establish(&world.service.admin_url).unwrap();
    let until = now + SignedDuration::from_hours(1);
    let link = owner.transaction(|conn| store::add(conn, &base, &target, &app.sealing, until, now)).unwrap();
    let path = link.strip_prefix("https://hr.example.org/rollcall").unwrap();

    let browser = browser();
    let get = |path: String| browser.get(format!("{}{path}", world.service.base_url)).send();
    let answer = get(path.to_owned()).await.unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(answer.headers()["location"], "https://hr.example.org/rollcall/invitations/accept#token=s3cret");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    for guess in ["/s/x", "/s/AAAAAAAAAAAAAAAAAAAAAA", "/s/%00", &path.to_lowercase()] {
        assert_eq!(get(guess.to_owned()).await.unwrap().status(), 404, "{guess}");
    }
    world.service.clock.advance(SignedDuration::from_hours(1));
    let expired = get(path.to_owned()).await.unwrap();
    assert_eq!(expired.status(), 410);
    let problem: serde_json::Value = expired.json().await.unwrap();
    assert_eq!(problem["code"], "link_expired");
    let readable = "SELECT count(*) FROM short_links WHERE encode(sealed_path, 'escape') LIKE '%invitations%'";
    assert_eq!(world.count(readable), 0, "where it leads cannot be read in the database");
}

#[tokio::test]
async fn mails_have_a_link_where_there_is_a_page_for_it() {
    let world = World::with(|settings| {
        set(settings, "links.base_url", "https://hr.example.org");
        set(settings, "links.invitation_page", "/invitations/accept");
    })
    .await;
    world.send("org", &[world.invited("wei@example.org", "zh-CN", "Zm9v_-")]).await;
    let directory = world.service.directory.join("mail");
    let started = std::time::Instant::now();
    let mail = loop {
        let mails: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        match mails.iter().find(|path| path.extension().is_some_and(|extension| extension == "eml")) {
            Some(mail) => break std::fs::read_to_string(mail).unwrap(),
            None => assert!(started.elapsed() < crate::support::PATIENCE),
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let link = mail.lines().find(|line| line.starts_with("https://hr.example.org/s/")).unwrap();
    let path = link.trim().strip_prefix("https://hr.example.org").unwrap();
    let browser = browser();
    let answer = browser.get(format!("{}{path}", world.service.base_url)).send().await.unwrap();
    assert_eq!(answer.status(), 302);
    assert_eq!(answer.headers()["location"], "https://hr.example.org/invitations/accept#token=Zm9v_-");
    world.service.clock.advance(SignedDuration::from_hours(24 * 8));
    let answer = browser.get(format!("{}{path}", world.service.base_url)).send().await.unwrap();
    assert_eq!(answer.status(), 410, "it ends with the token");
}
