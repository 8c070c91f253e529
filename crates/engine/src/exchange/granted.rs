//! Commits what a user has granted: as data that a provider has signed, all but the user's own name
//! there, by which the verification is found while his claims stand, beside the one whom its caller named.

use verilane_core::{JobAbout, subject_of_id};
use verilane_provider::Granted;

use crate::EngineError;
use crate::callback::Message;
use crate::engine::Engine;
use crate::sealing::Sealer;

impl Engine {
    /// Takes what was granted, in one change with its claims and its pictures.
    pub(super) async fn take_granted(
        &self,
        about: JobAbout,
        granted: &Granted,
    ) -> Result<(), EngineError> {
        let loaded = self.load(about.verification).await?;
        let key = self.keys.of(&loaded.verification)?;
        let sealer = Sealer {
            id: about.verification,
            key: &key,
        };
        let named = sealer.subject(&loaded.verification)?;
        let brought = subject_of_id(granted.subject.value.expose());
        let subjects = [named, brought].into_iter();
        let subjects = subjects.filter(|subject| !subject.expose().is_empty());
        let lookup = subjects
            .map(|subject| self.subject_index(&subject))
            .collect();
        let message = Message::granted(about.attempt, granted, lookup);
        self.keep_or_err(loaded, message).await.map(drop)
    }
}
