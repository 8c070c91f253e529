//! What a PII request is answered with, and the links in it.

use serde_json::{Map, Value, json};
use verilane_core::Timestamp;

use super::request::PiiRequest;
use super::scenario::{AnsweredId, Evidence, EvidenceTrouble, LinkStyle};
use crate::origins::Origins;
use crate::seed::Seed;

/// The `type` of the partner JWT generation.
pub const PROOF: &str = "proofOfIdentity";
/// The `type` of the OAuth client generation.
pub const WITH_DOCUMENT: &str = "gatekeeperProofOfIdentityWithIdDocument-v3";

/// Which of the two partner APIs is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// The one with access tokens.
    OauthClient,
    /// The one with JWTs that the partner signs.
    PartnerJwt,
}

/// What makes a pre-signed link hold until a time.
fn signature(seed: Seed, id: &str, rel: &str, expires: i64) -> String {
    seed.hex(&format!("civic-pass/link/{id}/{rel}/{expires}"))
}

/// Whether a pre-signed link holds, or why not.
pub fn link_holds(
    seed: Seed,
    (id, rel): (&str, &str),
    query: &str,
    now: Timestamp,
) -> Result<(), &'static str> {
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let expires = parameter("expires").and_then(|text| text.parse::<i64>().ok());
    let (Some(expires), Some(signed)) = (expires, parameter("signature")) else {
        return Err("the link is not signed");
    };
    if signed != signature(seed, id, rel, expires) {
        return Err("the link's signature does not hold");
    }
    if expires <= now.as_secs() {
        return Err("the link has expired");
    }
    Ok(())
}

fn href(
    request: &PiiRequest,
    piece: &Evidence,
    generation: Generation,
    origins: &Origins,
    seed: Seed,
    now: Timestamp,
) -> String {
    if let Some(EvidenceTrouble::Href(href)) = &piece.trouble {
        return href.clone();
    }
    let (id, rel) = (&request.id, &piece.rel);
    let origin = match (request.links, generation) {
        (LinkStyle::Api, _) | (LinkStyle::AsUsual, Generation::OauthClient) => {
            let api = &origins.api;
            return format!("{api}/civic-pass/partner/piirequest/{id}/evidence/{rel}");
        }
        (LinkStyle::PreSignedOnApiHost, _) => &origins.api,
        (LinkStyle::PreSigned, _) | (LinkStyle::AsUsual, Generation::PartnerJwt) => {
            &origins.storage
        }
    };
    let lifetime = i64::try_from(request.scenario.link_lifetime).unwrap_or(i64::MAX);
    let expires = now.as_secs().saturating_add(lifetime);
    let signature = signature(seed, id, rel, expires);
    format!("{origin}/civic-pass/storage/{id}/{rel}?expires={expires}&signature={signature}")
}

/// The whole answer.
pub fn answer(
    request: &PiiRequest,
    generation: Generation,
    origins: &Origins,
    seed: Seed,
    now: Timestamp,
) -> Value {
    let scenario = &request.scenario;
    let own = match generation {
        Generation::OauthClient => {
            format!(
                "{}/civic-pass/partner/piirequest/{}",
                origins.api, request.id
            )
        }
        Generation::PartnerJwt if request.given_id == request.id => {
            format!("{}/civic-pass/verify/{}", origins.api, request.id)
        }
        Generation::PartnerJwt => request.given_id.clone(),
    };
    let mut links = vec![json!({"rel": "self", "href": own})];
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| {
        if !scenario.without.iter().any(|missing| missing == name) {
            members.insert(name.to_owned(), value);
        }
    };
    let id = match scenario.id {
        AnsweredId::LastPart => request.id.clone(),
        AnsweredId::AsGiven => request.given_id.clone(),
        AnsweredId::Another => request.seed.uuid("civic-pass/another/id"),
    };
    put("id", id.into());
    let usual = match generation {
        Generation::OauthClient => WITH_DOCUMENT,
        Generation::PartnerJwt => PROOF,
    };
    put("type", scenario.r#type.as_deref().unwrap_or(usual).into());
    put("status", request.status().into());
    if let Some(reference) = &scenario.reference {
        put("reference", reference.as_str().into());
    }
    if let Some(collection) = request.collection_status() {
        put("collection-status", collection.into());
    }
    if request.is_open() {
        put("verifiedInformation", request.information().into());
        let shown = scenario.evidence.iter();
        links.extend(
            shown
                .filter(|piece| request.shows(&piece.rel))
                .map(|piece| {
                    let href = href(request, piece, generation, origins, seed, now);
                    json!({"rel": piece.rel, "href": href})
                }),
        );
    }
    put("links", links.into());
    members.into()
}
