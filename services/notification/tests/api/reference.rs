//! Signatures, verified by the library that the authors of the specification publish. It is not among what a build needs:
//! `make test-webhooks` installs it and runs this.

use crate::webhooks::{create, delivery, post, secrets, world};
use serde_json::{Value, json};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

#[tokio::test]
#[ignore = "needs PyPI's standardwebhooks: make test-webhooks"]
async fn the_reference_library_verifies_what_is_sent() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let mut child = Command::new(format!("{root}/.run/webhooks/bin/python"))
        .arg(format!("{root}/services/notification/tests/standard_webhooks.py"))
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    let receiver = format!("http://127.0.0.1:{}", said["port"]);
    let world = world(5).await;
    // The library refuses what was signed minutes ago.
    let behind = said["now"].as_i64().unwrap() - world.service.clock.clock().now().as_second();
    world.service.clock.advance(jiff::SignedDuration::from_secs(behind));
    let trust = async |secret: String| {
        let request = world.service.http.post(format!("{receiver}/trust")).json(&json!({ "secret": secret }));
        assert_eq!(request.send().await.unwrap().status(), 200);
    };

    let webhook = create(&world, &format!("{receiver}/hook"), &[]).await;
    let first = secrets(&world, &webhook).await.remove(0).shown();
    trust(first.clone()).await;
    world.send("org", &[world.accepted()]).await;
    delivery(&world, &webhook, |delivery| delivery.state == "delivered").await;

    let rotate = format!("/{}/rotate-secret", webhook.webhook_id);
    assert_eq!(post(&world, &rotate, &json!({})).await.status(), 200);
    let second = secrets(&world, &webhook).await.remove(0).shown();
    for trusted in [&first, &second] {
        trust(trusted.clone()).await;
        let event = world.accepted_by("李伟 <&>", None);
        world.send("org", std::slice::from_ref(&event)).await;
        let id = event["id"].as_str().unwrap().to_owned();
        let sent =
            delivery(&world, &webhook, |delivery| delivery.event_id.to_string() == id && delivery.state == "delivered");
        assert_eq!(sent.await.answer.unwrap().status, 200, "both secrets verify while they overlap");
    }

    trust("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()).await;
    world.send("org", &[world.accepted()]).await;
    let refused =
        delivery(&world, &webhook, |delivery| delivery.answer.as_ref().is_some_and(|a| a.status == 400)).await;
    assert_eq!(refused.state, "queued", "the library can refuse");
}
