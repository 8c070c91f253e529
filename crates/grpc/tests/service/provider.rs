//! A provider that does as it is told: by the subject when asked to start, by the body when it
//! calls back.

use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::Notify;
use verilane_core::{
    Action, ClaimName, ClaimSelector, ClaimSource, DocumentType, Fact, FieldViolation, Pii,
    ProviderName, QrOrLink, Reason, Wish,
};
use verilane_provider::{
    ActionLifetime, Availability, Callback, Capability, DataItem, DataReport, OfferedClaim,
    Prepared, Profile, Provider, ProviderError, Reading, Refusal, Report, Start, StartRequest,
    Started, StatusReport,
};

/// The subject that is none.
pub const NOBODY: &str = "nobody";
/// The subject that holds nothing.
pub const EMPTY_HANDED: &str = "empty-handed";
/// The subject whose request the provider refuses.
pub const REFUSED: &str = "refused";
/// The subject about whom the provider answers nonsense once it is asked to start.
pub const GARBLED: &str = "garbled";
/// The subject about whom the provider answers nonsense from the first.
pub const GARBLED_EARLY: &str = "garbled-early";
/// The subject whom the provider lets nobody start with.
pub const LOCKED: &str = "locked";
/// The subject whose request is answered once [`Obedient::answer`] says so.
pub const SLOW: &str = "slow";
/// The subject about whom the provider can't be asked: it is not there.
pub const ABSENT: &str = "absent";
/// The subject about whom the provider never answers.
pub const SILENT: &str = "silent";
/// The subject who has no identity card.
pub const TRAVELLER: &str = "traveller";

pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\nnot really";

/// What is offered: a claim from a document, one from none, and the field's names.
const OFFERED: [(ClaimName, Option<DocumentType>, &str); 4] = [
    (ClaimName::Birthdate, Some(DocumentType::Passport), "F_DOB"),
    (
        ClaimName::DocumentCountry,
        Some(DocumentType::Passport),
        "F_LAND",
    ),
    (ClaimName::Email, None, "F_MAIL"),
    (ClaimName::Birthdate, Some(DocumentType::IdCard), "F_ID_DOB"),
];

pub struct Obedient {
    profile: Profile,
    /// Where it was told to report, newest last.
    pub told: Mutex<Vec<(String, String)>>,
    /// Told that a slow request has come.
    pub asked: Notify,
    /// Told that the provider is not waited for any more.
    pub given_up: Notify,
    /// Lets a slow request be answered.
    pub answer: Notify,
}

impl Obedient {
    pub fn new() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        Self {
            profile: Profile {
                provider: ProviderName::new("obedient").unwrap(),
                capabilities: vec![Capability::Callback, Capability::Availability],
                claims: OFFERED
                    .map(|(name, document, field)| OfferedClaim {
                        name,
                        document,
                        field,
                    })
                    .to_vec(),
                action_lifetime: ActionLifetime {
                    min: minutes(5),
                    max: minutes(15),
                    default: minutes(10),
                },
                needs_subject: true,
                holds_one_request: true,
                pace: None,
                scopes: &[],
            },
            told: Mutex::default(),
            asked: Notify::new(),
            given_up: Notify::new(),
            answer: Notify::new(),
        }
    }
}

/// Tells when it is dropped.
struct OnDrop<'a>(&'a Notify);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[async_trait]
impl Provider for Obedient {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn prepare(&self, request: &StartRequest) -> Result<Prepared, Vec<FieldViolation>> {
        let violation = |field: &str, reason| {
            vec![FieldViolation {
                field: field.to_owned(),
                description: "is not what this provider takes".to_owned(),
                reason,
            }]
        };
        if request.subject.expose() == NOBODY {
            return Err(violation("subject", Reason::SubjectMalformed));
        }
        let mut claims = Vec::new();
        for (place, wanted) in request.claims.iter().enumerate() {
            let offered = OFFERED.into_iter();
            let sources: Vec<_> = offered
                .filter(|(name, document, field)| match &wanted.selector {
                    ClaimSelector::Claim {
                        name: asked,
                        document: from,
                    } => asked == name && from == document,
                    ClaimSelector::AnyDocument { name: asked, .. } => asked == name,
                    ClaimSelector::ProviderField(asked) => asked == field,
                })
                .collect();
            let Some((name, ..)) = sources.first() else {
                return Err(violation(
                    &format!("claims[{place}]"),
                    Reason::ClaimNotOffered,
                ));
            };
            claims.push(Wish {
                name: *name,
                sources: sources
                    .iter()
                    .map(|(_, document, field)| ClaimSource {
                        document: *document,
                        field: (*field).to_owned(),
                    })
                    .collect(),
                preferred: match &wanted.selector {
                    ClaimSelector::AnyDocument { preferred, .. } => preferred.clone(),
                    _ => Vec::new(),
                },
                required: wanted.required,
            });
        }
        Ok(Prepared {
            besides: Vec::new(),
            subject: request.subject.clone(),
            claims,
            action_lifetime: request
                .action_lifetime
                .unwrap_or(self.profile.action_lifetime.default),
            retention: None,
        })
    }

