//! PAM's configuration for sshd: our three lines, where they stand, and the module that they name.

mod module;
mod session;

use crate::desired::pam::{Example, Flaw, HOME_MAKERS, OURS, flaw, order};
use crate::host::pam::stack::{Line, Module, Stack};
use crate::report::Findings;
use crate::report::error::AS_ROOT;
use crate::report::location::{Location, append};
use nix::unistd::geteuid;
use pam_sftpjail::config::{Config, DEFAULT_PATH};
use pam_sftpjail::escape::{escaped, one_line, word};
use pam_sftpjail::session::SessionLine;
use std::io::ErrorKind;
use std::path::Path;

/// What the rest wants to know of it.
pub(super) struct Pam {
    /// Where a module makes homes before ours takes them into a jail, so that one may be missing.
    pub(super) makes_homes: Option<Location>,
    /// Where pam_shells refuses whose shell is not in /etc/shells.
    pub(super) asks_for_shells: Option<Location>,
}

/// Looks at the lines of `service`. `path`: that of the configuration, if it is not the usual one.
pub(super) fn examine(service: &str, config: &Config, path: Option<&Path>, findings: &mut Findings) -> Pam {
    let [auth, account, session] = ["auth", "account", "session"].map(|kind| Stack::read(service, kind));
    if !config.services.iter().any(|known| known == service) {
        let evidence = format!(
            "the configuration's `services` do not list {}, so the module does nothing",
            escaped(service)
        );
        let file = escaped(path.unwrap_or(Path::new(DEFAULT_PATH))).to_string();
        let services = config.services.iter().map(String::as_str).chain([service]);
        let services: Vec<_> = services.map(|name| format!("\"{}\"", one_line(name))).collect();
        findings.failed("pam service", evidence, format!("services = [{}] in {file}", services.join(", ")));
    }
    let maker = HOME_MAKERS.iter().flat_map(|maker| session.positions(maker)).min();
    let maker = maker.and_then(|i| Some((i, session.lines.get(i)?.location.clone())));

    illegal([&auth, &account, &session], findings);
    let service = Service { name: service, config: path };
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
    let shells = [&auth, &account].map(|s| s.lines.iter().find(|line| line.is("pam_shells.so")));
    Pam {
        makes_homes: maker.filter(|_| has_session && !has_account).map(|(_, place)| place),
        asks_for_shells: shells.into_iter().flatten().next().map(|line| line.location.clone()),
    }
}

/// libpam lets every login fail that comes to a line of no kind that it knows.
fn illegal(stacks: [&Stack; 3], findings: &mut Findings) {
    let mut told = Vec::new();
    for (place, kind) in stacks.into_iter().flat_map(|stack| &stack.illegal) {
        if told.contains(&place) {
            continue;
        }
        told.push(place);
        let evidence =
            format!("{place}: {} is no kind of line that libpam knows, so it refuses logins", escaped(kind));
        findings.failed("pam lines", evidence, format!("fix that line, or take it out: {}", place.delete()));
    }
}

/// One look at the lines of a service.
struct Service<'a> {
    name: &'a str,
    config: Option<&'a Path>,
}

