//! Checks PAM's configuration for sshd: sftpjail's three lines, their order among the others, and the module's file.

mod line;
mod loadable;
mod module;
mod session;

use crate::desired::pam::closed::Closed;
use crate::desired::pam::service::unlisted;
use crate::desired::pam::{Example, HOME_MAKERS, OURS, order};
use crate::desired::setup;
use crate::host::pam::nologin;
use crate::host::pam::passwords::{self, Passwords};
use crate::host::pam::stack::{Line, Stack};
use crate::report::error::AS_ROOT;
use crate::report::location::{Edit, Location, append};
use crate::report::{Consequence, Findings};
use nix::unistd::geteuid;
use pam_sftpjail::config::{Config, DEFAULT_PATH};
use pam_sftpjail::denied_by::DeniedBy;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix};
use pam_sftpjail::plan::root_path;
use pam_sftpjail::session::SessionLine;
use std::io::ErrorKind;
use std::path::Path;

/// What the checks of users need.
pub(super) struct Pam {
    /// The location of a module that makes homes before sftpjail's builds a jail, so that a home may be missing.
    pub(super) makes_homes: Option<Location>,
    pub(super) shells: Option<Shells>,
    pub(super) passwords: Passwords,
}

/// The line of pam_shells, which refuses users whose shell is not in /etc/shells.
pub(super) struct Shells {
    pub(super) location: Location,
    /// Whether only passwords get to that line, and keys do not.
    pub(super) is_for_passwords: bool,
}

/// Checks the lines of `service`. `path`: that of the configuration, if it is not the usual one. `sshd_file`: that of
/// sshd's configuration, if it is not the usual one.
pub(super) fn examine(
    service: &str,
    config: &Config,
    path: Option<&Path>,
    sshd_file: Option<&Path>,
    findings: &mut Findings,
) -> Pam {
    let [auth, account, session] = ["auth", "account", "session"].map(|kind| Stack::read(service, kind));
    let file = path.unwrap_or(Path::new(DEFAULT_PATH));
    if let Some((evidence, fix)) = unlisted(config, file, service) {
        let consequence =
            Consequence::NoJail(format!("the module does nothing for the PAM service {}", escaped(service)));
        findings.failed("pam service", consequence, evidence, fix);
    }
    let maker = HOME_MAKERS.iter().flat_map(|maker| session.positions(maker)).min();
    let maker = maker.and_then(|i| Some((i, session.lines.get(i)?.location.clone())));

    illegal([&auth, &account, &session], findings);
    let passwords = match loadable::examine("auth", &auth, findings) {
        true => Passwords::None,
        false => passwords::accepted(&auth),
    };
    for (kind, stack) in [("account", &account), ("session", &session)] {
        loadable::examine(kind, stack, findings);
    }
    // Where no password is accepted, keys may be.
    for (kind, stack) in [("account", &account), ("session", &session)] {
        if let Some(Closed { at, evidence, fix }) = Closed::find(kind, stack) {
            let consequence = Consequence::KeptOut(format!("PAM refuses every login because of {at}"));
            findings.failed(format!("pam {kind}"), consequence, evidence, fix);
        }
    }
    // Lines that setup adds go with its undo; pasted ones stay.
    let has_ours = [&account, &session].iter().any(|stack| !stack.positions(OURS).is_empty());
    let is_usual = path.is_none_or(|path| path == Path::new(DEFAULT_PATH));
    let is_stock = !has_ours && is_usual && session.file.is_some();
    let setup = is_stock.then(|| setup::fix_of(config, sshd_file));
    let service = Service { name: service, config: path, setup };
    let has_account = service.lines("account", &account, maker.as_ref(), findings);
    let has_session = service.lines("session", &session, maker.as_ref(), findings);

    let mut modules = Vec::new();
    for line in account.lines.iter().chain(&session.lines).filter(|line| line.is_ours()) {
        let path = line.module.as_ref().map(|m| m.path.as_str()).unwrap_or_default();
        if !modules.contains(&path) {
            modules.push(path);
            module::examine(path, findings);
        }
    }
    let shells = [(&account, false), (&auth, true)].into_iter().find_map(|(stack, is_for_passwords)| {
        let refuses = |line: &&Line| line.is("pam_shells.so") && line.refuses_on("auth_err");
        let location = stack.lines.iter().find(refuses)?.location.clone();
        Some(Shells { location, is_for_passwords })
    });
    Pam {
        makes_homes: maker.filter(|_| has_session && !has_account).map(|(_, location)| location),
        shells,
        passwords,
    }
}

/// Reports a file that keeps everybody but root out.
pub(super) fn nologin(service: &str, findings: &mut Findings) {
    let account = Stack::read(service, "account");
    if let Some((file, location)) = nologin::in_force(&account) {
        let file = escaped(&file);
        findings.failed(
            "nologin",
            Consequence::Closed(format!("{file} exists")),
            format!("{file} exists, so PAM lets nobody but root log in (pam_nologin at {location})"),
            "remove that file when the maintenance is over",
        );
    }
}

/// Reports lines that libpam cannot use. Every login that reaches one fails.
fn illegal(stacks: [&Stack; 3], findings: &mut Findings) {
    let mut reported = Vec::new();
    for (location, why) in stacks.into_iter().flat_map(|stack| &stack.illegal) {
        if reported.contains(&location) {
            continue;
        }
        reported.push(location);
        let evidence = format!("{location}: {why}, and refuses logins because of it");
        let consequence = Consequence::KeptOut(format!("PAM refuses every login because of {location}"));
        findings.failed(
            "pam lines",
            consequence,
            evidence,
            location.delete().explained("correct that line, or remove it"),
        );
    }
}

