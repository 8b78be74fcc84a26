//! The command line: a file or folder for each verb, and what all of them print.

mod audit;
pub(crate) mod check;
mod kick;
mod list;
mod probe;
pub(crate) mod setup;
mod transcripts;
mod user_manager;
