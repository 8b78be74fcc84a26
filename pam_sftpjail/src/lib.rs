//! sftpjail: an SFTP user sees one writable thing, the home directory, at its real path.
//!
//! The crate is two things: the PAM module `pam_sftpjail.so`, and the library from which the
//! command line is made, so that what `sftpjail check` says is what a login does.
//!
//! Data flows one way, in the order of the stages below:
//!
//! `config → account → policy → plan → jail → registry`
//!
//! A [`plan::Plan`] holds the descriptors that were checked and can be made by [`plan`] alone;
//! [`jail`] takes nothing else. [`session`] is the only place that composes the stages, and
//! [`pam`] is where libpam enters.

// A module names those above it only; tests/imports holds this list to that. The blank lines keep rustfmt from
// sorting it.

// What every stage uses.
pub mod denied_by;
pub mod escape;
pub mod host_mounts;
pub mod name;
pub mod path;
pub(crate) mod program;
pub(crate) mod sys;

pub mod nss;

pub mod error;

pub mod log;

// The stages.
pub mod config;

pub mod account;

pub mod policy;

pub mod plan;

pub mod jail;

pub mod registry;

pub mod reap;

pub mod session;

pub mod pam;
