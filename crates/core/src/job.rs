//! Work that comes due: rows with a time and a lease, one for each thing to be done about an attempt, and
//! some for the store as a whole.

use crate::{AttemptNumber, Timestamp, VerificationId};

/// What a job does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum JobKind {
    /// Sends, or sends again, the request that starts an attempt.
    Start,
    /// Ends an attempt whose action expired.
    ExpireAction,
    /// Ends an attempt whose provider does not finish.
    ProcessingDeadline,
    /// Ends an attempt whose provider finished without delivering.
    DataDeadline,
    /// Tells that no new attempt may be asked for any more.
    CloseRetry,
    /// Forgets what came for a verification that has ended.
    Forget,
    /// Reminds the caller that a decision is waited for.
    ReviewReminder,
    /// Ends an attempt whose caller does not decide.
    ReviewDeadline,
    /// Tells the provider what the caller has decided, until it knows.
    SendDecision,
    /// Exchanges what a browser brought back for what the user has granted.
    Exchange,
    /// Asks the provider what it has noted of an attempt.
    Poll,
    /// Brings the polls of all open attempts forward, after a restart.
    PollAll,
    /// Removes events, request ids, slots and orphaned chunks that have served their time.
    Purge,
}

impl JobKind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::Start,
        Self::ExpireAction,
        Self::ProcessingDeadline,
        Self::DataDeadline,
        Self::CloseRetry,
        Self::Forget,
        Self::ReviewReminder,
        Self::ReviewDeadline,
        Self::SendDecision,
        Self::Exchange,
        Self::Poll,
        Self::PollAll,
        Self::Purge,
    ];

    /// The name in the store and in telemetry.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::ExpireAction => "expire_action",
            Self::ProcessingDeadline => "processing_deadline",
            Self::DataDeadline => "data_deadline",
            Self::CloseRetry => "close_retry",
            Self::Forget => "forget",
            Self::ReviewReminder => "review_reminder",
            Self::ReviewDeadline => "review_deadline",
            Self::SendDecision => "send_decision",
            Self::Exchange => "exchange",
            Self::Poll => "poll",
            Self::PollAll => "poll_all",
            Self::Purge => "purge",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == name)
    }
}

/// A job by what it is about: there is one of each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct JobKey {
    /// What it does.
    pub kind: JobKind,
    /// The attempt it is about; none for work about the whole store.
    pub about: Option<JobAbout>,
}

/// The attempt that a job is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct JobAbout {
    /// The verification.
    pub verification: VerificationId,
    /// The attempt.
    pub attempt: AttemptNumber,
}

/// A job as it stands.
#[derive(Clone, PartialEq, Debug)]
pub struct Job {
    /// What it is about.
    pub key: JobKey,
    /// Not before this.
    pub due: Timestamp,
    /// How often it was begun.
    pub tries: u32,
}

/// What to do with a job.
#[derive(Clone, PartialEq, Debug)]
pub enum JobWrite {
    /// It is due then; replaces time, lease and count of tries of one that stands.
    Schedule {
        /// Which.
        key: JobKey,
        /// Not before this.
        due: Timestamp,
        /// Whoever schedules it is about to do it, and keeps others away until then. Counts as
        /// the first try: after a crash nobody knows how far it went.
        leased_until: Option<Timestamp>,
    },
    /// It is begun now: counts a try, and keeps others away until then. A crash costs a repeat;
    /// a store that one process owns for life forgets all leases when it is opened.
    Lease {
        /// Which; it must stand.
        key: JobKey,
        /// Until when nobody else begins it.
        until: Timestamp,
    },
    /// It is due then instead, and free; the count of tries stays.
    Postpone {
        /// Which; nothing happens if it does not stand.
        key: JobKey,
        /// Not before this.
        due: Timestamp,
    },
    /// It is due then at the latest: made if it does not stand, and else left as it is but for an
    /// earlier time.
    Hasten {
        /// Which.
        key: JobKey,
        /// At the latest.
        due: Timestamp,
    },
    /// It is done, or pointless.
    Drop(JobKey),
}
