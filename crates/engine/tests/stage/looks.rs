//! The puppet as a provider that calls nobody and is looked at: what it shows, and how it hands out its
//! pictures.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Barrier, watch};
use verilane_core::{Fact, Pii, ProviderStatus, Reason, Whose};
use verilane_provider::{
    DataItem, DataReport, EvidenceBody, EvidenceOffer, LookAnswer, LookRequest, ProviderError,
    Unshown,
};

/// The fields that are pictures.
const PICTURES: [&str; 2] = ["P_FACE", "P_PAGE"];

/// What lies behind the link to a picture.
#[derive(Clone)]
pub enum Served {
    File(Vec<u8>),
    /// So much comes, and no more.
    BreaksOff(Vec<u8>),
    Nothing,
    /// A picture that comes once so many others that meet here are on their way.
    Together(Arc<Barrier>),
}

/// What it shows of every request, and how often that was seen.
pub struct Looks {
    is_done: Mutex<bool>,
    whose: Mutex<Whose>,
    passed: Mutex<bool>,
    unknown: Mutex<usize>,
    offers: Mutex<bool>,
    asks_for: Mutex<VecDeque<Duration>>,
    asks_for_at_pictures: Mutex<VecDeque<Duration>>,
    asks_for_at_decisions: Mutex<VecDeque<Duration>>,
    served: Mutex<HashMap<String, Served>>,
    links: Mutex<HashMap<String, String>>,
    fetched: Mutex<Vec<String>>,
    told: watch::Sender<usize>,
    count: watch::Sender<usize>,
}

impl Looks {
    pub fn new() -> Self {
        Self {
            is_done: Mutex::new(false),
            whose: Mutex::new(Whose::Theirs),
            passed: Mutex::new(false),
            unknown: Mutex::new(0),
            offers: Mutex::new(false),
            asks_for: Mutex::default(),
            asks_for_at_pictures: Mutex::default(),
            asks_for_at_decisions: Mutex::default(),
            served: Mutex::default(),
            links: Mutex::default(),
            fetched: Mutex::default(),
            told: watch::Sender::new(0),
            count: watch::Sender::new(0),
        }
    }

    /// The user is done: data can be read.
    pub fn done(&self) {
        *self.is_done.lock() = true;
    }

    /// The next so many looks find nothing there.
    pub fn lack(&self, looks: usize) {
        *self.unknown.lock() = looks;
    }

    /// Whose each request is, as the answers tell from now on.
    pub fn tell_whose(&self, whose: Whose) {
        *self.whose.lock() = whose;
    }

    /// The review said yes. Nothing more is told of the user.
    pub fn pass(&self) {
        *self.passed.lock() = true;
    }

    /// The pictures are offered from now on.
    pub fn offer(&self) {
        *self.offers.lock() = true;
    }

    /// What lies behind the link to a picture from now on; a small one if nothing was said.
    pub fn serve(&self, field: &str, served: Served) {
        self.served.lock().insert(field.to_owned(), served);
    }

    /// The link to a picture from now on.
    pub fn link(&self, field: &str, link: &str) {
        self.links.lock().insert(field.to_owned(), link.to_owned());
    }

    /// How often it was begun to fetch a picture.
    pub fn fetched(&self, field: &str) -> usize {
        let fetched = self.fetched.lock();
        fetched.iter().filter(|one| *one == field).count()
    }

    /// The next look is asked to wait so long.
    pub fn ask_for(&self, wait: Duration) {
        self.asks_for.lock().push_back(wait);
    }

    /// The next who fetches the picture is asked to wait so long.
    pub fn ask_for_at_picture(&self, wait: Duration) {
        self.asks_for_at_pictures.lock().push_back(wait);
    }

    /// Who tells it a decision next is asked to wait so long.
    pub fn ask_for_at_decision(&self, wait: Duration) {
        self.asks_for_at_decisions.lock().push_back(wait);
    }

    /// How often it was looked at.
    pub fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// Waits until it was looked at so often.
    pub async fn seen(&self, times: usize) {
        reach(&self.count, times).await;
    }

    /// Waits until it was told a decision so often.
    pub async fn told(&self, times: usize) {
        reach(&self.told, times).await;
    }

