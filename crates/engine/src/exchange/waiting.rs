//! Has a caller wait for what comes of a code, as long as he likes. The exchange itself waits for nobody.

use std::sync::Arc;
use std::time::Duration;

use verilane_core::{State, VerificationId};
use verilane_provider::deadline;

use crate::engine::Engine;
use crate::{EngineError, VerificationView};

/// How long before a call's deadline its answer is given, so that it arrives.
const MARGIN: Duration = Duration::from_millis(200);
/// How long a call without a deadline waits.
const PATIENCE: Duration = Duration::from_secs(30);

impl Engine {
    /// Waits until the exchange of a verification has come to an end, or until its caller will not wait
    /// any more: then it is answered as it stands, and goes on.
    pub(crate) async fn exchanged(
        &self,
        id: VerificationId,
    ) -> Result<VerificationView, EngineError> {
        let relay = Arc::clone(&self.relay);
        let topic = relay.subscribe(id);
        let longest = tokio::time::Instant::now() + PATIENCE;
        let until = deadline::current().map_or(longest, |callers| {
            callers
                .checked_sub(MARGIN)
                .map_or(callers, |early| early.min(longest))
        });
        loop {
            let woken = topic.notify().notified();
            let row = self.load(id).await?.verification;
            let is_open = row.newest_attempt().is_some_and(|attempt| {
                attempt.exchanges_a_code() && attempt.state().0 == State::Processing
            });
            if !is_open || tokio::time::timeout_at(until, woken).await.is_err() {
                return self.view(row);
            }
        }
    }
}
