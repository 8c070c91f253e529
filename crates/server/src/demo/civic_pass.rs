//! The story of Civic Pass: a verification whose user goes through the widget, whose request is looked at
//! from then on, whose claims and evidence are read, and which the caller decides.

use std::io::Write;

use anyhow::{Context as _, Result, bail, ensure};
use tonic::Code;
use verilane_api::v1;
use verilane_sandbox::{CivicPassHandle, CivicPassScenario, PiiOrder, Turn};

use super::watched::{self, Watched};
use super::{Api, Stage, heading};
use crate::dev::CIVIC_PASS;

/// The user's wallet, which the caller knows already.
const WALLET: &str = "0xAb5801a7D398351b8bE11C439e05C5B3259aeC9B";

/// Plays it.
pub(super) async fn play(stage: &Stage<'_>, api: &mut Api, out: &mut impl Write) -> Result<()> {
    let civic = stage.sandbox.civic_pass();

    heading(out, "1. A service asks for a verification at Civic Pass")?;
    let verification = create(api).await?;
    writeln!(out, "   id      {}", verification.id)?;
    writeln!(out, "   state   {}", watched::word(verification.state()))?;

    heading(
        out,
        "2. Its page runs the widget, and hands over what that gives it",
    )?;
    let widget = widget(&verification)?;
    writeln!(out, "   partnerId          {}", widget.partner_id)?;
    writeln!(out, "   gatekeeperNetwork  {}", widget.gatekeeper_network)?;
    let request = open_widget(&civic)?;
    writeln!(out, "   presentation request id → {request}")?;
    hand_over(api, &verification.id, &request).await?;

    heading(
        out,
        "3. The request is looked at, and each change streams as it is seen",
    )?;
    let mut seen = Watched::default();
    let mut start = watched::beginning();
    for (word, turn) in [
        ("awaiting-user", "user-acknowledged"),
        ("user-acknowledged", "verification-success"),
    ] {
        seen.follow(
            &mut api.verifications,
            &verification.id,
            start,
            out,
            |event| event.provider_status == word,
        )
        .await?;
        start = seen.token();
        civic.turn(&request, Turn::to(turn))?;
    }
    seen.follow(
        &mut api.verifications,
        &verification.id,
        start,
        out,
        |event| event.state_after() == v1::State::InReview,
    )
    .await?;

    heading(
        out,
        "4. A clerk reads the claims, for a purpose, and decides; nobody can decide otherwise then",
    )?;
    api.claims(&verification.id, out).await?;
    let decision = review(api, &verification.id, v1::Decision::Approve).await;
    decision.context("the decision was not taken")?;
    match review(api, &verification.id, v1::Decision::Reject).await {
        Err(refused) if refused.code() == Code::Aborted => {
            writeln!(
                out,
                "   a second, other decision: refused, {}",
                refused.code()
            )?;
        }
        other => bail!("a second, other decision was not refused: {other:?}"),
    }

    heading(out, "5. Civic is told, and has the last word")?;
    let token = seen.token();
    seen.follow(
        &mut api.verifications,
        &verification.id,
        token,
        out,
        |event| event.state_after() == v1::State::Verified,
    )
    .await?;
    seen.check_whole()?;
    let told = civic.request(&request)?.status;
    ensure!(told == "partner-pass", "Civic was told {told}");
    writeln!(
        out,
        "   {} events, revisions 1 to {}: none missed, none twice",
        seen.count(),
        seen.count()
    )?;
    Ok(())
}

async fn create(api: &mut Api) -> Result<v1::Verification> {
    let any = |name: &str| {
        v1::claim_request::Selector::FromAnyDocument(v1::ClaimFromAnyDocument {
            name: name.to_owned(),
            ..v1::ClaimFromAnyDocument::default()
        })
    };
    let field = |field: &str| v1::claim_request::Selector::ProviderField(field.to_owned());
    let claim = |selector| v1::ClaimRequest {
        selector: Some(selector),
        necessity: v1::Necessity::Required.into(),
    };
    api.create(v1::CreateVerificationRequest {
        request_id: "demo-civic-pass".to_owned(),
        connection: CIVIC_PASS.to_owned(),
        subject: Some(v1::Subject {
            identifier: Some(v1::subject::Identifier::WalletAddress(WALLET.to_owned())),
        }),
        subject_ref: "customer-4711".to_owned(),
        claims: [
            any("name"),
            any("age_over_18"),
            any("document.document_number"),
            field("evidence-selfie"),
        ]
        .map(claim)
        .into(),
        access_context: super::context(),
        ..v1::CreateVerificationRequest::default()
    })
    .await
}

fn widget(verification: &v1::Verification) -> Result<v1::GatewayWidget> {
    let action = verification.attempts.last().and_then(|a| a.action.clone());
    match action.and_then(|action| action.kind) {
        Some(v1::action::Kind::GatewayWidget(widget)) => Ok(widget),
        _ => bail!("the verification has no widget"),
    }
}

/// The user opens the widget: the name of his request.
fn open_widget(civic: &CivicPassHandle) -> Result<String> {
    let scenario = CivicPassScenario::named("by-hand").context("there is no such scenario")?;
    let order = PiiOrder {
        wallet: Some(WALLET.to_owned()),
        scenario: Some(scenario),
        ..PiiOrder::default()
    };
    Ok(civic.start(order)?.presentation_request_id)
}

async fn hand_over(api: &mut Api, id: &str, request: &str) -> Result<()> {
    use v1::continue_verification_request::Continuation;
    let request = v1::ContinueVerificationRequest {
        verification_id: id.to_owned(),
        continuation: Some(Continuation::PresentationRequestId(request.to_owned())),
        ..v1::ContinueVerificationRequest::default()
    };
    api.verifications.continue_verification(request).await?;
    Ok(())
}

async fn review(
    api: &mut Api,
    id: &str,
    decision: v1::Decision,
) -> std::result::Result<(), tonic::Status> {
    let request = v1::ReviewVerificationRequest {
        verification_id: id.to_owned(),
        decision: decision.into(),
        access_context: super::context(),
        ..v1::ReviewVerificationRequest::default()
    };
    api.verifications.review_verification(request).await?;
    Ok(())
}
