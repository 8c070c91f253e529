//! What a plug-in must hold to whose provider is looked at: what a browser brings back, looks, evidence,
//! decisions. None of them but a decision changes anything at the provider, and that once.

use verilane_core::{Decision, Fact, Pii, Whose};

use super::stage::Stage;
use super::unanswered::{each_says_what_may_be_done_next, is_unclear, nonsense};
use super::{Bench, Upset};
use crate::{
    Capability, Continuation, EvidenceOffer, Facade, LookAnswer, LookRequest, ProviderError,
};

/// A request that can be read, handed over.
struct Open<B> {
    stage: Stage<B>,
    reference: Pii<String>,
    /// What was wished for, and every picture.
    fields: Vec<String>,
}

impl<B: Bench> Open<B> {
    /// None if nothing is brought back to this plug-in, or what is brought back is not looked at. The first look is behind it, so that the next
    /// request is a look's.
    async fn new() -> Option<Self> {
        let stage = Stage::<B>::new().await;
        if !stage.has(Capability::Continue) || stage.facade.profile().exchanges_codes() {
            return None;
        }
        let brought = stage.bench.brings_back().await;
        let reference = stage.facade.read_continuation(&brought).unwrap();
        let claims = stage.facade.profile().claims.iter();
        let pictures = claims.filter(|claim| claim.name.is_image());
        let pictures = pictures.map(|claim| claim.field);
        let mut fields: Vec<String> = stage.fields().into_iter().map(str::to_owned).collect();
        fields.extend(pictures.map(str::to_owned));
        fields.sort_unstable();
        fields.dedup();
        let open = Self {
            stage,
            reference,
            fields,
        };
        open.look().await.unwrap();
        Some(open)
    }

    /// The same, of a connection that can do this.
    async fn with(capability: Capability) -> Option<Self> {
        let open = Self::new().await?;
        open.stage.has(capability).then_some(open)
    }

    fn subject(&self) -> &Pii<String> {
        &self.stage.prepared.subject
    }

    fn fields(&self) -> Vec<&str> {
        self.fields.iter().map(String::as_str).collect()
    }

    async fn look(&self) -> Result<LookAnswer, ProviderError> {
        self.look_for(self.subject(), &self.fields()).await
    }

    async fn look_for(
        &self,
        subject: &Pii<String>,
        fields: &[&str],
    ) -> Result<LookAnswer, ProviderError> {
        self.look_by(&self.stage.facade, subject, fields).await
    }

    async fn look_by(
        &self,
        facade: &Facade,
        subject: &Pii<String>,
        fields: &[&str],
    ) -> Result<LookAnswer, ProviderError> {
        let request = LookRequest {
            reference: &self.reference,
            subject,
            fields,
        };
        facade.look(&request).await
    }

    /// Looks while the network is upset.
    async fn upset(&self, upset: Upset) -> ProviderError {
        self.stage.front.upset(upset.clone());
        let outcome = self.look().await;
        let Err(failure) = outcome else {
            panic!("{upset:?}: {outcome:?}");
        };
        failure
    }

    async fn fetch(&self, offer: &EvidenceOffer) -> Result<Vec<u8>, ProviderError> {
        let mut body = self.stage.facade.fetch_evidence(offer).await?;
        let mut whole = Vec::new();
        while let Some(bytes) = body.next().await? {
            assert!(!bytes.is_empty());
            whole.extend_from_slice(&bytes);
        }
        Ok(whole)
    }

    async fn tell(&self, decision: Decision) -> Result<(), ProviderError> {
        let facade = &self.stage.facade;
        facade.tell_decision(&self.reference, decision).await
    }
}

/// All that a look tells, but for the links, which may be fresh ones each time.
fn told(answer: &LookAnswer) -> String {
    let items = answer.data.iter().flat_map(|data| &data.items);
    let items = items.map(|item| format!("{}={}", item.field, item.value.expose()));
    let mut all: Vec<String> = items.collect();
    all.extend(answer.offers.iter().map(|offer| offer.field.clone()));
    all.sort_unstable();
    let document = answer.document.as_ref().map(Pii::expose);
    let (status, progress) = (&answer.status, &answer.progress);
    let LookAnswer {
        rank,
        fact,
        whose,
        links,
        ..
    } = answer;
    format!("{status} {rank} {fact:?} {progress:?} {whose:?} {links:?} {document:?} {all:?}")
}