    async fn check_availability(&self, prepared: &Prepared) -> Result<Availability, ProviderError> {
        if prepared.subject.expose() == GARBLED_EARLY {
            return Err(ProviderError::InvalidAnswer("nonsense"));
        }
        if prepared.subject.expose() == ABSENT {
            return Err(ProviderError::NotSent);
        }
        if prepared.subject.expose() == SILENT {
            let _tells = OnDrop(&self.given_up);
            std::future::pending::<()>().await;
        }
        let fields = prepared.fields();
        // Two hold little: nothing, and what is not in an identity card.
        let held = fields
            .into_iter()
            .filter(|field| prepared.subject.expose() != TRAVELLER || !field.starts_with("F_ID"));
        Ok(Availability {
            held: if prepared.subject.expose() == EMPTY_HANDED {
                Vec::new()
            } else {
                held.map(str::to_owned).collect()
            },
        })
    }

    async fn start(&self, start: &Start<'_>) -> Result<Started, ProviderError> {
        let refused = |reason| ProviderError::Refused { reason, text: None };
        match start.subject.expose().as_str() {
            REFUSED => return Err(refused(Reason::ProviderRefused)),
            LOCKED => return Err(refused(Reason::ProviderUnavailable)),
            GARBLED => return Err(ProviderError::InvalidAnswer("nonsense")),
            SLOW => {
                self.asked.notify_one();
                self.answer.notified().await;
            }
            _ => {}
        }
        self.told.lock().push((
            start.status_url.expose().clone(),
            start.data_url.expose().clone(),
        ));
        Ok(Started {
            action: Action::QrOrLink(QrOrLink {
                link: Pii::new(format!("obedient:{}", start.subject.expose())),
                qr_png: (!start.without_picture).then(|| Pii::new(PNG.to_vec())),
                expire_time: start.expiry,
            }),
            already_open: false,
        })
    }

    /// `<status> [tx hash]`, or `DATA <field>=<value> …`.
    fn read_callback(&self, callback: &Callback) -> Result<Reading, Refusal> {
        let body = String::from_utf8(callback.body.to_vec()).unwrap();
        let mut words = body.split(' ');
        let report = match words.next().unwrap() {
            "DATA" => Report::Data(DataReport {
                items: words
                    .map(|item| {
                        let (field, value) = item.split_once('=').unwrap();
                        DataItem {
                            checks: None,
                            field: field.to_owned(),
                            value: value.into(),
                            pepper: Some(Pii::new(format!("pepper of {value}"))),
                            image: None,
                        }
                    })
                    .collect(),
                unrequested: 0,
            }),
            status => {
                let (status, rank): (&'static str, _) = match status {
                    "ACCEPTED" => ("ACCEPTED", 2),
                    "CHECKED" => ("CHECKED", 3),
                    _ => ("OTHER", 0),
                };
                Report::Status(StatusReport {
                    status: status.into(),
                    identity: body.clone(),
                    occurrence: None,
                    rank,
                    fact: Some(Fact::Accepted),
                    tx_hash: words.next().map(Into::into),
                })
            }
        };
        Ok(Reading {
            candidate: 0,
            report,
            provider_time: Some(callback.receive_time),
            is_late: false,
            key_fingerprint: "f00d".to_owned(),
            encoding: "plain",
        })
    }
}
