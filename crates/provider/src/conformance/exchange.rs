//! What a plug-in must hold to whose provider gives everything at once, for a code: what a browser
//! brings back, the exchange, its answer, and what that points to. A code is spent once, and it is
//! known after each failure whether it may be spent.

use std::time::Duration;

use verilane_core::{Pii, Reason};

use super::stage::Stage;
use super::unanswered::is_unclear;
use super::{Bench, Upset};
use crate::{
    Continuation, Exchanged, Granted, ProviderError, ProviderMessage, Refusal, conformance::Front,
};

/// A code that a browser has brought back, checked and not sent.
struct Open<B> {
    stage: Stage<B>,
    code: Pii<String>,
}

impl<B: Bench> Open<B> {
    /// None if no codes are exchanged by this plug-in.
    async fn new() -> Option<Self> {
        let stage = Stage::<B>::new().await;
        if !stage.facade.profile().exchanges_codes() {
            return None;
        }
        let brought = stage.bench.brings_back().await;
        let code = stage.facade.read_continuation(&brought).unwrap();
        Some(Self { stage, code })
    }

    fn front(&self) -> &Front {
        &self.stage.front
    }

    async fn exchange(&self) -> Result<ProviderMessage, ProviderError> {
        self.stage.facade.exchange(&self.code).await
    }

    /// Exchanges the code while the network is upset.
    async fn upset(&self, upset: Upset) -> ProviderError {
        self.front().upset(upset.clone());
        let outcome = self.exchange().await;
        let Err(failure) = outcome else {
            panic!("{upset:?}: {outcome:?}");
        };
        failure
    }

    /// Everything that an exchange gives, in peace.
    async fn given(&self) -> Exchanged {
        let answer = self.exchange().await.unwrap();
        let rest = self.stage.facade.fetch_exchanged(&answer).await.unwrap();
        Exchanged {
            subject: self.stage.prepared.subject.clone(),
            fields: self.stage.fields().into_iter().map(str::to_owned).collect(),
            bind_time: super::stage::START,
            receive_time: super::stage::START,
            answer,
            rest,
        }
    }

    async fn read(&self, exchanged: &Exchanged) -> Result<Granted, Refusal> {
        self.stage.facade.read_exchanged(exchanged.clone()).await
    }

    /// Whether the provider takes the code still.
    async fn goes_on(&self, after: &str) {
        assert_eq!(self.stage.bench.spent(), 0, "after {after}");
        let given = self.given().await;
        let granted = self.read(&given).await;
        assert!(granted.is_ok(), "after {after}: {granted:?}");
        assert_eq!(self.stage.bench.spent(), 1, "after {after}");
    }

    /// Whether the provider has taken the code, and says so.
    async fn is_spent(&self, after: &str) {
        assert_eq!(self.stage.bench.spent(), 1, "after {after}");
        let failure = self.exchange().await.unwrap_err();
        assert!(says_spent(&failure), "after {after}: {failure:?}");
    }
}

fn says_spent(failure: &ProviderError) -> bool {
    matches!(failure, ProviderError::Refused { reason, .. } if *reason == Reason::CodeAlreadyUsed)
}

/// All that was signed.
fn told(granted: &Granted) -> String {
    let items = granted.data.items.iter();
    let mut all: Vec<String> = items
        .map(|item| format!("{}={} {:?}", item.field, item.value.expose(), item.checks))
        .collect();
    all.sort_unstable();
    let document = granted.document.as_ref().map(Pii::expose);
    let (mismatch, key) = (granted.digest_mismatch, &granted.key_fingerprint);
    format!("{all:?} {document:?} {mismatch} {key}")
}

/// Reading it asks nobody, and is a function of what was brought back and of the time; what was changed
/// anywhere is no code.
pub async fn a_code_is_read_the_same_each_time_and_nonsense_is_no_code<B: Bench>() {
    let Some(open) = Open::<B>::new().await else {
        return;
    };
    let facade = &open.stage.facade;
    let read = |text: String| {
        let brought = Continuation::AuthorizationCode(Pii::new(text));
        facade.read_continuation(&brought)
    };
    let code = open.code.expose();
    let again = read(code.clone()).unwrap();
    assert_eq!(again.expose(), code);
    assert_eq!(facade.request_of(&again), facade.request_of(&open.code));
    let mut nonsense = vec![
        String::new(),
        " ".to_owned(),
        "..".to_owned(),
        "{}".to_owned(),
        "null".to_owned(),
        "a\u{0}".to_owned(),
        "x".repeat(10_000),
        "[".repeat(10_000),
        format!(" {code}"),
        format!("{code}.{code}"),
    ];
    for place in 0..code.len() {
        let mut other = code.clone().into_bytes();
        other[place] ^= 1;
        nonsense.push(String::from_utf8(other).unwrap());
        nonsense.push(code[..place].to_owned());
    }
    for text in nonsense {
        assert!(read(text.clone()).is_err(), "{text}");
    }
    assert_eq!(open.front().requests(), 0);
    open.goes_on("reading").await;
}

