//! Where connections come in: actix's own server and protocol, put together here instead of by `HttpServer`, because
//! a connection whose first request asks for a stream is taken out of the ordinary way ([`streamed`]).

use super::streamed;
use crate::settings::ServerSettings;
use actix_http::{HttpService, Request};
use actix_server::Server;
use actix_service::{IntoServiceFactory, Service, ServiceFactory, fn_factory, fn_service};
use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{AppConfig, ServiceResponse};
use std::future::ready;
use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpStream;

/// Connections that the kernel holds while all workers are busy: nine o'clock brings everybody at once.
const BACKLOG: u32 = 4096;
/// Idle connections of a proxy outlive its own keep-alive, so that it never writes into a closed one.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// For the head of the first request to come.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// For a connection that is being closed to be closed by the client as well.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves what `app` makes, once on each worker, to whoever connects to `listener`. A `GET` of one of `streams` that is
/// the first request of its connection is answered without the buffers of the others.
pub(super) fn serve<A, I, F>(
    settings: &ServerSettings,
    listener: TcpListener,
    streams: &'static [&'static str],
    app: A,
) -> io::Result<Server>
where
    A: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<F, Request>,
    F: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<BoxBody>, Error = Error, InitError = ()>
        + 'static,
{
    let builder = Server::build()
        .workers(settings.workers)
        .backlog(BACKLOG)
        .shutdown_timeout(settings.shutdown_seconds)
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let address = listener.local_addr()?;
    let factory = move || {
        let (app, stopping) = (app().into_factory(), stopping.clone());
        let prepare = move || {
            let (app, stopping) = (app.new_service(AppConfig::default()), stopping.clone());
            async move {
                let app = Rc::new(app.await?);
                let ordinary = Rc::clone(&app);
                let http = HttpService::build()
                    .graceful_shutdown_signal(move || {
                        let stopping = stopping.clone();
                        async move { stopping.notified().await }
                    })
                    .keep_alive(KEEP_ALIVE)
                    .client_request_timeout(REQUEST_TIMEOUT)
                    .client_disconnect_timeout(DISCONNECT_TIMEOUT)
                    .local_addr(address)
                    .finish(fn_factory(move || ready(Ok::<_, ()>(Rc::clone(&ordinary)))))
                    .tcp()
                    .new_service(())
                    .await?;
                let http = Rc::new(http);
                Ok::<_, ()>(fn_service(move |connection: TcpStream| {
                    let (app, http) = (Rc::clone(&app), Rc::clone(&http));
                    // What is only needed until it is known which way a connection goes is boxed: the task of a stream
                    // is kept for hours.
                    async move {
                        match Box::pin(streamed::accept(connection, streams, app)).await {
                            Ok(answer) => answer.await.map_err(drop),
                            Err(connection) => Box::pin(http.call(connection)).await.map_err(drop),
                        }
                    }
                }))
            }
        };
        fn_factory(prepare)
    };
    Ok(builder.listen("http", listener, factory)?.run())
}
