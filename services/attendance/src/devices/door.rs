//! Who punches: a member, or a device by its secret.

use crate::devices::domain::Door;
use crate::facts::domain::Org;
use crate::facts::{Facts, InOrg, Member};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use rollcall_attendance_api::devices::DEVICE_SECRET_PREFIX;
use rollcall_common::auth::{bearer, by_secret};
use rollcall_common::client_address::ClientAddress;
use rollcall_common::fault::Fault;
use rollcall_common::secret;
use rollcall_common::tenant::Tenant;
use rollcall_ids::{EmployeeId, OrgId, SessionId};
use rollcall_org_api::facts::EmployeeFact;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

/// Who sends a punch.
#[derive(Clone, Debug)]
pub(crate) enum By {
    /// A member, for themselves or by right for others.
    Member(Member),
    /// A device, for whoever stands in front of it.
    Device(Arc<Org>, Arc<Door>),
}

impl By {
    /// The organisation.
    pub(crate) fn org(&self) -> &Org {
        match self {
            Self::Member(member) => &member.org,
            Self::Device(org, _) => org,
        }
    }

    /// The employee who calls; none: a device does.
    pub(crate) fn own(&self) -> Option<&EmployeeFact> {
        match self {
            Self::Member(member) => Some(&member.employee),
            Self::Device(..) => None,
        }
    }

    /// Whether a punch of this employee is one's own.
    pub(crate) fn is_own(&self, id: EmployeeId) -> bool {
        self.own().is_some_and(|own| own.employee_id == id)
    }
}

/// Extractor of whoever may punch below `/orgs/{org_id}`.
pub(crate) struct Puncher {
    /// The organisation.
    pub(crate) tenant: Tenant,
    /// Who.
    pub(crate) by: By,
    /// From where.
    pub(crate) address: IpAddr,
}

impl FromRequest for Puncher {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let ClientAddress(address) = ClientAddress::of(request);
        let device = AtDevice::of(request);
        let member = device.is_none().then(|| InOrg::from_request(request, payload));
        Box::pin(async move {
            if let Some(member) = member {
                let InOrg { tenant, member, .. } = member.await?;
                return Ok(Self { tenant, by: By::Member(member), address });
            }
            let AtDevice { tenant, org, door } = device.ok_or(Fault::NotFound)?.await?;
            Ok(Self { tenant, by: By::Device(org, door), address })
        })
    }
}

/// Extractor of a route that is for devices alone.
pub(crate) struct AtDevice {
    /// The organisation.
    pub(crate) tenant: Tenant,
    /// With what is known of it.
    pub(crate) org: Arc<Org>,
    /// The device.
    pub(crate) door: Arc<Door>,
}

impl AtDevice {
    /// The device that a request comes from; none: its token is not one of a device.
    fn of(request: &HttpRequest) -> Option<impl Future<Output = Result<Self, Fault>> + use<>> {
        let token = bearer(request).filter(|token| token.starts_with(DEVICE_SECRET_PREFIX))?;
        let hash = secret::sha256(token.as_bytes());
        let org_id = request.match_info().get("org_id").and_then(|id| id.parse::<OrgId>().ok());
        let facts = request.app_data::<web::Data<Facts>>().cloned();
        let request = request.clone();
        Some(async move {
            let found = Self::with_secret(hash, org_id, facts).await;
            by_secret(&request, found.map(|device| (SessionId(device.door.device_id.0), device)))
        })
    }

    async fn with_secret(
        hash: [u8; 32],
        org_id: Option<OrgId>,
        facts: Option<web::Data<Facts>>,
    ) -> Result<Self, Fault> {
        let unknown = || Fault::NotSignedIn("the secret is of no device that is switched on");
        let org_id = org_id.ok_or_else(unknown)?;
        let facts = facts.ok_or_else(|| Fault::internal(anyhow::anyhow!("no facts are registered")))?;
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the check: it ends in a refusal unless the secret is of a device of the organisation"
        )]
        let tenant = Tenant::of_capability(org_id);
        let org = facts.org(&tenant).await?.ok_or_else(unknown)?;
        let door = org.door(&hash).ok_or_else(unknown)?;
        Ok(Self { tenant, org, door })
    }
}

impl FromRequest for AtDevice {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let device = Self::of(request);
        Box::pin(async move { device.ok_or(Fault::NotSignedIn("no secret of a device came with the request"))?.await })
    }
}
