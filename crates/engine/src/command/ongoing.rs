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
        id: VerificationId,
        attempt: &Attempt,
        expire_time: Timestamp,
        sent_as: SentAs,
    ) -> Result<Option<Reason>, EngineError> {
        let lifetime = self
            .connection(&attempt.connection)?
            .facade
            .profile()
            .action_lifetime;
        let others = self.others(id, attempt).await?;
        let theirs = others
            .iter()
            .filter(|other| other.may_be_held() && can_expire_at(other, expire_time, lifetime));
        let (mut found, mut used) = (false, false);
        for other in theirs {
            found = true;
            used |= other.facts.has_data();
        }
        let own = &attempt.tenancy(id);
        let own = sent_as == SentAs::Again && can_expire_at(own, expire_time, lifetime);
        Ok(match (found || own, used) {
            (true, false) => None,
            // It has been accepted and answered: nobody can do anything with it any more.
            (true, true) => Some(Reason::RequestAlreadyOpen),
            (false, _) => Some(Reason::ProviderRequestNotOurs),
        })
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
        // The newest that was accepted: the provider works on one at a time.
        let mut accepted = others.into_iter().filter(|other| other.facts.is_accepted());
        let works = |other: &Tenancy| other.phase != StartPhase::Ended && other.still_works();
        if let Some(other) = accepted.next().filter(works) {
            let theirs = self.load(other.holder.verification).await?.verification;
            if self.is_same_wish(row, &theirs)? {
                return Ok(Ongoing::Ours(other.expiry()));
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

    /// Whether what the user accepted for one verification was accepted for the other too: the same
    /// one, or another of the same caller for the same purpose.
    fn is_same_wish(&self, row: &Verification, other: &Verification) -> Result<bool, EngineError> {
        if row.id == other.id {
            return Ok(true);
        }
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
