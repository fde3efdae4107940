//! Names of webhooks become addresses, a few at a time: a lookup holds a thread for as long as a name server takes,
//! whoever still waits for it. A name is looked up once at a time, one that cannot be found is not asked for again for a
//! while, and no organisation has more than a few lookups under way: a name server that is dead is felt by those whose it
//! is.

use super::targets::{Guard, Refusal};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rollcall_ids::OrgId;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, timeout};

/// Lookups at a time, over all organisations.
const LOOKUPS: usize = 32;
/// And of one organisation.
const LOOKUPS_EACH: usize = 4;
/// How long a lookup waits for its turn before the caller is told that there is none.
const WAIT: Duration = Duration::from_secs(2);
/// For how long a name that could not be found is not asked for again.
const NOT_AGAIN_FOR: Duration = Duration::from_secs(30);

/// Asks for the addresses of a name; blocks.
pub type Lookup = Arc<dyn Fn(&str) -> std::io::Result<Vec<IpAddr>> + Send + Sync>;

/// The resolver of the machine.
pub fn system() -> Lookup {
    Arc::new(|name| Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect()))
}

tokio::task_local! {
    /// Whose lookups those of a task are.
    pub static ON_BEHALF_OF: OrgId;
}

/// Why a name has no address.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotFound {
    /// Nothing is known of the name: it was not asked for.
    #[error("too many names are being looked up")]
    Full,
    /// The name server, or its silence.
    #[error("{0}")]
    Failed(Arc<str>),
}

type Found = Result<Arc<[IpAddr]>, NotFound>;

/// A lookup that is under way, or failed a short while ago.
struct Asked {
    found: watch::Receiver<Option<Found>>,
    failed_at: Option<Instant>,
}

#[derive(Default)]
struct State {
    names: HashMap<String, Asked>,
    turns: HashMap<OrgId, Arc<Semaphore>>,
}

/// Resolves names to those of their addresses that may be called.
#[derive(Clone)]
pub struct GuardedResolver {
    guard: Guard,
    lookup: Lookup,
    turns: Arc<Semaphore>,
    state: Arc<Mutex<State>>,
}

