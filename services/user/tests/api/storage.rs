//! The tables: their migrations, and what the role that serves may do to them.

use crate::support::Fixture;
use rollcall_common::db;
use rollcall_common::server::Service;
use rollcall_user::App;

#[tokio::test]
async fn the_migrations_go_up_down_and_up_again() {
    let fixture = Fixture::start().await;
    let url = fixture.owner_url();
    let reverted = tokio::task::spawn_blocking(move || {
        let reverted = db::revert_all(&url, App::MIGRATIONS)?;
        let applied = db::migrate(&url, App::MIGRATIONS)?;
        anyhow::ensure!(db::migrate(&url, App::MIGRATIONS)?.is_empty(), "nothing is left to apply");
        anyhow::Ok((reverted, applied.len()))
    });
    let (reverted, applied) = reverted.await.unwrap().unwrap();
    assert_eq!(reverted, applied);
    fixture.app().read_keys().await.unwrap();
    fixture.log_in("ada@example.org").await;
}

#[tokio::test]
async fn the_role_that_serves_owns_nothing_and_deletes_neither_people_nor_keys() {
    let fixture = Fixture::start().await;
    let granted = fixture
        .sql(
            "SELECT table_name || ': ' || string_agg(privilege_type, ' ' ORDER BY privilege_type) AS value \
             FROM information_schema.role_table_grants \
             WHERE grantee = 'rollcall_user' AND table_name NOT IN ('outbox', 'outbox_deliveries', 'consumed_events', \
                 'idempotency_keys', 'jwks_cache', 'revocations', 'whole_copies', '__diesel_schema_migrations') \
             GROUP BY table_name ORDER BY table_name",
        )
        .await;
    let expected = [
        "api_tokens: DELETE INSERT SELECT UPDATE",
        "audit_events: INSERT SELECT",
        "known_devices: DELETE INSERT SELECT UPDATE",
        "mfa_challenges: DELETE INSERT SELECT UPDATE",
        "password_resets: DELETE INSERT SELECT UPDATE",
        "recovery_codes: DELETE INSERT SELECT UPDATE",
        "refresh_tokens: DELETE INSERT SELECT UPDATE",
        "sessions: DELETE INSERT SELECT UPDATE",
        "signing_keys: INSERT SELECT UPDATE",
        "throttles: DELETE INSERT SELECT UPDATE",
        "totp_factors: DELETE INSERT SELECT UPDATE",
        "users: INSERT SELECT UPDATE",
    ];
    assert_eq!(granted, expected);
    let owned =
        fixture.sql("SELECT relname::text AS value FROM pg_class WHERE relowner = 'rollcall_user'::regrole").await;
    assert!(owned.is_empty(), "{owned:?}");
}
