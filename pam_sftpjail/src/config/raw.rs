//! The configuration file as serde reads it, before [`super::resolve`] checks the values.
//!
//! An unknown key is an error: otherwise a misspelt one would be a rule that never applies.

use super::Namespace;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) jail_root: Option<String>,
    pub(super) namespace: Option<Namespace>,
    pub(super) services: Option<Vec<String>>,
    pub(super) exempt_groups: Option<Vec<String>>,
    pub(super) profile: Option<Vec<Profile>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    pub(super) name: String,
    pub(super) groups: Vec<String>,
    pub(super) home: Option<HomeAccess>,
    pub(super) umask: Option<String>,
    pub(super) max_sessions: Option<u32>,
    pub(super) guard: Option<Vec<String>>,
    pub(super) log: Option<bool>,
    pub(super) names: Option<bool>,
    pub(super) localtime: Option<bool>,
    pub(super) volume: Option<Vec<Volume>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum HomeAccess {
    ReadWrite,
    ReadOnly,
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Volume {
    pub(super) source: String,
    pub(super) target: String,
    pub(super) create: Option<Create>,
    pub(super) read_only: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    pub(super) owner: String,
    pub(super) group: String,
    pub(super) mode: String,
}
