//! The story of Civic SIP: a verification whose user approves in a popup, whose page hands over the code,
//! and whose claims are there with the answer; and a stranger's code that comes to nothing.

use std::io::Write;

use anyhow::{Context as _, Result, bail, ensure};
use verilane_api::v1;
use verilane_api::v1::continue_verification_request::Continuation;
use verilane_sandbox::{Scope, ScopeOrder};

use super::watched::{self, Watched};
use super::{Api, Stage, heading};
use crate::dev::CIVIC_SIP;

/// Plays it.
pub(super) async fn play(stage: &Stage<'_>, api: &mut Api, out: &mut impl Write) -> Result<()> {
    let civic = stage.sandbox.civic_sip();

    heading(out, "1. A service asks for a verification at Civic SIP")?;
    let verification = create(api, "demo-civic-sip", "PROOF_OF_IDENTITY", "").await?;
    let popup = popup(&verification)?;
    writeln!(out, "   id      {}", verification.id)?;
    writeln!(out, "   state   {}", watched::word(verification.state()))?;

    heading(
        out,
        "2. Its page opens the popup; the user reads its code with his phone, and approves",
    )?;
    writeln!(out, "   appId         {}", popup.application_id)?;
    writeln!(out, "   scopeRequest  {}", popup.scope_request)?;
    let request = civic.open(ScopeOrder {
        scope: Scope::ProofOfIdentity,
        ..ScopeOrder::default()
    });
    civic.read(&request.id)?;
    hand_over(
        api,
        &verification.id,
        Continuation::RequestSeen(v1::RequestSeen {}),
    )
    .await?;
    let approved = civic.approve(&request.id)?;
    let code = approved.token().context("the popup gave no code")?;
    writeln!(
        out,
        "   authorization code → {}…",
        code.chars().take(40).collect::<String>()
    )?;

    heading(
        out,
        "3. The page hands the code over; it is exchanged, once, and the answer is final",
    )?;
    let code = Continuation::AuthorizationCode(code.to_owned());
    let after = hand_over(api, &verification.id, code).await?;
    ensure!(
        after.state() == v1::State::Verified,
        "the verification is {}",
        watched::word(after.state())
    );
    let mut seen = Watched::default();
    let start = watched::beginning();
    let id = &verification.id;
    let is_last = |event: &v1::Event| event.revision == after.revision;
    seen.follow(&mut api.verifications, id, start, out, is_last)
        .await?;
    seen.check_whole()?;
    let count = seen.count();
    writeln!(
        out,
        "   {count} events, revisions 1 to {count}: none missed, none twice"
    )?;

    heading(
        out,
        "4. The claims are read: the user's own id at Civic is one of them",
    )?;
    api.claims(id, out).await?;

    heading(
        out,
        "5. Later that id is a second factor: somebody else's phone is no use",
    )?;
    let again = create(
        api,
        "demo-second-factor",
        "ANONYMOUS_LOGIN",
        &request.user_id,
    )
    .await?;
    let stranger = civic.approved(ScopeOrder {
        scope: Scope::AnonymousLogin,
        ..ScopeOrder::default()
    })?;
    let code = Continuation::AuthorizationCode(stranger);
    let refused = hand_over(api, &again.id, code).await?;
    ensure!(
        refused.reason == "SUBJECT_MISMATCH",
        "a stranger was not turned away: {}",
        watched::word(refused.state())
    );
    writeln!(
        out,
        "   a stranger approves: {}, {}",
        watched::word(refused.state()),
        refused.reason
    )?;
    Ok(())
}

async fn create(
    api: &mut Api,
    request_id: &str,
    scope: &str,
    expected: &str,
) -> Result<v1::Verification> {
    let named = |id: &str| v1::Subject {
        identifier: Some(v1::subject::Identifier::ProviderSubjectId(id.to_owned())),
    };
    api.create(v1::CreateVerificationRequest {
        request_id: request_id.to_owned(),
        connection: CIVIC_SIP.to_owned(),
        subject: Some(expected).filter(|id| !id.is_empty()).map(named),
        subject_ref: "customer-4711".to_owned(),
        scope: scope.to_owned(),
        access_context: super::context(),
        ..v1::CreateVerificationRequest::default()
    })
    .await
}

fn popup(verification: &v1::Verification) -> Result<v1::ScopeRequestPopup> {
    let action = verification.attempts.last().and_then(|a| a.action.clone());
    match action.and_then(|action| action.kind) {
        Some(v1::action::Kind::ScopeRequestPopup(popup)) => Ok(popup),
        _ => bail!("the verification has no popup"),
    }
}

async fn hand_over(api: &mut Api, id: &str, brought: Continuation) -> Result<v1::Verification> {
    let request = v1::ContinueVerificationRequest {
        verification_id: id.to_owned(),
        continuation: Some(brought),
        ..v1::ContinueVerificationRequest::default()
    };
    let answer = api.verifications.continue_verification(request).await?;
    let verification = answer.into_inner().verification;
    verification.context("the answer is empty")
}
