//! `Match` blocks of others that set something else for members. Of the blocks that match a login, sshd takes each
//! setting from the first that has it: one that comes before ours is refused, and one that comes after has no effect.
//!
//! What this parser cannot see, `verify` finds with `sshd -T` before sshd reloads.

use super::is_complete;
use super::own_block::Own;
use crate::desired::sshd::Setting;
use crate::host::groups::members_of;
use crate::host::sshd::files::{self, Block, SshdConfig};
use crate::report::Error;
use crate::setup::choices::Choices;
use pam_sftpjail::escape::{escaped, one_line};

/// What others set for members.
#[derive(Default)]
pub(super) struct Conflicts {
    /// A sentence for each setting of others that has no effect for members.
    pub(super) notes: Vec<String>,
    /// The first setting of others that wins over ours.
    pub(super) winning: Option<Error>,
}

/// Finds them. `planned`: the configuration with the changes.
pub(super) fn find(
    choices: &Choices,
    planned: &SshdConfig,
    settings: &[Setting],
    own: &Own,
) -> Result<Conflicts, Error> {
    let mut found = Conflicts::default();
    for group in &choices.groups {
        let members = members_of([group.as_str()].into_iter())?;
        // sshd uses a block only where all of its criteria match. Who is in another group as well is not known here;
        // `verify` asks sshd about all members.
        let tests = |block: &Block, attribute: &str| block.patterns(attribute).next().is_some();
        let names_members = |block: &Block| {
            let is_for_group = !tests(block, "group") || block.names("group", group);
            let is_for_user = !tests(block, "user") || members.iter().any(|user| block.names("user", user));
            !block.is_for_anybody() && is_for_group && is_for_user
        };
        let ours = planned.blocks.iter().find(|block| is_complete(planned, block, group, settings));
        let is_ours = |block: &Block| ours.is_some_and(|ours| ours.location == block.location);
        for block in planned.blocks.iter().filter(|block| !own.is_ours(block) && !is_ours(block)) {
            let names_members = names_members(block);
            if !names_members && !block.is_for_anybody() {
                continue;
            }
            for setting in planned.of_block(block).filter(|setting| is_other(setting, settings)) {
                let (at, keyword, value) = (&setting.location, &setting.written, one_line(&setting.value));
                if ours.is_none_or(|ours| planned.comes_before(setting, ours)) {
                    let what = format!(
                        "{at}: {keyword} is {value} for members, in the Match block of line {}, which comes before setup's",
                        block.location.line
                    );
                    let fix = "remove that line, or exclude the members from that block";
                    found.winning.get_or_insert_with(|| Error::new(what, fix));
                } else if names_members {
                    found.notes.push(format!(
                        "{at}: {keyword} {value} has no effect for members of {}, because another Match block comes first",
                        escaped(group)
                    ));
                }
            }
        }
    }
    Ok(found)
}

/// Whether it sets something else than members need.
fn is_other(setting: &files::Setting, settings: &[Setting]) -> bool {
    settings.iter().any(|own| own.accepts(&setting.keyword, &setting.value) == Some(false))
}
