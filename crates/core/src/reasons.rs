//! The one registry of reasons: why a request was refused, an attempt ended, a callback was not
//! believed, or a warning stands.
//!
//! Each has a page in `docs/errors/` under its code; a test holds the two against each other. A
//! code, once released, keeps its meaning. Codes carry no personal data and may stand anywhere.

use std::fmt;

/// Where a reason turns up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasonKind {
    /// In the `ErrorInfo` of a refused call.
    Request,
    /// As the reason of an attempt or verification that has ended.
    End,
    /// As a warning on an event and its verification.
    Warning,
    /// As the verdict on a provider's callback: in metrics, and in the answer to the provider.
    Callback,
}

macro_rules! registry {
    ($($variant:ident = $code:literal, $kind:ident, $summary:literal;)*) => {
        /// A reason from the registry. Ordered as listed: where several compete for one place, the
        /// greatest wins, so that the outcome does not depend on the order in which they came.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $(#[doc = $summary] $variant,)*
        }

        impl Reason {
            /// Every reason there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code by which callers know it.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// Where it turns up.
            #[must_use]
            pub const fn kind(self) -> ReasonKind {
                match self { $(Self::$variant => ReasonKind::$kind,)* }
            }

            /// One sentence on what it means.
            #[must_use]
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$variant => $summary,)* }
            }

            /// The reason with this code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

