//! What an admin types wrongly, and the sentence that says what was meant.

use super::problem;

#[track_caller]
fn meant(text: &str, said: &str, fix: &str) {
    assert_eq!(problem(text), (said.to_owned(), fix.to_owned()), "{text}");
}

/// A slip in the fourth line, in a profile.
#[track_caller]
fn in_profile(line: &str, said: &str, fix: &str) {
    in_profile_at(4, line, said, fix);
}

/// The same, in this line: some begin several.
#[track_caller]
fn in_profile_at(line: usize, lines: &str, said: &str, fix: &str) {
    let text = format!("[[profile]]\nname = \"p\"\ngroups = [\"g\"]\n{lines}\n");
    meant(&text, &format!("line {line}: {said}"), fix);
}

#[test]
fn a_misspelt_key_is_named_with_the_one_that_was_meant() {
    for (key, known) in [
        ("jail_rot = \"/x\"", "jail_root"),
        ("jail-root = \"/x\"", "jail_root"),
        ("JailRoot = \"/x\"", "jail_root"),
        ("namspace = \"host\"", "namespace"),
        ("servces = [\"sshd\"]", "services"),
        ("exempt_group = [\"sudo\"]", "exempt_groups"),
        ("[[profiles]]", "profile"),
    ] {
        let name = key.split(['=', ' ']).next().unwrap().trim_matches(['[', ']']);
        meant(
            &format!("# jails\n{key}\n"),
            &format!("line 2: there is no key {name}"),
            &format!("write {known}"),
        );
    }
    for (name, known) in [
        ("max_session", "max_sessions"),
        ("max-sessions", "max_sessions"),
        ("maxsessions", "max_sessions"),
        ("group", "groups"),
        ("homes", "home"),
        ("unmask", "umask"),
        ("gaurd", "guard"),
        ("logs", "log"),
        ("localtme", "localtime"),
        ("volumes", "volume"),
    ] {
        let text = format!("[[profile]]\n{name} = 1\n");
        meant(&text, &format!("line 2: there is no key {name}"), &format!("write {known}"));
    }
    meant("group = \"sftp\"", "line 1: there is no key group", "write groups below a [[profile]]");
    in_profile(
        "colour = \"red\"",
        "there is no key colour",
        "the keys of a profile are name, groups, home, home_owner, umask, max_sessions, guard, log, names, localtime, volume",
    );
}

#[test]
fn a_key_in_the_wrong_table_is_named_with_its_place() {
    meant("umask = \"027\"", "line 1: umask is no key of the file", "write it below a [[profile]]");
    meant("source = \"/a\"", "line 1: source is no key of the file", "write it below a [[profile.volume]]");
    meant(
        "[[volume]]\nsource = \"/a\"",
        "line 1: volume is no key of the file",
        "write it below a [[profile]]",
    );
    in_profile(
        "exempt_groups = [\"sudo\"]",
        "exempt_groups is no key of a profile",
        "write it above the first [[profile]]",
    );
    in_profile(
        "read_only = true",
        "read_only is no key of a profile",
        "write it below a [[profile.volume]]; for the home, write home = \"read-only\"",
    );
    let volume = "[[profile.volume]]\nsource = \"/a\"\n";
    for (line, said) in [
        ("home = \"none\"", "home is no key of a volume"),
        ("maxsessions = 4", "there is no key maxsessions"),
    ] {
        let fix = if line.starts_with("home") { "write it" } else { "write max_sessions" };
        in_profile_at(6, &format!("{volume}{line}"), said, &format!("{fix} above [[profile.volume]]"));
    }
    in_profile(
        "owner = \"web\"",
        "owner is no key of a profile",
        "write it below a [[profile.volume]]; for the home, write home_owner",
    );
    meant(
        "[[profile]]\nname = \"p\"\ngroups = [\"g\"]\n[[profile.volume]]\nsorce = \"/a\"\n",
        "line 5: there is no key sorce",
        "write source",
    );
}

