use super::*;

mod several;
mod slips;

/// The line and what is so, and what to write. It is the first of all that is wrong.
fn problem(text: &str) -> (String, String) {
    match Config::parse(text) {
        Err(problem) => {
            let has_text = !text.chars().all(|c| c.is_whitespace() || c == '\0');
            assert!(!has_text || Config::problems(text).first() == Some(&problem), "{text}");
            (problem.sentence(), problem.fix)
        }
        Ok(config) => panic!("accepted: {config:?}"),
    }
}

#[test]
fn a_file_with_comments_only_is_the_default_and_one_without_any_text_is_an_error() {
    assert_eq!(Config::parse("# as it is built in\n").unwrap(), Config::default());
    // A full disk leaves no bytes, and a power cut leaves NULs.
    for text in ["", "\n \n", "\0\0\0\0"] {
        assert_eq!(problem(text).0, "is empty, as a full disk leaves a file behind");
    }
}

/// What a relative path means depends on who runs sshd, and where.
#[test]
fn the_path_of_the_configuration_is_absolute() {
    let load = |path: &str| Config::load(Some(Path::new(path))).unwrap_err().to_string();
    assert!(load("sftpjail.toml").contains("is relative"), "{}", load("sftpjail.toml"));
    assert!(!load("/dev/null/none").contains("is relative"), "{}", load("/dev/null/none"));
}

#[test]
fn what_setup_writes_is_the_default() {
    let mut config = Config::parse(include_str!("../../../config/home.toml")).unwrap();
    assert!(config.profiles[0].line.take().is_some());
    assert_eq!(config, Config::default());
}

