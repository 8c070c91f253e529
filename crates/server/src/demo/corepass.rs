//! The story of CorePass: a verification is created over gRPC, its QR code drawn, its transitions shown
//! as they stream, the stream cut and resumed, a forged callback refused, and the claims read back.

use std::io::Write;

use anyhow::{Context as _, Result, bail};
use verilane_api::v1;
use verilane_sandbox::{ForgeOrder, Forgery, Scenario, Status, UserBehaviour};

use super::picture::qr_code;
use super::watched::{self, Watched};
use super::{Api, PATIENCE, Stage, heading};
use crate::dev::COREPASS;

/// After which of the provider's words the stream is cut.
const CUT_AFTER: &str = "INITIATED";
/// How long the user looks at the QR code, in seconds.
const HESITATION_S: u64 = 1;

/// Plays it.
pub(super) async fn play(stage: &Stage<'_>, api: &mut Api, out: &mut impl Write) -> Result<()> {
    let person = stage.sandbox.user("accepts")?;
    stage.sandbox.set_user_scenario(
        "accepts",
        Some(Scenario {
            user: UserBehaviour::AcceptAfter {
                seconds: HESITATION_S,
            },
            ..stage.sandbox.scenario()
        }),
    )?;

    heading(out, "1. A service asks for a verification")?;
    let verification = create(api, &person.core_id).await?;
    let (link, expires) = action(&verification)?;
    writeln!(out, "   id      {}", verification.id)?;
    writeln!(out, "   state   {}", watched::word(verification.state()))?;
    writeln!(
        out,
        "   link    {}…",
        link.chars().take(60).collect::<String>()
    )?;
    writeln!(out, "   until   {}", watched::clock_time(expires))?;

    heading(out, "2. Its page shows the user a QR code")?;
    writeln!(out, "{}", qr_code(&link, stage.has_colours)?)?;

    heading(out, "3. Every transition streams as it happens")?;
    let mut seen = Watched::default();
    seen.follow(
        &mut api.verifications,
        &verification.id,
        watched::beginning(),
        out,
        |event| event.provider_status == CUT_AFTER,
    )
    .await?;
    writeln!(out, "   ── the stream is cut here; the provider goes on ──")?;

    heading(out, "4. Meanwhile somebody forges a callback")?;
    forge(stage, &person.core_id, out).await?;
    let missed = while_away(stage, &person.core_id).await?;
    writeln!(
        out,
        "   ── and the connector reported up to {missed} while nobody watched ──"
    )?;

    heading(out, "5. The stream resumes with the last token it got")?;
    let token = seen.token();
    seen.follow(
        &mut api.verifications,
        &verification.id,
        token,
        out,
        |event| event.provider_status == "FINISH_SUCCESS",
    )
    .await?;
    seen.check_whole()?;
    writeln!(
        out,
        "   {} events, revisions 1 to {}: none missed, none twice",
        seen.count(),
        seen.count()
    )?;

    heading(
        out,
        "6. The claims are read, for a purpose, and the read is audited",
    )?;
    api.claims(&verification.id, out).await
}

async fn create(api: &mut Api, core_id: &str) -> Result<v1::Verification> {
    let claim = |name: &str, document: v1::DocumentType| v1::ClaimRequest {
        selector: Some(v1::claim_request::Selector::Claim(v1::ClaimKey {
            name: name.to_owned(),
            document_type: document.into(),
        })),
        necessity: v1::Necessity::Required.into(),
    };
    let passport = v1::DocumentType::Passport;
    let request = v1::CreateVerificationRequest {
        request_id: "demo-corepass".to_owned(),
        connection: COREPASS.to_owned(),
        subject: Some(v1::Subject {
            identifier: Some(v1::subject::Identifier::CoreId(core_id.to_owned())),
        }),
        subject_ref: "customer-4711".to_owned(),
        claims: vec![
            claim("name", passport),
            claim("birthdate", passport),
            claim("document.document_number", passport),
            claim("document.country", passport),
            claim("email", v1::DocumentType::Unspecified),
        ],
        access_context: super::context(),
        ..v1::CreateVerificationRequest::default()
    };
    api.create(request).await
}

fn action(verification: &v1::Verification) -> Result<(String, prost_types::Timestamp)> {
    let action = verification.attempts.last().and_then(|a| a.action.clone());
    match action.and_then(|action| action.kind) {
        Some(v1::action::Kind::QrOrLink(qr)) => {
            Ok((qr.link, qr.expire_time.context("the action has no expiry")?))
        }
        _ => bail!("the verification has no QR code"),
    }
}

async fn forge(stage: &Stage<'_>, core_id: &str, out: &mut impl Write) -> Result<()> {
    let request = request(stage, core_id)?;
    let order = ForgeOrder {
        forgery: Forgery::OtherKey,
        data: false,
        status: None,
    };
    let delivery = stage.sandbox.forge(&request, order).await?;
    match delivery.http {
        Some(200) | None => bail!("a forged callback was not refused: {:?}", delivery.http),
        Some(code) => writeln!(
            out,
            "   signed with a key that nobody pinned: refused with HTTP {code}, nothing changed"
        )?,
    }
    Ok(())
}

fn request(stage: &Stage<'_>, core_id: &str) -> Result<String> {
    let requests = stage.sandbox.requests(Some(core_id))?;
    Ok(requests
        .last()
        .context("the connector has no request")?
        .id
        .clone())
}

/// Waits until the connector has gone on, so that there is something to have missed.
async fn while_away(stage: &Stage<'_>, core_id: &str) -> Result<&'static str> {
    let request = request(stage, core_id)?;
    let far = Status::ValiditySucceed;
    stage.sandbox.reached(&request, far, PATIENCE).await?;
    Ok("VALIDITY_SUCCEED")
}
