use super::*;

fn problem(text: &str) -> String {
    match Config::parse(text) {
        Err(problem) => problem.to_string(),
        Ok(config) => panic!("accepted: {config:?}"),
    }
}

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(Config::parse("").unwrap(), Config::default());
}

#[test]
fn the_readme_spells_the_default_out() {
    let readme = include_str!("../../../README.md");
    let (text, _) = readme.split_once("```toml\n").unwrap().1.split_once("```").unwrap();
    assert_eq!(Config::parse(text).unwrap(), Config::default());
}

#[test]
fn every_switch_is_read() {
    let text = r#"
        jail_root = "//srv/./jail/"
        [[profile]]
        name = "docs"
        groups = ["a", "b"]
        home = "read-only"
        log = false
        names = false
        localtime = false
    "#;
    let config = Config::parse(text).unwrap();
    assert_eq!(config.jail_root, Normalised::of(["srv", "jail"]));
    assert_eq!(config.groups().collect::<Vec<_>>(), ["a", "b"]);
    let profile = &config.profiles[0];
    assert_eq!(profile.home, HomeAccess::ReadOnly);
    assert!(!profile.log && !profile.names && !profile.localtime);
}

#[test]
fn what_is_not_built_yet_is_refused_by_name() {
    let in_profile = |line: &str| format!("[[profile]]\nname = \"p\"\ngroups = [\"g\"]\n{line}\n");
    for (text, key) in [
        ("namespace = \"host\"".to_owned(), "namespace = \"host\""),
        (in_profile("home = \"none\""), "home = \"none\""),
        (in_profile("umask = \"027\""), "umask"),
        (in_profile("max_sessions = 4"), "max_sessions"),
        (in_profile("[[profile.volume]]\nsource = \"/a\"\ntarget = \"/b\""), "volume"),
    ] {
        let said = problem(&text);
        assert!(said.contains(key) && said.contains("not supported yet"), "{said}");
    }
}

#[test]
fn mistakes_are_named_with_their_line() {
    assert_eq!(
        problem("jail_root = \"/jail\"\nservces = [\"sshd\"]\n"),
        "line 2: unknown field `servces`, expected one of `jail_root`, `namespace`, `services`, `profile`"
    );
    assert!(problem("jail_root = /jail").starts_with("line 1: "));
    assert!(problem("\n\nnamespace = \"chroot\"").starts_with("line 3: unknown variant `chroot`"));
    assert!(problem("[[profile]]\nname = \"x\"").contains("missing field `groups`"));
    assert!(problem("[[profile]]\nname = \"x\"\ngroups = \"sftp\"").starts_with("line 3: "));
    assert!(
        problem("[[profile]]\n[[profile.volume]]\nsorce = \"x\"")
            .starts_with("line 3: unknown field `sorce`")
    );
}

#[test]
fn values_that_cannot_be_meant_are_refused() {
    for root in ["jail", "/", "", "/a/../b", "/a\\nb"] {
        let said = problem(&format!("jail_root = \"{root}\""));
        assert!(said.starts_with("jail_root "), "{said}");
    }
    assert_eq!(problem("services = []"), "services is empty; name at least one");
    assert_eq!(problem("profile = []"), "profile is empty; remove it or describe one");
    assert!(problem("[[profile]]\nname = \"\"\ngroups = [\"g\"]").contains("is not a name"));
    assert!(problem("[[profile]]\nname = \"p\"\ngroups = []").contains("groups is empty"));
    let twice = "[[profile]]\nname = \"p\"\ngroups = [\"g\"]\n".repeat(2);
    assert_eq!(problem(&twice), "there are two profiles named p; rename one");
}

#[test]
fn a_path_that_is_given_must_be_absolute_and_exist() {
    for path in ["config.toml", "", "/nonexistent/config.toml"] {
        assert!(Config::load(Some(Path::new(path))).is_err(), "{path}");
    }
}
