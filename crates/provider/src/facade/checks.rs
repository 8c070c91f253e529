//! What a plug-in may return. Everything else is a fault, of the plug-in or of what it was told.
//!
//! Pure functions. Bounds are generous: they keep nonsense and floods out, and leave the meaning to
//! the plug-in.

use std::collections::BTreeSet;
use std::time::Duration;

use verilane_core::{
    Action, DocumentType, FieldViolation, GatewayWidget, Pii, QrOrLink, Reason, ScopeRequestPopup,
    Timestamp, Wish, is_word,
};

use crate::{
    Availability, Callback, DataReport, Exchanged, Granted, HistoryEntry, LookAnswer, LookRequest,
    OfferedClaim, Prepared, Profile, ProviderError, Reading, Refusal, Report, Revalidated,
    StartRequest, Started, StatusReport, UnsignedData, ValueToCheck,
};

/// Most bytes of a name: a field, a status, a fingerprint.
const MAX_NAME: usize = 128;
/// Most bytes of a subject, and of what identifies a report.
const MAX_SUBJECT: usize = 512;
/// Most claims in one request.
const MAX_CLAIMS: usize = 128;
/// Most bytes of a link.
const MAX_LINK: usize = 8 * 1024;
/// Most links of a look that have a name.
const MAX_LINKS: usize = 64;
/// Most bytes of a picture of a QR code.
const MAX_PNG: usize = 512 * 1024;
/// Most bytes of one value, and of its pepper.
const MAX_VALUE: usize = 1024 * 1024;
/// Most bytes of the text of a picture: as many as a whole message may have.
const MAX_IMAGE_TEXT: usize = 64 * 1024 * 1024;
/// How a PNG picture begins.
const PNG_MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Schemes that make a browser run or read something instead of going somewhere.
const BAD_SCHEMES: [&str; 8] = [
    "javascript",
    "data",
    "vbscript",
    "file",
    "blob",
    "about",
    "filesystem",
    "view-source",
];
/// How far in the past the expiry of an action may lie: a request that was open before.
const OLDEST_EXPIRY: Duration = Duration::from_secs(24 * 60 * 60);
/// How far beyond the longest lifetime it may lie: clocks differ.
const EXPIRY_SKEW: Duration = Duration::from_secs(5 * 60);

/// Most entries of a history. A request has some dozen, and a month holds few of one user for the
/// same fields.
const MAX_HISTORY: usize = 10_000;
/// How far ahead of our clock an entry of a history may stand: clocks differ.
const HISTORY_SKEW: Duration = Duration::from_secs(5 * 60);

