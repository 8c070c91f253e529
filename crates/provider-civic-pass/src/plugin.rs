//! The plug-in itself: what Civic is asked, each time authorised as its generation wants it.
//!
//! Invariant: a bearer goes to the API and to nobody else, and where an access token was turned away, it
//! is renewed once, and not again for a minute if the new one is turned away too.

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderValue;
use http::header::{ACCEPT, AUTHORIZATION, HeaderMap};
use serde::Serialize;
use verilane_core::{
    Action, Decision, FieldViolation, GatewayWidget, Pii, ProviderName, Reason, SharedClock,
    Timestamp,
};
use verilane_provider::http::{Answer, HttpClient, HttpError, HttpRequest, Method, Url};
use verilane_provider::{
    Capability, Continuation, EvidenceBody, EvidenceOffer, LookAnswer, LookRequest, Prepared,
    Profile, Provider, ProviderError, Start, StartRequest, Started,
};

use crate::access::{AccessTokens, bearer};
use crate::links::Api;
use crate::partner_jwt::Signer;
use crate::reference::{self, Grammar};
use crate::settings::{Generation, Settings, SettingsFault};
use crate::{answer, prepare, refusal};

/// The provider's name in configuration and API.
pub const PROVIDER: &str = "civic-pass";

/// The most bytes of a picture.
const MAX_EVIDENCE_BYTES: u64 = 20 * 1024 * 1024;

/// One account at Civic.
pub struct CivicPass {
    profile: Profile,
    settings: Settings,
    base: Url,
    authority: Authority,
    grammar: Grammar,
    api_links: Api,
    api: HttpClient,
    evidence: HttpClient,
    clock: SharedClock,
}

/// How a request is authorised.
enum Authority {
    Oauth(Box<AccessTokens>),
    PartnerJwt(Signer),
}

#[derive(Serialize)]
struct DecisionOrder {
    status: &'static str,
}

impl CivicPass {
    /// Sets a connection up. The clients are made from [`Settings::http`]: one for the API, one for
    /// evidence. Tokens expire by `clock`.
    ///
    /// # Errors
    /// Everything that is wrong with the settings.
    pub fn new(
        settings: &Settings,
        api: HttpClient,
        evidence: HttpClient,
        clock: SharedClock,
    ) -> Result<Self, Vec<SettingsFault>> {
        let checked = settings.check()?;
        let fault = |setting: &str, problem: String| {
            vec![SettingsFault {
                setting: setting.to_owned(),
                problem,
            }]
        };
        let provider =
            ProviderName::new(PROVIDER).map_err(|error| fault("provider", error.to_string()))?;
        let authority = match (&settings.generation, checked.token_url, checked.key) {
            (Generation::Oauth { client, .. }, Some(url), _) => {
                let (http, client, clock) =
                    (api.clone(), client.clone(), SharedClock::clone(&clock));
                Authority::Oauth(Box::new(AccessTokens::new(http, url, client, clock)))
            }
            (Generation::PartnerJwt { .. }, _, Some(key)) => Authority::PartnerJwt(Signer {
                key,
                partner_id: settings.partner.partner_id.clone(),
            }),
            _ => return Err(fault("generation", "lacks what it needs".to_owned())),
        };
        let mut capabilities = vec![Capability::Continue, Capability::Evidence];
        if settings.has_review() {
            capabilities.push(Capability::Review);
        }
        let origins = settings.api_origins(&checked.base);
        Ok(Self {
            profile: Profile {
                provider,
                capabilities,
                claims: prepare::offered(),
                action_lifetime: prepare::LIFETIME,
                needs_subject: false,
                holds_one_request: false,
                pace: Some(settings.pace()),
                scopes: &[],
            },
            grammar: Grammar {
                origins: origins.clone(),
                keeps_urls: matches!(authority, Authority::PartnerJwt(_)),
            },
            api_links: Api(origins),
            settings: settings.clone(),
            base: checked.base,
            authority,
            api,
            evidence,
            clock,
        })
    }

    /// What to be authorised with, for a request of this name.
    async fn bearer(&self, name: &str) -> Result<HeaderValue, ProviderError> {
        match &self.authority {
            Authority::Oauth(tokens) => tokens.bearer().await,
            Authority::PartnerJwt(signer) => bearer(&signer.jwt(name, self.clock.now())?),
        }
    }

    /// The same, after it was turned away; none where another would be no better.
    async fn renewed(&self, refused: &HeaderValue) -> Result<Option<HeaderValue>, ProviderError> {
        match &self.authority {
            Authority::Oauth(tokens) => tokens.renewed(refused).await,
            Authority::PartnerJwt(_) => Ok(None),
        }
    }

    /// Sends a request about a PII request.
    async fn send(
        &self,
        name: &str,
        request: impl Fn() -> Result<HttpRequest, HttpError>,
    ) -> Result<Answer, ProviderError> {
        let with = async |bearer: &HeaderValue| {
            let request = request()?.header(AUTHORIZATION, bearer.clone());
            self.api.send(request).await
        };
        let bearer = self.bearer(name).await?;
        let mut outcome = with(&bearer).await;
        if is_unauthorised(&outcome)
            && let Some(bearer) = self.renewed(&bearer).await?
        {
            outcome = with(&bearer).await;
        }
        outcome.map_err(refusal::of_request)
    }

