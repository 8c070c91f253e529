//! What operators hand in over a Unix socket: whole or not at all, in order, bounded, in the name of
//! the user whose process it is.

use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use tempfile::TempDir;
use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};
use verilane_api::admin::admin_service_client::AdminServiceClient;
use verilane_api::admin::import_provider_message_request::Part;
use verilane_api::admin::provider_message::Source;
use verilane_api::admin::{
    Exported, ImportProviderMessageRequest, ImportProviderMessageResponse, ProviderMessage,
    Quarantined, Verdict,
};
use verilane_api::v1;
use verilane_api::v1::claim_service_client::ClaimServiceClient;
use verilane_core::AuditAction;
use verilane_grpc::{AdminServer, Drained, GrpcConfig};
use verilane_store::Store as _;

use super::support::{World, because, told, world};
use super::wrong_requests::events;

const UNKNOWN_ID: &str = "018bcfe5-0000-7000-8000-000000000001";
const BODY: &str = "DATA F_DOB=1986-09-06 F_MAIL=a@mail.example";
/// The most that this server imports.
const MOST: usize = 100;

struct Admin {
    folder: TempDir,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Drained>,
}

impl Admin {
    async fn over(world: &World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("admin")).unwrap();
        let engine = Arc::clone(&world.engine);
        let server = AdminServer::new(engine, MOST, GrpcConfig::default()).await;
        let server = server.unwrap();
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(async move {
            let shutdown = async {
                let _ = stopped.await;
            };
            server.serve(listener, shutdown).await
        });
        Self {
            folder,
            stop,
            server,
        }
    }

    async fn channel(&self) -> Channel {
        let path = self.folder.path().join("admin");
        let address = format!("unix://{}", path.display());
        Endpoint::from_shared(address)
            .unwrap()
            .connect()
            .await
            .unwrap()
    }

    async fn import(&self, parts: Vec<Part>) -> Result<ImportProviderMessageResponse, Status> {
        let parts = parts.into_iter();
        let parts = parts.map(|part| ImportProviderMessageRequest { part: Some(part) });
        let parts: Vec<_> = parts.collect();
        let mut client = AdminServiceClient::new(self.channel().await);
        let answer = client.import_provider_message(stream::iter(parts)).await?;
        Ok(answer.into_inner())
    }
}

fn exported(id: &str) -> ProviderMessage {
    ProviderMessage {
        verification_id: id.to_owned(),
        access_context: because("test"),
        source: Some(Source::Exported(Exported::default())),
    }
}

fn data(text: &str) -> Part {
    Part::Data(Bytes::copy_from_slice(text.as_bytes()))
}

#[tokio::test]
async fn a_message_in_pieces_is_imported_once_in_the_name_of_whose_process_it_is() {
    let world = world().await;
    let made = world.create("ada").await;
    let admin = Admin::over(&world).await;
    let (begin, end) = BODY.split_at(20);
    let parts = || {
        let head = Part::Message(exported(&made.id));
        vec![head, data(begin), data(""), data(end)]
    };
    let first = admin.import(parts()).await.unwrap();
    assert_eq!(first.verification_id, made.id);
    assert_eq!((first.attempt, first.verdict()), (1, Verdict::Accepted));
    assert_eq!(first.assurance(), v1::Assurance::Signed);
    let before = events(&world).await;
    let again = admin.import(parts()).await.unwrap();
    assert_eq!(again.verdict(), Verdict::Repeated);
    assert_eq!(events(&world).await, before);

    let chain = world.store.audit(1, u32::MAX).await.unwrap();
    let mut imports = chain
        .iter()
        .map(|(_, record)| record)
        .filter(|record| record.action == AuditAction::MessageImported);
    let uid = admin.folder.path().metadata().unwrap().uid();
    let principal = imports.next().unwrap().principal.as_str().to_owned();
    assert_eq!(principal, format!("operator:{uid}"));
    assert_eq!(imports.next().unwrap().subject_matter, ["seen before"]);
    assert!(imports.next().is_none());

    admin.stop.send(()).unwrap();
    assert_eq!(admin.server.await.unwrap(), Drained::Whole);
}

#[tokio::test]
async fn wrong_imports_are_refused_with_their_reasons_and_change_nothing() {
    let world = world().await;
    let made = world.create("ada").await;
    let admin = Admin::over(&world).await;
    let before = events(&world).await;
    let head = |change: &dyn Fn(&mut ProviderMessage)| {
        let mut message = exported(&made.id);
        change(&mut message);
        Part::Message(message)
    };
    let right = || head(&|_| {});
    let quarantined =
        || head(&|m| m.source = Some(Source::Quarantined(Quarantined { attempt: 0 })));
    for (parts, expected) in [
        (vec![], &["InvalidArgument INVALID_ARGUMENT message"][..]),
        (
            vec![data(BODY)],
            &["InvalidArgument INVALID_ARGUMENT message"],
        ),
        (
            vec![right(), data(BODY), right()],
            &["InvalidArgument INVALID_ARGUMENT data"],
        ),
        (
            vec![head(&|m| {
                m.verification_id = "x".to_owned();
                m.access_context = because(" ");
                m.source = None;
            })],
            &[
                "InvalidArgument INVALID_ARGUMENT verification_id",
                "InvalidArgument PURPOSE_REQUIRED access_context.purpose",
                "InvalidArgument INVALID_ARGUMENT source",
            ],
        ),
        (
            vec![
                head(&|m| m.verification_id = UNKNOWN_ID.to_owned()),
                data(BODY),
            ],
            &["NotFound VERIFICATION_NOT_FOUND"],
        ),
        (
            vec![right(), data(&"x".repeat(MOST)), data("x")],
            &["OutOfRange REQUEST_TOO_LARGE"],
        ),
        (
            vec![right(), data(&"x".repeat(300_000))],
            &["OutOfRange REQUEST_TOO_LARGE"],
        ),
        (
            vec![quarantined(), data("x")],
            &["OutOfRange REQUEST_TOO_LARGE"],
        ),
        (
            vec![quarantined()],
            &["FailedPrecondition NOTHING_TO_IMPORT"],
        ),
    ] {
        let status = admin.import(parts).await.unwrap_err();
        assert_eq!(told(&status), *expected);
    }
    assert_eq!(events(&world).await, before);
}

#[tokio::test]
async fn neither_server_answers_what_is_the_others() {
    let world = world().await;
    let made = world.create("ada").await;
    let admin = Admin::over(&world).await;
    let unknown = ["Unimplemented METHOD_UNKNOWN"];

    let head = Part::Message(exported(&made.id));
    let head = ImportProviderMessageRequest { part: Some(head) };
    let mut over_tcp = AdminServiceClient::new(world.channel().await);
    let refused = over_tcp.import_provider_message(stream::iter([head])).await;
    assert_eq!(told(&refused.unwrap_err()), unknown);

    let mut over_socket = ClaimServiceClient::new(admin.channel().await);
    let read = v1::ReadClaimsRequest {
        verification_id: made.id,
        access_context: because("test"),
        ..Default::default()
    };
    let refused = over_socket.read_claims(read).await;
    assert_eq!(told(&refused.unwrap_err()), unknown);
}