#[test]
fn a_value_of_another_type_is_shown_as_it_was_meant() {
    for (line, is, fix) in [
        ("umask = 22", "umask is a number", "umask = \"022\""),
        ("umask = 0o22", "umask is a number", "umask = \"022\""),
        ("umask = 0", "umask is a number", "umask = \"000\""),
        ("umask = 28", "umask is a number", "umask = \"027\""),
        ("umask = [\"022\"]", "umask is a list", "umask = \"022\""),
        ("max_sessions = \"4\"", "max_sessions is a text", "max_sessions = 4"),
        ("max_sessions = \"0\"", "max_sessions is a text", "max_sessions = 10"),
        ("max_sessions = 4.0", "max_sessions is a fraction", "max_sessions = 4"),
        ("max_sessions = -1", "max_sessions is a number", "max_sessions = 10"),
        ("max_sessions = true", "max_sessions is true or false", "max_sessions = 10"),
        ("guard = \".ssh\"", "guard is a text", "guard = [\".ssh\"]"),
        ("guard = [1]", "guard is a list", "guard = [\"1\"]"),
        ("log = \"yes\"", "log is a text", "log = true"),
        ("log = 0", "log is a number", "log = false"),
        ("names = \"maybe\"", "names is a text", "names = true"),
        ("home = true", "home is true or false", "home = \"read-write\""),
        ("home = [\"ro\"]", "home is a list", "home = \"read-only\""),
        ("home = 7", "home is a number", "home = \"read-write\" or home = \"read-only\" or home = \"none\""),
        ("volume = \"/srv\"", "volume is a text", "[[profile.volume]]"),
    ] {
        in_profile(line, is, &format!("write {fix}"));
    }
    meant("services = \"sshd\"", "line 1: services is a text", "write services = [\"sshd\"]");
    meant(
        "[[profile]]\nname = \"p\"\ngroups = \"sftp, ftp users\"\n",
        "line 3: groups is a text",
        "write groups = [\"sftp\", \"ftp users\"]",
    );
    meant("[profile]\nname = \"p\"\n", "line 1: profile is a table", "write [[profile]]");
    let volume =
        "[[profile]]\nname = \"p\"\ngroups = [\"g\"]\n[[profile.volume]]\nsource = \"/a\"\ntarget = \"/b\"\n";
    let example = "write create = { owner = \"%u\", group = \"%g\", mode = \"0750\" }";
    meant(&format!("{volume}create = true\n"), "line 7: create is true or false", example);
    let create = "create = { owner = \"%u\", group = \"%g\", mode = 750 }\n";
    meant(&format!("{volume}{create}"), "line 7: mode is a number", "write mode = \"750\"");
}

#[test]
fn a_word_that_is_none_of_the_known_is_the_nearest() {
    let words = "none of read-write, read-only, none";
    for (word, meant) in [
        ("readonly", "read-only"),
        ("read_only", "read-only"),
        ("ro", "read-only"),
        ("Read-Write", "read-write"),
        ("rw", "read-write"),
        ("nome", "none"),
    ] {
        in_profile(
            &format!("home = \"{word}\""),
            &format!("profile p: home {word} is {words}"),
            &format!("write home = \"{meant}\""),
        );
    }
    meant(
        "namespace = \"hots\"",
        "line 1: namespace hots is none of private, host",
        "write namespace = \"host\"",
    );
    meant(
        "namespace = \"public\"",
        "line 1: namespace public is none of private, host",
        "write namespace = \"private\" or namespace = \"host\"",
    );
}

#[test]
fn a_line_that_is_no_toml_is_shown_as_it_was_meant() {
    let odd = |key: &str| format!("the value of {key} is not written as TOML wants it");
    for (line, key, fix) in [
        ("umask = 022", "umask", "umask = \"022\""),
        ("umask: 022", "umask", "umask = \"022\""),
        ("umask 022", "umask", "umask = \"022\""),
        ("Umask=022 # as on the old server", "umask", "umask = \"022\""),
        ("log = yes", "log", "log = true"),
        ("log = False", "log", "log = false"),
        ("home = read-only", "home", "home = \"read-only\""),
        ("max_sessions = 4 sessions", "max_sessions", "max_sessions = 10"),
        ("guard = [.ssh, .forward]", "guard", "guard = [\".ssh\", \".forward\"]"),
        ("guard = “.ssh”", "guard", "guard = [\".ssh\"]"),
    ] {
        in_profile(line, &odd(key), &format!("write {fix}"));
    }
    meant(
        "jail_root = /srv/jail",
        &format!("line 1: {}", odd("jail_root")),
        "write jail_root = \"/srv/jail\"",
    );
    meant("jail_root = \"/jail", &format!("line 1: {}", odd("jail_root")), "write jail_root = \"/jail\"");
    // What would need an escape is not repeated.
    meant("jail_root = /srv/\"a\"b", &format!("line 1: {}", odd("jail_root")), "write jail_root = \"/jail\"");
    meant(
        "namespace =",
        &format!("line 1: {}", odd("namespace")),
        "write namespace = \"private\" or namespace = \"host\"",
    );
    let text = "[[profile]]\numask = \"027\"\numask = \"022\"\n";
    meant(text, "line 3: umask is there twice", "keep one of them");
}

