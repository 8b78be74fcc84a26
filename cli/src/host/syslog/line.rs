//! Parses a line of a log file or of `journalctl -o json` into program, time and message.

use super::entry;
use super::record::{Program, Record, matters, number, program};
use super::stamp::Stamps;

/// The result of parsing a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed<'a> {
    Record(Record<'a>),
    /// An entry of another program.
    Other,
    /// It names internal-sftp, but does not begin as a log line does.
    Unreadable,
}

/// Parses a line. Its first byte shows whether it comes from a file or from the journal.
pub(crate) fn parse<'a>(line: &'a [u8], stamps: &mut Stamps) -> Parsed<'a> {
    parse_of(line, stamps, matters)
}

/// As [`parse`], with those entries of sshd's of which `is_meant` is true.
pub(super) fn parse_of<'a>(line: &'a [u8], stamps: &mut Stamps, is_meant: fn(&[u8]) -> bool) -> Parsed<'a> {
    // If a file is truncated while a program writes it, it begins with NUL bytes.
    let line =
        line.iter().position(|byte| *byte != 0).and_then(|start| line.get(start..)).unwrap_or_default();
    let record =
        if line.starts_with(b"{") { entry::parse(line, is_meant) } else { file(line, stamps, is_meant) };
    match record {
        Some(Some(record)) => Parsed::Record(record),
        Some(None) => Parsed::Other,
        // Only lines that cannot be parsed are searched for it.
        None if memchr::memmem::find(line, b"internal-sftp").is_some() => Parsed::Unreadable,
        None => Parsed::Other,
    }
}

/// `STAMP HOST PROGRAM[PID]: MESSAGE`. The outer `None`: it cannot be parsed. The inner `None`: it is an
/// entry of another program.
fn file<'a>(line: &'a [u8], stamps: &mut Stamps, is_meant: fn(&[u8]) -> bool) -> Option<Option<Record<'a>>> {
    let (raw, rest) = stamps.split(line)?;
    let (host, rest) = split_once(rest, b' ')?;
    let name_ends = rest.iter().position(|byte| matches!(byte, b'[' | b':' | b' '))?;
    let (name, rest) = rest.split_at_checked(name_ends)?;
    let Some(program) = program(name) else { return Some(None) };
    let (pid, rest) = match rest.strip_prefix(b"[") {
        None => (0, rest),
        Some(rest) => {
            let (pid, rest) = split_once(rest, b']')?;
            (number(pid)?, rest)
        }
    };
    let message = rest.strip_prefix(b": ")?;
    if program == Program::Sshd && !is_meant(message) {
        return Some(None);
    }
    let time = stamps.time(raw)?;
    Some(Some(Record { time, host: host.into(), program, pid, message: message.into(), sender: None }))
}