/// A plug-in says something of itself that can't be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the plug-in's profile makes no sense: {0}")]
pub struct BadProfile(&'static str);

type Fault = &'static str;

/// What a plug-in says of itself.
pub(super) fn profile(profile: &Profile) -> Result<(), BadProfile> {
    let lifetime = profile.action_lifetime;
    let in_order = lifetime.min <= lifetime.default && lifetime.default <= lifetime.max;
    if lifetime.min.is_zero() || !in_order {
        return Err(BadProfile("the lifetimes of an action are out of order"));
    }
    let mut fields = BTreeSet::new();
    if !profile
        .claims
        .iter()
        .all(|claim| fields.insert(claim.field))
    {
        return Err(BadProfile("a field is offered twice"));
    }
    if profile.claims.iter().any(|claim| claim.name.is_derived()) {
        return Err(BadProfile("a derived claim is offered as a field"));
    }
    if profile.claims.iter().any(|claim| !is_name(claim.field)) {
        return Err(BadProfile("a field's name is no name"));
    }
    Ok(())
}

/// A caller's wish, before a plug-in sees it.
pub(super) fn request(
    profile: &Profile,
    request: &StartRequest,
) -> Result<(), Vec<FieldViolation>> {
    let mut violations = Vec::new();
    let mut refuse = |field: &str, description: &str, reason| {
        violations.push(FieldViolation {
            field: field.to_owned(),
            description: description.to_owned(),
            reason,
        });
    };
    if profile.needs_subject && request.subject.expose().is_empty() {
        refuse("subject", "must name the subject", Reason::SubjectMalformed);
    } else if !is_subject(&request.subject) {
        let description = "must have at most 512 bytes and no control characters";
        refuse("subject", description, Reason::SubjectMalformed);
    }
    let is_named = match &request.scope {
        Some(scope) if !profile.scopes.contains(&scope.as_str()) => {
            let description = match profile.scopes {
                [] => "must be empty: the provider has no sets of claims with names".to_owned(),
                scopes => format!("must be one of {}, or empty", scopes.join(", ")),
            };
            refuse("scope", &description, Reason::ScopeUnknown);
            true
        }
        scope => scope.is_some(),
    };
    if request.claims.len() > MAX_CLAIMS || (request.claims.is_empty() && !is_named) {
        refuse(
            "claims",
            "must name 1 to 128 claims",
            Reason::InvalidArgument,
        );
    }
    if violations.is_empty() {
        Ok(())
    } else {
        Err(violations)
    }
}

/// A wish in the provider's terms: claim for claim, each from what the provider offers it from.
pub(super) fn prepared(
    profile: &Profile,
    request: &StartRequest,
    prepared: &Prepared,
) -> Result<(), Fault> {
    let nobody = profile.needs_subject && prepared.subject.expose().is_empty();
    if nobody || !is_subject(&prepared.subject) {
        return Err("the plug-in gave no usable subject");
    }
    let mut pairs = request.claims.iter().zip(&prepared.claims);
    let lacks = pairs.any(|(claim, wish)| claim.required && !wish.required);
    if lacks || request.claims.len() != prepared.claims.len() {
        return Err("the plug-in gave other claims than it was asked for");
    }
    if !prepared.claims.iter().all(|wish| is_offered(profile, wish)) {
        return Err("the plug-in gave a claim that it does not offer");
    }
    let mut besides = prepared.besides.iter();
    if !besides.all(|wish| is_offered(profile, wish)) {
        return Err("the plug-in gives besides what it can't be asked for");
    }
    let lifetime = profile.action_lifetime;
    if !(lifetime.min..=lifetime.max).contains(&prepared.action_lifetime) {
        return Err("the plug-in gave a lifetime that it does not offer");
    }
    Ok(())
}

/// Whether a wish can be had, and every source of it is one that gives it, no field twice.
fn is_offered(profile: &Profile, wish: &Wish) -> bool {
    let mut seen = BTreeSet::new();
    !wish.sources.is_empty()
        && wish.sources.iter().all(|source| {
            seen.insert(source.field.as_str())
                && profile.claims.iter().any(|offered| {
                    offered.field == source.field
                        && offered.name == wish.name
                        && comes_from(offered, source.document)
                })
        })
}

/// Whether what is offered can come from a document. What stands on no certain one can come from any:
/// which one it was, is known when it comes.
fn comes_from(offered: &OfferedClaim, document: Option<DocumentType>) -> bool {
    let from_any = offered.document.is_none() && offered.name.is_from_document();
    from_any || offered.document == document
}

/// What a user holds: only what was asked about, each once.
pub(super) fn availability(
    prepared: &Prepared,
    answer: Availability,
) -> Result<Availability, ProviderError> {
    let held: BTreeSet<String> = answer.held.into_iter().collect();
    let asked = prepared.fields();
    if !held.iter().all(|field| asked.contains(&field.as_str())) {
        return Err(ProviderError::InvalidAnswer(
            "it names a field that was not asked about",
        ));
    }
    Ok(Availability {
        held: held.into_iter().collect(),
    })
}

/// What the user has to do.
pub(super) fn started(
    now: Timestamp,
    profile: &Profile,
    started: &Started,
) -> Result<(), ProviderError> {
    match &started.action {
        Action::QrOrLink(action) => qr_or_link(action),
        Action::GatewayWidget(action) => gateway_widget(action),
        Action::ScopeRequestPopup(action) => scope_request_popup(action),
    }
    .map_err(ProviderError::InvalidAnswer)?;
    let latest = now + profile.action_lifetime.max + EXPIRY_SKEW;
    if !(now - OLDEST_EXPIRY..=latest).contains(&started.action.expire_time()) {
        return Err(ProviderError::InvalidAnswer(
            "the action's expiry is out of all proportion",
        ));
    }
    Ok(())
}

fn gateway_widget(action: &GatewayWidget) -> Result<(), Fault> {
    let needed = [
        &action.partner_id,
        &action.gatekeeper_network,
        &action.chain,
    ];
    let optional = [&action.cluster, &action.stage];
    let mut all = needed.into_iter().chain(optional.into_iter().flatten());
    if all.all(|setting| is_name(setting)) {
        Ok(())
    } else {
        Err("a setting of the widget is missing or is no name")
    }
}

fn scope_request_popup(action: &ScopeRequestPopup) -> Result<(), Fault> {
    let names = [
        &action.application_id,
        &action.scope_request,
        &action.style,
        &action.return_parameter,
    ];
    let links = [&action.script_url, &action.style_sheet_url];
    let is_link = |url: &String| {
        let secure = url.starts_with("https://");
        is_text(url, MAX_LINK) && (secure || url.starts_with("http://"))
    };
    if names.into_iter().all(|name| is_name(name)) && links.into_iter().all(is_link) {
        Ok(())
    } else {
        Err("a setting of the popup is missing, or is no name or address")
    }
}

fn qr_or_link(action: &QrOrLink) -> Result<(), Fault> {
    let link = action.link.expose();
    if link.is_empty() || link.len() > MAX_LINK {
        return Err("the link is missing or too long");
    }
    if link.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("the link holds white space or control characters");
    }
    let (scheme, rest) = link.split_once(':').ok_or("the link has no scheme")?;
    let well_formed = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let scheme = scheme.to_ascii_lowercase();
    if !well_formed || rest.is_empty() || BAD_SCHEMES.contains(&scheme.as_str()) {
        return Err("the link's scheme is not one to send a user to");
    }
    Ok(())
}

