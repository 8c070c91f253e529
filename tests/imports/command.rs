//! The command, run as an operator runs it, beside whatever else goes on.

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use crate::harness::{LIMIT, Stage};

/// How a run ended, and what it said.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub out: String,
    pub err: String,
}

/// `verilane corepass import`, with the configuration of a stage.
pub struct Import {
    command: Command,
    file: std::path::PathBuf,
    stdin: Vec<u8>,
}

impl Import {
    /// For a verification. Says nothing yet of what is imported.
    pub fn of(stage: &Stage, id: &str) -> Self {
        let folder = stage.folder();
        let mut command = Command::new(env!("CARGO_BIN_EXE_verilane"));
        command
            .args(["corepass", "import", "--dev", "--config"])
            .arg(folder.join("verilane.toml"))
            .arg("--data-dir")
            .arg(stage.data_folder())
            .args(["--verification", id, "--purpose", "ticket-7"])
            .env_clear();
        Self {
            command,
            file: folder.join("export.json"),
            stdin: Vec::new(),
        }
    }

    /// With further words.
    pub fn words(mut self, words: &[&str]) -> Self {
        self.command.args(words);
        self
    }

    /// With a variable of its environment.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Of the message in quarantine.
    pub fn quarantined(self) -> Self {
        self.words(&["--quarantined"])
    }

    /// Of a file.
    pub fn file(mut self, body: &[u8]) -> Self {
        std::fs::write(&self.file, body).unwrap();
        self.command.arg(&self.file);
        self
    }

    /// Of what comes in at stdin.
    pub fn stdin(mut self, body: &[u8]) -> Self {
        self.stdin = body.to_vec();
        self.words(&["-"])
    }

    /// Runs it to its end, while the test's own connector answers.
    pub async fn run(self) -> Ran {
        let Self {
            mut command, stdin, ..
        } = self;
        let run = tokio::task::spawn_blocking(move || {
            let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = piped.stderr(Stdio::piped()).spawn().unwrap();
            // One that refuses early does not read it.
            let _ = child.stdin.take().unwrap().write_all(&stdin);
            child.wait_with_output().unwrap()
        });
        let output = tokio::time::timeout(LIMIT, run).await.unwrap().unwrap();
        Ran {
            code: output.status.code(),
            signal: output.status.signal(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs it where it must succeed: verdict and assurance.
    pub async fn done(self, id: &str) -> String {
        let ran = self.run().await;
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let expected = format!("imported verification={id} attempt=1 ");
        let said = ran.out.strip_prefix(&expected);
        said.unwrap_or_else(|| panic!("{ran:?}"))
            .trim_end()
            .to_owned()
    }

    /// Runs it where it must be refused: what it says.
    pub async fn refused(self) -> String {
        let ran = self.run().await;
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
        let last = ran.err.lines().last().unwrap();
        let said = last.strip_prefix("verilane: ");
        said.unwrap_or_else(|| panic!("{ran:?}")).to_owned()
    }
}
