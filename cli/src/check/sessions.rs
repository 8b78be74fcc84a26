//! Checks whether the user may have one more session. Where the sshd that runs has a mount namespace of its own, its
//! jails "in the host's namespace" are there, and so this looks there.

use super::system::Host;
use crate::desired::unit;
use crate::host::rehearsal::ConfinedSshd;
use crate::host::service_mounts;
use crate::report::Findings;
use nix::unistd::geteuid;
use pam_sftpjail::config::{Config, Namespace};
use pam_sftpjail::confinement::Part;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::grants::Circumstances;
use pam_sftpjail::plan::Check;
use pam_sftpjail::session::{Member, Membership, examine as examine_login};

/// Checks it as the sshds that run would find it. `user`: the name as typed.
pub(super) fn examine(host: &Host<'_>, user: &str, member: &Member, findings: &mut Findings) {
    let look = || match examine_login(host.config, user, &Circumstances::of_no_login(), &mut |_, _| {}) {
        Ok(Membership::Member(member)) => checked(&member),
        // The rehearsal has the same mounts, and says so.
        Ok(Membership::NotJailed { .. }) | Err(_) => Findings::default(),
    };
    let seen = |ConfinedSshd { sshd, .. }: &ConfinedSshd| {
        service_mounts::within(&sshd.process, look).unwrap_or_else(|error| {
            let (name, mut found) = (escaped(&member.account.name), Findings::default());
            let evidence =
                format!("whether {} lets {name} in beside live sessions is unknown: {error}", sshd.name());
            found.unknown(Check::Sessions, evidence, "run this again");
            Some(found)
        })
    };
    // An sshd that has just ended serves nobody.
    let sshds = elsewhere(host.config, &host.confined);
    let mut found: Vec<_> = sshds.filter_map(seen).filter(|found| !found.is_empty()).collect();
    if host.has_unconfined || found.is_empty() {
        found.push(checked(member));
    }
    // They differ in what is mounted there. The first that has something to say counts.
    let first = found.iter().position(Findings::has_other_than_passed).unwrap_or(0);
    findings.append(found.swap_remove(first));
}

/// The findings have the result.
fn checked(member: &Member) -> Findings {
    let (is_root, mut found) = (geteuid().is_root(), Findings::default());
    let _ = member.check_sessions(&mut |check, result| found.add_result(check, result, is_root));
    found
}

/// The sshds whose jails other programs of the host do not see.
fn elsewhere<'h>(
    config: &Config,
    confined: &'h [ConfinedSshd],
) -> impl Iterator<Item = &'h ConfinedSshd> + use<'h> {
    let is_host = config.namespace == Namespace::Host;
    confined.iter().filter(move |sshd| is_host && sshd.sshd.confined.contains(&Part::Mounts))
}

/// Warns of them: whoever sets `namespace = "host"` may want others to see the jails.
pub(super) fn unseen(config: &Config, confined: &[ConfinedSshd], findings: &mut Findings) {
    for ConfinedSshd { sshd, .. } in elsewhere(config, confined) {
        let by = sshd.unit.as_deref().map(unit::with_own_mounts).unwrap_or_default();
        let by = if by.is_empty() { String::new() } else { format!(" by {}", by.join(" and ")) };
        let evidence = format!(
            "{} has mounts of its own{by}: the jails of namespace = \"host\" are among these, where other programs of the \
             host do not see them",
            sshd.name()
        );
        let fix = "if other programs need to see them, start sshd without mounts of its own";
        findings.warned("jail root", evidence, fix);
    }
}
