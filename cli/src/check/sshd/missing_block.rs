//! Where sshd has no `Match` block for a member, every setting of it is wrong. That is one finding, with one fix.

use super::judge::Deviation;
use super::{Answers, Member, Sshd};
use crate::desired;
use crate::desired::sshd::fix::{missing_block, own_block};
use crate::report::text::listed;
use crate::report::{Consequence, Findings, SshdCheck};

/// The check under which it is reported.
const CHECK: SshdCheck = SshdCheck::Chroot;

/// The checks that it covers.
pub(super) const CHECKS: [SshdCheck; 7] = [
    CHECK,
    SshdCheck::Command,
    SshdCheck::Forwards,
    SshdCheck::Terminal,
    SshdCheck::UserRc,
    SshdCheck::Log,
    SshdCheck::Keepalive,
];

/// Whether these answers mean that the member has no block.
pub(super) fn is_missing(sshd: &Sshd, member: &Member<'_>, answers: &Answers) -> bool {
    let is_never_jailed = answers
        .deviations
        .iter()
        .any(|(deviation, times)| deviation.keyword == "ChrootDirectory" && times.len() == answers.count);
    is_never_jailed && own_block(sshd, member.of_fix()).is_none()
}

/// Whether the block has a setting for what deviates.
pub(super) fn has(member: &Member<'_>, deviation: &Deviation) -> bool {
    let block = desired::sshd::block(member.config);
    block.iter().any(|setting| setting.keyword == deviation.keyword)
}

/// Reports all of it.
pub(super) fn report(sshd: &Sshd, member: &Member<'_>, answers: &Answers, findings: &mut Findings) {
    let deviations = answers.deviations.iter().map(|(deviation, _)| deviation);
    let (chroot, others): (Vec<_>, Vec<_>) =
        deviations.filter(|deviation| has(member, deviation)).partition(|one| one.check == CHECK);
    // Every other one needs the chroot as well.
    let consequence = chroot.iter().find_map(|deviation| deviation.consequence.clone());
    let chroot: Vec<_> = chroot.iter().map(|deviation| deviation.evidence.as_str()).collect();
    let mut keywords: Vec<_> = others.iter().map(|deviation| deviation.keyword).collect();
    keywords.sort_unstable();
    keywords.dedup();
    let evidence = format!(
        "{}; no Match block jails the user, and these are not as a jail needs them either: {}",
        chroot.join("; "),
        listed(keywords)
    );
    findings.failed(
        CHECK,
        consequence.unwrap_or(Consequence::None),
        evidence,
        missing_block(sshd, member.of_fix()),
    );
}
