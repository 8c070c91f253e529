//! Has the model say what each event in the log must be: what a caller did brings some, and what the
//! provider did with a code, as it wrote it down, the others.

use std::collections::VecDeque;

use verilane_core::{Event, EventKind, Reason, Sequence, State};
use verilane_store::Store as _;

use crate::histories::playing::Outcome;
use crate::histories::running::frame;
use crate::history::History;
use crate::model::{Attempt, AttemptState, Exchange, Next, Rest};
use crate::stage::codes::{Noted, Reply};

impl History {
    /// Has the model say what each event must be.
    pub async fn explain(&mut self) -> Outcome {
        self.take_notes()?;
        let after = Sequence(self.frames.len() as u64);
        let store = &self.running().store;
        let log = store.events(after, u32::MAX).await;
        for event in log.unwrap() {
            let v = self.explain_one(&event)?;
            self.kinds.insert(event.body.kind.as_str());
            self.kinds.extend(event.body.reason.map(Reason::code));
            self.frames.push((v, frame(&event, None)));
        }
        let names: Vec<_> = self.notes.keys().cloned().collect();
        for name in names {
            while self.follow(&name)? {}
        }
        Ok(())
    }

    fn take_notes(&mut self) -> Outcome {
        let noted = std::mem::take(&mut self.lasting.codes.world.lock().noted);
        for note in noted {
            let (Noted::Code(name, ..)
            | Noted::Link(name, _)
            | Noted::Read(name)
            | Noted::Unread(name, _)) = &note;
            let name = name.clone();
            if let Noted::Code(_, reply, _) = &note {
                let taken = self.taken.entry(name.clone()).or_default();
                *taken += usize::from(!matches!(
                    reply,
                    Reply::Busy(_) | Reply::NotSent | Reply::Refuses(_)
                ));
                if *taken > 2 {
                    return Err(format!("{name} is sent for the {taken}th time"));
                }
            }
            self.notes.entry(name).or_default().push_back(note);
        }
        Ok(())
    }

    /// Takes the next thing into account that the provider did with a code. Whether there was one.
    fn follow(&mut self, name: &str) -> Outcome<bool> {
        let note = self.notes.get_mut(name).and_then(VecDeque::pop_front);
        let Some(note) = note else {
            self.notes.remove(name);
            return Ok(false);
        };
        let now = self.now();
        let code = self.codes.iter().position(|code| code.name == name);
        let code = &self.codes[code.unwrap()];
        let (v, attempt) = code.holder.ok_or("a code is sent that nobody handed in")?;
        let row = &mut self.verifications[v];
        let user = row.user;
        let exchange = row.attempts[attempt].exchange.as_mut();
        let exchange = exchange.ok_or_else(|| format!("{note:?}, and nothing waits for it"))?;
        if !matches!(exchange.next, Next::Waits(due) if due <= now) && exchange.kept.is_none() {
            return Err(format!("{note:?}, at {now:?}, and {exchange:?}"));
        }
        match note {
            Noted::Code(_, reply, is_spent) if exchange.kept.is_none() => {
                exchange.was_sent(reply, is_spent, code, now);
            }
            Noted::Link(_, link) if exchange.kept.is_some() && exchange.rest == Rest::IsThere => {
                exchange.was_followed(link, now);
            }
            Noted::Unread(_, reason) if exchange.kept.is_some() => {
                exchange.was_not_read(reason, now)
            }
            Noted::Read(_) if exchange.kept.is_some() => exchange.was_read(code, user),
            _ => return Err(format!("{note:?}, and {exchange:?}")),
        }
        Ok(true)
    }

