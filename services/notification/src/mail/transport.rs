//! How a mail leaves: to a server, or into a directory while developing.

use crate::settings::{MailSettings, SmtpSettings, Tls, Transport};
use anyhow::Context as _;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls as ClientTls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use rollcall_common::problem::chain;
use rollcall_ids::NotificationId;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A server that answers slower than this is away. All commands of one mail stay below the lease.
const SMTP_TIMEOUT: Duration = Duration::from_secs(10);

/// Where mail goes.
pub enum Outlet {
    /// A file for each, in this directory.
    Directory(PathBuf),
    /// A server; connections are kept and used again.
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

/// Why a mail did not leave.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The server refused the mail itself (5xx): another attempt would fail alike.
    #[error("refused by the server")]
    Refused(#[source] lettre::transport::smtp::Error),
    /// Anything else the server, the network or the settings are at fault for.
    #[error("not taken by the server")]
    Smtp(#[source] lettre::transport::smtp::Error),
    /// The directory cannot be written.
    #[error("cannot write the file")]
    File(#[source] std::io::Error),
    /// The server neither took nor refused it in time.
    #[error("no outcome within a minute")]
    NoOutcome,
}

impl SendError {
    /// What may stand in a log: a server's words may name the recipient, its code does not.
    pub fn for_log(&self) -> String {
        match self {
            Self::Refused(error) | Self::Smtp(error) => match error.status() {
                Some(code) => format!("{self}: {code}"),
                None => chain(self),
            },
            Self::File(_) | Self::NoOutcome => chain(self),
        }
    }
}

impl Outlet {
    /// Prepares the way that the settings say. Nothing is connected yet.
    pub fn new(settings: &MailSettings) -> anyhow::Result<Self> {
        match settings.transport {
            Transport::File => Ok(Self::Directory(settings.directory.clone())),
            Transport::Smtp => Ok(Self::Smtp(smtp(&settings.smtp)?)),
        }
    }

    /// Hands a mail over. The same `id` again replaces the file, and carries the same `Message-ID` to a server.
    pub async fn send(&self, id: NotificationId, message: &Message) -> Result<(), SendError> {
        match self {
            Self::Directory(directory) => write(directory, id, &message.formatted()).await.map_err(SendError::File),
            Self::Smtp(server) => {
                let sent = server.send_raw(message.envelope(), &message.formatted()).await;
                sent.map(drop).map_err(|error| {
                    if refuses_the_mail(&error) { SendError::Refused(error) } else { SendError::Smtp(error) }
                })
            }
        }
    }
}

/// 550–554 (RFC 5321 §4.2.3) speak of this mail or its recipient; 530, 535 and the like of our right to send, which
/// whoever runs the service can mend while the mail waits.
fn refuses_the_mail(error: &lettre::transport::smtp::Error) -> bool {
    error.status().is_some_and(|code| matches!(u16::from(code), 550..=554))
}

fn smtp(settings: &SmtpSettings) -> anyhow::Result<AsyncSmtpTransport<Tokio1Executor>> {
    let parameters = || parameters(settings);
    let tls = match settings.tls {
        Tls::Implicit => ClientTls::Wrapper(parameters()?),
        Tls::Starttls => ClientTls::Required(parameters()?),
        Tls::Opportunistic => ClientTls::Opportunistic(parameters()?),
        Tls::None => ClientTls::None,
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
        .port(settings.port)
        .tls(tls)
        .timeout(Some(SMTP_TIMEOUT));
    if let Some(username) = &settings.username {
        let file = settings.password_file.as_ref().context("mail.smtp.username needs mail.smtp.password_file")?;
        let password = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read mail.smtp.password_file {}", file.display()))?;
        builder = builder.credentials(Credentials::new(username.clone(), password.trim_end().to_owned()));
    }
    Ok(builder.build())
}

/// Who is believed to be the server: those whom public authorities vouch for, and the authority of the settings.
fn parameters(settings: &SmtpSettings) -> anyhow::Result<TlsParameters> {
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(file) = &settings.ca_file {
        let pem = std::fs::read(file).with_context(|| format!("cannot read mail.smtp.ca_file {}", file.display()))?;
        let certificate = Certificate::from_pem(&pem)
            .with_context(|| format!("mail.smtp.ca_file {} holds no certificates in PEM", file.display()))?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().context("mail.smtp.host is no name for TLS")
}

/// Whoever watches the directory sees a whole file or none.
async fn write(directory: &Path, id: NotificationId, content: &[u8]) -> std::io::Result<()> {
    tokio::fs::create_dir_all(directory).await?;
    let unfinished = directory.join(format!(".{id}.tmp"));
    tokio::fs::write(&unfinished, content).await?;
    tokio::fs::rename(&unfinished, directory.join(format!("{id}.eml"))).await
}
