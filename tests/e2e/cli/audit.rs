//! `sftpjail audit`: it shows what real clients did.

mod answers;
mod follow;
mod gaps;
pub(crate) mod journal;
mod source;

use sandbox::{LiveSftp, Namespace, Sandbox};
use serde_json::Value;
use std::thread::sleep;
use std::time::Duration;

in_both_namespaces!(a_directory_that_is_made_for_a_volume_has_its_paths_only_where_that_is_mounted);

/// A sandbox with rsyslog's drop-in and these members.
pub(crate) fn machine(users: &[&str]) -> Sandbox {
    let sb = Sandbox::new();
    sb.install_log_drop_in();
    for user in users {
        sb.user(*user).group("sftp").add();
        // Only root can read it, so that a get fails.
        sb.sh(&format!("cd /home/{user}; echo x > secret; chmod 600 secret"));
    }
    sb
}

/// The operations (or sums) and gaps of `sftpjail audit --json ARGUMENTS`. Panics if it fails.
#[track_caller]
pub(crate) fn audit(sb: &Sandbox, arguments: &str) -> (Vec<Value>, Vec<Value>) {
    let out = sb.sh(&format!("sftpjail audit --json {arguments}"));
    let lines = out.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let (operations, gaps): (Vec<_>, Vec<_>) = lines.partition(|line| line["kind"] != "gap");
    assert!(operations.iter().chain(&gaps).all(|line| line["version"] == 3), "{out}");
    (operations, gaps)
}

/// `open /home/mle/x` and, in this order, ` -> TARGET`, ` DETAIL`, ` READ/WRITTEN`, `: RESULT`.
pub(crate) fn described(operation: &Value) -> String {
    let text = |key: &str| operation[key].as_str().unwrap_or_default().to_owned();
    let mut description = text("operation") + " " + &text("path");
    for (before, key) in [(" -> ", "target"), (" ", "detail")] {
        if !operation[key].is_null() {
            description += before;
            description += &text(key);
        }
    }
    if let (Some(read), Some(written)) = (operation["read"].as_u64(), operation["written"].as_u64()) {
        description += &format!(" {read}/{written}");
    }
    match operation["status"].as_str() {
        None => description + ": " + &text("result"),
        Some(status) => description + ": " + &text("result") + " " + status,
    }
}

/// Kind and count of each gap.
pub(crate) fn kinds(gaps: &[Value]) -> Vec<(&str, u64)> {
    gaps.iter().map(|gap| (gap["gap"].as_str().unwrap(), gap["count"].as_u64().unwrap())).collect()
}

/// Ends a session, and waits until its last entry is in the log.
#[track_caller]
pub(crate) fn quit(sb: &Sandbox, live: LiveSftp, user: &str) {
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_log(&format!("]: session closed for local user {user} from"));
}

/// Commands, each with the operations that it should be shown as. The uploaded file has `size` bytes.
fn commands(user: &str, size: usize) -> Vec<(String, Vec<String>)> {
    let home = format!("/home/{user}");
    let upload = format!("/tmp/{user}-upload");
    let put = "WRITE,CREATE,TRUNCATE";
    [
        ("mkdir d".to_owned(), vec![format!("mkdir {home}/d mode 0777: ok")]),
        (
            format!("put {upload} d/a"),
            vec![format!("open {home}/d/a {put}: ok"), format!("close {home}/d/a 0/{size}: ok")],
        ),
        (
            format!("get d/a {upload}-back"),
            vec![format!("open {home}/d/a READ: ok"), format!("close {home}/d/a {size}/0: ok")],
        ),
        ("chmod 600 d/a".to_owned(), vec![format!("set {home}/d/a mode 0600: ok")]),
        ("rename d/a d/b".to_owned(), vec![format!("rename {home}/d/a -> {home}/d/b: ok")]),
        ("ln d/b d/hard".to_owned(), vec![format!("link {home}/d/b -> {home}/d/hard: ok")]),
        ("ln -s ../x d/soft".to_owned(), vec![format!("symlink {home}/d/soft -> ../x: ok")]),
        ("ls d".to_owned(), vec![format!("opendir {home}/d: ok"), format!("closedir {home}/d: ok")]),
        // Odd names.
        (
            format!("put {upload} \"d/a \\\"\u{e9}\""),
            vec![
                format!("open {home}/d/a \"\u{e9} {put}: ok"),
                format!("close {home}/d/a \"\u{e9} 0/{size}: ok"),
            ],
        ),
        // Not allowed. A file that was not opened is not closed, so the result is known.
        ("get secret".to_owned(), vec![format!("open {home}/secret READ: failed Permission denied")]),
        (format!("put {upload} /x"), vec![format!("open /jail/{user}/x {put}: failed Failure")]),
        // The directory is not empty. At the level INFO a look-up may have failed instead.
        ("rmdir d".to_owned(), vec![format!("rmdir {home}/d: unclear Failure")]),
        ("rm d/hard".to_owned(), vec![format!("remove {home}/d/hard: ok")]),
        // A directory of the jail itself.
        (
            "ls /".to_owned(),
            vec![format!("opendir /jail/{user}/: ok"), format!("closedir /jail/{user}/: ok")],
        ),
    ]
    .into()
}