/// The PAM service that is checked.
struct Service<'a> {
    name: &'a str,
    /// The path of the configuration, if it is not the usual one.
    config: Option<&'a Path>,
    /// The fix where it has no line of the module at all.
    setup: Option<Fix>,
}

impl Service<'_> {
    /// Checks the module's lines of one kind. Returns whether there is one that does the work.
    fn lines(
        &self,
        kind: &str,
        stack: &Stack,
        maker: Option<&(usize, Location)>,
        findings: &mut Findings,
    ) -> bool {
        let check = format!("pam {kind}");
        for (path, at, error) in &stack.unreadable {
            let by = at.as_ref().map(|at| format!(", named at {at},")).unwrap_or_default();
            let evidence = format!("{}{by} cannot be read: {error}", escaped(path));
            match error {
                ErrorKind::PermissionDenied if !geteuid().is_root() => {
                    findings.unknown(&check, evidence, AS_ROOT);
                    return false;
                }
                _ => {
                    let consequence = Consequence::KeptOut(format!("PAM cannot read {}", escaped(path)));
                    let fix = match error {
                        ErrorKind::PermissionDenied => DeniedBy::process().fix(),
                        _ => "make it readable, or remove the line that names it",
                    };
                    findings.failed(&check, consequence, evidence, fix);
                }
            }
        }
        let ours = stack.positions(OURS);
        let part = |i: &&usize| stack.lines.get(**i).map(Line::part);
        let (firsts, builders): (Vec<&usize>, Vec<&usize>) =
            ours.iter().partition(|i| kind == "session" && part(i) == Some(SessionLine::Close));
        let Some(builder) = builders.first() else {
            self.missing(kind, stack, maker.filter(|_| kind == "account"), firsts.is_empty(), findings);
            return false;
        };
        if let (Some(second), "session") = (builders.get(1).and_then(|i| stack.lines.get(**i)), kind) {
            let evidence = format!(
                "{}: a second session line, which refuses the login because the jail is open already",
                second.location
            );
            let consequence = Consequence::KeptOut("PAM opens the jail twice".to_owned());
            findings.failed(&check, consequence, evidence, second.location.delete());
        }
        let mut is_ok = true;
        for (position, maker) in firsts.first().map(|i| (**i, None)).into_iter().chain([(**builder, maker)]) {
            if let Some(line) = stack.lines.get(position) {
                if let Some(module) = &line.module {
                    is_ok &= self.line(kind, stack, (position, line, module), maker, findings);
                }
            }
        }
        if kind == "session" {
            is_ok &= self.order(stack, &firsts, **builder, findings);
        }
        if is_ok {
            let location =
                |i: &usize| stack.lines.get(*i).map(|line| line.location.to_string()).unwrap_or_default();
            let builder = location(builder);
            let evidence = match (firsts.first(), kind) {
                (Some(first), _) => format!("{OURS}: close at {}, open at {builder}", location(first)),
                (None, "session") => {
                    format!("{OURS} at {builder}; no line above it requires a line with `close`")
                }
                (None, _) => format!("{OURS} at {builder}"),
            };
            findings.passed(check, evidence);
        }
        true
    }

    /// Reports that there is no line that does the work.
    fn missing(
        &self,
        kind: &str,
        stack: &Stack,
        makes_homes: Option<&(usize, Location)>,
        is_first_missing: bool,
        findings: &mut Findings,
    ) {
        let check = format!("pam {kind}");
        let example = Example::new();
        if let Some((_, maker)) = makes_homes {
            findings.passed(check, format!("none, since homes are made in the session ({maker})"));
        } else if kind == "session" {
            let evidence = format!(
                "no {OURS} line that opens: no jail is built, and sshd refuses the users that it chroots"
            );
            let close = is_first_missing.then_some(example.close);
            let consequence = Consequence::NoJail("PAM does not ask the module to build a jail".to_owned());
            let added = || self.added(stack, close, Some(example.open)).into();
            findings.failed(check, consequence, evidence, self.setup.clone().unwrap_or_else(added));
        } else {
            let evidence = format!("no {OURS} line: refused users get no explanation");
            let added = || self.added(stack, None, Some(example.account)).into();
            findings.failed(check, Consequence::None, evidence, self.setup.clone().unwrap_or_else(added));
        }
    }

    /// Adds lines of the module: one above all others of its kind, and one at the end.
    fn added(&self, stack: &Stack, first: Option<&str>, last: Option<&str>) -> Edit {
        let file = Path::new("/etc/pam.d").join(self.name);
        let own = |location: &&Location| stack.file.as_ref() == Some(&location.file);
        let edit = match (order::location_of_first(stack).filter(own), first) {
            (Some(top), Some(first)) => {
                let first = top.insert_into(&file, &[first]);
                last.into_iter().fold(first, |first, last| first.and(append(&file, &[last])))
            }
            (..) => append(&file, &first.into_iter().chain(last).collect::<Vec<_>>()),
        };
        match &stack.file {
            Some(own) if *own == file => edit,
            // libpam reads a file in /etc instead of the distributor's.
            Some(distributors) => {
                let copy = root_path(distributors).zip(root_path(&file));
                // Another fix may have made it, and changed it.
                let copy =
                    copy.map(|(from, to)| Command::new("test -e").arg(&to).arg("|| cp").arg(&from).arg(&to));
                edit.of_copy(copy, &format!("copy {} to {}", escaped(distributors), escaped(&file)))
            }
            None => edit.of_copy(None, &format!("install sshd's own {} from its package", escaped(&file))),
        }
    }
}
