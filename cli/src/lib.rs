//! `sftpjail`: parses the command line, calls the verb, and gives its exit status. No module names this file.
#![forbid(unsafe_code)]

mod arguments;
mod audit;
mod check;
mod config;
mod desired;
mod expire;
mod grants;
mod host;
mod keys;
mod kick;
mod list;
mod probe;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod reap;
mod report;
mod review;
mod setup;
mod user_manager;
mod writing;

use arguments::{Arguments, ConfigVerb, GrantsVerb, HiddenVerb, ReportsVerb, Verb};
use clap::CommandFactory;
use kick::Target;
use pam_sftpjail::forked::pass_on_standard_descriptors_only;
use report::{Status, json, streams};
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// The command line, of which the manual pages and the completions are made.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

pub fn main() -> ExitCode {
    // Where the kernel cannot do it, it cannot build jails either.
    let _ = pass_on_standard_descriptors_only();
    let arguments = Arguments::read();
    let mut out = streams::stdout();
    let config = arguments.config.as_deref();
    let result = match arguments.verb {
        Verb::Check { user, trial, all: _, sshd, json } => {
            let (user, sshd_config) = (user.as_deref(), sshd.path());
            let request = check::Request { config, sshd_config, user, is_trial: trial, json };
            check::run(&request, &mut out)
        }
        Verb::List { json, .. } => list::run(json, &mut out),
        Verb::Kick { user, pid, force, json, .. } => {
            let target = match (&user, pid) {
                (_, Some(pid)) => Target::Pid(pid),
                (user, None) => Target::User(user.as_deref().unwrap_or_default()),
            };
            kick::run(&target, force, json, &mut out)
        }
        Verb::Expire { json, .. } => expire::run(json, &mut out),
        Verb::Keys { user, key_type, key, .. } => {
            keys::run(&user, key_type.as_deref().zip(key.as_deref()), &mut out)
        }
        Verb::Grants(GrantsVerb::Grant(options)) => grants::grant(config, &options, &mut out),
        Verb::Grants(GrantsVerb::Grants(options)) => grants::list(config, &options, &mut out),
        Verb::Grants(GrantsVerb::Extend(options)) => grants::extend(config, &options, &mut out),
        Verb::Grants(GrantsVerb::Revoke { options, .. }) => grants::revoke(config, &options, &mut out),
        Verb::Reap { json } => reap::run(config, json, &mut out),
        // It may write gigabytes, and has no colours for anstream to remove.
        Verb::Reports(ReportsVerb::Audit(options)) => {
            drop(out);
            audit::run(config, options, &mut streams::plain_stdout())
        }
        Verb::Reports(ReportsVerb::Review(options)) => review::run(config, &options, &mut out),
        Verb::Config(ConfigVerb::Check { file }) => config::check(config, file.as_deref()),
        Verb::Probe { user, sshd, json } => {
            probe::run(&probe::Request { config, sshd_config: sshd.path(), user: &user }, json, &mut out)
        }
        Verb::Setup(options) => return setup::run(config, &options, &mut out).into(),
        Verb::UserManager { user, groups } => return user_manager::run(config, &user, groups),
        Verb::Hidden(verb) => child(verb, config, &mut out),
    };
    match result {
        Ok(status) => status.into(),
        // The reader has closed the pipe, such as `head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(streams::stderr(), "sftpjail: {error}");
            Status::Unchecked.into()
        }
    }
}

/// What a child of this program does.
fn child(verb: HiddenVerb, config: Option<&Path>, out: &mut impl Write) -> io::Result<Status> {
    match verb {
        HiddenVerb::Probing { user, sshd } => {
            probe::child(&probe::Request { config, sshd_config: sshd.path(), user: &user }, out)
        }
        HiddenVerb::AsMember { gid, command } => Ok(setup::as_member(gid, &command)),
        HiddenVerb::Sent => report_to_parent(setup::sent(), out),
        HiddenVerb::SetupTimer { seconds, until } => Ok(setup::timer(seconds, until)),
        HiddenVerb::Rehearse { user } => {
            report_to_parent(Ok(host::rehearsal::rehearse_here(config, &user)), out)
        }
        HiddenVerb::Look { user } => report_to_parent(host::unanswered::look_here(config, &user), out),
        HiddenVerb::WriteAs { user, directory } => {
            report_to_parent(host::as_user::write_here(&user, &directory), out)
        }
        HiddenVerb::WithPrivsep { directory, command } => {
            Err(host::sshd::privsep::exec(&directory, &command))
        }
        HiddenVerb::Loaded { module } => report_to_parent(host::pam::module::is_loaded(&module), out),
    }
}

/// Writes what a child process has read for its parent, as JSON.
fn report_to_parent(read: io::Result<impl Serialize>, out: &mut impl Write) -> io::Result<Status> {
    json::line(&read?, out).map(|()| Status::Ok)
}
