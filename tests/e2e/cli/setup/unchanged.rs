//! Where nothing is to be changed, setup still says who is not in a jail that works.

use super::{NOTHING, assert_same, etc};
use sandbox::Sandbox;
use serde_json::{Value, json};

const CONFIG: &str = "/etc/sftpjail/config.toml";

/// A machine that is set up, with the member anna.
fn set_up() -> Sandbox {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    sb.user("anna").group("sftp").add();
    assert_eq!(sb.sh("sftpjail setup --yes").stdout, NOTHING);
    sb
}

#[test]
fn a_configuration_that_refuses_everybody_is_no_setup_that_is_done() {
    let volume = |source: &str, target: &str| {
        format!("printf '[[profile.volume]]\nsource = \"{source}\"\ntarget = \"{target}\"\n' >>{CONFIG}")
    };
    for (breaks, what) in [
        (
            format!("sed -i 's/^services .*/services = [\"ssh\"]/' {CONFIG}"),
            "/etc/sftpjail/config.toml: `services` in the configuration does not list sshd, so the module does nothing, \
             and sshd refuses members; write services = [\"ssh\", \"sshd\"] in /etc/sftpjail/config.toml"
                .to_owned(),
        ),
        (
            volume("srv", "/x"),
            "/etc/sftpjail/config.toml:28: the profile home refuses all of its members: the volume srv is relative, so it \
             cannot be the source; give an absolute path"
                .to_owned(),
        ),
        (
            volume("/srv", "/etc"),
            "/etc/sftpjail/config.toml:29: the profile home refuses all of its members: the volume /etc would be in /etc"
                .to_owned(),
        ),
    ] {
        let sb = set_up();
        sb.sh(&breaks);
        sb.sftp("anna", "pwd\n").failed();
        let before = etc(&sb);
        for option in ["--yes", "--dry-run"] {
            let out = sb.try_sh(&format!("sftpjail setup {option}"));
            assert_eq!((out.code, out.stdout.as_str()), (Some(1), ""), "{out}");
            assert!(out.stderr.starts_with(&format!("sftpjail: {what}")), "{what:?} is missing: {out}");
        }
        assert_same(&before, &etc(&sb), &[]);
    }
}

#[test]
fn members_who_are_refused_are_listed_though_nothing_is_to_be_changed() {
    let sb = set_up();
    for name in ["k2", "k3"] {
        sb.user(name).group("sftp").add();
    }
    sb.user("joe").add();
    sb.sh("mv /home/k2 /srv/k2; ln -s /srv/k2 /home/k2; chown joe /home/k3");
    let out = sb.sh("sftpjail setup --yes").stdout;
    for line in [
        "Nothing to do: everything is set up.\n",
        "\n! k2             is refused already: the home directory /home/k2 cannot be used: it is a symlink",
        "\n! k3             is refused already: the home directory /home/k3 belongs to uid",
        "\nNext: sftpjail check --all\n",
    ] {
        assert!(format!("\n{out}").contains(line), "{line:?} is missing: {out}");
    }
    let document: Value =
        serde_json::from_str(&sb.sh("sftpjail setup --dry-run --json").stdout).expect("JSON");
    assert_eq!((&document["status"], &document["changes"]), (&json!("ok"), &json!([])));
    let members = &document["members"];
    assert_eq!(members["jailed_already"], json!(["anna"]));
    let refused: Vec<_> = members["refused_already"].as_array().expect("a list").iter().collect();
    assert_eq!(refused.iter().map(|one| &one["user"]).collect::<Vec<_>>(), ["k2", "k3"]);
    assert!(refused[0]["reason"].as_str().is_some_and(|why| why.contains("it is a symlink")), "{document}");
}

#[test]
fn members_whom_sshd_does_not_jail_are_an_error_though_nothing_is_to_be_changed() {
    let sb = set_up();
    sb.user("bob").group("staff").group("sftp").shell("/bin/bash").add();
    sb.sh("sed -i 's/^Match Group sftp/&,!staff/' /etc/ssh/sshd_config.d/00-sftpjail.conf");
    sb.sshd();
    sb.ssh("bob", &["id"]).ok();
    let out = sb.try_sh("sftpjail setup --yes");
    assert_eq!(out.code, Some(1), "{out}");
    assert_eq!(
        out.stderr,
        "sftpjail: as its files are, sshd does not send these members into a jail with SFTP only: bob; see why: sftpjail \
         check --all\n"
    );
    // As it says.
    let why = sb.try_sh("sftpjail check --all").stdout;
    assert!(why.contains("bob") && why.contains("IS NOT JAILED"), "{why}");
}

#[test]
fn a_profile_that_is_never_used_is_a_note() {
    let sb = set_up();
    sb.sh(&format!("printf '[[profile]]\nname = \"second\"\ngroups = [\"sftp\"]\n' >>{CONFIG}"));
    let note = "Note: /etc/sftpjail/config.toml:27: the profile second is never used: the earlier profile home has its \
                group sftp, and the first profile that matches is used; give it a group that no earlier profile has, or \
                remove second.\n";
    for option in ["--yes", "--dry-run"] {
        let out = sb.sh(&format!("sftpjail setup {option}")).stdout;
        assert!(out.starts_with("Nothing to do") && out.contains(note), "{out}");
    }
}

/// The configuration names another group than sshd, whose block is not setup's.
#[test]
fn users_whom_a_misspelt_group_leaves_without_a_jail_are_named_and_yes_alone_refuses() {
    let sb = Sandbox::new();
    sb.user("anna").group("sftp").add();
    sb.sh("mkdir -p /etc/sftpjail; printf '[[profile]]\nname = \"home\"\ngroups = [\"sfpt\"]\n' >/etc/sftpjail/config.toml");
    let before = etc(&sb);
    let who = "Users in no profile, whom sshd refuses because it sends them into the jail root: anna.\n";
    let out = sb.try_sh("sftpjail setup --yes");
    assert!(out.code == Some(1) && out.stdout.contains(who), "{out}");
    assert_eq!(
        out.stderr,
        "sftpjail: these users are in no profile, and sshd refuses them: anna; correct `groups` in \
         /etc/sftpjail/config.toml (did you mean sftp?), or use --force if that is meant\n"
    );
    assert_same(&before, &etc(&sb), &[]);
    sb.sh("sftpjail setup --yes --force");
    // They are named again where nothing is to be changed.
    let out = sb.sh("sftpjail setup --yes").stdout;
    assert!(out.starts_with("Nothing to do") && out.contains(who), "{out}");
    sb.sftp("anna", "pwd\n").failed();
}
