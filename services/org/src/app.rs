//! The service as its handlers see it: what it is built on, and the one way in which a request reads or changes an
//! organisation.

use crate::act::Act;
use crate::audit::domain::Actor;
use crate::error::Error;
use crate::members::authority::{Members, must_still};
use crate::members::domain::Member;
use crate::settings::Settings;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use diesel::pg::PgConnection;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use rollcall_common::answer::Answer;
use rollcall_common::client::Peer;
use rollcall_common::client_address::ClientAddress;
use rollcall_common::describe::EventDescription;
use rollcall_common::idempotency::{Guard, Principal};
use rollcall_common::restored::{Restored, raise_versions};
use rollcall_common::server::{Core, Service, Tasks};
use rollcall_common::tenant::{InTenant, Tenant};
use rollcall_org_api::events;
use rollcall_org_api::facts::{DelegationFact, EmployeeFact, HolidayCalendarFact, OrgFact, SiteFact, UnitFact};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use tokio::sync::Notify;
use utoipa::OpenApi as _;
use utoipa_actix_web::service_config::ServiceConfig;

/// A member of the organisation in the path.
pub(crate) type InOrg = InTenant<Members>;

/// The org service.
pub struct App {
    pub(crate) core: Core,
    pub(crate) user: Peer,
    /// Wakes the worker of imports.
    pub(crate) imports: Notify,
}

impl Service for App {
    const NAME: &'static str = "org";
    const DEFAULTS: &'static str = include_str!("../config/default.toml");
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!();
    type Settings = Settings;

    async fn build(core: Core, _: Settings) -> anyhow::Result<Self> {
        let user = core.peers.get("user")?;
        Ok(Self { core, user, imports: Notify::new() })
    }

    fn core(&self) -> &Core {
        &self.core
    }

    fn routes(config: &mut ServiceConfig<'_>) {
        crate::routes::configure(config);
    }

    fn describe() -> utoipa::openapi::OpenApi {
        crate::routes::Description::openapi()
    }

    fn events() -> Vec<EventDescription> {
        vec![
            EventDescription::of::<OrgFact>(events::ORG_CHANGED),
            EventDescription::of::<UnitFact>(events::UNIT_CHANGED),
            EventDescription::of::<SiteFact>(events::SITE_CHANGED),
            EventDescription::of::<EmployeeFact>(events::EMPLOYEE_CHANGED),
            EventDescription::of::<HolidayCalendarFact>(events::HOLIDAY_CALENDAR_CHANGED),
            EventDescription::of::<DelegationFact>(events::DELEGATION_CHANGED),
            EventDescription::of::<events::InvitationCreated>(events::INVITATION_CREATED).with_secret(),
            EventDescription::of::<events::InvitationAccepted>(events::INVITATION_ACCEPTED),
        ]
    }

    fn data(self: &Arc<Self>, config: &mut web::ServiceConfig) {
        config.app_data(web::Data::new(Members::new(self.core.db.clone(), self.core.clock.clone())));
    }

    fn restored(conn: &mut PgConnection, restored: &Restored) -> anyhow::Result<Vec<String>> {
        if !restored.is(Self::NAME) {
            return Ok(Vec::new());
        }
        let owned = ["orgs", "employees", "units", "sites", "holiday_calendars", "custom_roles", "delegations"];
        Ok(vec![raise_versions(conn, &owned)?])
    }

    fn tasks(self: &Arc<Self>, tasks: &mut Tasks) {
        tasks.spawn("work on imports", crate::imports::worker::run(Arc::clone(self)));
        tasks.spawn("forget old imports", crate::imports::worker::forget(Arc::clone(self)));
    }
}

impl App {
    /// Reads within the organisation of `of`.
    pub(crate) async fn read<F>(&self, of: InOrg, work: F) -> Result<Answer, Error>
    where
        F: FnOnce(&mut PgConnection, &Tenant, &Member) -> Result<Answer, Error> + Send + 'static,
    {
        let (tenant, member) = (of.tenant, of.member);
        self.core.db.transaction(tenant, move |conn| work(conn, &tenant, &member)).await
    }

    /// Changes something within the organisation of `of`; with a `guard` a repetition gets the same answer.
    pub(crate) async fn change<F>(
        &self,
        of: InOrg,
        origin: Origin,
        guard: Option<Guard>,
        work: F,
    ) -> Result<Answer, Error>
    where
        F: FnOnce(&mut PgConnection, &Tenant, &Act, &Member) -> Result<Answer, Error> + Send + 'static,
    {
        let (tenant, member) = (of.tenant, of.member);
        let principal = Principal { user_id: of.caller.user_id, org_id: Some(tenant.org_id()) };
        let act = Act {
            outbox: self.core.outbox.clone(),
            actor: Actor { user_id: of.caller.user_id, employee_id: Some(member.employee_id()), address: origin.0 },
            at: self.core.clock.now(),
            today: member.today,
        };
        self.core
            .db
            .transaction(tenant, move |conn| {
                let work = |conn: &mut PgConnection| {
                    must_still(conn, &tenant, &member, act.at)?;
                    work(conn, &tenant, &act, &member)
                };
                match guard {
                    Some(guard) => guard.once(conn, principal, act.at, work),
                    None => work(conn),
                }
            })
            .await
    }
}

/// The network address that a request came from, as the proxy in front of the service says.
#[derive(Clone, Debug)]
pub(crate) struct Origin(pub(crate) Option<String>);

impl FromRequest for Origin {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let ClientAddress(address) = ClientAddress::of(request);
        ready(Ok(Self(Some(address.to_string()))))
    }
}
