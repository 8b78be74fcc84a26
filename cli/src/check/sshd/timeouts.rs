//! Warns of a ChannelTimeout in a `Match` block, which sshd shows (`sshd -T`) and older ones do not obey.

use crate::host::sshd::effective::Settings;
use crate::host::sshd::files::Setting;
use crate::host::sshd::logins::Sshd;
use crate::report::{Findings, SshdCheck};
use pam_sftpjail::escape::escaped;

const KEYWORD: &str = "ChannelTimeout";

/// The OpenSSH that obeys it there: getpwnamallow of its auth.c sets the timeouts again.
const SINCE: (u32, u32) = (10, 5);

/// `settings`: those of a member.
pub(super) fn examine(sshd: &Sshd, settings: &Settings, findings: &mut Findings) {
    let Some(value) = settings.get(KEYWORD).filter(|value| *value != "none") else { return };
    // As the files are read here, a `=` is a blank.
    let written = value.replace('=', " ");
    let sets = |setting: &&Setting| setting.sets(KEYWORD, &written);
    // `Match all` is for every login, and sshd reads it as it starts.
    let blocks = sshd.config.blocks.iter().filter(|block| !block.criteria.is_empty());
    let in_blocks: Vec<_> = blocks.flat_map(|block| sshd.config.of_block(block)).filter(sets).collect();
    let Some(first) = in_blocks.first() else { return };
    if sshd.config.settings.iter().filter(sets).count() > in_blocks.len() {
        return;
    }
    let Some((major, minor)) = sshd.daemon.version().filter(|version| *version < SINCE) else { return };
    let evidence = format!(
        "{KEYWORD} is {} ({}), in a Match block: OpenSSH {major}.{minor} shows it in sshd -T and does not obey it there",
        escaped(value),
        first.location
    );
    let fix = "write it before the first Match line, where it holds for the sessions of everybody, or use OpenSSH 10.5; \
               and reload sshd";
    findings.warned(SshdCheck::Timeouts, evidence, fix);
}
