//! How a command that writes reaches the store: by the server that owns the folder, over its admin
//! socket. If none runs, this process takes the folder and is that server for as long as the command
//! lasts, so that there is one way in and not two.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context as _;
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};
use tonic_types::StatusExt as _;
use verilane_api::admin::admin_service_client::AdminServiceClient;

use crate::config::Config;
use crate::service::{Core, Ended};
use crate::{catalog, compose, dev};

/// A client of the server that owns the folder.
pub type Client = AdminServiceClient<Channel>;

/// What is said where an answer is missing.
const UNKNOWN: &str = "it is not known what became of it; the same command again does no harm";

/// Has a command done by whoever owns the folder, until it is done or `stop` is cancelled.
///
/// # Errors
/// The command's own, or what keeps it from being done.
pub async fn call<W>(config: &Config, stop: CancellationToken, work: W) -> anyhow::Result<Ended>
where
    W: AsyncFnOnce(Client) -> anyhow::Result<()>,
{
    let socket = config.store.admin_socket();
    let work = async {
        let address = format!("unix://{}", socket.display());
        let channel = Endpoint::from_shared(address)?.connect().await;
        let channel = channel.with_context(|| format!("{} was closed", socket.display()))?;
        tokio::select! {
            worked = work(Client::new(channel)) => worked,
            () = stop.cancelled() => anyhow::bail!("told to end: {UNKNOWN}"),
        }
    };
    if is_served(&socket).await? {
        return work.await.map(|()| Ended::Whole);
    }
    let core = own(config).await;
    let core = core.with_context(|| format!("no service answers at {}", socket.display()))?;
    let running = core.start();
    let done = CancellationToken::new();
    let work = async {
        let worked = work.await;
        done.cancel();
        worked
    };
    let (worked, ended) = tokio::join!(work, running.until(done.clone()));
    worked?;
    ended
}

/// Whether a server listens at the socket.
async fn is_served(socket: &Path) -> anyhow::Result<bool> {
    match UnixStream::connect(socket).await {
        Ok(_) => Ok(true),
        // Nobody was ever there, or whoever was is gone.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused
            ) =>
        {
            Ok(false)
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => anyhow::bail!(
            "{} is for the user alone whom the service runs as",
            socket.display()
        ),
        Err(error) => Err(error).with_context(|| socket.display().to_string()),
    }
}

/// Takes the folder.
async fn own(config: &Config) -> anyhow::Result<Core> {
    let folder = &config.store.folder;
    anyhow::ensure!(
        catalog::holds_a_store(folder),
        "{} holds no store",
        folder.display()
    );
    let keyring = compose::keyring(&config.vault)?;
    let clock_file = config.dev.as_ref().and_then(|dev| dev.clock_file.clone());
    compose::core(config, &keyring, dev::clock(clock_file), None).await
}

/// Why the server refused: the reason, which has a page in `docs/errors/`, what it means, and what the
/// server adds to it.
pub fn refused(status: &Status) -> anyhow::Error {
    let details = status.get_error_details();
    let Some(info) = details.error_info() else {
        let said = status.message();
        return anyhow::anyhow!("the service did not answer ({said}): {UNKNOWN}");
    };
    let mut added: Vec<_> = info.metadata.iter().collect();
    added.sort();
    let added: String = added
        .iter()
        .map(|(key, value)| format!(" {key}={value}"))
        .collect();
    anyhow::anyhow!("{}: {}{added}", info.reason, status.message())
}
