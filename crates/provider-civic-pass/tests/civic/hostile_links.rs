//! Links to evidence that lead where nothing may be fetched: refused, and nobody is connected to.

use std::future::poll_fn;
use std::task::Poll;

use tokio::net::TcpListener;
use verilane_core::Pii;
use verilane_provider::{EvidenceOffer, ProviderError};
use verilane_provider_civic_pass::{CivicPass, Settings};
use verilane_sandbox::{CivicPassEndpoint, CivicPassScenario, Evidence, EvidenceTrouble, PiiOrder};

use crate::stage::{Speaks, Stage, fetch};

/// Nobody should come here.
struct Trap(TcpListener);

impl Trap {
    async fn set() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    async fn is_untouched(&self) -> bool {
        poll_fn(|context| Poll::Ready(self.0.poll_accept(context).is_pending())).await
    }
}

async fn is_refused(plugin: &CivicPass, link: &str) -> bool {
    let offer = EvidenceOffer {
        field: "evidence-document".to_owned(),
        link: Pii::from(link),
    };
    let outcome = fetch(plugin, &offer).await;
    matches!(outcome, Err(ProviderError::InvalidAnswer(_)))
}

fn strict(settings: &mut Settings) {
    settings.base_url = "https://api.civic.com/partner".to_owned();
    settings.evidence_hosts = vec!["*.s3.amazonaws.com".to_owned(), "localhost".to_owned()];
    settings.allow_private_addresses = false;
    settings.allow_http = false;
    if let verilane_provider_civic_pass::Generation::Oauth { client, .. } = &mut settings.generation
    {
        client.token_url = "https://auth0.civic.com/oauth/token".to_owned();
    }
}

#[tokio::test]
async fn a_link_to_where_no_evidence_is_kept_is_refused() {
    let trap = Trap::set().await;
    let port = trap.port();
    let stage = Stage::set(Speaks::Oauth, "ready").await;
    let plugin = stage.other(strict);
    let hostile = [
        format!("https://127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}/"),
        format!("https://2130706433:{port}/"),
        format!("https://0177.0.0.1:{port}/"),
        format!("https://0x7f.1:{port}/"),
        format!("https://127.1:{port}/"),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
        format!("https://[::1]:{port}/"),
        format!("https://0.0.0.0:{port}/"),
        format!("https://[::]:{port}/"),
        format!("http://localhost:{port}/"),
        // Its name is allowed, its address is not.
        format!("https://localhost:{port}/?signature=1"),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://10.0.0.1/?s=1".to_owned(),
        "https://evil.example/?s=1".to_owned(),
        "https://s3.amazonaws.com/?s=1".to_owned(),
        "https://b.s3.amazonaws.com.evil.example/?s=1".to_owned(),
        "https://b.s3.amazonaws.com@evil.example/?s=1".to_owned(),
        "https://user:pw@b.s3.amazonaws.com/?s=1".to_owned(),
        "http://b.s3.amazonaws.com/?s=1".to_owned(),
        "http://api.civic.com/partner/piirequest/a/evidence/b".to_owned(),
        "ftp://b.s3.amazonaws.com/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "data:image/png;base64,AA==".to_owned(),
        "javascript:alert(1)".to_owned(),
        "b.s3.amazonaws.com/x".to_owned(),
        "//b.s3.amazonaws.com/x".to_owned(),
        "/etc/passwd".to_owned(),
        String::new(),
    ];
    for link in hostile {
        assert!(is_refused(&plugin, &format!("{link}#r1")).await, "{link}");
        assert!(is_refused(&plugin, &link).await, "{link}");
    }
    assert!(trap.is_untouched().await);
    assert!(stage.civic.calls(0, None).is_empty());
}

#[tokio::test]
async fn what_the_answer_links_to_is_held_against_the_same_rules() {
    let trap = Trap::set().await;
    let elsewhere = format!("http://localhost:{}/", trap.port());
    for trouble in [
        EvidenceTrouble::Href(elsewhere.clone()),
        EvidenceTrouble::Href("http://169.254.169.254/".to_owned()),
        EvidenceTrouble::Href("file:///etc/passwd".to_owned()),
        EvidenceTrouble::Redirect {
            to: elsewhere.clone(),
        },
        EvidenceTrouble::Redirect {
            to: "http://169.254.169.254/latest".to_owned(),
        },
        EvidenceTrouble::Redirect {
            to: "http://0.0.0.0/".to_owned(),
        },
        EvidenceTrouble::Redirect {
            to: "file:///etc/passwd".to_owned(),
        },
    ] {
        for links in ["api-links", "pre-signed-links"] {
            let names = format!("ready+{links}");
            let mut scenario = CivicPassScenario::named(&names).unwrap();
            scenario.evidence = vec![Evidence {
                trouble: Some(trouble.clone()),
                ..Evidence::of("evidence-document")
            }];
            let stage = Stage::with(Speaks::Oauth, scenario).await;
            let request = stage.widget(PiiOrder::default());
            let answer = stage.look(&request).await.unwrap();
            let link = answer.offers[0].link.expose();
            assert!(is_refused(&stage.plugin, link).await, "{trouble:?}");
        }
    }
    assert!(trap.is_untouched().await);
}

/// An API whose evidence lies elsewhere.
async fn redirecting(stage: &Stage, to: String) -> EvidenceOffer {
    let mut scenario = CivicPassScenario::named("ready+api-links").unwrap();
    scenario.evidence = vec![Evidence {
        trouble: Some(EvidenceTrouble::Redirect { to }),
        ..Evidence::of("evidence-document")
    }];
    let request = stage.widget(PiiOrder {
        scenario: Some(scenario),
        ..PiiOrder::default()
    });
    stage.look(&request).await.unwrap().offers.remove(0)
}

/// A link to storage.
async fn pre_signed(stage: &Stage) -> String {
    let request = stage.widget(PiiOrder::default());
    let offer = stage.look(&request).await.unwrap().offers.remove(0);
    let (link, _) = offer.link.expose().rsplit_once('#').unwrap();
    link.to_owned()
}

#[tokio::test]
async fn a_redirect_from_the_api_to_storage_is_followed_without_the_bearer() {
    let storage = Stage::set(Speaks::Jwt, "ready").await;
    let api = Stage::set(Speaks::Oauth, "ready").await;
    let offer = redirecting(&api, pre_signed(&storage).await).await;
    assert!(!fetch(&api.plugin, &offer).await.unwrap().is_empty());
    assert!(api.civic.calls(0, None).pop().unwrap().bearer);
    assert!(!storage.civic.calls(0, None).pop().unwrap().bearer);
}

#[tokio::test]
async fn storage_on_the_api_s_own_host_is_shown_no_bearer_by_a_redirect_either() {
    let names = "ready+pre-signed-links+storage-on-api-host";
    let stage = Stage::set(Speaks::Oauth, names).await;
    let offer = redirecting(&stage, pre_signed(&stage).await).await;
    assert!(!fetch(&stage.plugin, &offer).await.unwrap().is_empty());
    let calls = stage.civic.calls(0, None);
    let [.., first, second] = &calls[..] else {
        panic!("{calls:?}");
    };
    assert_eq!(first.endpoint, CivicPassEndpoint::Evidence);
    assert_eq!(second.endpoint, CivicPassEndpoint::Storage);
    assert_eq!((first.bearer, second.bearer), (true, false));
}
