//! What the facade makes of a plug-in that is slow, or says what it should not.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at the first thing that is not as it says"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Notify;
use verilane_core::clock::ManualClock;
use verilane_core::{
    Action, CallbackChannel, ClaimName, ClaimRequest, ClaimSelector, ConnectionName,
    FieldViolation, Pii, ProviderName, QrOrLink, Reason, Timestamp, Wish,
};
use verilane_provider::{
    ActionLifetime, Availability, Callback, Candidate, DataReport, Facade, HistoryRequest, Limits,
    OfferedClaim, Prepared, Profile, Provider, ProviderError, Reading, Refusal, Report, Start,
    StartRequest, Started,
};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const MINUTE: Duration = Duration::from_secs(60);

/// A plug-in that does as it is told.
struct Fake {
    profile: Profile,
    /// Whether calls never come back.
    hangs: bool,
    link: &'static str,
    held: &'static str,
    /// Callbacks being read, and the most there were at once.
    reading: AtomicUsize,
    most: AtomicUsize,
    began: Arc<Notify>,
    gate: Option<parking::Gate>,
}

/// Holds blocking threads until it is opened.
mod parking {
    use std::sync::{Condvar, Mutex};

    #[derive(Default)]
    pub struct Gate(Mutex<bool>, Condvar);

    impl Gate {
        pub fn pass(&self) {
            let open = self.0.lock().unwrap();
            drop(self.1.wait_while(open, |open| !*open).unwrap());
        }

        pub fn open(&self) {
            *self.0.lock().unwrap() = true;
            self.1.notify_all();
        }
    }
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            profile: Profile {
                provider: ProviderName::new("fake").unwrap(),
                capabilities: Vec::new(),
                claims: vec![OfferedClaim {
                    name: ClaimName::Email,
                    document: None,
                    field: "EMAIL",
                }],
                action_lifetime: ActionLifetime {
                    min: 5 * MINUTE,
                    max: 15 * MINUTE,
                    default: 10 * MINUTE,
                },
                needs_subject: true,
                holds_one_request: true,
                pace: None,
                scopes: &[],
            },
            hangs: false,
            link: "corepass:x",
            held: "EMAIL",
            reading: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            began: Arc::default(),
            gate: None,
        }
    }
}

#[async_trait]
impl Provider for Fake {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn prepare(&self, request: &StartRequest) -> Result<Prepared, Vec<FieldViolation>> {
        Ok(Prepared {
            besides: Vec::new(),
            subject: request.subject.clone(),
            claims: vec![Wish::for_field(ClaimName::Email, None, self.held, true)],
            action_lifetime: 10 * MINUTE,
            retention: None,
        })
    }

    async fn check_availability(&self, _: &Prepared) -> Result<Availability, ProviderError> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        Ok(Availability {
            held: vec![self.held.to_owned()],
        })
    }

    async fn start(&self, start: &Start<'_>) -> Result<Started, ProviderError> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        Ok(Started {
            action: Action::QrOrLink(QrOrLink {
                link: Pii::from(self.link),
                qr_png: None,
                expire_time: start.expiry,
            }),
            already_open: false,
        })
    }

    fn read_callback(&self, callback: &Callback) -> Result<Reading, Refusal> {
        let now = self.reading.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        self.began.notify_one();
        if let Some(gate) = &self.gate {
            gate.pass();
        }
        self.reading.fetch_sub(1, Ordering::SeqCst);
        if callback.body.is_empty() {
            return Err(Reason::CallbackUnsigned.into());
        }
        Ok(Reading {
            candidate: 0,
            report: Report::Data(DataReport {
                items: Vec::new(),
                unrequested: 0,
            }),
            provider_time: None,
            is_late: false,
            key_fingerprint: "k".into(),
            encoding: "e",
        })
    }
}

fn facade(plugin: Arc<Fake>, limits: Limits) -> Arc<Facade> {
    let clock = Arc::new(ManualClock::new(NOW));
    let name = ConnectionName::new("test").unwrap();
    Arc::new(Facade::new(name, plugin, clock, limits).unwrap())
}

fn wish() -> StartRequest {
    StartRequest {
        scope: None,
        subject: Pii::from("u"),
        claims: vec![ClaimRequest {
            selector: ClaimSelector::ProviderField("EMAIL".into()),
            required: true,
        }],
        action_lifetime: None,
    }
}

