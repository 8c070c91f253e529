//! Names of hosts whose addresses are private, or change between one look-up and the next: a connection
//! is made to an address that was looked at, and to no other.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use verilane_core::clock::ManualClock;
use verilane_core::{ConnectionName, Pii, Reason, Timestamp};
use verilane_provider::http::{HttpClient, NameLookup};
use verilane_provider::{EvidenceOffer, ProviderError};
use verilane_provider_civic_pass::{CivicPass, Settings};

use crate::stage::{Speaks, Stage, fetch, look_by};

/// Public, and of a block that nobody is given: nothing can answer there.
const PUBLIC: &str = "3ffe::1";
const LOOPBACK: &str = "127.0.0.1";
/// Another address of this machine.
const BESIDE: &str = "127.0.0.2";

/// Finds for every name what stands first, again and again once nothing else is left.
struct Finds {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Finds {
    fn these(answers: &[&[&str]]) -> Arc<Self> {
        let parsed = |one: &&[&str]| one.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self {
            answers: Mutex::new(answers.iter().map(parsed).collect()),
            asked: Mutex::default(),
        })
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

#[async_trait]
impl NameLookup for Finds {
    async fn addresses(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(host.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let next = answers.pop_front().unwrap();
        if answers.is_empty() {
            answers.push_back(next.clone());
        }
        Ok(next)
    }
}

/// Whoever connects here has been led astray.
struct Trap(TcpListener);

impl Trap {
    async fn set(port: u16, address: &str) -> Self {
        Self(TcpListener::bind((address, port)).await.unwrap())
    }

    fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    async fn is_untouched(&self) -> bool {
        poll_fn(|context| Poll::Ready(self.0.poll_accept(context).is_pending())).await
    }
}

/// A plug-in whose names are looked up otherwise.
fn plugin(settings: &Settings, finds: &Arc<Finds>) -> CivicPass {
    let http = settings.http(&ConnectionName::new("civic-test").unwrap());
    let http = http.unwrap();
    let client = |settings| {
        let lookup = Arc::<Finds>::clone(finds);
        HttpClient::with_lookup(settings, lookup).unwrap()
    };
    let clock = ManualClock::new(Timestamp::from_secs(1_700_000_000));
    let (api, evidence) = (client(http.api), client(http.evidence));
    CivicPass::new(settings, api, evidence, Arc::new(clock)).unwrap()
}

/// Settings as in production, but for the port at which Civic answers.
async fn settings(port: u16) -> Settings {
    let mut settings = Stage::set(Speaks::Jwt, "ready").await.settings;
    settings.base_url = format!("https://verify.civic.com:{port}");
    settings.evidence_hosts = vec!["*.s3.amazonaws.com".to_owned()];
    settings.allow_private_addresses = false;
    settings.allow_http = false;
    settings.connect_timeout_seconds = 1;
    settings
}

async fn fetched(plugin: &CivicPass, link: &str) -> Result<Vec<u8>, ProviderError> {
    let offer = EvidenceOffer {
        field: "evidence-selfie".to_owned(),
        link: Pii::new(format!("{link}#r1")),
    };
    fetch(plugin, &offer).await
}

#[tokio::test]
async fn a_name_whose_addresses_are_private_is_looked_up_and_not_connected_to() {
    let trap = Trap::set(0, LOOPBACK).await;
    let settings = settings(trap.port()).await;
    let private: [&[&str]; 9] = [
        &[LOOPBACK],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["0.0.0.0"],
        &["10.0.0.1", "192.168.0.1", "172.16.0.1"],
        &["169.254.169.254"],
        &["fd00:ec2::254"],
        &["64:ff9b::7f00:1"],
        &[LOOPBACK, "::1", "100.64.0.1"],
    ];
    for addresses in private {
        let finds = Finds::these(&[addresses]);
        let plugin = plugin(&settings, &finds);
        let looked = look_by(&plugin, &Pii::from("r1"), "").await;
        let Err(ProviderError::Refused { reason, .. }) = looked else {
            panic!("{addresses:?}: {looked:?}");
        };
        assert_eq!(reason, Reason::ProviderUnavailable);
        let link = format!("https://bucket.s3.amazonaws.com:{}/a?s=1", trap.port());
        let got = fetched(&plugin, &link).await;
        let refused = matches!(got, Err(ProviderError::InvalidAnswer(_)));
        assert!(refused, "{addresses:?}: {got:?}");
        assert_eq!(finds.asked(), 2);
    }
    assert!(trap.is_untouched().await);
}

#[tokio::test]
async fn a_name_that_is_public_first_and_private_next_leads_to_no_private_address() {
    let trap = Trap::set(0, LOOPBACK).await;
    let settings = settings(trap.port()).await;
    let link = format!("https://bucket.s3.amazonaws.com:{}/a?s=1", trap.port());
    for answers in [
        // From one look-up to the next, and both in one.
        &[&[PUBLIC] as &[&str], &[LOOPBACK]],
        &[&[LOOPBACK, PUBLIC], &[LOOPBACK, "::1"]],
    ] {
        let finds = Finds::these(answers);
        let plugin = plugin(&settings, &finds);
        // Only the public address is tried, and nobody answers there.
        let tried = fetched(&plugin, &link).await;
        assert!(
            matches!(tried, Err(ProviderError::NotSent)),
            "{answers:?}: {tried:?}"
        );
        // What is connected to is what was looked at: no further look-up comes between.
        assert_eq!(finds.asked(), 1);
        let refused = fetched(&plugin, &link).await;
        assert!(
            matches!(refused, Err(ProviderError::InvalidAnswer(_))),
            "{answers:?}: {refused:?}"
        );
        assert_eq!(finds.asked(), 2);
    }
    assert!(trap.is_untouched().await);
}

#[tokio::test]
async fn a_connection_is_made_to_the_address_that_was_looked_at() {
    let vetted = Trap::set(0, LOOPBACK).await;
    let other = Trap::set(vetted.port(), BESIDE).await;
    let mut settings = settings(vetted.port()).await;
    settings.allow_http = true;
    settings.allow_private_addresses = true;
    let finds = Finds::these(&[&[LOOPBACK], &[BESIDE]]);
    let plugin = plugin(&settings, &finds);
    let link = format!("http://bucket.s3.amazonaws.com:{}/a?s=1", vetted.port());
    let answers = async {
        let (mut stream, _) = vetted.0.accept().await.unwrap();
        let mut asked = vec![0; 4_096];
        let length = stream.read(&mut asked).await.unwrap();
        let asked = String::from_utf8_lossy(&asked[..length]).to_lowercase();
        assert!(asked.contains("host: bucket.s3.amazonaws.com"));
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\nx";
        stream.write_all(answer).await.unwrap();
    };
    let both = async { tokio::join!(fetched(&plugin, &link), answers) };
    let (got, ()) = tokio::time::timeout(Duration::from_secs(60), both)
        .await
        .unwrap();
    assert_eq!(got.unwrap(), b"x");
    assert_eq!(finds.asked(), 1);
    assert!(vetted.is_untouched().await && other.is_untouched().await);
}
