//! Time that goes by faster than it does, for as long as there is a server.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::Stage;
use super::target::Target;

/// How often the clock is turned on.
pub const TICK: Duration = Duration::from_millis(50);

/// Turns the clock on by so much at each tick, for ever. A machine that is slow has as much slower a
/// clock: it goes on once the connector has nothing to say for now, or after a while.
pub async fn go_on(stage: Arc<Stage>, mut target: Target, pace: watch::Receiver<Duration>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let _ = stage.sandbox.idle(10 * TICK).await;
        target.here().await;
        stage.clock.advance(*pace.borrow());
    }
}
