//! What callbacks, the history and events tell, held against each other.
//!
//! An attempt is one request at the connector, as a rule. If the answer to it was lost it can have
//! made two. And a status says nothing of its request but when it was signed: one that is signed anew
//! once the next attempt has begun is about either. So attempts that share a request are looked at as
//! one: a *run*, of which each word is told.
//!
//! The one word that can come several times of one request is compared by its times, each to be told
//! once, wherever a run is one attempt and one request.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;

use verilane_api::v1::{Event, EventType};
use verilane_sandbox::{CallbackKind, Delivery, RequestView, SandboxHandle, Status};

use super::ledger::signed_at;
use super::time;

/// One or more attempts of a verification: its id, and the last of them.
type Run = (String, u32);

/// Which request, and which attempt, belongs to which run.
pub struct Runs {
    by_request: HashMap<String, Run>,
    /// Where each attempt's run ends.
    ends: HashMap<(String, u32), u32>,
    /// Of which not all has to be told: nobody knows of a request, or it was called off, so nobody asks
    /// about it.
    given_up: HashSet<Run>,
    /// When the word that recurs came about, in order: of runs that are one attempt and one request.
    recurred: BTreeMap<Run, Vec<i64>>,
}

/// What was told: by run and word; `data` and `failure` are words too.
type Story = BTreeMap<(Run, String), usize>;

