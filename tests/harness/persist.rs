//! Calls that go on until a server has answered for good, over the ends of however many.

use std::time::Duration;

use tonic::transport::Channel;
use tonic::{Code, Response, Status};
use tonic_types::StatusExt as _;
use verilane_core::clock::{Clock as _, FileClock};

use super::target::{Target, broke_off};

/// How often a server may refuse a call for now, and how long is waited then if it does not say, by
/// the clock.
const MOST_REFUSALS: usize = 200;
const A_WHILE: Duration = Duration::from_secs(1);

/// Calls until a server has answered for good.
pub async fn persist<T, F>(
    (target, clock): (&mut Target, &FileClock),
    call: impl Fn(Channel) -> F,
) -> Result<T, Status>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let mut life = target.here().await;
    for _ in 0..MOST_REFUSALS {
        match call(life.channel.clone()).await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) if broke_off(&status) => life = target.next(&life).await,
            Err(status) if status.code() == Code::Unavailable => {
                let told = status.get_details_retry_info();
                let wait = told.and_then(|told| told.retry_delay).unwrap_or(A_WHILE);
                clock.sleep_until(clock.now() + wait).await;
            }
            Err(status) => return Err(status),
        }
    }
    panic!("a call was refused again and again");
}
