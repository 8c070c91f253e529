//! The connector's own API: the four endpoints of the CorePass Connector documentation, API v1.
//!
//! There is one slot for each user and set of items. While its QR code lives, a second request gets
//! the first one's answer; from `INITIATE_SUBMITTED` (or, where the QR code has lapsed since,
//! `ACCEPTED`) to the finish it is refused; after that, or after the QR code has lapsed unaccepted,
//! it is a fresh one. `status` and `all-statuses` mix all requests of a slot.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use verilane_core::Timestamp;

use super::opening::{NewRequest, callback_url};
use super::{HISTORY, MOST_REQUESTS, Slot, World};
use crate::ican;
use crate::request::{Request, StatusView};
use crate::status::Status;

/// How far ahead a request may expire, in seconds.
const EXPIRATION: std::ops::RangeInclusive<i64> = 300..=900;

/// A refusal: answered 400 with this text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal(pub &'static str);

impl Refusal {
    /// Documented.
    pub const EXPIRATION: Self = Self(
        "expiration time is invalid, it should be unix time in seconds and between 5-15 minutes",
    );
    /// Documented.
    pub const NOT_VERIFIED: Self = Self("user does not have the requested items verified");
    /// Documented.
    pub const ONGOING: Self = Self("there is an ongoing request for this user and items");
    /// Of the sandbox's own wording, as are those that follow.
    pub const MALFORMED: Self = Self("the request body is not what this endpoint takes");
    pub(super) const NO_CORE_ID: Self = Self("user is not a valid core id");
    const NO_ITEMS: Self = Self("items must not be empty");
    const NO_URL: Self = Self("callback and statusCallback must be urls");
    const NO_REQUEST: Self = Self("there is no request for this user and items");
    const FULL: Self = Self("the sandbox holds as many requests as it can");
}

/// What `verified`, `status` and `all-statuses` are asked.
#[derive(Debug, Deserialize)]
pub struct ItemsQuestion {
    user: String,
    items: Vec<String>,
}

/// What `qrcode` is asked.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QrQuestion {
    user: String,
    items: Vec<String>,
    callback: String,
    status_callback: String,
    expiration: i64,
    #[serde(default, rename = "withoutQRCode")]
    without_qr_code: bool,
}

/// What `verified` answers. A list without members is left out.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifiedAnswer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verified_items: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    un_verified_items: Vec<String>,
}

/// What `qrcode` answers; the QR code itself is drawn from the link by whoever sends this.
#[derive(Debug, PartialEq, Eq)]
pub struct QrAnswer {
    /// What the QR code shows.
    pub link: String,
    /// Until when the request can be accepted, Unix seconds.
    pub expiration: i64,
    /// Whether an earlier request is answered with.
    pub already_sent: bool,
    /// Whether the QR code is part of the answer.
    pub with_qr_code: bool,
}

/// The canonical Core ID, and the items without duplicates in the order given.
pub(super) fn checked(user: &str, items: Vec<String>) -> Result<(String, Vec<String>), Refusal> {
    let user = ican::canonical(user).ok_or(Refusal::NO_CORE_ID)?;
    let mut distinct: Vec<String> = Vec::new();
    for item in items {
        if !distinct.contains(&item) {
            distinct.push(item);
        }
    }
    if distinct.is_empty() {
        return Err(Refusal::NO_ITEMS);
    }
    Ok((user, distinct))
}

/// The slot that a user and items stand for: the order of items does not matter.
pub(super) fn slot(user: &str, items: &[String]) -> Slot {
    let mut items = items.to_vec();
    items.sort_unstable();
    (user.to_owned(), items)
}

impl World {
    /// `POST /api/v1/blockchain/verified`. Somebody unknown has nothing verified.
    pub fn verified(&self, question: ItemsQuestion) -> Result<VerifiedAnswer, Refusal> {
        let (user, items) = checked(&question.user, question.items)?;
        let (verified_items, un_verified_items) = items
            .into_iter()
            .partition(|item| self.has_verified(&user, item));
        Ok(VerifiedAnswer {
            verified_items,
            un_verified_items,
        })
    }