    /// Where a request of this name is looked at.
    fn request_url(&self, name: &str) -> Result<Url, ProviderError> {
        match &self.authority {
            // Held against the grammar when it was brought back, and called as it is.
            Authority::PartnerJwt(_) if reference::is_url(name) => Url::parse(name)
                .map_err(|_| ProviderError::InvalidAnswer("its request has no address")),
            Authority::PartnerJwt(_) => Ok(below(&self.base, &[name])),
            Authority::Oauth(_) => Ok(below(&self.base, &["piirequest", name])),
        }
    }

    async fn download(
        &self,
        url: &Url,
        bearer: Option<&HeaderValue>,
    ) -> Result<verilane_provider::http::Download, HttpError> {
        let mut headers = HeaderMap::new();
        if let Some(bearer) = bearer {
            headers.insert(AUTHORIZATION, bearer.clone());
        }
        let time = Duration::from_secs(self.settings.evidence_timeout_seconds);
        let (template, most) = ("/…/evidence/{rel}", MAX_EVIDENCE_BYTES);
        self.evidence
            .download(url.clone(), headers, template, most, time)
            .await
    }

    fn widget(&self, expire_time: Timestamp) -> GatewayWidget {
        let partner = &self.settings.partner;
        GatewayWidget {
            partner_id: partner.partner_id.clone(),
            gatekeeper_network: partner.gatekeeper_network.clone(),
            chain: partner.chain.clone(),
            cluster: partner.cluster.clone(),
            stage: partner.stage.clone(),
            expire_time,
        }
    }
}

fn is_unauthorised<T>(outcome: &Result<T, HttpError>) -> bool {
    matches!(outcome, Err(HttpError::Answered(answer)) if answer.status() == 401)
}

/// The base's own path stays in front. A part is an id or a word, so nothing in it needs an escape.
fn below(base: &Url, parts: &[&str]) -> Url {
    let mut url = base.clone();
    let path = base.path().trim_end_matches('/');
    url.set_path(&format!("{path}/{}", parts.join("/")));
    url
}

#[async_trait]
impl Provider for CivicPass {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn prepare(&self, request: &StartRequest) -> Result<Prepared, Vec<FieldViolation>> {
        prepare::prepare(request)
    }

    /// Asks nothing: the request begins in the browser.
    async fn start(&self, start: &Start<'_>) -> Result<Started, ProviderError> {
        Ok(Started {
            action: Action::GatewayWidget(self.widget(start.expiry)),
            already_open: false,
        })
    }

    fn read_continuation(
        &self,
        brought: &Continuation,
        _now: Timestamp,
    ) -> Result<Pii<String>, FieldViolation> {
        match brought {
            Continuation::PresentationRequest(name) => self.grammar.read(name.expose()),
            Continuation::AuthorizationCode(_) => Err(FieldViolation {
                field: String::new(),
                description: "must be a presentation request id".to_owned(),
                reason: Reason::ContinuationNotOffered,
            }),
        }
    }

    /// One request can be named by its id, and by a URL that ends in it.
    fn request_of<'a>(&self, reference: &'a Pii<String>) -> Cow<'a, str> {
        Cow::Borrowed(reference::last_part(reference.expose()))
    }

    async fn look(&self, request: &LookRequest<'_>) -> Result<LookAnswer, ProviderError> {
        let name = request.reference.expose();
        let url = self.request_url(name)?;
        let ask = || {
            let json = HeaderValue::from_static("application/json");
            let request = HttpRequest::new(Method::GET, url.clone(), "/…/{request}");
            Ok(request.header(ACCEPT, json))
        };
        let answered = self.send(name, ask).await?;
        answer::read(answered.body(), request, &self.api_links)
    }

    async fn fetch_evidence(
        &self,
        offer: &EvidenceOffer,
    ) -> Result<Box<dyn EvidenceBody>, ProviderError> {
        let place = self.api_links.place(offer.link.expose())?;
        // Before anybody is asked for a token.
        if let Err(refused) = self.evidence.egress().permit(&place.url) {
            return Err(refusal::of_evidence(refused.into(), false));
        }
        let bearer = match &place.authorised_for {
            Some(name) => Some(self.bearer(name).await?),
            None => None,
        };
        let mut outcome = self.download(&place.url, bearer.as_ref()).await;
        if is_unauthorised(&outcome)
            && let Some(refused) = &bearer
            && let Some(renewed) = self.renewed(refused).await?
        {
            outcome = self.download(&place.url, Some(&renewed)).await;
        }
        match outcome {
            Ok(body) => Ok(Box::new(body)),
            Err(error) => Err(refusal::of_evidence(error, bearer.is_some())),
        }
    }

    async fn tell_decision(
        &self,
        reference: &Pii<String>,
        decision: Decision,
    ) -> Result<(), ProviderError> {
        if !self.settings.has_review() {
            return Err(ProviderError::InvalidAnswer("it takes no decision"));
        }
        let name = reference.expose();
        let url = below(&self.base, &["piirequest", name, "status"]);
        let order = DecisionOrder {
            status: match decision {
                Decision::Approve => "partner-pass",
                Decision::Reject => "partner-fail",
            },
        };
        let ask = || {
            let template = "/…/piirequest/{request}/status";
            HttpRequest::new(Method::PUT, url.clone(), template).json(&order)
        };
        self.send(name, ask).await.map(drop)
    }
}
