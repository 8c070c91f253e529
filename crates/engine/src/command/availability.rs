//! What a user holds of what a caller wishes for: asked of the provider in one request, and turned
//! into what a verification would ask for.
//!
//! Creating a verification begins with it, and it can be had alone; either way the same wishes and
//! the same holdings give the same answer. It tells something about a person without his doing, so
//! it is in the audit chain before its caller hears of it: as the verification's creation, or where
//! there is none, as a record of its own.

use verilane_core::{
    AuditAction, AuditRecord, Change, ConnectionName, Pii, Principal, Reason, RequestedClaim,
    Resolution, Sealed, fields_of, resolve,
};
use verilane_provider::{Capability, Prepared, StartRequest};
use verilane_vault::WrapPurpose;

use crate::crash::CrashPoint;
use crate::engine::{Connection, Engine};
use crate::sealing::write_parts;
use crate::{
    AccessContext, AvailabilityView, CheckAvailability, ClaimAvailability, ClaimNotHeld,
    CreateVerification, EngineError,
};

/// Who asks about whom, and why.
struct Lookup<'a> {
    principal: &'a Principal,
    access: &'a AccessContext,
    connection: &'a ConnectionName,
    subject: &'a Pii<String>,
}

impl Engine {
    /// Tells what a user holds of these claims, and where each would be asked for. Nothing is
    /// started, and nothing is stored but the audit record.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` and its kin for what is wrong with the request; `CONNECTION_NOT_FOUND`;
    /// `AVAILABILITY_NOT_OFFERED`; `PROVIDER_REFUSED`, `PROVIDER_UNAVAILABLE`,
    /// `PROVIDER_ANSWER_INVALID`; and those of the store.
    pub async fn check_availability(
        &self,
        check: &CheckAvailability,
    ) -> Result<AvailabilityView, EngineError> {
        let connection = self.connection(&check.connection)?;
        let prepared = connection.facade.prepare(&StartRequest {
            scope: None,
            subject: check.subject.clone(),
            claims: check.claims.clone(),
            action_lifetime: None,
        });
        let access = check.access.check();
        let prepared = match (prepared, access) {
            (Ok(prepared), Ok(())) => prepared,
            (prepared, access) => {
                let wrong = access.err().map(|error| error.violations);
                let all = prepared.err().into_iter().chain(wrong).flatten();
                return Err(EngineError::fields(all.collect()));
            }
        };
        if !can_tell(connection) {
            return Err(not_offered(&check.connection));
        }
        let resolution = self.resolution(connection, &prepared).await?;
        self.record(
            &Lookup {
                principal: &check.principal,
                access: &check.access,
                connection: &check.connection,
                subject: &prepared.subject,
            },
            &prepared,
        )
        .await?;
        Ok(AvailabilityView {
            can_create: resolution.missing().is_empty(),
            claims: resolution
                .answered
                .iter()
                .map(|one| ClaimAvailability {
                    wish: one.wish.clone(),
                    source: one.source.cloned(),
                })
                .collect(),
        })
    }

    /// The claims of a verification to create. What is optional and not held is among them and said
    /// to be so; what is required and not held ends the call.
    pub(super) async fn claims_to_ask(
        &self,
        request: &CreateVerification,
        prepared: &Prepared,
    ) -> Result<Vec<RequestedClaim>, EngineError> {
        let connection = self.connection(&request.connection)?;
        let resolution = self.resolution(connection, prepared).await?;
        let missing = resolution.missing();
        if missing.is_empty() {
            return Ok(resolution.claims());
        }
        self.record(
            &Lookup {
                principal: &request.principal,
                access: &request.access,
                connection: &request.connection,
                subject: &prepared.subject,
            },
            prepared,
        )
        .await?;
        Err(not_held(&resolution, &missing))
    }

    /// Asks what the user holds, where the provider can tell, and picks what to ask for.
    async fn resolution<'a>(
        &self,
        connection: &Connection,
        prepared: &'a Prepared,
    ) -> Result<Resolution<'a>, EngineError> {
        if can_tell(connection) {
            let held = connection.facade.check_availability(prepared).await;
            let held = held
                .map_err(|error| super::start::provider_error(&error))?
                .held;
            self.crash_point(CrashPoint::AvailabilityAnswered);
            return Ok(resolve(&prepared.claims, |field| {
                held.iter().any(|held| held == field)
            }));
        }
        // Nobody can choose for the user among fields of which it is not known whether he holds them.
        if prepared.claims.iter().any(|wish| wish.sources.len() > 1) {
            return Err(not_offered(connection.facade.connection()));
        }
        Ok(resolve(&prepared.claims, |_| true))
    }

    /// Makes durable that somebody is about to be told what a user holds.
    async fn record(&self, lookup: &Lookup<'_>, prepared: &Prepared) -> Result<(), EngineError> {
        let now = self.now();
        // There is no verification whose key could seal it. The user stands in it as an index by
        // which he is found, but not read.
        let [purpose, actor, reference] = lookup.access.parts();
        let subject = self.subject_index(lookup.subject);
        let connection = lookup.connection.as_str().as_bytes();
        let details = write_parts([purpose, actor, reference, subject.as_bytes(), connection]);
        let place = now.as_micros().to_be_bytes();
        let place: [&[u8]; 2] = [&place, lookup.principal.as_str().as_bytes()];
        let vault = self.keys.vault();
        let wrapped = vault.wrap_secret(WrapPurpose::AuditDetails, &place, &details)?;
        let matter = prepared.claims.iter().map(|wish| {
            let document = match wish.sources.as_slice() {
                [only] => only.document,
                _ => None,
            };
            crate::view::matter(wish.name, document)
        });
        let mut change = Change::new(now);
        change.audit.push(AuditRecord {
            time: now,
            principal: lookup.principal.clone(),
            action: AuditAction::AvailabilityChecked,
            verification: None,
            subject_matter: matter.collect(),
            details: Some(Sealed::new(wrapped.as_bytes().to_vec())),
        });
        self.commit(change).await?;
        Ok(())
    }
}

fn can_tell(connection: &Connection) -> bool {
    let capabilities = &connection.facade.profile().capabilities;
    capabilities.contains(&Capability::Availability)
}

fn not_offered(connection: &ConnectionName) -> EngineError {
    EngineError::new(Reason::AvailabilityNotOffered).with("connection", connection)
}

fn not_held(resolution: &Resolution<'_>, missing: &[usize]) -> EngineError {
    let of_missing = || {
        let numbered = resolution.answered.iter().enumerate();
        numbered.filter(|(place, _)| missing.contains(place))
    };
    let wishes: Vec<_> = of_missing().map(|(_, one)| one.wish.clone()).collect();
    let mut error =
        EngineError::new(Reason::ClaimsNotHeld).with("fields", fields_of(&wishes).join(","));
    error.not_held = of_missing()
        .map(|(place, one)| ClaimNotHeld {
            place,
            name: one.wish.name,
            fields: one.wish.fields().map(str::to_owned).collect(),
        })
        .collect();
    error
}
