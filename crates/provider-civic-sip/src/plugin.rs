//! The plug-in itself: what Civic is given, and what is fetched from storage.
//!
//! Invariant: what authorises a request goes to the API and to nobody else, and a code is sent once for
//! each call: whether it is sent again, its caller decides.

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, HeaderMap};
use verilane_core::{
    Action, FieldViolation, Pii, ProviderName, Reason, ScopeRequestPopup, SharedClock, Timestamp,
};
use verilane_provider::http::{Download, HttpClient, HttpError, HttpRequest, Method, Url};
use verilane_provider::{
    Capability, Continuation, Exchanged, Granted, Prepared, Profile, Provider, ProviderError,
    ProviderMessage, Refusal, Start, StartRequest, Started,
};

use crate::answer::{self, Reader};
use crate::order::{Authority, Body};
use crate::scope::{self, Scope};
use crate::settings::{Checked, Settings, SettingsFault};
use crate::{code, prepare, refusal};

/// The provider's name in configuration and API.
pub const PROVIDER: &str = "civic-sip";

/// How Civic's script shows itself.
const STYLE: &str = "popup";
/// The query parameter with which a user comes back from Civic's app; the script looks for it.
const RETURN_PARAMETER: &str = "uuid";
/// The most bytes of what an answer points to.
const MAX_PAYLOAD_BYTES: u64 = 64 * 1024 * 1024;

/// One application at Civic.
pub struct CivicSip {
    profile: Profile,
    settings: Settings,
    /// Where codes are exchanged.
    exchange: Url,
    authority: Authority,
    reader: Reader,
    api: HttpClient,
    payload: HttpClient,
    clock: SharedClock,
}

impl CivicSip {
    /// Sets a connection up. The clients are made from [`Settings::http`]: one for the API, one for
    /// storage. Request tokens are of the time by `clock`.
    ///
    /// # Errors
    /// Everything that is wrong with the settings.
    pub fn new(
        settings: &Settings,
        api: HttpClient,
        payload: HttpClient,
        clock: SharedClock,
    ) -> Result<Self, Vec<SettingsFault>> {
        let Checked {
            exchange,
            authority,
            reader,
        } = settings.check()?;
        let provider = ProviderName::new(PROVIDER).map_err(|error| {
            vec![SettingsFault {
                setting: "provider".to_owned(),
                problem: error.to_string(),
            }]
        })?;
        Ok(Self {
            profile: Profile {
                provider,
                capabilities: vec![Capability::Continue, Capability::Evidence],
                claims: prepare::offered(),
                action_lifetime: prepare::LIFETIME,
                needs_subject: false,
                holds_one_request: false,
                pace: None,
                scopes: &scope::NAMES,
            },
            settings: settings.clone(),
            exchange,
            authority,
            reader,
            api,
            payload,
            clock,
        })
    }

    fn popup(&self, scope: Scope, expire_time: Timestamp) -> ScopeRequestPopup {
        let settings = &self.settings;
        ScopeRequestPopup {
            application_id: settings.application_id.clone(),
            scope_request: scope.name().to_owned(),
            style: STYLE.to_owned(),
            script_url: settings.script_url.clone(),
            style_sheet_url: settings.style_sheet_url.clone(),
            hide_intro: (scope == Scope::ProofOfIdentity).then_some(settings.hide_intro),
            return_parameter: RETURN_PARAMETER.to_owned(),
            expire_time,
        }
    }
}

async fn whole(mut download: Download) -> Result<Bytes, HttpError> {
    let mut body = BytesMut::new();
    while let Some(bytes) = download.chunk().await? {
        body.extend_from_slice(&bytes);
    }
    Ok(body.freeze())
}

#[async_trait]
impl Provider for CivicSip {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn prepare(&self, request: &StartRequest) -> Result<Prepared, Vec<FieldViolation>> {
        let hours = self.settings.anonymous_login_retention_hours;
        prepare::prepare(request, Duration::from_hours(hours))
    }

    /// Asks nothing: the request begins in the browser.
    async fn start(&self, start: &Start<'_>) -> Result<Started, ProviderError> {
        let scope = prepare::scope_of(start.fields);
        Ok(Started {
            action: Action::ScopeRequestPopup(self.popup(scope, start.expiry)),
            already_open: false,
        })
    }

    fn read_continuation(
        &self,
        brought: &Continuation,
        now: Timestamp,
    ) -> Result<Pii<String>, FieldViolation> {
        match brought {
            Continuation::AuthorizationCode(brought) => {
                let old = self.settings.accept_issuer_as_subject;
                code::read(brought.expose(), &self.reader.trust, old, now)
            }
            Continuation::PresentationRequest(_) => Err(FieldViolation {
                field: String::new(),
                description: "must be an authorization code".to_owned(),
                reason: Reason::ContinuationNotOffered,
            }),
        }
    }

    /// The code in the token: one code can come in several tokens.
    fn request_of<'a>(&self, reference: &'a Pii<String>) -> Cow<'a, str> {
        let token = reference.expose();
        code::code_in(token).map_or(Cow::Borrowed(token), Cow::Owned)
    }

    async fn exchange(&self, code: &Pii<String>) -> Result<ProviderMessage, ProviderError> {
        let body = Body::of(code.expose());
        let authorised = self.authority.header(&body, self.clock.now())?;
        let template = "/…/scopeRequest/authCode";
        let request = HttpRequest::new(Method::POST, self.exchange.clone(), template)
            .json(&body)?
            .header(AUTHORIZATION, authorised);
        let answered = self.api.send(request).await;
        let answered = answered.map_err(refusal::of_exchange)?;
        Ok(ProviderMessage {
            media_type: "application/json".to_owned(),
            body: answered.body().clone(),
        })
    }

    async fn fetch_exchanged(
        &self,
        answer: &ProviderMessage,
    ) -> Result<Option<ProviderMessage>, ProviderError> {
        let Some(link) = answer::link_in(&answer.body) else {
            return Ok(None);
        };
        let url = Url::parse(link.expose())
            .map_err(|_| ProviderError::InvalidAnswer("its link is no address"))?;
        let time = Duration::from_secs(self.settings.payload_timeout_seconds);
        let (template, most) = ("/{payload}", MAX_PAYLOAD_BYTES);
        let begun = self
            .payload
            .download(url, HeaderMap::new(), template, most, time)
            .await;
        let body = match begun {
            Ok(download) => whole(download).await,
            Err(error) => Err(error),
        };
        Ok(Some(ProviderMessage {
            media_type: "application/jwt".to_owned(),
            body: body.map_err(refusal::of_link)?,
        }))
    }

    fn read_exchanged(&self, exchanged: &Exchanged) -> Result<Granted, Refusal> {
        self.reader.read(exchanged)
    }
}
