//! Mail over TLS: a server whose certificate a private authority has signed.

use crate::mail::wait_for_count;
use crate::support::World;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rollcall_stack::testing::set;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What a mail server was told, by whether it was told under TLS.
type Taken = Arc<Mutex<Vec<(bool, String)>>>;

struct Server {
    port: u16,
    authority: String,
    taken: Taken,
}

impl Server {
    /// A server named `localhost` that offers `STARTTLS`, or does not.
    async fn start(offers: bool) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { port, authority: authority.pem(), taken: Taken::default() };
        let taken = Arc::clone(&server.taken);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, offers.then(|| acceptor.clone()), Arc::clone(&taken)));
            }
        });
        server
    }

    /// Sends an invitation through it, by a service that goes by this setting and trusts the authority or does not.
    async fn is_sent_to(&self, tls: &str, trusted: bool) -> World {
        let directory = std::env::temp_dir().join(format!("rollcall-ca-{}", rollcall_ids::EventId::generate()));
        std::fs::write(&directory, &self.authority).unwrap();
        let world = World::with(|settings| {
            set(settings, "mail.transport", "smtp");
            set(settings, "mail.smtp.host", "localhost");
            set(settings, "mail.smtp.port", i64::from(self.port));
            set(settings, "mail.smtp.tls", tls);
            if trusted {
                set(settings, "mail.smtp.ca_file", directory.to_str().unwrap());
            }
        })
        .await;
        std::fs::remove_file(&directory).unwrap();
        world.send("org", &[world.invited("wei@example.org", "en", "sesame-token")]).await;
        world
    }
}

async fn serve(connection: TcpStream, acceptor: Option<TlsAcceptor>, taken: Taken) {
    let mut stream = BufReader::new(connection);
    stream.write_all(b"220 test\r\n").await.unwrap_or_default();
    if converse(&mut stream, acceptor.is_some(), false, &taken).await == Some(true)
        && let Some(acceptor) = acceptor
        && let Ok(stream) = acceptor.accept(stream.into_inner()).await
    {
        converse(&mut BufReader::new(stream), false, true, &taken).await;
    }
}

/// Serves until the client leaves, or asks for TLS: then true.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    offers: bool,
    secure: bool,
    taken: &Taken,
) -> Option<bool> {
    let mut line = String::new();
    let mut mail: Option<String> = None;
    while stream.read_line(&mut line).await.ok()? > 0 {
        let said = std::mem::take(&mut line);
        if let Some(text) = mail.as_mut() {
            if said == ".\r\n" {
                taken.lock().unwrap().push((secure, std::mem::take(text)));
                mail = None;
                stream.write_all(b"250 taken\r\n").await.ok()?;
            } else {
                text.push_str(&said);
            }
            continue;
        }
        let answer: &[u8] = match said.split_whitespace().next().unwrap_or_default() {
            "EHLO" if offers => b"250-test\r\n250-STARTTLS\r\n250 8BITMIME\r\n",
            "EHLO" => b"250-test\r\n250 8BITMIME\r\n",
            "DATA" => {
                mail = Some(String::new());
                b"354 go\r\n"
            }
            "STARTTLS" => b"220 go\r\n",
            "QUIT" => b"221 bye\r\n",
            _ => b"250 ok\r\n",
        };
        stream.write_all(answer).await.ok()?;
        if said.starts_with("STARTTLS") {
            return Some(true);
        }
    }
    Some(false)
}

async fn sent(world: &World) {
    wait_for_count(world, "SELECT count(*) FROM mail_deliveries WHERE state = 'sent'".to_owned(), 1).await;
}

/// Tried, and still owed: whoever runs the service can mend it.
async fn waits(world: &World) {
    let tried = "SELECT count(*) FROM mail_deliveries WHERE state = 'queued' AND attempts = 1 AND leased_until IS NULL";
    wait_for_count(world, tried.to_owned(), 1).await;
}

#[tokio::test]
async fn mail_goes_under_tls_to_a_server_whose_authority_is_given_by_a_setting() {
    let server = Server::start(true).await;
    for tls in ["starttls", "opportunistic"] {
        sent(&server.is_sent_to(tls, true).await).await;
    }
    let taken = server.taken.lock().unwrap();
    assert!(taken.len() == 2 && taken.iter().all(|(secure, mail)| *secure && mail.contains("sesame-token")));
}

#[tokio::test]
async fn nothing_is_said_to_a_server_whose_authority_is_not_known() {
    let server = Server::start(true).await;
    for tls in ["starttls", "opportunistic"] {
        waits(&server.is_sent_to(tls, false).await).await;
    }
    assert!(server.taken.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_server_without_tls_gets_mail_only_where_the_setting_allows_it() {
    let server = Server::start(false).await;
    waits(&server.is_sent_to("starttls", true).await).await;
    assert!(server.taken.lock().unwrap().is_empty());
    sent(&server.is_sent_to("opportunistic", true).await).await;
    assert!(matches!(server.taken.lock().unwrap().as_slice(), [(false, _)]));
}
