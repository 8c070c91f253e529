//! Every candidate encoding, digest and scheme in every wire shape, as the sandbox sends them and
//! the plug-in reads them.

use std::time::Duration;

use verilane_core::Reason;
use verilane_provider::{Reading, Report};
use verilane_sandbox::{DataShape, Digest, Encoding, Scenario, Scheme, Signing};

use crate::stage::{Pins, Stage};

/// One value holds what Go escapes.
const FIELDS: [&str; 3] = ["SH_EMAIL", "SH_IDCard_AML_Detail", "SH_IDCard_FULLNAME"];

const SCHEMES: [Scheme; 3] = [Scheme::Ed448, Scheme::Secp256k1, Scheme::Secp256k1V27];

/// What is signed over, and how the plug-in calls it.
const ENCODINGS: [(Encoding, Digest, &str); 6] = [
    (Encoding::Wire, Digest::Sha3, "wire-sha3"),
    (Encoding::Wire, Digest::Sha256, "wire-sha256"),
    (
        Encoding::WithoutExpiration,
        Digest::Sha3,
        "wire-without-expiration-sha3",
    ),
    (
        Encoding::WithoutExpiration,
        Digest::Sha256,
        "wire-without-expiration-sha256",
    ),
    (Encoding::GoStruct, Digest::Sha3, "go-struct-sha3"),
    (Encoding::GoStruct, Digest::Sha256, "go-struct-sha256"),
];

/// Shapes on the wire; JSON under any content type and under none.
const SHAPES: [(DataShape, Option<&str>); 7] = [
    (DataShape::Json, None),
    (DataShape::Json, Some("text/plain; charset=utf-8")),
    (DataShape::Json, Some("multipart/form-data; boundary=none")),
    (DataShape::Json, Some("application/x-www-form-urlencoded")),
    (DataShape::Json, Some("")),
    (DataShape::MultipartMembers, None),
    (DataShape::MultipartWhole, None),
];

/// What the plug-in made of a user's data or failure callback.
async fn read(stage: &Stage, who: &str, scenario: Scenario) -> Reading {
    stage.sandbox.set_scenario(scenario);
    let prepared = stage.prepared(who, &FIELDS);
    stage
        .start(&prepared, Duration::from_secs(600))
        .await
        .unwrap();
    stage.play_out().await;
    let verdicts = stage.verdicts().into_iter();
    let mut told: Vec<Reading> = verdicts
        .filter(|verdict| verdict.path == "/data")
        .map(|verdict| verdict.outcome.unwrap())
        .collect();
    assert_eq!(told.len(), 1);
    told.remove(0)
}

async fn every_combination(course: &str, is_right: impl Fn(&Report) -> bool) {
    let combinations = SCHEMES.len() * ENCODINGS.len() * SHAPES.len();
    let users = u32::try_from(combinations).unwrap();
    let stage = Stage::set_with(Scenario::default(), users, Pins::Both).await;
    let mut user = 4..;
    for data_scheme in SCHEMES {
        for (encoding, digest, name) in ENCODINGS {
            for (data_shape, content_type) in SHAPES {
                let signing = Signing {
                    encoding,
                    digest,
                    data_scheme,
                    status_scheme: Scheme::Ed448,
                };
                let scenario = Scenario {
                    data_shape,
                    json_content_type: content_type.map(str::to_owned),
                    signing,
                    // Statuses say nothing here and would cost most of the time.
                    ..Scenario::named(&format!("{course}+drop-all-statuses")).unwrap()
                };
                let who = format!("load-{}", user.next().unwrap());
                let reading = read(&stage, &who, scenario).await;
                let what = format!("{name} {data_scheme:?} {data_shape:?} {content_type:?}");
                assert_eq!(reading.encoding, name, "{what}");
                assert!(is_right(&reading.report), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn data_is_read_in_every_encoding_digest_scheme_and_shape_and_the_encoding_is_recorded() {
    every_combination("scripted", |report| match report {
        Report::Data(data) => data.items.len() == FIELDS.len() && data.unrequested == 0,
        _ => false,
    })
    .await;
}

#[tokio::test]
async fn failures_are_read_in_every_encoding_digest_scheme_and_shape_too() {
    every_combination("initiation-fails", |report| match report {
        Report::Failure(failure) => failure.status == "INITIATED_FAILED",
        _ => false,
    })
    .await;
}

#[tokio::test]
async fn a_connector_with_secp256k1_keys_alone_is_believed_and_one_without_is_not() {
    for (pins, status_scheme, believed) in [
        (Pins::Secp256k1, Scheme::Secp256k1, true),
        (Pins::Secp256k1, Scheme::Secp256k1V27, true),
        (Pins::Secp256k1, Scheme::Ed448, false),
        (Pins::Ed448, Scheme::Secp256k1, false),
    ] {
        let scenario = Scenario {
            signing: Signing {
                status_scheme,
                data_scheme: status_scheme,
                ..Signing::default()
            },
            ..Scenario::default()
        };
        let stage = Stage::set_with(scenario, 0, pins).await;
        let prepared = stage.prepared("accepts", &FIELDS);
        stage
            .start(&prepared, Duration::from_secs(600))
            .await
            .unwrap();
        stage.play_out().await;
        let verdicts = stage.verdicts();
        assert!(verdicts.len() >= 11);
        let right = |verdict: &crate::stage::Verdict| match &verdict.outcome {
            Ok(_) => believed,
            Err(refusal) => !believed && refusal.reason == Reason::CallbackUnsigned,
        };
        assert!(verdicts.iter().all(right), "{pins:?} {status_scheme:?}");
    }
}
