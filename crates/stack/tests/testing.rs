//! The stand that service tests use, tried with the smallest service there is.

use actix_web::web::{Data, ServiceConfig as Config};
use actix_web::{HttpResponse, get};
use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use jiff::SignedDuration;
use rollcall_common::auth::{Caller, ServiceCaller};
use rollcall_common::db::Unscoped;
use rollcall_common::fault::Fault;
use rollcall_common::server::{Core, Service};
use rollcall_ids::UserId;
use rollcall_stack::testing::{TestService, set};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

struct Toy {
    core: Core,
    greeting: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Settings {
    greeting: String,
}

impl Service for Toy {
    const NAME: &'static str = "org";
    const DEFAULTS: &'static str = "greeting = \"hello\"";
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("tests/toy_migrations");
    type Settings = Settings;

    async fn build(core: Core, settings: Settings) -> anyhow::Result<Self> {
        Ok(Self { core, greeting: settings.greeting })
    }

    fn core(&self) -> &Core {
        &self.core
    }

    fn routes(config: &mut ServiceConfig<'_>) {
        config.service(greet).service(count).service(internal);
    }

    fn describe() -> utoipa::openapi::OpenApi {
        utoipa::openapi::OpenApi::default()
    }

    fn data(self: &std::sync::Arc<Self>, _: &mut Config) {}
}

#[utoipa::path(responses((status = 200)))]
#[get("/greet")]
async fn greet(toy: Data<Toy>, caller: Caller) -> String {
    format!("{} {} at {}", toy.greeting, caller.user_id, toy.core.clock.now())
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = sql_types::BigInt)]
    notes: i64,
}

#[utoipa::path(responses((status = 200)))]
#[get("/count")]
async fn count(toy: Data<Toy>) -> Result<String, Fault> {
    let notes = toy.core.db.transaction(Unscoped, |conn| {
        sql_query("INSERT INTO notes VALUES ('a')").execute(conn)?;
        let row: Count = sql_query("SELECT count(*) AS notes FROM notes").get_result(conn)?;
        Ok::<_, Fault>(row.notes)
    });
    Ok(notes.await?.to_string())
}

#[utoipa::path(responses((status = 200)))]
#[get("/internal/v1/who")]
async fn internal(caller: ServiceCaller) -> HttpResponse {
    HttpResponse::Ok().body(caller.name().to_owned())
}

#[actix_web::test]
async fn a_service_runs_with_the_clock_and_the_tokens_of_its_test() {
    let toy = TestService::<Toy>::with(|settings| set(settings, "greeting", "good morning")).await;
    let user = UserId::generate();
    let said = toy.as_user(user).get("/greet").send().await.unwrap().text().await.unwrap();
    assert_eq!(said, format!("good morning {user} at 2026-06-01T09:00:00Z"));
    assert_eq!(toy.get("/greet").send().await.unwrap().status(), 401);

    let signed_in = toy.as_user(user);
    toy.clock.advance(SignedDuration::from_mins(6));
    assert_eq!(signed_in.get("/greet").send().await.unwrap().status(), 401, "the token has expired");

    let attendance = toy.as_service("attendance");
    let who = attendance.get("/internal/v1/who").send().await.unwrap();
    assert_eq!(who.text().await.unwrap(), "attendance");
    assert_eq!(toy.as_service("stranger").get("/internal/v1/who").send().await.unwrap().status(), 401);
    toy.stop().await;
}

#[actix_web::test]
async fn tests_do_not_see_each_others_rows() {
    for _ in 0..3 {
        let toy = TestService::<Toy>::start().await;
        let answer = toy.get("/count").send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "1");
    }
}

#[actix_web::test]
#[should_panic(expected = "greting")]
async fn a_misspelt_setting_fails_the_test_and_is_named() {
    TestService::<Toy>::with(|settings| set(settings, "greting", "hi")).await;
}
