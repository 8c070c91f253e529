//! The plug-in itself: the connector's three requests, and callbacks handed to [`crate::callback`].

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use verilane_core::{Action, FieldViolation, Pii, ProviderName, QrOrLink, Timestamp};
use verilane_provider::http::{HttpClient, HttpRequest, Method, Url};
use verilane_provider::{
    Availability, Callback, Capability, HistoryEntry, HistoryRequest, Prepared, Profile, Provider,
    ProviderError, Reading, Refusal, Revalidated, Start, StartRequest, Started, UnsignedData,
    ValueToCheck,
};

use crate::settings::{Settings, SettingsFault};
use crate::signature::keys::KeySet;
use crate::wire::answer::{HistoryAnswer, QrAnswer, ValidAnswer, VerifiedAnswer};
use crate::{callback, history, prepare, qr, refusal};

/// The provider's name in configuration and API.
pub const PROVIDER: &str = "corepass";

const VERIFIED: &str = "/api/v1/blockchain/verified";
const VALID: &str = "/api/v1/blockchain/valid";
const QRCODE: &str = "/api/v1/kyc/qrcode";
const ALL_STATUSES: &str = "/api/v1/kyc/all-statuses";

/// Schemes of the links that a connector gives out.
const LINK_SCHEMES: [&str; 2] = ["corepass:", "https:"];

/// One CorePass Connector.
pub struct CorePass {
    profile: Profile,
    keys: KeySet,
    http: HttpClient,
    verified: Url,
    valid: Url,
    qrcode: Url,
    all_statuses: Url,
}

#[derive(Serialize)]
struct VerifiedRequest<'a> {
    user: &'a str,
    items: &'a [&'a str],
}

#[derive(Serialize)]
struct AllStatusesRequest<'a> {
    user: &'a str,
    items: &'a [&'a str],
}

#[derive(Serialize)]
struct ValidRequest<'a> {
    user: &'a str,
    infos: Vec<ValidInfo<'a>>,
}

#[derive(Serialize)]
struct ValidInfo<'a> {
    field: &'a str,
    data: &'a str,
    pepper: &'a str,
}

#[derive(Serialize)]
struct QrRequest<'a> {
    user: &'a str,
    items: &'a [&'a str],
    callback: &'a str,
    #[serde(rename = "statusCallback")]
    status_callback: &'a str,
    expiration: i64,
    #[serde(rename = "withoutQRCode", skip_serializing_if = "std::ops::Not::not")]
    without_qr_code: bool,
}

impl CorePass {
    /// Sets a connection up. `http` is made from [`Settings::http`].
    ///
    /// # Errors
    /// Everything that is wrong with the settings.
    pub fn new(settings: &Settings, http: HttpClient) -> Result<Self, Vec<SettingsFault>> {
        let checked = settings.check()?;
        let provider = ProviderName::new(PROVIDER).map_err(|error| {
            vec![SettingsFault {
                setting: "provider".to_owned(),
                problem: error.to_string(),
            }]
        })?;
        let mut capabilities = vec![
            Capability::Callback,
            Capability::History,
            Capability::Availability,
            Capability::Evidence,
        ];
        if settings.revalidate {
            capabilities.push(Capability::Revalidate);
        }
        Ok(Self {
            profile: Profile {
                provider,
                capabilities,
                claims: prepare::offered(),
                action_lifetime: prepare::LIFETIME,
                needs_subject: true,
                holds_one_request: true,
                pace: None,
                scopes: &[],
            },
            keys: checked.keys,
            verified: endpoint(&checked.base, VERIFIED),
            valid: endpoint(&checked.base, VALID),
            qrcode: endpoint(&checked.base, QRCODE),
            all_statuses: endpoint(&checked.base, ALL_STATUSES),
            http,
        })
    }
}

impl CorePass {
    /// Sends a request and reads its answer, refusals as what they mean.
    async fn ask<T: DeserializeOwned>(&self, request: HttpRequest) -> Result<T, ProviderError> {
        let answer = self.http.send(request).await.map_err(refusal::refused)?;
        refusal::read(&answer)
    }
}

