//! The keys of the configuration: which table has them, and what a value that was written wrongly was meant to be.

use crate::escape::is_plain;
use crate::suggestion::{nearest, within};

/// One of the tables of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    File,
    Profile,
    Volume,
    Create,
    /// The whole file of a user's grants.
    Grants,
    Grant,
}

/// A key, with an example of its line.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) example: &'static str,
}

/// The type of a value.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Text,
    /// A list of texts.
    List,
    /// `true` or `false`.
    Switch,
    Number,
    /// A date and a time, with its zone.
    Moment,
    /// A mode, as a text of octal digits.
    Mode,
    /// One of these words.
    Word(&'static [&'static str]),
    Table,
    /// Tables, each with a header of its own.
    Tables,
}

pub(crate) const NAMESPACES: &[&str] = &["private", "host"];
pub(crate) const HOMES: &[&str] = &["read-write", "read-only", "none"];
pub(crate) const ACCESS: &[&str] = &["read-write", "read-only"];

const FILE: &[Key] = &[
    key("jail_root", Kind::Text, "jail_root = \"/jail\""),
    key("namespace", Kind::Word(NAMESPACES), "namespace = \"private\""),
    key("services", Kind::List, "services = [\"sshd\"]"),
    key("exempt_groups", Kind::List, "exempt_groups = [\"sudo\"]"),
    key("profile", Kind::Tables, "[[profile]]"),
];

const PROFILE: &[Key] = &[
    key("name", Kind::Text, "name = \"home\""),
    key("groups", Kind::List, "groups = [\"sftp\"]"),
    key("home", Kind::Word(HOMES), "home = \"read-write\""),
    key("home_owner", Kind::Text, "home_owner = \"web\""),
    key("umask", Kind::Mode, "umask = \"027\""),
    key("max_sessions", Kind::Number, "max_sessions = 10"),
    key("guard", Kind::List, "guard = [\".ssh\"]"),
    key("log", Kind::Switch, "log = true"),
    key("names", Kind::Switch, "names = true"),
    key("localtime", Kind::Switch, "localtime = true"),
    key("volume", Kind::Tables, "[[profile.volume]]"),
];

const VOLUME: &[Key] = &[
    key("source", Kind::Text, "source = \"/srv/sftp/%u\""),
    key("target", Kind::Text, "target = \"/uploads\""),
    key("create", Kind::Table, "create = { owner = \"%u\", group = \"%g\", mode = \"0750\" }"),
    key("read_only", Kind::Switch, "read_only = true"),
    key("owner", Kind::Text, "owner = \"web\""),
];

const CREATE: &[Key] = &[
    key("owner", Kind::Text, "owner = \"%u\""),
    key("group", Kind::Text, "group = \"%g\""),
    key("mode", Kind::Mode, "mode = \"0750\""),
];

const GRANTS: &[Key] = &[key("grant", Kind::Tables, "[[grant]]")];

const GRANT: &[Key] = &[
    key("folder", Kind::Text, "folder = \"/srv/www/media\""),
    key("at", Kind::Text, "at = \"/media\""),
    key("access", Kind::Word(ACCESS), "access = \"read-write\""),
    key("owner", Kind::Text, "owner = \"web\""),
    key("since", Kind::Moment, "since = 2026-11-26T09:00:00+01:00"),
    key("until", Kind::Moment, "until = 2026-12-10T18:00:00+01:00"),
    key("from", Kind::List, "from = [\"192.0.2.0/24\"]"),
    key("key", Kind::Text, "key = \"SHA256:…\""),
    key("note", Kind::Text, "note = \"contract 4711\""),
];

const fn key(name: &'static str, kind: Kind, example: &'static str) -> Key {
    Key { name, kind, example }
}

