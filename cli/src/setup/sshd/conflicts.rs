//! `Match` blocks of others that set something else for members. Of the blocks that match a login, sshd takes each
//! setting from the first that has it: one that comes before ours is refused, and one that comes after has no effect.
//!
//! What this parser cannot see, `verify` finds with `sshd -T` before sshd reloads.

use super::is_complete;
use super::own_block::Own;
use crate::desired::sshd::Setting;
use crate::host::groups::all_members;
use crate::host::sshd::files::{self, Block, SshdConfig};
use crate::report::Error;
use crate::setup::choices::Choices;
use pam_sftpjail::escape::{escaped, one_line};

/// Refuses blocks that win over ours. Gives a sentence for each setting of others that has no effect for members.
/// `planned`: the configuration with the changes.
pub(super) fn check(
    choices: &Choices,
    planned: &SshdConfig,
    settings: &[Setting],
    own: &Own,
) -> Result<Vec<String>, Error> {
    let mut notes = Vec::new();
    for group in &choices.groups {
        let members = all_members([group.as_str()].into_iter())?;
        let names_members = |block: &Block| {
            block.names("group", group) || members.iter().any(|user| block.names("user", user))
        };
        let winner = planned.blocks.iter().position(|block| is_complete(planned, block, group, settings));
        for (i, block) in planned.blocks.iter().enumerate().filter(|(_, block)| !own.is_ours(block)) {
            let comes_first = winner.is_none_or(|winner| i < winner);
            if winner == Some(i) || !(names_members(block) || (comes_first && block.is_for_anybody())) {
                continue;
            }
            let mut others = planned.of_block(block).filter(|setting| is_other(setting, settings));
            if !comes_first {
                let without_effect = others.map(|setting| {
                    let (at, keyword, value) = (&setting.location, &setting.written, one_line(&setting.value));
                    format!(
                        "{at}: {keyword} {value} has no effect for members of {}, because another Match block comes first",
                        escaped(group)
                    )
                });
                notes.extend(without_effect);
            } else if let Some(setting) = others.next() {
                let what = format!(
                    "{}: {} is {} for members, in the Match block of line {}, which comes before setup's",
                    setting.location,
                    setting.written,
                    one_line(&setting.value),
                    block.location.line
                );
                return Err(Error::new(what, "remove that line, or exclude the members from that block"));
            }
        }
    }
    Ok(notes)
}

/// Whether it sets something else than members need.
fn is_other(setting: &files::Setting, settings: &[Setting]) -> bool {
    settings.iter().any(|own| own.accepts(&setting.keyword, &setting.value) == Some(false))
}