/// The base's own path stays in front.
fn endpoint(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    let whole = format!("{}{path}", base.path().trim_end_matches('/'));
    url.set_path(&whole);
    url
}

#[async_trait]
impl Provider for CorePass {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn prepare(&self, request: &StartRequest) -> Result<Prepared, Vec<FieldViolation>> {
        prepare::prepare(request)
    }

    async fn check_availability(&self, prepared: &Prepared) -> Result<Availability, ProviderError> {
        let body = VerifiedRequest {
            user: prepared.subject.expose(),
            items: &prepared.fields(),
        };
        let request =
            HttpRequest::new(Method::POST, self.verified.clone(), VERIFIED).json(&body)?;
        let answer: VerifiedAnswer = self.ask(request).await?;
        let held = answer
            .held()
            .ok_or(ProviderError::InvalidAnswer("it names no items at all"))?;
        Ok(Availability { held })
    }

    async fn start(&self, start: &Start<'_>) -> Result<Started, ProviderError> {
        let body = QrRequest {
            user: start.subject.expose(),
            items: start.fields,
            callback: start.data_url.expose(),
            status_callback: start.status_url.expose(),
            expiration: start.expiry.as_secs(),
            without_qr_code: start.without_picture,
        };
        let request = HttpRequest::new(Method::POST, self.qrcode.clone(), QRCODE).json(&body)?;
        let answer: QrAnswer = self.ask(request).await?;
        started(answer, start.without_picture)
    }

    async fn history(
        &self,
        request: &HistoryRequest<'_>,
    ) -> Result<Vec<HistoryEntry>, ProviderError> {
        let body = AllStatusesRequest {
            user: request.subject.expose(),
            items: request.fields,
        };
        let request =
            HttpRequest::new(Method::POST, self.all_statuses.clone(), ALL_STATUSES).json(&body)?;
        let answer: HistoryAnswer = self.ask(request).await?;
        Ok(history::read(answer))
    }

    fn read_callback(&self, callback: &Callback) -> Result<Reading, Refusal> {
        callback::read(&self.keys, callback)
    }

    fn read_unsigned(&self, callback: &Callback) -> Result<UnsignedData, Refusal> {
        callback::read_unsigned(callback)
    }

    async fn revalidate(
        &self,
        subject: &Pii<String>,
        values: &[ValueToCheck<'_>],
    ) -> Result<Revalidated, ProviderError> {
        let infos = values.iter().map(|value| ValidInfo {
            field: value.field,
            data: value.value.expose(),
            pepper: value.pepper.expose(),
        });
        let body = ValidRequest {
            user: subject.expose(),
            infos: infos.collect(),
        };
        let request = HttpRequest::new(Method::POST, self.valid.clone(), VALID).json(&body)?;
        let answer: ValidAnswer = self.ask(request).await?;
        answer
            .fields()
            .ok_or(ProviderError::InvalidAnswer("it names no fields at all"))
    }
}

/// What the user has to do, from the connector's answer.
fn started(answer: QrAnswer, without_picture: bool) -> Result<Started, ProviderError> {
    if !LINK_SCHEMES
        .iter()
        .any(|scheme| answer.link.starts_with(scheme))
    {
        return Err(ProviderError::InvalidAnswer(
            "its link is neither a corepass: nor an https: link",
        ));
    }
    // A request that was open before is answered as it was made first, with a picture or without.
    let sent = answer.qrcode.filter(|_| !without_picture);
    let picture = sent.as_ref().and_then(Value::as_str).and_then(qr::decode);
    if sent.is_some() && picture.is_none() {
        tracing::warn!("the connector's QR code is no PNG picture; it is drawn from the link");
    }
    Ok(Started {
        action: Action::QrOrLink(QrOrLink {
            link: Pii::new(answer.link),
            qr_png: picture.map(Pii::new),
            expire_time: Timestamp::from_secs(answer.expiration),
        }),
        already_open: answer.already_sent,
    })
}
