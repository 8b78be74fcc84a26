//! What SELinux must let sshd do: the policy module, and its rules as a list. The file in `packaging/` states each rule
//! once.

use pam_sftpjail::config::Config;
use std::path::Path;

const TEXT: &str = include_str!("../../../packaging/selinux/sftpjail.cil");

/// Where setup writes the policy module, which semodule(8) calls by the file's name.
pub(crate) const PATH: &str = "/etc/sftpjail/sftpjail.cil";
pub(crate) const MODULE: &str = "sftpjail";

/// The domain of sshd.
pub(crate) const DOMAIN: &str = "sshd_t";
/// The types that the module adds: of the jail root, and of what it has in /run.
pub(crate) const ROOT_TYPE: &str = "sftpjail_root_t";
/// The type of the policy module's file, which semodule has to map.
pub(crate) const FILE_TYPE: &str = "usr_t";
/// The type of homes, and of directories that several services share.
pub(crate) const HOME_TYPE: &str = "user_home_dir_t";
pub(crate) const VOLUME_TYPE: &str = "public_content_rw_t";

/// The policy module for this jail root, which has letters, digits, `_`, `-`, `.` and `/` only.
pub(crate) fn policy(jail_root: &Path) -> String {
    let usual = Config::default().jail_root.absolute();
    let pattern = |path: &Path| path.to_string_lossy().replace('.', "\\.");
    let begin = |path: &Path| format!("(filecon \"{}", pattern(path));
    TEXT.replace(&begin(&usual), &begin(jail_root))
}

/// A rule that sshd needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// The type of the object; `self`: the domain.
    pub(crate) target: &'static str,
    pub(crate) class: &'static str,
    pub(crate) permissions: Vec<String>,
}

/// The rules of the policy module whose source is sshd.
pub(crate) fn rules() -> Vec<Rule> {
    let tokens = tokens();
    let mut rules = Vec::new();
    for (at, window) in tokens.windows(6).enumerate() {
        let ["allow", DOMAIN, target, "(", class, "("] = *window else { continue };
        let permissions = tokens.iter().skip(at + 6).take_while(|token| **token != ")");
        rules.push(Rule { target, class, permissions: permissions.map(|name| (*name).to_owned()).collect() });
    }
    rules
}

/// The words and parentheses of the file, without its comments.
fn tokens() -> Vec<&'static str> {
    let code = TEXT.lines().map(|line| line.split(';').next().unwrap_or_default());
    let words = code.flat_map(str::split_whitespace);
    words.flat_map(|word| word.split_inclusive(['(', ')'])).flat_map(parted).collect()
}

/// A word, and the parenthesis at its end.
fn parted(word: &'static str) -> impl Iterator<Item = &'static str> {
    let (name, end) = word.split_at(word.trim_end_matches(['(', ')']).len());
    [name, end].into_iter().filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_sshd_is_listed() {
        let rules = rules();
        let named = TEXT.lines().filter(|line| line.trim_start().starts_with("(allow sshd_t ")).count();
        assert_eq!(rules.len(), named);
        let of = |target| rules.iter().find(|rule| rule.target == target).expect("a rule");
        assert_eq!(
            (of("self").class, of("self").permissions.clone()),
            ("capability", vec!["sys_admin".into()])
        );
        assert!(of(ROOT_TYPE).permissions.contains(&"mounton".to_owned()));
        assert!(rules.iter().all(|rule| !rule.permissions.is_empty()), "{rules:?}");
        for needed in [HOME_TYPE, VOLUME_TYPE] {
            of(needed);
        }
    }

    #[test]
    fn nothing_in_the_policy_is_unconfined() {
        let tokens = tokens();
        assert!(!tokens.iter().any(|token| token.contains("unconfined")), "{tokens:?}");
    }

    #[test]
    fn labels_are_for_the_jail_root_that_was_chosen() {
        let text = policy(Path::new("/srv/sftp.jails"));
        assert!(
            text.contains("(filecon \"/srv/sftp\\.jails\" dir (system_u object_r sftpjail_root_t"),
            "{text}"
        );
        assert!(text.contains("(filecon \"/srv/sftp\\.jails/.*\" any ())"), "{text}");
        assert!(!text.contains("\"/jail"), "{text}");
        assert_eq!(policy(Path::new("/jail")), TEXT);
    }
}
