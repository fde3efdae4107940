//! A mail server that is away holds up nobody: what happened is told in the inbox, and mails leave when it is back.

use crate::PLACES;
use crate::company::{Client, eventually, text};
use anyhow::{Context as _, Result, ensure};
use rollcall_stack::Stack;
use rollcall_stack::faults::{Fault, SMTP};
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

type Taken = Arc<Mutex<Vec<String>>>;

#[tokio::test(flavor = "multi_thread")]
async fn invitations_are_mailed_when_the_mail_server_is_back_and_nobody_waits_for_it() -> Result<()> {
    let _place = PLACES.acquire().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let taken = Taken::default();
    tokio::spawn(serve_all(listener, Arc::clone(&taken)));
    let stack = Stack::builder().sign_in_limit("1000r/s", 1000).with_faults().smtp(port).start().await?;
    let client = Client::of(&stack)?;
    let owner = client.sign_up("Ada Owner").await?;
    let org = owner.create("/api/org/v1/orgs", &json!({ "name": "Engines", "time_zone": "UTC" })).await?;
    let employees = format!("/api/org/v1/orgs/{}/employees", text(&org, "org_id")?);
    let line = stack.faults()?.between("notification", SMTP)?;
    let to = |number: usize, taken: &Taken| {
        let mails = taken.lock().unwrap_or_else(PoisonError::into_inner);
        mails.iter().filter(|mail| mail.contains(&format!("invited-{number}@"))).count()
    };
    for (number, fault) in [Fault::BlackHole, Fault::Reset, Fault::CutOff, Fault::Down].into_iter().enumerate() {
        line.set(fault.clone())?;
        let email = format!("invited-{number}@example.org");
        let new = json!({ "number": number.to_string() + "x", "name": "Grace", "email": email,
            "hired_on": "2024-01-01", "invite": true });
        owner.create(&employees, &new).await.with_context(|| format!("{fault:?}"))?;
        owner.get("/api/notification/v1/notifications").await?;
        ensure!(to(number, &taken) == 0 || fault == Fault::CutOff, "{fault:?} lets mails through");
        line.set(Fault::None)?;
        eventually(&format!("a mail after {fault:?}"), || async { (to(number, &taken) > 0).then_some(()) }).await?;
        // Whether a server that was cut off has taken a mail is not known: then it comes twice rather than not.
        ensure!(to(number, &taken) == 1 || fault == Fault::CutOff, "{fault:?}: {} mails", to(number, &taken));
    }
    stack.shutdown().await
}

async fn serve_all(listener: TcpListener, taken: Taken) {
    while let Ok((connection, _)) = listener.accept().await {
        tokio::spawn(serve(connection, Arc::clone(&taken)));
    }
}

/// As much of SMTP (RFC 5321) as it takes to be given mails.
async fn serve(connection: TcpStream, taken: Taken) -> Option<()> {
    let (input, mut output) = connection.into_split();
    let mut lines = BufReader::new(input).lines();
    output.write_all(b"220 test\r\n").await.ok()?;
    while let Some(line) = lines.next_line().await.ok()? {
        if line.starts_with("DATA") {
            output.write_all(b"354 go\r\n").await.ok()?;
            let mut mail = Vec::new();
            while let Some(line) = lines.next_line().await.ok()?.filter(|line| line != ".") {
                mail.push(line);
            }
            taken.lock().unwrap_or_else(PoisonError::into_inner).push(mail.join("\n"));
        }
        output.write_all(if line.starts_with("QUIT") { b"221 ok\r\n" } else { b"250 ok\r\n" }).await.ok()?;
    }
    Some(())
}
