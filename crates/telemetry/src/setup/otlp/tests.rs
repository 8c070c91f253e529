//! What the environment decides on export.

use std::collections::HashMap;

use opentelemetry::{Key, Value};

use super::*;

fn with<T>(variables: &[(&str, &str)], act: impl FnOnce(Environment<'_>) -> T) -> T {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    let look_up = |name: &str| variables.get(name).map(|value| (*value).to_owned());
    act(Environment(&look_up))
}

fn endpoints(variables: &[(&str, &str)]) -> (Option<String>, Option<String>) {
    with(variables, |environment| {
        let endpoint = |signal| environment.endpoint(signal).unwrap();
        (endpoint(&TRACES), endpoint(&METRICS))
    })
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
fn an_unsupported_exporter_or_protocol_is_refused_by_name() {
    let table = [
        (TRACES.exporter, "zipkin"),
        (PROTOCOL, "http/protobuf"),
        (TRACES.protocol, "http/json"),
    ];
    for (variable, value) in table {
        let error = with(
            &[(ENDPOINT, "http://a"), (variable, value)],
            |environment| environment.endpoint(&TRACES).unwrap_err().to_string(),
        );
        assert!(error.contains(variable) && error.contains(value), "{error}");
    }
    let own_protocol = [
        (ENDPOINT, "http://a"),
        (PROTOCOL, "http/json"),
        (TRACES.protocol, "grpc"),
    ];
    with(&own_protocol, |environment| {
        assert!(environment.endpoint(&TRACES).is_ok());
        assert!(environment.endpoint(&METRICS).is_err());
    });
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
