//! The database lost, busy or behind; and whose rows are seen.

use crate::{Stage, eventually};
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use rollcall_stack::testing::set;

#[actix_web::test]
async fn connections_that_died_while_idle_fail_no_request() {
    let stage = Stage::set().await;
    let requests = (0..8).map(|_| async { stage.service.get("/slow").send().await.unwrap().status().as_u16() });
    let warm = futures_util::future::join_all(requests).await;
    assert!(warm.iter().all(|status| *status == 204), "{warm:?}");
    let admin = stage.service.admin_url.clone();
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    PgConnection::establish(&admin).unwrap().batch_execute(kill).unwrap();
    for _ in 0..10 {
        assert_eq!(stage.add("a", "key-1").await.status(), 201);
    }
    assert_eq!(stage.listed().await, ["a"]);
}

#[actix_web::test]
async fn what_waits_too_long_for_a_connection_is_refused_at_once_with_503() {
    let stage = Stage::with(|settings| {
        set(settings, "database.max_connections", 1);
        set(settings, "database.acquire_timeout_ms", 100);
    })
    .await;
    let requests = (0..8).map(|_| async { stage.service.get("/slow").send().await.unwrap() });
    let answers = futures_util::future::join_all(requests).await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status() == 503).collect();
    assert!(!refused.is_empty() && refused.len() < 8, "{} of 8 refused", refused.len());
    assert!(refused.iter().all(|answer| answer.headers().contains_key("retry-after")));
}

#[actix_web::test]
async fn row_level_security_keeps_a_query_without_a_where_inside_its_tenant() {
    let stage = Stage::set().await;
    let other = rollcall_ids::OrgId::generate();
    stage.service.app().admit(stage.user, other);
    stage.add("mine", "key-1").await;
    let theirs = stage.service.as_user(stage.user).get(&format!("/orgs/{other}/notes"));
    let theirs: Vec<String> = theirs.send().await.unwrap().json().await.unwrap();
    assert!(theirs.is_empty(), "{theirs:?}");
    assert_eq!(stage.listed().await, ["mine"]);
    let mut nobody = PgConnection::establish(&stage.service.database_url).unwrap();
    nobody.batch_execute("DO $$ BEGIN ASSERT (SELECT count(*) FROM notes) = 0; END $$").unwrap();
}

#[actix_web::test]
async fn readiness_follows_the_database() {
    let stage = Stage::set().await;
    // Nobody closes the database they are connected to.
    let (server, database) = stage.service.admin_url.rsplit_once('/').unwrap();
    let mut admin = PgConnection::establish(&format!("{server}/postgres")).unwrap();
    admin.batch_execute(&format!("ALTER DATABASE {database} ALLOW_CONNECTIONS false")).unwrap();
    let kill = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'");
    admin.batch_execute(&kill).unwrap();
    assert_eq!(stage.service.get("/readyz").send().await.unwrap().status(), 503);
    assert_eq!(stage.service.get("/livez").send().await.unwrap().status(), 200);
    admin.batch_execute(&format!("ALTER DATABASE {database} ALLOW_CONNECTIONS true")).unwrap();
    eventually("ready again", || async {
        (stage.service.get("/readyz").send().await.unwrap().status() == 200).then_some(())
    })
    .await;
}

#[actix_web::test]
async fn a_service_behind_its_migrations_is_not_ready() {
    let stage = Stage::set().await;
    let mut admin = PgConnection::establish(&stage.service.admin_url).unwrap();
    admin.batch_execute("DELETE FROM __diesel_schema_migrations WHERE version = '20261120000001'").unwrap();
    let answer = stage.service.get("/readyz").send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.text().await.unwrap()),
        (503, "database: behind the migrations of this binary\n".to_owned())
    );
}

#[actix_web::test]
async fn a_busy_service_is_not_taken_for_one_without_a_database() {
    let stage = Stage::with(|settings| set(settings, "database.max_connections", 1)).await;
    let (slow, ready) = tokio::join!(stage.service.get("/slow").send(), async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let started = std::time::Instant::now();
        let ready = stage.service.get("/readyz").send().await.unwrap().status().as_u16();
        (ready, started.elapsed())
    });
    assert_eq!(slow.unwrap().status(), 204);
    assert_eq!(ready.0, 200);
}
