//! The server's process: does what it is told on its standard input, and answers line by line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use opentelemetry::global;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use verilane_core::{
    ClaimName, ClaimRequest, ClaimSelector, ConnectionName, DocumentType, Pii, Principal,
};
use verilane_engine::{AccessContext, CreateVerification, Expire};

use super::support::{CONNECTION, World, world};

/// The argument that makes this program the server.
pub const ROLE: &str = "--as-server";

/// How many verifications are created at once.
const AT_ONCE: usize = 250;

/// The server as its parent sees it.
pub struct Server {
    pub address: SocketAddr,
    /// The verifications that it holds; what is called back about is the first.
    pub ids: Vec<String>,
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Server {
    pub fn start() -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .arg(ROLE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let mut server = Self {
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
            ids: Vec::new(),
            process,
            orders,
            answers,
        };
        server.address = server.answer().parse().unwrap();
        server.ids = server.answer().split(' ').map(str::to_owned).collect();
        server
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn order(&mut self, order: &str) -> usize {
        writeln!(self.orders, "{order}").unwrap();
        self.answer().parse().unwrap()
    }

    /// Waits until so many watches are open.
    pub fn settle(&mut self, watches: usize) {
        while self.order("watches") != watches {}
    }

    /// Bytes that are resident.
    pub fn resident(&mut self) -> usize {
        self.order("resident")
    }

    /// Calls back about the first verification, and says how many watches that has woken.
    pub fn wake_first(&mut self) -> usize {
        let before = self.order("wakes");
        self.order("wake");
        let mut after = before;
        // Until it has arrived, and once more to let others show up.
        while after == before {
            after = self.order("wakes");
        }
        self.order("wakes") - before
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves `verifications` verifications until the parent is gone.
pub async fn run(verifications: usize) {
    let (meters, gauges) = Gauges::install();
    let world = world().await;
    println!("{}", world.address());
    // The last one's paths are known to the provider, so it stands first.
    let mut ids = create(&world, verifications).await;
    ids.reverse();
    println!("{}", ids.join(" "));
    let (lines, mut orders) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    while let Some(order) = orders.recv().await {
        meters.force_flush().unwrap();
        match order.as_str() {
            "watches" => println!("{}", gauges.watches.load(Ordering::Relaxed)),
            "wakes" => println!("{}", gauges.wakes.load(Ordering::Relaxed)),
            "resident" => println!("{}", resident()),
            "wake" => {
                world.call_back("ACCEPTED").await;
                println!("0");
            }
            other => panic!("{other}"),
        }
    }
}

async fn create(world: &World, count: usize) -> Vec<String> {
    let one = |number: usize| async move {
        let wish = CreateVerification {
            principal: Principal::anonymous(),
            request_id: None,
            connection: ConnectionName::new(CONNECTION).unwrap(),
            subject: Pii::new(format!("subject-{number}")),
            subject_ref: None,
            claims: vec![ClaimRequest {
                selector: ClaimSelector::Claim {
                    name: ClaimName::Birthdate,
                    document: Some(DocumentType::Passport),
                },
                required: true,
            }],
            labels: Vec::new(),
            access: AccessContext {
                purpose: "benchmark".into(),
                ..AccessContext::default()
            },
            expire: Expire::Default,
            action_lifetime: None,
            max_attempts: None,
            trace_parent: None,
        };
        world.engine.create(wish).await.unwrap().row.id.to_string()
    };
    let mut ids = Vec::with_capacity(count);
    for first in (0..count - 1).step_by(AT_ONCE) {
        let last = (first + AT_ONCE).min(count - 1);
        ids.extend(join_all((first..last).map(one)).await);
    }
    // Alone, so that the provider heard of it last.
    ids.push(one(count - 1).await);
    ids
}

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib: usize = line
        .and_then(|line| line.split_whitespace().nth(1))
        .unwrap()
        .parse()
        .unwrap();
    kib * 1024
}

/// What the engine measures about watches.
#[derive(Clone, Debug, Default)]
struct Gauges {
    watches: Arc<AtomicI64>,
    wakes: Arc<AtomicU64>,
}

impl Gauges {
    fn install() -> (SdkMeterProvider, Self) {
        let gauges = Self::default();
        let meters = SdkMeterProvider::builder()
            .with_reader(PeriodicReader::builder(gauges.clone()).build())
            .build();
        global::set_meter_provider(meters.clone());
        (meters, gauges)
    }
}

impl PushMetricExporter for Gauges {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        for metric in metrics.scope_metrics().flat_map(|scope| scope.metrics()) {
            match (metric.name(), metric.data()) {
                ("verilane.watchers", AggregatedMetrics::I64(MetricData::Sum(sum))) => {
                    let open = sum.data_points().map(|point| point.value()).sum();
                    self.watches.store(open, Ordering::Relaxed);
                }
                ("verilane.watch.wakes", AggregatedMetrics::U64(MetricData::Sum(sum))) => {
                    let wakes = sum.data_points().map(|point| point.value()).sum();
                    self.wakes.store(wakes, Ordering::Relaxed);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}
