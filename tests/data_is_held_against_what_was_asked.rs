//! Signed data that lacks an item or holds another: what was asked for is kept, the rest is not, and
//! each is told.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod harness;

use harness::{LIMIT, Server, Stage, create_request};
use verilane_api::v1::{ClaimStatus, Necessity, State, Verification};
use verilane_sandbox::Scenario;

const EMAIL: &str = "SH_EMAIL";
const PHONE: &str = "SH_PHONE";
const BIRTH: &str = "SH_Passport_DOB";

/// Asks for the birthdate and the e-mail address of a user whose data lacks one field and holds
/// another besides, and lets all of it come.
async fn run(
    stage: &Stage,
    server: &Server,
    who: &str,
    email: Necessity,
    (lacks, adds): (&[&str], &[&str]),
) -> Verification {
    let texts = |fields: &[&str]| fields.iter().map(|field| (*field).to_owned()).collect();
    let scenario = Scenario {
        data_lacks: texts(lacks),
        data_adds: texts(adds),
        ..Scenario::named("accept").unwrap()
    };
    let set = stage.sandbox.set_user_scenario(who, Some(scenario));
    set.unwrap();
    let mut request = create_request(&stage.user(who), &[BIRTH, EMAIL]);
    request.claims[1].necessity = email.into();
    let made = server.verifications().create_verification(request).await;
    let id = made.unwrap().into_inner().verification.unwrap().id;
    stage.sandbox.finished(LIMIT).await.unwrap();
    server.get(&id).await
}

/// What became of each claim, and the values that can be read.
async fn kept(server: &Server, row: &Verification) -> (Vec<(String, ClaimStatus)>, Vec<String>) {
    let claims = row.claims.iter();
    let statuses = claims.map(|claim| (claim.provider_field.clone(), claim.status()));
    let read = server.read_claims(&row.id).await.unwrap().claims;
    let values = read.into_iter().map(|claim| claim.raw_value);
    (statuses.collect(), values.collect())
}

#[tokio::test]
async fn what_the_data_lacks_or_adds_is_told_and_what_was_asked_for_is_kept() {
    let stage = Stage::with(|config| config.load_users = 3, "").await;
    let server = stage.start();
    use ClaimStatus::{Granted, NotHeld};
    use Necessity::{Optional, Required};
    let lacking: (&[&str], &[&str]) = (&[EMAIL], &[]);
    let adding: (&[&str], &[&str]) = (&[], &[PHONE]);
    let both: (&[&str], &[&str]) = (&[EMAIL], &[PHONE]);
    let not_asked = "ITEM_NOT_REQUESTED";
    let cases: [(_, _, _, &str, &[&str], _); 3] = [
        (
            Required,
            lacking,
            State::Failed,
            "REQUIRED_ITEM_MISSING",
            &[],
            NotHeld,
        ),
        (Required, adding, State::Verified, "", &[not_asked], Granted),
        (Optional, both, State::Verified, "", &[not_asked], NotHeld),
    ];
    for (number, (email, data, state, reason, warnings, status)) in (4..).zip(cases) {
        let who = format!("load-{number}");
        let user = stage.user(&who);
        let row = run(&stage, &server, &who, email, data).await;
        assert_eq!((row.state(), row.reason.as_str()), (state, reason), "{who}");
        assert_eq!(row.warnings, warnings, "{who}");
        let (statuses, values) = kept(&server, &row).await;
        // By the field's name.
        let expected = [(EMAIL.to_owned(), status), (BIRTH.to_owned(), Granted)];
        assert_eq!(statuses, expected, "{who}");
        let granted = expected.iter().filter(|(_, status)| *status == Granted);
        let expected: Vec<_> = granted
            .map(|(field, _)| user.value(field).unwrap())
            .collect();
        let mut sorted = (values, expected);
        sorted.0.sort_unstable();
        sorted.1.sort_unstable();
        assert_eq!(sorted.0, sorted.1, "{who}");
        // Nothing of what nobody asked for has gone anywhere.
        assert!(!stage.logs().contains(&user.value(PHONE).unwrap()));
    }
    drop(server);
    stage.end().await;
}
