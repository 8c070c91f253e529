//! Evidence, by the API and by pre-signed links, and what can be wrong with it.

use serde_json::json;

use super::{Civic, json_of, link};

const MIB: u64 = 1024 * 1024;

#[tokio::test]
async fn the_api_brings_pictures_to_the_bearer_alone() {
    let civic = Civic::set("ready+four-pictures").await;
    let id = civic.widget(json!({})).await;
    let token = civic.token().await;
    let answer = civic.pii(&id, &token).await;
    let mut pictures = Vec::new();
    for rel in [
        "evidence-document",
        "evidence-selfie",
        "idDocumentFront",
        "idDocumentBack",
    ] {
        let href = link(&answer, rel).unwrap();
        assert_eq!(href, format!("{}/evidence/{rel}", civic.url(&id)));
        assert_eq!(civic.get(&href, None).await.status(), 401);
        // The other generation's bearer does as well, if it is for this request.
        let jwt = civic.jwt(&id);
        assert_eq!(civic.get(&href, Some(&jwt)).await.status(), 200);
        let other = civic.jwt("another");
        assert_eq!(civic.get(&href, Some(&other)).await.status(), 401);
        let picture = civic.get(&href, Some(&token)).await;
        assert_eq!(picture.headers()["content-type"], "image/png");
        let picture = picture.bytes().await.unwrap();
        assert!(picture.starts_with(b"\x89PNG"));
        assert_eq!(picture, civic.civic.evidence(&id, rel).unwrap());
        assert!(!pictures.contains(&picture));
        pictures.push(picture);
    }
    civic.stage.end().await;
}

#[tokio::test]
async fn a_pre_signed_link_is_on_another_origin_wants_no_bearer_and_expires() {
    let civic = Civic::set("ready+pre-signed-links").await;
    let id = civic.widget(json!({})).await;
    let token = civic.token().await;
    let link_now = async || link(&civic.pii(&id, &token).await, "evidence-document").unwrap();
    let first = link_now().await;
    assert!(first.starts_with(&format!("{}/", civic.partner.storage)));
    assert!(!first.starts_with(&format!("{}/", civic.stage.base)));
    let picture = civic.get(&first, None).await.bytes().await.unwrap();
    let whole = civic.civic.evidence(&id, "evidence-document").unwrap();
    assert_eq!(picture, whole);
    assert_eq!(civic.get(&first, Some(&token)).await.status(), 400);
    for forged in [
        first.replace("evidence-document", "evidence-selfie"),
        first.replace("signature=", "signature=0"),
        first.replace("expires=1", "expires=2"),
        first.split_once('?').unwrap().0.to_owned(),
    ] {
        assert_eq!(civic.get(&forged, None).await.status(), 403, "{forged}");
    }
    civic.wait(299);
    assert_eq!(civic.get(&first, None).await.status(), 200);
    civic.wait(1);
    assert_eq!(civic.get(&first, None).await.status(), 403);
    // Asked anew, there is a fresh one.
    let fresh = link_now().await;
    assert_ne!(fresh, first);
    assert_eq!(civic.get(&fresh, None).await.status(), 200);
    civic.stage.end().await;
}

#[tokio::test]
async fn links_are_of_the_kind_that_the_scenario_says_whichever_generation_asks() {
    let civic = Civic::set("ready").await;
    let token = civic.token().await;
    let (api, storage) = (civic.stage.base.clone(), civic.partner.storage.clone());
    for (names, by_token, by_jwt) in [
        (
            "ready",
            format!("{api}/civic-pass/partner"),
            storage.clone(),
        ),
        (
            "ready+api-links",
            format!("{api}/civic-pass/partner"),
            format!("{api}/civic-pass/partner"),
        ),
        ("ready+pre-signed-links", storage.clone(), storage.clone()),
        (
            "ready+storage-on-api-host",
            format!("{api}/civic-pass/storage"),
            format!("{api}/civic-pass/storage"),
        ),
    ] {
        let id = civic.widget(json!({"scenario": names})).await;
        let one = civic.pii(&id, &token).await;
        let other = json_of(
            civic
                .get(&civic.verify_url(&id), Some(&civic.jwt(&id)))
                .await,
        )
        .await;
        for (answer, start) in [(one, by_token), (other, by_jwt)] {
            let href = link(&answer, "evidence-selfie").unwrap();
            assert!(href.starts_with(&format!("{start}/")), "{names}: {href}");
            let bearer = href.contains("/partner/").then_some(token.as_str());
            assert_eq!(civic.get(&href, bearer).await.status(), 200, "{names}");
        }
    }
    civic.stage.end().await;
}

