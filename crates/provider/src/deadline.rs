//! Until when whoever waits for a call still waits for it.
//!
//! Carried beside the call instead of through every signature: set where a call comes in, read
//! where a request goes out. It belongs to the task, so a task that is spawned for a call has to be
//! given it again ([`current`] before, [`within`] inside). Real time: nothing durable follows from
//! it.

use std::time::Duration;

use tokio::time::Instant;

/// How long before a deadline requests are given up, so that what became of them can still be told.
pub(crate) const MARGIN: Duration = Duration::from_millis(50);

tokio::task_local! {
    static DEADLINE: Instant;
}

/// Runs a call whose result nobody waits for after `deadline`, nor after the deadline that it is
/// under already. Cuts nothing by itself.
pub async fn within<T>(deadline: Instant, call: impl Future<Output = T>) -> T {
    let earliest = current().map_or(deadline, |outer| outer.min(deadline));
    exactly(earliest, call).await
}

/// The deadline of the call that this task works for; none if it works for nobody who waits.
#[must_use]
pub fn current() -> Option<Instant> {
    DEADLINE.try_with(|deadline| *deadline).ok()
}

/// Whether nobody waits any more for what this task works for.
#[must_use]
pub fn has_passed() -> bool {
    current().is_some_and(|deadline| deadline <= Instant::now())
}

/// Runs under a deadline of its own, whatever the one around it: what must go on once it began.
pub(crate) async fn exactly<T>(deadline: Instant, call: impl Future<Output = T>) -> T {
    DEADLINE.scope(deadline, call).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_earlier_of_two_deadlines_holds_and_none_outlives_its_call() {
        let near = Instant::now() + Duration::from_secs(1);
        let far = near + Duration::from_secs(1);
        assert_eq!(current(), None);
        let seen = within(near, within(far, async { current() })).await;
        assert_eq!(seen, Some(near));
        let seen = within(far, within(near, async { current() })).await;
        assert_eq!(seen, Some(near));
        let seen = within(near, exactly(far, async { current() })).await;
        assert_eq!(seen, Some(far));
        assert_eq!(current(), None);
    }
}
