//! `sftpjail reap`: removes what a killed sshd or a power cut left behind. The library does it; this reports it, and
//! lets it look also where sshds with a mount namespace of their own have their jails.

use crate::host::process_table::Found;
use crate::host::{configuration, service_mounts};
use crate::report::json::{VERSION, document};
use crate::report::terminal::{Mark, advice, wrapped};
use crate::report::{Error, Outside, Status};
use pam_sftpjail::error::Refusal;
use pam_sftpjail::reap::{Reaped, reap};
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

#[derive(Serialize)]
struct Report {
    version: u32,
    jails: Vec<Jail>,
}

#[derive(Serialize, Deserialize)]
struct Jail {
    path: String,
    /// Hexadecimal, where `path` is not UTF-8 and so not exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
    removed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
    /// The end of the fix, if that is a command to paste.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<String>,
}

/// Removes the jails that no session is in, and reports each. The error is a configuration or a registry that cannot
/// be read.
pub(crate) fn run(config: Option<&Path>, json: bool, out: &mut impl Write) -> io::Result<Status> {
    let config = configuration::load(config).map_err(|why| io::Error::other(Error::from(why).to_string()))?;
    let failed = |refusal: Refusal| io::Error::other(Error::new(&refusal, refusal.fix()).to_string());
    let jail_root = config.jail_root.absolute();
    let here = || reap(&jail_root).map(|reaped| reaped.into_iter().map(Jail::of).collect::<Vec<_>>());
    let mut jails = Vec::new();
    let Found { found: others, unseen: more } = service_mounts::others();
    jails.extend(more.map(|why| {
        let problem =
            format!("whether jails are among the mounts of other programs is unknown: {}", why.what);
        Jail::unsought(&jail_root, problem, &why.fix)
    }));
    for process in others {
        let unseen = |why: String, fix: &dyn Display| Jail::unseen(&jail_root, process.pid(), &why, fix);
        let there =
            || here().unwrap_or_else(|refusal| vec![unseen(format!("with which {refusal}"), &refusal.fix())]);
        // Here, what can be reached is removed all the same.
        match service_mounts::within(&process, there) {
            // Who has just ended has left nothing there.
            Ok(there) => jails.extend(there.unwrap_or_default()),
            Err(error) => {
                jails.push(unseen(format!("which could not be entered: {error}"), &"sftpjail reap"))
            }
        }
    }
    jails.extend(here().map_err(failed)?);
    jails.sort_by(|one, other| (&one.path, &one.path_bytes).cmp(&(&other.path, &other.path_bytes)));
    // One that was unmounted there may have left its directory to be removed here.
    jails.dedup_by(|later, first| later.is_at(first) && later.removed == first.removed);
    let status = if jails.iter().all(|jail| jail.removed) { Status::Ok } else { Status::Problems };
    let written = if json { document(&Report { version: VERSION, jails }, out) } else { print(&jails, out) };
    status.after(written, out)
}

fn print(jails: &[Jail], out: &mut impl Write) -> io::Result<()> {
    for jail in jails {
        let path = Outside::new(&jail.path);
        match (&jail.problem, &jail.fix) {
            (Some(problem), Some(fix)) => {
                let what = wrapped(&format!("{path} cannot be removed: {problem}"), 2);
                writeln!(out, "{} {what}\n  {}", Mark::Bad, advice(fix, jail.command.as_deref(), 2))?;
            }
            _ => writeln!(out, "{} {path} is removed", Mark::Good)?,
        }
    }
    if jails.is_empty() {
        writeln!(out, "Nothing was left behind.")?;
    }
    Ok(())
}

impl Jail {
    fn is_at(&self, other: &Self) -> bool {
        (&self.path, &self.path_bytes) == (&other.path, &other.path_bytes)
    }

    /// Those that could not be looked for with the mounts of a process. `why`: what is so of these mounts, in a clause.
    /// A command to paste would have those of this program.
    fn unseen(jail_root: &Path, pid: i32, why: &str, fix: &dyn Display) -> Self {
        let problem = format!("process {pid} has mounts of its own, {why}");
        let fix = format!("with the mounts of that process (nsenter -m -t {pid}): {fix}");
        Self::unsought(jail_root, problem, &fix)
    }

    /// Those that could not be looked for.
    fn unsought(jail_root: &Path, problem: String, fix: &dyn Display) -> Self {
        let path = Outside::new(jail_root);
        Self {
            path: path.plain().into_owned(),
            path_bytes: path.bytes(),
            removed: false,
            problem: Some(problem),
            fix: Some(fix.to_string()),
            command: None,
        }
    }

    fn of(reaped: Reaped) -> Self {
        let refusal = reaped.done.err();
        let fix = refusal.as_ref().map(Refusal::fix);
        let path = Outside::new(&reaped.jail);
        Self {
            path: path.plain().into_owned(),
            path_bytes: path.bytes(),
            removed: refusal.is_none(),
            problem: refusal.as_ref().map(ToString::to_string),
            fix: fix.as_ref().map(ToString::to_string),
            command: fix.and_then(|fix| fix.command().map(str::to_owned)),
        }
    }
}
