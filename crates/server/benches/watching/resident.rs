//! What an idle watch holds in the server's memory, over real connections to the real binary, and
//! that an event reaches the one client whom it concerns.
//!
//! Verifications are created by one run of the binary and watched at the next, so that what creating
//! them has left in the heap is not taken for room that watches need none of.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::sync::mpsc;
use tonic::transport::Channel;
use verilane_api::v1;
use verilane_api::v1::verification_service_client::VerificationServiceClient;
use verilane_sandbox::{SandboxUser, Scenario};

use crate::WATCHERS;
use crate::harness::{Server, Stage};

type Client = VerificationServiceClient<Channel>;

/// Over how many connections; each may carry 1,000 calls.
const CONNECTIONS: usize = 11;
/// Calls under way at the same time.
const AT_ONCE: usize = 64;
/// How many are told something.
const TOLD: usize = 100;
/// What later work is to reach.
const GOAL: u64 = 2_048;
/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Whether each event reached one client.
pub fn measure() -> bool {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, run()).await.unwrap() })
}

async fn run() -> bool {
    let stage = Stage::with(
        |config| {
            config.load_users = u32::try_from(WATCHERS).unwrap();
            config.scenario = Scenario::named("ignore").unwrap();
        },
        "",
    )
    .await;
    let ids = created(&stage).await;
    let server = stage.start();
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut client = VerificationServiceClient::new(server.connect().await);
        // Each has spoken before anything is measured.
        drop(watch(&mut client, &ids[0]).await);
        clients.push(client);
    }
    let before = resident(&server);
    let watches: Vec<_> = stream::iter(ids.iter().enumerate())
        .map(|(place, id)| {
            let mut client = clients[place % CONNECTIONS].clone();
            async move { watch(&mut client, id).await }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let after = resident(&server);
    let each = after.saturating_sub(before) / u64::try_from(WATCHERS).unwrap();
    println!(
        "{WATCHERS} idle watches over {CONNECTIONS} connections: {:.1} MiB resident before, \
         {:.1} MiB after: {each} bytes a watch (goal of later work {GOAL})",
        mib(before),
        mib(after),
    );

    let mut received = listening(watches);
    let mut right = 0;
    for number in 0..TOLD {
        let place = number * (WATCHERS / TOLD);
        let request = v1::CancelVerificationRequest {
            verification_id: ids[place].clone(),
            ..Default::default()
        };
        clients[0].cancel_verification(request).await.unwrap();
        right += usize::from(received.recv().await.unwrap() == place);
    }
    let wrong = received.len();
    println!(
        "{TOLD} events, each for one of {WATCHERS} clients: {right} received by that one first, \
         {wrong} by others"
    );
    right == TOLD && wrong == 0
}

/// Who receives an event, in the order of receipt.
fn listening(
    watches: Vec<tonic::Streaming<v1::WatchVerificationResponse>>,
) -> mpsc::Receiver<usize> {
    let (told, received) = mpsc::channel(watches.len());
    for (place, mut watch) in watches.into_iter().enumerate() {
        let told = told.clone();
        tokio::spawn(async move {
            // Nothing but events comes: snapshots are over, and heartbeats are far away.
            while let Ok(Some(_)) = watch.message().await {
                told.send(place).await.unwrap();
            }
        });
    }
    received
}

/// Creates what is watched; its users do nothing about it.
async fn created(stage: &Stage) -> Vec<String> {
    let server = stage.start();
    let users = stage.sandbox.users();
    let load = users
        .into_iter()
        .filter(|user| user.name.starts_with("load-"));
    let ids = stream::iter(load)
        .map(|user: Arc<SandboxUser>| {
            let server = &server;
            async move { server.create(&user, &["SH_Passport_DOB"]).await.id }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    assert!(server.terminate().await.success());
    ids
}

/// Opens a watch and takes its snapshot, after which it is idle.
async fn watch(client: &mut Client, id: &str) -> tonic::Streaming<v1::WatchVerificationResponse> {
    let request = v1::WatchVerificationRequest {
        verification_id: id.to_owned(),
        heartbeat_interval: Some(prost_types::Duration {
            seconds: 300,
            nanos: 0,
        }),
        ..Default::default()
    };
    let mut watch = client
        .watch_verification(request)
        .await
        .unwrap()
        .into_inner();
    loop {
        let message = watch.message().await.unwrap().unwrap();
        if let Some(v1::watch_verification_response::Item::SnapshotEnd(_)) = message.item {
            return watch;
        }
    }
}

/// Bytes of memory that the server holds.
fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<u64>().unwrap() * 1_024
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
