//! What settings of several plug-ins are held to: names, addresses, hosts, bounds, and secrets that stand
//! in files of their own.

use std::fmt::Display;

use verilane_core::Pii;

use super::{Faults, Read};
use crate::http::{Egress, Url};

/// The most bytes of an id, a network and the like.
const MAX_NAME: usize = 128;

impl Faults {
    /// A secret, from the settings or from the file that they name.
    pub fn secret_or_file(
        &mut self,
        setting: &str,
        (inline, file): (Option<Read<String>>, Option<Read<String>>),
    ) -> Pii<String> {
        let file_setting = format!("{setting}_file");
        let text = match (inline, file) {
            (Some(_), Some(_)) => {
                self.add(setting, format_args!("can't stand beside {file_setting}"));
                None
            }
            (None, None) => {
                self.add(setting, format_args!("must be set, or {file_setting}"));
                None
            }
            (inline @ Some(_), None) => self.secret(setting, inline),
            (None, file) => self.optional(&file_setting, file).and_then(|path| {
                let read = std::fs::read_to_string(&path);
                read.map_err(|error| {
                    self.add(setting, format_args!("{path} can't be read: {error}"));
                })
                .ok()
            }),
        };
        let text = Pii::new(text.unwrap_or_default());
        Pii::from(text.expose().trim())
    }

    /// Holds an id or the like to what one can be.
    pub fn name(&mut self, setting: &str, text: &str) {
        let is_name = (1..=MAX_NAME).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_name {
            self.add(setting, "must be 1 to 128 printable ASCII characters");
        }
    }

    /// Holds a number to its bounds.
    pub fn bound(&mut self, setting: &str, value: u64, least: u64, most: u64) {
        if !(least..=most).contains(&value) {
            self.add(setting, format_args!("must be {least} to {most}"));
        }
    }

    /// An address that may be called, over plain http and at a private address only where `allowed`
    /// says so.
    pub fn url(&mut self, setting: &str, text: &str, allowed: &Egress) -> Option<Url> {
        let url = match Url::parse(text) {
            Ok(url) if url.host_str().is_some() => url,
            _ => {
                self.add(setting, "must start with https:// and a host");
                return None;
            }
        };
        if url.query().is_some() || url.fragment().is_some() {
            self.add(setting, "must have neither query nor fragment");
        }
        let rules = Egress {
            hosts: Egress::to_host_of(&url).hosts,
            ..allowed.clone()
        };
        if let Err(refused) = rules.permit(&url) {
            self.add(setting, refused);
        }
        Some(url)
    }

    /// Holds each of a list of hosts to being one.
    pub fn hosts(&mut self, setting: impl Display, hosts: &[String]) {
        for (host, number) in hosts.iter().zip(1..) {
            if !is_host(host) {
                let problem = "must be the name of a host, in small letters";
                self.add(format_args!("{setting}[{number}]"), problem);
            }
        }
    }

    /// The same, where `*.` before a name stands for every name below it.
    pub fn host_patterns(&mut self, setting: impl Display, hosts: &[String]) {
        for (host, number) in hosts.iter().zip(1..) {
            let below = host.strip_prefix("*.");
            // Whoever can register a name below a top-level domain is anybody.
            let is_narrow = below.is_none_or(|parent| parent.contains('.'));
            if !is_narrow || !is_host(below.unwrap_or(host)) {
                let problem = "must be the name of a host in small letters, or *. and a name of \
                               two parts or more";
                self.add(format_args!("{setting}[{number}]"), problem);
            }
        }
    }
}

fn is_host(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= 253
        && text
            .split('.')
            .all(|label| !label.is_empty() && label.bytes().all(is_plain))
}
