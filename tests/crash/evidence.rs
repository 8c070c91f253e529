//! What a kill has left behind, looked at before anything goes on: that nothing acknowledged is
//! missing, and whether the kill met the moment that it was meant for.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use tonic::Status;
use verilane_api::v1::{Event, ListVerificationsRequest, Subject, VerificationFilter, subject};
use verilane_core::Timestamp;
use verilane_sandbox::{Delivery, Failure, SandboxHandle};

use super::harness::{Server, Stage, Told, check_ledger, genuine, time, told_by_events};
use super::load::Made;
use super::plan::Point;

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

    fn has_asked(&self, core_id: &str) -> Option<&String> {
        let mut requests = self.users.iter();
        requests.find_map(|(request, user)| (user == core_id).then_some(request))
    }
}

/// Where things stood at the last look, and what was found so far.
#[derive(Default)]
pub struct Evidence {
    /// The ids of verifications, by Core ID.
    ids: HashMap<String, String>,
    last_sequence: u64,
    last_delivery: u64,
    requests: HashSet<String>,
    unanswered: BTreeSet<Told>,
    met: BTreeMap<Point, usize>,
}

impl Evidence {
    /// How often a kill met its point.
    pub fn met(&self, point: Point) -> usize {
        self.met.get(&point).copied().unwrap_or_default()
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
        let log = server.try_log().await?;
        for core_id in made.keys() {
            if !self.ids.contains_key(core_id)
                && let Some(id) = find(server, core_id).await?
            {
                self.ids.insert(core_id.clone(), id);
            }
        }
        let id = |request: &str| self.ids[&scene.users[request]].clone();
        check_ledger(sandbox, &log, id);

        let told = told_by_events(&log);
        let callbacks: Vec<(Delivery, Option<Told>)> = genuine(sandbox)
            .into_iter()
            .map(|delivery| {
                let id = self.ids.get(&scene.users[&delivery.request]);
                let told = id.map(|id| Told::by_callback(sandbox, &delivery, id, &told));
                (delivery, told)
            })
            .collect();
        let answered = callbacks
            .iter()
            .filter(|(delivery, _)| delivery.was_taken());
        let answered: BTreeSet<&Told> = answered.filter_map(|(_, told)| told.as_ref()).collect();
        let mut unanswered: BTreeSet<Told> = told.keys().cloned().collect();
        unanswered.retain(|one| !answered.contains(one));
        let is_met = match killed_at {
            None => false,
            Some(Point::IntentWritten) => self.has_unasked_intent(scene, &log, made),
            Some(Point::ProviderAnswered) => self.has_unknown_answer(scene, &log, made),
            Some(Point::BeforeCommit) => callbacks.iter().any(|(delivery, one)| {
                let is_cut = delivery.failure == Some(Failure::Broken);
                let is_lost = one.as_ref().is_some_and(|one| !told.contains_key(one));
                delivery.number > self.last_delivery && is_cut && is_lost
            }),
            Some(Point::AfterCommit) => !unanswered.is_subset(&self.unanswered),
        };
        if let Some(point) = killed_at.filter(|_| is_met) {
            *self.met.entry(point).or_default() += 1;
        }
        self.unanswered = unanswered;
        self.last_sequence = log.last().map_or(0, |event| event.sequence);
        self.last_delivery = callbacks.last().map_or(0, |(delivery, _)| delivery.number);
        self.requests = scene.users.keys().cloned().collect();
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
            created.sequence > self.last_sequence && scene.has_asked(core_id).is_none()
        })
    }

    /// A request that the connector has taken since the last look, and whose outcome is nowhere.
    fn has_unknown_answer(
        &self,
        scene: &Scene,
        log: &[Event],
        made: &BTreeMap<String, Made>,
    ) -> bool {
        self.open(scene, log, made).any(|(core_id, _)| {
            let request = scene.has_asked(core_id);
            request.is_some_and(|request| !self.requests.contains(request))
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
