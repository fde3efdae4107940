//! Somebody who looks for themselves in organisations that nobody has heard of: each request needs a call to org.

use crate::load::Traffic;
use rollcall_ids::OrgId;
use std::sync::Arc;

/// See the module.
#[derive(Debug)]
pub struct Strangers {
    service: &'static str,
    list: &'static str,
    token: String,
    hoped_for: Vec<u16>,
}

impl Strangers {
    /// Reads `list` of organisations of a service, e.g. `punches` of attendance, as whoever has this token, and hopes for
    /// one of these answers.
    pub fn new(service: &'static str, list: &'static str, token: &str, hoped_for: &[u16]) -> Arc<Self> {
        Arc::new(Self { service, list, token: token.to_owned(), hoped_for: hoped_for.to_vec() })
    }

    /// A path that was never asked for.
    pub fn path(&self) -> String {
        format!("/api/{}/v1/orgs/{}/{}", self.service, OrgId::generate(), self.list)
    }
}

impl Traffic for Strangers {
    fn request(&self, _number: u64, into: &mut Vec<u8>) {
        let (path, token) = (self.path(), &self.token);
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
        into.extend_from_slice(head.as_bytes());
    }

    fn answered(&self, _number: u64, status: u16, _body: &[u8]) -> bool {
        self.hoped_for.contains(&status)
    }
}