    /// `POST /api/v1/kyc/qrcode`.
    pub fn qr_code(&mut self, question: QrQuestion, now: Timestamp) -> Result<QrAnswer, Refusal> {
        let (core_id, items) = checked(&question.user, question.items)?;
        let data_url = callback_url(&question.callback).ok_or(Refusal::NO_URL)?;
        let status_url = callback_url(&question.status_callback).ok_or(Refusal::NO_URL)?;
        if !EXPIRATION.contains(&question.expiration.saturating_sub(now.as_secs())) {
            return Err(Refusal::EXPIRATION);
        }
        let user = match self.roster.find(&core_id) {
            Some(user) if items.iter().all(|item| self.has_verified(&core_id, item)) => {
                Arc::clone(user)
            }
            _ => return Err(Refusal::NOT_VERIFIED),
        };
        let slot = slot(&core_id, &items);
        if !self.slots.contains_key(&slot) {
            self.plant_by_scenario(&user, &items, now);
        }
        let wants_qr_code = !question.without_qr_code;
        if let Some(earlier) = self.newest_in(&slot) {
            match (earlier.status(), earlier.has_lapsed(now)) {
                (Status::Pending, true) => {}
                _ if earlier.is_finished() => {}
                (Status::Pending | Status::Accepted, false) => {
                    return Ok(QrAnswer {
                        link: earlier.link.clone(),
                        expiration: earlier.expiration,
                        already_sent: true,
                        with_qr_code: wants_qr_code && earlier.with_qr_code,
                    });
                }
                _ => return Err(Refusal::ONGOING),
            }
        }
        self.make_room(now)?;
        let opened = self.open(
            slot,
            NewRequest {
                user,
                items,
                data_url,
                status_url,
                expiration: question.expiration,
                with_qr_code: wants_qr_code,
                planted: false,
            },
        );
        self.begin(opened, now);
        let opened = self.requests.get(&opened);
        Ok(QrAnswer {
            link: opened
                .map(|request| request.link.clone())
                .unwrap_or_default(),
            expiration: question.expiration,
            already_sent: false,
            with_qr_code: wants_qr_code,
        })
    }

    /// `POST /api/v1/kyc/status`: the newest entry of the last month.
    pub fn status(&self, question: ItemsQuestion, now: Timestamp) -> Result<StatusView, Refusal> {
        let newest = self.all_statuses(question, now)?.into_iter().next();
        newest.ok_or(Refusal::NO_REQUEST)
    }

    /// `POST /api/v1/kyc/all-statuses`: every entry of the last month, newest first.
    pub fn all_statuses(
        &self,
        question: ItemsQuestion,
        now: Timestamp,
    ) -> Result<Vec<StatusView>, Refusal> {
        let (user, items) = checked(&question.user, question.items)?;
        let numbers = self.slots.get(&slot(&user, &items)).map(Vec::as_slice);
        let mut entries: Vec<_> = numbers
            .unwrap_or_default()
            .iter()
            .filter_map(|number| self.requests.get(number))
            .flat_map(|request| request.history.iter().map(move |entry| (entry, request)))
            .filter(|(entry, _)| entry.at >= now - HISTORY)
            .collect();
        entries.sort_unstable_by_key(|(entry, _)| std::cmp::Reverse(entry.order));
        Ok(entries
            .into_iter()
            .map(|(entry, request)| request.status_view(entry))
            .collect())
    }

    /// Whether a user has a field verified, by their role and their scenario.
    fn has_verified(&self, core_id: &str, field: &str) -> bool {
        let user = self.roster.find(core_id);
        user.is_some_and(|user| user.has_verified(field))
            && self.scenario_of(core_id).lets_verify(field)
    }

    fn newest_in(&self, slot: &Slot) -> Option<&Request> {
        self.requests.get(self.slots.get(slot)?.last()?)
    }

