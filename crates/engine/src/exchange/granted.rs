//! Commits what a user has granted: as data that a provider has signed, all but the user's own name
//! there, by which his verifications are found from now on.

use verilane_core::{JobAbout, LookupKind, subject_of_id};
use verilane_provider::Granted;

use crate::EngineError;
use crate::callback::Message;
use crate::engine::Engine;

impl Engine {
    /// Takes what was granted, in one change with its claims and its pictures.
    pub(super) async fn take_granted(
        &self,
        about: JobAbout,
        granted: &Granted,
    ) -> Result<(), EngineError> {
        let name = subject_of_id(granted.subject.value.expose());
        let lookup = (LookupKind::Subject, self.subject_index(&name));
        let message = Message::granted(about.attempt, granted, lookup);
        let loaded = self.load(about.verification).await?;
        let taken = self.keep(loaded, message).await;
        taken
            .map(drop)
            .map_err(|refusal| EngineError::new(refusal.reason))
    }
}
