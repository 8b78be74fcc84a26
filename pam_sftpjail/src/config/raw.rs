//! The file as it may be written: every key of the design, whether this version serves it or not.
//! An unknown key is an error, because a misspelt one would otherwise be a rule that never holds.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) jail_root: Option<String>,
    pub(super) namespace: Option<Namespace>,
    pub(super) services: Option<Vec<String>>,
    pub(super) profile: Option<Vec<Profile>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Namespace {
    Private,
    Host,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    pub(super) name: String,
    pub(super) groups: Vec<String>,
    pub(super) home: Option<HomeAccess>,
    pub(super) umask: Option<String>,
    pub(super) max_sessions: Option<u32>,
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

/// Parsed, so that a misspelt key is found, and then refused as not supported yet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "volumes are known to the parser only")]
pub(super) struct Volume {
    source: String,
    target: String,
    create: Option<Create>,
    read_only: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "volumes are known to the parser only")]
struct Create {
    owner: String,
    group: String,
    mode: String,
}
