//! How connections of the pool are made and judged.

use crate::settings::DatabaseSettings;
use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::r2d2::{ConnectionManager, ManageConnection, R2D2Connection as _};

/// diesel's manager, with the timeouts of this service on each connection and a mark for those found dead.
pub(super) struct Manager {
    inner: ConnectionManager<PgConnection>,
    on_connect: String,
}

/// A pooled connection.
pub(super) struct Slot {
    pub(super) connection: Box<PgConnection>,
    /// Set when it failed in a way that says nothing of the statement: the pool drops it.
    pub(super) broken: bool,
}

impl Manager {
    pub(super) fn new(settings: &DatabaseSettings) -> Self {
        let on_connect = format!(
            "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}; \
             SET timezone = 'UTC'",
            settings.statement_timeout_ms, settings.lock_timeout_ms, settings.idle_in_transaction_timeout_ms,
        );
        Self { inner: ConnectionManager::new(with_limits(settings.url.expose())), on_connect }
    }
}

/// What libpq is told besides, unless the URL says otherwise. A server whose host vanished sends nothing any more: these
/// make a thread that waits for it give up within seconds, not hours. Milliseconds for the last, seconds before.
const LIMITS: [(&str, &str); 5] = [
    ("connect_timeout", "2"),
    ("keepalives_idle", "5"),
    ("keepalives_interval", "2"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "10000"),
];

fn with_limits(url: &str) -> String {
    let mut url = url.to_owned();
    for (name, value) in LIMITS {
        if !url.contains(&format!("{name}=")) {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(name);
            url.push('=');
            url.push_str(value);
        }
    }
    url
}

impl ManageConnection for Manager {
    type Connection = Slot;
    type Error = diesel::r2d2::Error;

    fn connect(&self) -> Result<Slot, Self::Error> {
        let mut connection = self.inner.connect()?;
        connection.batch_execute(&self.on_connect).map_err(diesel::r2d2::Error::QueryError)?;
        Ok(Slot { connection: Box::new(connection), broken: false })
    }

    fn is_valid(&self, slot: &mut Slot) -> Result<(), Self::Error> {
        slot.connection.ping().map_err(diesel::r2d2::Error::QueryError)
    }

    fn has_broken(&self, slot: &mut Slot) -> bool {
        slot.broken || std::thread::panicking() || slot.connection.is_broken()
    }
}

/// r2d2 retries connecting in the background; each failure is a line in the log.
#[derive(Debug)]
pub(super) struct LogConnectError;

impl diesel::r2d2::HandleError<diesel::r2d2::Error> for LogConnectError {
    fn handle_error(&self, error: diesel::r2d2::Error) {
        tracing::warn!(error = %error, "cannot connect to the database");
    }
}

#[cfg(test)]
mod tests {
    use super::with_limits;

    #[test]
    fn limits_are_added_where_the_url_says_nothing() {
        let given = "postgresql://u@a,b/db?target_session_attrs=primary&connect_timeout=9";
        let url = with_limits(given);
        assert!(url.starts_with(&format!("{given}&keepalives_idle=5")));
        assert_eq!(url.matches("connect_timeout").count(), 1);
        assert!(with_limits("postgresql://u@a/db").contains("/db?connect_timeout=2&"));
    }
}
