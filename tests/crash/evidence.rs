//! What a kill has left behind, looked at before anything goes on: that nothing acknowledged is
//! missing, and whether the kill met the moment that it was meant for, as far as that shows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tonic::Status;
use verilane_api::v1::{Event, ListVerificationsRequest, Subject, VerificationFilter, subject};
use verilane_core::Timestamp;
use verilane_sandbox::{Delivery, Failure, RequestView, SandboxHandle};

use super::harness::{Point, Runs, Server, Stage, genuine, time};
use super::load::Made;
use super::verdict::own_requests;

/// The connector's side once a server is gone, before the next one begins.
pub struct Scene {
    /// When it was looked at.
    time: Timestamp,
    /// Whose each request is.
    users: HashMap<String, String>,
}

impl Scene {
    /// As it is now.
    pub fn now(stage: &Stage) -> Self {
        let requests = stage.sandbox.requests(None).unwrap().into_iter();
        Self {
            time: stage.clock.now(),
            users: requests.map(|request| (request.id, request.user)).collect(),
        }
    }

    fn has_asked(&self, core_id: &str) -> bool {
        self.users.values().any(|user| user == core_id)
    }
}

/// Where things stood at the last look, and what was found so far.
#[derive(Default)]
pub struct Evidence {
    /// The ids of verifications, by Core ID.
    ids: HashMap<String, String>,
    last_sequence: u64,
    last_delivery: u64,
    seen: BTreeSet<Point>,
}

impl Evidence {
    /// Whether it was ever seen that a kill met a point.
    pub fn has_seen(&self, point: Point) -> bool {
        self.seen.contains(point)
    }

    /// Looks at the log of a server that has just begun, while no callback is on its way and no
    /// caller knows of it. The server may be gone again before it has told everything: then nothing
    /// is found.
    pub async fn look(
        &mut self,
        scene: &Scene,
        sandbox: &SandboxHandle,
        server: &Server,
        made: &BTreeMap<String, Made>,
        killed_at: Option<Point>,
    ) -> Result<(), Status> {
        for core_id in made.keys() {
            if !self.ids.contains_key(core_id)
                && let Some(id) = find(server, core_id).await?
            {
                self.ids.insert(core_id.clone(), id);
            }
        }
        // After that, so that it tells of each: a call that was refused for a while finds the new
        // server by its old connection.
        let log = server.try_log().await?;
        let callbacks = genuine(sandbox);
        let of = |request: &RequestView| self.ids.get(&request.user).map(String::as_str);
        let runs = Runs::of(&log, &own_requests(sandbox), &callbacks, of);
        runs.check_acknowledged(sandbox, &callbacks, &log);
        let told = runs.told(&log);
        let is_told = |delivery: &Delivery| {
            let said = runs.callback(delivery);
            said.is_some_and(|said| told.contains_key(&said))
        };
        let cut = callbacks.iter().filter(|delivery| {
            let is_cut = delivery.failure == Some(Failure::Broken) && delivery.trouble.is_none();
            is_cut && delivery.number > self.last_delivery
        });
        let shows = match killed_at {
            Some("intent-written") => {
                let shows = self.has_unasked_intent(scene, &log, made);
                assert!(shows, "an intent is durable before its request is sent");
                shows
            }
            // What it was about to say may be pulled already.
            Some("before-commit") => cut.clone().next().is_some(),
            Some("callback-committed") => cut.clone().any(is_told),
            _ => false,
        };
        self.seen.extend(killed_at.filter(|_| shows));
        self.last_sequence = log.last().map_or(0, |event| event.sequence);
        self.last_delivery = callbacks.last().map_or(0, |delivery| delivery.number);
        Ok(())
    }

    /// An intent since the last look, of which the connector has heard nothing.
    fn has_unasked_intent(
        &self,
        scene: &Scene,
        log: &[Event],
        made: &BTreeMap<String, Made>,
    ) -> bool {
        self.open(scene, log, made).any(|(core_id, created)| {
            created.sequence > self.last_sequence && !scene.has_asked(core_id)
        })
    }

    /// Verifications that nobody was told of and of which nothing but the intent is in the log; what
    /// the new server has written already does not count.
    fn open<'a>(
        &'a self,
        scene: &'a Scene,
        log: &'a [Event],
        made: &'a BTreeMap<String, Made>,
    ) -> impl Iterator<Item = (&'a String, &'a Event)> {
        let unanswered = made.iter().filter(|(_, made)| made.id.is_none());
        unanswered.filter_map(move |(core_id, _)| {
            let id = self.ids.get(core_id)?;
            let mut events = log.iter().filter(|event| {
                event.verification_id == *id && time(event.commit_time) < scene.time
            });
            let created = events.next()?;
            events.next().is_none().then_some((core_id, created))
        })
    }
}

async fn find(server: &Server, core_id: &str) -> Result<Option<String>, Status> {
    let request = ListVerificationsRequest {
        filter: Some(VerificationFilter {
            subject: Some(Subject {
                identifier: Some(subject::Identifier::CoreId(core_id.to_owned())),
            }),
            ..VerificationFilter::default()
        }),
        ..ListVerificationsRequest::default()
    };
    let answer = server.verifications().list_verifications(request).await?;
    let mut found = answer.into_inner().verifications;
    assert!(
        found.len() <= 1,
        "one request id made {} verifications",
        found.len()
    );
    Ok(found.pop().map(|verification| verification.id))
}
