//! What concerns several sections: each says here what it read of that, whatever else is wrong with
//! it, so that these faults are listed beside all others.

use std::time::Duration;

use super::fault::Faults;

/// What was read so far. A value with a fault of its own is not here.
#[derive(Default)]
pub struct Across {
    /// Nothing was said about where providers reach the ingress.
    pub no_public_url: bool,
    /// The first connection whose provider has to know that.
    pub needs_public_url: Option<String>,
    /// How long the end may take.
    pub shutdown: Option<Duration>,
    drains: Vec<(&'static str, Duration)>,
}

impl Across {
    /// How long a section's own part of the end may take.
    pub fn drain(&mut self, section: &'static str, deadline: Option<Duration>) {
        self.drains
            .extend(deadline.map(|deadline| (section, deadline)));
    }

    /// Lists what does not go together.
    pub fn check(&self, faults: &mut Faults) {
        for (section, drain) in &self.drains {
            if self.shutdown.is_some_and(|whole| whole < *drain) {
                let problem = format!("must not be shorter than {section}.drain_deadline");
                faults.add("shutdown.deadline", problem);
            }
        }
        if self.no_public_url
            && let Some(connection) = &self.needs_public_url
        {
            let problem = format!("must be set: the provider of {connection} calls it");
            faults.add("ingress.public_url", problem);
        }
    }
}
