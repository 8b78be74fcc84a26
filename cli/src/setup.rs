//! `sftpjail setup`: from a stock system to working jails, and back.

mod change;
mod command;
mod confirm;
mod files;
mod freed;
mod group;
mod journal;
mod member;
mod module;
mod pam;
mod plan;
mod reload;
mod restore;
mod sshd;
mod syslog;
mod target;
mod trouble;
mod undo;
mod user_manager;
mod verify;
mod wanted;

use crate::Status;
use crate::check::group_names;
use change::Change;
use clap::Args;
use journal::{Journal, Patience, Phase, State};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::geteuid;
use pam_sftpjail::config::DEFAULT_PATH;
use pam_sftpjail::escape::escaped;
use sshd::ask::Sshd;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use trouble::Trouble;
use undo::put_back;
use wanted::{Profile, Wanted};

#[derive(Args)]
pub(crate) struct Options {
    /// Shows what would be done, and does nothing.
    #[arg(long, conflicts_with_all = ["yes", "undo", "confirm"])]
    dry_run: bool,
    /// Does not ask.
    #[arg(long)]
    yes: bool,
    /// The group whose members are jailed [default: sftp, or sftp-only for the upload portal].
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Where jails appear [default: /jail].
    #[arg(long, value_name = "PATH")]
    jail_root: Option<String>,
    /// What a jail holds [default: home].
    #[arg(long, value_enum)]
    profile: Option<Profile>,
    /// The PAM module's file, if it is neither installed nor beside this program.
    #[arg(long, value_name = "PATH")]
    module: Option<PathBuf>,
    /// Puts everything back after this time, such as 5m, unless `setup --confirm` is run before.
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with_all = ["dry_run", "undo", "confirm"])]
    confirm_within: Option<Duration>,
    /// Lets what was set up with --confirm-within stay.
    #[arg(long, conflicts_with = "undo")]
    confirm: bool,
    /// Puts back what was there before; what others have changed since is kept.
    #[arg(long)]
    undo: bool,
    /// With --undo: though members are logged in. With --yes: though members are jailed no more.
    #[arg(long, conflicts_with_all = ["dry_run", "confirm"])]
    force: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    let given = text.parse::<jiff::SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    given.filter(|time| time.as_secs() > 0).ok_or_else(|| "give a time such as 5m or 90s".to_owned())
}

/// Exit status: 0 done, or nothing to do; 1 not done, and nothing is changed unless it says so.
/// `config`: where somebody says that the configuration is.
pub(crate) fn run(config: Option<&Path>, options: &Options, out: &mut impl Write) -> Status {
    told(match config {
        Some(_) => {
            let what = format!("setup writes {DEFAULT_PATH} and knows no other place");
            Err(Trouble::new(what, "leave --config out"))
        }
        None => chosen(options, out),
    })
}

/// The child that asks as a member.
pub(crate) fn as_member(gid: u32, command: &[OsString]) -> Status {
    told(Err(member::exec(gid, command)))
}

/// The child that waits for a confirmation.
pub(crate) fn timer(seconds: u64, until: u64) -> Status {
    told(confirm::wait(Duration::from_secs(seconds), until))
}

fn told(done: Result<(), Trouble>) -> Status {
    match done {
        Ok(()) => Status::Ok,
        Err(trouble) => {
            let _ = writeln!(io::stderr(), "sftpjail: {trouble}");
            Status::Problems
        }
    }
}

/// To people; that nobody reads it is no reason to stop half-way.
fn say(out: &mut impl Write, what: impl std::fmt::Display) {
    let _ = writeln!(out, "{what}").and_then(|()| out.flush());
}

