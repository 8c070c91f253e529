//! The real binary as a child process: started, spoken to, told to end, killed.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use tonic::transport::{Channel, Endpoint};
use verilane_api::v1::claim_service_client::ClaimServiceClient;
use verilane_api::v1::connection_service_client::ConnectionServiceClient;
use verilane_api::v1::verification_service_client::VerificationServiceClient;

use super::LIMIT;

/// How the binary is started.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// Variables of its environment, which is empty otherwise.
    pub environment: Vec<(String, String)>,
    /// What runs it, such as `strace -f`; it runs by itself if this is empty.
    pub runner: Vec<String>,
    /// Whether it is `verilane serve`, on a configuration without anything for developers and on
    /// what `verilane dev` has left, instead of `verilane dev`.
    pub serve: bool,
}

impl Launch {
    /// With a variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As `verilane serve`.
    pub fn serve() -> Self {
        Self {
            serve: true,
            ..Self::default()
        }
    }

    /// Dies when a point is reached for the n-th time: `intent-written:3`.
    pub fn crash_at(self, point: &str) -> Self {
        self.with("VERILANE__DEV__CRASH_AT", point)
    }
}

/// A running binary. Killed when dropped.
pub struct Server {
    /// Where callers connect.
    pub grpc: SocketAddr,
    /// Where providers call.
    pub ingress: SocketAddr,
    child: Child,
    channel: Channel,
    // Kept open, so that the binary can go on writing.
    _stdout: mpsc::Receiver<String>,
}

impl Server {
    /// Starts `verilane dev` on a folder, and waits until it says that it is ready.
    pub fn start(
        folder: &Path,
        addresses: Option<(SocketAddr, SocketAddr)>,
        launch: Launch,
    ) -> Self {
        Self::try_start(folder, addresses, launch).unwrap_or_else(|status| {
            let log = std::fs::read_to_string(folder.join("stderr.log"));
            panic!("it did not become ready: {status:?}\n{}", log.unwrap())
        })
    }

    /// The same for a start that may be cut short: how it ended, if it was not ready before.
    pub fn try_start(
        folder: &Path,
        addresses: Option<(SocketAddr, SocketAddr)>,
        launch: Launch,
    ) -> Result<Self, ExitStatus> {
        let binary = env!("CARGO_BIN_EXE_verilane").to_owned();
        let mut words = launch.runner.into_iter().chain([binary]);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (grpc, ingress) = addresses.unwrap_or((any, any));
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join("stderr.log"))
            .unwrap();
        let mut command = Command::new(words.next().unwrap());
        command.args(words);
        if launch.serve {
            command.arg("serve").arg("--config");
            command.arg(folder.join("serve.toml"));
        } else {
            command.arg("dev").arg("--config");
            command.arg(folder.join("verilane.toml"));
            command.arg("--data-dir").arg(folder.join("data"));
        }
        let mut child = command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("VERILANE__GRPC__LISTEN", grpc.to_string())
            .env("VERILANE__INGRESS__LISTEN", ingress.to_string())
            .envs(public_url(launch.serve, ingress))
            .envs(launch.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let lines = lines(child.stdout.take().unwrap());
        let Ok(line) = lines.recv_timeout(LIMIT) else {
            let _ = child.kill();
            return Err(child.wait().unwrap());
        };
        let grpc = address(&line, "grpc");
        let endpoint = Endpoint::from_shared(format!("http://{grpc}")).unwrap();
        Ok(Self {
            grpc,
            ingress: address(&line, "ingress"),
            child,
            channel: endpoint.connect_lazy(),
            _stdout: lines,
        })
    }

    /// A connection to it that the clients share.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// A connection of its own, for what is to be cut or stalled.
    pub async fn connect(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.grpc)).unwrap();
        endpoint.connect().await.unwrap()
    }

    /// A client of VerificationService.
    pub fn verifications(&self) -> VerificationServiceClient<Channel> {
        VerificationServiceClient::new(self.channel())
    }

    /// A client of ClaimService.
    pub fn claims(&self) -> ClaimServiceClient<Channel> {
        ClaimServiceClient::new(self.channel())
    }

    /// A client of ConnectionService.
    pub fn connections(&self) -> ConnectionServiceClient<Channel> {
        ConnectionServiceClient::new(self.channel())
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Kills it, as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Tells it to end, and waits until it has.
    pub async fn terminate(self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended().await
    }

    /// Waits until it has ended by itself.
    pub async fn ended(mut self) -> ExitStatus {
        // The wait blocks: a test that fails meanwhile ends what it waits for.
        let mut kill = KillUnlessEnded(Some(Pid::from_child(&self.child)));
        let waited = tokio::task::spawn_blocking(move || self.child.wait().unwrap());
        let status = tokio::time::timeout(LIMIT, waited).await.unwrap().unwrap();
        kill.0 = None;
        status
    }
}

struct KillUnlessEnded(Option<Pid>);

impl Drop for KillUnlessEnded {
    fn drop(&mut self) {
        if let Some(id) = self.0 {
            let _ = kill_process(id, Signal::KILL);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `serve` can't know by itself what providers call.
fn public_url(serve: bool, ingress: SocketAddr) -> Option<(&'static str, String)> {
    serve.then(|| ("VERILANE__INGRESS__PUBLIC_URL", format!("http://{ingress}")))
}

/// Lines as they come, read in a thread of its own until there are no more.
fn lines(stdout: ChildStdout) -> mpsc::Receiver<String> {
    // What nobody reads any more is dropped: the binary is never held up.
    let (line, lines) = mpsc::channel();
    thread::spawn(move || {
        for text in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = line.send(text);
        }
    });
    lines
}

fn address(line: &str, name: &str) -> SocketAddr {
    let prefix = format!("{name}=");
    let found = line
        .split_whitespace()
        .find_map(|word| word.strip_prefix(prefix.as_str()));
    found.unwrap_or_else(|| panic!("{line}")).parse().unwrap()
}
