//! The command line: a file or folder for each verb, and what all of them print.

mod arguments;
mod audit;
pub(crate) mod check;
mod config;
mod denied;
mod expire;
mod grants;
mod keys;
mod kick;
mod list;
mod outside;
mod probe;
mod review;
pub(crate) mod setup;
mod sound;
mod transcripts;
mod unseen_processes;
mod user_manager;
mod writes_nothing;