#[test]
fn every_switch_is_read() {
    let text = r#"
        jail_root = "//srv/./jail/"
        namespace = "host"
        exempt_groups = ["sudo", "wheel"]
        [[profile]]
        name = "docs"
        groups = ["a", "b"]
        home = "read-only"
        log = false
        names = false
        localtime = false
        max_sessions = 4
        guard = [".ssh", ".forward", ".config/systemd", "own/"]
    "#;
    let config = Config::parse(text).unwrap();
    assert_eq!(config.jail_root, Normalised::of(["srv", "jail"]));
    assert_eq!(config.groups().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(config.namespace, Namespace::Host);
    assert_eq!(config.exempt_groups, ["sudo", "wheel"]);
    let profile = &config.profiles[0];
    assert_eq!((profile.home, profile.max_sessions), (HomeAccess::ReadOnly, Some(4)));
    assert!(!profile.log && !profile.names && !profile.localtime);
    let guard: Vec<_> = profile.guard.iter().map(|g| (g.path(), g.is_directory())).collect();
    let expected = [(".ssh", true), (".forward", false), (".config/systemd", true), ("own", true)];
    assert_eq!(guard, expected.map(|(path, is_directory)| (path.into(), is_directory)));
}

#[test]
fn the_upload_portal_that_setup_writes_is_read() {
    let config = Config::parse(include_str!("../../../config/upload-portal.toml")).unwrap();
    let profile = &config.profiles[0];
    assert_eq!((profile.home, profile.umask), (HomeAccess::None, Some(0o027)));
    let [volume] = &profile.volumes[..] else { panic!("{:?}", profile.volumes) };
    assert_eq!(volume.source, Template::parse("/srv/sftp/%u").unwrap());
    assert_eq!(volume.target, Template::parse("/uploads").unwrap());
    assert!(!volume.read_only);
    assert_eq!(volume.create.as_ref().unwrap().mode, 0o750);
}

#[test]
fn invalid_profiles_are_refused() {
    let of = |volume: &str| format!("[[profile]]\nname = \"p\"\ngroups = [\"g\"]\n{volume}\n");
    for (text, what) in [
        (
            of("home = \"none\"\nhome_owner = \"web\""),
            "line 5: profile p: home_owner is for the home, but home = \"none\"",
        ),
        (of("home_owner = \"\""), "home_owner: \"\" is not a valid name"),
        (of("umask = \"28\""), "umask 28 is not an octal number up to 777"),
        (of("umask = \"+7\""), "is not an octal number"),
        (of("umask = \"1000\""), "is not an octal number"),
        (of("max_sessions = 0"), "max_sessions = 0 refuses everybody"),
        (of("guard = [\"/etc\"]"), "guard /etc is absolute"),
        (of("guard = [\"\"]"), "guard \"\" names nothing below the home"),
        (of("guard = [\"/\"]"), "guard / names nothing below the home"),
        (of("guard = [\"~/.ssh\"]"), "contains ~ or %"),
        (of("guard = [\"%h/.ssh\"]"), "contains ~ or %"),
        (of("guard = [\"a/../b\"]"), "guard a/../b contains '..'"),
        (of("guard = [\"a//b\"]"), "guard a//b has an empty component or '.'"),
        (of("guard = [\".\"]"), "guard . has an empty component or '.'"),
        (of("guard = [\"a\\nb\"]"), "contains a control character"),
        (of("guard = [\".ssh\", \".ssh/\"]"), "guard .ssh/ and .ssh overlap"),
        (of("guard = [\".ssh/rc\", \".ssh\"]"), "guard .ssh and .ssh/rc overlap"),
        (
            of("home = \"none\"\nguard = [\".ssh\"]\n[[profile.volume]]\nsource = \"/a\"\ntarget = \"/b\""),
            "line 5: profile p: guard is for paths below the home, but home = \"none\"",
        ),
        (of("[[profile.volume]]\nsource = \"/a/%x\"\ntarget = \"/b\""), "source \"/a/%x\" contains %x"),
        (of("[[profile.volume]]\nsource = \"/a\"\ntarget = \"/b%\""), "target \"/b%\" ends in a %"),
        (
            of(
                "[[profile.volume]]\nsource=\"/a\"\ntarget=\"/b\"\ncreate={owner=\"a\", group=\"b\", mode=\"rwx\"}",
            ),
            "create.mode rwx is not an octal number up to 7777",
        ),
        (
            of(
                "[[profile.volume]]\nsource=\"/a\"\ntarget=\"/b\"\nowner=\"web\"\ncreate={owner=\"%u\", group=\"web\", mode=\"0750\"}",
            ),
            "line 8: profile p: create.owner %u gives the directory to the user, and owner what is in it to web",
        ),
    ] {
        let (said, fix) = problem(&text);
        assert!(said.starts_with("line ") && said.contains(what) && !fix.is_empty(), "{said}; {fix}");
    }
}

#[test]
fn invalid_values_are_refused() {
    for root in ["jail", "/", "", "/a/../b", "/a\\nb"] {
        let said = problem(&format!("\njail_root = \"{root}\"")).0;
        assert!(said.starts_with("line 2: jail_root "), "{said}");
    }
    let profile = |line: &str| format!("[[profile]]\nname = \"p\"\n{line}\n");
    for (text, said) in [
        ("services = []".into(), "line 1: services is empty"),
        (
            "exempt_groups = [\"wheel\", \"sftp\"]".into(),
            "line 1: exempt_groups and the profile home both have the group sftp",
        ),
        ("exempt_groups = [\"\"]".into(), "line 1: exempt_groups: \"\" is not a valid name"),
        ("profile = []".into(), "line 1: profile is empty"),
        ("[[profile]]\nname = \"\"\ngroups = [\"g\"]".into(), "line 2: name: \"\" is not a valid name"),
        (profile("groups = []"), "line 3: profile p: groups is empty"),
        (profile("groups = [\"g\"]").repeat(2), "line 5: there are two profiles named p"),
    ] {
        assert_eq!(problem(&text).0, said);
    }
}

#[test]
fn a_given_path_must_be_absolute_and_exist() {
    for path in ["config.toml", "", "/nonexistent/config.toml"] {
        assert!(Config::load(Some(Path::new(path))).is_err(), "{path}");
    }
}
