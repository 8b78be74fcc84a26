//! Reports the sshds that run with another configuration than the one that is checked, or that systemd's sockets start
//! with it: whether they let members in without a jail.

use super::running::{CHECK, configuration};
use super::{Sshd, escaped};
use crate::host::accounts::Accounts;
use crate::host::sshd::access::barred;
use crate::host::sshd::effective::expanded;
use crate::host::sshd::running::{Running, Socket};
use crate::report::Findings;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Config;
use pam_sftpjail::fix::{Command, Fix};
use pam_sftpjail::nss::Group;
use pam_sftpjail::plan::root_path;
use pam_sftpjail::policy::{Decision, decide};
use std::path::Path;

/// How many users of each group are looked up for one who is a member.
const MAX_TRIED: usize = 20;

/// An sshd with another configuration, which runs, or which systemd's socket starts at the next connection.
struct Other<'a> {
    /// The beginning of a sentence about it.
    has: String,
    /// The file of its configuration, if it is not the usual one.
    file: Option<&'a Path>,
}

impl<'a> Other<'a> {
    fn running(running: &'a Running) -> Self {
        let file = running.file();
        Self { has: format!("{} has {}", running.name(), configuration(file)), file }
    }

    fn of_socket(socket: &'a Socket) -> Self {
        let file = socket.file.as_deref();
        Self { has: format!("{} with {}", socket.starts(), configuration(file)), file }
    }
}

/// Reports them. `user`: the one who is checked; without one, a member of each group of a profile is asked about.
pub(in crate::check) fn describe(
    sshd: &Sshd,
    config: &Config,
    user: Option<&str>,
    accounts: &Accounts,
    findings: &mut Findings,
) {
    let running = sshd.daemon.others().map(Other::running);
    let others: Vec<_> = running.chain(sshd.daemon.sockets_of_others().map(Other::of_socket)).collect();
    if others.is_empty() {
        return;
    }
    let members: Vec<_> = match user {
        Some(user) => member(user, config).into_iter().collect(),
        None => config.groups().filter_map(|group| first_member(group, config, accounts)).collect(),
    };
    for Other { has, file } in others {
        let path = file;
        let file = path.map(root_path);
        let look = match &file {
            None => Some(Command::new("sftpjail check")),
            Some(Some(file)) => Some(Command::new("sftpjail check --sshd-config").arg(file)),
            Some(None) => None,
        };
        // Whoever can change its files could let root run what they say.
        let Some(look) = look else {
            findings.warned(
                CHECK,
                format!("{has}, which others than root can change"),
                "let only root own and write that file, after a look at what is in it",
            );
            continue;
        };
        match unjailed(path, &members, config) {
            Ok(None) => findings.passed(CHECK, format!("{has}; to check that one: {look}")),
            Ok(Some(evidence)) => findings.warned(
                CHECK,
                format!("{has}, and lets {evidence}"),
                Fix::from(look)
                    .explained("jail members there as well, or keep them out of it; to see what is wrong"),
            ),
            Err(why) => findings.warned(
                CHECK,
                format!("{has}, and it is not known whether it jails members: {why}"),
                Fix::from(look).explained("see what is wrong with it"),
            ),
        }
    }
}

/// The first of these members whom an sshd lets in without a jail. The error: it does not answer.
fn unjailed(file: Option<&Path>, members: &[Account], config: &Config) -> Result<Option<String>, String> {
    let mut asked = Sshd::find(file).map_err(|error| error.into_error().what)?;
    for account in members.iter().filter(|account| !account.name.contains(',')) {
        for connection in asked.connections.clone() {
            let settings =
                asked.settings(&account.name, &connection).map_err(|error| error.into_error().what)?;
            let is_barred = barred(&settings, account).map_err(|error| error.to_string())?.is_some();
            let chroot = settings.get("ChrootDirectory").unwrap_or("none");
            let jail = config.jail_root.absolute().join(&account.name);
            if !is_barred && expanded(chroot, account) != jail {
                let name = escaped(&account.name);
                return Ok(Some(format!(
                    "{name} in without a jail (ChrootDirectory is {} there)",
                    escaped(chroot)
                )));
            }
        }
    }
    Ok(None)
}

/// The first user of this group who is a member.
fn first_member(group: &str, config: &Config, accounts: &Accounts) -> Option<Account> {
    let group = Group::by_name(group).ok()??;
    let listed = group.members.iter().map(String::as_str);
    let all = listed.chain(accounts.with_primary_group(group.gid.as_raw())).take(MAX_TRIED);
    all.into_iter().find_map(|name| member(name, config))
}

fn member(name: &str, config: &Config) -> Option<Account> {
    let account = Account::lookup(name, config).ok()?;
    matches!(decide(config, &account), Decision::Jail { .. }).then_some(account)
}
