//! Whose request it is that a provider holds already.
//!
//! A provider that holds one request for a user and a set of items goes on calling the paths that it
//! was given first. If those are a slot's of ours, the attempt that asks again takes the request
//! over; if not, its callbacks would never reach us. Which of ours it is follows from the expiration
//! that the provider names: each request has its own.

use verilane_core::{
    Attempt, Reason, StartPhase, Tenancy, Timestamp, Verification, VerificationId,
};
use verilane_provider::ActionLifetime;
use verilane_vault::SealedWhat;

use super::create::LIFETIME_MARGIN;
use super::start::SentAs;
use crate::EngineError;
use crate::engine::Engine;
use crate::sealing::{FIRST, Sealer};

/// A request that the provider works on.
pub(super) enum Ongoing {
    /// Of ours; its callbacks carry this expiration.
    Ours(Timestamp),
    /// It can't be taken over, or is not known to be ours.
    Unknown(Reason),
}

impl Engine {
    /// Why the request that the provider holds, and can be accepted until `expire_time`, is not one
    /// that this attempt can take over; none if it is.
    pub(super) async fn in_the_way(
        &self,
        row: &Verification,
        attempt: &Attempt,
        expire_time: Timestamp,
        sent_as: SentAs,
    ) -> Result<Option<Reason>, EngineError> {
        let lifetime = self
            .connection(&attempt.connection)?
            .facade
            .profile()
            .action_lifetime;
        let others = self.others(row.id, attempt).await?;
        let theirs = others
            .iter()
            .filter(|other| other.may_be_held() && can_expire_at(other, expire_time, lifetime));
        let own = &attempt.tenancy(row.id);
        let mut found = sent_as == SentAs::Again && can_expire_at(own, expire_time, lifetime);
        for other in theirs {
            found = true;
            let is_used = other.facts.is_delivered();
            let is_accepted = other.facts.is_accepted();
            // Nobody can do anything more with what was answered, and what a user has accepted for
            // one wish is not done for another.
            if is_used || (is_accepted && !self.is_same_wish(row, other).await?) {
                return Ok(Some(Reason::RequestAlreadyOpen));
            }
        }
        Ok((!found).then_some(Reason::ProviderRequestNotOurs))
    }

    /// Which request of this slot the provider works on.
    pub(super) async fn ongoing(
        &self,
        row: &Verification,
        attempt: &Attempt,
    ) -> Result<Ongoing, EngineError> {
        let mut others = self.others(row.id, attempt).await?;
        others.retain(|other| other.may_be_held());
        if attempt.made_slot || others.is_empty() {
            // What a provider works on that this slot never had it take is somebody else's.
            return Ok(Ongoing::Unknown(Reason::ProviderRequestNotOurs));
        }
        // The newest that was accepted, as data tells too: the provider works on one at a time.
        let accepted = |other: &&Tenancy| other.facts.is_accepted() || other.facts.is_delivered();
        if let Some(other) = others.iter().find(accepted) {
            let expiry = other.expiry();
            // Each that has taken it over may be the one that heard the end of it.
            let mut sharing = others.iter().filter(|one| one.expiry() == expiry);
            let works = other.phase != StartPhase::Ended && sharing.all(Tenancy::still_works);
            if works && self.is_same_wish(row, other).await? {
                return Ok(Ongoing::Ours(expiry));
            }
        }
        Ok(Ongoing::Unknown(Reason::RequestAlreadyOpen))
    }

    /// The other attempts of an attempt's slot, newest first.
    async fn others(
        &self,
        id: VerificationId,
        attempt: &Attempt,
    ) -> Result<Vec<Tenancy>, EngineError> {
        let own = attempt.tenancy(id).holder;
        let mut others = self.store.tenancies(attempt.slot).await?;
        others.retain(|other| other.holder != own);
        Ok(others)
    }

    /// Whether what the user accepted for another attempt was accepted for this verification too:
    /// one of its own, or of another of the same caller for the same purpose.
    async fn is_same_wish(&self, row: &Verification, other: &Tenancy) -> Result<bool, EngineError> {
        let other = other.holder.verification;
        if row.id == other {
            return Ok(true);
        }
        let other = &self.load(other).await?.verification;
        let purpose = |row: &Verification| {
            let key = self.keys.of(row)?;
            let sealer = Sealer {
                id: row.id,
                key: &key,
            };
            Ok::<_, EngineError>(sealer.open_text(FIRST, SealedWhat::Purpose, &row.purpose)?)
        };
        Ok(row.principal == other.principal && self.is_same(&purpose(row)?, &purpose(other)?))
    }
}

/// Whether the provider can have been asked for this expiration by this attempt. A resumed intent
/// asks for more than it first wanted where too little of that is left.
fn can_expire_at(attempt: &Tenancy, time: Timestamp, lifetime: ActionLifetime) -> bool {
    let time = time.as_secs();
    match attempt.expire_time {
        Some(answered) => answered.as_secs() == time,
        None => {
            let first = attempt.requested_expiry;
            let last = first + lifetime.min + LIFETIME_MARGIN;
            (first.as_secs()..=last.as_secs()).contains(&time)
        }
    }
}
