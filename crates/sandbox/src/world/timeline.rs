//! What happens by itself, and when.
//!
//! PENDING comes with the request. One step later a willing user accepts, and one step at a time
//! the transfer goes on to CONFIRMED; one more, and the data callback goes out. Its answer makes
//! CALLBACK_SUCCEED or CALLBACK_FAILED, and a step later FINISH_SUCCESS ends it. Where it goes
//! otherwise, the scenario's course says so. A status's time is the time at which the world got to
//! it: a clock that jumps does not make statuses of the past.

use openssl::error::ErrorStack;
use verilane_core::Timestamp;

use super::{Due, World};
use crate::request::{DataDelivery, Entry};
use crate::scenario::{Course, Finish, Next};
use crate::status::Status;

impl World {
    /// Does what is due at `now`. Says whether there was anything.
    pub fn tick(&mut self, now: Timestamp) -> Result<bool, ErrorStack> {
        let mut moved = self.come_up_if_due(now);
        if self.is_down(now) {
            return Ok(moved);
        }
        while self.next_due().is_some_and(|at| at <= now) {
            let Some((_, due)) = self.due.pop_first() else {
                break;
            };
            moved = true;
            match due {
                Due::Accept(number) => {
                    let open = self.requests.get(&number).is_some_and(|request| {
                        request.status() == Status::Pending && !request.has_lapsed(now)
                    });
                    if open {
                        self.reach(number, Status::Accepted, now)?;
                    }
                }
                Due::Advance(number) => {
                    let status = self.requests.get(&number).map(|r| r.status());
                    match status.and_then(|status| self.course_of(number).next(status)) {
                        Some(Next::Status(next)) => self.reach(number, next, now)?,
                        Some(Next::Data) => self.post_data(number, now)?,
                        None => {}
                    }
                }
                Due::Later(bundle) => self.post_late(bundle),
                Due::Retry(parcel) => self.post_again(*parcel, now)?,
                Due::Finish(number) => self.finish(number, now)?,
            }
        }
        Ok(moved)
    }

    /// Writes a status into a request's history and tells nobody.
    pub(super) fn note(&mut self, number: u64, status: Status, now: Timestamp) {
        let order = self.count();
        if let Some(request) = self.requests.get_mut(&number) {
            request.history.push(Entry {
                status,
                at: now,
                order,
            });
        }
    }

    /// A status comes about: it is noted, its callback goes out, and what follows is scheduled.
    pub(super) fn reach(
        &mut self,
        number: u64,
        status: Status,
        now: Timestamp,
    ) -> Result<(), ErrorStack> {
        self.note(number, status, now);
        let course = self.course_of(number);
        let is_last = course.next(status).is_none();
        match course.notice(status) {
            Some((error, true)) => {
                self.post_failure(number, status, error, now)?;
                self.post_status(number, status, is_last, now)?;
            }
            Some((error, false)) => {
                self.post_status(number, status, is_last, now)?;
                self.post_failure(number, status, error, now)?;
            }
            None => self.post_status(number, status, is_last, now)?,
        }
        if !is_last {
            self.schedule(now + self.step, Due::Advance(number));
        }
        Ok(())
    }

    /// A try of the data callback was answered 200.
    pub(super) fn data_taken(&mut self, number: u64, now: Timestamp) -> Result<(), ErrorStack> {
        if let Some(request) = self.requests.get_mut(&number) {
            request.data = DataDelivery::Delivered;
        }
        self.reach(number, Status::CallbackSucceed, now)?;
        self.schedule(now + self.step, Due::Finish(number));
        Ok(())
    }

    /// The data callback's try number `attempt` was not answered 200.
    pub(super) fn data_refused(
        &mut self,
        number: u64,
        attempt: u32,
        is_last: bool,
        now: Timestamp,
    ) -> Result<(), ErrorStack> {
        if let Some(request) = self.requests.get_mut(&number)
            && is_last
        {
            request.data = DataDelivery::GivenUp;
        }
        self.reach(number, Status::CallbackFailed, now)?;
        if is_last || attempt == 1 && self.finish_of(number) == Finish::AfterFirstTry {
            self.schedule(now + self.step, Due::Finish(number));
        }
        Ok(())
    }

    /// Ends a request, unless it has ended before.
    fn finish(&mut self, number: u64, now: Timestamp) -> Result<(), ErrorStack> {
        let open = self.requests.get(&number).filter(|r| !r.is_finished());
        let Some(newest) = open.map(|request| request.status()) else {
            return Ok(());
        };
        match self.course_of(number).end(newest) {
            Some(end) => self.reach(number, end, now),
            None => Ok(()),
        }
    }

    fn course_of(&self, number: u64) -> Course {
        let request = self.requests.get(&number);
        request.map_or(Course::Well, |request| {
            self.scenario_of(&request.user.core_id).course.clone()
        })
    }

    fn finish_of(&self, number: u64) -> Finish {
        let request = self.requests.get(&number);
        request.map_or(Finish::default(), |request| {
            self.scenario_of(&request.user.core_id).finish
        })
    }
}