/// Takes a picture away that can't be shown; whether there was one. The request was taken all the
/// same, and its code can be drawn from its link.
pub(super) fn drop_bad_picture(started: &mut Started) -> bool {
    let Action::QrOrLink(action) = &mut started.action else {
        return false;
    };
    let is_bad = |png: &mut Pii<Vec<u8>>| {
        let png = png.expose();
        png.len() > MAX_PNG || !png.starts_with(PNG_MAGIC)
    };
    action.qr_png.take_if(is_bad).is_some()
}

/// What a callback tells.
pub(super) fn reading(callback: &Callback, reading: Reading) -> Result<Reading, Refusal> {
    let refused = Refusal::from(Reason::CallbackMalformed);
    let about = callback
        .candidates
        .get(reading.candidate)
        .ok_or(Refusal::from(Reason::CallbackAttemptUnknown))?;
    let names = [reading.key_fingerprint.as_str(), reading.encoding];
    if !names.into_iter().all(is_name) {
        return Err(refused);
    }
    let fits = match &reading.report {
        Report::Status(status) => status_fits(status),
        Report::Failure(failure) => is_name(&failure.status) && is_name(&failure.identity),
        Report::Data(data) => data_fits(data, &about.fields),
    };
    if fits { Ok(reading) } else { Err(refused) }
}

/// What a provider has noted, and how many entries are left out: one that can't be says nothing about the
/// others.
pub(super) fn history(
    now: Timestamp,
    mut entries: Vec<HistoryEntry>,
) -> Result<(Vec<HistoryEntry>, usize), ProviderError> {
    let count = entries.len();
    if count > MAX_HISTORY {
        return Err(ProviderError::InvalidAnswer("its history is too long"));
    }
    let latest = now + HISTORY_SKEW;
    entries.retain(|entry| entry.provider_time <= latest && status_fits(&entry.report));
    let left_out = count.saturating_sub(entries.len());
    Ok((entries, left_out))
}

fn status_fits(status: &StatusReport) -> bool {
    let hash = status.tx_hash.as_ref();
    is_name(&status.status)
        && is_name(&status.identity)
        && hash.is_none_or(|hash| is_name(hash.expose()))
}

