//! Copies that are taken over whole, and until when they are believed.

use crate::events::{event, execute, send};
use crate::{Stage, eventually};
use jiff::SignedDuration;
use rollcall_common::backfill::{Backfills, Generation, Source, take_over, take_over_all};
use rollcall_common::clock::Clock;
use rollcall_common::db::Database;
use rollcall_common::fault::Fault;
use rollcall_common::server::{Core, Service as _};
use rollcall_common::tenant::Tenant;
use rollcall_ids::OrgId;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A copy of one organisation that a program of generation `G` takes over, in two pages; it counts those of them that it
/// was given.
struct Copy<const G: Generation> {
    core: Core,
    org: OrgId,
    pages: AtomicUsize,
    /// What goes wrong next.
    wrong: Mutex<Option<Fault>>,
}

impl<const G: Generation> Copy<G> {
    fn of(stage: &Stage) -> Self {
        let core = stage.service.app().core().clone();
        Self { core, org: stage.org, pages: AtomicUsize::new(0), wrong: Mutex::new(None) }
    }

    #[expect(clippy::disallowed_methods, reason = "a test is whoever it says")]
    fn tenant(&self) -> Tenant {
        Tenant::of_capability(self.org)
    }

    /// What the command says: how many organisations were taken over.
    async fn taken(&self) -> usize {
        take_over_all(self).await.unwrap()
    }
}

impl<const G: Generation> Source for Copy<G> {
    const GENERATION: Generation = G;

    fn db(&self) -> &Database {
        &self.core.db
    }

    fn clock(&self) -> &Clock {
        &self.core.clock
    }

    async fn orgs(&self, _: Option<String>) -> Result<(Vec<OrgId>, Option<String>), Fault> {
        Ok((vec![self.org], None))
    }

    async fn take_page(&self, _: Tenant, cursor: Option<String>) -> Result<Option<String>, Fault> {
        if let Some(fault) = self.wrong.lock().unwrap().take() {
            return Err(fault);
        }
        self.pages.fetch_add(1, Ordering::SeqCst);
        Ok(cursor.is_none().then(|| "second".to_owned()))
    }
}

#[actix_web::test]
async fn an_organisation_is_taken_over_once_by_programs_of_one_generation() {
    let stage = Stage::set().await;
    let (one, other) = (Copy::<2>::of(&stage), Copy::<2>::of(&stage));
    assert_eq!((one.taken().await, other.taken().await, one.taken().await), (1, 0, 0));
    assert_eq!((one.pages.into_inner(), other.pages.into_inner()), (2, 0));
}

#[actix_web::test]
async fn a_program_that_keeps_more_takes_over_again_what_one_that_keeps_less_has() {
    let stage = Stage::set().await;
    let (less, more) = (Copy::<1>::of(&stage), Copy::<2>::of(&stage));
    assert_eq!((less.taken().await, more.taken().await), (1, 1));
    // What has more is whole for the one that needs less, too: while both run they do not take turns.
    assert_eq!((less.taken().await, more.taken().await), (0, 0));
}

#[actix_web::test]
async fn what_was_taken_by_a_program_that_keeps_less_makes_a_copy_doubtful() {
    let stage = Stage::set().await;
    let (less, more) = (Copy::<1>::of(&stage), Copy::<2>::of(&stage));
    let later = || stage.service.clock.advance(SignedDuration::from_secs(10));
    assert_eq!(more.taken().await, 1);
    later();
    // Events that a program of the same generation takes, or of a higher one, leave nothing out.
    for generation in [2, 3] {
        stage.service.app().is_of(generation);
        send(&stage, &[event(&stage, "kept")]).await;
        later();
        assert_eq!(more.taken().await, 0, "{generation}");
    }
    // Rolled back: the copy is whole for what it knows.
    stage.service.app().is_of(1);
    assert_eq!(less.taken().await, 0);
    send(&stage, &[event(&stage, "taken for nothing")]).await;
    later();
    // And forward again.
    stage.service.app().is_of(2);
    assert_eq!((more.taken().await, more.taken().await), (1, 0));
}

#[actix_web::test]
async fn so_does_what_a_program_took_that_knows_no_generations() {
    let stage = Stage::set().await;
    let copy = Copy::<1>::of(&stage);
    // Before there were generations: it says nothing.
    execute(&stage, "INSERT INTO consumed_events VALUES ('/rollcall/user', gen_random_uuid(), '2999-01-01', NULL)")
        .unwrap();
    assert_eq!((copy.taken().await, copy.taken().await), (1, 0));
    stage.service.clock.advance(SignedDuration::from_secs(10));
    let now = stage.service.clock.now();
    let insert = format!(
        "INSERT INTO consumed_events (source, event_id, consumed_at) VALUES ('/rollcall/user', gen_random_uuid(), '{now}')"
    );
    execute(&stage, &insert).unwrap();
    stage.service.clock.advance(SignedDuration::from_secs(10));
    assert_eq!((copy.taken().await, copy.taken().await), (1, 0));
}

#[actix_web::test]
async fn a_program_of_a_higher_generation_heals_its_copies_beside_its_work() {
    let stage = Stage::set().await;
    let copy = Copy::<2>::of(&stage);
    assert!(take_over(&copy, copy.tenant()).await.unwrap());
    stage.service.clock.advance(SignedDuration::from_secs(10));
    stage.service.app().is_of(1);
    send(&stage, &[event(&stage, "taken for nothing")]).await;
    stage.service.clock.advance(SignedDuration::from_secs(10));
    // As it starts: nobody calls a command.
    let backfills = Backfills::default();
    let healed = async {
        backfills.want(&copy.tenant());
        eventually("taken over again", || async { (copy.pages.load(Ordering::SeqCst) == 4).then_some(()) }).await;
    };
    tokio::select! {
        () = backfills.run(&copy) => panic!("it runs for ever"),
        () = healed => {}
    }
}

#[actix_web::test]
async fn an_organisation_is_tried_again_whatever_went_wrong() {
    let lost = Fault::OutcomeUnknown(diesel::result::Error::BrokenTransactionManager);
    let odd = Fault::internal(anyhow::anyhow!("not as agreed"));
    for fault in [lost, odd] {
        let stage = Stage::set().await;
        let (backfills, copy) = (Backfills::with_rest(Duration::from_millis(50)), Copy::<1>::of(&stage));
        *copy.wrong.lock().unwrap() = Some(fault);
        let taken = eventually("taken over", || async {
            backfills.want(&copy.tenant());
            (copy.pages.load(Ordering::SeqCst) == 2).then_some(())
        });
        tokio::select! {
            () = backfills.run(&copy) => panic!("it runs for ever"),
            () = taken => {}
        }
    }
}