/// The text before the first `at`, and the text after it.
fn split_once(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let (before, after) = text.split_at_checked(memchr::memchr(at, text)?)?;
    Some((before, after.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::syslog::noise::noise;
    use crate::host::syslog::record::Sender;

    fn of(line: &[u8]) -> Parsed<'_> {
        parse(line, &mut Stamps::new(jiff::tz::TimeZone::UTC, 2024))
    }

    #[track_caller]
    fn is(line: &[u8], program: Program, pid: u32, message: &str) {
        let Parsed::Record(record) = of(line) else { panic!("{}", String::from_utf8_lossy(line)) };
        assert_eq!((record.program, record.pid), (program, pid));
        assert_eq!(record.host, b"sandbox".as_slice());
        assert_eq!(String::from_utf8_lossy(&record.message), message);
        assert_eq!(record.time.to_string(), "2024-11-22T03:04:05Z");
    }

    #[test]
    fn lines_of_both_styles_are_parsed() {
        let message = "remove name \"/a: b\"";
        is(
            b"2024-11-22T03:04:05Z sandbox internal-sftp[67]: remove name \"/a: b\"",
            Program::Sftp,
            67,
            message,
        );
        is(b"Nov 22 03:04:05 sandbox internal-sftp[67]: remove name \"/a: b\"", Program::Sftp, 67, message);
        is(b"\0\0Nov 22 03:04:05 sandbox sftp-server[67]: remove name \"/a: b\"", Program::Sftp, 67, message);
        is(
            b"Nov 22 03:04:05 sandbox sshd[7]: pam_sftpjail(sshd:session): x",
            Program::Sshd,
            7,
            "pam_sftpjail(sshd:session): x",
        );
        let lost = "imuxsock lost 3 messages from pid 67 due to rate-limiting";
        let line = format!("Nov 22 03:04:05 sandbox rsyslogd-2177: {lost}");
        is(line.as_bytes(), Program::Logger, 0, lost);
    }

    #[test]
    fn entries_of_the_journal_are_parsed() {
        // An entry of journald 252 with another time.
        let line = br#"{"_UID":"1001","_BOOT_ID":"66096aa6c8dc471289d5358c5c10abc5","_CMDLINE":"\"sshd: mle@internal-sftp\"","SYSLOG_IDENTIFIER":"internal-sftp","_GID":"1001","_COMM":"sshd","_RUNTIME_SCOPE":"system","SYSLOG_TIMESTAMP":"Nov 22 10:18:53 ","_AUDIT_LOGINUID":"1001","_CAP_EFFECTIVE":"0","_HOSTNAME":"sandbox","_AUDIT_SESSION":"8826","MESSAGE":"mkdir name \"/home/mle/first\" mode 0777","_EXE":"/usr/sbin/sshd","_PID":"73","__REALTIME_TIMESTAMP":"1732244645000000","SYSLOG_PID":"73","__MONOTONIC_TIMESTAMP":"3101277871","_TRANSPORT":"syslog","__CURSOR":"s=504bcbb9db954a58b2ca572f9158a42c;i=a;b=66096aa6c8dc471289d5358c5c10abc5;m=b8d9beaf;t=660dacde1e415;x=9b050626ba3a6283","_SOURCE_REALTIME_TIMESTAMP":"1795342733534216","PRIORITY":"6","_MACHINE_ID":"3d1219c7c4c5404aaa1f6d2a48adfda4","SYSLOG_FACILITY":"4"}"#;
        is(line, Program::Sftp, 73, "mkdir name \"/home/mle/first\" mode 0777");
        let Parsed::Record(record) = of(line) else { panic!("it has just been one") };
        assert_eq!(
            record.sender,
            Some(Sender { uid: 1001, claimed: 73, is_native: false, program: b"sshd".as_slice().into() })
        );
        // Another process that says that it is this one.
        let line = br#"{"_PID":"99","SYSLOG_PID":"73","_UID":"1002","_COMM":"logger","SYSLOG_IDENTIFIER":"internal-sftp","MESSAGE":"x","__REALTIME_TIMESTAMP":"1732244645000000","_HOSTNAME":"sandbox"}"#;
        is(line, Program::Sftp, 99, "x");
        let Parsed::Record(record) = of(line) else { panic!("it has just been one") };
        assert_eq!((record.is_genuine(), record.pid_in_file()), (false, 73));
        // It calls itself sshd, and journald may have been too late to see that. Its pid is not the one that it names.
        let line = String::from_utf8_lossy(line).into_owned();
        for line in [line.replace("logger", "sshd"), line.replace("logger", "")] {
            let Parsed::Record(record) = of(line.as_bytes()) else { panic!("it has just been one") };
            assert!(!record.is_genuine(), "{line}");
        }
        // By the journal's own protocol: rsyslog gets the pid of the process.
        let native = line.replace("\"_UID\"", "\"_TRANSPORT\":\"journal\",\"_UID\"");
        let Parsed::Record(record) = of(native.as_bytes()) else { panic!("it has just been one") };
        assert_eq!((record.is_genuine(), record.pid_in_file()), (false, 99));
        // One that root's rsyslog has passed on.
        let line = line.replace("1002", "0").replace("\"logger\"", "\"rsyslogd\"");
        is(line.as_bytes(), Program::Sftp, 73, "x");
        // It has no SYSLOG_PID, and journalctl prints its message as bytes.
        let line = br#"{"MESSAGE":[120,233],"_PID":"9","_UID":"1001","SYSLOG_IDENTIFIER":"internal-sftp","__REALTIME_TIMESTAMP":"1732244645000000","_HOSTNAME":"sandbox"}"#;
        is(line, Program::Sftp, 9, "x\u{fffd}");
        let line = br#"{"MESSAGE":["a","b"],"SYSLOG_IDENTIFIER":"internal-sftp","__REALTIME_TIMESTAMP":"1732244645000000","_HOSTNAME":"sandbox"}"#;
        is(line, Program::Sftp, 0, "");
    }

    #[test]
    fn entries_of_others_are_skipped_and_broken_ones_are_unreadable() {
        for line in [
            "",
            "x",
            "Nov 22 03:04:05 sandbox sshd[7]: Accepted publickey for mle",
            "Nov 22 03:04:05 sandbox CRON[7]: internal-sftp[8]: open",
            "Nov 22 03:04:05 sandbox kernel: x",
            "{\"MESSAGE\":\"x\"}",
        ] {
            assert_eq!(of(line.as_bytes()), Parsed::Other, "{line}");
        }
        for line in [
            "ov 22 03:04:05 sandbox internal-sftp[67]: x",
            "Nov 22 03:04:05 sandbox internal-sftp[x]: x",
            "Nov 32 03:04:05 sandbox internal-sftp[67]: x",
            "2024-11-22T03:04 sandbox internal-sftp[67",
            "{\"SYSLOG_IDENTIFIER\":\"internal-sftp\",\"MESS",
        ] {
            assert_eq!(of(line.as_bytes()), Parsed::Unreadable, "{line}");
        }
    }

    #[test]
    fn it_never_panics() {
        noise(|bytes| {
            of(bytes);
            of(&[b"Nov 22 03:04:05 ", bytes].concat());
            of(&[b"{", bytes].concat());
        });
    }
}