#[test]
fn what_three_users_do_at_once_is_shown_exactly() {
    let users = [("anna", 8, "127.0.0.2"), ("joe", 80_000, "127.0.0.3"), ("mle", 0, "127.0.0.4")];
    let sb = machine(&users.map(|(user, ..)| user));
    let mut lives = Vec::new();
    for (user, size, address) in users {
        sb.write(format!("/tmp/{user}-upload"), "x".repeat(size));
        // sshd sees the address that the client binds.
        let live = sb.login(user).option(&format!("BindAddress={address}")).live();
        lives.push((user, live, commands(user, size)));
    }
    let pids: Vec<_> =
        users.iter().map(|(user, ..)| sb.pids(&format!("sshd: {user}@internal-sftp"))[0]).collect();
    for step in 0..lives[0].2.len() {
        for (_, live, commands) in &mut lives {
            live.send(&commands[step].0);
        }
    }
    let mut expected = Vec::new();
    for (user, live, commands) in lives {
        quit(&sb, live, user);
        expected.push(commands.into_iter().flat_map(|(_, operations)| operations).collect::<Vec<_>>());
    }

    let (operations, gaps) = audit(&sb, "");
    assert_eq!(kinds(&gaps), [("unclear", 3)]);
    for (((user, _, address), expected), pid) in users.iter().zip(&expected).zip(pids) {
        let own: Vec<_> = operations.iter().filter(|operation| operation["user"] == *user).collect();
        assert_eq!(own.iter().map(|operation| described(operation)).collect::<Vec<_>>(), *expected);
        for operation in &own {
            assert_eq!((&operation["address"], &operation["pid"]), (&(*address).into(), &pid.into()));
            assert_eq!(operation["host"], "sandbox");
        }
        let (alone, _) = audit(&sb, user);
        assert_eq!(alone.iter().collect::<Vec<_>>(), own);
    }
    assert_eq!(operations.len(), expected.iter().map(Vec::len).sum::<usize>());
    assert!(operations.is_sorted_by_key(|operation| operation["time"].to_string()));
    // Everything that may be asked for.
    let closed: Vec<_> = audit(&sb, "joe --op close --path '/home/*/d/?'").0.iter().map(described).collect();
    assert_eq!(closed, ["close /home/joe/d/a 0/80000: ok", "close /home/joe/d/a 80000/0: ok"]);
    assert_eq!(audit(&sb, "--path /x").0.len(), 3, "as the user named it");
    let third = operations[2]["time"].as_str().unwrap();
    assert_eq!(audit(&sb, &format!("--since {third}")).0, operations[2..]);
    assert_eq!(audit(&sb, &format!("--until {third}")).0, operations[..2]);
    assert_eq!(audit(&sb, "--since 1h").0.len(), operations.len());
    assert_eq!(audit(&sb, "--until 1h").0.len(), 0);
}

#[test]
fn at_the_level_verbose_every_result_is_known() {
    let sb = machine(&["mle"]);
    sb.sh("sed -i 's/-l INFO/-l VERBOSE/' /etc/ssh/sshd_config; mkdir -p /home/mle/full/x; chown -R mle /home/mle/full");
    let mut live = sb.sftp_live("mle");
    for command in ["rm none", "rmdir full", "mkdir d", "put /etc/hostname d/a", "rename none other"] {
        live.send(command);
    }
    quit(&sb, live, "mle");
    let (operations, gaps) = audit(&sb, "--op remove,mkdir,open,rename --op rmdir");
    let expected = [
        "remove /home/mle/none: failed No such file",
        // An invalid handle would get the same answer, without an entry of its own.
        "rmdir /home/mle/full: unclear Failure",
        "mkdir /home/mle/d mode 0777: ok",
        "open /home/mle/d/a WRITE,CREATE,TRUNCATE: ok",
        "rename /home/mle/none -> /home/mle/other: failed No such file",
    ];
    assert_eq!(operations.iter().map(described).collect::<Vec<_>>(), expected);
    assert_eq!(kinds(&gaps), [("unclear", 1)]);
    let look_ups: Vec<_> = audit(&sb, "--op lstat,stat").0.iter().map(described).collect();
    assert!(look_ups.contains(&"stat /home/mle/d/a: failed No such file".to_owned()), "{look_ups:#?}");
}

