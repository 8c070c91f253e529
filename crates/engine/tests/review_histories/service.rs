//! The service as it runs: engine, SQLite in a folder, vault, relay, facade, and the Civic Pass plug-in
//! that asks over HTTP. What lasts outlives the engines that are opened on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use verilane_core::clock::ManualClock;
use verilane_core::decide::{Deadlines, Polls};
use verilane_core::{ClaimName, Clock, ConnectionName, Pii, Timestamp};
use verilane_engine::{Connection, EngineConfig, PullLimits};
use verilane_provider::http::HttpClient;
use verilane_provider::{Facade, Limits};
use verilane_provider_civic_pass::{CivicPass, Generation, OauthClient, Partner, Settings};
use verilane_vault::Vault;

use crate::civic::Civic;
use crate::histories::doom::Doom;
use crate::histories::running::{Running, Setting, folder, vault};
use crate::model::{DATA, PROCESSING, Rules};

const START: Timestamp = Timestamp::from_secs(1_700_000_000);
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// How long the end of an attempt waits for Civic, if it does not answer.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// How long is still looked for an attempt that has ended.
pub const AFTER_END: Duration = DAY;
/// How long a request is left alone at most, in seconds.
pub const LONGEST: u64 = 4 * 3_600;

/// Which connections there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reviews {
    /// Civic is told of decisions, and has the last word.
    AreTold,
    /// It is not.
    StayHere,
    /// It is told, and a decision is made by itself once the e-mail address is there.
    ByThemselves,
}

pub const CONNECTIONS: [Reviews; 3] = [Reviews::AreTold, Reviews::StayHere, Reviews::ByThemselves];

pub fn connection(via: usize) -> ConnectionName {
    ConnectionName::new(&format!("civic-{via}")).unwrap()
}

fn config(rules: Rules) -> EngineConfig {
    EngineConfig {
        deadlines: Deadlines {
            processing: PROCESSING,
            data: DATA,
            start_lease: Duration::from_secs(60),
            review: rules.review,
            review_reminder: rules.reminder,
            overdue: rules.overdue,
        },
        purge_interval: 1_000 * DAY,
        // One after the other, so that what comes first is known.
        max_jobs: 1,
        polls: Polls {
            first: Duration::from_secs(600),
            longest: Duration::from_secs(LONGEST),
            after_end: AFTER_END,
        },
        pull_limits: PullLimits {
            per_minute: u32::MAX,
            patience: PATIENCE,
            ..EngineConfig::default().pull_limits
        },
        ..EngineConfig::default()
    }
}

/// What serves one history after another.
pub struct Workshop {
    clock: ManualClock,
    civic: Civic,
    plugins: Vec<Arc<CivicPass>>,
    vault: Arc<Vault>,
}

impl Workshop {
    pub async fn new() -> Self {
        let clock = ManualClock::new(START);
        let civic = Civic::serve(clock.clone()).await;
        let plugins = (0..CONNECTIONS.len()).map(|via| plugin(&civic, via, &clock));
        Self {
            plugins: plugins.collect(),
            civic,
            clock,
            vault: vault(),
        }
    }

    /// A place for a new history.
    pub fn place(&self, rules: Rules) -> Lasting<'_> {
        self.clock.set(START);
        self.civic.world.lock().forget();
        Lasting {
            folder: folder(),
            clock: self.clock.clone(),
            civic: &self.civic,
            doom: Arc::new(Doom::new()),
            rules,
            workshop: self,
        }
    }
}

fn plugin(civic: &Civic, via: usize, clock: &ManualClock) -> Arc<CivicPass> {
    let settings = Settings {
        partner: Partner {
            partner_id: "partner".to_owned(),
            gatekeeper_network: "network".to_owned(),
            chain: "solana".to_owned(),
            cluster: None,
            stage: None,
        },
        generation: Generation::Oauth {
            client: OauthClient {
                client_id: "client".to_owned(),
                client_secret: Pii::from("secret"),
                token_url: format!("{}/token", civic.base),
                audience: "audience".to_owned(),
            },
            review: CONNECTIONS[via] != Reviews::StayHere,
        },
        base_url: format!("{}/{via}", civic.base),
        request_hosts: Vec::new(),
        evidence_hosts: Vec::new(),
        poll_interval_seconds: 600,
        poll_interval_max_seconds: LONGEST,
        auto_approve_claims: None,
        allow_http: true,
        allow_private_addresses: true,
        connect_timeout_seconds: 5,
        request_timeout_seconds: 20,
        evidence_timeout_seconds: 60,
    };
    let http = settings.http(&connection(via)).unwrap();
    let client = |settings| HttpClient::new(settings).unwrap();
    let (api, evidence) = (client(http.api), client(http.evidence));
    Arc::new(CivicPass::new(&settings, api, evidence, Arc::new(clock.clone())).unwrap())
}

/// What of a history lasts when the service ends.
pub struct Lasting<'w> {
    folder: TempDir,
    pub clock: ManualClock,
    pub civic: &'w Civic,
    pub doom: Arc<Doom>,
    rules: Rules,
    workshop: &'w Workshop,
}

impl Lasting<'_> {
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn connection(&self, via: usize) -> Connection {
        // What Civic answers is to be seen by the engine as it is, and limits of real time are not what
        // is tried here.
        let limits = Limits {
            tries: 1,
            circuit_failures: 0,
            per_second: 1_000_000,
            burst: 1_000_000,
            ..Limits::default()
        };
        let plugin = Arc::<CivicPass>::clone(&self.workshop.plugins[via]);
        let by_itself = CONNECTIONS[via] == Reviews::ByThemselves;
        Connection {
            facade: Facade::new(
                connection(via),
                plugin,
                Arc::new(self.clock.clone()),
                limits,
            )
            .unwrap(),
            callback_base: "https://verilane.test/callbacks".to_owned(),
            slot_retention: 90 * DAY,
            auto_approve: by_itself.then(|| vec![ClaimName::Email]),
        }
    }

    /// Opens the service on what it left.
    pub async fn open(&self) -> Running {
        let connections = (0..CONNECTIONS.len()).map(|via| (connection(via), self.connection(via)));
        let setting = Setting {
            folder: self.folder.path().join("data"),
            vault: Arc::clone(&self.workshop.vault),
            clock: self.clock.clone(),
            connections: BTreeMap::from_iter(connections),
            config: config(self.rules),
            crash_points: Arc::<Doom>::clone(&self.doom),
        };
        Running::open(setting).await
    }
}