    pub fn decide(&self) -> Result<(), ProviderError> {
        self.told.send_modify(|told| *told += 1);
        busy(&self.asks_for_at_decisions)
    }

    pub fn look(&self, request: &LookRequest<'_>) -> Result<LookAnswer, ProviderError> {
        self.count.send_modify(|count| *count += 1);
        busy(&self.asks_for)?;
        let mut unknown = self.unknown.lock();
        if let Some(left) = unknown.checked_sub(1) {
            *unknown = left;
            return Err(ProviderError::Refused {
                reason: Reason::ProviderRefused,
                text: None,
            });
        }
        let is_done = *self.is_done.lock();
        let passed = *self.passed.lock();
        let (status, rank, fact) = match is_done {
            _ if passed => ("passed", 3, Some(Fact::Approved)),
            true => ("done", 2, Some(Fact::Confirmed)),
            false => ("waits", 1, None),
        };
        let is_done = is_done && !passed;
        let item = |field: &&str| DataItem {
            field: (*field).to_owned(),
            value: Pii::from("ada@example.org"),
            pepper: None,
            checks: None,
            image: None,
        };
        let values = request.fields.iter().filter(|field| **field == "EMAIL");
        let pictures = request.fields.iter();
        let pictures = pictures.filter(|field| PICTURES.contains(field));
        let offers = pictures.filter(|_| is_done && *self.offers.lock());
        let offers: Vec<_> = offers.map(|field| (*field).to_owned()).collect();
        Ok(LookAnswer {
            status: ProviderStatus::from(status),
            rank,
            fact,
            progress: None,
            unshown: Unshown::default(),
            whose: *self.whose.lock(),
            data: is_done.then(|| DataReport {
                items: values.map(item).collect(),
                unrequested: 0,
            }),
            document: is_done.then(|| Pii::from("Passport")),
            links: offers.clone(),
            offers: offers
                .into_iter()
                .map(|field| EvidenceOffer {
                    link: self.link_to(&field),
                    field,
                })
                .collect(),
            message: Pii::new(b"{}".to_vec()),
            media_type: "application/json".to_owned(),
        })
    }

    fn link_to(&self, field: &str) -> Pii<String> {
        let said = self.links.lock().get(field).cloned();
        Pii::new(said.unwrap_or_else(|| format!("puppet:{field}")))
    }

    pub fn picture(&self, offer: &EvidenceOffer) -> Result<Box<dyn EvidenceBody>, ProviderError> {
        self.fetched.lock().push(offer.field.clone());
        busy(&self.asks_for_at_pictures)?;
        let served = self.served.lock().get(&offer.field).cloned();
        let (file, end, meets) = match served {
            None => (SMALL.to_vec(), None, None),
            Some(Served::File(file)) => (file, None, None),
            Some(Served::BreaksOff(file)) => (file, Some(ProviderError::Unclear), None),
            Some(Served::Together(meets)) => (SMALL.to_vec(), None, Some(meets)),
            Some(Served::Nothing) => {
                return Err(ProviderError::Refused {
                    reason: Reason::ProviderRefused,
                    text: None,
                });
            }
        };
        let file = Some(Bytes::from(file));
        Ok(Box::new(Picture { file, end, meets }))
    }
}

async fn reach(count: &watch::Sender<usize>, times: usize) {
    let mut count = count.subscribe();
    super::soon(count.wait_for(|count| *count >= times))
        .await
        .unwrap();
}

fn busy(waits: &Mutex<VecDeque<Duration>>) -> Result<(), ProviderError> {
    match waits.lock().pop_front() {
        None => Ok(()),
        wait => Err(ProviderError::Busy { retry_after: wait }),
    }
}

/// A picture with no more than its beginning.
const SMALL: &[u8] = b"\x89PNG\r\n\x1a\n";

struct Picture {
    file: Option<Bytes>,
    end: Option<ProviderError>,
    meets: Option<Arc<Barrier>>,
}

#[async_trait]
impl EvidenceBody for Picture {
    async fn next(&mut self) -> Result<Option<Bytes>, ProviderError> {
        if let Some(meets) = self.meets.take() {
            meets.wait().await;
        }
        match self.file.take() {
            Some(bytes) => Ok(Some(bytes)),
            None => self.end.take().map_or(Ok(None), Err),
        }
    }
}