/// Reading it asks nobody, and is a function of what was brought back.
pub async fn what_is_brought_back_is_read_the_same_each_time_and_nonsense_is_not_read<B: Bench>() {
    let Some(open) = Open::<B>::new().await else {
        return;
    };
    let before = open.stage.front.requests();
    let as_brought = Continuation::PresentationRequest(open.reference.clone());
    let again = open.stage.facade.read_continuation(&as_brought).unwrap();
    assert_eq!(again.expose(), open.reference.expose());
    let long = "x".repeat(10_000);
    let url = open.stage.front.url();
    let nonsense = [
        String::new(),
        "..".to_owned(),
        "a/b".to_owned(),
        "a b".to_owned(),
        "a\u{0}".to_owned(),
        "169.254.169.254".to_owned(),
        "http://169.254.169.254/a".to_owned(),
        "https://[::ffff:127.0.0.1]/a".to_owned(),
        "file:///etc/passwd".to_owned(),
        "javascript:alert(1)".to_owned(),
        format!("{url}/a/../b"),
        format!("{url}/%2e%2e/b"),
        format!("{url}/a?b"),
        format!("{url}@elsewhere.invalid/a"),
        long,
    ];
    for text in nonsense {
        let brought = Continuation::PresentationRequest(Pii::new(text));
        assert!(open.stage.facade.read_continuation(&brought).is_err());
    }
    assert_eq!(open.stage.front.requests(), before);
}

/// However often it is looked at, it stays as it is.
pub async fn a_look_changes_nothing_and_shows_the_same_each_time<B: Bench>() {
    let Some(open) = Open::<B>::new().await else {
        return;
    };
    let first = open.look().await.unwrap();
    assert!(
        first
            .data
            .as_ref()
            .is_some_and(|data| !data.items.is_empty())
    );
    assert_eq!(first.fact, Some(Fact::Confirmed));
    assert!(first.whose == Whose::Theirs && !first.message.expose().is_empty());
    for _ in 0..3 {
        assert_eq!(told(&open.look().await.unwrap()), told(&first));
    }
    assert_eq!(open.stage.bench.held(), 1);
}

/// Of data and evidence, each is given only to whom asks for it.
pub async fn a_look_takes_only_what_was_asked_for<B: Bench>() {
    let Some(open) = Open::<B>::new().await else {
        return;
    };
    for field in &open.fields {
        let fields = [field.as_str()];
        let answer = open.look_for(open.subject(), &fields).await;
        let answer = answer.unwrap();
        let items = answer.data.iter().flat_map(|data| &data.items);
        assert!(items.into_iter().all(|item| item.field == *field));
        assert!(answer.offers.iter().all(|offer| offer.field == *field));
    }
}

/// Who hands in somebody else's gets nothing of it.
pub async fn a_look_at_another_user_s_request_gives_nothing<B: Bench>() {
    let Some(open) = Open::<B>::new().await else {
        return;
    };
    let another = open.stage.bench.wish_of_another();
    let another = open.stage.facade.prepare(&another).unwrap().subject;
    let answer = open.look_for(&another, &open.fields()).await.unwrap();
    assert!(answer.whose == Whose::Anothers && answer.data.is_none());
    assert!(answer.links.is_empty() && answer.offers.is_empty());
}

/// However it is not answered, the next look is as good as ever. Nothing leads it elsewhere.
pub async fn a_look_that_is_not_answered_says_what_may_be_done_next<B: Bench>() {
    let Some(open) = Open::<B>::new().await else {
        return;
    };
    each_says_what_may_be_done_next(&open.stage, async |facade| {
        let answer = open.look_by(facade, open.subject(), &open.fields()).await;
        Ok(told(&answer?))
    })
    .await;
    let redirect = "location: /elsewhere\r\n";
    let before = open.stage.front.requests();
    let failure = open.upset(Upset::Answered(302, redirect, Vec::new())).await;
    assert!(!failure.is_retryable(), "{failure:?}");
    assert_eq!(open.stage.front.requests(), before + 1);
}

/// A success that makes no sense is none; nor is one without end.
pub async fn a_look_that_is_answered_with_nonsense_is_not_believed<B: Bench>() {
    let Some(open) = Open::<B>::new().await else {
        return;
    };
    let bodies = nonsense().map(|body| Upset::Answered(200, "", body));
    for upset in bodies.into_iter().chain([Upset::Endless]) {
        let failure = open.upset(upset).await;
        let is_known = matches!(failure, ProviderError::InvalidAnswer(_));
        assert!(is_known, "{failure:?}");
    }
    assert!(open.look().await.is_ok());
}

