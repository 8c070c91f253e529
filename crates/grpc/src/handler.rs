//! Handlers: each reads a request, calls one use case, and writes its answer. They decide nothing.

pub(crate) mod admin;
pub(crate) mod claim;
pub(crate) mod connection;
pub(crate) mod verification;
