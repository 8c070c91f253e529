//! What an idle watch costs, and whom an event wakes: 10,000 verifications with a watch each, over
//! ten connections to a server in a process of its own.
//!
//! Prints resident bytes a watch. Exits with 1 if an event of one verification wakes any watch but
//! its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking, and prints its result"
)]
#![allow(dead_code, reason = "tests use the rest of what is shared")]

#[path = "../../tests/service/provider.rs"]
mod provider;
mod server;
#[path = "../../tests/service/support.rs"]
mod support;

use std::process::ExitCode;

use futures_util::future::join_all;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};
use verilane_api::v1;
use verilane_api::v1::verification_service_client::VerificationServiceClient;
use verilane_api::v1::watch_verification_request::Start;

use server::Server;

const WATCHES: usize = 10_000;
const CONNECTIONS: usize = 10;
/// Opened at once: more would measure the burst and not the watches.
const BURST: usize = 100;
/// Opened and closed before the first look, so that what the process keeps for good is not counted.
const WARM_UP: usize = 1_000;

type Messages = Streaming<v1::WatchVerificationResponse>;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    if std::env::args().any(|argument| argument == server::ROLE) {
        runtime.block_on(server::run(WATCHES));
        return ExitCode::SUCCESS;
    }
    runtime.block_on(measure())
}

async fn measure() -> ExitCode {
    let mut server = Server::start();
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).unwrap();
        let channel = endpoint.connect().await.unwrap();
        clients.push(VerificationServiceClient::new(channel));
    }
    let all = server.ids.clone();
    let open = async |ids: &[String]| -> Vec<Messages> {
        let one = |id: &String, client: &VerificationServiceClient<Channel>| {
            let mut client = client.clone();
            let request = v1::WatchVerificationRequest {
                verification_id: id.clone(),
                start: Some(Start::StartPoint(v1::StartPoint::Now.into())),
                heartbeat_interval: Some(prost_types::Duration {
                    seconds: 300,
                    nanos: 0,
                }),
                ..Default::default()
            };
            async move {
                client
                    .watch_verification(request)
                    .await
                    .unwrap()
                    .into_inner()
            }
        };
        let mut watches = Vec::with_capacity(ids.len());
        for some in ids.chunks(BURST) {
            let calls = some.iter().zip(clients.iter().cycle());
            watches.extend(join_all(calls.map(|(id, client)| one(id, client))).await);
        }
        watches
    };
    drop(open(&all[..WARM_UP]).await);
    server.settle(0);
    let before = server.resident();
    let mut watches = open(&all).await;
    server.settle(WATCHES);
    let after = server.resident();
    let each = after.saturating_sub(before) / WATCHES;
    println!(
        "resident bytes an idle watch, {WATCHES} watches on {CONNECTIONS} connections: {each}"
    );

    let woken = server.wake_first();
    let event = watches[0].message().await.unwrap().unwrap();
    assert!(event.item.is_some());
    println!("watches woken by an event of one verification, of {WATCHES}: {woken}");
    if woken == 1 {
        ExitCode::SUCCESS
    } else {
        println!("goal missed: 1");
        ExitCode::FAILURE
    }
}
