//! Checks whether SELinux, where it is on, lets the running sshds build jails, and read what a login is decided by: it
//! asks the kernel what the loaded policy allows them.

use crate::desired::selinux::{DOMAIN, HOME_TYPE, MODULE, PATH, ROOT_TYPE, Rule, VOLUME_TYPE, rules};
use crate::host::selinux::{self, Context, Mode, ask};
use crate::host::sshd::running::Running;
use crate::report::{Consequence, Findings};
use nix::unistd::geteuid;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::{Config, HomeAccess, Profile};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix};
use pam_sftpjail::grants::path_of;
use pam_sftpjail::name::UserName;
use pam_sftpjail::plan::{VolumePaths, root_path};
use std::io;
use std::path::Path;

const CHECK: &str = "SELinux";

/// The most denials in one sentence.
const MAX_SHOWN: usize = 4;

/// What SELinux keeps from an sshd.
#[derive(Default)]
struct Denied {
    /// A clause each: "capability sys_admin", "dir mounton of tmpfs_t".
    what: Vec<String>,
    /// Whether the loaded policy does not know the types of the policy module.
    lacks_module: bool,
    /// Whether the domain of sshd is permissive.
    is_permissive: bool,
}

/// Reports what SELinux lets each of these sshds do, which have the configuration from `file`. Where it is off, or this
/// is not root, nothing.
pub(super) fn examine<'r>(
    sshds: impl Iterator<Item = &'r Running> + Clone,
    config: &Config,
    file: &Path,
    findings: &mut Findings,
) {
    let Some(mode) = selinux::mode().filter(|_| geteuid().is_root()) else { return };
    examine_file(file, "the configuration", sshds.clone(), findings);
    for sshd in sshds {
        let context = match Context::of_process(sshd.pid) {
            Ok(context) => context,
            Err(error) => {
                let evidence = format!("the context of {} cannot be read: {error}", sshd.name());
                findings.unknown(CHECK, evidence, "run this again");
                continue;
            }
        };
        match denied(&context, &config.jail_root.absolute()) {
            Ok(denied) => {
                report(&sshd.name(), &context, mode, &denied, &config.jail_root.absolute(), findings)
            }
            Err(error) => {
                let evidence =
                    format!("the kernel does not say what SELinux lets {} do: {error}", sshd.name());
                findings.unknown(CHECK, evidence, "see `sestatus`");
            }
        }
    }
}

/// Asks about all that sshd needs for any jail.
fn denied(context: &Context, jail_root: &Path) -> io::Result<Denied> {
    let system = Context::of_file(Path::new("/"))?;
    // The jail root may have another label than it should have.
    let root = Context::of_file(jail_root).unwrap_or_else(|_| system.of_object(ROOT_TYPE));
    let mut all = Denied::default();
    for rule in rules() {
        let target = match rule.target {
            "self" => context.clone(),
            ROOT_TYPE => root.clone(),
            target => system.of_object(target),
        };
        match ask(context, &target, rule.class, &rule.permissions)? {
            Some(answer) => {
                all.is_permissive |= answer.is_permissive;
                if !answer.denied.is_empty() {
                    all.what.push(clause(&rule, &answer.denied, target.type_name()));
                }
            }
            None if rule.target.starts_with("sftpjail_") => all.lacks_module = true,
            // Another policy has no such type.
            None => {}
        }
    }
    Ok(all)
}

fn clause(rule: &Rule, denied: &[String], target: &str) -> String {
    match rule.target {
        "self" => format!("{} {}", rule.class, denied.join(" ")),
        _ => format!("{} {} of {target}", rule.class, denied.join(" ")),
    }
}

fn report(
    name: &str,
    context: &Context,
    mode: Mode,
    denied: &Denied,
    jail_root: &Path,
    findings: &mut Findings,
) {
    let domain = context.type_name();
    let state = match mode {
        Mode::Enforcing => "enforcing",
        Mode::Permissive => "permissive",
    };
    if denied.what.is_empty() && !denied.lacks_module {
        findings.passed(CHECK, format!("{state}, and lets {name}, in {domain}, build jails"));
        if domain != DOMAIN {
            let evidence = format!(
                "{name} runs in {domain} and not in {DOMAIN}, as after a boot: what SELinux allows it now says nothing of that"
            );
            findings.warned(CHECK, evidence, "restart sshd through the init system, and check again");
        }
        return;
    }
    let shown = denied.what.get(..MAX_SHOWN).unwrap_or(&denied.what).join(", ");
    let more = match denied.what.len().saturating_sub(MAX_SHOWN) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let missing = if denied.lacks_module { "; the policy module of sftpjail is not loaded" } else { "" };
    let evidence =
        format!("{state}, and denies {name}, in {domain}, what jails need: {shown}{more}{missing}");
    let is_label = Context::of_file(jail_root).is_ok_and(|label| label.type_name() != ROOT_TYPE);
    let fix = if denied.lacks_module && Path::new(PATH).exists() {
        Command::new("semodule -i").arg(PATH).arg("-e").arg(MODULE).into()
    } else if denied.lacks_module {
        Command::new("sftpjail setup").into()
    } else if is_label {
        let label = root_path(jail_root).map(|root| Command::new("restorecon -v").arg(&root));
        Fix::or(label, format!("give {} the label {ROOT_TYPE}", escaped(jail_root)))
    } else {
        "see which policy module takes it away (semodule -lfull), and what was denied: ausearch -m avc -ts recent".into()
    };
    if mode == Mode::Permissive || denied.is_permissive {
        let evidence = format!("{evidence}; it is only logged as long as SELinux is permissive for it");
        return findings.warned(CHECK, evidence, fix);
    }
    let consequence = Consequence::Refused("SELinux keeps sshd from building the jail".to_owned());
    findings.failed(CHECK, consequence, evidence, fix);
}

