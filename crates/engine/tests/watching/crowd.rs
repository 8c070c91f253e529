//! Writers that race while a test watches, and the log in the form in which watches tell it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tokio::task::JoinHandle;
use verilane_core::VerificationId;
use verilane_engine::{Engine, EventFilter, WatchEnd, WatchMany, WatchOne, WatchStart};

use crate::stage::frames::{Message, NEVER, event};
use crate::stage::puppet::Puppet;
use crate::stage::{Play, Stage, request};

/// The whole log as a watch of everything would tell it.
pub async fn told(play: &Play) -> Vec<Value> {
    play.log().await.iter().map(|e| event(e, None)).collect()
}

pub fn says(messages: &[Message]) -> Vec<Value> {
    messages.iter().map(|m| m.says.clone()).collect()
}

pub fn after(message: &Message) -> WatchStart {
    WatchStart::After(message.token.clone())
}

pub async fn many(play: &Play, filter: EventFilter, start: &WatchStart) -> WatchMany {
    play.engine.watch_many(filter, start, NEVER).await.unwrap()
}

pub async fn all(play: &Play, start: &WatchStart) -> WatchMany {
    many(play, EventFilter::default(), start).await
}

pub async fn one(play: &Play, id: VerificationId, start: &WatchStart) -> WatchOne {
    play.engine
        .watch_one(id, start, WatchEnd::Never, NEVER)
        .await
        .unwrap()
}

static USERS: AtomicUsize = AtomicUsize::new(0);

/// Plays a whole run for a new user: 7 events.
pub async fn one_run(engine: &Engine, puppet: &Puppet) -> VerificationId {
    let user = format!("user {}", USERS.fetch_add(1, Ordering::Relaxed));
    let created = engine.create(request(&user)).await.unwrap();
    let starts = puppet.starts();
    let start = starts.iter().find(|start| start.subject == user).unwrap();
    start.succeed(engine).await;
    created.row.id
}

/// So many writers, each of which plays so many runs.
pub fn crowd(stage: &Stage, play: &Play, writers: usize, runs: usize) -> Vec<JoinHandle<()>> {
    (0..writers)
        .map(|_| {
            let (engine, puppet) = (Arc::clone(&play.engine), Arc::clone(&stage.puppet));
            tokio::spawn(async move {
                for _ in 0..runs {
                    one_run(&engine, &puppet).await;
                }
            })
        })
        .collect()
}

pub async fn done(writers: Vec<JoinHandle<()>>) {
    for writer in writers {
        writer.await.unwrap();
    }
}
