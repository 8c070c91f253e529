//! How domain values stand in columns, for reading; for writing they give their bytes, words and
//! numbers themselves.

use std::time::Duration;

use rusqlite::types::{FromSql, FromSqlError, Type};
use rusqlite::{Error, Result, Row};
use verilane_core::{
    BlindIndex, ConnectionName, Principal, ProviderName, ProviderStatus, Reason, Revision, Sealed,
    Sequence, Timestamp, VerificationId, Wrapped,
};

/// A count as SQLite keeps it. No store lives to see one beyond `i64::MAX`.
pub(crate) fn int(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A span of time, in microseconds.
pub(crate) fn span(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// The cells of a row, taken one after the other in the order in which the query names them.
pub(crate) struct Cells<'r, 's> {
    row: &'r Row<'s>,
    next: usize,
}

impl<'r, 's> Cells<'r, 's> {
    /// From the first cell on.
    pub(crate) fn of(row: &'r Row<'s>) -> Self {
        Self { row, next: 0 }
    }

    pub(crate) fn get<T: FromSql>(&mut self) -> Result<T> {
        let value = self.row.get(self.next)?;
        self.next += 1;
        Ok(value)
    }

    /// A whole number that fits.
    pub(crate) fn count<T: TryFrom<i64>>(&mut self) -> Result<T> {
        let at = self.next;
        let value: i64 = self.get()?;
        T::try_from(value).map_err(|_| Error::IntegralValueOutOfRange(at, value))
    }

    pub(crate) fn id<T>(&mut self, from_bytes: fn([u8; 16]) -> T) -> Result<T> {
        self.get().map(from_bytes)
    }

    pub(crate) fn maybe_id<T>(&mut self, from_bytes: fn([u8; 16]) -> T) -> Result<Option<T>> {
        Ok(self.get::<Option<[u8; 16]>>()?.map(from_bytes))
    }

    pub(crate) fn verification(&mut self) -> Result<VerificationId> {
        self.id(VerificationId::from_bytes)
    }

    /// A verification, if there is one.
    pub(crate) fn maybe_verification(&mut self) -> Result<Option<VerificationId>> {
        let bytes: Option<[u8; 16]> = self.get()?;
        Ok(bytes.map(VerificationId::from_bytes))
    }

    /// A word that must be known.
    pub(crate) fn word<T>(&mut self, parse: impl FnOnce(&str) -> Option<T>) -> Result<T> {
        let at = self.next;
        let word = self.maybe_word(parse)?;
        word.ok_or_else(|| unreadable(at))
    }

    /// A word that must be known, if there is one.
    pub(crate) fn maybe_word<T>(
        &mut self,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>> {
        let at = self.next;
        let text = self.row.get_ref(at)?.as_str_or_null()?;
        self.next += 1;
        text.map(|text| parse(text).ok_or_else(|| unreadable(at)))
            .transpose()
    }

    pub(crate) fn maybe_number<T>(
        &mut self,
        parse: impl FnOnce(u8) -> Option<T>,
    ) -> Result<Option<T>> {
        let at = self.next;
        let number: Option<u8> = self.get()?;
        number
            .map(|number| parse(number).ok_or_else(|| unreadable(at)))
            .transpose()
    }

    pub(crate) fn reason(&mut self) -> Result<Option<Reason>> {
        self.maybe_word(Reason::from_code)
    }

    pub(crate) fn reasons(&mut self) -> Result<Vec<Reason>> {
        let words = |text: &str| text.split(',').map(Reason::from_code).collect();
        Ok(self.maybe_word(words)?.unwrap_or_default())
    }

    pub(crate) fn connection(&mut self) -> Result<ConnectionName> {
        self.word(|name| ConnectionName::new(name).ok())
    }

    pub(crate) fn provider(&mut self) -> Result<ProviderName> {
        self.word(|name| ProviderName::new(name).ok())
    }

    pub(crate) fn principal(&mut self) -> Result<Principal> {
        self.word(|name| Some(Principal::new(name)))
    }

    pub(crate) fn status(&mut self) -> Result<Option<ProviderStatus>> {
        Ok(self.get::<Option<String>>()?.map(ProviderStatus::from))
    }

    pub(crate) fn time(&mut self) -> Result<Timestamp> {
        self.get().map(Timestamp::from_micros)
    }

    pub(crate) fn maybe_time(&mut self) -> Result<Option<Timestamp>> {
        Ok(self.get::<Option<i64>>()?.map(Timestamp::from_micros))
    }

    pub(crate) fn maybe_span(&mut self) -> Result<Option<Duration>> {
        let at = self.next;
        let micros: Option<i64> = self.get()?;
        micros
            .map(|micros| {
                let fits = u64::try_from(micros).map(Duration::from_micros);
                fits.map_err(|_| Error::IntegralValueOutOfRange(at, micros))
            })
            .transpose()
    }

    pub(crate) fn revision(&mut self) -> Result<Revision> {
        self.count().map(Revision)
    }

    pub(crate) fn maybe_revision(&mut self) -> Result<Option<Revision>> {
        let at = self.next;
        let count: Option<i64> = self.get()?;
        count
            .map(|value| {
                let fits = u64::try_from(value).map(Revision);
                fits.map_err(|_| Error::IntegralValueOutOfRange(at, value))
            })
            .transpose()
    }

    pub(crate) fn sequence(&mut self) -> Result<Sequence> {
        self.count().map(Sequence)
    }

    pub(crate) fn sealed(&mut self) -> Result<Sealed> {
        self.get().map(Sealed::new)
    }

    pub(crate) fn maybe_sealed(&mut self) -> Result<Option<Sealed>> {
        Ok(self.get::<Option<Vec<u8>>>()?.map(Sealed::new))
    }

    pub(crate) fn wrapped(&mut self) -> Result<Wrapped> {
        self.get().map(Wrapped::new)
    }

    pub(crate) fn digest(&mut self) -> Result<BlindIndex> {
        self.get().map(BlindIndex::new)
    }
}

fn unreadable(at: usize) -> Error {
    Error::FromSqlConversionFailure(at, Type::Text, Box::new(FromSqlError::InvalidType))
}

/// Reasons as one column keeps them: their codes with commas between, or nothing.
pub(crate) fn reasons(reasons: &[Reason]) -> Option<String> {
    let codes: Vec<_> = reasons.iter().map(|reason| reason.code()).collect();
    (!codes.is_empty()).then(|| codes.join(","))
}
