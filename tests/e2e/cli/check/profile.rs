//! Which profile a member has, which one of a further group is not used, and which one nobody can get.

use super::{check, checked, findings, json, machine};
use sandbox::Sandbox;

const CONFIG: &str = "/etc/sftpjail/config.toml";

/// mle is in both groups. The first line is that of `namespace`.
fn in_two_groups(first: &str, second: &str) -> Sandbox {
    let sb = machine();
    sb.sh("groupadd sftp-only; usermod -aG sftp-only mle; mkdir -p /srv/sftp");
    sb.name_in_drop_in("sftp-only");
    sb.sh("sed -i 's/Match Group sftp/Match Group sftp,sftp-only/' /etc/ssh/sshd_config");
    sb.configure(&format!(
        "[[profile]]\nname = \"first\"\ngroups = [\"sftp\"]\n{first}\n[[profile]]\nname = \"second\"\n\
         groups = [\"sftp-only\"]\n{second}\n"
    ));
    sb
}

const PORTAL: &str = "home = \"none\"\n[[profile.volume]]\nsource = \"/srv/sftp/%u\"\ntarget = \"/uploads\"\n\
                      create = { owner = \"%u\", group = \"%g\", mode = \"0750\" }";

/// What `check USER` and `check --all` say of the profile, beside what has passed.
fn said(sb: &Sandbox, user: &str) -> Vec<[String; 3]> {
    let document = json(sb, user, "ok");
    let found = findings(&document).into_iter().filter(|found| found[0] == "profile");
    found.map(|found| [found[1].to_owned(), found[2].to_owned(), found[3].to_owned()]).collect()
}

#[test]
fn who_is_put_into_the_portal_and_still_has_a_home_is_named() {
    let sb = in_two_groups("", PORTAL);
    let what = format!(
        "first, as a member of sftp; also in sftp-only, whose profile second, which is stricter (no home), comes later \
         ({CONFIG}:6) and is not used"
    );
    let fix = "if second is meant for mle: remove mle from sftp, or move the profile second above first";
    assert_eq!(said(&sb, "mle"), [["warned", &what, fix]]);
    let out = check(&sb, "mle", 0).stdout;
    assert!(
        out.contains("! profile        first, as a member of sftp; also in sftp-only, whose profile"),
        "{out}"
    );
    assert!(out.ends_with("mle is jailed and can log in.\n"), "{out}");
    let all = checked(sb.try_sh("sftpjail check --all"), 0).stdout;
    assert!(all.contains("also in sftp-only, whose profile second"), "{all}");
    // Each of the two fixes works.
    sb.sh("gpasswd -d mle sftp");
    assert_eq!(said(&sb, "mle"), [["passed", "second, as a member of sftp-only", ""]]);
    sb.sftp("mle", "ls /uploads\n").ok();
    sb.sh("gpasswd -a mle sftp");
    sb.configure(&format!(
        "[[profile]]\nname = \"second\"\ngroups = [\"sftp-only\"]\n{PORTAL}\n[[profile]]\nname = \"first\"\n\
         groups = [\"sftp\"]\n"
    ));
    let what = format!(
        "second, as a member of sftp-only; also in sftp, whose profile first comes later ({CONFIG}:10) and is not used"
    );
    // It allows more, and nobody is surprised.
    assert_eq!(said(&sb, "mle"), [["passed", &what, ""]]);
}

#[test]
fn what_a_profile_that_is_not_used_would_forbid_is_said() {
    for (first, second, forbids) in [
        ("", "home = \"read-only\"", "the home is read-only"),
        ("", "guard = [\".ssh\", \".forward\"]", "it guards .ssh, .forward"),
        ("guard = [\".ssh\"]", "guard = [\".ssh/rc\"]\nmax_sessions = 4", "at most 4 sessions"),
        ("max_sessions = 2", "max_sessions = 4", ""),
        ("home = \"read-only\"", "umask = \"022\"", ""),
    ] {
        let sb = in_two_groups(first, second);
        let said = said(&sb, "mle");
        let [[outcome, what, _]] = &said[..] else { panic!("{said:?}") };
        match forbids {
            "" => assert!(outcome == "passed" && what.contains("profile second comes later"), "{what}"),
            _ => assert!(
                outcome == "warned"
                    && what.contains(&format!("second, which is stricter ({forbids}), comes")),
                "{what}"
            ),
        }
    }
}

#[test]
fn a_profile_that_nobody_can_get_is_named_once() {
    let sb = machine();
    sb.user("kim").group("sftp").add();
    sb.configure(&format!(
        "[[profile]]\nname = \"home\"\ngroups = [\"sftp\", \"partners\"]\n\n[[profile]]\nname = \"portal\"\n\
         groups = [\"sftp\"]\n{PORTAL}\n"
    ));
    sb.sh("groupadd partners; mkdir /srv/sftp");
    sb.name_in_drop_in("partners");
    let what = "the profile portal is never used: the earlier profile home has its group sftp, and the first profile \
                that matches is used";
    let fix = "move portal above home, or give it a group that no earlier profile has";
    let found =
        [["passed", "home, as a member of sftp", ""], ["warned", &format!("{CONFIG}:6: {what}"), fix]];
    assert_eq!(said(&sb, "mle"), found);
    let all = checked(sb.try_sh("sftpjail check --all --json"), 0).stdout;
    assert_eq!(all.matches("is never used").count(), 1, "{all}");
    let out = sb.try_sh("sftpjail config check");
    assert_eq!((out.code, out.stdout.as_str()), (Some(0), ""), "{out}");
    assert_eq!(out.stderr, format!("{CONFIG}: line 6: {what}\n→ {fix}\n"));
    // What is advised works.
    sb.configure(&format!(
        "[[profile]]\nname = \"portal\"\ngroups = [\"sftp\"]\n{PORTAL}\n[[profile]]\nname = \"home\"\n\
         groups = [\"sftp\", \"partners\"]\n"
    ));
    assert_eq!(said(&sb, "mle"), [["passed", "portal, as a member of sftp", ""]]);
    assert_eq!(sb.sh("sftpjail config check").stderr, "");
}
