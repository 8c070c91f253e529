//! `verilane store …`: what an operator does to a store that no service runs on.
//!
//! The store's lock is taken for as long as that lasts, so a running service is never disturbed.
//! What is done stands in the audit chain, in the same transaction.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use verilane_core::clock::SystemClock;
use verilane_core::{AuditAction, AuditRecord, Change, Clock as _, Event, LogId, Principal};
use verilane_store::{CommitObserver, Store as _};

use super::serve::load;
use super::{File, console};
use crate::config::{Mode, Text};
use crate::service::Ended;
use crate::{catalog, process};

/// Whoever may read and write the folder.
const OPERATOR: &str = "operator";

/// Nobody watches.
struct Nobody;

impl CommitObserver for Nobody {
    fn committed(&self, _: &[Event]) {}
}

/// Gives the log a new id.
///
/// # Errors
/// That there is no store, that a service runs on it, or that it can't be read.
pub fn new_log_id(file: File, data_dir: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let folder = data_dir.map(|folder| {
        let value = folder.display().to_string();
        ("store", "folder", Text::flag("--data-dir", value))
    });
    let config = load(file, Mode::Serve, folder.into_iter().collect())?;
    process::run(&config.telemetry, config.shutdown, async |_| {
        let folder = &config.store.folder;
        anyhow::ensure!(
            catalog::holds_a_store(folder),
            "{} holds no store",
            folder.display()
        );
        let store = catalog::store(&config.store, Arc::new(Nobody), None).await?;
        let now = SystemClock.now();
        let mut change = Change::new(now);
        change.log = Some(LogId::generate());
        change.audit.push(AuditRecord {
            time: now,
            principal: Principal::new(OPERATOR),
            action: AuditAction::LogRenamed,
            verification: None,
            subject_matter: Vec::new(),
            details: None,
        });
        let committed = store.commit(change).await;
        store.close().await;
        committed.context("the log keeps its id")?;
        console::line("the log has a new id: resume tokens from before are refused from now on")?;
        Ok(Ended::Whole)
    })
}
