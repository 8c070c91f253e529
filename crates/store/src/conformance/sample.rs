//! Changes such as the engine makes, with invented bytes where the vault's would stand.

use std::time::Duration;

use verilane_core::{
    Assurance, Attempt, AuditAction, AuditRecord, BlindIndex, Change, Checks, ClaimName,
    ClaimStatus, ConnectionName, Decision, DigestOf, DocumentType, EventKind, EvidenceId,
    EvidenceKind, EvidenceRecord, Facts, IdempotencyRecord, JobAbout, JobKey, JobKind, JobWrite,
    LookupKind, NewEvent, Principal, ProviderName, ProviderStatus, RequestedClaim, Revision,
    Sealed, SeenKey, SeenWrite, Slot, SlotHolder, SlotId, SlotWrite, StartPhase, StoredClaim,
    Timestamp, TraceParent, Verification, VerificationId, VerificationWrite, Wrapped,
};

/// When the samples begin.
pub const START: Timestamp = Timestamp::from_secs(1_700_000_000);

/// A time after [`START`].
#[must_use]
pub fn at(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

/// A digest unlike that of any other id.
#[must_use]
pub fn digest(id: [u8; 16], salt: u8) -> BlindIndex {
    let mut bytes = [salt; 32];
    bytes[..16].copy_from_slice(&id);
    BlindIndex::new(bytes)
}

/// A connection's name.
#[must_use]
pub fn connection(name: &str) -> ConnectionName {
    ConnectionName::new(name).unwrap()
}

/// The provider of all samples.
#[must_use]
pub fn provider() -> ProviderName {
    ProviderName::new("corepass").unwrap()
}

/// Bytes that only the vault could open.
#[must_use]
pub fn sealed(what: &str) -> Sealed {
    Sealed::new(what.as_bytes().to_vec())
}

/// A slot held by the first attempt of a verification.
#[must_use]
pub fn slot(of: VerificationId, created: Timestamp) -> Slot {
    let id = SlotId::generate();
    Slot {
        id,
        key: digest(*id.as_bytes(), 1),
        connection: connection("corepass-test"),
        paths: Wrapped::new(b"both paths".to_vec()),
        status_path: digest(*id.as_bytes(), 2),
        data_path: digest(*id.as_bytes(), 3),
        holder: SlotHolder {
            verification: of,
            attempt: 1,
        },
        create_time: created,
        keep_until: created + Duration::from_secs(30 * 86_400),
    }
}

/// An attempt whose intent is about to be committed.
#[must_use]
pub fn attempt(number: u32, slot: SlotId, started: Timestamp) -> Attempt {
    Attempt {
        number,
        connection: connection("corepass-test"),
        provider: provider(),
        slot,
        made_slot: number == 1,
        phase: StartPhase::Intended,
        facts: Facts::default(),
        provider_status: None,
        provider_rank: 0,
        start_time: started,
        requested_expiry: started + Duration::from_secs(600),
        expire_time: None,
        action: None,
        accept_time: None,
        confirm_time: None,
        end_time: None,
        handover: None,
    }
}

/// A verification before its first event.
#[must_use]
pub fn verification(slot: SlotId, created: Timestamp) -> Verification {
    let claim = |name, document, field: &str| RequestedClaim {
        name,
        document,
        field: field.to_owned(),
        required: document.is_some(),
        asked: document.is_some(),
        status: ClaimStatus::Requested,
    };
    Verification {
        id: VerificationId::generate(),
        revision: Revision(0),
        principal: Principal::anonymous(),
        connection: connection("corepass-test"),
        provider: provider(),
        create_time: created,
        update_time: created,
        expire_time: created + Duration::from_secs(3_600),
        max_attempts: 1,
        retention: None,
        forget_time: None,
        attempts: vec![attempt(1, slot, created)],
        claims: vec![
            claim(ClaimName::Name, Some(DocumentType::Passport), "P_FULL_NAME"),
            claim(
                ClaimName::Birthdate,
                Some(DocumentType::Passport),
                "P_DATE_OF_BIRTH",
            ),
            claim(ClaimName::Email, None, "SH_EMAIL"),
        ],
        data_key: Wrapped::new(b"a data key".to_vec()),
        subject: sealed("the subject"),
        subject_ref: Some(sealed("the reference")),
        labels: None,
        purpose: sealed("the purpose"),
        trace_parent: Some(TraceParent("00-0af7651916cd43dd-b7ad6b71-01".to_owned())),
    }
}

/// The event that takes a verification from `before` to `row`.
#[must_use]
pub fn event(before: Option<&Verification>, row: &Verification, kind: EventKind) -> NewEvent {
    let attempt = row.newest_attempt().unwrap();
    NewEvent {
        verification: row.id,
        revision: row.revision,
        attempt: attempt.number,
        kind,
        state_before: before.map(|before| before.state().0),
        state_after: row.state().0,
        connection: attempt.connection.clone(),
        provider: attempt.provider.clone(),
        provider_status: attempt.provider_status.clone(),
        provider_rank: Some(attempt.provider_rank),
        provider_progress: Some(ProviderStatus::Borrowed("in-progress")),
        decision: Some(Decision::Reject),
        provider_time: None,
        commit_time: row.update_time,
        assurance: Assurance::Signed,
        applied: true,
        late: false,
        reason: row.state().1,
        warnings: row.warnings(),
        furthest_status: None,
        retryable: false,
        tx_hash: Some(sealed("a transaction")),
    }
}

/// Creates a verification over a slot of its own: with lookups, a job and an audit record.
#[must_use]
pub fn create(created: Timestamp) -> Change {
    let mut row = verification(SlotId::generate(), created);
    let slot = slot(row.id, created);
    row.attempts[0].slot = slot.id;
    row.revision = Revision(1);
    let mut change = Change::new(created);
    change.events = vec![event(None, &row, EventKind::Created)];
    change.indexes = vec![
        (LookupKind::Subject, digest(*row.id.as_bytes(), 4)),
        (LookupKind::Label, digest(*row.id.as_bytes(), 5)),
        (LookupKind::Label, digest(*row.id.as_bytes(), 6)),
    ];
    change.jobs = vec![JobWrite::Schedule {
        key: job(&row, JobKind::Start),
        due: created,
        leased_until: None,
    }];
    change.audit = vec![audit(&row, AuditAction::VerificationCreated, &[])];
    change.slot = Some(SlotWrite::Make(slot));
    change.verification = Some(VerificationWrite {
        expected: None,
        row,
    });
    change
}

/// The row that a change writes.
#[must_use]
pub fn row(change: &Change) -> Verification {
    change.verification.as_ref().unwrap().row.clone()
}

/// The slot that a change makes or takes.
#[must_use]
pub fn slot_of(change: &Change) -> Slot {
    match change.slot.as_ref().unwrap() {
        SlotWrite::Make(slot) | SlotWrite::Take { slot, .. } => slot.clone(),
    }
}

/// A change that takes a verification one event further.
#[must_use]
pub fn step(
    before: &Verification,
    kind: EventKind,
    edit: impl FnOnce(&mut Verification),
) -> Change {
    let mut row = before.clone();
    row.revision = before.revision.next();
    row.update_time = before.update_time + Duration::from_secs(1);
    edit(&mut row);
    let mut change = Change::new(row.update_time);
    change.events = vec![event(Some(before), &row, kind)];
    change.verification = Some(VerificationWrite {
        expected: Some(before.revision),
        row,
    });
    change
}

/// A step such as a provider's status makes: one event, one identity noted.
#[must_use]
pub fn status(before: &Verification, word: &'static str) -> Change {
    let mut change = step(before, EventKind::ProviderStatus, |row| {
        let attempt = row.attempts.last_mut().unwrap();
        attempt.provider_status = Some(ProviderStatus::Borrowed(word));
        attempt.provider_rank += 1;
    });
    change.seen = vec![SeenWrite::First(seen(before, word))];
    change
}

/// The identity of a provider's event.
#[must_use]
pub fn seen(of: &Verification, identity: &str) -> SeenKey {
    SeenKey {
        verification: of.id,
        attempt: of.newest_attempt().unwrap().number,
        identity: identity.to_owned(),
    }
}

/// A job about the newest attempt.
#[must_use]
pub fn job(of: &Verification, kind: JobKind) -> JobKey {
    JobKey {
        kind,
        about: Some(JobAbout {
            verification: of.id,
            attempt: of.newest_attempt().unwrap().number,
        }),
    }
}

/// An audit record.
#[must_use]
pub fn audit(of: &Verification, action: AuditAction, matter: &[&str]) -> AuditRecord {
    AuditRecord {
        time: of.update_time,
        principal: Principal::new("a caller"),
        action,
        verification: Some(of.id),
        subject_matter: matter.iter().map(|name| (*name).to_owned()).collect(),
        details: (!matter.is_empty()).then(|| sealed("why")),
    }
}

/// A claim that came.
#[must_use]
pub fn claim(of: &Verification, field: &str, value: &str) -> StoredClaim {
    StoredClaim {
        verification: of.id,
        attempt: 1,
        field: field.to_owned(),
        name: ClaimName::Birthdate,
        document: Some(DocumentType::Passport),
        value: sealed(value),
        evidence: Some(EvidenceId::from_bytes(*of.id.as_bytes())),
        pepper: Some(sealed("pepper")),
        provider_document: Some(sealed("Passport")),
        revision: of.revision,
        provider_time: Some(of.update_time),
        receive_time: of.update_time,
        assurance: Assurance::Signed,
        key_fingerprint: Some("a fingerprint".to_owned()),
        imported: true,
        checks: Some(Checks {
            is_valid: true,
            is_owner: false,
            digest: Some(DigestOf::Bytes),
        }),
    }
}

/// A record of evidence in so many chunks.
#[must_use]
pub fn evidence(of: &Verification, id: EvidenceId, chunks: u32) -> EvidenceRecord {
    EvidenceRecord {
        id,
        verification: of.id,
        attempt: 1,
        kind: EvidenceKind::ProviderMessage,
        field: None,
        size: u64::from(chunks) * 100,
        chunks,
        description: sealed("a description"),
        revision: of.revision,
        receive_time: of.update_time,
    }
}

/// The answer remembered for a request id.
#[must_use]
pub fn request(of: &Verification, salt: u8, until: Timestamp) -> IdempotencyRecord {
    IdempotencyRecord {
        key: digest([salt; 16], 7),
        body: digest(*of.id.as_bytes(), 8),
        verification: of.id,
        attempt: 2,
        joined: salt % 2 == 1,
        expire_time: until,
    }
}
