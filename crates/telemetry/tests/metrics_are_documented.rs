//! Holds the metrics and the operators' table of them in `docs/operations.md` against each other.

use std::path::Path;

use verilane_telemetry::metric;

#[test]
fn the_operators_table_lists_every_metric_as_it_is_and_no_other() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows: Vec<&str> = page.lines().filter(|l| l.starts_with("| `")).collect();
    let expected: Vec<String> = metric::ALL
        .iter()
        .map(|metric| {
            let (name, unit, description) = (metric.name, metric.unit, metric.description);
            format!("| `{name}` | {unit} | {description} |")
        })
        .collect();
    assert_eq!(rows, expected);
}
