//! PAM's configuration for sshd: our two lines, where they stand, and the module that they name.

mod control;
pub(crate) mod module;
pub(crate) mod stack;

use super::finding::{AS_ROOT, Findings};
use super::place::{Place, append};
pub(crate) use module::loaded;
use nix::unistd::geteuid;
use pam_sftpjail::config::{Config, DEFAULT_PATH};
use pam_sftpjail::escape::{escaped, one_line, word};
use stack::{Line, Module, Stack};
use std::io::ErrorKind;
use std::path::Path;

pub(crate) const OURS: &str = "pam_sftpjail.so";

/// They make homes, in the session.
pub(crate) const HOME_MAKERS: [&str; 2] = ["pam_mkhomedir.so", "pam_oddjob_mkhomedir.so"];

/// What the rest wants to know of it.
pub(super) struct Pam {
    /// Where a module makes homes before ours takes them into a jail, so that one may be missing.
    pub(super) makes_homes: Option<Place>,
    /// Where pam_shells refuses whose shell is not in /etc/shells.
    pub(super) asks_for_shells: Option<Place>,
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
    let maker = maker.and_then(|i| Some((i, session.lines.get(i)?.place.clone())));

    let service = Service { name: service, config: path };
    let has_account = service.lines("account", &account, maker.as_ref(), findings);
    let has_session = service.lines("session", &session, maker.as_ref(), findings);

    let mut modules = Vec::new();
    for line in account.lines.iter().chain(&session.lines).filter(|line| line.is(OURS)) {
        let path = line.module.as_ref().map(|m| m.path.as_str()).unwrap_or_default();
        if !modules.contains(&path) {
            modules.push(path);
            module::examine(path, findings);
        }
    }
    let shells = [&auth, &account].map(|s| s.lines.iter().find(|line| line.is("pam_shells.so")));
    Pam {
        makes_homes: maker.filter(|_| has_session && !has_account).map(|(_, place)| place),
        asks_for_shells: shells.into_iter().flatten().next().map(|line| line.place.clone()),
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
        maker: Option<&(usize, Place)>,
        findings: &mut Findings,
    ) -> bool {
        let check = format!("pam {kind}");
        for (path, at, error) in &stack.unreadable {
            let by = at.as_ref().map(|at| format!(", named at {at},")).unwrap_or_default();
            let evidence = format!("{}{by} cannot be read: {error}", escaped(path));
            match error {
                ErrorKind::PermissionDenied if !geteuid().is_root() => {
                    findings.unseen(&check, evidence, AS_ROOT);
                    return false;
                }
                _ => findings.failed(&check, evidence, "mend it, or take the line out that names it"),
            }
        }
        let makes_homes = maker.filter(|_| kind == "account");
        match (stack.positions(OURS).as_slice(), makes_homes) {
            ([], Some((_, maker))) => {
                findings.passed(check, format!("left out, since homes are made in the session ({maker})"));
                false
            }
            ([], None) => {
                let evidence = if kind == "session" {
                    "no pam_sftpjail.so line: no jail is built, so sshd lets no member in"
                } else {
                    "no pam_sftpjail.so line: whom no jail can be built for is not told why"
                };
                let line = format!("{kind} required {OURS}");
                findings.failed(check, evidence, self.added(stack, &line));
                false
            }
            ([position, more @ ..], _) => {
                if let (Some(second), "session") = (more.first().and_then(|i| stack.lines.get(*i)), kind) {
                    let evidence =
                        format!("{}: a second line, which is refused as opened already", second.place);
                    findings.failed(&check, evidence, second.place.delete());
                }
                if let Some(line) = stack.lines.get(*position)
                    && let Some(module) = &line.module
                    && self.line(kind, stack, (*position, line, module), maker, findings)
                {
                    let evidence = format!("{} {OURS} at {}", one_line(&module.control.text), line.place);
                    findings.passed(check, evidence);
                }
                true
            }
        }
    }

    /// Whether all is well with one of our lines; tells what is not.
    fn line(
        &self,
        kind: &str,
        stack: &Stack,
        (position, line, module): (usize, &Line, &Module),
        maker: Option<&(usize, Place)>,
        findings: &mut Findings,
    ) -> bool {
        let check = format!("pam {kind}");
        let place = &line.place;
        let required = rewritten(kind, "required", module);
        let mut sound = true;
        let mut failed = |evidence: String, cure: String| {
            sound = false;
            findings.failed(&check, evidence, cure);
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
                failed(evidence, format!("{} && {}", self.added(stack, &required), place.delete()));
            }
            _ => {}
        }
        if !module.control.is_binding() {
            let text = &module.control.text;
            let evidence =
                format!("{place}: {} does not make a refusal final, as required does", escaped(text));
            failed(evidence, place.replace(&required));
        }
        if let Some(problem) = self.arguments(module) {
            let cure = "its arguments are config=PATH and debug; this program takes --config PATH".to_owned();
            failed(format!("{place}: {problem}"), cure);
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
                other.place
            );
            // Above the line of the service by which the other one came in.
            let cure = format!("move it up: {} && {}", place.delete(), other.top.insert(&[&required]));
            if skip.on_success {
                failed(evidence, cure);
            } else {
                sound = false;
                findings.warned(&check, evidence, format!("if that is not meant, {cure}"));
            }
        }
        sound
    }

    /// A command that adds a line as the last one.
    fn added(&self, stack: &Stack, line: &str) -> String {
        let file = Path::new("/etc/pam.d").join(self.name);
        let append = append(&file, &[line]);
        match &stack.file {
            Some(own) if *own == file => append,
            // A file in /etc is read instead of it.
            Some(distributors) => format!("cp {} {} && {append}", word(distributors), word(&file)),
            None => format!("install sshd's own {} from its package, then: {append}", escaped(&file)),
        }
    }

    /// What is wrong with the arguments of a line, if something is.
    fn arguments(&self, module: &Module) -> Option<String> {
        let mut config = None;
        for argument in &module.arguments {
            match argument.strip_prefix("config=") {
                Some(path) => config = Some(Path::new(path)),
                None if argument == "debug" => {}
                None => {
                    return Some(format!(
                        "unknown argument {}, for which members are refused",
                        escaped(argument)
                    ));
                }
            }
        }
        let usual = Path::new(DEFAULT_PATH);
        let (there, here) = (config.unwrap_or(usual), self.config.unwrap_or(usual));
        (there != here)
            .then(|| format!("the module goes by {}, and this check by {}", escaped(there), escaped(here)))
    }
}

/// The line with another control field.
fn rewritten(kind: &str, control: &str, module: &Module) -> String {
    let arguments = module.arguments.iter().map(|argument| match argument.contains(' ') {
        true => format!(" [{argument}]"),
        false => format!(" {argument}"),
    });
    format!("{kind} {control} {}{}", module.path, arguments.collect::<String>())
}
