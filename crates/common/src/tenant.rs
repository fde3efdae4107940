//! The tenant is a value that proves itself: whoever holds a [`Tenant`] has had the caller's membership checked.

use crate::auth::{Caller, ServiceCaller};
use crate::fault::Fault;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use rollcall_ids::OrgId;
use std::future::Future;
use std::pin::Pin;

/// Proof that the work at hand may touch the rows of one organisation. Every store function asks for it, and
/// there is no way to make one up: it comes from a checked membership, from a service that is known by its key,
/// from the founding of a new organisation, or from a secret that was found to belong to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenant {
    org_id: OrgId,
}

impl Tenant {
    /// The organisation.
    pub const fn org_id(&self) -> OrgId {
        self.org_id
    }

    /// A new organisation, which its founder may fill: nobody else can have rows in it yet.
    pub fn found(_founder: &Caller) -> Self {
        Self { org_id: OrgId::generate() }
    }

    /// The organisation that a known service speaks of, in an event or a call.
    pub const fn of_service(_service: &ServiceCaller, org_id: OrgId) -> Self {
        Self { org_id }
    }

    /// The organisation that a secret (an invitation's token, a device's key) was found to belong to. Banned by
    /// clippy outside an `#[expect]` that says which secret.
    pub const fn of_capability(org_id: OrgId) -> Self {
        Self { org_id }
    }
}

/// Who knows the members of organisations: org by its own tables, others by their copy of them.
pub trait TenantAuthority: Send + Sync + 'static {
    /// What is known of a member: who they are there, what they may do.
    type Member: Clone + 'static;

    /// The member that the caller is in the organisation; none when they are not one.
    fn member(&self, caller: &Caller, org_id: OrgId) -> impl Future<Output = Result<Option<Self::Member>, Fault>>;
}

/// Extractor of a handler below `/orgs/{org_id}`: the caller is a member. Not signed in is 401; an organisation that
/// does not exist and one of others are the same 404.
#[derive(Clone, Debug)]
pub struct InTenant<A: TenantAuthority> {
    /// The organisation of the path.
    pub tenant: Tenant,
    /// Who calls.
    pub caller: Caller,
    /// Who they are in the organisation.
    pub member: A::Member,
}

impl<A: TenantAuthority> FromRequest for InTenant<A> {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        let org_id = request.match_info().get("org_id").and_then(|id| id.parse::<OrgId>().ok());
        let authority = request.app_data::<web::Data<A>>().cloned();
        Box::pin(async move {
            let caller = caller.await?;
            let org_id = org_id.ok_or(Fault::NotFound)?;
            let authority =
                authority.ok_or_else(|| Fault::internal(anyhow::anyhow!("no tenant authority is registered")))?;
            let member = authority.member(&caller, org_id).await?.ok_or(Fault::NotFound)?;
            Ok(Self { tenant: Tenant { org_id }, caller, member })
        })
    }
}
