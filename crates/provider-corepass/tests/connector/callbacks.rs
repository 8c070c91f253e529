//! What the plug-in makes of what the connector sends.

use std::collections::BTreeMap;
use std::time::Duration;

use verilane_core::{Facts, Reason, State};
use verilane_provider::{Reading, Report};
use verilane_sandbox::{CallbackKind, DataShape, Faults, Forgery, Scenario};

use crate::stage::Stage;

const TEN_MINUTES: Duration = Duration::from_secs(600);
const FIELDS: [&str; 4] = [
    "SH_EMAIL",
    "SH_IDCard_AML_Detail",
    "SH_IDCard_FULLNAME",
    "SH_PHONE",
];

/// Runs a whole transfer of four fields of the user who accepts.
async fn transferred(scenario: Scenario) -> Stage {
    let stage = Stage::set(scenario).await;
    let prepared = stage.prepared("accepts", &FIELDS);
    stage.start(&prepared, TEN_MINUTES).await.unwrap();
    stage.play_out().await;
    stage
}

fn believed(stage: &Stage) -> Vec<Reading> {
    let verdicts = stage.verdicts().into_iter();
    verdicts.map(|verdict| verdict.outcome.unwrap()).collect()
}

fn words(readings: &[Reading]) -> Vec<&str> {
    fn word(reading: &Reading) -> &str {
        match &reading.report {
            Report::Status(status) => status.status.as_ref(),
            Report::Data(_) => "(data)",
            Report::Failure(_) => "(failure)",
        }
    }
    readings.iter().map(word).collect()
}

fn facts(readings: &[Reading]) -> Facts {
    use verilane_core::Fact;
    let fact = |reading: &Reading| match &reading.report {
        Report::Status(status) => status.fact,
        Report::Data(data) if data.items.len() == FIELDS.len() => Some(Fact::DataComplete),
        Report::Data(_) => Some(Fact::DataIncomplete),
        Report::Failure(failure) => Some(failure.fact),
    };
    readings
        .iter()
        .filter_map(fact)
        .fold(Facts::default(), Facts::with)
}

#[tokio::test]
async fn a_whole_transfer_is_believed_in_every_shape_of_its_data() {
    for data_shape in [
        DataShape::Json,
        DataShape::MultipartMembers,
        DataShape::MultipartWhole,
    ] {
        let stage = transferred(Scenario {
            data_shape,
            ..Scenario::default()
        })
        .await;
        let readings = believed(&stage);
        assert_eq!(
            words(&readings),
            [
                "ACCEPTED",
                "INITIATE_SUBMITTED",
                "INITIATED",
                "KYC_RECEIVED",
                "VALIDITY_CHECK",
                "VALIDITY_SUCCEED",
                "CONFIRM_SUBMITTED",
                "CONFIRMED",
                "(data)",
                "CALLBACK_SUCCEED",
                "FINISH_SUCCESS",
            ],
            "{data_shape:?}"
        );
        assert!(readings.iter().all(|reading| !reading.is_late));
        assert!(
            readings
                .iter()
                .all(|reading| reading.encoding == "wire-sha3")
        );
        let facts = facts(&readings);
        assert_eq!(facts.state().0, State::Verified);
        assert!(facts.is_settled());
        let user = stage.sandbox.user("accepts").unwrap();
        let data = readings
            .into_iter()
            .find_map(|reading| match reading.report {
                Report::Data(data) => Some(data),
                _ => None,
            });
        let data = data.unwrap();
        assert_eq!(data.unrequested, 0);
        let came: BTreeMap<_, _> = data
            .items
            .iter()
            .map(|item| {
                let pepper = item.pepper.as_ref().unwrap().expose().clone();
                (item.field.as_str(), (item.value.expose().clone(), pepper))
            })
            .collect();
        let sent: BTreeMap<_, _> = FIELDS
            .into_iter()
            .map(|field| {
                (
                    field,
                    (user.value(field).unwrap(), user.pepper(field).unwrap()),
                )
            })
            .collect();
        assert_eq!(came, sent);
    }
}

#[tokio::test]
async fn the_two_channels_are_signed_under_keys_of_their_own() {
    let stage = transferred(Scenario::default()).await;
    let readings = believed(&stage);
    let (data, status): (Vec<_>, Vec<_>) = readings
        .iter()
        .partition(|reading| matches!(reading.report, Report::Data(_)));
    assert!(
        status
            .iter()
            .all(|s| s.key_fingerprint == status[0].key_fingerprint)
    );
    assert_ne!(data[0].key_fingerprint, status[0].key_fingerprint);
}

#[tokio::test]
async fn every_forgery_is_refused_and_every_genuine_callback_beside_it_believed() {
    for (forgery, verdict) in [
        (Forgery::OtherKey, Reason::CallbackKeyNotPinned),
        (
            Forgery::OtherKeyPosingAsOurs,
            Reason::CallbackSignatureInvalid,
        ),
        (Forgery::Tampered, Reason::CallbackSignatureInvalid),
    ] {
        let stage = transferred(Scenario {
            faults: Faults {
                forge: vec![forgery],
                ..Faults::default()
            },
            ..Scenario::default()
        })
        .await;
        let (good, bad): (Vec<_>, Vec<_>) = stage
            .verdicts()
            .into_iter()
            .partition(|verdict| verdict.outcome.is_ok());
        assert_eq!(good.len(), 11, "{forgery:?}");
        assert_eq!(bad.len(), 11, "{forgery:?}");
        for refused in bad {
            let path = refused.path;
            assert_eq!(refused.outcome.unwrap_err().reason, verdict, "{path}");
        }
    }
}

#[tokio::test]
async fn any_order_and_any_repetition_tell_the_same() {
    let plain = facts(&believed(&transferred(Scenario::default()).await));
    let stage = transferred(Scenario {
        faults: Faults {
            duplicates: 2,
            duplicates_at_once: true,
            reorder_window: 5,
            ..Faults::default()
        },
        ..Scenario::default()
    })
    .await;
    let readings = believed(&stage);
    assert_eq!(readings.len(), 33);
    assert_eq!(facts(&readings), plain);
}

#[tokio::test]
async fn what_comes_after_its_deadline_is_late() {
    let stage = transferred(Scenario::default()).await;
    stage.verdicts();
    stage.clock.advance(Duration::from_secs(3600));
    let deliveries = stage.sandbox.deliveries(0, None);
    let first = |kind| deliveries.iter().find(|d| d.kind == kind).unwrap().number;
    let (status, data) = (first(CallbackKind::Status), first(CallbackKind::Data));
    for number in [status, data] {
        stage.sandbox.replay(number).await.unwrap();
    }
    let readings = believed(&stage);
    assert_eq!(readings.len(), 2);
    assert!(readings.iter().all(|reading| reading.is_late));
}