registry! {
    InvalidArgument = "INVALID_ARGUMENT", Request, "A field of the request is missing or malformed.";
    SubjectMalformed = "SUBJECT_MALFORMED", Request, "The subject is not an identifier that the provider could know.";
    ClaimUnknown = "CLAIM_UNKNOWN", Request, "A claim that neither our vocabulary nor the provider has.";
    ClaimNotOffered = "CLAIM_NOT_OFFERED", Request, "The connection's provider does not offer this claim.";
    ClaimRepeated = "CLAIM_REPEATED", Request, "The same claim is asked for twice.";
    ActionLifetimeOutOfRange = "ACTION_LIFETIME_OUT_OF_RANGE", Request, "The lifetime of the action is not one that the provider accepts.";
    ExpireTimeOutOfRange = "EXPIRE_TIME_OUT_OF_RANGE", Request, "The verification's expiry is too near or too far.";
    PurposeRequired = "PURPOSE_REQUIRED", Request, "Personal data is read or requested only for a stated purpose.";
    ConnectionNotFound = "CONNECTION_NOT_FOUND", Request, "No connection of this name is configured.";
    VerificationNotFound = "VERIFICATION_NOT_FOUND", Request, "No verification has this id.";
    RequestIdReused = "REQUEST_ID_REUSED", Request, "The request id was used for a different request.";
    RevisionMismatch = "REVISION_MISMATCH", Request, "The verification has moved on since the expected revision.";
    Contended = "CONTENDED", Request, "Too many changes of one verification at once.";
    AlreadyVerified = "ALREADY_VERIFIED", Request, "A verified verification can't be cancelled.";
    ClaimsNotHeld = "CLAIMS_NOT_HELD", Request, "The user holds no verified value for a required claim.";
    ClaimsNotAvailable = "CLAIMS_NOT_AVAILABLE", Request, "The verification has no claims to read.";
    ClaimNotRequested = "CLAIM_NOT_REQUESTED", Request, "The claim was not part of this verification.";
    ProviderRequestNotOurs = "PROVIDER_REQUEST_NOT_OURS", Request, "The provider already holds a request for this user and these items that this service did not make.";
    RequestAlreadyOpen = "REQUEST_ALREADY_OPEN", Request, "A request for this user and these items is already open.";
    ProviderUnavailable = "PROVIDER_UNAVAILABLE", Request, "The provider can't be reached, or did not answer in time.";
    ProviderRefused = "PROVIDER_REFUSED", Request, "The provider refused the request.";
    ProviderAnswerInvalid = "PROVIDER_ANSWER_INVALID", Request, "The provider's answer can't be used.";
    ResumeTokenMalformed = "RESUME_TOKEN_MALFORMED", Request, "The resume token was not made by this service.";
    ResumeTokenFilterMismatch = "RESUME_TOKEN_FILTER_MISMATCH", Request, "The resume token was given under another filter.";
    ResumeTokenExpired = "RESUME_TOKEN_EXPIRED", Request, "Events after the resume token have been purged.";
    ResumeTokenUnknown = "RESUME_TOKEN_UNKNOWN", Request, "The resume token belongs to another log.";
    PageTokenMalformed = "PAGE_TOKEN_MALFORMED", Request, "The page token was not made for this list.";
    TooManyWatches = "TOO_MANY_WATCHES", Request, "No further watch can be held.";
    MethodUnknown = "METHOD_UNKNOWN", Request, "This service has no such method.";
    RequestTooLarge = "REQUEST_TOO_LARGE", Request, "The request's message is larger than this service reads.";
    AvailabilityNotOffered = "AVAILABILITY_NOT_OFFERED", Request, "The connection can't tell what a user holds.";
    ConnectionMisconfigured = "CONNECTION_MISCONFIGURED", Request, "The provider turns away whatever this connection sends.";
    StoreUnavailable = "STORE_UNAVAILABLE", Request, "The store can't be reached.";
    CommitOutcomeUnknown = "COMMIT_OUTCOME_UNKNOWN", Request, "The store failed while it committed; the change may stand.";
    DeadlineExceeded = "DEADLINE_EXCEEDED", Request, "The call's deadline passed before it was done.";
    ShuttingDown = "SHUTTING_DOWN", Request, "This process is shutting down.";
    Internal = "INTERNAL", Request, "A fault of this service.";
    NotRetryable = "NOT_RETRYABLE", Request, "The verification does not stand where a new attempt can be asked for.";
    AttemptsExhausted = "ATTEMPTS_EXHAUSTED", Request, "The verification has had as many attempts as it may.";
    VerificationOver = "VERIFICATION_OVER", Request, "The verification's own time has passed.";
    EvidenceNotFound = "EVIDENCE_NOT_FOUND", Request, "The verification has no such evidence to hand out.";
    EvidenceOffsetOutOfRange = "EVIDENCE_OFFSET_OUT_OF_RANGE", Request, "The offset lies beyond the end of the evidence.";
    EvidenceDamaged = "EVIDENCE_DAMAGED", Request, "A piece of the evidence is missing or is not what was stored.";
    RevalidationNotOffered = "REVALIDATION_NOT_OFFERED", Request, "The connection can't check claims again.";
    ImportNotConfirmed = "IMPORT_NOT_CONFIRMED", Request, "The provider does not confirm every value of the message.";
    NothingToImport = "NOTHING_TO_IMPORT", Request, "There is no message of this attempt in quarantine.";
    AttemptCancelled = "ATTEMPT_CANCELLED", Request, "The message is for a cancelled attempt, and carries no signature that holds.";
    ContinuationNotOffered = "CONTINUATION_NOT_OFFERED", Request, "The connection's provider takes nothing of this kind back from a browser.";
    ContinuationMalformed = "CONTINUATION_MALFORMED", Request, "What the browser brought back is not what the provider hands out.";
    ContinuationTaken = "CONTINUATION_TAKEN", Request, "What the browser brought back belongs to another verification.";
    AlreadyContinued = "ALREADY_CONTINUED", Request, "The attempt goes on with something else that a browser brought back.";
    NotContinuable = "NOT_CONTINUABLE", Request, "The verification does not stand where a browser could bring something back.";
    ScopeUnknown = "SCOPE_UNKNOWN", Request, "The connection's provider has no set of claims of this name.";
    AuthCodeMalformed = "AUTH_CODE_MALFORMED", Request, "The authorization code is not a token of the provider's.";
    AuthCodeAlgorithm = "AUTH_CODE_ALGORITHM", Request, "The authorization code is signed by an algorithm for which no key is pinned.";
    AuthCodeSignatureInvalid = "AUTH_CODE_SIGNATURE_INVALID", Request, "The authorization code's signature holds under no pinned key.";
    AuthCodeWrongIssuer = "AUTH_CODE_WRONG_ISSUER", Request, "The authorization code was issued by somebody else than the provider.";
    AuthCodeWrongAudience = "AUTH_CODE_WRONG_AUDIENCE", Request, "The authorization code is meant for another service of the provider's.";
    AuthCodeWrongSubject = "AUTH_CODE_WRONG_SUBJECT", Request, "The authorization code was issued to another application.";
    AuthCodeExpired = "AUTH_CODE_EXPIRED", Request, "The authorization code's time has passed.";
    AuthCodeNotYetValid = "AUTH_CODE_NOT_YET_VALID", Request, "The authorization code lies in the future.";
    ReviewNotOpen = "REVIEW_NOT_OPEN", Request, "There is nothing to decide, or not yet.";
    ReviewDecidedOtherwise = "REVIEW_DECIDED_OTHERWISE", Request, "The review was decided before, and otherwise.";
    DecisionPending = "DECISION_PENDING", Request, "A decision is on its way to the provider.";

    ActionExpired = "ACTION_EXPIRED", End, "The user did not act before the action expired.";
    VerificationExpired = "VERIFICATION_EXPIRED", End, "The verification's own time ran out while it waited for the user.";
    CancelledByCaller = "CANCELLED_BY_CALLER", End, "A caller cancelled the verification.";
    StartRefused = "START_REFUSED", End, "The provider refused to start.";
    StartAbandoned = "START_ABANDONED", End, "The provider could not be reached before the action would have expired.";
    ProviderStalled = "PROVIDER_STALLED", End, "The user accepted, but the provider did not finish in time.";
    DataNotDelivered = "DATA_NOT_DELIVERED", End, "The provider says that it finished, but its data never came.";
    ProviderFailed = "PROVIDER_FAILED", End, "The provider reported a failure in words of its own.";
    FinishFailed = "FINISH_FAILED", End, "The provider could not finish the transfer.";
    ConfirmationFailed = "CONFIRMATION_FAILED", End, "The provider could not confirm the transfer.";
    ValidityFailed = "VALIDITY_FAILED", End, "The provider found the user's data invalid.";
    InitiationFailed = "INITIATION_FAILED", End, "The provider could not begin the transfer.";
    RequiredItemMissing = "REQUIRED_ITEM_MISSING", End, "The data came without a required item.";
    ExchangeAbandoned = "EXCHANGE_ABANDONED", End, "The provider could not be asked before the authorization code's time had passed.";
    ExchangeRefused = "EXCHANGE_REFUSED", End, "The provider refused to give what the user granted.";
    ExchangeUnauthorized = "EXCHANGE_UNAUTHORIZED", End, "The provider does not take the connection's credentials, or has not approved it for this set of claims.";
    ExchangeAnswerInvalid = "EXCHANGE_ANSWER_INVALID", End, "The provider's answer is not signed as it must be, or can't be read.";
    PayloadNotEncrypted = "PAYLOAD_NOT_ENCRYPTED", End, "The provider sent the user's data unencrypted, which the connection does not allow.";
    ExchangeOutcomeUnknown = "EXCHANGE_OUTCOME_UNKNOWN", End, "The provider took the authorization code, and its answer was lost.";
    CodeAlreadyUsed = "CODE_ALREADY_USED", End, "Somebody else has exchanged the authorization code before.";
    ClaimNotValid = "CLAIM_NOT_VALID", End, "The provider says of a required claim, or of every one, that it does not hold, or is not the user's own.";
    UserDeclined = "USER_DECLINED", End, "The user declined.";
    SubjectMismatch = "SUBJECT_MISMATCH", End, "What the browser brought back is another user's.";
    IdentityNotConfirmed = "IDENTITY_NOT_CONFIRMED", End, "The provider could not verify the user's identity.";
    ReviewRejected = "REVIEW_REJECTED", End, "The review said no.";
    ReviewOverdue = "REVIEW_OVERDUE", End, "Nobody decided before the review's deadline.";
    ActionWithdrawn = "ACTION_WITHDRAWN", End, "Another attempt of the verification succeeded while this one was open.";

    SettlementFailed = "SETTLEMENT_FAILED", Warning, "The data is here, but the provider could not settle the transfer.";
    DeliveryFailed = "DELIVERY_FAILED", Warning, "The provider says that it could not deliver its data, and goes on trying.";
    ItemNotRequested = "ITEM_NOT_REQUESTED", Warning, "The data held an item that was not asked for; it was not kept.";
    LateDataDiscarded = "LATE_DATA_DISCARDED", Warning, "Data came for a cancelled attempt and was not kept.";
    DuplicateSuccess = "DUPLICATE_SUCCESS", Warning, "A second attempt succeeded too; the claims are those of the first success.";
    OptionalClaimNotValid = "OPTIONAL_CLAIM_NOT_VALID", Warning, "The provider says of an optional claim that it does not hold, or is not the user's own.";
    ImageDigestMismatch = "IMAGE_DIGEST_MISMATCH", Warning, "A picture is not the one whose digest the provider sent beside it.";
    ImageUnusable = "IMAGE_UNUSABLE", Warning, "A picture came that can't be read or is too large; its text is kept.";

    CallbackPathUnknown = "CALLBACK_PATH_UNKNOWN", Callback, "No slot has this callback path.";
    CallbackTooLarge = "CALLBACK_TOO_LARGE", Callback, "The body is larger than the channel allows.";
    CallbackTooSlow = "CALLBACK_TOO_SLOW", Callback, "The body did not arrive in time.";
    CallbackIncomplete = "CALLBACK_INCOMPLETE", Callback, "The body ended before it was whole.";
    CallbackOverload = "CALLBACK_OVERLOAD", Callback, "Too many bytes of callbacks are in flight.";
    CallbackRateLimited = "CALLBACK_RATE_LIMITED", Callback, "The connection's callbacks come faster than allowed.";
    CallbackMalformed = "CALLBACK_MALFORMED", Callback, "The body is not one of the documented shapes.";
    CallbackUnsigned = "CALLBACK_UNSIGNED", Callback, "The body carries no usable signature.";
    CallbackKeyNotPinned = "CALLBACK_KEY_NOT_PINNED", Callback, "The signature's key is not pinned for this kind of callback.";
    CallbackSignatureInvalid = "CALLBACK_SIGNATURE_INVALID", Callback, "The signature does not hold.";
    CallbackDeadlinePassed = "CALLBACK_DEADLINE_PASSED", Callback, "The callback's deadline has passed.";
    CallbackFromFuture = "CALLBACK_FROM_FUTURE", Callback, "The callback's deadline lies further ahead than a provider may set it.";
    CallbackSubjectMismatch = "CALLBACK_SUBJECT_MISMATCH", Callback, "The callback is about another user.";
    CallbackItemsMismatch = "CALLBACK_ITEMS_MISMATCH", Callback, "The callback is about other items.";
    CallbackAttemptUnknown = "CALLBACK_ATTEMPT_UNKNOWN", Callback, "No attempt of this slot is meant by the callback.";
    CallbackStoreUnavailable = "CALLBACK_STORE_UNAVAILABLE", Callback, "The callback could not be stored durably.";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_one_reasons_own() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(*reason));
            assert!(
                reason
                    .code()
                    .chars()
                    .all(|c| c.is_ascii_uppercase() || c == '_')
            );
        }
    }
}