/// Data that nobody believes: it must fit all the same.
pub(super) fn unsigned(callback: &Callback, read: UnsignedData) -> Result<UnsignedData, Refusal> {
    let about = callback
        .candidates
        .get(read.candidate)
        .ok_or(Refusal::from(Reason::CallbackAttemptUnknown))?;
    if !read.data.items.is_empty() && data_fits(&read.data, &about.fields) {
        Ok(read)
    } else {
        Err(Reason::CallbackItemsMismatch.into())
    }
}

/// What a provider says of values: each that was asked about, on one list, and no other.
pub(super) fn revalidated(
    asked: &[ValueToCheck<'_>],
    answer: Revalidated,
) -> Result<Revalidated, ProviderError> {
    let mut said: Vec<&str> = answer.valid.iter().map(String::as_str).collect();
    said.extend(answer.invalid.iter().map(String::as_str));
    said.sort_unstable();
    let mut asked: Vec<&str> = asked.iter().map(|value| value.field).collect();
    asked.sort_unstable();
    if said != asked {
        return Err(ProviderError::InvalidAnswer(
            "it does not say of each value, once, whether it holds",
        ));
    }
    Ok(answer)
}

fn data_fits(data: &DataReport, asked: &[impl AsRef<str>]) -> bool {
    let mut seen = BTreeSet::new();
    let is_short = |text: &Pii<String>| text.expose().len() <= MAX_VALUE;
    data.items.iter().all(|item| {
        let longest = match item.image {
            Some(_) => MAX_IMAGE_TEXT,
            None => MAX_VALUE,
        };
        asked.iter().any(|field| field.as_ref() == item.field)
            && seen.insert(item.field.as_str())
            && item.value.expose().len() <= longest
            && item.pepper.as_ref().is_none_or(is_short)
    })
}

/// What an exchange gave: nothing that was not asked for, and somebody whom it is about.
pub(super) fn granted(exchanged: &Exchanged, granted: Granted) -> Result<Granted, Refusal> {
    let subject = &granted.subject;
    let fields = &exchanged.fields;
    let is_whose = fields.contains(&subject.field)
        && is_text(subject.value.expose(), MAX_SUBJECT)
        && !granted
            .data
            .items
            .iter()
            .any(|item| item.field == subject.field);
    if is_whose && data_fits(&granted.data, fields) && is_name(&granted.key_fingerprint) {
        Ok(granted)
    } else {
        Err(Reason::ExchangeAnswerInvalid.into())
    }
}

/// What a look shows. Its words stand in events, so they are plain words.
pub(super) fn look(request: &LookRequest<'_>, answer: &LookAnswer) -> Result<(), ProviderError> {
    let words = std::iter::once(&answer.status).chain(&answer.progress);
    if !words.into_iter().all(|word| is_word(word)) {
        return Err(ProviderError::InvalidAnswer("a status of it is no word"));
    }
    let linked: BTreeSet<_> = answer.links.iter().filter(|name| is_word(name)).collect();
    if linked.len() != answer.links.len() || linked.len() > MAX_LINKS {
        return Err(ProviderError::InvalidAnswer(
            "its links have names that are no words, twice, or too many",
        ));
    }
    let mut offered = BTreeSet::new();
    let offers = answer.offers.iter().all(|offer| {
        let asked = request.fields.contains(&offer.field.as_str());
        asked && offered.insert(&offer.field) && is_text(offer.link.expose(), MAX_LINK)
    });
    if !offers {
        return Err(ProviderError::InvalidAnswer(
            "it offers what was not asked for, twice, or nowhere",
        ));
    }
    let fields = request.fields;
    if !answer.data.iter().all(|data| data_fits(data, fields)) {
        return Err(ProviderError::InvalidAnswer(
            "its data does not fit what was asked for",
        ));
    }
    Ok(())
}

/// Whether text can be a provider's name of a request.
pub(super) fn is_reference(text: &Pii<String>) -> bool {
    is_text(text.expose(), MAX_LINK)
}

fn is_subject(text: &Pii<String>) -> bool {
    text.expose().is_empty() || is_text(text.expose(), MAX_SUBJECT)
}

fn is_name(text: &str) -> bool {
    is_text(text, MAX_NAME)
}

fn is_text(text: &str, most: usize) -> bool {
    !text.is_empty() && text.len() <= most && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests;
