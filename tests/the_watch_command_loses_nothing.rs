//! `verilane watch` shows every transition once and in order, over restarts of the server too.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod harness;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use harness::{LIMIT, Server, Stage};
use serde_json::Value;

/// A running `verilane watch --json`, ended when dropped.
struct Watching {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Watching {
    fn start(server: &Server, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_verilane"))
            .args(["watch", "--json", "--address"])
            .arg(format!("http://{}", server.grpc))
            .args(more)
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let (line, lines) = mpsc::channel();
        thread::spawn(move || {
            for text in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = line.send(text);
            }
        });
        Self { child, lines }
    }

    /// The next line, unless it ended first.
    fn next(&self) -> Option<Value> {
        match self.lines.recv_timeout(LIMIT) {
            Ok(line) => Some(serde_json::from_str(&line).unwrap()),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("nothing came"),
        }
    }

    /// Sequences of the events up to the first that is in `state`, heartbeats passed over.
    fn events_until(&self, state: &str) -> Vec<u64> {
        let mut sequences = Vec::new();
        while let Some(line) = self.next() {
            let event = &line["event"];
            sequences.extend(event["sequence"].as_u64());
            if event["state_after"] == state {
                return sequences;
            }
        }
        panic!("it ended");
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_on_where_it_was_when_the_server_comes_back() {
    let stage = Stage::new().await;
    let server = stage.start();
    let watching = Watching::start(&server, &["--from", "beginning"]);
    server.create(&stage.user("accepts"), &["SH_EMAIL"]).await;
    let first = watching.events_until("VERIFIED");
    stage.sandbox.finished(LIMIT).await.unwrap();
    server.kill();

    let server = stage.start();
    let second = server.create(&stage.user("partial"), &["SH_EMAIL"]).await;
    let rest = watching.events_until("PENDING");
    let all = [first, rest].concat();
    let expected: Vec<u64> = (1..=all.len() as u64).collect();
    assert_eq!(all, expected);
    assert!(all.len() >= 14, "{} was not reached", second.id);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_by_itself_with_what_it_watches_and_can_be_resumed_by_hand() {
    let stage = Stage::new().await;
    let server = stage.start();
    let created = server.create(&stage.user("accepts"), &["SH_EMAIL"]).await;
    let one = ["--verification", &created.id, "--until", "final"];
    let watching = Watching::start(&server, &[&one[..], &["--from", "beginning"]].concat());
    let mut tokens = Vec::new();
    while let Some(line) = watching.next() {
        tokens.push(line["resume_token"].as_str().unwrap().to_owned());
    }
    let after_two = Watching::start(
        &server,
        &[&one[..], &["--resume-token", &tokens[1]]].concat(),
    );
    let mut revisions = Vec::new();
    while let Some(line) = after_two.next() {
        revisions.push(line["event"]["revision"].as_u64().unwrap());
    }
    let expected: Vec<u64> = (3..=tokens.len() as u64).collect();
    assert_eq!(revisions, expected);
    stage.end().await;
}