fn chosen(options: &Options, out: &mut impl Write) -> Result<(), Trouble> {
    if !geteuid().is_root() {
        return Err(Trouble::new("only root can set this up", "run it through sudo"));
    }
    if options.confirm {
        return confirm::confirm().map(|what| say(out, what));
    }
    if options.undo {
        return undo::run(options.force, out);
    }
    if options.dry_run {
        if journal::peek()?.is_some_and(|journal| journal.phase != Phase::Applied) {
            say(out, "An earlier setup is unfinished; the next one puts it back first.");
        }
        let wanted = Wanted::new(options)?;
        let changes = plan::changes(&wanted, &Sshd::find()?, options)?;
        show(&changes, out);
        if !changes.is_empty() {
            tell_of_members(&wanted, out)?;
            freed::tell(&freed::members(&wanted, &changes)?, &wanted, out);
        }
        return Ok(());
    }
    let state = State::open(Patience::Refuse)?;
    let done = set_up(&state, options, out);
    state.close();
    done
}

fn set_up(state: &State, options: &Options, out: &mut impl Write) -> Result<(), Trouble> {
    repair(state, out)?;
    let wanted = Wanted::new(options)?;
    let sshd = Sshd::find()?;
    let changes = plan::changes(&wanted, &sshd, options)?;
    show(&changes, out);
    if changes.is_empty() {
        return Ok(());
    }
    tell_of_members(&wanted, out)?;
    let freed = freed::members(&wanted, &changes)?;
    freed::tell(&freed, &wanted, out);
    if options.yes && !options.force && !freed.is_empty() {
        return Err(freed::refused(&freed, &wanted));
    }
    if !options.yes && !agreed(out)? {
        say(out, "Nothing was changed.");
        return Ok(());
    }
    // Half-way is no place to stop when the connection breaks down; a child of ours stops nevertheless.
    let _ = SigSet::from_iter([Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM]).thread_block();
    let settled = state.journal()?.map_or(0, |journal| journal.settled);
    let begun = begin(state, &changes, options.confirm_within);
    let done = begun.and_then(|()| apply(&changes, &wanted, &sshd, options, out));
    let finished = done.and_then(|()| finish(state, options.confirm_within, out));
    finished.map_err(|trouble| match give_up(state, settled, out) {
        Ok(true) => trouble.and("Everything is as it was before."),
        Ok(false) => trouble.and("Everything else is as it was before."),
        Err(other) => {
            trouble.and(format!("It could not all be put back: {other}. Then run `sftpjail setup` again"))
        }
    })
}

/// Puts back all but so many steps. Gives whether all of it is as it was.
fn give_up(state: &State, settled: usize, out: &mut impl Write) -> Result<bool, Trouble> {
    match state.journal()? {
        // The last thing that was done may have been to call them all settled.
        Some(mut journal) if journal.steps.len() > settled => {
            journal.settled = settled;
            put_back(state, journal, out)
        }
        _ => Ok(true),
    }
}

/// Finishes what an earlier run was kept from finishing.
fn repair(state: &State, out: &mut impl Write) -> Result<(), Trouble> {
    let Some(journal) = state.journal()? else { return Ok(()) };
    match journal.phase {
        Phase::Applied => Ok(()),
        Phase::Unconfirmed if journal.until > Some(now()) => Err(Trouble::new(
            "an earlier setup waits to be confirmed",
            "run `sftpjail setup --confirm`, or `sftpjail setup --undo`",
        )),
        Phase::Unconfirmed | Phase::Applying | Phase::Undoing => {
            say(out, "An earlier setup was not finished: putting back what it did.");
            put_back(state, journal, out).map(drop)
        }
    }
}

fn show(changes: &[Change], out: &mut impl Write) {
    for change in changes {
        let _ = write!(out, "{change}");
    }
    if changes.is_empty() {
        say(out, "Nothing to do: everything is set up.");
    }
}