impl Runs {
    /// As events, the connector's requests and its callbacks say. `of` knows the verification of a
    /// request.
    pub fn of<'a>(
        events: &[Event],
        requests: &[RequestView],
        callbacks: &[Delivery],
        of: impl Fn(&RequestView) -> Option<&'a str>,
    ) -> Self {
        let mut sent: HashMap<&str, i64> = HashMap::new();
        for delivery in callbacks {
            sent.insert(&delivery.request, delivery.sent_at_ms / 1_000);
        }
        let mut starts: HashMap<&str, Vec<i64>> = HashMap::new();
        for event in events {
            if [EventType::Created, EventType::AttemptStarted].contains(&event.r#type()) {
                let starts = starts.entry(&event.verification_id).or_default();
                starts.push(time(event.commit_time).as_secs());
            }
        }
        let mut spans = Vec::new();
        for request in requests {
            let Some(id) = of(request) else {
                continue;
            };
            let starts = &starts[id];
            // Providers count whole seconds.
            let attempt = |second: i64| {
                let begun = starts.iter().filter(|start| **start <= second).count();
                u32::try_from(begun.max(1)).unwrap()
            };
            let (first, last) = (request.statuses.first(), request.statuses.last());
            let last = last.unwrap().created_at;
            let last = sent.get(&*request.id).map_or(last, |sent| last.max(*sent));
            let span = (attempt(first.unwrap().created_at), attempt(last));
            spans.push((request.id.clone(), id.to_owned(), span));
        }
        let mut ends: HashMap<(String, u32), u32> = HashMap::new();
        for (id, starts) in &starts {
            let mut end = 0;
            for attempt in (1..=u32::try_from(starts.len()).unwrap()).rev() {
                let is_shared = |(_, whose, (first, last)): &(String, String, (u32, u32))| {
                    whose == id && *first <= attempt && attempt < *last
                };
                if !spans.iter().any(is_shared) {
                    end = attempt;
                }
                ends.insert(((*id).to_owned(), attempt), end);
            }
        }
        let by_request = spans.into_iter().map(|(request, id, (first, _))| {
            let end = ends[&(id.clone(), first)];
            (request, (id, end))
        });
        let by_request: HashMap<String, Run> = by_request.collect();
        let recurred = recurred(requests, &by_request, &ends);
        let is_abandoned = |event: &&Event| event.reason == "START_ABANDONED";
        let abandoned = events.iter().filter(is_abandoned).map(|event| {
            let id = event.verification_id.clone();
            let end = ends[&(id.clone(), event.attempt)];
            (id, end)
        });
        let mut given_up: HashSet<Run> = abandoned.collect();
        // A verification is called off with all of its attempts.
        let is_called_off = |event: &&Event| event.r#type() == EventType::Cancelled;
        let called_off = events.iter().filter(is_called_off);
        let called_off: HashSet<&str> = called_off.map(|e| e.verification_id.as_str()).collect();
        let theirs = ends
            .iter()
            .filter(|((id, _), _)| called_off.contains(&**id));
        given_up.extend(theirs.map(|((id, _), end)| (id.clone(), *end)));
        Self {
            by_request,
            given_up,
            ends,
            recurred,
        }
    }

    /// What a callback says.
    pub fn callback(&self, delivery: &Delivery) -> Option<(Run, String)> {
        let run = self.by_request.get(&delivery.request)?.clone();
        let word = match delivery.kind {
            CallbackKind::Status => delivery.status.map_or("", Status::as_str),
            CallbackKind::Data => "data",
            CallbackKind::Failure => "failure",
        };
        Some((run, word.to_owned()))
    }

    /// What events say, each once for each attempt.
    pub fn told(&self, events: &[Event]) -> Story {
        let mut once = BTreeSet::new();
        let mut story = Story::new();
        for event in events {
            let Some(word) = word(event) else {
                continue;
            };
            let (id, attempt) = (event.verification_id.clone(), event.attempt);
            let is_new = once.insert((id.clone(), attempt, word));
            assert!(is_new || recurs(word), "told twice: {event:?}");
            let run = (id.clone(), self.ends[&(id, attempt)]);
            *story.entry((run, word.to_owned())).or_default() += 1;
        }
        story
    }

    /// Finds fault if something that was answered with 200 is in no event.
    pub fn check_acknowledged(
        &self,
        sandbox: &SandboxHandle,
        callbacks: &[Delivery],
        events: &[Event],
    ) {
        let told = self.told(events);
        let times = self.times_told(events);
        for delivery in callbacks.iter().filter(|delivery| delivery.was_taken()) {
            let said = self.callback(delivery);
            let said = said.expect("a callback without a verification was taken");
            let is_told = told.contains_key(&said)
                && match self.recurred.get(&said.0).filter(|_| recurs(&said.1)) {
                    Some(recurred) => {
                        let span = span(recurred, signed_at(sandbox, delivery));
                        let mut times = times[&said.0].iter();
                        times.any(|time| span.contains(time))
                    }
                    None => true,
                };
            assert!(
                is_told,
                "{said:?} was acknowledged and is lost: {delivery:?}\n{}",
                self.story(&said.0.0, events)
            );
        }
    }

    /// The times under which events tell the word that recurs.
    fn times_told(&self, events: &[Event]) -> HashMap<Run, Vec<i64>> {
        let mut times: HashMap<Run, Vec<i64>> = HashMap::new();
        for event in events
            .iter()
            .filter(|event| word(event).is_some_and(recurs))
        {
            let id = event.verification_id.clone();
            let run = (id.clone(), self.ends[&(id, event.attempt)]);
            let time = event.provider_time.unwrap().seconds;
            times.entry(run).or_default().push(time);
        }
        times
    }

    /// How often the word that recurs came about where each time is to be told once.
    pub fn recurrences(&self) -> usize {
        self.recurred.values().map(Vec::len).sum()
    }

    /// Where the word that recurs is not told once of each time that it came about.
    fn told_otherwise(&self, events: &[Event]) -> Vec<(Run, String)> {
        let told = self.times_told(events);
        let mut otherwise = Vec::new();
        for (run, recurred) in &self.recurred {
            let times = told.get(run).map_or(&[][..], Vec::as_slice);
            let nexts = recurred.iter().skip(1).copied().chain([i64::MAX]);
            let each = recurred.iter().zip(nexts).map(|(from, to)| {
                let own = times.iter().filter(|time| (*from..to).contains(*time));
                own.count()
            });
            let each: Vec<usize> = each.collect();
            let is_right = match self.given_up.contains(run) {
                true => each.iter().all(|count| *count <= 1),
                false => each.iter().all(|count| *count == 1),
            };
            if !is_right || each.iter().sum::<usize>() != times.len() {
                let said = format!("{recurred:?} is told as {times:?}");
                otherwise.push((run.clone(), said));
            }
        }
        otherwise
    }

    /// All that was told of a verification, to read.
    pub fn story(&self, id: &str, events: &[Event]) -> String {
        let mut lines = Vec::new();
        let events = events.iter();
        for event in events.filter(|event| event.verification_id == id) {
            lines.push(format!(
                "{} attempt {} {:?} {} of {:?}, {:?}, {:?} {}",
                time(event.commit_time).as_secs(),
                event.attempt,
                event.r#type(),
                event.provider_status,
                event.provider_time.map(|time| time.seconds),
                event.assurance(),
                event.state_after(),
                event.reason
            ));
        }
        let mut requests: Vec<_> = self.by_request.iter().collect();
        requests.retain(|(_, run)| run.0 == id);
        format!("{}\n{requests:?}", lines.join("\n"))
    }

    /// Words that the connector's history has and events have not, or the other way round, or have
    /// another number of times.
    pub fn untold(&self, requests: &[RequestView], events: &[Event]) -> Vec<(Run, String)> {
        let told = self.told(events);
        let ours: BTreeSet<_> = told
            .into_keys()
            .filter(|(_, word)| !["data", "failure"].contains(&word.as_str()))
            .collect();
        let mut theirs = BTreeSet::new();
        for request in requests {
            let run = &self.by_request[&request.id];
            let words = request.statuses.iter().map(|one| one.status);
            let words = words.filter(|status| *status != Status::Pending);
            theirs.extend(words.map(|status| (run.clone(), status.as_str().to_owned())));
        }
        let untold = theirs.difference(&ours);
        let untold = untold.filter(|(run, _)| !self.given_up.contains(run));
        let mut untold: Vec<_> = untold.chain(ours.difference(&theirs)).cloned().collect();
        untold.append(&mut self.told_otherwise(events));
        untold
    }
}