/// A look is dropped on either side; made again, it shows the same.
pub async fn a_crash_on_either_side_of_a_look_leaves_it_askable<B: Bench>() {
    let Some(open) = Open::<B>::new().await else {
        return;
    };
    let whole = told(&open.look().await.unwrap());
    for (crash, count) in [(Upset::Silence, 1), (Upset::SilenceAfter, 2)] {
        open.stage.front.upset(crash.clone());
        tokio::select! {
            answered = open.look() => panic!("{crash:?}: {answered:?}"),
            () = open.stage.front.silent(count) => {}
        }
        assert_eq!(told(&open.look().await.unwrap()), whole, "{crash:?}");
    }
}

/// A link brings the same bytes each time, and changes nothing.
pub async fn evidence_comes_whole_as_often_as_it_is_fetched<B: Bench>() {
    let Some(open) = Open::<B>::with(Capability::Evidence).await else {
        return;
    };
    let before = open.look().await.unwrap();
    assert!(!before.offers.is_empty());
    for offer in &before.offers {
        let whole = open.fetch(offer).await.unwrap();
        assert!(!whole.is_empty());
        assert!(open.fetch(offer).await.unwrap() == whole, "{}", offer.field);
    }
    assert_eq!(told(&open.look().await.unwrap()), told(&before));
}

/// A dead link is refused, half a picture is none, and what leads elsewhere is not followed.
pub async fn evidence_that_does_not_come_says_what_may_be_done_next<B: Bench>() {
    let Some(open) = Open::<B>::with(Capability::Evidence).await else {
        return;
    };
    let offer = open.look().await.unwrap().offers.remove(0);
    let whole = open.fetch(&offer).await.unwrap();
    let fetch = async |upset: Upset| {
        open.stage.front.upset(upset.clone());
        let outcome = open.fetch(&offer).await;
        let Err(failure) = outcome else {
            panic!("{upset:?} brought {} bytes", outcome.unwrap().len());
        };
        failure
    };
    for status in [403, 404, 410] {
        let failure = fetch(Upset::Answered(status, "", Vec::new())).await;
        assert!(
            matches!(failure, ProviderError::Refused { .. }),
            "{failure:?}"
        );
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
        assert!(
            matches!(failure, ProviderError::InvalidAnswer(_)),
            "{failure:?}"
        );
    }
    let failure = fetch(Upset::Endless).await;
    assert!(
        matches!(failure, ProviderError::InvalidAnswer(_)),
        "{failure:?}"
    );
    assert!(open.fetch(&offer).await.unwrap() == whole);
}

/// Told again and again, also after an unclear outcome, it counts once, and a look shows it.
pub async fn a_decision_has_one_effect_however_often_it_is_told<B: Bench>() {
    for (decision, fact) in [
        (Decision::Approve, Fact::Approved),
        (
            Decision::Reject,
            Fact::Rejected(verilane_core::Reason::ReviewRejected),
        ),
    ] {
        let Some(open) = Open::<B>::with(Capability::Review).await else {
            return;
        };
        for unclear in [
            Upset::Answered(504, "", Vec::new()),
            Upset::AnsweredAfter(504, "", Vec::new()),
            Upset::CutAfter,
        ] {
            open.stage.front.upset(unclear.clone());
            let failure = open.tell(decision).await.unwrap_err();
            assert!(is_unclear(&failure), "{unclear:?}: {failure:?}");
        }
        for _ in 0..3 {
            open.tell(decision).await.unwrap();
            assert_eq!(open.look().await.unwrap().fact, Some(fact));
        }
        assert_eq!(open.stage.bench.decisions(), 1);
    }
}

/// It is dropped before, or after, the provider has taken it; the repeat has the one effect.
pub async fn a_crash_on_either_side_of_a_decision_has_one_effect_once_it_is_repeated<B: Bench>() {
    for (crash, taken) in [(Upset::Silence, 0), (Upset::SilenceAfter, 1)] {
        let Some(open) = Open::<B>::with(Capability::Review).await else {
            return;
        };
        open.stage.front.upset(crash.clone());
        tokio::select! {
            answered = open.tell(Decision::Approve) => panic!("{crash:?}: {answered:?}"),
            () = open.stage.front.silent(1) => {}
        }
        assert_eq!(open.stage.bench.decisions(), taken, "{crash:?}");
        open.tell(Decision::Approve).await.unwrap();
        assert_eq!(open.stage.bench.decisions(), 1, "{crash:?}");
    }
}
