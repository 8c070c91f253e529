//! The main job, told in a terminal, once for each provider: a verification is created over gRPC, its
//! user does what the provider asks of him, its transitions are shown as they stream, and the claims
//! are read back.
//!
//! It talks to the running service as any client does. What it reads are the values of people
//! whom the sandbox invented.

mod civic_pass;
mod civic_sip;
mod corepass;
mod picture;
mod watched;

use std::io::Write;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint};
use verilane_api::v1;
use verilane_api::v1::claim_service_client::ClaimServiceClient;
use verilane_api::v1::verification_service_client::VerificationServiceClient;
use verilane_sandbox::SandboxHandle;

/// How long anything may take before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whose story is told.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Story {
    /// A QR code, and signed callbacks.
    #[value(name = "corepass")]
    CorePass,
    /// A widget, looks, and a review.
    CivicPass,
    /// A popup, and a code that is exchanged.
    CivicSip,
}

/// What the demo plays with.
pub struct Stage<'a> {
    /// Where the gRPC API listens: `http://127.0.0.1:7443`.
    pub api: String,
    /// Whether colours are understood.
    pub has_colours: bool,
    /// The providers that it leads to.
    pub sandbox: &'a SandboxHandle,
}

/// Plays the main job to its end, over one provider or over all.
///
/// # Errors
/// Whatever did not go as it should.
pub async fn play(stage: &Stage<'_>, only: Option<Story>, out: &mut impl Write) -> Result<()> {
    let began = Instant::now();
    let channel = Endpoint::from_shared(stage.api.clone())?
        .connect()
        .await
        .context("the API does not answer")?;
    let mut api = Api {
        verifications: VerificationServiceClient::new(channel.clone()),
        claims: ClaimServiceClient::new(channel),
    };
    let all = <Story as clap::ValueEnum>::value_variants();
    for story in only.as_ref().map_or(all, std::slice::from_ref) {
        let told = async {
            match story {
                Story::CorePass => corepass::play(stage, &mut api, out).await,
                Story::CivicPass => civic_pass::play(stage, &mut api, out).await,
                Story::CivicSip => civic_sip::play(stage, &mut api, out).await,
            }
        };
        tokio::time::timeout(PATIENCE, told)
            .await
            .context("the demo took too long")??;
    }
    writeln!(out)?;
    writeln!(out, "Done in {:.1} s.", began.elapsed().as_secs_f64())?;
    Ok(())
}

/// The service, as its clients see it.
struct Api {
    verifications: VerificationServiceClient<Channel>,
    claims: ClaimServiceClient<Channel>,
}

impl Api {
    async fn create(&mut self, request: v1::CreateVerificationRequest) -> Result<v1::Verification> {
        let answer = self.verifications.create_verification(request).await?;
        let verification = answer.into_inner().verification;
        verification.context("the answer is empty")
    }

    /// Reads the claims of a verification, and shows them.
    async fn claims(&mut self, id: &str, out: &mut impl Write) -> Result<()> {
        let request = v1::ReadClaimsRequest {
            verification_id: id.to_owned(),
            access_context: context(),
            ..v1::ReadClaimsRequest::default()
        };
        let answer = self.claims.read_claims(request).await?.into_inner();
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
        for piece in answer.evidence {
            if piece.provider_field.is_empty() {
                continue;
            }
            let about = format!("{} bytes of {}", piece.size, piece.media_type);
            writeln!(out, "   {:<26} {about:<42} evidence", piece.provider_field)?;
        }
        Ok(())
    }
}

/// For what purpose, and for whom, claims are asked for and read.
fn context() -> Option<v1::AccessContext> {
    Some(v1::AccessContext {
        purpose: "account-opening".to_owned(),
        actor: "clerk-7".to_owned(),
        ..v1::AccessContext::default()
    })
}

fn heading(out: &mut impl Write, text: &str) -> Result<()> {
    writeln!(out)?;
    writeln!(out, "{text}")?;
    Ok(())
}