    fn explain_one(&mut self, event: &Event) -> Outcome<usize> {
        let body = &event.body;
        if event.sequence.0 != self.frames.len() as u64 + 1 {
            return Err(format!("the log has a hole before {event:?}"));
        }
        let v = self.ids.iter().position(|id| *id == body.verification);
        let v = v.ok_or("an event of a verification that nobody created")?;
        let now = self.now();
        let state = match body.kind {
            EventKind::CodeExchanged | EventKind::DataReceived | EventKind::FailureReported => {
                self.exchanged(v, body.kind)?
            }
            EventKind::Expired => {
                let due = self.verifications[v].waits_until();
                let due = due.filter(|due| *due <= now).ok_or_else(|| {
                    format!("it expires early, at {now:?}: {:?}", self.verifications[v])
                })?;
                let is_over = due == self.verifications[v].expires;
                let reason = if is_over {
                    Reason::VerificationExpired
                } else {
                    Reason::ActionExpired
                };
                let end = (State::Expired, Some(reason));
                self.verifications[v].newest().ends(end);
                end
            }
            EventKind::RetryClosed => {
                let due = self.verifications[v].closes_at();
                due.filter(|due| *due <= now).ok_or("it closes early")?;
                self.verifications[v].state()
            }
            kind => self.called(v, kind, event)?,
        };
        let row = &mut self.verifications[v];
        row.revision += 1;
        row.moved = body.commit_time;
        if body.revision.0 != row.revision || body.attempt as usize != row.attempts.len() {
            return Err(format!("another place: {event:?}"));
        }
        // A reason stands with the event that brings the end.
        let reason = state.1.filter(|_| body.kind != EventKind::RetryClosed);
        if (body.state_after, body.reason) != (state.0, reason) {
            return Err(format!("{state:?} is due, not {event:?}"));
        }
        let is_retryable = self.verifications[v].is_retryable(body.commit_time);
        if body.retryable != is_retryable {
            return Err(format!("retryable is {is_retryable}: {event:?}"));
        }
        Ok(v)
    }

    /// An event that the provider has brought: its notes are followed up to what must bring it.
    fn exchanged(&mut self, v: usize, kind: EventKind) -> Outcome<AttemptState> {
        let now = self.now();
        let c = self.code_of(v)?;
        let name = self.codes[c].name.clone();
        loop {
            let row = &mut self.verifications[v];
            let place = row.attempts.len() - 1;
            let newest = row.newest();
            let exchange = newest.exchange.as_mut().ok_or("nothing is exchanged")?;
            match (exchange.next, kind) {
                (Next::Kept, EventKind::CodeExchanged) => {
                    exchange.kept = Some(now);
                    exchange.next = Next::Waits(now);
                    return Ok(newest.state);
                }
                (Next::Ends(end), EventKind::FailureReported) => {
                    newest.ends(end);
                    return Ok(end);
                }
                (Next::Data(end), EventKind::DataReceived) => {
                    newest.ends(end);
                    row.claims = Some(place);
                    return Ok(end);
                }
                _ => {}
            }
            if self.follow(&name)? {
                continue;
            }
            let newest = self.verifications[v].newest();
            let exchange = newest.exchange.as_mut().ok_or("nothing is exchanged")?;
            match exchange.unsent_at(&self.codes[c], now) {
                Some(next) if exchange.next != next => exchange.next = next,
                _ => return Err(format!("nothing brings {kind:?}: {exchange:?}")),
            }
        }
    }

    /// An event that a caller has brought.
    fn called(&mut self, v: usize, kind: EventKind, event: &Event) -> Outcome<AttemptState> {
        let cause = self.causes.pop_front();
        let cause = cause.filter(|cause| (cause.v, cause.kind) == (v, kind));
        let cause = cause.ok_or_else(|| format!("nothing brings {event:?}"))?;
        let now = self.now();
        let row = &mut self.verifications[v];
        match kind {
            EventKind::Created | EventKind::AttemptStarted => {
                let expires = now + row.lifetime;
                row.attempts.push(Attempt::until(expires));
            }
            EventKind::Continued => {
                let code = cause.code.ok_or("no code")?;
                let newest = row.newest();
                newest.was_handed = true;
                newest.state = (State::Processing, None);
                newest.exchange = Some(Exchange::of(code, event.body.commit_time));
            }
            EventKind::RequestDeclined => {
                let end = (State::Rejected, Some(Reason::UserDeclined));
                row.newest().ends(end);
            }
            EventKind::Cancelled => {
                let end = (State::Cancelled, Some(Reason::CancelledByCaller));
                row.attempts
                    .iter_mut()
                    .for_each(|attempt| attempt.ends(end));
            }
            _ => {}
        }
        Ok(row.state())
    }
}