/// Who is in the groups already will be jailed, and that must not be whoever does this.
fn tell_of_members(wanted: &Wanted, out: &mut impl Write) -> Result<(), Trouble> {
    let members = group::all_members(wanted.groups.iter().map(String::as_str))?;
    // sshd's `Match Group` is for root, too, for whom the module builds no jail. The others are those whom
    // sudo and doas name; NSS may know of groups that it does not list members of.
    let callers = ["SUDO_USER", "DOAS_USER"].into_iter().filter_map(|name| std::env::var(name).ok());
    for user in callers.chain(["root".to_owned()]) {
        let names = group_names(&user)?;
        if !members.contains(&user) && !wanted.groups.iter().any(|group| names.contains(group)) {
            continue;
        }
        let groups: Vec<_> = wanted.groups.iter().map(|name| escaped(name).to_string()).collect();
        let groups = groups.join(", ");
        return Err(if user == "root" {
            let what = format!("root is a member of {groups}, and could not log in any more");
            Trouble::new(what, "take root out of it, or choose another group")
        } else {
            let what = match wanted.exempts(&user)? {
                false => "and would be jailed",
                true => "and exempt: sshd would wait for a jail that is not built, and refuse you",
            };
            let what = format!("you, {}, are a member yourself {what}", escaped(&user));
            Trouble::new(what, format!("take yourself out of {groups}, or choose another group"))
        });
    }
    let (mut jailed, mut exempt) = (Vec::new(), Vec::new());
    for name in &members {
        let of = if wanted.exempts(name)? { &mut exempt } else { &mut jailed };
        of.push(escaped(name).to_string());
    }
    if !jailed.is_empty() {
        say(out, format!("Members now, and jailed from their next login on: {}.", jailed.join(", ")));
    }
    if !exempt.is_empty() {
        let whom = exempt.join(", ");
        say(
            out,
            format!(
                "Members now, but in an exempt group, so refused by sshd from their next login on: {whom}."
            ),
        );
    }
    Ok(())
}

fn agreed(out: &mut impl Write) -> Result<bool, Trouble> {
    if !io::stdin().is_terminal() {
        return Err(Trouble::new("there is no terminal to ask at", "use --yes, or --dry-run to look only"));
    }
    let _ = write!(out, "Do this? [y/N] ").and_then(|()| out.flush());
    let mut answer = String::new();
    let _ = io::stdin().read_line(&mut answer);
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Keeps what there is, and says in the journal what will be done.
fn begin(state: &State, changes: &[Change], within: Option<Duration>) -> Result<(), Trouble> {
    let mut journal = state.journal()?.unwrap_or_else(Journal::new);
    for change in changes {
        let step = change.keep(journal.steps.len(), state)?;
        journal.steps.push(step);
    }
    journal.phase = Phase::Applying;
    journal.until = within.map(|within| now() + within.as_secs());
    state.save(&journal)?;
    match within.zip(journal.until) {
        Some((within, until)) => confirm::start(within, until),
        None => Ok(()),
    }
}

fn apply(
    changes: &[Change],
    wanted: &Wanted,
    sshd: &Sshd,
    options: &Options,
    out: &mut impl Write,
) -> Result<(), Trouble> {
    changes.iter().try_for_each(Change::stage)?;
    changes.iter().try_for_each(Change::commit)?;
    if changes.iter().any(|change| change.is_of(user_manager::concerns)) {
        reload::units()?;
    }
    for note in verify::all(wanted, sshd)? {
        say(out, note);
    }
    say(out, reload::sshd(sshd)?);
    if changes.iter().any(|change| change.is_of(syslog::concerns)) {
        say(out, reload::rsyslog());
    }
    for note in user_manager::still_running(wanted) {
        say(out, note);
    }
    if options.confirm_within.is_none() {
        let groups: Vec<_> = wanted.groups.iter().map(|name| escaped(name).to_string()).collect();
        say(out, format!("Whoever is in the group {} is jailed from now on.", groups.join(" or ")));
    }
    Ok(())
}

fn finish(state: &State, within: Option<Duration>, out: &mut impl Write) -> Result<(), Trouble> {
    let Some(mut journal) = state.journal()? else { return Ok(()) };
    match within {
        Some(within) => {
            journal.phase = Phase::Unconfirmed;
            let seconds = within.as_secs();
            say(
                out,
                format!(
                    "Log in once more, then run `sftpjail setup --confirm`: without it, everything is put back in {seconds} s."
                ),
            );
        }
        None => {
            journal.phase = Phase::Applied;
            journal.settled = journal.steps.len();
        }
    }
    state.save(&journal)
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
