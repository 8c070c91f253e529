//! Where values come from: the embedded defaults, then a file, then the environment, then flags.
//! A later one replaces an earlier one, key by key; a list is replaced whole.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::fault::Faults;
use super::section::Section;
use super::value::kind;

/// What variables of ours begin with.
pub const PREFIX: &str = "VERILANE__";

/// All layers, before anything was read.
#[derive(Default)]
pub struct Layers {
    file: Table,
    variables: Variables,
}

/// Values of the environment and of flags: by section, then by key, both in lower case.
type Variables = BTreeMap<String, BTreeMap<String, Text>>;

/// A value as text, and what to call it in a message.
#[derive(Clone)]
pub struct Text {
    /// The variable or flag.
    pub name: String,
    /// Its value. Can be a secret.
    pub value: String,
}

impl Text {
    /// A value that the command line gave.
    pub fn flag(name: &str, value: String) -> Self {
        Self {
            name: name.to_owned(),
            value,
        }
    }
}

impl Layers {
    /// Lays the text of a TOML file over what is there. `name` is said if it can't be parsed.
    pub fn add_toml(&mut self, name: &str, text: &str, faults: &mut Faults) {
        match text.parse::<Table>() {
            Ok(table) => merge(&mut self.file, table),
            // The parser's own message shows the line, which can hold anything.
            Err(error) => faults.add(name, format!("is not TOML: {}", place(text, &error))),
        }
    }

    /// Lays variables of the environment over what is there; those of others are passed over.
    pub fn add_variables(
        &mut self,
        variables: impl IntoIterator<Item = (String, String)>,
        faults: &mut Faults,
    ) {
        for (name, value) in variables {
            let Some(rest) = name.strip_prefix(PREFIX) else {
                continue;
            };
            match rest.to_ascii_lowercase().split_once("__") {
                Some((section, key)) if !section.is_empty() && !key.is_empty() => {
                    self.set(section, key, Text { name, value });
                }
                _ => faults.add(name, format!("must be {PREFIX}SECTION__KEY")),
            }
        }
    }

    /// Lays one value over what is there.
    pub fn set(&mut self, section: &str, key: &str, text: Text) {
        let keys = self.variables.entry(section.to_owned()).or_default();
        keys.insert(key.to_owned(), text);
    }

    /// Takes one value of the files' away, as if nobody had written it.
    pub fn forget(&mut self, section: &str, key: &str) {
        if let Some(Value::Table(table)) = self.file.get_mut(section) {
            table.remove(key);
        }
    }

    /// Takes a whole section away.
    pub fn drop_section(&mut self, section: &str) {
        self.file.remove(section);
        self.variables.remove(section);
    }

    /// Whether a file or the environment has anything in a section.
    pub fn has(&self, section: &str) -> bool {
        self.file.contains_key(section) || self.variables.contains_key(section)
    }

    /// Takes a section, empty if nobody has said anything in it.
    pub fn section<'a>(&mut self, path: &'a str, faults: &'a mut Faults) -> Section<'a> {
        let table = match self.file.remove(path) {
            None => Table::new(),
            Some(Value::Table(table)) => table,
            Some(other) => {
                faults.add(path, format!("must be a section, not {}", kind(&other)));
                Table::new()
            }
        };
        let variables = self.variables.remove(path).unwrap_or_default();
        Section::new(path, table, variables, faults)
    }

    /// Takes a list of tables (`[[path]]`), and the variables of that section.
    pub fn tables(
        &mut self,
        path: &str,
        faults: &mut Faults,
    ) -> (Vec<Table>, BTreeMap<String, Text>) {
        let mut tables = Vec::new();
        match self.file.remove(path) {
            None => {}
            Some(Value::Array(values)) => {
                for (value, number) in values.into_iter().zip(1..) {
                    match value {
                        Value::Table(table) => tables.push(table),
                        other => {
                            let problem = format!("must be a table, not {}", kind(&other));
                            faults.add(format!("{path}[{number}]"), problem);
                        }
                    }
                }
            }
            Some(_) => faults.add(path, format!("must be written as [[{path}]]")),
        }
        (tables, self.variables.remove(path).unwrap_or_default())
    }

    /// Whatever was not taken is unknown.
    pub fn finish(self, faults: &mut Faults) {
        for section in self.file.keys() {
            faults.add(section, "is not a section that this version knows");
        }
        for text in self.variables.values().flat_map(BTreeMap::values) {
            faults.add(
                &text.name,
                "names a section that this version does not know",
            );
        }
    }
}

fn merge(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

/// What the parser found, and on which line, without the line itself.
fn place(text: &str, error: &toml::de::Error) -> String {
    let message = error.message();
    let line = error
        .span()
        .and_then(|span| text.get(..span.start))
        .map(|before| before.matches('\n').count() + 1);
    match line {
        Some(line) => format!("{message} (line {line})"),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_layer_replaces_single_keys_and_whole_lists() {
        let (mut layers, mut faults) = (Layers::default(), Faults::default());
        layers.add_toml("a", "[x]\nkept = 1\nchanged = [1, 2]\n", &mut faults);
        layers.add_toml("b", "[x]\nchanged = [3]\n", &mut faults);
        assert!(faults.is_empty());
        let expected: Table = "[x]\nkept = 1\nchanged = [3]\n".parse().unwrap();
        assert_eq!(layers.file, expected);
    }

    #[test]
    fn a_file_that_is_not_toml_is_said_with_its_line_and_without_its_text() {
        let (mut layers, mut faults) = (Layers::default(), Faults::default());
        layers.add_toml("verilane.toml", "[x]\nsecret = MUSTERMANN\n", &mut faults);
        let said = faults.to_string();
        assert!(said.contains("verilane.toml: is not TOML"), "{said}");
        assert!(said.contains("line 2"), "{said}");
        assert!(!said.contains("MUSTERMANN"), "{said}");
    }

    #[test]
    fn variables_that_are_not_ours_are_passed_over_and_malformed_ones_are_not() {
        let (mut layers, mut faults) = (Layers::default(), Faults::default());
        let variables = [
            "PATH",
            "VERILANE_CONFIG",
            "VERILANE__GRPC",
            "VERILANE__X__Y",
        ];
        let variables = variables.map(|name| (name.to_owned(), "1".to_owned()));
        layers.add_variables(variables, &mut faults);
        let keys: Vec<_> = faults
            .all()
            .iter()
            .map(|fault| fault.key.as_str())
            .collect();
        assert_eq!(keys, ["VERILANE__GRPC"]);
        assert!(layers.has("x"));
    }

    #[test]
    fn what_nobody_takes_is_unknown() {
        let (mut layers, mut faults) = (Layers::default(), Faults::default());
        layers.add_toml("a", "[grcp]\n", &mut faults);
        let variable = ("VERILANE__GRCP__LISTEN".to_owned(), String::new());
        layers.add_variables([variable], &mut faults);
        layers.finish(&mut faults);
        let keys: Vec<_> = faults
            .all()
            .iter()
            .map(|fault| fault.key.as_str())
            .collect();
        assert_eq!(keys, ["grcp", "VERILANE__GRCP__LISTEN"]);
    }
}
