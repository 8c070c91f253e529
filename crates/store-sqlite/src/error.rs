//! Why a store could not be opened, and how SQLite's errors become the port's.

use std::path::PathBuf;

use rusqlite::ErrorCode;
use verilane_store::StoreError;

/// A store that could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process (or another store of this one) has the folder open. Retrying helps once it
    /// has let go.
    #[error("{} is in use by another process", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// Anybody may put files into the folder. Retrying helps once its mode is another.
    #[error(
        "anybody may write to {}; take that away (chmod o-w) or name another folder",
        folder.display()
    )]
    WritableByAnybody {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder or a file in it can't be made, read or locked. Retrying helps once that is
    /// mended.
    #[error("{}: {cause}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The database was written by a newer version. Retrying does not help.
    #[error("the database has schema {found}, and this version knows up to {known}")]
    NewerSchema {
        /// What the database says.
        found: u32,
        /// The newest known here.
        known: u32,
    },
    /// The file is a database, but not ours. Retrying does not help.
    #[error("{} is not a database of Verilane", path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
    },
    /// SQLite failed. Whether retrying helps depends on what it says.
    #[error("the database can't be opened: {0}")]
    Database(#[from] rusqlite::Error),
}

/// What an error of SQLite means to a reader.
pub(crate) fn read_error(error: &rusqlite::Error) -> StoreError {
    match error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..) => StoreError::Corrupt(error.to_string()),
        _ => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Corrupt(error.to_string())
            }
            _ => StoreError::Unavailable(error.to_string()),
        },
    }
}
