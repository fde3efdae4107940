//! What row-level security lets the service see, whatever a query forgets to ask.

use crate::support::World;
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _};
use rollcall_ids::{OrgId, UserId};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}

/// Rows of `table` for a transaction that set `scope`, for whom row-level security holds.
fn rows(world: &World, table: &str, scope: Option<(&str, String)>) -> i64 {
    let mut owner = PgConnection::establish(&world.service.database_url).unwrap();
    owner
        .transaction(|conn| {
            if let Some((name, value)) = scope {
                diesel::sql_query(format!("SELECT set_config('{name}', '{value}', true)")).execute(conn)?;
            }
            diesel::sql_query(format!("SELECT count(*) FROM {table}")).get_result::<Count>(conn).map(|row| row.count)
        })
        .unwrap()
}

#[tokio::test]
async fn a_transaction_sees_the_rows_of_its_organisation_or_user_and_no_others() {
    let world = World::start().await;
    world.tell_manager(&["Ada"]).await;
    world.send("org", &[world.invited("wei@example.org", "en", "secret")]).await;
    let org = world.org_id;
    world.sql(&format!("INSERT INTO whole_copies VALUES ('{org}', 9, now(), now())"));
    world.sql(&format!("INSERT INTO unit_facts VALUES ('{org}', gen_random_uuid(), '{{}}', 1)"));
    world.sql(&format!("INSERT INTO site_facts VALUES ('{org}', gen_random_uuid(), '{{}}', 1)"));
    world.sql(&format!(
        "INSERT INTO announcements VALUES ('{org}', gen_random_uuid(), 't', 'b', '{{}}', false, 0, gen_random_uuid(), now())"
    ));
    let manager = world.manager.user_id;
    world.sql(&format!("INSERT INTO preferences VALUES ('{manager}', '{{}}', 1, now())"));
    world.sql(&format!("INSERT INTO digests VALUES ('{manager}', 'email', now(), gen_random_uuid(), '{{}}', now())"));
    world.sql(&format!(
        "INSERT INTO owed_messages VALUES \
         (gen_random_uuid(), 'pigeon', '{org}', '{manager}', 'leave', 'infinity', false, 'infinity', now())"
    ));
    world.sql(&format!(
        "INSERT INTO webhooks (org_id, webhook_id, url, description, event_types, created_by, created_at, updated_at)
         VALUES ('{}', gen_random_uuid(), 'https://example.org/', '', '{{}}', gen_random_uuid(), now(), now())",
        world.org_id
    ));
    world.sql(
        "INSERT INTO webhook_secrets (org_id, webhook_id, number, sealed_secret, created_at)
         SELECT org_id, webhook_id, 1, '', now() FROM webhooks",
    );
    world.send("org", &[world.accepted()]).await;
    let (org, user) = (world.org_id.to_string(), world.manager.user_id.to_string());
    let in_org = |id: &str| Some(("app.org_id", id.to_owned()));
    let tables = ["org_facts", "employee_facts", "unit_facts", "site_facts", "whole_copies", "announcements"];
    let more =
        ["notifications", "mail_deliveries", "webhooks", "webhook_secrets", "webhook_deliveries", "owed_messages"];
    for table in tables.into_iter().chain(more) {
        assert!(rows(&world, table, in_org(&org)) > 0, "{table}");
        assert_eq!(rows(&world, table, in_org(&OrgId::generate().to_string())), 0, "{table}");
        assert_eq!(rows(&world, table, None), 0, "{table}");
    }
    let stranger = UserId::generate().to_string();
    for (table, setting, yes, no) in [
        ("notifications", "app.user_id", user.clone(), stranger.clone()),
        ("stream_entries", "app.user_ids", format!("{{{stranger},{user}}}"), format!("{{{stranger}}}")),
        ("stream_entries", "app.task", "prune_streams".to_owned(), "mail".to_owned()),
        ("preferences", "app.user_id", user.clone(), stranger.clone()),
        ("preferences", "app.task", "owed".to_owned(), "mail".to_owned()),
        ("owed_messages", "app.task", "owed".to_owned(), "mail".to_owned()),
        ("digests", "app.task", "owed".to_owned(), "mail".to_owned()),
        ("announcements", "app.task", "owed".to_owned(), "mail".to_owned()),
        ("mail_deliveries", "app.task", "mail".to_owned(), "prune_streams".to_owned()),
        ("webhooks", "app.task", "webhooks".to_owned(), "mail".to_owned()),
        ("webhook_secrets", "app.task", "webhooks".to_owned(), "mail".to_owned()),
        ("webhook_deliveries", "app.task", "webhooks".to_owned(), "mail".to_owned()),
    ] {
        assert!(rows(&world, table, Some((setting, yes))) > 0, "{table} {setting}");
        assert_eq!(rows(&world, table, Some((setting, no))), 0, "{table} {setting}");
    }
    assert_eq!(rows(&world, "stream_entries", in_org(&org)), 0, "an organisation writes streams and reads none");
}
