//! What is wrong is refused with the registry's reason, and changes nothing.

use std::process::Command;

use rusqlite::Connection;

use crate::command::Import;
use crate::harness::{CONNECTION, Launch, Stage};
use crate::{FIELD, decided, held_back, quarantined, stage};

const UNKNOWN_ID: &str = "018bcfe5-0000-7000-8000-000000000001";

#[tokio::test]
async fn wrong_imports_are_refused_with_their_reasons_and_change_nothing() {
    let stage = stage("accept").await;
    let server = stage.start_as(Launch::default());
    let user = stage.user("accepts");
    let (id, request) = held_back(&stage, &server, &user, &[FIELD]).await;
    let (_, of_others) = held_back(&stage, &server, &user, &["SH_EMAIL"]).await;
    let signed = stage.sandbox.export(&request, true).unwrap();
    let unsigned = stage.sandbox.export(&request, false).unwrap();
    let other_items = stage.sandbox.export(&of_others, true).unwrap();
    let text = String::from_utf8(unsigned.to_vec()).unwrap();
    let other = &stage.user("partial").core_id;
    assert!(text.contains(&user.core_id));
    let other_user = text.replace(&user.core_id, other);
    let before = decided(&server, &id).await;

    let import = || Import::of(&stage, &id);
    let small = ("VERILANE__INGRESS__DATA_BODY_LIMIT", "1KiB");
    for (wrong, expected) in [
        (import().quarantined(), "NOTHING_TO_IMPORT: "),
        (
            import().quarantined().words(&["--attempt", "7"]),
            "NOTHING_TO_IMPORT: ",
        ),
        (import().stdin(b""), "CALLBACK_MALFORMED: "),
        (import().stdin(b"{"), "CALLBACK_MALFORMED: "),
        (import().stdin(&other_items), "CALLBACK_ITEMS_MISMATCH: "),
        (
            import().stdin(other_user.as_bytes()),
            "CALLBACK_SUBJECT_MISMATCH: ",
        ),
        // Its connector does not know the endpoint.
        (import().stdin(&unsigned), "CONNECTION_MISCONFIGURED: "),
        (
            import().stdin(&[b' '; 1_025]).with(small.0, small.1),
            "REQUEST_TOO_LARGE: ",
        ),
        (
            Import::of(&stage, UNKNOWN_ID).stdin(&signed),
            "VERIFICATION_NOT_FOUND: ",
        ),
        (
            Import::of(&stage, "x").stdin(&signed),
            "INVALID_ARGUMENT: verification_id: ",
        ),
        (
            import().words(&["nowhere.json"]),
            "nowhere.json can't be read",
        ),
    ] {
        let said = wrong.refused().await;
        assert!(said.starts_with(expected), "{expected}: {said}");
    }
    assert_eq!(decided(&server, &id).await, before);

    // Without a service, what the command's own configuration says counts.
    assert!(server.terminate().await.success());
    let variable = "VERILANE__CONNECTIONS__COREPASS_TEST__REVALIDATE";
    let said = import().stdin(&unsigned).with(variable, "false");
    let said = said.refused().await;
    assert!(said.starts_with("REVALIDATION_NOT_OFFERED: "), "{said}");
    let server = stage.start();
    assert_eq!(decided(&server, &id).await, before);
    assert!(server.terminate().await.success());
    stage.end().await;
}

/// Changes the stored bytes of the message in quarantine, and says what they were.
fn stored_instead(stage: &Stage, bytes: &[u8]) -> Vec<u8> {
    let store = Connection::open(stage.data_folder().join("verilane.db")).unwrap();
    let chunk = "FROM evidence JOIN chunks ON evidence = id WHERE kind = 'QUARANTINED_MESSAGE'";
    let (number, before): (i64, Vec<u8>) = store
        .query_row(&format!("SELECT chunks.rowid, bytes {chunk}"), [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    let update = "UPDATE chunks SET bytes = ?1 WHERE rowid = ?2";
    assert_eq!(store.execute(update, (bytes, number)).unwrap(), 1);
    before
}

#[tokio::test]
async fn what_was_damaged_or_came_over_a_connection_that_is_gone_is_refused_until_it_is_right() {
    let stage = stage("valid").await;
    let server = stage.start();
    let id = quarantined(&stage, &server, &stage.user("accepts")).await;
    let before = decided(&server, &id).await;
    assert!(server.terminate().await.success());
    let import = || Import::of(&stage, &id).quarantined();
    // With a service and without.
    let refused = async |expected: &str| {
        let said = import().refused().await;
        assert!(said.starts_with(expected), "{said}");
        let server = stage.start();
        assert_eq!(import().refused().await, said);
        assert_eq!(decided(&server, &id).await, before);
        assert!(server.terminate().await.success());
    };

    let whole = stored_instead(&stage, &[]);
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for damaged in [&[][..], &whole[1..], &flipped] {
        stored_instead(&stage, damaged);
        refused("EVIDENCE_DAMAGED: ").await;
    }
    stored_instead(&stage, &whole);

    let named = |from: &'static str, to: &'static str| {
        let name = |name| format!("name = \"{name}\"");
        stage.reconfigure(|text| text.replace(&name(from), &name(to)));
    };
    named(CONNECTION, "another");
    refused("CONNECTION_NOT_FOUND: ").await;
    named("another", CONNECTION);

    let said = import().done(&id).await;
    assert_eq!(said, "verdict=ACCEPTED assurance=PULLED");
    stage.end().await;
}

#[test]
fn what_is_asked_for_wrongly_or_nowhere_is_said_before_anything_is_touched() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let run = |words: &[&str]| {
        let ran = Command::new(env!("CARGO_BIN_EXE_verilane"))
            .args(["corepass", "import", "--data-dir", "data"])
            .args(words)
            .env_clear()
            .current_dir(folder.path())
            .output()
            .unwrap();
        (ran.status.code(), String::from_utf8(ran.stderr).unwrap())
    };
    let right = ["--verification", UNKNOWN_ID, "--purpose", "test"];
    for wrong in [
        &[][..],
        &["--quarantined", "export.json"],
        &["--quarantined", "--attempt", "0"],
        &["export.json", "--attempt", "1"],
        &["--quarantined", "--content-type", "text/plain"],
    ] {
        let (code, said) = run(&[&right[..], wrong].concat());
        assert_eq!(code, Some(2), "{wrong:?}: {said}");
    }
    assert_eq!(run(&["--quarantined", "--purpose", "test"]).0, Some(2));
    assert_eq!(run(&["--quarantined", "--verification", "x"]).0, Some(2));
    let (code, said) = run(&[&right[..], &["--quarantined"]].concat());
    assert_eq!(code, Some(1));
    assert!(
        said.contains("no service answers at data/admin.sock: data holds no store"),
        "{said}"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
