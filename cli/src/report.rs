//! What the verbs report, and how it is written: findings, errors, exit statuses; text, tables, CSV and JSON.
//!
//! It gets plain values and writes them. Nothing here reads the host, except that a location follows its
//! file's symlinks for the command that edits the file.

pub(crate) mod check_name;
pub(crate) mod conclusion;
pub(crate) mod consequence;
pub(crate) mod csv;
pub(crate) mod error;
pub(crate) mod findings;
pub(crate) mod json;
pub(crate) mod location;
pub(crate) mod outside;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
pub(crate) mod status;
pub(crate) mod streams;
pub(crate) mod table;
pub(crate) mod terminal;
pub(crate) mod text;

pub(crate) use check_name::SshdCheck;
pub(crate) use conclusion::Conclusion;
pub(crate) use consequence::Consequence;
pub(crate) use error::Error;
pub(crate) use findings::{Finding, Findings, Outcome};
pub(crate) use location::Location;
pub(crate) use outside::Outside;
pub(crate) use status::Status;
