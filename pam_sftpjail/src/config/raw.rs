//! The configuration file as it is written, before [`super::resolve`] checks the values. What is wrong is `None`, as what
//! is missing.

use super::keys::Level;
use super::problems::Problems;
use super::table::{At, Table};
use toml::de::DeTable;

pub(super) struct Config {
    pub(super) jail_root: Option<At<String>>,
    pub(super) namespace: Option<At<String>>,
    pub(super) services: Option<At<Vec<String>>>,
    pub(super) exempt_groups: Option<At<Vec<String>>>,
    pub(super) profile: Option<At<Vec<Profile>>>,
}

pub(super) struct Profile {
    /// The line of its header.
    pub(super) line: usize,
    pub(super) name: Option<At<String>>,
    pub(super) groups: Option<At<Vec<String>>>,
    pub(super) home: Option<At<String>>,
    pub(super) home_owner: Option<At<String>>,
    pub(super) umask: Option<At<String>>,
    pub(super) max_sessions: Option<At<u32>>,
    pub(super) guard: Option<At<Vec<String>>>,
    pub(super) log: Option<bool>,
    pub(super) names: Option<bool>,
    pub(super) localtime: Option<bool>,
    pub(super) volume: Vec<Volume>,
}

pub(super) struct Volume {
    pub(super) source: Option<At<String>>,
    pub(super) target: Option<At<String>>,
    pub(super) create: Option<Create>,
    pub(super) read_only: Option<bool>,
    pub(super) owner: Option<At<String>>,
}

pub(super) struct Create {
    pub(super) owner: Option<At<String>>,
    pub(super) group: Option<At<String>>,
    pub(super) mode: Option<At<String>>,
}

impl Config {
    /// Reads the text of the file, of which `parsed` was made.
    pub(super) fn read(text: &str, parsed: &DeTable<'_>, found: &mut Problems) -> Self {
        let file = Table::file(text, Level::File, parsed, found);
        Self {
            jail_root: file.text("jail_root", found),
            namespace: file.text("namespace", found),
            services: file.list("services", found),
            exempt_groups: file.list("exempt_groups", found),
            profile: file.tables("profile", Level::Profile, found).map(|list| At {
                value: list.value.iter().map(|table| Profile::read(table, found)).collect(),
                line: list.line,
            }),
        }
    }
}

impl Profile {
    fn read(table: &Table<'_>, found: &mut Problems) -> Self {
        let volumes = table.tables("volume", Level::Volume, found).map(|list| list.value).unwrap_or_default();
        Self {
            line: table.line,
            name: table.required("name", found, Table::text),
            groups: table.required("groups", found, Table::list),
            home: table.text("home", found),
            home_owner: table.text("home_owner", found),
            umask: table.text("umask", found),
            max_sessions: table.number("max_sessions", found),
            guard: table.list("guard", found),
            log: table.switch("log", found),
            names: table.switch("names", found),
            localtime: table.switch("localtime", found),
            volume: volumes.iter().map(|table| Volume::read(table, found)).collect(),
        }
    }
}

impl Volume {
    fn read(table: &Table<'_>, found: &mut Problems) -> Self {
        Self {
            source: table.required("source", found, Table::text),
            target: table.required("target", found, Table::text),
            create: table.table("create", Level::Create, found).map(|table| Create::read(&table, found)),
            read_only: table.switch("read_only", found),
            owner: table.text("owner", found),
        }
    }
}

impl Create {
    fn read(table: &Table<'_>, found: &mut Problems) -> Self {
        Self {
            owner: table.required("owner", found, Table::text),
            group: table.required("group", found, Table::text),
            mode: table.required("mode", found, Table::text),
        }
    }
}
