//! One fault stays one fault: [`table`] says what people see of each, and here each is made and looked at.
//!
//! A stack serves many rows, one after another: what a row leaves behind would show in the next.

mod jobs;
mod stage;
mod table;

use crate::PLACES;
use anyhow::Result;
use rollcall_stack::surroundings::{Names, SmallDisk, Timepiece};
use rollcall_stack::{Builder, Stack};
use stage::Stage;
use table::Injection;

fn builder() -> Builder {
    let (path, value) = crate::screen::HEARTBEAT;
    Stack::builder().sign_in_limit("1000r/s", 1000).setting("notification", path, value).with_faults()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_services_that_fail_others_are_seen_what_the_table_says() -> Result<()> {
    let _place = PLACES.acquire().await?;
    Stage::set(builder()).await?.show(&table::CALLS).await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_service_and_of_databases_that_fail_is_seen_what_the_table_says() -> Result<()> {
    let _place = PLACES.acquire().await?;
    Stage::set(builder()).await?.show(&table::OWN).await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_names_and_clocks_that_fail_is_seen_what_the_table_says() -> Result<()> {
    let _place = PLACES.acquire().await?;
    let mut builder = builder();
    let mut rows = Vec::new();
    let wants = |injection: &Injection| match injection {
        Injection::Names => Names::available(),
        _ => Timepiece::available(),
    };
    for row in &table::SURROUNDINGS {
        match wants(&row.injection) {
            Ok(()) => rows.push(row),
            Err(why) => eprintln!("skipped: {}: {why:#}", row.fault),
        }
    }
    if Names::available().is_ok() {
        builder = builder.with_names();
    }
    if Timepiece::available().is_ok() {
        builder = builder.with_timepiece("attendance");
    }
    if rows.is_empty() { Ok(()) } else { Stage::set(builder).await?.show(rows).await }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_restarts_and_of_a_failover_is_seen_what_the_table_says() -> Result<()> {
    let _place = PLACES.acquire().await?;
    Stage::set(builder()).await?.show(&table::CHANGES).await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_full_disk_is_seen_what_the_table_says() -> Result<()> {
    let _place = PLACES.acquire().await?;
    let disk = match SmallDisk::of(400) {
        Ok(disk) => disk,
        Err(why) => {
            eprintln!("skipped: {}: {why:#}", table::DISK[0].fault);
            return Ok(());
        }
    };
    Stage::set(builder().data_in(disk.path())).await?.on(disk).show(&table::DISK).await
}
