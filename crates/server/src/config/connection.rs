//! `[[connections]]`: the accounts at providers. What belongs to a provider's plug-in is handed to
//! the catalog, what belongs to the facade to `limits`; name and provider are read here.
//!
//! In the environment a connection's section is `CONNECTIONS` and its key begins with its name,
//! `-` written as `_`: `VERILANE__CONNECTIONS__COREPASS_LIVE__BASE_URL`.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};
use verilane_core::ConnectionName;
use verilane_provider::Limits;

use super::fault::Faults;
use super::layers::{Layers, Text};
use super::limits;
use crate::catalog;

/// A configured connection.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its name.
    pub name: ConnectionName,
    /// What its plug-in needs.
    pub settings: catalog::Settings,
    /// What its facade keeps it to.
    pub limits: Limits,
}

/// The section, and how a fault names one of its tables.
pub const PATH: &str = "connections";

/// What was read of all connections.
pub struct Connections {
    /// Those without faults.
    pub sound: Vec<Connection>,
    /// The first, with faults or without, whose provider calls `ingress.public_url`.
    pub needs_public_url: Option<String>,
}

/// Reads all connections. One whose name is at fault is read under its number, so that its other
/// faults are found too.
pub fn read(layers: &mut Layers, faults: &mut Faults) -> Connections {
    let (tables, mut variables) = layers.tables(PATH, faults);
    let mut names = BTreeSet::new();
    let mut sound = Vec::new();
    let mut needs_public_url = None;
    for (mut table, number) in tables.into_iter().zip(1..) {
        let numbered = format!("{PATH}[{number}]");
        let mut name = name(&mut table, &numbered, faults);
        if name.as_ref().is_some_and(|name| names.contains(name)) {
            faults.add(
                format!("{numbered}.name"),
                "is the name of another connection",
            );
            name = None;
        }
        let at = name
            .as_ref()
            .map_or(numbered, |name| format!("{PATH}.{name}"));
        if let Some(name) = &name {
            overlay(&mut table, name, &mut variables);
            names.insert(name.clone());
        }
        let Some(provider) = provider(&mut table, &at, faults) else {
            continue;
        };
        if catalog::Settings::needs_public_url(&provider, &table) {
            needs_public_url.get_or_insert_with(|| at.clone());
        }
        let (limits, _) = limits::read(&mut table, &at, faults);
        let settings = settings(&provider, table, &at, faults);
        if let (Some(name), Some(settings), Some(limits)) = (name, settings, limits) {
            sound.push(Connection {
                name,
                settings,
                limits,
            });
        }
    }
    for text in variables.values() {
        faults.add(&text.name, "names no configured connection");
    }
    Connections {
        sound,
        needs_public_url,
    }
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

fn provider(table: &mut Table, at: &str, faults: &mut Faults) -> Option<String> {
    if let Some(Value::String(provider)) = table.remove("provider") {
        return Some(provider);
    }
    let problem = format!("must be one of: {}", catalog::PROVIDERS.join(", "));
    faults.add(format!("{at}.provider"), problem);
    None
}

fn settings(
    provider: &str,
    table: Table,
    at: &str,
    faults: &mut Faults,
) -> Option<catalog::Settings> {
    match catalog::Settings::read(provider, table) {
        Ok(settings) => Some(settings),
        Err(found) => {
            for (key, problem) in found {
                faults.add(format!("{at}.{key}"), problem);
            }
            None
        }
    }
}
