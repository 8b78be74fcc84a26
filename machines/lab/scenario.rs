//! The scenario: what an admin and members do from the installation to the purge, in order. It is the same in each
//! system. A step that panics has failed.

mod daemons;
mod grants;
mod members;
mod package;

use crate::lab::Lab;
use crate::run::Outcome;

/// A step: a row of the table.
pub struct Step {
    pub name: &'static str,
    /// The step without which it cannot be tried.
    pub needs: Option<&'static str>,
    pub run: fn(&mut Lab) -> Outcome,
}

const INSTALL: &str = "apt install";
const SET_UP: &str = "setup --yes";

const fn step(name: &'static str, needs: Option<&'static str>, run: fn(&mut Lab) -> Outcome) -> Step {
    Step { name, needs, run }
}

pub const STEPS: &[Step] = &[
    step(INSTALL, None, package::install),
    step(SET_UP, Some(INSTALL), package::set_up),
    step("useradd -m -G sftp anna, check anna", Some(SET_UP), members::add),
    step("login with sftp from another network namespace", Some(SET_UP), members::log_in),
    step("scp", Some(SET_UP), members::scp),
    step("check --all", Some(SET_UP), members::check_all),
    step("probe anna", Some(SET_UP), members::probe),
    step("list, and kick anna", Some(SET_UP), members::list_and_kick),
    step("audit", Some(SET_UP), members::audit),
    step("a key that root keeps, with its end in UTC", Some(SET_UP), grants::keys),
    step(
        "a folder for felix: files of its owner, its end by the timer, extend, revoke",
        Some(SET_UP),
        grants::grant,
    ),
    step("an uploaded unit of systemd does not run", Some(SET_UP), members::upload_unit),
    step("ssh reloads during a session", Some(SET_UP), |lab| daemons::tell_sshd(lab, "reload")),
    step("ssh restarts during a session", Some(SET_UP), |lab| daemons::tell_sshd(lab, "restart")),
    step("undo and setup where ssh.socket starts sshd", Some(SET_UP), daemons::socket),
    step("the log daemon restarts during a session", Some(SET_UP), daemons::restart_log),
    step("logrotate during a session", Some(SET_UP), daemons::rotate_log),
    step("upgrade during a session", Some(SET_UP), package::upgrade),
    step(
        "upgrade during a transfer of 500 MB (100 MB where emulated)",
        Some(SET_UP),
        package::upgrade_in_transfer,
    ),
    step("reboot during a session", Some(SET_UP), daemons::reboot),
    step("the host's namespace: session, reboot during one", Some(SET_UP), daemons::host_namespace),
    step("setup --undo", Some(SET_UP), package::undo),
    step("apt remove while set up", Some(SET_UP), package::remove),
    step("apt purge, /etc as before", Some(INSTALL), package::purge),
    step("reboot without it", Some(INSTALL), package::reboot_without),
];
