//! Strangers whose names are paths: the module is none of their business, and their names name no file.

use sandbox::{Namespace, Sandbox};

use crate::common::libpam::{IGNORED, alone, code};

in_both_namespaces!(
    a_stranger_whose_name_is_a_path_makes_root_delete_nothing,
    with_a_broken_configuration_a_strangers_name_is_no_path_either,
);

/// Names, and the directories that they would name below /run/sftpjail.
const NAMES: [(&str, &str); 4] =
    [("..", "/run"), (".", "/run/sftpjail"), ("a/b", "/run/sftpjail/a/b"), ("../other", "/run/other")];

/// A stranger of each name. In each of the directories there is what would be the record of a dead
/// session, and beside it a file of somebody else's.
fn strangers(namespace: Namespace) -> Sandbox {
    let sb = Sandbox::in_namespace(namespace);
    for (name, directory) in NAMES {
        sb.user(name).home("/srv/joe").make_home(false).key(false).raw().add();
        sb.sh(&format!("install -d -m 0700 {directory}; cd {directory}; touch host-1 private-1 precious"));
    }
    sb
}

fn all_files(sb: &Sandbox) -> String {
    sb.sh("find /run /jail -name host-1 -o -name private-1 -o -name precious 2>/dev/null | sort").stdout
}

fn a_stranger_whose_name_is_a_path_makes_root_delete_nothing(namespace: Namespace) {
    let sb = strangers(namespace);
    let before = all_files(&sb);
    for (name, _) in NAMES {
        for step in ["account", "open"] {
            assert_eq!(code(&alone(&sb, name, &[step]), step), IGNORED, "{name} {step}");
            assert_eq!(all_files(&sb), before, "{name} {step}");
        }
    }
}

fn with_a_broken_configuration_a_strangers_name_is_no_path_either(namespace: Namespace) {
    let sb = strangers(namespace);
    sb.sh("mkdir -p /etc/sftpjail; echo nonsense >/etc/sftpjail/config.toml");
    let before = all_files(&sb);
    for (name, _) in NAMES {
        assert_eq!(code(&alone(&sb, name, &["account"]), "account"), IGNORED, "{name}");
    }
    assert_eq!(all_files(&sb), before);
}
