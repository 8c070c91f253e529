//! Pictures, by the API and from storage, and what can be wrong with them.

use verilane_core::{Pii, Reason};
use verilane_provider::{EvidenceOffer, Provider as _, ProviderError};
use verilane_sandbox::{CivicPassEndpoint, PiiOrder};

use crate::stage::{BOTH, Speaks, Stage, fetch};

/// A request that can be read, and the first picture that it offers.
async fn offered(stage: &Stage) -> (Pii<String>, EvidenceOffer) {
    let request = stage.widget(PiiOrder::default());
    let answer = stage.look(&request).await.unwrap();
    let offer = answer.offers.into_iter().next().unwrap();
    assert_eq!(offer.field, "evidence-document");
    (request, offer)
}

fn is_dead<T>(outcome: &Result<T, ProviderError>) -> bool {
    let Err(ProviderError::Refused { reason, .. }) = outcome else {
        return false;
    };
    *reason == Reason::ProviderRefused
}

#[tokio::test]
async fn a_picture_comes_whole_with_a_bearer_from_the_api_and_without_from_storage() {
    use CivicPassEndpoint::{Evidence, Storage};
    for (links, endpoint) in [
        ("api-links", Evidence),
        ("pre-signed-links", Storage),
        ("pre-signed-links+storage-on-api-host", Storage),
    ] {
        for speaks in BOTH {
            let stage = Stage::set(speaks, &format!("ready+{links}")).await;
            let (request, offer) = offered(&stage).await;
            let whole = stage.civic.evidence(request.expose(), "evidence-document");
            let came = fetch(&stage.plugin, &offer).await.unwrap();
            assert!(came == whole.unwrap(), "{links} {speaks:?}");
            let call = stage.civic.calls(0, None).pop().unwrap();
            assert_eq!(call.endpoint, endpoint, "{links} {speaks:?}");
            assert_eq!(call.bearer, endpoint == Evidence, "{links} {speaks:?}");
        }
    }
}

#[tokio::test]
async fn evidence_of_a_request_whose_name_is_a_url_is_authorised_by_that_name() {
    let stage = Stage::set(Speaks::Jwt, "ready+api-links").await;
    let request = stage.widget(PiiOrder {
        url_id: true,
        ..PiiOrder::default()
    });
    let answer = stage.look(&request).await.unwrap();
    assert!(
        !fetch(&stage.plugin, &answer.offers[0])
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_token_that_is_turned_away_by_evidence_is_renewed() {
    let stage = Stage::set(Speaks::Oauth, "ready").await;
    let (_, offer) = offered(&stage).await;
    stage.civic.revoke_tokens();
    assert!(fetch(&stage.plugin, &offer).await.is_ok());
    assert_eq!(stage.civic.tokens().issued, 2);
}

#[tokio::test]
async fn a_link_that_has_died_may_be_replaced_by_a_further_look_s() {
    for names in ["dead-links", "expired-links+pre-signed-links"] {
        for speaks in BOTH {
            let stage = Stage::set(speaks, &format!("ready+{names}")).await;
            let (_, offer) = offered(&stage).await;
            let outcome = fetch(&stage.plugin, &offer).await;
            assert!(is_dead(&outcome), "{names}: {outcome:?}");
        }
    }
    let stage = Stage::set(Speaks::Jwt, "ready").await;
    let (request, offer) = offered(&stage).await;
    stage.wait(300);
    assert!(is_dead(&fetch(&stage.plugin, &offer).await));
    let fresh = stage.look(&request).await.unwrap();
    assert!(fetch(&stage.plugin, &fresh.offers[0]).await.is_ok());
}

#[tokio::test]
async fn a_picture_of_the_most_bytes_is_taken_and_one_of_more_is_not() {
    let stage = Stage::set(Speaks::Oauth, "ready+large-evidence").await;
    let (_, offer) = offered(&stage).await;
    let whole = fetch(&stage.plugin, &offer).await.unwrap();
    assert_eq!(whole.len(), 20 * 1024 * 1024);
    let stage = Stage::set(Speaks::Oauth, "ready+too-large-evidence").await;
    let (_, offer) = offered(&stage).await;
    let outcome = stage.plugin.fetch_evidence(&offer).await.map(drop);
    assert!(matches!(outcome, Err(ProviderError::InvalidAnswer(_))));
}

#[tokio::test]
async fn a_picture_without_a_length_is_taken_and_one_that_breaks_off_is_not() {
    let stage = Stage::set(Speaks::Oauth, "ready+unannounced-length").await;
    let (request, offer) = offered(&stage).await;
    let whole = stage.civic.evidence(request.expose(), "evidence-document");
    assert!(fetch(&stage.plugin, &offer).await.unwrap() == whole.unwrap());
    for names in ["cut-evidence", "half-evidence"] {
        let stage = Stage::set(Speaks::Oauth, &format!("ready+{names}")).await;
        let (_, offer) = offered(&stage).await;
        let outcome = fetch(&stage.plugin, &offer).await.map(drop);
        assert!(
            matches!(outcome, Err(ProviderError::Unclear)),
            "{names}: {outcome:?}"
        );
    }
}
