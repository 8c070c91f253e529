//! The main job, told in a terminal: a verification is created over gRPC, its QR code drawn, its
//! transitions shown as they stream, the stream cut and resumed, a forged callback refused, and the
//! claims read back.
//!
//! It talks to the running service as any client does. What it reads are the values of a person
//! whom the sandbox invented.

mod picture;
mod watched;

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint};
use verilane_api::v1;
use verilane_api::v1::claim_service_client::ClaimServiceClient;
use verilane_api::v1::verification_service_client::VerificationServiceClient;
use verilane_sandbox::{ForgeOrder, Forgery, SandboxHandle, Scenario, Status, UserBehaviour};

use picture::qr_code;
use watched::Watched;

/// After which of the provider's words the stream is cut.
const CUT_AFTER: &str = "INITIATED";
/// How long the user looks at the QR code, in seconds.
const HESITATION_S: u64 = 1;
/// How long anything may take before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the demo plays with.
pub struct Stage<'a> {
    /// Where the gRPC API listens: `http://127.0.0.1:7443`.
    pub api: String,
    /// The connection to verify over.
    pub connection: &'a str,
    /// Whether colours are understood.
    pub has_colours: bool,
    /// The connector that it leads to.
    pub sandbox: &'a SandboxHandle,
}

/// Plays the main job to its end.
///
/// # Errors
/// Whatever did not go as it should.
pub async fn play(stage: &Stage<'_>, out: &mut impl Write) -> Result<()> {
    tokio::time::timeout(PATIENCE, story(stage, out))
        .await
        .context("the demo took too long")?
}

async fn story(stage: &Stage<'_>, out: &mut impl Write) -> Result<()> {
    let began = Instant::now();
    let channel = Endpoint::from_shared(stage.api.clone())?
        .connect()
        .await
        .context("the API does not answer")?;
    let mut verifications = VerificationServiceClient::new(channel.clone());
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
    let verification = create(&mut verifications, stage.connection, &person.core_id).await?;
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
    let from_beginning =
        v1::watch_verification_request::Start::StartPoint(v1::StartPoint::Beginning.into());
    seen.follow(
        &mut verifications,
        &verification.id,
        from_beginning,
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
    let token = v1::watch_verification_request::Start::ResumeToken(seen.token().to_owned());
    seen.follow(&mut verifications, &verification.id, token, out, |event| {
        event.provider_status == "FINISH_SUCCESS"
    })
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
    claims(channel, &verification.id, out).await?;
    writeln!(out)?;
    writeln!(out, "Done in {:.1} s.", began.elapsed().as_secs_f64())?;
    Ok(())
}

fn heading(out: &mut impl Write, text: &str) -> Result<()> {
    writeln!(out)?;
    writeln!(out, "{text}")?;
    Ok(())
}

async fn create(
    client: &mut VerificationServiceClient<Channel>,
    connection: &str,
    core_id: &str,
) -> Result<v1::Verification> {
    let claim = |name: &str, document: v1::DocumentType| v1::ClaimRequest {
        selector: Some(v1::claim_request::Selector::Claim(v1::ClaimKey {
            name: name.to_owned(),
            document_type: document.into(),
        })),
        necessity: v1::Necessity::Required.into(),
    };
    let passport = v1::DocumentType::Passport;
    let request = v1::CreateVerificationRequest {
        request_id: "demo-1".to_owned(),
        connection: connection.to_owned(),
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
        access_context: Some(v1::AccessContext {
            purpose: "account-opening".to_owned(),
            ..v1::AccessContext::default()
        }),
        ..v1::CreateVerificationRequest::default()
    };
    let answer = client.create_verification(request).await?.into_inner();
    answer.verification.context("the answer is empty")
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

async fn claims(channel: Channel, id: &str, out: &mut impl Write) -> Result<()> {
    let request = v1::ReadClaimsRequest {
        verification_id: id.to_owned(),
        access_context: Some(v1::AccessContext {
            purpose: "account-opening".to_owned(),
            actor: "clerk-7".to_owned(),
            ..v1::AccessContext::default()
        }),
        ..v1::ReadClaimsRequest::default()
    };
    let answer = ClaimServiceClient::new(channel)
        .read_claims(request)
        .await?
        .into_inner();
    if answer.claims.is_empty() {
        bail!("no claims came");
    }
    for claim in answer.claims {
        let name = claim.claim.map(|key| key.name).unwrap_or_default();
        let value = claim.value.and_then(|value| value.kind).map(watched::value);
        let provenance = claim.provenance.unwrap_or_default();
        writeln!(
            out,
            "   {name:<26} {:<42} {}",
            value.unwrap_or_default(),
            provenance.provider_field
        )?;
    }
    Ok(())
}