/// Given once, it brings what was wished for; given again, it is spent. What it brought can be read as
/// often as anybody likes.
pub async fn a_code_is_exchanged_once_for_what_was_asked<B: Bench>() {
    let Some(open) = Open::<B>::new().await else {
        return;
    };
    let given = open.given().await;
    let first = open.read(&given).await.unwrap();
    assert!(!first.is_anothers && !first.subject.value.expose().is_empty());
    assert!(!first.data.items.is_empty() && !first.key_fingerprint.is_empty());
    assert_eq!(told(&open.read(&given).await.unwrap()), told(&first));
    open.is_spent("an exchange").await;
    for field in open.stage.fields() {
        // Whose it is, is asked for in any case.
        let mut exchanged = given.clone();
        exchanged.fields = vec![field.to_owned(), first.subject.field.clone()];
        let granted = open.read(&exchanged).await.unwrap();
        assert!(granted.data.items.iter().all(|item| item.field == *field));
    }
}

/// Who hands in somebody else's code gets nothing of what it brings.
pub async fn a_code_of_another_user_s_gives_nothing<B: Bench>() {
    let Some(open) = Open::<B>::new().await else {
        return;
    };
    let another = open.stage.bench.wish_of_another();
    let mut given = open.given().await;
    given.subject = open.stage.facade.prepare(&another).unwrap().subject;
    let granted = open.read(&given).await.unwrap();
    assert!(granted.is_anothers && granted.data.items.is_empty());
}

/// Asked to wait, or not known, or refused; and the code is spent where the provider has taken it, and
/// nowhere else.
pub async fn an_exchange_that_fails_says_whether_the_code_may_be_spent<B: Bench>() {
    const WAIT: &str = "retry-after: 7\r\n";
    for status in [429, 503, 408, 500, 502, 504] {
        let body = b"<html>not now</html>".to_vec();
        let sides = [
            Upset::Answered(status, WAIT, body.clone()),
            Upset::AnsweredAfter(status, WAIT, body),
        ];
        for (side, is_taken) in sides.into_iter().zip([false, true]) {
            let Some(open) = Open::<B>::new().await else {
                return;
            };
            let failure = open.upset(side.clone()).await;
            let fits = match status {
                429 => matches!(failure, ProviderError::Busy { .. }),
                503 => matches!(failure, ProviderError::Overloaded { .. }),
                _ => is_unclear(&failure),
            };
            assert!(fits, "{status}: {failure:?}");
            if matches!(status, 429 | 503) {
                assert_eq!(failure.retry_after(), Some(Duration::from_secs(7)));
            }
            let after = format!("{side:?}");
            if is_taken {
                open.is_spent(&after).await;
            } else {
                open.goes_on(&after).await;
            }
        }
    }
    // A gateway refuses with 403 too.
    let duplicate: &[u8] = br#"{"message":"Duplicate Request"}"#;
    let gateway: &[u8] = br#"{"message":"Missing Authentication Token"}"#;
    for (status, body, is_spent) in [
        (400, gateway, false),
        (401, gateway, false),
        (403, gateway, false),
        (403, duplicate, true),
        (404, gateway, false),
    ] {
        let Some(open) = Open::<B>::new().await else {
            return;
        };
        let failure = open.upset(Upset::Answered(status, "", body.to_vec())).await;
        let is_refused = matches!(failure, ProviderError::Refused { .. });
        assert!(is_refused, "{status}: {failure:?}");
        assert_eq!(says_spent(&failure), is_spent, "{status}");
    }
    for (broken, is_taken) in [
        (Upset::Cut, false),
        (Upset::CutAfter, true),
        (Upset::Half, true),
    ] {
        let Some(open) = Open::<B>::new().await else {
            return;
        };
        let failure = open.upset(broken.clone()).await;
        assert!(is_unclear(&failure), "{broken:?}: {failure:?}");
        let after = format!("{broken:?}");
        if is_taken {
            open.is_spent(&after).await;
        } else {
            open.goes_on(&after).await;
        }
    }
    let Some(open) = Open::<B>::new().await else {
        return;
    };
    let redirect = "location: /elsewhere\r\n";
    let failure = open.upset(Upset::Answered(307, redirect, Vec::new())).await;
    assert!(!failure.is_retryable(), "{failure:?}");
    assert_eq!(open.front().requests(), 1);
}

/// The call ends in its time, whatever the other side does.
pub async fn an_exchange_that_is_never_answered_is_unclear_in_time<B: Bench>() {
    for (silence, is_taken) in [(Upset::Silence, false), (Upset::SilenceAfter, true)] {
        let Some(open) = Open::<B>::new().await else {
            return;
        };
        let impatient = open.stage.impatient(Duration::from_millis(300));
        open.front().upset(silence.clone());
        let failure = impatient.exchange(&open.code).await.unwrap_err();
        assert!(is_unclear(&failure), "{silence:?}: {failure:?}");
        let after = format!("{silence:?}");
        if is_taken {
            open.is_spent(&after).await;
        } else {
            open.goes_on(&after).await;
        }
    }
}

