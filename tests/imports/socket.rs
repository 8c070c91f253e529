//! The admin socket: its owner's alone, there as long as the service is, and the only way in.

use std::fs::Permissions;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use futures_util::stream;
use tonic::transport::Endpoint;
use verilane_api::admin::ImportProviderMessageRequest;
use verilane_api::admin::admin_service_client::AdminServiceClient;
use verilane_api::v1::ListConnectionsRequest;
use verilane_api::v1::connection_service_client::ConnectionServiceClient;

use crate::command::Import;
use crate::harness::{Stage, refusal};

/// Nobody in particular, and certainly not the owner.
const NOBODY: u32 = 65_534;

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Whether another user gets in.
fn lets_in_others(socket: &Path) -> bool {
    let connect = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])";
    let python = Command::new("python3")
        .args(["-c", connect])
        .arg(socket)
        .uid(NOBODY)
        .current_dir("/")
        .output();
    python.unwrap().status.success()
}

#[tokio::test]
async fn the_socket_is_its_owners_alone_and_there_as_long_as_the_service() {
    let stage = Stage::new().await;
    let socket = stage.data_folder().join("admin.sock");
    let server = stage.start();
    let found = socket.symlink_metadata().unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(mode(&socket), 0o600);
    // Only who may become another user can try as one; and only where the way there is open.
    if rustix::process::geteuid().is_root() {
        for folder in [stage.folder(), &stage.data_folder()] {
            set_mode(folder, 0o755);
        }
        let closed = lets_in_others(&socket);
        set_mode(&socket, 0o666);
        if lets_in_others(&socket) {
            assert!(!closed);
        }
    }

    // A killed service leaves it behind, and the next one has its own.
    server.kill();
    assert!(socket.exists());
    let import = || Import::of(&stage, "x").quarantined();
    let said = import().refused().await;
    assert!(said.starts_with("INVALID_ARGUMENT"), "{said}");
    assert!(!socket.exists(), "the command took it away in its turn");
    let server = stage.start();
    assert_eq!(mode(&socket), 0o600);
    assert!(import().refused().await.starts_with("INVALID_ARGUMENT"));
    assert!(server.terminate().await.success());
    assert!(!socket.exists());
    stage.end().await;
}

#[tokio::test]
async fn nothing_of_it_is_answered_over_tcp_and_nothing_else_over_it() {
    let stage = Stage::new().await;
    let server = stage.start();
    let mut over_tcp = AdminServiceClient::new(server.channel());
    let empty = ImportProviderMessageRequest::default();
    let refused = over_tcp
        .import_provider_message(stream::iter([empty]))
        .await;
    let unknown = (tonic::Code::Unimplemented, "METHOD_UNKNOWN".to_owned());
    assert_eq!(refusal(&refused.unwrap_err()), unknown);

    let socket = stage.data_folder().join("admin.sock");
    let address = format!("unix://{}", socket.display());
    let channel = Endpoint::from_shared(address).unwrap().connect_lazy();
    let mut over_socket = ConnectionServiceClient::new(channel);
    let refused = over_socket
        .list_connections(ListConnectionsRequest {})
        .await;
    assert_eq!(refusal(&refused.unwrap_err()), unknown);
    assert!(server.terminate().await.success());
    stage.end().await;
}

#[tokio::test]
async fn what_is_in_the_way_of_the_socket_is_left_alone_and_said() {
    let stage = Stage::new().await;
    let server = stage.start();
    assert!(server.terminate().await.success());
    let socket = stage.data_folder().join("admin.sock");
    std::fs::write(&socket, "a file").unwrap();
    let refused = stage.try_start_as(crate::harness::Launch::default());
    assert_eq!(refused.err().unwrap().code(), Some(1));
    assert!(stage.logs().contains("is in the way of the admin socket"));
    assert_eq!(std::fs::read_to_string(&socket).unwrap(), "a file");
    stage.end().await;
}
