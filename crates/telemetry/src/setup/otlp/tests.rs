//! What the environment decides on export.

use std::collections::HashMap;

use opentelemetry::{Key, Value};

use super::*;

fn with<T>(variables: &[(&str, &str)], act: impl FnOnce(Environment<'_>) -> T) -> T {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    let look_up = |name: &str| variables.get(name).map(|value| (*value).to_owned());
    act(Environment(&look_up))
}

fn targets(variables: &[(&str, &str)]) -> (Option<Target>, Option<Target>, Vec<String>) {
    with(variables, |environment| {
        let mut warnings = Vec::new();
        let traces = environment.target(&TRACES, &mut warnings);
        let metrics = environment.target(&METRICS, &mut warnings);
        (traces, metrics, warnings)
    })
}

fn endpoints(variables: &[(&str, &str)]) -> (Option<String>, Option<String>) {
    let (traces, metrics, warnings) = targets(variables);
    assert_eq!(warnings, [""; 0]);
    let endpoint = |target: Option<Target>| target.map(|target| target.endpoint);
    (endpoint(traces), endpoint(metrics))
}

#[test]
fn nothing_is_exported_unless_an_endpoint_is_set() {
    assert_eq!(endpoints(&[]), (None, None));
    assert_eq!(endpoints(&[(ENDPOINT, "")]), (None, None));
    assert_eq!(endpoints(&[("OTEL_TRACES_EXPORTER", "otlp")]), (None, None));
}

#[test]
fn each_signal_takes_its_own_endpoint_before_the_common_one() {
    let (traces, metrics) = endpoints(&[(ENDPOINT, "http://a"), (METRICS.endpoint, "http://b")]);
    assert_eq!(traces.as_deref(), Some("http://a"));
    assert_eq!(metrics.as_deref(), Some("http://b"));
}

#[test]
fn export_can_be_switched_off_as_a_whole_or_by_signal() {
    let common = (ENDPOINT, "http://a");
    assert_eq!(endpoints(&[common, (DISABLED, "TRUE")]), (None, None));
    let (traces, metrics) = endpoints(&[common, (TRACES.exporter, "none")]);
    assert!(traces.is_none() && metrics.is_some());
}

#[test]
fn an_unsupported_exporter_or_protocol_is_named_and_switches_its_signal_off() {
    let common = (ENDPOINT, "http://a");
    for (variable, value) in [(TRACES.exporter, "zipkin"), (TRACES.protocol, "http/json")] {
        let (traces, metrics, warnings) = targets(&[common, (variable, value)]);
        assert!(traces.is_none() && metrics.is_some());
        let [warning] = warnings.as_slice() else {
            panic!("{warnings:?}");
        };
        assert!(
            warning.contains(variable) && warning.contains(value),
            "{warning}"
        );
    }
    let own_protocol = [common, (PROTOCOL, "http/json"), (TRACES.protocol, "grpc")];
    let (traces, metrics, warnings) = targets(&own_protocol);
    assert_eq!(traces.map(|traces| traces.protocol), Some(Protocol::Grpc));
    assert!(metrics.is_none() && warnings.len() == 1);
    // What is not exported in any case is nobody's concern.
    let (.., warnings) = targets(&[(PROTOCOL, "http/json")]);
    assert_eq!(warnings, [""; 0]);
}

#[test]
fn over_http_the_signals_path_is_added_to_the_common_endpoint_alone() {
    let http = (PROTOCOL, "http/protobuf");
    for common in ["http://a:4318/x", "http://a:4318/x/"] {
        let variables = [http, (ENDPOINT, common), (METRICS.endpoint, "http://b/m")];
        let (traces, metrics) = endpoints(&variables);
        assert_eq!(traces.as_deref(), Some("http://a:4318/x/v1/traces"));
        assert_eq!(metrics.as_deref(), Some("http://b/m"));
    }
    let own = (METRICS.protocol, "http/protobuf");
    let (traces, metrics) = endpoints(&[own, (ENDPOINT, "http://a")]);
    assert_eq!(traces.as_deref(), Some("http://a"));
    assert_eq!(metrics.as_deref(), Some("http://a/v1/metrics"));
}

#[test]
fn the_service_is_named_by_the_environment_or_else_verilane() {
    let name = |variables: &[(&str, &str)]| {
        let resource = with(variables, |environment| environment.resource("1.2.3"));
        assert_eq!(
            resource.get(&Key::new("service.version")),
            Some(Value::from("1.2.3"))
        );
        resource.get(&Key::new("service.name")).unwrap().to_string()
    };
    assert_eq!(name(&[]), "verilane");
    assert_eq!(name(&[(SERVICE_NAME, "kyc")]), "kyc");
}

#[test]
fn a_certificate_file_that_is_not_there_is_an_error_that_names_the_variable() {
    let error = with(&[(CA_CERTIFICATE, "/nowhere/ca.pem")], |environment| {
        environment.tls("https://a").unwrap_err().to_string()
    });
    assert!(error.contains(CA_CERTIFICATE), "{error}");
}