#[tokio::test]
async fn large_pictures_have_exactly_their_size_and_are_announced() {
    let civic = Civic::set("ready").await;
    let token = civic.token().await;
    for (names, bytes) in [
        ("ready+large-evidence", 20 * MIB),
        ("ready+too-large-evidence", 20 * MIB + 1),
    ] {
        let id = civic.widget(json!({"scenario": names})).await;
        let url = format!("{}/evidence/evidence-document", civic.url(&id));
        let picture = civic.get(&url, Some(&token)).await;
        assert_eq!(picture.content_length(), Some(bytes));
        let picture = picture.bytes().await.unwrap();
        assert_eq!(picture.len() as u64, bytes);
        assert_eq!(
            picture,
            civic.civic.evidence(&id, "evidence-document").unwrap()
        );
    }
    civic.stage.end().await;
}

#[tokio::test]
async fn pictures_can_be_dead_elsewhere_mislabelled_cut_short_or_without_length() {
    let civic = Civic::set("ready").await;
    let token = civic.token().await;
    let whole = async |id: &str| {
        let path = format!("/control/civic-pass/requests/{id}/evidence/evidence-selfie");
        let bytes = civic
            .get(&format!("{}{path}", civic.stage.base), None)
            .await;
        bytes.bytes().await.unwrap()
    };
    for kind in ["api-links", "pre-signed-links"] {
        let fetch = async |names: &str| {
            let names = format!("ready+{kind}+{names}");
            let id = civic.widget(json!({"scenario": names})).await;
            let answer = civic.pii(&id, &token).await;
            let href = link(&answer, "evidence-selfie").unwrap();
            let bearer = (kind == "api-links").then_some(token.as_str());
            let client = reqwest::Client::builder().no_proxy();
            let client = client
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap();
            let mut call = client.get(&href);
            if let Some(bearer) = bearer {
                call = call.header("authorization", format!("Bearer {bearer}"));
            }
            (whole(&id).await, call.send().await.unwrap())
        };
        assert_eq!(fetch("dead-links").await.1.status(), 404);
        let (_, redirected) = fetch("redirected-evidence").await;
        assert_eq!(redirected.status(), 302);
        let to = &redirected.headers()["location"];
        assert_eq!(to, "http://169.254.169.254/latest/meta-data/");
        let (_, wrong) = fetch("wrong-content-type").await;
        assert_eq!(wrong.headers()["content-type"], "text/html");
        let (_, page) = fetch("login-pages").await;
        assert_eq!(page.status(), 200);
        assert!(page.bytes().await.unwrap().starts_with(b"<!doctype html>"));
        let (bytes, cut) = fetch("cut-evidence").await;
        assert_eq!(cut.content_length(), Some(bytes.len() as u64));
        assert!(cut.bytes().await.is_err());
        let (bytes, short) = fetch("short-evidence").await;
        assert_eq!(short.bytes().await.unwrap(), bytes[..bytes.len() / 2]);
        let (bytes, open) = fetch("unannounced-length").await;
        assert_eq!(open.content_length(), None);
        assert_eq!(open.bytes().await.unwrap(), bytes);
        assert!(fetch("half-evidence").await.1.bytes().await.is_err());
    }
    let id = civic
        .widget(json!({"scenario": "ready+expired-links"}))
        .await;
    let href = link(&civic.pii(&id, &token).await, "evidence-selfie").unwrap();
    assert_eq!(civic.get(&href, None).await.status(), 403);
    let elsewhere = json!({
        "starts-as": "verification-success",
        "evidence": [{"rel": "a", "trouble": {"href": "http://169.254.169.254/"}}],
    });
    let id = civic.widget(json!({"scenario": elsewhere})).await;
    let href = link(&civic.pii(&id, &token).await, "a").unwrap();
    assert_eq!(href, "http://169.254.169.254/");
    civic.stage.end().await;
}
