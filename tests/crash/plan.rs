//! When the server is killed: at named points and at drawn moments, all of it from one seed.

/// Where the server can be told to kill itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    /// The intent is durable, the provider was not asked.
    IntentWritten,
    /// The provider has taken the request, and its answer is not durable.
    ProviderAnswered,
    /// A batch is written and not durable.
    BeforeCommit,
    /// A batch is durable, and nobody was answered.
    AfterCommit,
}

impl Point {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::IntentWritten,
        Self::ProviderAnswered,
        Self::BeforeCommit,
        Self::AfterCommit,
    ];

    /// As the configuration names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IntentWritten => "intent-written",
            Self::ProviderAnswered => "provider-answered",
            Self::BeforeCommit => "before-commit",
            Self::AfterCommit => "after-commit",
        }
    }

    /// Up to which occurrence a kill is drawn. Commits come with every callback, starts with every
    /// verification.
    const fn most(self) -> u64 {
        match self {
            Self::IntentWritten | Self::ProviderAnswered => 6,
            Self::BeforeCommit | Self::AfterCommit => 60,
        }
    }
}

/// One kill.
#[derive(Clone, Copy, Debug)]
pub enum Kill {
    /// By itself, when it comes to a point for the n-th time.
    At(Point, u64),
    /// From outside, once the connector has sent so many more callbacks.
    AfterCallbacks(usize),
    /// From outside, once the watcher has seen so many more events.
    AfterEvents(usize),
}

impl Kill {
    /// At a point, at a drawn occurrence.
    pub fn at(point: Point, draw: &mut Draw) -> Self {
        Self::At(point, draw.within(1, point.most()))
    }
}

/// How often each named point is met, and how many kills come at drawn moments.
const NAMED: usize = 3;
const DRAWN: usize = 10;

/// All kills, in a drawn order.
pub fn plan(draw: &mut Draw) -> Vec<Kill> {
    let mut kills = Vec::new();
    for point in Point::ALL {
        kills.extend((0..NAMED).map(|_| Kill::at(point, draw)));
    }
    for number in 0..DRAWN {
        let count = usize::try_from(draw.within(1, 150)).unwrap();
        kills.push(match number % 2 {
            0 => Kill::AfterCallbacks(count),
            _ => Kill::AfterEvents(count),
        });
    }
    for last in (1..kills.len()).rev() {
        let other = usize::try_from(draw.within(0, last as u64)).unwrap();
        kills.swap(last, other);
    }
    kills
}

/// Numbers from a seed (SplitMix64).
pub struct Draw(pub u64);

impl Draw {
    /// A number from the first to the last.
    pub fn within(&mut self, first: u64, last: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        first + (mixed ^ (mixed >> 31)) % (last - first + 1)
    }
}
