//! The configuration file as it is written, before [`super::resolve`] checks the values.

use super::keys::Level;
use super::problem::Problem;
use super::syntax;
use super::table::{At, Table};

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
    pub(super) name: At<String>,
    pub(super) groups: At<Vec<String>>,
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
    pub(super) source: At<String>,
    pub(super) target: At<String>,
    pub(super) create: Option<Create>,
    pub(super) read_only: Option<bool>,
    pub(super) owner: Option<At<String>>,
}

pub(super) struct Create {
    pub(super) owner: At<String>,
    pub(super) group: At<String>,
    pub(super) mode: At<String>,
}

impl Config {
    /// Reads the text of the file.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let parsed = syntax::parse(text, Level::File)?;
        let file = Table::file(text, Level::File, parsed.get_ref())?;
        Ok(Self {
            jail_root: file.text("jail_root")?,
            namespace: file.text("namespace")?,
            services: file.list("services")?,
            exempt_groups: file.list("exempt_groups")?,
            profile: match file.tables("profile", Level::Profile)? {
                None => None,
                Some(list) => {
                    let value = list.value.iter().map(Profile::read).collect::<Result<_, _>>()?;
                    Some(At { value, line: list.line })
                }
            },
        })
    }
}

impl Profile {
    fn read(table: &Table<'_>) -> Result<Self, Problem> {
        let volumes = table.tables("volume", Level::Volume)?.map(|list| list.value).unwrap_or_default();
        Ok(Self {
            line: table.line,
            name: table.required("name", Table::text)?,
            groups: table.required("groups", Table::list)?,
            home: table.text("home")?,
            home_owner: table.text("home_owner")?,
            umask: table.text("umask")?,
            max_sessions: table.number("max_sessions")?,
            guard: table.list("guard")?,
            log: table.switch("log")?,
            names: table.switch("names")?,
            localtime: table.switch("localtime")?,
            volume: volumes.iter().map(Volume::read).collect::<Result<_, _>>()?,
        })
    }
}

impl Volume {
    fn read(table: &Table<'_>) -> Result<Self, Problem> {
        Ok(Self {
            source: table.required("source", Table::text)?,
            target: table.required("target", Table::text)?,
            create: table.table("create", Level::Create)?.map(|table| Create::read(&table)).transpose()?,
            read_only: table.switch("read_only")?,
            owner: table.text("owner")?,
        })
    }
}

impl Create {
    fn read(table: &Table<'_>) -> Result<Self, Problem> {
        Ok(Self {
            owner: table.required("owner", Table::text)?,
            group: table.required("group", Table::text)?,
            mode: table.required("mode", Table::text)?,
        })
    }
}
