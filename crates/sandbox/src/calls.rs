//! Which faults strike calls: by what rules say, and by draws that depend on the seed and on what is
//! struck alone, so that others' doings don't change them.

use std::collections::HashMap;

use crate::scenario::{AnswerFault, AnswerTrouble};
use crate::seed::Seed;

/// How many calls each rule has seen, by whom they were about and the rule's place.
#[derive(Debug, Default)]
pub struct Calls(HashMap<(String, usize), u32>);

impl Calls {
    /// Counts a call of an endpoint about `whom`, and says what happens to it.
    pub fn trouble<E: Copy + PartialEq>(
        &mut self,
        rules: &[AnswerFault<E>],
        endpoint: E,
        whom: &str,
        seed: Seed,
    ) -> Option<AnswerTrouble> {
        let mut found = None;
        for (place, rule) in rules.iter().enumerate() {
            if rule.endpoint.is_some_and(|only| only != endpoint) {
                continue;
            }
            let calls = self.0.entry((whom.to_owned(), place)).or_default();
            *calls += 1;
            let nth = *calls;
            if found.is_none()
                && rule.is_for(nth)
                && seed.strikes(rule.one_in, &format!("answer/{whom}/{place}/{nth}"))
            {
                found = Some(rule.does.clone());
            }
        }
        found
    }

    /// Counts the calls about `whom` anew; all of them if nobody is said.
    pub fn forget(&mut self, whom: Option<&str>) {
        match whom {
            Some(only) => self.0.retain(|(whom, _), _| whom != only),
            None => self.0.clear(),
        }
    }
}
