//! A callback is answered with 200 once it is durable: strace sees the write-ahead log's sync return
//! before the answer is handed to the socket, and sees no 200 where that sync fails.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and shows what it counted"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod trace;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use harness::{LIMIT, Launch, Server, Stage, check_ledger, genuine};
use verilane_api::v1::State;
use verilane_sandbox::{CallbackUnit, SandboxConfig};

use trace::{Call, Exchange, exchanges};

const FIELDS: [&str; 2] = ["SH_EMAIL", "SH_Passport_DOB"];
/// The connector's callbacks of a successful transfer: ten statuses, and the data.
const CALLBACKS: usize = 11;

/// Whether processes can be traced here. Where not, it is said and the test proves nothing.
fn can_trace() -> bool {
    let tried = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "true"])
        .stderr(Stdio::null())
        .status();
    let can = tried.is_ok_and(|status| status.success());
    if !can {
        // Past the test runner, which shows what a test prints only if it fails.
        let said = "\nSKIPPED: fsync before 200: strace is missing, or tracing is forbidden\n";
        std::io::stderr().write_all(said.as_bytes()).unwrap();
    }
    can
}

/// Under strace, which writes to `output`. It runs beside the binary, so that signals reach that.
fn traced(output: &Path, more: &[&str]) -> Launch {
    let calls = "trace=fsync,fdatasync,write,writev,pwrite64,pwritev,sendto,sendmsg,read,readv,\
                 recvfrom,recvmsg";
    // Short strings: they hold callback paths.
    let words = ["strace", "-D", "-f", "-yy", "-ttt", "-s", "20", "-e", calls];
    let output = ["-o", output.to_str().unwrap()];
    let runner = words.iter().chain(more).chain(&output);
    Launch {
        runner: runner.map(|word| (*word).to_owned()).collect(),
        ..Launch::default()
    }
}

/// One callback at a time, so that what lies between one and its answer is its own.
fn one_by_one(sandbox: &mut SandboxConfig) {
    sandbox.callbacks_at_once = 1;
    sandbox.callback_topics = vec![1; 100];
    sandbox.callback_unit = CallbackUnit::Second;
}

/// A failed delivery that is told of again is held against the history, which is to be had at once.
const ASKING: &str = "[engine]\npoll_spacing = \"1s\"\n";

/// What strace wrote until the binary ended.
async fn trace_of(server: Server, output: PathBuf) -> Vec<Call> {
    assert!(server.terminate().await.success());
    trace::calls(&std::fs::read_to_string(output).unwrap())
}

#[tokio::test]
async fn the_write_ahead_log_is_synced_before_a_callback_is_answered_200() {
    if !can_trace() {
        return;
    }
    let stage = Stage::with(one_by_one, "").await;
    let output = stage.folder().join("strace");
    let server = stage.start_as(traced(&output, &[]));
    stage.sandbox.hold(None).unwrap();
    let created = server.create(&stage.user("accepts"), &FIELDS).await;
    stage.sandbox.release(None).unwrap();
    stage.sandbox.finished(LIMIT).await.unwrap();
    assert_eq!(server.get(&created.id).await.state(), State::Verified);
    check_ledger(&stage.sandbox, &server.log().await, |_| created.id.clone());

    let calls = trace_of(server, output).await;
    let taken = exchanges(&calls, 200);
    println!(
        "{} calls traced, {} callbacks answered with 200",
        calls.len(),
        taken.len()
    );
    assert_eq!(taken.len(), CALLBACKS);
    for exchange in &taken {
        assert!(exchange.is_durable(), "{exchange:#?}");
    }
    stage.end().await;
}

#[tokio::test]
async fn a_callback_whose_sync_fails_is_not_answered_200_and_its_retry_is() {
    if !can_trace() {
        return;
    }
    let stage = Stage::with(one_by_one, ASKING).await;
    let server = stage.start();
    stage.sandbox.hold(None).unwrap();
    let created = server.create(&stage.user("accepts"), &FIELDS).await;
    assert!(server.terminate().await.success());

    // The writer has its own thread, and strace counts by thread: it gets through its start, and
    // every seventh sync from then on fails.
    let output = stage.folder().join("strace");
    let fault = ["-e", "inject=fsync,fdatasync:error=EIO:when=8+7"];
    let server = stage.start_as(traced(&output, &fault));
    stage.sandbox.release(None).unwrap();
    stage.sandbox.finished(LIMIT).await.unwrap();
    let calls = trace_of(server, output).await;

    let server = stage.start();
    assert_eq!(server.get(&created.id).await.state(), State::Verified);
    let claims = server.read_claims(&created.id).await.unwrap().claims;
    assert_eq!(claims.len(), FIELDS.len());
    check_ledger(&stage.sandbox, &server.log().await, |_| created.id.clone());
    let refused = exchanges(&calls, 503);
    let hit = |exchange: &&Exchange<'_>| exchange.log_syncs.iter().any(|sync| sync.was_injected());
    let hit = refused.iter().filter(hit).count();
    let taken = exchanges(&calls, 200);
    println!(
        "{} syncs failed, {hit} of them under a callback; {} callbacks refused, {} taken",
        calls.iter().filter(|call| call.was_injected()).count(),
        refused.len(),
        taken.len()
    );
    assert!(hit >= 2);
    for exchange in &taken {
        assert!(exchange.is_durable(), "{exchange:#?}");
    }
    let deliveries = genuine(&stage.sandbox);
    let taken_by_ledger = deliveries.iter().filter(|one| one.was_taken()).count();
    assert_eq!(taken.len(), taken_by_ledger);
    stage.end().await;
}
