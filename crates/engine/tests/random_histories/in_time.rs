//! What must have been done by a time: ends that are due, and questions to the connector.

use verilane_core::EventKind;

use crate::connector::{Asked, Slot};
use crate::histories::playing::Outcome;
use crate::history::History;
use crate::service::PATIENCE;

impl History<'_> {
    /// Nothing that has run out may go on standing, as long as the connector can be asked.
    pub fn overdue(&self) -> Outcome {
        let now = self.now();
        let untold = self.lasting.connector.world.lock().untold.clone();
        for (a, attempt) in self.model.attempts.iter().enumerate() {
            let Some((kind, due)) = self.model.due(a).filter(|(_, due)| *due <= now) else {
                continue;
            };
            let slot = self.model.verifications[attempt.of].slot;
            let waits = now < due + PATIENCE && untold.get(&slot).is_some_and(|at| *at >= due);
            if !waits {
                return Err(format!(
                    "{kind:?} of attempt {a} was due at {due}, now {now}"
                ));
            }
        }
        Ok(())
    }

    /// Nobody expires or stalls before the connector was asked once more, whatever it answered.
    pub fn is_asked_before_end(&self, a: usize, kind: EventKind, due: i64) -> Outcome {
        let attempt = &self.model.attempts[a];
        let for_want_of_news = match kind {
            EventKind::Expired => true,
            EventKind::DeadlinePassed => attempt.confirmed.is_none(),
            _ => false,
        };
        let slot = self.model.verifications[attempt.of].slot;
        let world = self.lasting.connector.world.lock();
        let at = world.asked.get(&(Asked::History, slot)).copied();
        if for_want_of_news && at < Some(due) {
            return Err(format!(
                "attempt {a} ends, due at {due}, and the connector was asked at {at:?}"
            ));
        }
        Ok(())
    }

    /// Whether the connector was asked for something now, whatever it answered.
    pub fn is_asked(&self, what: Asked, slot: Slot) -> Outcome {
        let at = self
            .lasting
            .connector
            .world
            .lock()
            .asked
            .get(&(what, slot))
            .copied();
        if at == Some(self.now()) {
            return Ok(());
        }
        Err(format!(
            "after a restart, {what:?} of {slot:?} is asked for at {at:?}"
        ))
    }
}
