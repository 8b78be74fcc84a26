//! Why a log cannot be read, as plain data.

use std::io;

/// Why a log cannot be read.
pub(crate) struct Unreadable {
    /// Its name, escaped.
    pub(crate) name: String,
    pub(crate) why: Why,
}

/// The reason.
pub(crate) enum Why {
    Missing,
    Directory,
    /// It is compressed with this program.
    Compressed(&'static str),
    Failed(io::Error),
}
