//! `[[connections]]`: the accounts at providers. What belongs to a provider's plug-in is handed to
//! the catalog; name and provider are read here.
//!
//! In the environment a connection's section is `CONNECTIONS` and its key begins with its name,
//! `-` written as `_`: `VERILANE__CONNECTIONS__COREPASS_LIVE__BASE_URL`.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};
use verilane_core::ConnectionName;

use super::fault::Faults;
use super::layers::{Layers, Text};
use crate::catalog;

/// A configured connection.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its name.
    pub name: ConnectionName,
    /// What its plug-in needs.
    pub settings: catalog::Settings,
}

/// The section, and how a fault names one of its tables.
pub const PATH: &str = "connections";

/// Reads all connections; those with faults are left out.
pub fn read(layers: &mut Layers, faults: &mut Faults) -> Vec<Connection> {
    let (tables, mut variables) = layers.tables(PATH, faults);
    let mut names = BTreeSet::new();
    let mut connections = Vec::new();
    for (mut table, number) in tables.into_iter().zip(1..) {
        let at = format!("{PATH}[{number}]");
        let Some(name) = name(&mut table, &at, faults) else {
            continue;
        };
        if !names.insert(name.clone()) {
            faults.add(format!("{at}.name"), "is the name of another connection");
            continue;
        }
        overlay(&mut table, &name, &mut variables);
        connections.extend(one(name, table, faults));
    }
    for text in variables.values() {
        faults.add(&text.name, "names no configured connection");
    }
    connections
}

fn name(table: &mut Table, at: &str, faults: &mut Faults) -> Option<ConnectionName> {
    let name = match table.remove("name") {
        Some(Value::String(name)) => ConnectionName::new(&name).ok(),
        _ => None,
    };
    if name.is_none() {
        let problem = "must be 1 to 63 of a-z, 0-9 and -, beginning with a letter";
        faults.add(format!("{at}.name"), problem);
    }
    name
}

/// Lays the connection's variables over its table.
fn overlay(table: &mut Table, name: &ConnectionName, variables: &mut BTreeMap<String, Text>) {
    let prefix = format!("{}__", name.as_str().replace('-', "_"));
    let ours: Vec<String> = variables
        .keys()
        .filter(|key| key.starts_with(&prefix))
        .cloned()
        .collect();
    for full in ours {
        if let (Some(text), Some(key)) = (variables.remove(&full), full.strip_prefix(&prefix)) {
            table.insert(key.to_owned(), typed(&text.value));
        }
    }
}

/// A plug-in's settings know their own types, the environment knows only text: what reads as
/// TOML's number, boolean, list or table is one.
fn typed(text: &str) -> Value {
    match format!("value = {text}").parse::<Table>() {
        Ok(mut table) if table.len() == 1 => table.remove("value"),
        _ => None,
    }
    .unwrap_or_else(|| Value::String(text.to_owned()))
}

fn one(name: ConnectionName, mut table: Table, faults: &mut Faults) -> Option<Connection> {
    let at = format!("{PATH}.{name}");
    let provider = match table.remove("provider") {
        Some(Value::String(provider)) => provider,
        _ => {
            let problem = format!("must be one of: {}", catalog::PROVIDERS.join(", "));
            faults.add(format!("{at}.provider"), problem);
            return None;
        }
    };
    match catalog::Settings::read(&provider, &name, table) {
        Ok(settings) => Some(Connection { name, settings }),
        Err(found) => {
            for (key, problem) in found {
                let key = if key.is_empty() {
                    at.clone()
                } else {
                    format!("{at}.{key}")
                };
                faults.add(key, problem);
            }
            None
        }
    }
}
