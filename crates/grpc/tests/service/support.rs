//! A server to call, and the calls that most tests begin with.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};
use tonic_types::StatusExt as _;
use verilane_api::v1;
use verilane_api::v1::claim_service_client::ClaimServiceClient;
use verilane_api::v1::connection_service_client::ConnectionServiceClient;
use verilane_api::v1::verification_service_client::VerificationServiceClient;
use verilane_core::clock::ManualClock;
use verilane_core::{Clock as _, ConnectionName, Timestamp};
use verilane_engine::{Connection, Engine, EngineConfig, EngineParts, KeyCache, Relay};
use verilane_grpc::{Drained, GrpcConfig, GrpcServer, WireEncoder};
use verilane_provider::{Facade, Limits};
use verilane_store_sqlite::{SqliteConfig, SqliteStore};
use verilane_vault::{Keyring, Vault};

use super::provider::Obedient;

pub const CONNECTION: &str = "test";

/// Everything that runs for one test.
pub struct World {
    pub engine: Arc<Engine>,
    pub store: Arc<SqliteStore>,
    pub provider: Arc<Obedient>,
    pub clock: ManualClock,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<Drained>,
    _folder: TempDir,
}

pub async fn world() -> World {
    world_with(EngineConfig::default(), GrpcConfig::default()).await
}

pub async fn world_with(engine: EngineConfig, grpc: GrpcConfig) -> World {
    let folder = tempfile::tempdir().unwrap();
    let keyring = Keyring::generate_at(&folder.path().join("keyring")).unwrap();
    let keys = KeyCache::new(Arc::new(Vault::new(&keyring).unwrap()), 100);
    let relay = Relay::new(1_000, Arc::new(WireEncoder), Arc::clone(&keys));
    let config = SqliteConfig::new(folder.path().join("store"));
    let store = SqliteStore::open(config, Arc::<Relay>::clone(&relay)).unwrap();
    let store = Arc::new(store);
    let clock = ManualClock::new(Timestamp::from_secs(1_700_000_000));
    let provider = Arc::new(Obedient::new());
    let name = ConnectionName::new(CONNECTION).unwrap();
    let facade = Facade::new(
        name.clone(),
        Arc::<Obedient>::clone(&provider),
        Arc::new(clock.clone()),
        // Failures show at once.
        Limits {
            tries: 1,
            ..Limits::default()
        },
    )
    .unwrap();
    let connection = Connection {
        facade,
        callback_base: "https://callbacks.example".to_owned(),
        slot_retention: Duration::from_secs(90 * 24 * 60 * 60),
        auto_approve: None,
    };
    let engine = Engine::new(EngineParts {
        store: Arc::<SqliteStore>::clone(&store),
        relay,
        keys,
        clock: Arc::new(clock.clone()),
        connections: BTreeMap::from([(name, connection)]),
        config: engine,
        crash_points: None,
    })
    .await
    .unwrap();

    let server = GrpcServer::new(Arc::clone(&engine), &[], grpc)
        .await
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(async move {
        let shutdown = async {
            let _ = stopped.await;
        };
        server.serve(listener, shutdown).await
    });
    World {
        engine,
        store,
        provider,
        clock,
        address,
        stop: Some(stop),
        server,
        _folder: folder,
    }
}

impl World {
    pub async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        endpoint.connect().await.unwrap()
    }

    pub async fn verifications(&self) -> VerificationServiceClient<Channel> {
        VerificationServiceClient::new(self.channel().await)
    }

    pub async fn claims(&self) -> ClaimServiceClient<Channel> {
        ClaimServiceClient::new(self.channel().await)
    }

    pub async fn connections(&self) -> ConnectionServiceClient<Channel> {
        ConnectionServiceClient::new(self.channel().await)
    }

    /// Creates a verification of its own subject.
    pub async fn create(&self, name: &str) -> v1::Verification {
        let mut client = self.verifications().await;
        let answer = client.create_verification(request(name)).await.unwrap();
        answer.into_inner().verification.unwrap()
    }

    /// The provider calls back about the newest verification.
    pub async fn call_back(&self, body: &str) {
        let (status, data) = self.provider.told.lock().last().cloned().unwrap();
        let url = if body.starts_with("DATA") {
            data
        } else {
            status
        };
        let path = url.rsplit('/').next().unwrap().into();
        let path = self.engine.callback_path(&path).await.unwrap();
        let body = Bytes::from(body.to_owned());
        self.engine.take_callback(&path, None, body).await.unwrap();
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Begins a drain.
    pub fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Drains, and comes back when every call has ended.
    pub async fn shut_down(mut self) {
        self.stop();
        assert_eq!(self.server.await.unwrap(), Drained::Whole);
    }
}

pub fn core_id(name: &str) -> Option<v1::Subject> {
    Some(v1::Subject {
        identifier: Some(v1::subject::Identifier::CoreId(name.to_owned())),
    })
}

pub fn because(purpose: &str) -> Option<v1::AccessContext> {
    Some(v1::AccessContext {
        purpose: purpose.to_owned(),
        ..Default::default()
    })
}

pub fn key(name: &str, document: v1::DocumentType) -> v1::ClaimKey {
    v1::ClaimKey {
        name: name.to_owned(),
        document_type: document.into(),
    }
}

pub fn claim(key: v1::ClaimKey, necessity: v1::Necessity) -> v1::ClaimRequest {
    v1::ClaimRequest {
        selector: Some(v1::claim_request::Selector::Claim(key)),
        necessity: necessity.into(),
    }
}

/// A request that is right in everything.
pub fn request(name: &str) -> v1::CreateVerificationRequest {
    v1::CreateVerificationRequest {
        request_id: format!("request-{name}"),
        connection: CONNECTION.to_owned(),
        subject: core_id(name),
        subject_ref: format!("customer-{name}"),
        claims: vec![
            claim(
                key("birthdate", v1::DocumentType::Passport),
                v1::Necessity::Required,
            ),
            claim(
                key("email", v1::DocumentType::Unspecified),
                v1::Necessity::Optional,
            ),
        ],
        labels: [("team".to_owned(), "cards".to_owned())].into(),
        access_context: because("account-opening"),
        ..Default::default()
    }
}

/// `CODE REASON field` for each field at fault, or `CODE REASON` if none is named.
pub fn told(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    let info = details.error_info().expect("an error without a reason");
    assert_eq!(info.domain, "verilane");
    let code = format!("{:?}", status.code());
    match details.bad_request() {
        None => vec![format!("{code} {}", info.reason)],
        Some(bad) => bad
            .field_violations
            .iter()
            .map(|violation| format!("{code} {} {}", violation.reason, violation.field))
            .collect(),
    }
}
