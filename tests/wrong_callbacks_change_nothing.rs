//! Whatever comes in on the public side that is not what it claims to be is refused with a reason
//! that says why, changes no verification, claim or attempt, and keeps nobody from working.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod harness;

use harness::{LIMIT, Raw, Server, Stage, exchange};
use verilane_api::v1::{Event, State, Verification};
use verilane_sandbox::CallbackKind;

/// How long a body may take here, short so that a slow one is soon too slow.
const CONFIGURATION: &str = "[ingress]\nbody_timeout = \"1s\"\n";

/// A verification that waits, and what a forger could change.
struct Play {
    stage: Stage,
    server: Server,
    id: String,
    status_url: String,
    data_url: String,
    /// Genuine callbacks, about another user.
    genuine_status: Vec<u8>,
    genuine_data: Vec<u8>,
}

impl Play {
    async fn begin() -> Self {
        let stage = Stage::with(|_| {}, CONFIGURATION).await;
        let server = stage.start();
        let other = server.create(&stage.user("accepts"), &["SH_EMAIL"]).await;
        server.events_until_final(&other.id).await;
        stage.sandbox.finished(LIMIT).await.unwrap();
        let body = |kind| {
            let deliveries = stage.sandbox.deliveries(0, None);
            let found = deliveries.iter().find(|d| d.kind == kind).unwrap();
            stage.sandbox.body(found.number).unwrap().to_vec()
        };
        let waits = stage.user("ignores");
        let created = server.create(&waits, &["SH_EMAIL"]).await;
        assert_eq!(created.state(), State::Pending);
        let urls = stage.callback_urls(&waits);
        Self {
            id: created.id,
            status_url: urls.status,
            data_url: urls.data,
            genuine_status: body(CallbackKind::Status),
            genuine_data: body(CallbackKind::Data),
            server,
            stage,
        }
    }

    async fn standing(&self) -> (Verification, Vec<Event>, tonic::Code) {
        (
            self.server.get(&self.id).await,
            self.server.log().await,
            self.server.read_claims(&self.id).await.unwrap_err().code(),
        )
    }
}

/// Members of a status callback with something wrong about them, each with the reason it gives.
fn wrong_statuses(genuine: &str) -> Vec<(&'static str, Vec<u8>, u16, &'static str)> {
    let signature = {
        let start = genuine.find("\"signature\":\"").unwrap() + 13;
        let end = start + genuine[start..].find('"').unwrap();
        &genuine[start..end]
    };
    let member = format!(",\"signature\":\"{signature}\"");
    let with = |text: &str| genuine.replace(&member, text).into_bytes();
    let changed = |from: &str, to: &str| genuine.replacen(from, to, 1).into_bytes();
    let deadline = {
        let start = genuine.find("\"deadline\":").unwrap();
        let end = start + genuine[start..].find([',', '}']).unwrap();
        &genuine[start..end]
    };
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    vec![
        ("nothing", Vec::new(), 400, "CALLBACK_MALFORMED"),
        (
            "not JSON",
            b"status=ACCEPTED".to_vec(),
            400,
            "CALLBACK_MALFORMED",
        ),
        (
            "half of it",
            genuine.as_bytes()[..genuine.len() / 2].to_vec(),
            400,
            "CALLBACK_MALFORMED",
        ),
        (
            "bytes that are no text",
            vec![0xff; 300],
            400,
            "CALLBACK_MALFORMED",
        ),
        ("an array", b"[]".to_vec(), 400, "CALLBACK_MALFORMED"),
        ("an empty object", b"{}".to_vec(), 400, "CALLBACK_MALFORMED"),
        ("no signature", with(""), 401, "CALLBACK_UNSIGNED"),
        (
            "an empty signature",
            with(",\"signature\":\"\""),
            401,
            "CALLBACK_UNSIGNED",
        ),
        (
            "truncated base64",
            with(&format!(
                ",\"signature\":\"{}\"",
                &signature[..signature.len() - 3]
            )),
            401,
            "CALLBACK_UNSIGNED",
        ),
        (
            "a signature of another length",
            with(",\"signature\":\"AAAA\""),
            401,
            "CALLBACK_UNSIGNED",
        ),
        (
            "a number for a signature",
            with(",\"signature\":7"),
            401,
            "CALLBACK_UNSIGNED",
        ),
        (
            "a key that nobody pinned",
            with(&format!(",\"signature\":\"{}\"", "A".repeat(228))),
            401,
            "CALLBACK_KEY_NOT_PINNED",
        ),
        (
            "another status under the signature",
            changed("ACCEPTED", "CONFIRMED"),
            401,
            "CALLBACK_SIGNATURE_INVALID",
        ),
        (
            "a member more",
            changed("{\"user\"", "{\"extra\":1,\"user\""),
            401,
            "CALLBACK_SIGNATURE_INVALID",
        ),
        (
            "the same key twice",
            changed("{\"user\"", "{\"user\":\"ab\",\"user\""),
            400,
            "CALLBACK_MALFORMED",
        ),
        (
            "deep nesting",
            changed("{\"user\"", &format!("{{\"extra\":{deep},\"user\"")),
            400,
            "CALLBACK_MALFORMED",
        ),
        (
            "a deadline beyond numbers",
            changed(deadline, "\"deadline\":1e999"),
            400,
            "CALLBACK_MALFORMED",
        ),
        (
            "a deadline that is text",
            changed(deadline, "\"deadline\":\"soon\""),
            400,
            "CALLBACK_MALFORMED",
        ),
        (
            "no deadline",
            changed(&format!("{deadline},"), ""),
            400,
            "CALLBACK_MALFORMED",
        ),
        (
            "genuine, about another user",
            genuine.as_bytes().to_vec(),
            400,
            "CALLBACK_SUBJECT_MISMATCH",
        ),
    ]
}

