//! The README's setting up, done as it says on a stock machine.

use sandbox::Sandbox;

use crate::cli::check::NO_MAIL;
use crate::common::readme::{README, add_pam_lines, block};

const DROP_IN: &str = include_str!("../../../rsyslog.d/sftpjail.conf");
const USER_MANAGER: &str = include_str!("../../../systemd/50-sftpjail.conf");

#[test]
fn what_the_readme_says_makes_a_stock_machine_jail_its_members() {
    let sb = Sandbox::stock();
    sb.append("/etc/ssh/sshd_config", block("Match Group sftp"));
    add_pam_lines(&sb);
    let (_, by_hand) = README.split_once("### By hand").expect("a section");
    let (by_hand, _) = by_hand.split_once("From then on").expect("its end");
    sb.sh("mkdir -p /root/source/systemd /root/source/config");
    sb.write("/root/source/systemd/50-sftpjail.conf", USER_MANAGER);
    sb.write("/root/source/config/home.toml", include_str!("../../../config/home.toml"));
    let installs: Vec<_> = by_hand.lines().filter(|line| line.starts_with("    install ")).collect();
    assert_eq!(installs.len(), 2, "the configuration and the drop-in");
    sb.sh(&format!("cd /root/source; {}", installs.join(" && ")));
    sb.sh("groupadd --system sftp || gpasswd -M '' sftp");
    sb.user("anna").add();
    // Before: an ordinary user.
    assert!(sb.sftp("anna", "ls /etc/ssh\n").ok().stdout.contains("sshd_config"));
    assert_eq!(sb.try_sh("sftpjail check anna").code, Some(3));

    sb.sh("usermod -aG sftp anna");
    let check = sb.sh("sftpjail check anna");
    assert!(check.stdout.contains("anna is jailed and can log in."), "{check}");
    let seen = sb.sftp("anna", "pwd\nls -l /\n").ok();
    assert!(seen.stdout.contains("Remote working directory: /home/anna"), "{seen}");
    sb.sftp("anna", "ls /etc/ssh\n").failed();
    let line = sb.wait_for_log("pam_sftpjail(sshd:session): session opened");
    // The README's example line, with its changing parts taken out.
    for part in [
        "pam_sftpjail(sshd:session): session opened for user ",
        " home=/home/anna rhost=127.0.0.1 profile=home home_access=read-write jail=/jail/anna volumes=0 setup_us=",
    ] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!sb.ssh("anna", &["id"]).failed().stdout.contains("uid="));
}

#[test]
fn the_configuration_in_the_readme_is_the_one_that_setup_writes() {
    let lines = |text: &str| -> Vec<String> {
        let settings = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        settings.map(|line| line.replace("\"host\", see below", "\"host\"")).collect()
    };
    let home = include_str!("../../../config/home.toml");
    assert_eq!(lines(block("jail_root = ")), lines(home));
    let portal = lines(include_str!("../../../config/upload-portal.toml"));
    let words = |line: &String| line.split('#').next().unwrap_or_default().trim().to_owned();
    let portal: Vec<_> = portal.iter().map(words).collect();
    for line in lines(block("name   = \"upload-portal\"")) {
        assert!(portal.contains(&words(&line)), "{line}");
    }
}

#[test]
fn the_commands_of_the_readme_set_up_a_stock_machine() {
    let sb = Sandbox::stock();
    sb.sh("groupdel sftp 2>/dev/null || true");
    sb.user("anna").add();
    let (_, section) = README.split_once("## Setting it up").expect("a section");
    let mut commands = section.lines().filter_map(|line| line.strip_prefix("    "));
    // The sandbox has done so; see makefile.rs.
    assert_eq!(commands.next(), Some("make install"));
    let setup = commands.next().expect("a command");
    assert!(sb.sh(&format!("echo y | script -qec '{setup}' /dev/null")).stdout.contains("Do this? [y/N]"));
    sb.sh(commands.next().filter(|command| command.starts_with("usermod ")).expect("a command"));
    sb.sftp("anna", "pwd\n").ok();
    sb.sftp("anna", "ls /etc/ssh\n").failed();
}

#[test]
fn the_users_that_the_readme_adds_are_jailed_and_check_marks_nothing() {
    let sb = Sandbox::stock();
    sb.sh(NO_MAIL);
    sb.sshd_as("/usr/sbin/sshd -D");
    sb.sh("sftpjail setup --yes; cp /root/.ssh/id_ed25519.pub /tmp/abc.pub");
    sb.restart_syslog();
    sb.user("mle").mode(0o750).password("a customer's").add();
    let (_, section) = README.split_once("### Adding users").expect("a section");
    let (section, _) = section.split_once("\n### ").expect("its end");
    let commands: Vec<_> = section.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert_eq!(commands.len(), 7, "{commands:#?}");
    for command in commands {
        // passwd asks for it.
        let command = command.replace("passwd ", "printf '%s:secret\\n' ").replace("abc.pub", "/tmp/abc.pub");
        let end = if command.starts_with("printf ") { " | chpasswd" } else { "" };
        sb.sh(&format!("{command}{end}"));
    }
    sb.sftp("abc", "pwd\n").ok();
    for (user, home) in [("abc", "/home/abc"), ("mle-web", "/home/mle/web")] {
        let seen = sb.login(user).password("secret").sftp("pwd\nmkdir made\n").ok();
        assert!(seen.stdout.contains(&format!("directory: {home}\n")), "{seen}");
    }
    let out = sb.sh("sftpjail check --all");
    assert!(out.stdout.lines().all(|line| !line.starts_with(['!', '✗'])), "{out}");
    assert!(out.stdout.ends_with("\n2 users: 2 are jailed and can log in. The host is ok.\n"), "{out}");
}

