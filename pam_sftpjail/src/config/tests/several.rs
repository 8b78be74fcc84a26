//! What is said of a text with several slips: all of them, and nothing that follows from one.

use crate::config::Config;

/// The lines, and what is so in each.
#[track_caller]
fn all(text: &str, expected: &[&str]) {
    let all: Vec<_> = Config::problems(text).iter().map(|problem| problem.sentence()).collect();
    assert_eq!(all, expected, "{text}");
}

#[test]
fn keys_words_types_and_values_are_all_named() {
    all(
        "namespace = \"hots\"\nservices = []\njail_rot = \"/x\"\n\
         [[profile]]\nname = \"a\"\ngroups = [\"g\"]\numask = 22\nmax_sessions = 0\n\
         guard = [\"/etc\", \".ssh\", \"~/x\"]\n\
         [[profile.volume]]\nsource = \"/a/%x\"\ntarget = \"/b%\"\nread_only = 1\n\
         create = { owner = \"%u\", group = 7, mode = \"rwx\" }\n\
         [[profile]]\nname = \"a\"\ngroups = []\nhome = \"none\"\nhome_owner = \"web\"\n",
        &[
            "line 3: there is no key jail_rot",
            "line 1: namespace hots is none of private, host",
            "line 2: services is empty",
            "line 7: umask is a number",
            "line 8: profile a: max_sessions = 0 refuses everybody",
            "line 9: profile a: guard /etc is absolute, but a guard is for paths below the home",
            "line 9: profile a: guard \"~/x\" contains ~ or %, but every guard is below the home anyway",
            "line 11: profile a: source \"/a/%x\" contains %x",
            "line 12: profile a: target \"/b%\" ends in a %",
            "line 13: read_only is a number",
            "line 14: group is a number",
            "line 14: profile a: create.mode rwx is not an octal number up to 7777",
            "line 16: there are two profiles named a",
            "line 17: profile a: groups is empty",
            "line 19: profile a: home_owner is for the home, but home = \"none\"",
        ],
    );
}

#[test]
fn lines_that_are_no_toml_do_not_hide_the_others() {
    all(
        "namespace = host\n[[profile]\nname = \"a\"\ngroups = sftp\numask = 022\nlog = \"yes\"\nhome: rw\nlogs = true\n",
        &[
            "line 1: the value of namespace is not written as TOML wants it",
            "line 2: unclosed array table, expected `]`",
            "line 4: the value of groups is not written as TOML wants it",
            "line 5: the value of umask is not written as TOML wants it",
            "line 6: log is a text",
            "line 7: the value of home is not written as TOML wants it",
            "line 8: there is no key logs",
        ],
    );
    all(
        "[profile]\nname = \"a\"\ngroups = [\"g\"]\numask = 22\n",
        &["line 1: profile is a table", "line 4: umask is a number"],
    );
}

/// What comes after it may be part of its value.
#[test]
fn after_a_value_without_an_end_nothing_is_said() {
    for unended in
        ["groups = [\"sftp", "groups = [\"a\",\n\"b", "groups = [\n\"a\",\n b,\n]", "name = \"\"\"a"]
    {
        let text = format!("namespace = 1\n[[profile]]\n{unended}\numask = 22\nlogs = 1\n");
        let all: Vec<_> = Config::problems(&text).iter().map(|problem| problem.sentence()).collect();
        let [_, before] = &all[..] else { panic!("{text}{all:?}") };
        assert_eq!(before, "line 1: namespace is a number");
    }
}

/// What is missing may be misspelt, or stand in a line that cannot be read.
#[test]
fn nothing_is_said_that_may_follow_from_an_earlier_slip() {
    all("[[profile]]\nname = \"a\"\ngrups = [\"g\"]\n", &["line 3: there is no key grups"]);
    all(
        "[[profile]]\nname = \"a\"\ngroups = sftp\n",
        &["line 3: the value of groups is not written as TOML wants it"],
    );
    all("exempt_groups = [\"sftp\"]\n[[profiles]]\nname = \"a\"\n", &["line 2: there is no key profiles"]);
    all("exempt_groups = [\"sftp\"]\nprofile = 7\n", &["line 2: profile is a number"]);
    all("[[profile]]\ngroups = \"g\"\n", &["line 1: a profile has no name", "line 2: groups is a text"]);
    all(
        "[[profile]]\nname = \"a\"\ngroups = [\"g\"]\nhome = \"nome\"\nguard = [\".ssh\"]\n",
        &["line 4: profile a: home nome is none of read-write, read-only, none"],
    );
}

#[test]
fn a_configuration_that_can_be_used_has_no_problem_and_a_long_one_is_left_alone() {
    all(include_str!("../../../../config/upload-portal.toml"), &[]);
    let long = "umask = 022\n".repeat(10_000);
    assert_eq!(Config::problems(&long).len(), 50);
}
