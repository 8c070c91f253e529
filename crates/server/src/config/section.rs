//! One section under reading: each key is asked for once, its fault noted, and what is left in the
//! end is unknown.
//!
//! Reading goes on after a fault, so that all of them are found: ask for every key first, and only
//! then use `?` on what came.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use toml::{Table, Value};

use super::fault::Faults;
use super::layers::Text;
use super::value::{Given, Setting};

/// A section of which keys are taken.
pub struct Section<'a> {
    path: &'a str,
    table: Table,
    variables: BTreeMap<String, Text>,
    faults: &'a mut Faults,
    #[cfg(test)]
    asked: Vec<&'static str>,
}

enum Taken {
    File(Value),
    Text(Text),
}

impl<'a> Section<'a> {
    /// Begins to read.
    pub const fn new(
        path: &'a str,
        table: Table,
        variables: BTreeMap<String, Text>,
        faults: &'a mut Faults,
    ) -> Self {
        Self {
            path,
            table,
            variables,
            faults,
            #[cfg(test)]
            asked: Vec::new(),
        }
    }

    /// Its name.
    #[cfg(test)]
    pub const fn path(&self) -> &'a str {
        self.path
    }

    /// A value that must be there. None after a fault.
    pub fn get<T: Setting>(&mut self, key: &'static str) -> Option<T> {
        match self.take(key) {
            Some(taken) => self.read(key, &taken, |_| Ok(())),
            None => {
                self.fault(key, "must be set");
                None
            }
        }
    }

    /// A value that must be there, within bounds. None after a fault.
    pub fn within<T: Setting + PartialOrd>(
        &mut self,
        key: &'static str,
        bounds: RangeInclusive<T>,
    ) -> Option<T> {
        match self.take(key) {
            Some(taken) => self.read(key, &taken, |value: &T| {
                if bounds.contains(value) {
                    return Ok(());
                }
                let (least, most) = (bounds.start().show(), bounds.end().show());
                Err(format!("must be {least} to {most}"))
            }),
            None => {
                self.fault(key, "must be set");
                None
            }
        }
    }

    /// A value within bounds, or `usual` if it is left out. None after a fault.
    pub fn within_or<T: Setting + PartialOrd>(
        &mut self,
        key: &'static str,
        bounds: RangeInclusive<T>,
        usual: T,
    ) -> Option<T> {
        if self.table.contains_key(key) || self.variables.contains_key(key) {
            return self.within(key, bounds);
        }
        #[cfg(test)]
        self.asked.push(key);
        Some(usual)
    }

    /// A value that may be left out. None after a fault.
    pub fn optional<T: Setting>(&mut self, key: &'static str) -> Option<Option<T>> {
        match self.take(key) {
            Some(taken) => self.read(key, &taken, |_| Ok(())).map(Some),
            None => Some(None),
        }
    }

    /// A secret, which may come by the environment and not by a file.
    pub fn secret<T: Setting>(&mut self, key: &'static str) -> Option<Option<T>> {
        match self.take(key) {
            Some(Taken::File(_)) => {
                self.fault(
                    key,
                    "a secret is not written here: name a file, or use the environment",
                );
                None
            }
            Some(taken) => self.read(key, &taken, |_| Ok(())).map(Some),
            None => Some(None),
        }
    }

    /// Notes a fault with a key of this section.
    pub fn fault(&mut self, key: &str, problem: impl Into<String>) {
        self.faults.add(format!("{}.{key}", self.path), problem);
    }

    /// Whatever was not asked for is unknown.
    pub fn finish(self) -> Asked {
        for key in self.table.keys() {
            let problem = "is not a key that this version knows";
            self.faults.add(format!("{}.{key}", self.path), problem);
        }
        for text in self.variables.values() {
            let problem = format!("names no key of section {}", self.path);
            self.faults.add(&text.name, problem);
        }
        Asked {
            #[cfg(test)]
            keys: self.asked,
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Taken> {
        #[cfg(test)]
        self.asked.push(key);
        let from_file = self.table.remove(key).map(Taken::File);
        self.variables.remove(key).map(Taken::Text).or(from_file)
    }

    fn read<T: Setting>(
        &mut self,
        key: &str,
        taken: &Taken,
        check: impl Fn(&T) -> Result<(), String>,
    ) -> Option<T> {
        let (given, name) = match taken {
            Taken::File(value) => (Given::File(value), None),
            Taken::Text(text) => (Given::Text(&text.value), Some(&text.name)),
        };
        let checked = T::read(given).and_then(|value| check(&value).map(|()| value));
        match (checked, name) {
            (Ok(value), _) => Some(value),
            (Err(problem), None) => {
                self.fault(key, problem);
                None
            }
            (Err(problem), Some(name)) => {
                self.faults.add(name, problem);
                None
            }
        }
    }
}

/// Which keys a section was asked for, for the test that holds them against the documentation.
#[derive(Debug)]
pub struct Asked {
    #[cfg(test)]
    pub keys: Vec<&'static str>,
}
