//! Page tokens of lists: opaque to callers; inside, the last row of a page, and a keyed mark of the
//! filter, so that a token under another filter is refused instead of answered with nonsense.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use verilane_core::{Reason, Timestamp, Verification, VerificationId};
use verilane_store::{ListOrder, PageMark};
use verilane_vault::IndexKind;

use crate::engine::Engine;
use crate::{EngineError, ListVerifications};

const VERSION: u8 = 1;

/// The mark of a filter.
pub(super) type FilterMark = [u8; 8];

/// What a token says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PageToken {
    pub after: PageMark,
    filter: FilterMark,
}

impl PageToken {
    /// Goes on after a row of a list in this order.
    pub(super) fn after(row: &Verification, order: ListOrder, filter: FilterMark) -> Self {
        let time = match order {
            ListOrder::Newest => row.create_time,
            ListOrder::ReviewDeadline => row.review_deadline().unwrap_or(Timestamp::MAX),
        };
        Self {
            after: PageMark { time, id: row.id },
            filter,
        }
    }

    /// Reads a token that was made under this filter.
    pub(super) fn parse(token: &str, filter: FilterMark) -> Result<Self, EngineError> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok();
        let token = bytes.as_deref().and_then(|bytes| {
            let (&VERSION, bytes) = bytes.split_first()? else {
                return None;
            };
            let (time, bytes) = bytes.split_first_chunk()?;
            let (id, filter) = bytes.split_first_chunk()?;
            Some(Self {
                after: PageMark {
                    time: Timestamp::from_micros(i64::from_be_bytes(*time)),
                    id: VerificationId::from_bytes(*id),
                },
                filter: filter.try_into().ok()?,
            })
        });
        let malformed = |why| EngineError::field(Reason::PageTokenMalformed, "page_token", why);
        let token = token.ok_or_else(|| malformed("was not made by this service"))?;
        if token.filter != filter {
            return Err(malformed("was made under another filter"));
        }
        Ok(token)
    }
}

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.after.time.as_micros().to_be_bytes());
        bytes.extend_from_slice(self.after.id.as_bytes());
        bytes.extend_from_slice(&self.filter);
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

fn sorted<'a, T>(words: &'a [T], text: impl Fn(&'a T) -> &'a str) -> Vec<&'a str> {
    let mut words: Vec<_> = words.iter().map(text).collect();
    words.sort_unstable();
    words.dedup();
    words
}

impl Engine {
    /// The mark of a list's filter; the same for the same sets in any order.
    pub(super) fn mark_of(&self, list: &ListVerifications) -> FilterMark {
        let mut parts: Vec<Vec<u8>> = vec![b"list".to_vec()];
        let mut say = |words: Vec<&str>| {
            parts.push((words.len() as u64).to_be_bytes().to_vec());
            parts.extend(words.into_iter().map(|word| word.as_bytes().to_vec()));
        };
        say(sorted(&list.connections, |name| name.as_str()));
        say(sorted(&list.providers, |name| name.as_str()));
        say(sorted(&list.states, |state| state.as_str()));
        say(match list.order {
            ListOrder::Newest => vec![],
            ListOrder::ReviewDeadline => vec!["review_deadline"],
        });
        for time in [list.created_from, list.created_before] {
            parts.push(time.map_or_else(Vec::new, |t| t.as_micros().to_be_bytes().to_vec()));
        }
        // By their indexes, so that nothing personal is copied.
        let subject = list.subject.as_ref().map(|s| self.subject_index(s));
        let reference = list.subject_ref.as_ref().map(|r| self.subject_ref_index(r));
        for index in [subject, reference] {
            parts.push(index.map_or_else(Vec::new, |index| index.as_bytes().to_vec()));
        }
        let mut labels: Vec<_> = list
            .labels
            .iter()
            .map(|(key, value)| self.label_index(key, value).as_bytes().to_vec())
            .collect();
        labels.sort_unstable();
        parts.extend(labels);
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let digest = self.keys.vault().index(IndexKind::Request, &parts);
        let mut mark = FilterMark::default();
        mark.copy_from_slice(digest.as_bytes().first_chunk::<8>().unwrap_or(&[0; 8]));
        mark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_what_it_was_made_of_and_a_broken_one_is_refused() {
        let token = PageToken {
            after: PageMark {
                time: Timestamp::from_secs(7),
                id: VerificationId::generate(),
            },
            filter: [9; 8],
        };
        let text = token.to_string();
        assert_eq!(PageToken::parse(&text, [9; 8]).unwrap(), token);
        for broken in ["", "AA", "not base64!", &text[1..], &format!("{text}A")] {
            let error = PageToken::parse(broken, [9; 8]).unwrap_err();
            assert_eq!(error.reason, Reason::PageTokenMalformed);
        }
        let error = PageToken::parse(&text, [8; 8]).unwrap_err();
        assert_eq!(error.reason, Reason::PageTokenMalformed);
    }
}
