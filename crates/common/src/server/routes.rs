//! Which route a path belongs to, for the requests that never reached one or were cut off in it: whatever was answered by
//! a handler says so itself.

use super::{Service, openapi_with_internal};

/// The paths of a service, as its description has them.
#[derive(Clone, Debug)]
pub(super) struct Routes(Vec<String>);

impl Routes {
    pub(super) fn of<S: Service>() -> Self {
        Self(openapi_with_internal::<S>().paths.paths.into_keys().collect())
    }

    /// The route that a path is of: of several the one that has more words in common with it.
    pub(super) fn of_path(&self, path: &str) -> Option<&str> {
        let words = |route: &str| {
            let mut words = 0;
            let (mut here, mut there) = (route.split('/'), path.split('/'));
            loop {
                match (here.next(), there.next()) {
                    (None, None) => return Some(words),
                    (Some(word), Some(given)) if word == given => words += 1,
                    (Some(word), Some(given)) if word.starts_with('{') && !given.is_empty() => {}
                    _ => return None,
                }
            }
        };
        let all = self.0.iter().filter_map(|route| Some((words(route)?, route)));
        all.max_by_key(|(words, _)| *words).map(|(_, route)| route.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_of_the_route_that_says_most_of_it() {
        let routes = ["/orgs/{org_id}", "/orgs/{org_id}/devices/{device_id}", "/orgs/{org_id}/devices/current"];
        let routes = Routes(routes.map(str::to_owned).to_vec());
        for (path, expected) in [
            ("/orgs/7", Some("/orgs/{org_id}")),
            ("/orgs/7/devices/8", Some("/orgs/{org_id}/devices/{device_id}")),
            ("/orgs/7/devices/current", Some("/orgs/{org_id}/devices/current")),
            ("/orgs/", None),
            ("/orgs/7/", None),
            ("/orgs/7/devices/8/secret", None),
            ("/", None),
        ] {
            assert_eq!(routes.of_path(path), expected, "{path}");
        }
    }
}