    pub(super) fn make_room(&mut self, now: Timestamp) -> Result<(), Refusal> {
        if self.requests.len() >= MOST_REQUESTS {
            self.forget_old(now);
        }
        if self.requests.len() >= MOST_REQUESTS {
            return Err(Refusal::FULL);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{NOW, question, world};
    use super::*;

    fn items(world: &World, user: &str, items: &[&str]) -> ItemsQuestion {
        let user = &world.roster.find(user).unwrap().core_id;
        serde_json::from_value(serde_json::json!({"user": user, "items": items})).unwrap()
    }

    #[test]
    fn a_list_without_members_is_left_out_of_what_verified_answers() {
        let world = world();
        let answer = |user: &str, asked: &[&str]| {
            let answer = world.verified(items(&world, user, asked)).unwrap();
            serde_json::to_string(&answer).unwrap()
        };
        let asked = ["SH_EMAIL", "SH_Passport_DOB"];
        assert_eq!(
            answer("partial", &asked),
            r#"{"verifiedItems":["SH_EMAIL"],"unVerifiedItems":["SH_Passport_DOB"]}"#
        );
        assert_eq!(
            answer("unverified", &asked),
            r#"{"unVerifiedItems":["SH_EMAIL","SH_Passport_DOB"]}"#
        );
        assert_eq!(
            answer("accepts", &["SH_EMAIL", "SH_EMAIL"]),
            r#"{"verifiedItems":["SH_EMAIL"]}"#
        );
    }

    #[test]
    fn a_request_may_expire_five_to_fifteen_minutes_ahead_and_not_otherwise() {
        for (ahead, allowed) in [(299, false), (300, true), (900, true), (901, false)] {
            let mut world = world();
            let mut question = question(&world, "accepts", &["SH_EMAIL"]);
            question.expiration = NOW.as_secs() + ahead;
            let answer = world.qr_code(question, NOW);
            assert_eq!(answer.is_ok(), allowed, "{ahead}");
            assert!(allowed || answer == Err(Refusal::EXPIRATION));
        }
    }

    #[test]
    fn unverified_items_unknown_users_and_malformed_questions_are_refused() {
        let mut world = world();
        let ask = |world: &World, user: &str| question(world, user, &["SH_Passport_DOB"]);
        let partial = ask(&world, "partial");
        assert_eq!(world.qr_code(partial, NOW), Err(Refusal::NOT_VERIFIED));
        let mut stranger = ask(&world, "accepts");
        stranger.user = "ab22b1671b4f7ccc0b16a87514adde84513b6348232e".to_owned();
        assert_eq!(world.qr_code(stranger, NOW), Err(Refusal::NOT_VERIFIED));
        let mut mistyped = ask(&world, "accepts");
        mistyped.user.replace_range(0..4, "ab00");
        assert_eq!(world.qr_code(mistyped, NOW), Err(Refusal::NO_CORE_ID));
        let mut nothing = ask(&world, "accepts");
        nothing.items.clear();
        assert_eq!(world.qr_code(nothing, NOW), Err(Refusal::NO_ITEMS));
        for url in ["", "ftp://x/y", "http://", "a b c"] {
            let mut nowhere = ask(&world, "accepts");
            nowhere.callback = url.to_owned();
            assert_eq!(world.qr_code(nowhere, NOW), Err(Refusal::NO_URL), "{url}");
        }
    }

    #[test]
    fn the_second_request_gets_the_first_ones_answer_whatever_the_items_order() {
        let mut world = world();
        let first = question(&world, "ignores", &["SH_EMAIL", "SH_PHONE"]);
        let first = world.qr_code(first, NOW).unwrap();
        assert!(!first.already_sent);
        let later = NOW + std::time::Duration::from_secs(30);
        let mut second = question(&world, "ignores", &["SH_PHONE", "SH_EMAIL"]);
        second.expiration += 60;
        let second = world.qr_code(second, later).unwrap();
        assert_eq!(
            second,
            QrAnswer {
                already_sent: true,
                ..first
            }
        );
        // Another set of items is another slot.
        let other = question(&world, "ignores", &["SH_EMAIL"]);
        assert!(!world.qr_code(other, later).unwrap().already_sent);
    }

    #[test]
    fn a_lapsed_qr_code_makes_room_for_a_fresh_request() {
        let mut world = world();
        let first = question(&world, "ignores", &["SH_EMAIL"]);
        let first = world.qr_code(first, NOW).unwrap();
        let later = Timestamp::from_secs(first.expiration);
        let mut second = question(&world, "ignores", &["SH_EMAIL"]);
        second.expiration = later.as_secs() + 600;
        let second = world.qr_code(second, later).unwrap();
        assert!(!second.already_sent);
        assert_ne!(first.link, second.link);
        let both = world.all_statuses(items(&world, "ignores", &["SH_EMAIL"]), later);
        let times: Vec<_> = both.unwrap().iter().map(|s| s.created_at).collect();
        assert_eq!(times, [later.as_secs(), NOW.as_secs()]);
    }

    #[test]
    fn the_history_reaches_back_a_month_and_no_further() {
        let mut world = world();
        let first = question(&world, "ignores", &["SH_EMAIL"]);
        world.qr_code(first, NOW).unwrap();
        let ask = || items(&world, "ignores", &["SH_EMAIL"]);
        assert_eq!(
            world.status(ask(), NOW + HISTORY).unwrap().status,
            Status::Pending
        );
        let beyond = NOW + HISTORY + std::time::Duration::from_micros(1);
        assert_eq!(
            world.status(ask(), beyond).unwrap_err(),
            Refusal::NO_REQUEST
        );
        assert!(world.all_statuses(ask(), beyond).unwrap().is_empty());
    }
}