impl Service<'_> {
    /// Says what there is to say about our lines of one kind; and whether there is one.
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
                _ => findings.failed(&check, evidence, "fix it, or take the line out that names it"),
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
            let evidence = format!("{}: a second line, which is refused as opened already", second.location);
            findings.failed(&check, evidence, second.location.delete());
        }
        let mut sound = true;
        for (position, maker) in firsts.first().map(|i| (**i, None)).into_iter().chain([(**builder, maker)]) {
            if let Some(line) = stack.lines.get(position)
                && let Some(module) = &line.module
            {
                sound &= self.line(kind, stack, (position, line, module), maker, findings);
            }
        }
        if kind == "session" {
            sound &= self.order(stack, &firsts, **builder, findings);
        }
        if sound {
            let place =
                |i: &usize| stack.lines.get(*i).map(|line| line.location.to_string()).unwrap_or_default();
            let builder = place(builder);
            let evidence = match (firsts.first(), kind) {
                (Some(first), _) => format!("{OURS}: close at {}, open at {builder}", place(first)),
                (None, "session") => format!("{OURS} at {builder}; nothing above it needs a first line"),
                (None, _) => format!("{OURS} at {builder}"),
            };
            findings.passed(check, evidence);
        }
        true
    }

    /// There is no line that does the work.
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
            findings.passed(check, format!("left out, since homes are made in the session ({maker})"));
        } else if kind == "session" {
            let evidence = format!("no {OURS} line that opens: no jail is built, so sshd lets no member in");
            let close = is_first_missing.then_some(example.close);
            findings.failed(check, evidence, self.added(stack, close, Some(example.open)));
        } else {
            let evidence = format!("no {OURS} line: whom no jail can be built for is not told why");
            findings.failed(check, evidence, self.added(stack, None, Some(example.account)));
        }
    }

    /// Whether all is well with one of our lines; tells what is not.
    fn line(
        &self,
        kind: &str,
        stack: &Stack,
        (position, line, module): (usize, &Line, &Module),
        maker: Option<&(usize, Location)>,
        findings: &mut Findings,
    ) -> bool {
        let check = format!("pam {kind}");
        let place = &line.location;
        let rewritten = module.rewritten(kind, None);
        let mut sound = true;
        let mut failed = |evidence: String, fix: String| {
            sound = false;
            findings.failed(&check, evidence, fix);
        };
        match (maker, kind) {
            (Some((_, maker)), "account") => {
                let evidence = format!(
                    "{place}: refuses whose home is still to be made, as {maker} does in the session"
                );
                failed(evidence, place.delete());
            }
            (Some((after, maker)), _) if *after > position => {
                let evidence = format!("{place}: stands before what makes homes ({maker})");
                let added = self.added(stack, None, Some(&rewritten));
                failed(evidence, format!("{added} && {}", place.delete()));
            }
            _ => {}
        }
        let text = escaped(&module.control.text);
        // A first line refuses nobody.
        let is_first = kind == "session" && line.part() == SessionLine::Close;
        match flaw(&module.control).filter(|flaw| !(is_first && *flaw == Flaw::LetsIn)) {
            None => {}
            Some(Flaw::LetsIn) => {
                let evidence = format!("{place}: {text} does not make a refusal final");
                failed(evidence, place.replace(&rewritten));
            }
            Some(Flaw::KeepsOut) => {
                let evidence = format!("{place}: {text} refuses everybody who is no member, root too");
                failed(evidence, place.replace(&rewritten));
            }
            Some(Flaw::Unloadable) => {
                let evidence = format!(
                    "{place}: with {text}, a module file that is missing or cannot be loaded lets nobody in, not even root"
                );
                sound = false;
                findings.warned(&check, evidence, place.replace(&rewritten));
            }
        }
        if let Some(problem) = self.arguments(module, is_first) {
            let fix =
                "its arguments are config=PATH, debug, open and close; this program takes --config PATH";
            sound = false;
            findings.failed(&check, format!("{place}: {problem}"), fix);
        }
        let skips = stack.skips(position);
        let told = skips.iter().find(|skip| skip.on_success).or(skips.first());
        if let Some(skip) = told
            && let Some(other) = stack.lines.get(skip.line)
            && let Some(skipper) = &other.module
        {
            let when = if skip.on_success { "succeeds" } else { "does not succeed" };
            let evidence = format!(
                "{place} is skipped when {} ({}) at {} {when}",
                escaped(&skipper.path),
                one_line(&skipper.control.text),
                other.location
            );
            // Above the line of the service by which the other one came in.
            let fix = format!("move it up: {} && {}", place.delete(), other.top.insert(&[&rewritten]));
            sound = false;
            if skip.on_success && !is_first {
                findings.failed(&check, evidence, fix);
            } else {
                findings.warned(&check, evidence, format!("if that is not meant, {fix}"));
            }
        }
        sound
    }

    /// A command that adds lines of ours: one above all others of its kind, and one at the end.
    fn added(&self, stack: &Stack, first: Option<&str>, last: Option<&str>) -> String {
        let file = Path::new("/etc/pam.d").join(self.name);
        let own = |place: &&Location| stack.file.as_ref() == Some(&place.file);
        let first = first.map(|line| match order::location_of_first(stack).filter(own) {
            Some(place) => Location { file: file.clone(), ..place.clone() }.insert(&[line]),
            None => append(&file, &[line]),
        });
        let commands: Vec<_> = first.into_iter().chain(last.map(|line| append(&file, &[line]))).collect();
        let commands = commands.join(" && ");
        match &stack.file {
            Some(own) if *own == file => commands,
            // A file in /etc is read instead of it.
            Some(distributors) => format!("cp {} {} && {commands}", word(distributors), word(&file)),
            None => format!("install sshd's own {} from its package, then: {commands}", escaped(&file)),
        }
    }

    /// What is wrong with the arguments of a line, if something is. The first line reads no configuration.
    fn arguments(&self, module: &Module, is_first: bool) -> Option<String> {
        let arguments = module.parsed();
        if let Some(argument) = arguments.unknown {
            return Some(format!("unknown argument {argument}, for which members are refused"));
        }
        let usual = Path::new(DEFAULT_PATH);
        let there = arguments.config.as_deref().unwrap_or(usual);
        let here = self.config.unwrap_or(usual);
        (there != here && !is_first)
            .then(|| format!("the module goes by {}, and this check by {}", escaped(there), escaped(here)))
    }
}
