//! Names of spans.
//!
//! `tracing` wants a span's name at compile time; where the conventions want another one at run
//! time (an RPC's full method), it goes into [`crate::attribute::OTEL_NAME`]. A callback's spans,
//! and those of jobs, belong to traces of their own and are *linked* to the span that created the
//! verification: it has ended long before.

macro_rules! spans {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $text;)*

        /// Every span name there is.
        pub const ALL: &[&str] = &[$($name,)*];
    };
}

spans! {
    /// One RPC that we answer, from its headers to its trailers; a stream is one span. Shown under
    /// the full method's name. Kind `server`.
    RPC = "verilane.rpc";
    /// One request to the public side, from its headers to the answer. Shown as method and route.
    /// Kind `server`.
    CALLBACK = "verilane.callback";
    /// One call of a plug-in's method through the facade, with whatever requests and retries it
    /// needs. Kind `internal`.
    PROVIDER_CALL = "verilane.provider.call";
    /// One HTTP request that we send. Shown under its method. Kind `client`.
    HTTP_REQUEST = "verilane.http.request";
    /// One transaction of the store's writer, with all changes in its batch.
    STORE_COMMIT = "verilane.store.commit";
    /// One change on its way through the store's writer, from its queue to the commit's outcome.
    STORE_CHANGE = "verilane.store.change";
    /// The chunks of one piece of evidence, written by the side lane.
    EVIDENCE_WRITE = "verilane.evidence.write";
    /// One run of a job.
    JOB = "verilane.job";
}