/// When the word that recurs came about, in order, of runs that are one attempt and one request.
fn recurred(
    requests: &[RequestView],
    by_request: &HashMap<String, Run>,
    ends: &HashMap<(String, u32), u32>,
) -> BTreeMap<Run, Vec<i64>> {
    let mut parts: HashMap<Run, usize> = HashMap::new();
    for ((id, _), end) in ends {
        *parts.entry((id.clone(), *end)).or_default() += 1;
    }
    for run in by_request.values() {
        *parts.entry(run.clone()).or_default() += 1;
    }
    let mut recurred = BTreeMap::new();
    for request in requests {
        let Some(run) = by_request.get(&request.id) else {
            continue;
        };
        if parts[run] == 2 {
            let noted = request.statuses.iter();
            let noted = noted.filter(|noted| recurs(noted.status.as_str()));
            // Providers count whole seconds: what shares one is one.
            let times: BTreeSet<i64> = noted.map(|noted| noted.created_at).collect();
            recurred.insert(run.clone(), times.into_iter().collect());
        }
    }
    recurred
}

/// Which times an event can have that a callback signed at this time is about: that of the newest
/// by then, or of the one before if the two share the second.
fn span(recurred: &[i64], signed: i64) -> Range<i64> {
    let before = recurred.iter().rfind(|from| **from < signed);
    let from = before.or_else(|| recurred.iter().find(|from| **from == signed));
    let to = recurred.iter().find(|to| **to > signed);
    *from.unwrap()..to.copied().unwrap_or(i64::MAX)
}

/// The one word that can come several times of one request, and then with each of its times.
fn recurs(word: &str) -> bool {
    word == Status::CallbackFailed.as_str()
}

fn word(event: &Event) -> Option<&str> {
    match event.r#type() {
        EventType::ProviderStatus => Some(&event.provider_status),
        // Data for what was called off is taken too, and not kept.
        EventType::DataReceived | EventType::DataDiscarded => Some("data"),
        EventType::FailureReported => Some("failure"),
        _ => None,
    }
}