async fn start(facade: &Facade) -> Result<Started, ProviderError> {
    let url = Pii::from("http://localhost/x");
    let start = Start {
        subject: &Pii::from("u"),
        fields: &["EMAIL"],
        status_url: &url,
        data_url: &url,
        expiry: NOW + 10 * MINUTE,
        without_picture: false,
    };
    facade.start(&start).await
}

fn callback(body: &'static [u8]) -> Callback {
    Callback {
        channel: CallbackChannel::Data,
        content_type: None,
        body: Bytes::from_static(body),
        receive_time: NOW,
        candidates: vec![Candidate {
            subject: Pii::from("u"),
            fields: ["EMAIL".into()].into(),
            start_time: NOW,
            requested_expiry: NOW,
            expire_time: None,
            is_cancelled: false,
            was_taken: true,
        }],
    }
}

#[tokio::test]
async fn a_good_plug_in_is_passed_through() {
    let facade = facade(Arc::default(), Limits::default());
    let prepared = facade.prepare(&wish()).unwrap();
    let held = facade.check_availability(&prepared).await.unwrap().held;
    assert_eq!(held, ["EMAIL"]);
    // It does not say that it keeps a history, so it is not asked.
    let request = HistoryRequest {
        subject: &Pii::from("u"),
        fields: &["EMAIL"],
    };
    let answer = facade.history(&request).await;
    assert!(matches!(answer, Err(ProviderError::InvalidAnswer(_))));
    assert!(start(&facade).await.is_ok());
    assert!(facade.read_callback(callback(b"x")).await.is_ok());
    assert_eq!(
        facade.read_callback(callback(b"")).await.err(),
        Some(Refusal::from(Reason::CallbackUnsigned))
    );
}

#[tokio::test]
async fn a_plug_in_that_hangs_is_given_up_and_its_outcome_is_unclear() {
    let plugin = Arc::new(Fake {
        hangs: true,
        ..Fake::default()
    });
    let limits = Limits {
        call_timeout: Duration::from_millis(10),
        ..Limits::default()
    };
    let facade = facade(plugin, limits);
    let prepared = facade.prepare(&wish()).unwrap();
    let outcome = facade.check_availability(&prepared).await;
    assert!(matches!(outcome, Err(ProviderError::Unclear)));
    assert!(matches!(start(&facade).await, Err(ProviderError::Unclear)));
}

#[tokio::test]
async fn what_makes_no_sense_is_not_believed() {
    let plugin = Arc::new(Fake {
        link: "javascript:alert(1)",
        held: "OTHER",
        ..Fake::default()
    });
    let facade = facade(plugin, Limits::default());
    assert!(matches!(
        start(&facade).await,
        Err(ProviderError::InvalidAnswer(_))
    ));
    let violations = facade.prepare(&wish()).unwrap_err();
    assert_eq!(violations[0].reason, Reason::Internal);
}

#[tokio::test]
async fn callbacks_are_read_a_bounded_number_at_once() {
    let plugin = Arc::new(Fake {
        gate: Some(parking::Gate::default()),
        ..Fake::default()
    });
    let limits = Limits {
        callback_readers: 2,
        callback_wait: Duration::from_secs(3600),
        ..Limits::default()
    };
    let facade = facade(Arc::clone(&plugin), limits);
    let readers: Vec<_> = (0..6)
        .map(|_| {
            let facade = Arc::clone(&facade);
            tokio::spawn(async move { facade.read_callback(callback(b"x")).await.is_ok() })
        })
        .collect();
    plugin.began.notified().await;
    plugin.gate.as_ref().unwrap().open();
    for reader in readers {
        assert!(reader.await.unwrap());
    }
    assert!(plugin.most.load(Ordering::SeqCst) <= 2);
}

#[tokio::test]
async fn a_callback_without_a_turn_in_time_is_sent_away() {
    let plugin = Arc::new(Fake {
        gate: Some(parking::Gate::default()),
        ..Fake::default()
    });
    let limits = Limits {
        callback_readers: 1,
        callback_wait: Duration::ZERO,
        ..Limits::default()
    };
    let facade = facade(Arc::clone(&plugin), limits);
    let first = {
        let facade = Arc::clone(&facade);
        tokio::spawn(async move { facade.read_callback(callback(b"x")).await.is_ok() })
    };
    plugin.began.notified().await;
    assert_eq!(
        facade.read_callback(callback(b"x")).await.err(),
        Some(Refusal::from(Reason::CallbackOverload))
    );
    plugin.gate.as_ref().unwrap().open();
    assert!(first.await.unwrap());
}
