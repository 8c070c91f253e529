//! What the black-box tests share: a [`Stage`] with a clock, a sandbox and a folder, and the real
//! binary, started on it as often as a test wants.
//!
//! The sandbox runs within the test, so that the binary alone can be killed, and the test steers it
//! by its handle. Binary and sandbox take their time from one file. Nothing here sleeps: a test
//! waits for a line, for a message, or for an answer, with a limit that is reached only by a fault.
//!
//! ```ignore
//! let stage = Stage::new().await;
//! let server = stage.start();
//! let created = server.create(&stage.user("accepts"), &["SH_EMAIL"]).await;
//! let events = server.events_until_final(&created.id).await;
//! ```

#![allow(dead_code, unused_imports, reason = "each test uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and shows what it drew"
)]

mod calls;
pub mod civic;
mod civic_pass;
mod clock;
mod draw;
mod flow;
mod ledger;
mod log;
mod order;
mod pace;
mod persist;
mod points;
mod raw;
mod refusals;
mod runs;
mod server;
pub mod sip;
mod stage;
mod tap;
mod target;
mod watcher;
mod watches;

use std::time::Duration;

pub use calls::{claim, create_request, field, retry_request};
pub use civic_pass::{
    JWT, OAUTH, continue_request, from_any_document, purpose, review_request, wallet_request,
};
pub use clock::TestClock;
pub use draw::Draw;
pub use flow::{RUN, is_finished, waiting};
pub use ledger::{Told, check_ledger, genuine, told_by_events};
pub use order::{check_order, check_same};
pub use pace::{TICK, go_on};
pub use persist::persist;
pub use points::{Brings, Met, Point, points};
pub use raw::{Raw, RawAnswer, exchange};
pub use refusals::{info, refusal};
pub use runs::Runs;
pub use server::{Launch, Server};
pub use stage::{CONNECTION, Stage};
pub use tap::CallbackUrls;
pub use target::{Announcer, Target, broke_off};
pub use watcher::{Watcher, has_ended};
pub use watches::{BEGINNING, From, Item, Message, NOW, SNAPSHOT, Watch, What, Wish, time};

/// How long a test waits for something that must happen; reached only if it does not.
pub const LIMIT: Duration = Duration::from_secs(60);