/// Reports whether SELinux keeps from one of these sshds a file by which the module decides. `what` it is, as the end of
/// a sentence.
fn examine_file<'r>(
    file: &Path,
    what: &str,
    sshds: impl Iterator<Item = &'r Running>,
    findings: &mut Findings,
) {
    if let Some((evidence, fix)) = kept_from(sshds, file) {
        let consequence = Consequence::Refused(format!("SELinux keeps {what} from sshd"));
        findings.failed(CHECK, consequence, evidence, fix);
    }
}

/// Why SELinux keeps the file from one of these sshds, and the fix. A file that was moved has the label of where it comes
/// from. `None`: it lets them read it, or it is not known that it does not.
pub(super) fn kept_from<'r>(
    mut sshds: impl Iterator<Item = &'r Running>,
    file: &Path,
) -> Option<(String, Fix)> {
    selinux::mode().filter(|mode| *mode == Mode::Enforcing && geteuid().is_root())?;
    let needs = [(file.parent()?, "dir", &["search"][..]), (file, "file", &["getattr", "open", "read"])];
    let labelled = needs.map(|(at, class, permissions)| {
        (at, class, permissions.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    });
    sshds.find_map(|sshd| {
        let context = Context::of_process(sshd.pid).ok()?;
        labelled.iter().find_map(|(at, class, permissions)| {
            let label = Context::of_file(at).ok()?;
            let answer = ask(&context, &label, class, permissions).ok()??;
            if answer.denied.is_empty() || answer.is_permissive {
                return None;
            }
            let evidence = denial(at, &label, class, &answer.denied, sshd);
            let labels = root_path(at).map(|at| Command::new("restorecon -v").arg(&at));
            Some((evidence, Fix::or(labels, "give it the label that it had in its place (restorecon)")))
        })
    })
}

/// What SELinux denies an sshd, as a sentence.
fn denial(at: &Path, label: &Context, class: &str, denied: &[String], sshd: &Running) -> String {
    format!(
        "{} has the label {}, of which SELinux denies {class} {} to {}",
        escaped(at),
        label.type_name(),
        denied.join(" "),
        sshd.name()
    )
}

/// Reports whether SELinux lets the running sshds read the user's grants, and serve the home and the volumes, by their
/// labels.
pub(super) fn examine_user(
    sshds: &[&Running],
    account: &Account,
    profile: &Profile,
    volumes: &[VolumePaths],
    findings: &mut Findings,
) {
    let Some(mode) = selinux::mode().filter(|_| geteuid().is_root()) else { return };
    if let Ok(name) = UserName::parse(&account.name) {
        examine_file(&path_of(&name), "the user's grants", sshds.iter().copied(), findings);
    }
    let needs: Vec<_> = rules().into_iter().filter(|rule| rule.class == "dir").collect();
    let home = (profile.home != HomeAccess::None).then_some((account.home.as_path(), HOME_TYPE));
    let volumes = volumes.iter().map(|volume| (volume.source.as_path(), VOLUME_TYPE));
    let places: Vec<_> = home.into_iter().chain(volumes).collect();
    for sshd in sshds {
        let Ok(context) = Context::of_process(sshd.pid) else { continue };
        for &(path, usual) in &places {
            let Some(need) = needs.iter().find(|rule| rule.target == usual) else { continue };
            let Ok(label) = Context::of_file(path) else { continue };
            let Ok(Some(answer)) = ask(&context, &label, need.class, &need.permissions) else { continue };
            // With the usual label, the policy lacks a rule, which is reported already.
            if answer.denied.is_empty() || label.type_name() == usual {
                continue;
            }
            let shown = escaped(path);
            let evidence = denial(path, &label, need.class, &answer.denied, sshd);
            let fix = format!(
                "give it the label {usual}, or another that sshd may use (semanage fcontext, then restorecon)"
            );
            match mode == Mode::Permissive || answer.is_permissive {
                true => findings.warned(CHECK, evidence, fix),
                false => {
                    let consequence = Consequence::Hindered(format!("SELinux keeps {shown} from sshd"));
                    findings.failed(CHECK, consequence, evidence, fix);
                }
            }
        }
    }
}
