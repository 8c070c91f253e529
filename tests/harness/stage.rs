//! Everything around the binary: its folder, its configuration, its clock, its connector.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use verilane_core::clock::FileClock;
use verilane_sandbox::{
    PublicKeys, Sandbox, SandboxConfig, SandboxError, SandboxHandle, SandboxUser,
};

use super::clock::TestClock;
use super::server::{Launch, Server};
use super::tap::{CallbackUrls, Tap};

/// The connection to the stage's sandbox.
pub const CONNECTION: &str = "corepass-test";

/// What every start of the binary on one stage has in common.
pub struct Stage {
    /// The time.
    pub clock: TestClock,
    /// The connector.
    pub sandbox: SandboxHandle,
    tap: Tap,
    folder: TempDir,
    /// Where the binary listened first, and listens ever after: providers keep calling there.
    addresses: Mutex<Option<(SocketAddr, SocketAddr)>>,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Result<(), SandboxError>>,
}

impl Stage {
    /// A stage whose sandbox goes from status to status without a pause.
    pub async fn new() -> Self {
        Self::with(|_| {}, "").await
    }

    /// A stage with its sandbox changed, and with lines added to the binary's configuration. Those
    /// before their first `[section]` belong to `[dev]`.
    pub async fn with(change: impl FnOnce(&mut SandboxConfig), configuration: &str) -> Self {
        Self::that_pins(|_| Vec::new(), change, configuration).await
    }

    /// The same with more keys of the connector's pinned, each for one kind of callback: `status` or
    /// `data`.
    pub async fn that_pins(
        more: impl FnOnce(PublicKeys) -> Vec<(String, &'static str)>,
        change: impl FnOnce(&mut SandboxConfig),
        configuration: &str,
    ) -> Self {
        // Beside the build, on a real disk: a temporary folder may be in memory.
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let clock = TestClock::new(folder.path());
        let mut config = SandboxConfig::new(Arc::new(FileClock::new(clock.path())));
        config.step = Duration::from_millis(1);
        config.load_users = 0;
        change(&mut config);
        let sandbox = Sandbox::bind(config).await.unwrap();
        let tap = Tap::before(sandbox.local_addr()).await;
        let write = |name: &str, text: String| {
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        let connection = connected(&sandbox, &tap, &more(sandbox.handle().keys()));
        let dev = developed(&clock, configuration);
        write("verilane.toml", format!("{connection}{dev}"));
        write(
            "serve.toml",
            format!("{connection}{}", stored(folder.path())),
        );
        let (stop, stopped) = oneshot::channel();
        let handle = sandbox.handle();
        let running = tokio::spawn(sandbox.run(async {
            let _ = stopped.await;
        }));
        Self {
            clock,
            sandbox: handle,
            tap,
            folder,
            addresses: Mutex::new(None),
            stop: Some(stop),
            running,
        }
    }

    /// Changes the configuration, from the binary's next start on.
    pub fn reconfigure(&self, change: impl Fn(&str) -> String) {
        for name in ["verilane.toml", "serve.toml"] {
            let path = self.folder.path().join(name);
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::write(&path, change(&text)).unwrap();
        }
    }

    /// Pins one more key of the connector, beside those that are, from the binary's next start on.
    pub fn pin(&self, public_key: &str, only_for: &str) {
        self.reconfigure(|text| {
            let (before, after) = text.split_once("keys = [").unwrap();
            let key = format!("{{ public_key = \"{public_key}\", only_for = \"{only_for}\" }}");
            format!("{before}keys = [{key},{after}")
        });
    }

    /// Starts the binary, and waits until it is ready.
    pub fn start(&self) -> Server {
        self.start_as(Launch::default())
    }

    /// Starts the binary in a special way, and waits until it is ready.
    pub fn start_as(&self, launch: Launch) -> Server {
        let mut addresses = self.addresses.lock();
        let server = Server::start(self.folder.path(), *addresses, launch);
        addresses.get_or_insert((server.grpc, server.ingress));
        server
    }

    /// Starts the binary in a way that may end it before it is ready: how it ended then.
    pub fn try_start_as(&self, launch: Launch) -> Result<Server, ExitStatus> {
        let mut addresses = self.addresses.lock();
        let server = Server::try_start(self.folder.path(), *addresses, launch)?;
        addresses.get_or_insert((server.grpc, server.ingress));
        Ok(server)
    }

    /// One of the sandbox's people, by name.
    pub fn user(&self, name: &str) -> Arc<SandboxUser> {
        self.sandbox.user(name).unwrap()
    }

    /// Where the newest request for a user is called back.
    pub fn callback_urls(&self, user: &SandboxUser) -> CallbackUrls {
        self.tap.callback_urls(&user.core_id).unwrap()
    }

    /// Everything that the binary keeps.
    pub fn data_folder(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The stage's own folder, with logs, clock and configuration.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the binary has written to stderr, over all its starts.
    pub fn logs(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr.log")).unwrap_or_default()
    }

    /// Ends the sandbox, and says if it had failed.
    pub async fn end(mut self) {
        drop(self.stop.take());
        (&mut self.running).await.unwrap().unwrap();
    }
}

/// For `verilane dev`.
fn developed(clock: &TestClock, more: &str) -> String {
    let clock = clock.path().display();
    format!("[dev]\nsandbox = false\nclock_file = \"{clock}\"\n{more}\n")
}

/// For `verilane serve`, on what `verilane dev` has left.
fn stored(folder: &Path) -> String {
    let data = folder.join("data");
    let keyring = data.join("keyring.json");
    format!(
        "[store]\nfolder = \"{}\"\n[vault]\nkeyring_file = \"{}\"\n",
        data.display(),
        keyring.display()
    )
}

/// The connection to the stage's connector.
fn connected(sandbox: &Sandbox, tap: &Tap, more: &[(String, &str)]) -> String {
    let pin = |(key, kind): &(String, &str)| {
        format!("    {{ public_key = \"{key}\", only_for = \"{kind}\" }},\n")
    };
    let more: String = more.iter().map(pin).collect();
    format!(
        r#"
[[connections]]
name = "{CONNECTION}"
provider = "corepass"
base_url = "http://{address}"
allow_http = true
allow_private_addresses = true
revalidate = true
keys = [
    {{ public_key = "{status}", only_for = "status" }},
    {{ public_key = "{data}", only_for = "data" }},
{more}]
"#,
        address = tap.address,
        status = sandbox.status_public_key_hex(),
        data = sandbox.data_public_key_hex(),
    )
}