/// An exchange is dropped before, or after, the provider has taken the code: in the first case the
/// repeat brings everything, in the second it says that the code is spent.
pub async fn a_crash_on_either_side_of_an_exchange_spends_the_code_once<B: Bench>() {
    for (crash, is_taken) in [(Upset::Silence, false), (Upset::SilenceAfter, true)] {
        let Some(open) = Open::<B>::new().await else {
            return;
        };
        open.front().upset(crash.clone());
        tokio::select! {
            answered = open.exchange() => panic!("{crash:?}: {answered:?}"),
            () = open.front().silent(1) => {}
        }
        let after = format!("{crash:?}");
        if is_taken {
            open.is_spent(&after).await;
        } else {
            open.goes_on(&after).await;
        }
    }
}

/// What came is believed whole or not at all: cut anywhere it is refused, and with a bit turned over it
/// is refused or tells the same of all that is signed.
pub async fn an_answer_that_was_damaged_is_not_believed<B: Bench>() {
    let Some(open) = Open::<B>::new().await else {
        return;
    };
    let given = open.given().await;
    let whole = told(&open.read(&given).await.unwrap());
    let with = |body: Vec<u8>| {
        let mut other = given.clone();
        let part = other.rest.as_mut().unwrap_or(&mut other.answer);
        part.body = body.into();
        other
    };
    let body = given.rest.as_ref().unwrap_or(&given.answer).body.to_vec();
    // Every place of a short one, and some hundred of a long one.
    for place in (0..body.len()).step_by(1 + body.len() / 500) {
        let cut = with(body[..place].to_vec());
        assert!(open.read(&cut).await.is_err(), "cut at {place}");
        let mut turned = body.clone();
        turned[place] ^= 1;
        match open.read(&with(turned)).await {
            // Who the user is stands outside of what is signed.
            Ok(granted) if granted.is_anothers => assert!(granted.data.items.is_empty()),
            Ok(granted) => assert_eq!(told(&granted), whole, "turned at {place}"),
            Err(_) => {}
        }
    }
    let nonsense: [&[u8]; 8] = [
        b"",
        b"null",
        b"{}",
        b"[]",
        b"7",
        b"<html>welcome</html>",
        b"\xff\xfe\x00",
        &[b'['; 100_000],
    ];
    for nonsense in nonsense {
        assert!(open.read(&with(nonsense.to_vec())).await.is_err());
    }
    let mut early = given.clone();
    early.bind_time = early.bind_time + Duration::from_secs(3_600);
    assert!(open.read(&early).await.is_err(), "older than its code");
}

/// An answer without end is not read.
pub async fn an_answer_to_an_exchange_without_end_is_not_read<B: Bench>() {
    let Some(open) = Open::<B>::new().await else {
        return;
    };
    let failure = open.upset(Upset::Endless).await;
    let is_known = matches!(failure, ProviderError::InvalidAnswer(_));
    assert!(is_known, "{failure:?}");
}

/// It comes whole as often as it is fetched; a dead link is refused, half of it is none, and what leads
/// elsewhere is not followed.
pub async fn what_an_answer_points_to_comes_whole_or_says_what_may_be_done_next<B: Bench>() {
    let Some(open) = Open::<B>::new().await else {
        return;
    };
    let answer = open.exchange().await.unwrap();
    let facade = &open.stage.facade;
    let Some(whole) = facade.fetch_exchanged(&answer).await.unwrap() else {
        return;
    };
    let fetch = async |upset: Upset| {
        open.front().upset(upset.clone());
        let outcome = facade.fetch_exchanged(&answer).await;
        let Err(failure) = outcome else {
            panic!("{upset:?}: {outcome:?}");
        };
        failure
    };
    for status in [400, 403, 404, 410] {
        let failure = fetch(Upset::Answered(status, "", Vec::new())).await;
        let is_dead = matches!(failure, ProviderError::Refused { .. });
        assert!(is_dead, "{status}: {failure:?}");
    }
    for upset in [
        Upset::Half,
        Upset::Cut,
        Upset::Answered(504, "", Vec::new()),
    ] {
        let failure = fetch(upset.clone()).await;
        assert!(is_unclear(&failure), "{upset:?}: {failure:?}");
    }
    for elsewhere in [
        "location: http://elsewhere.invalid/\r\n",
        "location: http://0.0.0.0/\r\n",
        "location: file:///etc/passwd\r\n",
    ] {
        let failure = fetch(Upset::Answered(302, elsewhere, Vec::new())).await;
        let is_known = matches!(failure, ProviderError::InvalidAnswer(_));
        assert!(is_known, "{failure:?}");
    }
    let failure = fetch(Upset::Endless).await;
    let is_known = matches!(failure, ProviderError::InvalidAnswer(_));
    assert!(is_known, "{failure:?}");
    let again = facade.fetch_exchanged(&answer).await.unwrap().unwrap();
    assert!(again.body == whole.body);
    assert_eq!(open.stage.bench.spent(), 1);
}
