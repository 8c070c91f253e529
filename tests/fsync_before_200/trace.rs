//! What strace wrote, as system calls with a beginning and an end.
//!
//! A thread that strace has stopped goes on only after strace has written its line. So whatever was
//! caused by a call's end begins on a later line, on whichever thread, and lines can stand for time.

use std::collections::HashMap;

/// A system call of one thread.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// Its arguments and what it returned, as written.
    pub text: String,
    /// The line on which it begins.
    pub begin: usize,
    /// The line on which it ends.
    pub end: usize,
}

const UNFINISHED: &str = " <unfinished ...>";

/// Every call that has an end.
pub fn calls(trace: &str) -> Vec<Call> {
    let mut open: HashMap<&str, (usize, String)> = HashMap::new();
    let mut calls = Vec::new();
    for (line, text) in trace.lines().enumerate() {
        // `4711  1700000000.123456 fsync(11</data/verilane.db-wal>) = 0`
        let Some((thread, rest)) = text.split_once(' ') else {
            continue;
        };
        let Some((_, what)) = rest.trim_start().split_once(' ') else {
            continue;
        };
        if let Some(begun) = what.strip_suffix(UNFINISHED) {
            open.insert(thread, (line, begun.to_owned()));
        } else if let Some((_, rest)) = what
            .strip_prefix("<... ")
            .and_then(|what| what.split_once(" resumed>"))
        {
            if let Some((begin, begun)) = open.remove(thread) {
                calls.extend(call(&format!("{begun}{rest}"), begin, line));
            }
        } else {
            calls.extend(call(what, line, line));
        }
    }
    calls
}

/// Signals and ends of threads are none.
fn call(text: &str, begin: usize, end: usize) -> Option<Call> {
    let (name, text) = text.split_once('(')?;
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name(name).then(|| Call {
        name: name.to_owned(),
        text: text.to_owned(),
        begin,
        end,
    })
}

impl Call {
    /// What the first argument, a file descriptor, stands for: a path, or a socket's two ends.
    pub fn target(&self) -> &str {
        let target = self.text.split_once('<').map(|(_, rest)| rest);
        let target = target.and_then(|rest| {
            // A socket's target has an arrow in it: `TCP:[127.0.0.1:1->127.0.0.1:2]`.
            let end = rest
                .find("]>")
                .map_or_else(|| rest.find('>'), |at| Some(at + 1));
            rest.get(..end?)
        });
        target.unwrap_or_default()
    }

    /// Whether it began after another had ended.
    pub fn follows(&self, other: &Self) -> bool {
        self.begin > other.end
    }

    /// Whether it returned 0.
    pub fn is_success(&self) -> bool {
        self.text.trim_end().ends_with("= 0")
    }

    /// Whether strace made it fail.
    pub fn was_injected(&self) -> bool {
        self.text.contains("(INJECTED)")
    }

    /// Whether it writes to the write-ahead log. Its header, which is synced by itself, is nobody's.
    pub fn writes_log(&self) -> bool {
        const HEADER: &str = ", 32, 0) = 32";
        matches!(
            self.name.as_str(),
            "pwrite64" | "write" | "writev" | "pwritev"
        ) && self.is_on_log()
            && !self.text.ends_with(HEADER)
    }

    /// Whether it makes the write-ahead log durable, or tries to.
    pub fn syncs_log(&self) -> bool {
        matches!(self.name.as_str(), "fsync" | "fdatasync") && self.is_on_log()
    }

    fn is_on_log(&self) -> bool {
        self.target().ends_with("/verilane.db-wal")
    }

    /// Whether it takes in the beginning of a callback.
    pub fn reads_callback(&self) -> bool {
        matches!(
            self.name.as_str(),
            "read" | "recvfrom" | "recvmsg" | "readv"
        ) && self.text.contains("\"POST /callbacks/")
    }

    /// Whether it hands out an answer with this status code.
    pub fn answers(&self, code: u16) -> bool {
        matches!(
            self.name.as_str(),
            "write" | "writev" | "sendto" | "sendmsg"
        ) && self.text.contains(&format!("\"HTTP/1.1 {code} "))
    }
}

/// What happened between a callback and its answer.
#[derive(Debug)]
pub struct Exchange<'t> {
    /// What was written to the write-ahead log in between.
    pub log_writes: Vec<&'t Call>,
    /// What was done to make it durable in between.
    pub log_syncs: Vec<&'t Call>,
}

