//! The files of a host, as the model has it.

use crate::step::{Group, Home, Namespace, Outage};
use crate::world::{FOLDERS, Model, OWNER, USERS, VOLUMES, home};
use std::collections::BTreeMap;

/// 2030-01-01T00:00:00Z, the model's minute 0.
pub(crate) const BEGINNING: u64 = 1_893_456_000;
/// Of the first user; the others follow.
pub(crate) const UID: usize = 7001;

/// What does not depend on the model.
pub(crate) struct Files {
    /// passwd and group without the model's users.
    pub(crate) stock: [String; 2],
    /// Fingerprints of the keys.
    pub(crate) fingerprints: [String; 2],
}

impl Files {
    /// All that the model says something about. `None`: the file is not there.
    pub(crate) fn of(&self, model: &Model) -> BTreeMap<String, Option<String>> {
        let passwd = Some(self.passwd(model));
        let group = self.groups(model).filter(|_| model.outage != Some(Outage::GroupFile));
        let directory = Some(members(model, Group::Partners, 6002)).filter(|_| model.outage.is_none());
        let mut files = BTreeMap::from([
            ("/etc/passwd".into(), passwd),
            ("/etc/group".into(), group),
            ("/var/lib/extrausers/group".into(), directory),
            ("/etc/sftpjail/config.toml".into(), Some(configuration(model))),
        ]);
        for (n, user) in USERS.iter().enumerate() {
            let text = self.grants(model, n);
            files.insert(grants_of(user), (!text.is_empty()).then_some(text));
        }
        files
    }

    fn passwd(&self, model: &Model) -> String {
        let mut text = self.stock[0].clone();
        for (n, user) in USERS.iter().enumerate() {
            let (uid, home) = (UID + n, home(n, model.users[n].home));
            // No password, and so nothing in shadow.
            text.push_str(&format!("{user}:*:{uid}:{uid}::{home}:/bin/sh\n"));
        }
        text
    }

    fn groups(&self, model: &Model) -> Option<String> {
        let mut text = String::new();
        for line in self.stock[1].lines() {
            let group = match line.split(':').next()? {
                "sftp" => Some(Group::Sftp),
                "guest" => Some(Group::Guest),
                "admins" => Some(Group::Admins),
                _ => None,
            };
            let gid = line.split(':').nth(2)?.parse().ok()?;
            let entry = group.map_or_else(|| format!("{line}\n"), |group| members(model, group, gid));
            text.push_str(&entry);
        }
        USERS.iter().enumerate().for_each(|(n, user)| text.push_str(&format!("{user}:x:{}:\n", UID + n)));
        Some(text)
    }

    fn grants(&self, model: &Model, user: usize) -> String {
        let user = &model.users[user];
        let mut text = String::new();
        if user.grants_broken {
            text.push_str("[[grant]]\nfolder = 7\n");
        }
        for (folder, grant) in &user.grants {
            let access = if grant.writable { "read-write" } else { "read-only" };
            let lines = [
                Some(format!("[[grant]]\nfolder = \"{}\"\naccess = \"{access}\"", FOLDERS[*folder])),
                grant.owned.then(|| format!("owner = \"{OWNER}\"")),
                grant.since.map(|since| format!("since = {}", moment(since))),
                grant.until.map(|until| format!("until = {}", moment(until))),
                grant.near_only.then(|| "from = [\"192.0.2.0/24\"]".into()),
                grant.key.map(|key| format!("key = \"{}\"", self.fingerprints[key as usize])),
            ];
            lines.into_iter().flatten().for_each(|line| text.push_str(&(line + "\n")));
        }
        text
    }
}

/// The file of a user's grants.
pub(crate) fn grants_of(user: &str) -> String {
    format!("/etc/sftpjail/grants.d/{user}.toml")
}

fn members(model: &Model, group: Group, gid: u32) -> String {
    let name = name(group);
    let members = USERS.iter().zip(&model.users).filter(|(_, user)| user.groups.contains(&group));
    let members: Vec<_> = members.map(|(name, _)| *name).collect();
    format!("{name}:x:{gid}:{}\n", members.join(","))
}

fn name(group: Group) -> &'static str {
    match group {
        Group::Sftp => "sftp",
        Group::Guest => "guest",
        Group::Partners => "partners",
        Group::Admins => "admins",
    }
}

fn configuration(model: &Model) -> String {
    if model.config.broken {
        return "namespace = 7\n".into();
    }
    let namespace = if model.config.namespace == Namespace::Host { "host" } else { "private" };
    let mut text = format!("namespace = \"{namespace}\"\nexempt_groups = [\"admins\"]\n");
    for profile in model.config.profiles.iter().filter(|profile| profile.listed) {
        let name = name(profile.group);
        let home = match profile.home {
            Home::ReadWrite => "read-write",
            Home::ReadOnly => "read-only",
            Home::None => "none",
        };
        text.push_str(&format!("[[profile]]\nname = \"{name}\"\ngroups = [\"{name}\"]\nhome = \"{home}\"\n"));
        profile.max.iter().for_each(|max| text.push_str(&format!("max_sessions = {max}\n")));
        for ((at, source, writable), has) in VOLUMES.iter().zip(profile.volumes) {
            if has {
                let only = !writable;
                text.push_str(&format!(
                    "[[profile.volume]]\nsource = \"{source}\"\ntarget = \"{at}\"\nread_only = {only}\n"
                ));
            }
        }
    }
    text
}

/// A minute of the model's, as a file of grants has it.
fn moment(minute: u32) -> String {
    let (day, hour, minute) = (1 + minute / 1440, minute / 60 % 24, minute % 60);
    format!("2030-01-{day:02}T{hour:02}:{minute:02}:00Z")
}
