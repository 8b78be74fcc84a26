//! Requests that ask for names and homes of accounts, and for a server's limits; and handles that nobody was given.

use super::client::*;
use super::model::HOME;
use super::session::{Expect, Session, shown};

/// The home of nobody, where NSS makes that account up.
const NOBODYS: &str = "/";

impl Session<'_> {
    /// Of all accounts and groups, the jail names those that are known to it.
    pub(super) fn accounts(&mut self, names: &[String], uids: &[u32], gids: &[u32]) {
        for (group, ids) in [(false, uids), (true, gids)] {
            for id in ids {
                let id = id.to_be_bytes();
                let (users, groups): (&[u8], &[u8]) = if group { (b"", &id) } else { (&id, b"") };
                let fields = [Field::Text(users), Field::Text(groups)];
                let answer = self.client.extended("users-groups-by-id@openssh.com", &fields);
                self.judge("users-groups-by-id", &answer, true);
                let Answer::Extended(answer) = &answer else { continue };
                let mut lists = Reader(answer);
                let (users, groups) = (lists.text(), lists.text());
                let name = shown(Reader(if group { groups } else { users }).text());
                let is_known = name.is_empty() || self.known.contains(&name);
                self.same(format_args!("name of {id:?} (group: {group}): {name}"), &is_known, &true);
            }
        }
        for name in names {
            let path = format!("~{name}");
            for (extension, asked) in [("home-directory", name), ("expand-path@openssh.com", &path)] {
                let answer = self.client.extended(extension, &[Field::Text(asked.as_bytes())]);
                let due = if self.known.contains(name) { Expect::Either } else { Expect::Refused };
                self.judge(format_args!("{extension} {asked}"), &answer, due);
                // OpenSSH says of every account that it finds the home of the member.
                let Answer::Names(said) = &answer else { continue };
                let is_known = [HOME, "/root", NOBODYS].contains(&shown(&said[0].0).as_str());
                self.same(format_args!("{extension} {asked}: {said:?}"), &is_known, &true);
            }
        }
    }

    /// Handles that are closed, that nobody was given, and that are none.
    pub(super) fn handles(&mut self) {
        let opened = self.of_path(OPENDIR, b".");
        self.close(&opened);
        let mut handles: Vec<Vec<u8>> = (0..20_u32).map(|number| number.to_be_bytes().to_vec()).collect();
        handles.extend([u32::MAX, u32::MAX / 2, 1 << 31].map(|number| number.to_be_bytes().to_vec()));
        handles.extend([vec![], vec![0], vec![0; 5], vec![0; 300]]);
        for handle in &handles {
            let one = [Field::Text(handle)];
            let all =
                [Field::Text(handle), Field::Long(0), Field::Long(0), Field::Text(handle), Field::Long(0)];
            let mode = Attributes { mode: Some(0o777), ..Attributes::default() };
            for answer in [
                self.read(handle),
                self.write(handle, b"written"),
                self.client.ask(FSTAT, &one),
                self.set(FSETSTAT, handle, mode),
                self.client.ask(READDIR, &one),
                self.client.ask(CLOSE, &one),
                self.client.extended("fsync@openssh.com", &one),
                self.client.extended("fstatvfs@openssh.com", &one),
                self.client.extended("copy-data", &all),
            ] {
                self.judge(format_args!("handle {handle:?}"), &answer, false);
            }
        }
    }

    pub(super) fn limits(&mut self) {
        let answer = self.client.extended("limits@openssh.com", &[]);
        self.judge("limits", &answer, true);
    }
}