impl Exchange<'_> {
    /// Whether something was written, and a sync that began after that succeeded.
    ///
    /// What was written later still may be somebody else's: the writer goes on with its next batch
    /// while the answers of this one are on their way.
    pub fn is_durable(&self) -> bool {
        let wrote_before = |sync: &Call| self.log_writes.iter().any(|write| sync.follows(write));
        self.log_syncs
            .iter()
            .any(|sync| sync.is_success() && wrote_before(sync))
    }
}

/// Each callback that was answered with a status code.
pub fn exchanges(calls: &[Call], code: u16) -> Vec<Exchange<'_>> {
    let answers = calls.iter().filter(|call| call.answers(code));
    let exchange = |answer| {
        let its = |call: &&Call| {
            call.reads_callback() && call.target() == Call::target(answer) && answer.follows(call)
        };
        let callback = calls.iter().filter(its).max_by_key(|call| call.end)?;
        let between = calls
            .iter()
            .filter(|call| call.follows(callback) && answer.follows(call));
        let (log_writes, others): (Vec<_>, Vec<_>) = between.partition(|call| call.writes_log());
        Some(Exchange {
            log_writes,
            log_syncs: others.into_iter().filter(|call| call.syncs_log()).collect(),
        })
    };
    answers.filter_map(exchange).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOCKET: &str = "18<TCP:[127.0.0.1:7480->127.0.0.1:53422]>";
    const LOG: &str = "11</data/verilane.db-wal>";

    fn durable(lines: &[String]) -> Vec<bool> {
        let calls = calls(&lines.join("\n"));
        let taken = exchanges(&calls, 200);
        taken.iter().map(Exchange::is_durable).collect()
    }

    fn read() -> String {
        format!("7 1.5 recvfrom({SOCKET}, \"POST /callbacks/abcd\"..., 8192, 0, NULL, NULL) = 800")
    }

    fn header() -> String {
        format!("8 1.5 pwrite64({LOG}, \"7\\177\"..., 32, 0) = 32")
    }

    fn write() -> String {
        format!("8 1.5 pwrite64({LOG}, \"\\0\"..., 4096, 32) = 4096")
    }

    fn sync() -> [String; 2] {
        let begun = format!("8 1.5 fsync({LOG} <unfinished ...>");
        [begun, "8 1.5 <... fsync resumed>)        = 0".to_owned()]
    }

    fn answer() -> String {
        format!(
            "7 1.5 writev({SOCKET}, [{{iov_base=\"HTTP/1.1 200 OK\\r\\nco\"..., iov_len=90}}], 1) = 90"
        )
    }

    #[test]
    fn an_answer_after_the_sync_of_all_that_was_written_is_durable() {
        let [begun, ended] = sync();
        assert_eq!(durable(&[read(), write(), begun, ended, answer()]), [true]);
    }

    #[test]
    fn an_answer_before_the_sync_has_ended_is_not() {
        let [begun, ended] = sync();
        assert_eq!(durable(&[read(), write(), begun, answer(), ended]), [false]);
    }

    #[test]
    fn an_answer_while_the_next_batch_is_written_is_durable() {
        let [begun, ended] = sync();
        let [failing, _] = sync();
        let failed = "8 1.5 <... fsync resumed>) = -1 EIO (Input/output error) (INJECTED)";
        let next = [write(), failing, failed.to_owned()];
        let lines = [&[read(), write(), begun, ended][..], &next, &[answer()]].concat();
        assert_eq!(durable(&lines), [true]);
    }

    #[test]
    fn a_sync_of_the_header_alone_counts_for_nothing() {
        let [begun, ended] = sync();
        let lines = [read(), header(), begun, ended, write(), answer()];
        assert_eq!(durable(&lines), [false]);
    }

    #[test]
    fn a_sync_that_was_begun_before_the_write_counts_for_nothing() {
        let [begun, ended] = sync();
        assert_eq!(durable(&[read(), begun, write(), ended, answer()]), [false]);
    }

    #[test]
    fn a_sync_that_failed_counts_for_nothing() {
        let [begun, _] = sync();
        let ended = "8 1.5 <... fsync resumed>) = -1 EIO (Input/output error) (INJECTED)";
        let lines = [read(), write(), begun, ended.to_owned(), answer()];
        assert_eq!(durable(&lines), [false]);
        assert!(calls(&lines.join("\n")).iter().any(Call::was_injected));
    }

    #[test]
    fn an_answer_without_anything_written_is_not_durable() {
        let [begun, ended] = sync();
        assert_eq!(durable(&[read(), begun, ended, answer()]), [false]);
    }
}
