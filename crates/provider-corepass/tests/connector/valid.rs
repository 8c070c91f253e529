//! Values that are checked again, against the sandbox.

use verilane_core::Pii;
use verilane_provider::{Capability, ValueToCheck};
use verilane_sandbox::Scenario;

use crate::stage::Stage;

#[tokio::test]
async fn a_value_holds_with_its_own_pepper_until_it_is_revoked() {
    let scenario = Scenario {
        has_valid: true,
        ..Scenario::default()
    };
    let stage = Stage::set(scenario.clone()).await;
    let has = &stage.facade.profile().capabilities;
    assert!(has.contains(&Capability::Revalidate));
    let user = stage.sandbox.user("accepts").unwrap();
    let subject = Pii::from(user.core_id.as_str());
    let fields = ["SH_EMAIL", "SH_PHONE", "SH_Passport_FaceImage"];
    let kept = fields.map(|field| {
        let value = Pii::new(user.value(field).unwrap());
        (field, value, Pii::new(user.pepper(field).unwrap()))
    });
    let ask = async |wrong: &str| {
        let other = Pii::from("00");
        let values: Vec<_> = kept
            .iter()
            .map(|(field, value, pepper)| ValueToCheck {
                field,
                value,
                pepper: if *field == wrong { &other } else { pepper },
            })
            .collect();
        let answer = stage.facade.revalidate(&subject, &values).await;
        answer.unwrap().invalid
    };
    assert!(ask("").await.is_empty());
    assert_eq!(ask("SH_PHONE").await, ["SH_PHONE"]);
    stage.sandbox.set_scenario(Scenario {
        revoked: vec!["SH_Passport_FaceImage".to_owned()],
        ..scenario
    });
    assert_eq!(ask("").await, ["SH_Passport_FaceImage"]);
}