#[test]
fn what_has_no_end_is_named_with_the_line_in_which_it_begins() {
    let quote = "a quote in the value of groups is not closed";
    let list = "the value of groups has no end";
    let fix = "write groups = [\"sftp\"]";
    for (lines, said, fix) in [
        ("groups = [\"sftp]\nhome = \"none\"", format!("line 3: {quote}"), fix),
        ("groups = [\"sftp]\n\n# a comment\n[[profile.volume]]", format!("line 3: {quote}"), fix),
        ("groups = ['sftp]\nhome = \"none\"", format!("line 3: {quote}"), fix),
        ("groups = [\"sftp\"\nhome = \"none\"", format!("line 3: {list}"), fix),
        ("groups = [\"sftp\",\nhome = \"none\"", format!("line 3: {list}"), fix),
        ("groups = [\"sftp\"\n\n[[profile.volume]]\nsource = \"/a\"", format!("line 3: {list}"), fix),
        ("groups = [\"a\",\n  \"b]\nhome = \"none\"", format!("line 4: {quote}"), "correct the line: \"b]"),
        (
            "groups = [\"a\",\n  \"b\"\nhome = \"none\"",
            format!("line 3: {list}"),
            "write groups = [\"a\", \"b\"]",
        ),
        (
            "groups = [\"a\", # \"\n  \"b\" \"c\"]\nhome = \"none\"",
            "line 4: missing comma between array elements, expected `,`".into(),
            "correct the line: \"b\" \"c\"]",
        ),
        ("groups = \"\"\"a\n", "line 3: the value of groups has no end".into(), "write groups = [\"a\"]"),
        (
            "groups = [\n\"a\",\n\"b\"]\numask = 022",
            "line 6: the value of umask is not written as TOML wants it".into(),
            "write umask = \"022\"",
        ),
    ] {
        meant(&format!("[[profile]]\nname = \"p\"\n{lines}\n"), &said, fix);
    }
    let create = "[[profile.volume]]\ncreate = { owner = \"%u\", group = \"%g\"\nread_only = true";
    in_profile_at(
        5,
        create,
        "the value of create has no end",
        "write create = { owner = \"%u\", group = \"%g\", mode = \"0750\" }",
    );
}

#[test]
fn headers_and_other_text() {
    meant("[[profile]\nname = \"p\"", "line 1: unclosed array table, expected `]`", "write [[profile]]");
    meant("[[profile]]\n[profile]\n", "line 2: [profile] is there twice", "write [[profile]]");
    meant("profile = 1\n[[profile]]\n[profile]\n", "line 2: [[profile]] is there twice", "write [[profile]]");
    meant(
        "namespace = \"host\"\n\n[profile] # one\nname = \"p\"\n[[profile]]\n",
        "line 3: [profile] is in single brackets, so there could be one only",
        "write [[profile]]",
    );
    meant(
        "[[profile]]\nname = \"p\"\n[profile.volume]\n[[profile.volume]]\n",
        "line 3: [profile.volume] is in single brackets, so there could be one only",
        "write [[profile.volume]]",
    );
    meant(
        "{ \"jail\": 1 }",
        "line 1: invalid key-value pair, expected key",
        "correct the line: { \"jail\": 1 }",
    );
}

#[test]
fn what_a_table_must_have_is_asked_for() {
    meant(
        "\n[[profile]]\nname = \"p\"",
        "line 2: a profile has no groups",
        "add a line such as groups = [\"sftp\"]",
    );
    meant(
        "[[profile]]\ngroups = [\"g\"]",
        "line 1: a profile has no name",
        "add a line such as name = \"home\"",
    );
    in_profile(
        "[[profile.volume]]\nsource = \"/a\"",
        "a volume has no target",
        "add a line such as target = \"/uploads\"",
    );
    let text = "[[profile]]\nname = \"p\"\ngroups = [\"g\"]\n[[profile.volume]]\nsource = \"/a\"\ntarget = \"/b\"\n\
                create = { owner = \"%u\", mode = \"0750\" }\n";
    meant(text, "line 7: create has no group", "add a line such as group = \"%g\"");
}
