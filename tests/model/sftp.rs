//! A whole login, through sshd and its own stack of PAM: the sample that shows that the driver does what sshd does.

use crate::model::Answer;
use crate::step::Login;
use crate::system::{System, marker};
use crate::world::{Jail, Model, USERS};
use std::collections::BTreeSet;

impl System {
    /// The answer, and what was seen. It is no answer if a session sees other things than the model says.
    pub(crate) fn sftp(&mut self, user: usize, id: u32, before: &Model) -> (Option<Answer>, String) {
        let mut during = before.clone();
        during.log_in(&Login::by_sftp(user), id);
        let jail = during.sessions.get(&id).and_then(|session| session.jail.as_ref());
        let places: Vec<_> = jail.into_iter().flat_map(|jail| jail.places.keys()).collect();
        let try_all =
            places.iter().map(|at| format!("-put /etc/hostname {at}/new\n-ls -1a {at}\n-rm {at}/new\n"));
        let batch: String = ["-ls -1a /\n".to_owned()].into_iter().chain(try_all).collect();
        let said = self.sb.sftp(USERS[user], &batch);
        self.sb.wait_for_logouts();
        // A batch of lines with a hyphen fails only where there is no session.
        let answer = match said.code {
            Some(0) => {
                let names = |line: &str| {
                    let name = line.strip_prefix('/')?.trim_end();
                    (!name.ends_with('.')).then(|| name.to_owned())
                };
                let seen: BTreeSet<_> = said.stdout.lines().filter_map(names).collect();
                match jail {
                    _ if seen.contains("proc") => Some(Answer::Free),
                    Some(jail) if seen == listed(jail) => Some(Answer::Jailed),
                    _ => None,
                }
            }
            _ => Some(Answer::Refused),
        };
        (answer, said.to_string())
    }
}

/// What the batch lists, without the first slash.
fn listed(jail: &Jail) -> BTreeSet<String> {
    let mut due: BTreeSet<String> = ["dev", "etc"].map(String::from).into();
    for (at, (folder, writable, _)) in &jail.places {
        let at = at.trim_start_matches('/');
        due.extend(at.split('/').next().map(String::from));
        if !jail.detached {
            due.insert(format!("{at}/{}", marker(folder)));
            due.extend(writable.then(|| format!("{at}/new")));
        }
    }
    due
}