#[test]
fn paths_in_a_volume_are_those_of_its_source() {
    let sb = Sandbox::new();
    let volume = "[[profile.volume]]\nsource = \"/srv/sftp/%u\"\ntarget = \"/uploads\"\n\
                  create = { owner = \"%u\", group = \"%g\", mode = \"0750\" }\n";
    sb.sh("mkdir -p /etc/sftpjail /srv/sftp");
    let profile = "[[profile]]\nname = \"portal\"\ngroups = [\"sftp\"]\nhome = \"none\"\n";
    sb.write("/etc/sftpjail/config.toml", format!("{profile}{volume}"));
    sb.user("jack").group("sftp").add();
    let mut live = sb.sftp_live("jack");
    live.send("put /etc/hostname uploads/a");
    live.send("rename /uploads/a uploads/b");
    live.send("ls /etc");
    quit(&sb, live, "jack");
    // Without the drop-in, Debian's auth.log is read, with everything else that is in it.
    let (operations, gaps) = audit(&sb, "jack");
    let expected = [
        "open /srv/sftp/jack/a WRITE,CREATE,TRUNCATE: ok",
        "close /srv/sftp/jack/a 0/8: ok",
        "rename /srv/sftp/jack/a -> /srv/sftp/jack/b: ok",
        "opendir /jail/jack/etc: ok",
        "closedir /jail/jack/etc: ok",
    ];
    assert_eq!(operations.iter().map(described).collect::<Vec<_>>(), expected);
    assert_eq!(operations[0]["jail_path"], "/uploads/a");
    assert_eq!(kinds(&gaps), []);
    // Entries of an earlier version do not say where the volumes were. Then the paths of another host's users, or of a
    // removed account, are unknown.
    sb.sh("sed -i 's/ home_access=.* setup_us/ setup_us/' /var/log/auth.log
        sed 's/ sandbox / elsewhere /' /var/log/auth.log > /tmp/other.log; userdel jack");
    for file in ["--file /tmp/other.log", ""] {
        let (operations, gaps) = audit(&sb, file);
        assert_eq!(described(&operations[0]), "open /uploads/a WRITE,CREATE,TRUNCATE: ok");
        assert_eq!(kinds(&gaps), [("unresolved-paths", 1)]);
    }
}

/// Where sessions share a jail, a volume is in it for all of them, or for none.
fn a_directory_that_is_made_for_a_volume_has_its_paths_only_where_that_is_mounted(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.install_log_drop_in();
    sb.configure(
        "[[profile]]\nname = \"team\"\ngroups = [\"sftp\"]\n\
         [[profile.volume]]\nsource = \"/srv/site\"\ntarget = \"%h/a/site\"\n",
    );
    sb.user("mle").group("sftp").add();
    sb.sh("install -d -m 777 /srv/site");
    let mut first = sb.sftp_live("mle");
    for command in ["mkdir a", "mkdir a/site"] {
        assert!(first.send(command).is_empty(), "{command}");
    }
    // So that no order of the entries is possible but this.
    sleep(Duration::from_secs(2));
    let mut second = sb.sftp_live("mle");
    assert!(second.send("put /etc/hostname a/site/second").is_empty());
    assert!(first.send("put /etc/hostname a/site/first").is_empty());
    assert_eq!(first.quit(), Some(0));
    quit(&sb, second, "mle");
    let of_second = match namespace {
        Namespace::Host => "/home/mle/a/site/second",
        Namespace::Private => "/srv/site/second",
    };
    sb.sh(&format!("test -s {of_second}; test -s /home/mle/a/site/first"));
    let (operations, gaps) = audit(&sb, "mle --op open");
    let opened: Vec<_> = operations.iter().map(described).collect();
    // Of two that were live at once with different jails, the later one is not told from the first.
    let expected = match namespace {
        Namespace::Host => vec![],
        Namespace::Private => vec![("unresolved-paths", 1)],
    };
    assert_eq!(kinds(&gaps), expected, "{opened:#?}");
    for path in ["/home/mle/a/site/second", "/home/mle/a/site/first"] {
        assert!(opened.contains(&format!("open {path} WRITE,CREATE,TRUNCATE: ok")), "{path}: {opened:#?}");
    }
}

#[test]
fn rotated_and_compressed_files_are_one_log() {
    let sb = machine(&["mle"]);
    let mut live = sb.sftp_live("mle");
    for round in 0..4 {
        live.send(&format!("mkdir d{round}"));
        sb.wait_for_log(&format!("/home/mle/d{round}"));
        if round < 3 {
            // As logrotate does with delaycompress. The session goes on.
            sb.sh(
                "cd /var/log; for n in 2 1; do test ! -e sftp.log.$n.gz || mv sftp.log.$n.gz sftp.log.$((n+1)).gz; done
                 test ! -e sftp.log.1 || { gzip sftp.log.1; mv sftp.log.1.gz sftp.log.2.gz; }; mv sftp.log sftp.log.1",
            );
            sb.restart_syslog();
        }
    }
    quit(&sb, live, "mle");
    let files = sb.sh("ls /var/log | grep ^sftp.log").stdout;
    assert_eq!(files, "sftp.log\nsftp.log.1\nsftp.log.2.gz\nsftp.log.3.gz\n");
    let expected: Vec<_> = (0..4).map(|round| format!("mkdir /home/mle/d{round} mode 0777: ok")).collect();
    let of = |arguments: &str| {
        let (operations, gaps) = audit(&sb, arguments);
        assert!(operations.iter().all(|operation| operation["user"] == "mle"));
        // rsyslog's own log says that it was restarted. It is not among files that are named.
        let restarted = if arguments == "mle" { vec![("restarted", 1)] } else { Vec::new() };
        assert_eq!(kinds(&gaps), restarted);
        operations.iter().map(described).collect::<Vec<_>>()
    };
    assert_eq!(of("mle"), expected);
    // In any order, and named any number of times.
    let named = "--file /var/log/sftp.log.1 --file /var/log/sftp.log --file /var/log/sftp.log.3.gz";
    assert_eq!(of(&format!("{named} --file /var/log/sftp.log.2.gz --file /var/log/sftp.log")), expected);
    sb.sh("cd /var/log; (zcat sftp.log.3.gz sftp.log.2.gz; cat sftp.log.1 sftp.log) > /tmp/all");
    assert_eq!(of("--file - < /tmp/all"), expected);
}

#[test]
fn where_two_sessions_with_different_jails_are_live_at_once_their_paths_are_said_to_be_unknown() {
    let sb = Sandbox::in_namespace(Namespace::Private);
    sb.install_log_drop_in();
    sb.configure("[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n");
    sb.user("mle").group("sftp").add();
    sb.sh("install -d -m 777 /srv/site; install -d -o mle /home/mle/site; install -d /etc/sftpjail/grants.d
           ssh-keygen -q -N '' -t ed25519 -f /root/.ssh/b; cat /root/.ssh/b.pub >>/home/mle/.ssh/authorized_keys
           key=$(ssh-keygen -l -f /root/.ssh/id_ed25519.pub | cut -d ' ' -f 2)
           printf '[[grant]]\\nfolder = \"/srv/site\"\\nat = \"/home/mle/site\"\\naccess = \"read-write\"\\nkey = \"%s\"\\n' $key >/etc/sftpjail/grants.d/mle.toml");
    sb.sshd();
    sb.sh("ssh -fNM -o BatchMode=yes -S /tmp/master mle@127.0.0.1 </dev/null >/dev/null 2>&1; sleep 2");
    let other = sb.login("mle").option("IdentityFile=/root/.ssh/b").option("IdentitiesOnly=yes").live();
    sleep(Duration::from_secs(2));
    sb.sh("echo put /etc/hostname /home/mle/site/x | sftp -b - -o ControlPath=/tmp/master mle@127.0.0.1; test -s /srv/site/x");
    quit(&sb, other, "mle");
    let said = sb.sh("sftpjail audit mle --op open").stderr;
    assert!(said.contains("a user's paths are shown as in the log") && said.contains("at once"), "{said}");
    // When only one is left, its paths are known again.
    sb.sh("echo put /etc/hostname /home/mle/site/y | sftp -b - -o ControlPath=/tmp/master mle@127.0.0.1
           sleep 2; echo put /etc/hostname /home/mle/site/z | sftp -b - -o ControlPath=/tmp/master mle@127.0.0.1
           ssh -O exit -S /tmp/master mle@127.0.0.1");
    sb.wait_for_logouts();
    let opened: Vec<_> = audit(&sb, "mle --op open").0.iter().map(described).collect();
    assert!(opened.contains(&"open /srv/site/z WRITE,CREATE,TRUNCATE: ok".to_owned()), "{opened:#?}");
}
