//! Reads from PAM's auth lines which passwords count.

use super::control::Action;
use super::stack::Stack;
use std::collections::BTreeSet;

/// Which passwords PAM accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passwords {
    None,
    /// Those that shadow(5) has.
    InShadowOnly,
    /// Another module may know others.
    Unknown,
}

/// Which it accepts by the auth lines of the service.
pub(crate) fn accepted(auth: &Stack) -> Passwords {
    // Without any line, they may be where this program does not look.
    if auth.lines.is_empty() || !auth.unreadable.is_empty() || !auth.illegal.is_empty() {
        Passwords::Unknown
    } else if !auth.outcome("auth", &BTreeSet::new()).can_succeed {
        Passwords::None
    } else if are_in_shadow_only(auth) {
        Passwords::InShadowOnly
    } else {
        Passwords::Unknown
    }
}

/// Compares the password with shadow's.
const UNIX: &str = "pam_unix.so";

const DENY: &str = "pam_deny.so";

/// Modules that authenticate nobody: they set something up, or refuse.
const OTHERS: [&str; 26] = [
    DENY,
    "pam_access.so",
    "pam_cap.so",
    "pam_echo.so",
    "pam_ecryptfs.so",
    "pam_env.so",
    "pam_faildelay.so",
    "pam_faillock.so",
    "pam_fscrypt.so",
    "pam_gnome_keyring.so",
    "pam_group.so",
    "pam_keyinit.so",
    "pam_listfile.so",
    "pam_localuser.so",
    "pam_mount.so",
    "pam_nologin.so",
    "pam_permit.so",
    "pam_securetty.so",
    "pam_selinux.so",
    "pam_sepermit.so",
    "pam_sftpjail.so",
    "pam_shells.so",
    "pam_succeed_if.so",
    "pam_time.so",
    "pam_usertype.so",
    "pam_warn.so",
];

/// Whether libpam lets nobody in by a password that shadow does not have. Where it cannot be known, such as with a
/// module of another kind, the answer is no.
fn are_in_shadow_only(auth: &Stack) -> bool {
    let mut is_decided = false;
    for line in &auth.lines {
        let Some(module) = &line.module else { continue };
        let mut otherwise = module.control.otherwise();
        let fails = otherwise.clone().any(|action| matches!(action, Action::Bad | Action::Die));
        // A line that ends the stack, or skips the one that decides, may let everybody in.
        let leaves = |action: Action| matches!(action, Action::Done | Action::Jump(_));
        let is_harmless = match line.is(UNIX) {
            // What it answers where the password is wrong.
            true => !leaves(module.control.on("auth_err")),
            false => {
                let is_known = OTHERS.iter().any(|other| line.is(other));
                is_known && !leaves(module.control.on("success")) && !otherwise.any(leaves)
            }
        };
        if !is_harmless {
            return false;
        }
        is_decided |= fails && (line.is(UNIX) || line.is(DENY));
    }
    is_decided
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::pam::stack::tests::stack;

    const DEBIAN: [&str; 4] = [
        "[success=1 default=ignore] pam_unix.so nullok",
        "requisite pam_deny.so",
        "required pam_permit.so",
        "optional pam_cap.so",
    ];

    #[test]
    fn nobody_else_knows_a_password_beside_pam_unix() {
        let fedora = ["required pam_env.so", "sufficient pam_unix.so", "required pam_deny.so"];
        for lines in [&DEBIAN[..], &fedora, &["required pam_unix.so"]] {
            assert_eq!(accepted(&stack(lines)), Passwords::InShadowOnly, "{lines:?}");
        }
    }

    #[test]
    fn another_module_may_know_one() {
        let sssd = [
            "[success=2 default=ignore] pam_unix.so",
            "[success=1 default=ignore] pam_sss.so",
            "requisite pam_deny.so",
            "required pam_permit.so",
        ];
        let above = [&["sufficient pam_permit.so"], &DEBIAN[..]].concat();
        let skipped = [&["[success=ok default=2] pam_localuser.so"], &DEBIAN[..]].concat();
        // What it asks for may be what pam_unix.so compares.
        let asks = ["required pam_otp.so", "required pam_unix.so try_first_pass"];
        for lines in
            [&sssd[..], &above, &skipped, &asks, &["sufficient pam_unix.so", "required pam_env.so"], &[]]
        {
            assert_eq!(accepted(&stack(lines)), Passwords::Unknown, "{lines:?}");
        }
    }

    #[test]
    fn a_stack_that_cannot_succeed_accepts_none() {
        let denied = [&["requisite pam_deny.so"], &DEBIAN[..]].concat();
        for lines in [&denied[..], &["required pam_unix.so", "requird pam_env.so"]] {
            assert_eq!(accepted(&stack(lines)), Passwords::None, "{lines:?}");
        }
    }
}
