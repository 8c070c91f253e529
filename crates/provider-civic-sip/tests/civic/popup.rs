//! What the page is told, behind the facade, as the engine has it.

use serde_json::{Value, json};
use verilane_core::{
    Action, ClaimName, ClaimRequest, ClaimSelector, Pii, ScopeRequestPopup, Timestamp,
};
use verilane_provider::{Continuation, Facade, Prepared, Start, StartRequest};

use crate::stage::{APPLICATION, NOW, behind_facade};

fn request(scope: Option<&str>, names: &[ClaimName]) -> StartRequest {
    let claims = names.iter().map(|name| ClaimRequest {
        selector: if name.is_from_document() {
            let preferred = Vec::new();
            ClaimSelector::AnyDocument {
                name: *name,
                preferred,
            }
        } else {
            let document = None;
            ClaimSelector::Claim {
                name: *name,
                document,
            }
        },
        required: true,
    });
    StartRequest {
        subject: Pii::from(""),
        claims: claims.collect(),
        scope: scope.map(str::to_owned),
        action_lifetime: None,
    }
}

async fn popup(facade: &Facade, prepared: &Prepared, expiry: Timestamp) -> ScopeRequestPopup {
    let nowhere = Pii::from("");
    let start = Start {
        subject: &prepared.subject,
        fields: &prepared.fields(),
        status_url: &nowhere,
        data_url: &nowhere,
        expiry,
        without_picture: false,
    };
    let started = facade.start(&start).await.unwrap();
    assert!(!started.already_open);
    match started.action {
        Action::ScopeRequestPopup(popup) => popup,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_page_is_told_the_scope_request_for_what_was_asked() {
    use ClaimName::{AgeOver18, DocumentImage, Email, ProviderSubject};
    let facade = behind_facade(json!({ "hide_intro": true }));
    assert!(facade.profile().exchanges_codes());
    let expiry = NOW + facade.profile().action_lifetime.default;
    let table: [(Option<&str>, &[ClaimName], &str); 8] = [
        (None, &[ProviderSubject], "ANONYMOUS_LOGIN"),
        (None, &[Email], "BASIC_SIGNUP"),
        (None, &[AgeOver18], "PROOF_OF_IDENTITY"),
        (
            None,
            &[Email, AgeOver18, DocumentImage],
            "PROOF_OF_IDENTITY",
        ),
        (Some("ANONYMOUS_LOGIN"), &[], "ANONYMOUS_LOGIN"),
        (Some("BASIC_SIGNUP"), &[ProviderSubject], "BASIC_SIGNUP"),
        (Some("PROOF_OF_IDENTITY"), &[AgeOver18], "PROOF_OF_IDENTITY"),
        (
            Some("PROOF_OF_IDENTITY"),
            &[Email, AgeOver18],
            "PROOF_OF_IDENTITY",
        ),
    ];
    for (scope, names, expected) in table {
        let prepared = facade.prepare(&request(scope, names)).unwrap();
        let is_his_id = |wish: &&verilane_core::Wish| wish.name == ProviderSubject;
        assert_eq!(prepared.claims.iter().filter(is_his_id).count(), 1);
        let popup = popup(&facade, &prepared, expiry).await;
        assert_eq!(popup.scope_request, expected, "{scope:?} {names:?}");
        let is_proof = expected == "PROOF_OF_IDENTITY";
        assert_eq!(popup.hide_intro, is_proof.then_some(true));
        let said = [&popup.application_id, &popup.style, &popup.return_parameter];
        assert_eq!(said, [APPLICATION, "popup", "uuid"]);
        let script = "https://hosted-sip.civic.com/js/civic.sip.min.js";
        let style_sheet = "https://hosted-sip.civic.com/css/civic-modal.min.css";
        assert_eq!(
            [&popup.script_url, &popup.style_sheet_url],
            [script, style_sheet]
        );
        assert_eq!(popup.expire_time, expiry);
    }
    assert!(
        facade
            .prepare(&request(Some("BASIC_SIGNUP"), &[AgeOver18]))
            .is_err()
    );
    assert!(facade.prepare(&request(None, &[])).is_err());
}

#[test]
fn the_same_code_in_another_token_is_the_same_request() {
    let recorded = include_str!("../../testdata/civic_sip_token.json");
    let recorded: Value = serde_json::from_str(recorded).unwrap();
    let token = recorded["auth_code_token"].as_str().unwrap();
    let facade = behind_facade(json!({}));
    let code = facade.request_of(&Pii::from(token)).into_owned();
    assert_eq!(
        code,
        recorded["claims"]["data"]["codeToken"].as_str().unwrap()
    );
    // Years after its time.
    let brought = Continuation::AuthorizationCode(Pii::from(token));
    let found = facade.read_continuation(&brought).unwrap_err();
    assert_eq!(found.reason, verilane_core::Reason::AuthCodeExpired);
    let brought = Continuation::PresentationRequest(Pii::from("a1"));
    let found = facade.read_continuation(&brought).unwrap_err();
    assert_eq!(found.reason, verilane_core::Reason::ContinuationNotOffered);
}
