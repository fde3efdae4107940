//! nginx's nchan, measured with the same client: one worker, one channel that all listen to, messages in memory.

use crate::readers::{Clock, Readers};
use crate::{ANNOUNCEMENTS, Measured, each, kib, middle};
use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Where Debian has it.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";
const SETTLE: Duration = Duration::from_secs(3);

/// None where nginx or the module is missing.
pub(crate) async fn measure(streams: usize) -> Result<Option<Measured>> {
    let module = module();
    if !module.exists() {
        println!("nchan: not measured, there is no {}", module.display());
        return Ok(None);
    }
    let port = rollcall_stack::ports::free()?;
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let nginx = Nginx::start(&module, port)?;
    let clock = Clock::start();
    let request = "GET /sub HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n".to_owned();
    drop(Readers::open(address, vec![request.clone(); streams.min(500)], clock).await?);
    sleep(SETTLE).await;
    let before = nginx.resident()?;
    let readers = Readers::open(address, vec![request; streams], clock).await?;
    sleep(SETTLE).await;
    let idle = each(before, nginx.resident()?, streams);
    println!("nchan: {} a stream, idle", kib(idle));
    let mut last = Vec::new();
    for _ in 0..ANNOUNCEMENTS {
        publish(address, &clock.mark()).await?;
        last.extend(readers.taken(streams, Duration::from_secs(30)).await?.pop());
    }
    let (from_request, all) = middle(last)?;
    println!("nchan: one message, in memory: last of {streams} after {from_request:.0?} (ms: {all})");
    sleep(SETTLE).await;
    let after = each(before, nginx.resident()?, streams);
    println!("nchan: {} a stream, after messages", kib(after));
    Ok(Some(Measured { idle, after, from_request, from_commit: from_request }))
}

async fn publish(address: SocketAddr, mark: &str) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "a client of nginx")]
    let http = reqwest::Client::builder().no_proxy().build()?;
    // As long as one of our messages.
    let body = format!("{mark}{}", "x".repeat(400));
    let answer = http.post(format!("http://{address}/pub")).body(body).send().await?;
    ensure!(answer.status().is_success(), "nchan says {}", answer.status());
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "where a module is on this machine is no setting of a service")]
fn module() -> PathBuf {
    std::env::var("ROLLCALL_NCHAN_MODULE").map_or_else(|_| PathBuf::from(MODULE), PathBuf::from)
}

/// nginx with the module; ended and removed when dropped.
struct Nginx {
    process: Child,
    directory: PathBuf,
}

impl Nginx {
    fn start(module: &Path, port: u16) -> Result<Self> {
        let directory = std::env::temp_dir().join(format!("rollcall-nchan-{port}"));
        fs::create_dir_all(&directory)?;
        let at = directory.display();
        // What starts as root takes the rights of another user, who may not read what is here.
        let user = if nix::unistd::geteuid().is_root() { "user root;" } else { "" };
        let configuration = format!(
            "load_module {module}; {user} worker_processes 1; daemon off; pid {at}/pid; error_log {at}/error.log;\n\
             events {{ worker_connections 16000; }}\n\
             http {{ access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy;\n\
             fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n\
             server {{ listen 127.0.0.1:{port} backlog=4096;\n\
             location = /sub {{ nchan_subscriber eventsource; nchan_channel_id all; }}\n\
             location = /pub {{ nchan_publisher http; nchan_channel_id all; nchan_message_buffer_length 10; }} }} }}\n",
            module = module.display(),
        );
        fs::write(directory.join("nginx.conf"), configuration)?;
        let process = Command::new("nginx")
            .args(["-e", "stderr", "-p"])
            .arg(&directory)
            .arg("-c")
            .arg(directory.join("nginx.conf"))
            .stdin(Stdio::null())
            .spawn()
            .context("nginx")?;
        let nginx = Self { process, directory };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(started.elapsed() < Duration::from_secs(10), "nginx with nchan does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(nginx)
    }

    /// Resident bytes of the worker.
    fn resident(&self) -> Result<u64> {
        let master = self.process.id();
        let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children"))?;
        let worker = children.split_whitespace().next().context("no worker")?;
        let status = fs::read_to_string(format!("/proc/{worker}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.split_whitespace().next().context("no number")?.parse::<u64>()? * 1024)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.process.id().try_into().unwrap_or(0));
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}
