//! The line `log` of `sftpjail probe`.

use sandbox::{end, wait_until};
use serde_json::Value;
use std::time::Duration;

use crate::cli::audit::journal::with_both;

/// Sends, in a loop, an entry of the module for each of the next pids, to the host's /dev/log.
const FORGER: &str = r#"
use Socket;
my $own = $$;
for my $round (1 .. 1000) {
    for my $pid ($own .. $own + 120) {
        socket(my $log, AF_UNIX, SOCK_DGRAM, 0);
        connect($log, sockaddr_un("/dev/log"));
        send($log, "<86>sshd[$pid]: pam_sftpjail(sshd:session): session opened for user mle(uid=1): home=/x setup_us=7", 0);
    }
    select(undef, undef, undef, 0.1);
}
"#;

#[test]
fn an_entry_that_the_journal_knows_to_be_forged_is_not_counted() {
    let (sb, mut journald) = with_both();
    sb.user("joe").add();
    sb.write("/tmp/forger", FORGER);
    let mut command = sb.command("setpriv");
    command.args(["--reuid", "joe", "--clear-groups", "perl", "/tmp/forger"]);
    let mut forger = command.spawn().expect("sandbox-enter");
    let is_logged = wait_until(Duration::from_secs(20), || sb.log().contains("setup_us=7").then_some(()));
    assert!(is_logged.is_some(), "{}", sb.log());
    let out = sb.try_sh("sftpjail probe --json mle");
    let document: Value = serde_json::from_str(&out.stdout).unwrap_or_else(|error| panic!("{error}: {out}"));
    let measured = document["module_us"].as_u64().expect("a measurement");
    assert_ne!(measured, 7, "{document:#}");
    // joe has claimed to be the module in the process that it was in. rsyslog may be slower than the journal.
    let end_of_line = format!("setup_us={measured}");
    let entry = || sb.log().lines().find(|line| line.ends_with(&end_of_line)).map(str::to_owned);
    let line = wait_until(Duration::from_secs(20), entry).expect("an entry");
    let before = sb.log();
    end(&mut forger);
    let pid = line.split_once("sshd[").and_then(|(_, rest)| rest.split_once(']')).expect("a pid").0;
    assert!(
        before.contains(&format!(
            "sshd[{pid}]: pam_sftpjail(sshd:session): session opened for user mle(uid=1): "
        )),
        "{before}"
    );
    end(&mut journald);
}