#[test]
fn what_the_readme_says_of_logging_gives_members_a_log_of_their_own() {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    let (_, commands) = README.split_once("## Logging").expect("a section");
    let mut commands = commands.lines().filter_map(|line| line.strip_prefix("    "));
    sb.sh("mkdir -p /tmp/source/rsyslog.d");
    sb.write("/tmp/source/rsyslog.d/sftpjail.conf", DROP_IN);
    for what in ["install ", "sed "] {
        let command = commands.next().filter(|command| command.starts_with(what)).expect(what);
        sb.sh(&format!("cd /tmp/source; {command}"));
    }
    // There is no systemd in the sandbox.
    assert_eq!(commands.next(), Some("systemctl restart rsyslog"));
    sb.restart_syslog();

    assert!(sb.sh("sftpjail check mle").stdout.contains("✓ log "));
    sb.sftp("mle", "mkdir first\n").ok();
    sb.wait_for_log("]: session closed for local user mle from [127.0.0.1]");
    let log = sb.read_text("/var/log/sftp.log");
    for line in
        ["session opened for local user mle from [127.0.0.1]", "mkdir name \"/home/mle/first\" mode 0777"]
    {
        assert!(README.contains(line) && log.contains(&format!("]: {line}\n")), "{line}: {log}");
    }
    let list = sb.read_text("/etc/logrotate.d/rsyslog");
    assert!(list.starts_with("/var/log/sftp.log\n/var/log/"), "{list}");
}

#[test]
fn audit_shows_the_rows_and_keys_of_the_readme() {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    sb.write("/tmp/letter", "12345678");
    sb.sh("touch /home/mle/secret; chmod 600 /home/mle/secret");
    let batch = "mkdir first\nput /tmp/letter first/letter\n-get secret /tmp/x\n-rm none\n";
    sb.sftp("mle", batch).ok();
    sb.wait_for_log("]: session closed for local user mle");
    let (_, section) = README.split_once("## Who did what").expect("a section");
    let commands: Vec<_> = section
        .lines()
        .map_while(|line| line.strip_prefix("    ").or(line.is_empty().then_some("")))
        .collect();
    let [all, some, json] = commands.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>()[..]
    else {
        panic!("three commands");
    };
    // But for the time.
    let rows = |table: &str| table.lines().map(|line| line.get(19..).unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(rows(&sb.sh(all).stdout), rows(block("TIME  ")));
    assert_eq!(sb.sh(some).stdout.lines().count(), 3);
    let lines = sb.sh(json).stdout;
    for key in [
        "version",
        "kind",
        "time",
        "host",
        "pid",
        "user",
        "address",
        "operation",
        "path",
        "result",
        "written",
    ] {
        assert!(lines.lines().last().unwrap().contains(&format!("\"{key}\":")), "{key}: {lines}");
        assert!(section.contains(&format!("`{key}`")), "{key}");
    }
}

#[test]
fn a_probe_says_what_the_readme_shows() {
    let sb = Sandbox::new();
    sb.user("anna").group("sftp").add();
    let without_figures = |text: &str| {
        let lines = text.lines().map(|line| match line.starts_with("The login took ") {
            true => line.replace(|c: char| c.is_ascii_digit(), ""),
            false => line.to_owned(),
        });
        lines.collect::<Vec<_>>()
    };
    let shown = without_figures(block("✓ ssh COMMAND"));
    assert_eq!(without_figures(&sb.sh("sftpjail probe anna").stdout), shown);
}

#[test]
fn the_log_has_the_entries_that_the_readme_shows() {
    let sb = Sandbox::new();
    sb.sh("useradd -m -u 1001 mle; chmod 755 /home/mle");
    sb.user("mle-sub").group("sftp").home("/home/mle/sub").add();
    sb.sftp("mle-sub", "pwd\n").ok();
    sb.wait_for_log("session closed for user mle-sub(");
    sb.sh("mv /home/mle/sub /srv/sub; ln -s /srv/sub /home/mle/sub");
    sb.sftp("mle-sub", "pwd\n").failed();
    sb.wait_for_log("refused user mle-sub ");
    // But for what differs from login to login.
    let plain = |line: &str| {
        let (_, line) = line.split_once("sshd[").expect("sshd's tag");
        let (_, line) = line.split_once("]: ").expect("sshd's pid");
        let words = line.split(' ').map(|word| match word.split_once('=') {
            Some((key @ ("setup_us" | "duration"), _)) => format!("{key}=N"),
            _ => word.replace("127.0.0.1", "192.0.2.7"),
        });
        words.collect::<Vec<_>>().join(" ")
    };
    let shown: Vec<_> = block("pam_sftpjail(sshd:session): session opened").lines().map(plain).collect();
    let logged: Vec<_> = sb.log_lines("pam_sftpjail(").iter().map(|line| plain(line)).collect();
    assert_eq!(shown, logged);
}
