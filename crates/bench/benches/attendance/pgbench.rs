//! The same row by `pgbench`, one per transaction.

use anyhow::Result;
use rollcall_bench::pgbench::{self, Measured};
use rollcall_ids::OrgId;
use rollcall_stack::Stack;
use std::time::Duration;

/// Employees are numbers here, as many as there are in the crowd; each row has a key of its own, as a punch has.
fn script(org_id: OrgId) -> String {
    let people = crate::rush::PEOPLE;
    format!(
        "\\set person random(1, {people})\n\
         INSERT INTO punches (org_id, punch_id, employee_id, at, direction, source, offline, site_id, latitude, \
         longitude, accuracy_m, exceptions, received_at, recorded_by, idempotency_key, fingerprint) \
         VALUES ('{org_id}', gen_random_uuid(), lpad(:person::text, 32, '0')::uuid, clock_timestamp(), 'auto', \
         'mobile', false, '{org_id}', 52.5201, 13.4049, 12.5, '[]', clock_timestamp(), \
         lpad(:person::text, 32, '0')::uuid, gen_random_uuid()::text, \
         '\\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');\n"
    )
}

pub(crate) fn run(stack: &Stack, org_id: OrgId, connections: usize, lasting: Duration) -> Result<Measured> {
    pgbench::run(stack, "attendance", &script(org_id), connections, lasting)
}
