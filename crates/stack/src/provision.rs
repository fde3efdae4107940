//! Roles and databases, made before any migration runs and made again without harm.
//!
//! Each service has an owner role, which owns its database and runs its migrations, and a role that serves
//! requests: it owns nothing, is no superuser and cannot bypass row-level security. Migrations grant the second
//! what it needs, table by table. The same statements for servers that this program does not run are in
//! `deploy/README.md`.

use crate::topology::Service;
use anyhow::{Context, Result};
use diesel::connection::SimpleConnection;
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query, sql_types};

/// Passwords of a service's two roles.
#[derive(Clone)]
pub struct Passwords {
    /// Of the role that owns the tables.
    pub owner: String,
    /// Of the role that serves.
    pub service: String,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = sql_types::Bool)]
    found: bool,
}

/// Makes the two roles of `service`, or sets the passwords of those that are there. `admin` is a superuser.
pub fn roles(admin: &mut PgConnection, service: &Service, passwords: &Passwords) -> Result<()> {
    for (role, password) in [(&service.owner, &passwords.owner), (&service.role, &passwords.service)] {
        if !exists(admin, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS found", role)? {
            admin.batch_execute(&format!("CREATE ROLE {role}"))?;
        }
        let settings = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS";
        admin
            .batch_execute(&format!("ALTER ROLE {role} {settings} PASSWORD '{password}'"))
            .with_context(|| format!("role {role}"))?;
        // The services tell an outage from a defect by its message.
        admin.batch_execute(&format!("ALTER ROLE {role} SET lc_messages = 'C'"))?;
    }
    Ok(())
}

/// Makes `database` as `owner`'s unless it is there, and lets only the two roles of `service` connect.
pub fn database(admin: &mut PgConnection, service: &Service, database: &str) -> Result<()> {
    let sql = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1) AS found";
    if exists(admin, sql, database)? {
        close_to_others(admin, service, database)
    } else {
        clone_database(admin, service, database, "template0")
    }
}

/// Makes `database` with the content of `template`, for the two roles of `service`.
pub fn clone_database(admin: &mut PgConnection, service: &Service, database: &str, template: &str) -> Result<()> {
    let sql = format!("CREATE DATABASE {database} OWNER {} TEMPLATE {template}", service.owner);
    admin.batch_execute(&sql).with_context(|| format!("database {database}"))?;
    close_to_others(admin, service, database)
}

fn close_to_others(admin: &mut PgConnection, service: &Service, database: &str) -> Result<()> {
    let (owner, role) = (&service.owner, &service.role);
    let sql = format!(
        "REVOKE ALL ON DATABASE {database} FROM PUBLIC; GRANT CONNECT ON DATABASE {database} TO {owner}, {role}"
    );
    Ok(admin.batch_execute(&sql)?)
}

fn exists(admin: &mut PgConnection, sql: &str, name: &str) -> Result<bool> {
    let row: Found = sql_query(sql).bind::<sql_types::Text, _>(name).get_result(admin)?;
    Ok(row.found)
}
