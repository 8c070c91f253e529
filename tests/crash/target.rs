//! The server as callers find it: there, or gone until the next one is there.

use tokio::sync::watch;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Says which server there is.
pub struct Announcer(watch::Sender<(u64, Option<Channel>)>);

/// Knows which server there is.
#[derive(Clone)]
pub struct Target(watch::Receiver<(u64, Option<Channel>)>);

/// One server's life.
#[derive(Clone)]
pub struct Life {
    number: u64,
    /// A connection to it.
    pub channel: Channel,
}

impl Announcer {
    /// No server yet.
    pub fn new() -> (Self, Target) {
        let (announcer, target) = watch::channel((0, None));
        (Self(announcer), Target(target))
    }

    /// A server begins its life.
    pub fn is_there(&self, channel: Channel) {
        self.0.send_modify(|(number, now)| {
            *number += 1;
            *now = Some(channel);
        });
    }

    /// It has ended.
    pub fn is_gone(&self) {
        self.0.send_modify(|(_, now)| *now = None);
    }
}

impl Target {
    /// The server that is there; waits until there is one.
    pub async fn here(&mut self) -> Life {
        self.after(0).await
    }

    /// The server after one that broke off.
    pub async fn next(&mut self, life: &Life) -> Life {
        self.after(life.number).await
    }

    async fn after(&mut self, last: u64) -> Life {
        let there = self
            .0
            .wait_for(|(number, channel)| *number > last && channel.is_some());
        let (number, channel) = there.await.unwrap().clone();
        Life {
            number,
            channel: channel.unwrap(),
        }
    }
}

/// Whether a call failed because its server broke off. Otherwise the server itself has answered.
pub fn broke_off(status: &Status) -> bool {
    let by_server = status.get_details_error_info().is_some();
    !by_server
        && matches!(
            status.code(),
            Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled
        )
}