#[tokio::test]
async fn each_wrong_message_is_refused_for_its_own_reason() {
    let play = Play::begin().await;
    let before = play.standing().await;
    let genuine = String::from_utf8(play.genuine_status.clone()).unwrap();
    assert!(
        genuine.contains("\"ACCEPTED\""),
        "the first status of a run"
    );
    for (what, body, code, reason) in wrong_statuses(&genuine) {
        let answer = exchange(&Raw::json(&play.status_url, &body)).await;
        assert_eq!((answer.code, answer.reason()), (code, reason), "{what}");
    }
    let json = "application/json";
    let form = "multipart/form-data; boundary=x";
    let data = &play.genuine_data;
    let messages: [(&str, &str, &[u8], u16, &str); 6] = [
        (
            "multipart that is none",
            form,
            b"{}",
            400,
            "CALLBACK_MALFORMED",
        ),
        (
            "multipart without a boundary",
            "multipart/form-data",
            data,
            400,
            "CALLBACK_MALFORMED",
        ),
        (
            "multipart that is cut",
            form,
            b"--x\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nab",
            400,
            "CALLBACK_MALFORMED",
        ),
        (
            "a form",
            "application/x-www-form-urlencoded",
            b"user=ab&error=x",
            400,
            "CALLBACK_MALFORMED",
        ),
        (
            "a status where data belongs",
            json,
            genuine.as_bytes(),
            400,
            "CALLBACK_MALFORMED",
        ),
        (
            "multipart under another name",
            json,
            data,
            400,
            "CALLBACK_MALFORMED",
        ),
    ];
    for (what, kind, body, code, reason) in messages {
        let answer = exchange(&Raw::json(&play.data_url, body).of_type(kind)).await;
        assert_eq!((answer.code, answer.reason()), (code, reason), "{what}");
    }
    assert_eq!(play.standing().await, before);
    assert!(!play.stage.logs().contains("panicked"));
    play.stage.end().await;
}

#[tokio::test]
async fn what_is_too_large_too_slow_or_nowhere_is_refused_and_others_are_served() {
    let play = Play::begin().await;
    let before = play.standing().await;
    let base = format!("http://{}", play.server.ingress);
    let unknown = format!("{base}/callbacks/{}", "A".repeat(43));
    for (what, request, code) in [
        ("an unknown path", Raw::json(&unknown, b"{}"), 404),
        (
            "no path",
            Raw::json(&format!("{base}/callbacks/"), b"{}"),
            404,
        ),
        ("another place", Raw::json(&format!("{base}/"), b"{}"), 404),
        (
            "dots",
            Raw::json(&format!("{base}/callbacks/../callbacks"), b"{}"),
            404,
        ),
        (
            "a long path",
            Raw::json(&format!("{base}/callbacks/{}", "A".repeat(4_000)), b"{}"),
            404,
        ),
        (
            "another method",
            Raw::json(&play.status_url, b"").with_method("GET"),
            405,
        ),
        (
            "a status too large by its own word",
            Raw::json(&play.status_url, b"").claiming(65 * 1024),
            413,
        ),
        (
            "data too large by its own word",
            Raw::json(&play.data_url, b"").claiming(65 << 20),
            413,
        ),
        (
            "a status too large in chunks",
            Raw::json(&play.status_url, &vec![b' '; 70_000]).in_chunks(),
            413,
        ),
        (
            "a body that never comes",
            Raw::json(&play.status_url, b"{\"user\"").claiming(400),
            408,
        ),
    ] {
        let answer = exchange(&request).await;
        assert_eq!(answer.code, code, "{what}");
    }
    assert_eq!(play.standing().await, before);

    // After all of that a genuine transfer runs as if nothing had been.
    let again = play
        .server
        .create(&play.stage.user("accepts"), &["SH_PHONE"])
        .await;
    let events = play.server.events_until_final(&again.id).await;
    assert_eq!(events.last().unwrap().state_after(), State::Verified);
    assert!(!play.stage.logs().contains("panicked"));
    play.stage.end().await;
}
