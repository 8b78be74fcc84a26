//! `make sandbox`.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sandbox::{Machine, artifact, run, wait_until};

/// A process that is in one of these namespaces.
fn inside(namespaces: &[std::path::PathBuf]) -> Option<std::path::PathBuf> {
    let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path().join("ns"));
    let mut members = all.filter(|ns| {
        let mut own = ["pid", "mnt"].iter().filter_map(|kind| fs::read_link(ns.join(kind)).ok());
        own.any(|namespace| namespaces.contains(&namespace))
    });
    members.next()
}

/// `make sandbox` without a terminal, and the command that it says to enter it by.
fn without_a_terminal() -> (Child, String) {
    let mut command = Command::new(artifact("sandbox-shell"));
    // As `make sandbox` has it where nobody can type.
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let enter = lines.find_map(|line| Some(line.strip_prefix("Enter it:  ")?.to_owned()));
    let end = lines.find_map(|line| Some(line.strip_prefix("End it:    ")?.to_owned()));
    assert_eq!(end, Some(format!("kill {}", child.id())));
    (child, enter.expect("it says how to enter it"))
}

#[test]
fn without_a_terminal_it_stays_until_it_is_ended_and_then_leaves_nothing() {
    let before = Machine::snapshot();
    // Not SIGINT: where the tests run in a shell's background, they and their children ignore it.
    for signal in ["TERM", "KILL"] {
        let (mut child, enter) = without_a_terminal();
        let pid = enter.split(' ').nth(2).unwrap();
        let paths = ["pid", "mnt"].map(|kind| format!("/proc/{pid}/ns/{kind}"));
        let namespaces = paths.each_ref().map(|path| fs::read_link(path).unwrap());
        // As long as they are open, the kernel gives their numbers to no other test's sandbox.
        let open = paths.map(|path| File::open(path).unwrap());
        assert!(inside(&namespaces).is_some());

        let mut command = Command::new("sh");
        command.args(["-ec", &format!("{enter} -c 'hostname; pwd; sftpjail list; sftpjail check anna'")]);
        let out = run(command, "a command in the sandbox", b"").ok();
        assert!(out.stdout.starts_with("sandbox\n/root\n"), "{out}");
        assert!(out.stdout.contains("anna") && !out.stdout.contains('✗'), "{out}");

        assert!(child.try_wait().unwrap().is_none(), "it has ended by itself");
        let mut kill = Command::new("kill");
        assert!(kill.args(["-s", signal, &child.id().to_string()]).status().unwrap().success());
        let ended = wait_until(Duration::from_secs(10), || child.try_wait().unwrap());
        assert!(ended.is_some(), "it survives {signal}");
        let gone = wait_until(Duration::from_secs(30), || inside(&namespaces).is_none().then_some(()));
        assert!(gone.is_some(), "{:?} outlives {signal}", inside(&namespaces));
        drop(open);
        assert_eq!(before, Machine::snapshot(), "{signal}");
    }
}

#[test]
fn with_a_terminal_it_is_a_shell_that_ends_it() {
    let before = Machine::snapshot();
    let mut command = Command::new("script");
    let program = artifact("sandbox-shell");
    command.args(["--quiet", "--return", "--command"]).arg(program).arg("/dev/null").env("TERM", "dumb");
    let typed =
        b"hostname; tty; ps -p 1 -o comm=; sftpjail list; echo pwd | sftp -b - anna@127.0.0.1; exit\n";
    let out = run(command, "make sandbox on a terminal", typed).ok();
    for line in
        ["sandbox\r\n", "/dev/pts/0\r\n", "sandbox-init\r\n", "Remote working directory: /home/anna\r\n"]
    {
        assert!(out.stdout.contains(&format!("\n{line}")), "no {line:?} in {out}");
    }
    assert_eq!(before, Machine::snapshot());
}