impl Level {
    /// The tables of the file that has this one, outermost first.
    pub(crate) fn of_file(self) -> &'static [Self] {
        match self {
            Self::File | Self::Profile | Self::Volume | Self::Create => {
                &[Self::File, Self::Profile, Self::Volume, Self::Create]
            }
            Self::Grants | Self::Grant => &[Self::Grants, Self::Grant],
        }
    }

    /// The table that has this key, in the same file; the outermost, if there are several.
    pub(crate) fn with(self, key: &str) -> Option<Self> {
        self.of_file().iter().copied().find(|level| level.key(key).is_some())
    }

    fn keys(self) -> &'static [Key] {
        match self {
            Self::File => FILE,
            Self::Profile => PROFILE,
            Self::Volume => VOLUME,
            Self::Create => CREATE,
            Self::Grants => GRANTS,
            Self::Grant => GRANT,
        }
    }

    pub(crate) fn key(self, name: &str) -> Option<&'static Key> {
        self.keys().iter().find(|key| key.name == name)
    }

    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        self.keys().iter().map(|key| key.name)
    }

    /// The key of this table that is at most `changes` away.
    pub(crate) fn nearest(self, changes: usize, name: &str) -> Option<&'static str> {
        within(changes, name, self.names())
    }

    /// The table in a sentence.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::File | Self::Grants => "the file",
            Self::Profile => "a profile",
            Self::Volume => "a volume",
            Self::Create => "create",
            Self::Grant => "a grant",
        }
    }

    /// Where a line of the table has to be. `now`: the table in which it is.
    pub(crate) fn place(self, now: Self) -> &'static str {
        match (self, now) {
            (Self::File, _) => "above the first [[profile]]",
            // Below, it would be the volume's.
            (Self::Profile, Self::Volume | Self::Create) => "above [[profile.volume]]",
            (Self::Profile, _) => "below a [[profile]]",
            (Self::Volume, _) => "below a [[profile.volume]]",
            (Self::Create, _) => "into create = { … }",
            (Self::Grants, _) => "at the beginning of a line",
            (Self::Grant, _) => "below a [[grant]]",
        }
    }
}

impl Key {
    /// The line that was probably meant by this value, as it is written; or else an example.
    pub(crate) fn meant(&self, value: &str) -> String {
        let meant = match self.kind {
            Kind::Text => plain_text(value).map(quoted),
            Kind::Mode => plain_text(value).and_then(mode),
            Kind::List => list(value),
            Kind::Switch => plain_text(value).and_then(switch),
            Kind::Number => plain_text(value).and_then(number),
            Kind::Word(words) => return self.word(plain_text(value).unwrap_or_default(), words),
            Kind::Moment | Kind::Table | Kind::Tables => None,
        };
        match meant {
            Some(value) => format!("{} = {value}", self.name),
            None => self.example.to_owned(),
        }
    }

    /// The word that is nearest, or all of them.
    fn word(&self, value: &str, words: &[&'static str]) -> String {
        let typed = value.to_lowercase().replace(['_', ' '], "-");
        let typed = match (self.name, typed.as_str()) {
            ("home" | "access", "rw" | "true" | "yes" | "readwrite") => "read-write",
            ("home" | "access", "ro" | "readonly") => "read-only",
            ("home", "false" | "no") => "none",
            _ => &typed,
        };
        let line = |word: &str| format!("{} = \"{word}\"", self.name);
        match nearest(typed, words.iter().copied()) {
            Some(word) => line(word),
            None => words.iter().map(|word| line(word)).collect::<Vec<_>>().join(" or "),
        }
    }
}

/// The value without quotes and without the brackets of a list, if it is one value in which nothing would need an
/// escape.
fn plain_text(value: &str) -> Option<&str> {
    let quotes = ['"', '\'', '“', '”', '„', '‘', '’'];
    let value = value.trim();
    let value = value.strip_prefix('[').and_then(|value| value.strip_suffix(']')).unwrap_or(value);
    let text = value.trim().trim_matches(quotes).trim();
    let is_clean =
        |c: char| !quotes.contains(&c) && !matches!(c, '\\' | '[' | ']' | '{' | '}' | '#' | ',' | '=');
    (!text.is_empty() && is_plain(text) && text.chars().all(is_clean)).then_some(text)
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn list(value: &str) -> Option<String> {
    let inner = value.trim().trim_start_matches('[').trim_end_matches(']');
    let items = inner.split(',').map(str::trim).filter(|item| !item.is_empty());
    let items: Option<Vec<_>> = items.map(|item| plain_text(item).map(quoted)).collect();
    items.filter(|items| !items.is_empty()).map(|items| format!("[{}]", items.join(", ")))
}

fn mode(text: &str) -> Option<String> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    let is_mode = digits.len() <= 4 && digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    is_mode.then(|| format!("\"{digits:0>3}\""))
}

fn switch(text: &str) -> Option<String> {
    match text.to_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some("true".into()),
        "false" | "no" | "off" | "0" => Some("false".into()),
        _ => None,
    }
}

fn number(text: &str) -> Option<String> {
    let text =
        text.split_once('.').filter(|(_, rest)| rest.bytes().all(|b| b == b'0')).map_or(text, |(n, _)| n);
    text.parse::<u32>().ok().filter(|number| *number > 0).map(|number| number.to_string())
}
