//! Reads verifications: one, or a page of those that match.

use verilane_core::{BlindIndex, LookupKind, Pii, VerificationId};
use verilane_store::ListQuery;
use verilane_vault::IndexKind;

use super::page_token::PageToken;
use crate::engine::Engine;
use crate::{EngineError, ListVerifications, VerificationView};

impl Engine {
    /// One verification as it stands.
    ///
    /// # Errors
    /// `VERIFICATION_NOT_FOUND`, and those of the store.
    pub async fn get(&self, id: VerificationId) -> Result<VerificationView, EngineError> {
        let row = self.load(id).await?.verification;
        self.view(row)
    }

    /// A page of the verifications that match, in the order that is asked for, and the token of the next page.
    ///
    /// # Errors
    /// `PAGE_TOKEN_MALFORMED`, and those of the store.
    pub async fn list(
        &self,
        list: &ListVerifications,
    ) -> Result<(Vec<VerificationView>, Option<String>), EngineError> {
        let mut lookups = Vec::new();
        if let Some(subject) = &list.subject {
            lookups.push((LookupKind::Subject, self.subject_index(subject)));
        }
        if let Some(reference) = &list.subject_ref {
            lookups.push((LookupKind::SubjectRef, self.subject_ref_index(reference)));
        }
        for (key, value) in &list.labels {
            lookups.push((LookupKind::Label, self.label_index(key, value)));
        }
        let filter = self.mark_of(list);
        let after = list
            .page_token
            .as_deref()
            .map(|token| PageToken::parse(token, filter))
            .transpose()?
            .map(|token| token.after);
        let query = ListQuery {
            connections: list.connections.clone(),
            providers: list.providers.clone(),
            states: list.states.clone(),
            lookups,
            created_from: list.created_from,
            created_before: list.created_before,
            order: list.order,
            after,
            limit: list.page_size.saturating_add(1),
        };
        let mut rows = self.store.list(&query).await?;
        let page = usize::try_from(list.page_size).unwrap_or(usize::MAX);
        let more = rows.len() > page;
        rows.truncate(page);
        let next = rows
            .last()
            .filter(|_| more)
            .map(|last| PageToken::after(&last.verification, list.order, filter).to_string());
        let views = rows
            .into_iter()
            .map(|listed| self.view(listed.verification))
            .collect::<Result<_, _>>()?;
        Ok((views, next))
    }

    pub(crate) fn subject_index(&self, subject: &Pii<String>) -> BlindIndex {
        let parts: [&[u8]; 1] = [subject.expose().as_bytes()];
        self.keys.vault().index(IndexKind::Subject, &parts)
    }

    pub(crate) fn subject_ref_index(&self, reference: &Pii<String>) -> BlindIndex {
        let parts: [&[u8]; 1] = [reference.expose().as_bytes()];
        self.keys.vault().index(IndexKind::SubjectRef, &parts)
    }

    pub(crate) fn label_index(&self, key: &str, value: &Pii<String>) -> BlindIndex {
        let parts: [&[u8]; 2] = [key.as_bytes(), value.expose().as_bytes()];
        self.keys.vault().index(IndexKind::Label, &parts)
    }
}