impl GuardedResolver {
    /// Asks `lookup`, lets through what `guard` does.
    pub fn new(guard: Guard, lookup: Lookup) -> Self {
        Self { guard, lookup, turns: Arc::new(Semaphore::new(LOOKUPS)), state: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the lookup of this name that is under way or has just failed, or begins one.
    fn ask(&self, name: &str, org_id: Option<OrgId>) -> watch::Receiver<Option<Found>> {
        let mut state = self.state();
        let now = Instant::now();
        state.names.retain(|_, asked| asked.failed_at.is_none_or(|at| now.duration_since(at) < NOT_AGAIN_FOR));
        if let Some(asked) = state.names.get(name) {
            return asked.found.clone();
        }
        state.turns.retain(|_, turns| Arc::strong_count(turns) > 1);
        let of_org = org_id.map(|org_id| {
            let fresh = || Arc::new(Semaphore::new(LOOKUPS_EACH));
            Arc::clone(state.turns.entry(org_id).or_insert_with(fresh))
        });
        let (tell, found) = watch::channel(None);
        state.names.insert(name.to_owned(), Asked { found: found.clone(), failed_at: None });
        drop(state);
        let (resolver, name) = (self.clone(), name.to_owned());
        // By itself: it goes on when whoever asked first has given up.
        tokio::spawn(async move {
            let outcome = resolver.look_up(&name, of_org).await;
            let mut state = resolver.state();
            match (&outcome, state.names.get_mut(&name)) {
                (Err(NotFound::Failed(_)), Some(asked)) => asked.failed_at = Some(Instant::now()),
                _ => drop(state.names.remove(&name)),
            }
            drop(state);
            tell.send_replace(Some(outcome));
        });
        found
    }

    async fn look_up(&self, name: &str, of_org: Option<Arc<Semaphore>>) -> Found {
        let turns = timeout(WAIT, turns(of_org, Arc::clone(&self.turns))).await;
        let held = turns.ok().flatten().ok_or(NotFound::Full)?;
        let (lookup, name) = (Arc::clone(&self.lookup), name.to_owned());
        let asked = tokio::task::spawn_blocking(move || {
            // Until the thread is free again.
            let _held = held;
            lookup(&name)
        });
        let failed = |error: &dyn std::error::Error| NotFound::Failed(error.to_string().into());
        let addresses = asked.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
        Ok(addresses.into())
    }
}

type Turns = (Option<OwnedSemaphorePermit>, OwnedSemaphorePermit);

/// The organisation's own first: who waits for that holds none of the others'.
async fn turns(of_org: Option<Arc<Semaphore>>, of_all: Arc<Semaphore>) -> Option<Turns> {
    let own = match of_org {
        Some(turns) => Some(turns.acquire_owned().await.ok()?),
        None => None,
    };
    Some((own, of_all.acquire_owned().await.ok()?))
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let org_id = ON_BEHALF_OF.try_with(|org_id| *org_id).ok();
        let (guard, mut found) = (self.guard.clone(), self.ask(name.as_str(), org_id));
        Box::pin(async move {
            let found = found.wait_for(Option::is_some).await?.clone();
            let addresses = found.unwrap_or(Err(NotFound::Full))?;
            let allowed: Vec<_> = addresses.iter().copied().filter(|address| guard.lets_through(*address)).collect();
            if allowed.is_empty() {
                return Err(Refusal::NotPublic.into());
            }
            let allowed = allowed.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(allowed) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    async fn resolved(resolver: &GuardedResolver, name: &str) -> Option<Vec<IpAddr>> {
        let found = resolver.resolve(name.parse().unwrap()).await.ok()?;
        Some(found.map(|address| address.ip()).collect())
    }

    /// A name server that gives a public address to whoever checks and a private one to whoever connects.
    #[tokio::test]
    async fn every_resolution_is_looked_at_and_only_public_addresses_are_left() {
        let asked = AtomicUsize::new(0);
        let (public, private) = (IpAddr::from([1, 1, 1, 1]), IpAddr::from([127, 0, 0, 1]));
        let answers = [vec![public], vec![private], vec![private, public], vec![]];
        let lookup: Lookup = Arc::new(move |_| Ok(answers[asked.fetch_add(1, Ordering::SeqCst)].clone()));
        let resolver = GuardedResolver::new(Guard::new(false, &[]), lookup);
        for wanted in [Some(vec![public]), None, Some(vec![public]), None] {
            assert_eq!(resolved(&resolver, "rebind.example").await, wanted);
        }
    }

    #[tokio::test]
    async fn a_name_is_asked_for_once_at_a_time_and_not_again_soon_after_it_failed() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let lookup: Lookup = Arc::new(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(100));
            Err(std::io::Error::other("no such name"))
        });
        let resolver = GuardedResolver::new(Guard::new(false, &[]), lookup);
        let both = tokio::join!(resolved(&resolver, "dead.example"), resolved(&resolver, "dead.example"));
        assert_eq!((both, asked.load(Ordering::SeqCst)), ((None, None), 1));
        assert_eq!(resolved(&resolver, "dead.example").await, None);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert_eq!(resolved(&resolver, "other.example").await, None);
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn an_organisation_whose_name_server_is_dead_holds_up_nobody_else() {
        let lookup: Lookup = Arc::new(|name| {
            if name.starts_with("dead") {
                std::thread::sleep(Duration::from_secs(3));
            }
            Ok(vec![IpAddr::from([1, 1, 1, 1])])
        });
        let resolver = GuardedResolver::new(Guard::new(false, &[]), lookup);
        let (one, other) = (OrgId::generate(), OrgId::generate());
        for number in 0..LOOKUPS {
            let name = format!("dead{number}.example").parse().unwrap();
            drop(ON_BEHALF_OF.sync_scope(one, || resolver.resolve(name)));
        }
        let started = Instant::now();
        let good = ON_BEHALF_OF.scope(other, resolved(&resolver, "good.example")).await;
        assert!(good.is_some() && started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
        let own = ON_BEHALF_OF.scope(one, async { resolver.resolve("good2.example".parse().unwrap()).await });
        let error = own.await.err().unwrap();
        assert!(matches!(error.downcast_ref(), Some(NotFound::Full)), "{error}");
    }
}
