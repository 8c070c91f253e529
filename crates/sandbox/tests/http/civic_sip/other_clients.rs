//! A client in another language, written from Civic's document, with the habits of the published
//! ones: unchanged but for URL and keys.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::Once;

use serde_json::{Value, json};
use verilane_sandbox::Scope;

use super::Sip;

const CLIENT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/http/civic_sip/client.mjs"
);

/// Runs the client to its end; none where there is no Node to run it.
fn run_with(told: &str) -> Option<Output> {
    let child = Command::new("node")
        .arg(CLIENT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = match child {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        child => child.unwrap(),
    };
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(told.as_bytes()).unwrap();
    drop(stdin);
    Some(child.wait_with_output().unwrap())
}

/// Says, once, what was not shown.
fn skipped() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        // Past the test runner, which shows what a test prints only if it fails.
        let said = "\nSKIPPED: Civic SIP's clients in another language: node is missing\n";
        std::io::stderr().write_all(said.as_bytes()).unwrap();
    });
}

/// What the client prints.
async fn run(sip: &Sip, style: &str, token: &str) -> Option<Value> {
    let told = json!({
        "style": style,
        "base": sip.app.base_url,
        "env": "dev",
        "appId": sip.app.app_id,
        "appSecret": sip.app.app_secret,
        "prvKey": sip.app.private_key,
        "hexpub": sip.app.civic_public_key,
        "token": token,
        "now": sip.now(),
    });
    let told = told.to_string();
    let ran = tokio::task::spawn_blocking(move || run_with(&told));
    let Some(output) = ran.await.unwrap() else {
        skipped();
        return None;
    };
    assert!(output.status.success(), "{style}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[tokio::test]
async fn the_published_clients_habits_are_taken_and_each_can_read_the_answer() {
    let sip = Sip::set("long-request-tokens").await;
    for (style, linked) in [
        ("npm", false),
        ("npm-early", false),
        ("careless", false),
        ("stageless", false),
        ("ruby", false),
        ("php", false),
        ("java", false),
        ("python", true),
        ("dotnet", true),
    ] {
        let token = sip.approved(Scope::ProofOfIdentity);
        let Some(read) = run(&sip, style, &token).await else {
            continue;
        };
        assert_eq!(read["status"], 200, "{style}: {read}");
        assert_eq!(read["processed"], linked, "{style}");
        let request = sip.civic.requests().pop().unwrap();
        let known = sip.civic.clear_text(&request.id).unwrap();
        let known: Value = serde_json::from_str(&known).unwrap();
        assert_eq!(read["data"], known, "{style}");
        assert_eq!(read["userId"], request.user_id.as_str());
        assert_eq!((request.tries, request.effects), (1, 1), "{style}");
        // Once is all.
        let again = run(&sip, style, &token).await.unwrap();
        assert_eq!(again["status"], 403, "{style}");
        assert_eq!(again["message"], "Duplicate Request");
    }
    sip.stage.end().await;
}

#[tokio::test]
async fn a_large_answer_comes_by_a_link_to_who_takes_links_and_whole_to_who_does_not() {
    let sip = Sip::set("large-picture").await;
    for (style, linked) in [("npm", true), ("npm-early", false)] {
        let token = sip.approved(Scope::ProofOfIdentity);
        let Some(read) = run(&sip, style, &token).await else {
            continue;
        };
        assert_eq!(read["processed"], linked, "{style}");
        let data = read["data"].as_array().unwrap();
        let label = "documents.genericId.image";
        let image = data.iter().find(|a| a["label"] == label).unwrap();
        assert!(image["value"].as_str().unwrap().len() > 2 * 1024 * 1024);
    }
    sip.stage.end().await;
}

#[tokio::test]
async fn a_request_token_of_three_months_is_refused_where_nothing_else_is_said() {
    let sip = Sip::set("scripted").await;
    let token = sip.approved(Scope::BasicSignup);
    if let Some(read) = run(&sip, "java", &token).await {
        assert_eq!(read["status"], 401);
        assert_eq!(read["message"], "the request token lives too long");
    }
    sip.stage.end().await;
}
