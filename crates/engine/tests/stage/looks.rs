//! The puppet as a provider that calls nobody and is looked at: what it shows, and how it hands out its
//! one picture.

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;
use verilane_core::{DocumentType, Fact, Pii, ProviderStatus, Reason, Whose};
use verilane_provider::{
    DataItem, DataReport, EvidenceBody, EvidenceOffer, LookAnswer, LookRequest, ProviderError,
    Unshown,
};

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

    /// The picture is offered from now on.
    pub fn offer(&self) {
        *self.offers.lock() = true;
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
        let pictures = request.fields.iter().filter(|field| **field == "P_FACE");
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
            document: is_done.then_some(DocumentType::Passport),
            links: offers.clone(),
            offers: offers
                .into_iter()
                .map(|field| EvidenceOffer {
                    field,
                    link: Pii::from("puppet:picture"),
                })
                .collect(),
            message: Pii::new(b"{}".to_vec()),
            media_type: "application/json".to_owned(),
        })
    }

    pub fn picture(&self) -> Result<Box<dyn EvidenceBody>, ProviderError> {
        busy(&self.asks_for_at_pictures)?;
        Ok(Box::new(Picture(Some(Bytes::from_static(
            b"\x89PNG\r\n\x1a\n",
        )))))
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

struct Picture(Option<Bytes>);

#[async_trait]
impl EvidenceBody for Picture {
    async fn next(&mut self) -> Result<Option<Bytes>, ProviderError> {
        Ok(self.0.take())
    }
}
