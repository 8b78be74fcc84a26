//! `/etc/nsswitch.conf`: which services NSS asks for users and groups, and in which order.
//!
//! It is read to say which service did not answer, and whether a [`snapshot`](super::snapshot) has everything. No login
//! depends on it.

use crate::escape::{escaped, one_line};
use crate::fix::Fix;
use std::fmt::{self, Display};
use std::fs::File;
use std::io::{self, Read};

const PATH: &str = "/etc/nsswitch.conf";

/// In bytes. The file is a page of text; no more of it is read.
const MAX_SIZE: u64 = 64 << 10;

/// What NSS is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Passwd,
    Group,
    Shadow,
    /// Asked for the groups of a user, if it has a line; or else the groups are.
    Initgroups,
}

impl Database {
    /// Its name in the file and for getent(1).
    pub fn word(self) -> &'static str {
        match self {
            Self::Passwd => "passwd",
            Self::Group => "group",
            Self::Shadow => "shadow",
            Self::Initgroups => "initgroups",
        }
    }
}

/// The line of a database. `Display` quotes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    database: Database,
    services: Vec<Service>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Service {
    name: String,
    /// The actions in brackets after it, such as `NOTFOUND=return`.
    actions: Vec<String>,
}

impl Line {
    /// Reads the line. Without one, NSS asks `files` (nsswitch.conf(5)).
    pub fn of(database: Database) -> io::Result<Self> {
        Ok(Self::parse(database, &Self::file()?))
    }

    /// Whether every entry of users, groups and shadow is in what getent(1) lists. The first service that has an entry
    /// gives it, and those that are asked list all that they have.
    pub fn all_are_listed() -> bool {
        let Ok(text) = Self::file() else { return false };
        let is_plain = |service: &Service| {
            matches!(service.name.as_str(), "files" | "systemd") && service.actions.is_empty()
        };
        let lists_all = |database| Self::parse(database, &text).services.iter().all(is_plain);
        [Database::Passwd, Database::Group, Database::Shadow].into_iter().all(lists_all)
            && Self::find(Database::Initgroups, &text).is_none()
    }

    fn file() -> io::Result<String> {
        let mut text = Vec::new();
        match File::open(PATH) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            file => drop(file?.take(MAX_SIZE).read_to_end(&mut text)?),
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn parse(database: Database, text: &str) -> Self {
        Self::find(database, text).unwrap_or_else(|| Self::of_services(database, "files"))
    }

    fn find(database: Database, text: &str) -> Option<Self> {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let mut values =
            lines.filter_map(|line| line.trim().strip_prefix(database.word())?.trim().strip_prefix(':'));
        values.next().map(|services| Self::of_services(database, services))
    }

    fn of_services(database: Database, services: &str) -> Self {
        let line = services.replace('[', " [").replace(']', "] ");
        let mut services: Vec<Service> = Vec::new();
        let mut inside = false;
        for word in line.split_whitespace() {
            inside |= word.starts_with('[');
            if !inside {
                services.push(Service { name: word.to_owned(), actions: Vec::new() });
            } else if let Some(service) = services.last_mut() {
                let action = word.trim_matches(['[', ']']);
                service.actions.extend((!action.is_empty()).then(|| action.to_owned()));
            }
            inside &= !word.ends_with(']');
        }
        Self { database, services }
    }

    /// Services that may not answer: all but the host's own files, and systemd, which only answers for
    /// names that it makes up itself.
    fn remote(&self) -> impl Iterator<Item = &str> {
        let names = self.services.iter().map(|service| service.name.as_str());
        names.filter(|name| !matches!(*name, "files" | "compat" | "systemd" | "mymachines"))
    }

    /// The services that may be the one that did not answer, for people.
    pub(super) fn suspects(&self) -> String {
        let mut names: Vec<_> = self.remote().map(|name| escaped(name).to_string()).collect();
        if names.is_empty() {
            names.push("NSS".into());
        }
        names.join(" or ")
    }

    /// What an admin can do if a service did not answer.
    pub(super) fn fix(&self) -> Fix {
        let source = |name: &str| match name {
            "ldap" => "nslcd and the LDAP server".to_owned(),
            "sss" => "sssd".to_owned(),
            "winbind" => "winbindd".to_owned(),
            "extrausers" => "the files in /var/lib/extrausers".to_owned(),
            other => format!("the source of {}", escaped(other)),
        };
        let all: Vec<_> = self.remote().map(source).collect();
        match all.as_slice() {
            [] => format!("make sure that `getent {}` answers", self.database.word()),
            all => {
                format!(
                    "get {} working again; until then every user who could be a member is refused",
                    all.join(", or ")
                )
            }
        }
        .into()
    }

    /// A service whose failure NSS hides, and the next service, which then answers "no such entry" in its
    /// place.
    pub fn masked_failure(&self) -> Option<(&str, &str)> {
        let is_masked = |service: &Service| {
            let returns = |action: &String| {
                let (status, then) = action.split_once('=').unwrap_or_default();
                status.eq_ignore_ascii_case("UNAVAIL") && then.eq_ignore_ascii_case("return")
            };
            self.remote().any(|name| name == service.name) && !service.actions.iter().any(returns)
        };
        self.services.windows(2).find_map(|pair| match pair {
            [service, next] if is_masked(service) => Some((service.name.as_str(), next.name.as_str())),
            _ => None,
        })
    }
}

impl Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}:", self.database.word())?;
        for Service { name, actions } in &self.services {
            write!(f, " {}", one_line(name))?;
            if !actions.is_empty() {
                write!(f, " [{}]", one_line(&actions.join(" ")))?;
            }
        }
        write!(f, "` in {PATH}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(line: &str) -> Line {
        Line::parse(Database::Group, &format!("# group: x\npasswd: y\n{line}\ngroup: z\n"))
    }

    #[test]
    fn the_line_is_quoted_as_written() {
        for (line, shown) in [
            ("group: files ldap", "`group: files ldap` in /etc/nsswitch.conf"),
            ("  group :  files\tsss # more", "`group: files sss` in /etc/nsswitch.conf"),
            (
                "group: ldap [NOTFOUND=return UNAVAIL=continue]files",
                "`group: ldap [NOTFOUND=return UNAVAIL=continue] files` in /etc/nsswitch.conf",
            ),
        ] {
            assert_eq!(group(line).to_string(), shown);
        }
        assert_eq!(
            Line::parse(Database::Group, "groups: x\n").to_string(),
            "`group: files` in /etc/nsswitch.conf"
        );
    }

    #[test]
    fn the_hosts_own_files_are_not_suspected() {
        assert_eq!(group("group: files systemd ldap").suspects(), "ldap");
        assert_eq!(group("group: files sss ldap").suspects(), "sss or ldap");
        assert_eq!(group("group: files systemd").suspects(), "NSS");
    }

    #[test]
    fn the_failure_of_a_service_before_another_is_masked() {
        assert_eq!(group("group: files ldap").masked_failure(), None);
        assert_eq!(group("group: files systemd sss").masked_failure(), None);
        assert_eq!(group("group: files sss systemd").masked_failure(), Some(("sss", "systemd")));
        assert_eq!(group("group: ldap files").masked_failure(), Some(("ldap", "files")));
        assert_eq!(group("group: files sss [UNAVAIL=return] systemd").masked_failure(), None);
        assert_eq!(
            group("group: files sss [NOTFOUND=return] systemd").masked_failure(),
            Some(("sss", "systemd"))
        );
    }
}
