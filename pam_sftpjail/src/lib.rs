//! sftpjail: SFTP users see the home directory at its real path, their profile's volumes, and nothing else of the host.
//!
//! The crate is two things: the PAM module `pam_sftpjail.so`, and the library of the CLI. So `sftpjail check`
//! reports exactly what a login would do.
//!
//! Data flows one way, in the order of the stages below:
//!
//! `config → account → policy → grants → plan → jail → registry`
//!
//! A [`plan::Plan`] holds the descriptors that were checked, and only [`plan`] can make one. [`jail`] takes
//! nothing else. [`session`] is the only place that runs the stages one after the other, and [`pam`] is
//! where libpam enters.

// A module may use only those above it; tests/imports checks that. The blank lines keep rustfmt from sorting
// the list.

// What every stage uses.
pub mod escape;

pub mod lsm;

pub mod denied_by;
pub mod host_mounts;
pub mod name;
pub mod path;
pub mod suggestion;
pub(crate) mod sys;
pub mod systemd;

pub mod signals;

pub mod fix;

pub mod rsyslog;

pub mod confinement;

pub(crate) mod application;

pub mod forked;

pub mod nss;

pub mod error;

pub mod log;

// The stages.
pub mod config;

pub mod account;

pub mod policy;

pub mod grants;

pub mod plan;

pub mod jail;

pub mod registry;

pub mod reap;

pub mod session;

pub mod pam;

#[cfg(any(test, fuzzing))]
pub mod properties;

#[cfg(test)]
mod manuals;
