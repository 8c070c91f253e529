//! What the server says about itself: how often watches were woken, as it exports it.

use std::collections::BTreeMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric, number_data_point};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// The counter that is kept, and the attribute by which it is split.
const WAKES: &str = "verilane.watch.wakes";

/// Receives metrics, and keeps the newest count of wakes by kind of watch.
#[derive(Clone, Default)]
pub struct Meter(Arc<Mutex<BTreeMap<String, i64>>>);

#[tonic::async_trait]
impl MetricsService for Meter {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let resources = request.into_inner().resource_metrics.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_metrics);
        scopes
            .flat_map(|scope| scope.metrics)
            .filter(|metric| metric.name == WAKES)
            .for_each(|metric| self.keep(metric));
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

impl Meter {
    /// Begins to listen; where.
    pub async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_service(MetricsServiceServer::new(self.clone()))
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
        format!("http://{address}")
    }

    /// How often watches of a kind were woken.
    pub fn wakes(&self, kind: &str) -> usize {
        let wakes = self.0.lock().get(kind).copied();
        wakes.expect("nothing was exported").try_into().unwrap()
    }

    fn keep(&self, metric: Metric) {
        let Some(metric::Data::Sum(sum)) = metric.data else {
            panic!("not a counter: {metric:?}");
        };
        for point in sum.data_points {
            let kind = point.attributes.into_iter().find_map(|pair| {
                match (pair.key.as_str(), pair.value?.value?) {
                    ("verilane.watch.kind", any_value::Value::StringValue(kind)) => Some(kind),
                    _ => None,
                }
            });
            if let (Some(kind), Some(number_data_point::Value::AsInt(count))) = (kind, point.value)
            {
                self.0.lock().insert(kind, count);
            }
        }
    }
}
