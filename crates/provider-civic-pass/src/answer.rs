//! What Civic answers when it is looked at, read as a function of its bytes.
//!
//! Read tolerantly: members that nobody knows are passed over, and the user's information is taken only
//! once it may be read, only as far as it was asked for, and only where it is text of sensible length.
//! Whom it names is compared as soon as it names somebody. An answer about another request than was asked about is none.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;
use verilane_core::{Pii, Whose, is_word, word_or_other};
use verilane_provider::{
    DataItem, DataReport, EvidenceOffer, LookAnswer, LookRequest, ProviderError, Unshown,
};

use crate::fields::{self, Place};
use crate::links::Api;
use crate::{subject, words};

/// The most bytes of a value. What is longer is no name, number or date.
const MAX_VALUE: usize = 4 * 1024;
/// The most links that are told of.
const MAX_LINKS: usize = 64;

/// The answer, as far as it is of use.
#[derive(Deserialize)]
struct PiiRequest {
    id: String,
    status: String,
    #[serde(rename = "collection-status")]
    collection_status: Option<Value>,
    #[serde(rename = "verifiedInformation")]
    information: Option<BTreeMap<String, Value>>,
    links: Option<Vec<Value>>,
}

/// A link, as far as it is one: both are text.
struct Link<'a> {
    rel: &'a str,
    href: &'a str,
}

impl<'a> Link<'a> {
    fn of(value: &'a Value) -> Option<Self> {
        Some(Self {
            rel: value.get("rel")?.as_str()?,
            href: value.get("href")?.as_str()?,
        })
    }
}

/// Reads an answer.
///
/// # Errors
/// [`ProviderError::InvalidAnswer`] for what is no answer, or one about another request.
pub fn read(body: &[u8], asked: &LookRequest<'_>, api: &Api) -> Result<LookAnswer, ProviderError> {
    let answer: PiiRequest = serde_json::from_slice(body)
        .map_err(|_| ProviderError::InvalidAnswer("it is no PII request"))?;
    let name = asked.reference.expose();
    if !api.names(&answer.id, name) {
        return Err(ProviderError::InvalidAnswer("it is about another request"));
    }
    let meaning = words::meaning(&answer.status);
    let whose = whose(answer.information.as_ref(), asked, meaning.is_readable);
    let is_anothers = whose == Whose::Anothers;
    let information = answer.information.filter(|_| meaning.is_readable);
    let word = information.as_ref().and_then(|all| all.get("documentType"));
    let document = word.and_then(as_text).map(Pii::new);
    let links: Vec<Link> = answer.links.iter().flatten().filter_map(Link::of).collect();
    let offers = if meaning.is_readable && !is_anothers {
        offers(&links, asked, api)
    } else {
        Vec::new()
    };
    let links = if is_anothers {
        Vec::new()
    } else {
        names(&links)
    };
    let progress = second_word(answer.collection_status.as_ref());
    let data = information.as_ref().filter(|_| !is_anothers);
    Ok(LookAnswer {
        status: word_or_other(&answer.status),
        rank: meaning.rank,
        fact: meaning.fact,
        progress: progress.as_deref().map(word_or_other),
        unshown: Unshown {
            status: unshown(&answer.status),
            progress: progress.as_deref().and_then(unshown),
        },
        whose,
        data: data.map(|information| data_of(information, asked.fields)),
        document,
        links,
        offers,
        message: Pii::new(body.to_vec()),
        media_type: "application/json".to_owned(),
    })
}

/// Whose a request is. Whom it names is looked at before anything else of him may be read.
fn whose(
    information: Option<&BTreeMap<String, Value>>,
    asked: &LookRequest<'_>,
    is_readable: bool,
) -> Whose {
    let subject = asked.subject.expose();
    if subject.is_empty() {
        return Whose::Theirs;
    }
    let text = |name: &str| as_text(information?.get(name)?);
    let (address, account) = (text("address"), text("accountId"));
    match subject::is_named(subject, address.as_deref(), account.as_deref()) {
        Some(true) => Whose::Theirs,
        Some(false) => Whose::Anothers,
        None if is_readable => Whose::Nameless,
        None => Whose::Unsaid,
    }
}

/// The second word as it stands; one that is no text, as JSON.
fn second_word(word: Option<&Value>) -> Option<String> {
    match word? {
        Value::Null => None,
        Value::String(word) => (!word.is_empty()).then(|| word.clone()),
        other => Some(other.to_string()),
    }
}

fn unshown(word: &str) -> Option<Pii<String>> {
    (!is_word(word)).then(|| Pii::from(word))
}

/// A value, if there is one: text, or a number.
fn as_text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.trim().is_empty() && text.len() <= MAX_VALUE).then_some(text)
}

fn data_of(information: &BTreeMap<String, Value>, asked: &[&str]) -> DataReport {
    let is_value = |name: &str| {
        let field = fields::by_name(name);
        field.is_some_and(|field| field.place == Place::Value)
    };
    let known = information.iter().filter(|(name, _)| is_value(name));
    let mut items = Vec::new();
    let mut unrequested = 0;
    for (name, value) in known {
        if !asked.contains(&name.as_str()) {
            unrequested += 1;
        } else if let Some(text) = as_text(value) {
            items.push(DataItem {
                checks: None,
                field: name.clone(),
                value: Pii::new(text),
                pepper: None,
                image: None,
            });
        }
    }
    DataReport { items, unrequested }
}

/// The names of all links but the one to the request itself, as far as they are words.
fn names(links: &[Link<'_>]) -> Vec<String> {
    let names = links.iter().map(|link| link.rel);
    let names = names.filter(|name| is_word(name) && *name != "self");
    let names: BTreeSet<_> = names.collect();
    let names = names.into_iter().take(MAX_LINKS);
    names.map(str::to_owned).collect()
}

fn offers(links: &[Link<'_>], asked: &LookRequest<'_>, api: &Api) -> Vec<EvidenceOffer> {
    let linked = |rel: &&str| {
        let mut named = links.iter().filter(|link| link.rel == *rel);
        named.find_map(|link| api.offered(link.href, asked.reference.expose()))
    };
    let offer = |name: &&str| {
        let Place::Picture(rels) = fields::by_name(name)?.place else {
            return None;
        };
        Some(EvidenceOffer {
            field: (*name).to_owned(),
            link: rels.iter().find_map(linked)?,
        })
    };
    asked.fields.iter().filter_map(offer).collect()
}

#[cfg(test)]
mod tests;
