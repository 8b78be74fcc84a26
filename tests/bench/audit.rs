//! `make bench-audit`: how fast `sftpjail audit` reads logs of 1 GB, in MB per second of wall clock and of processor
//! time, and its peak memory. It fails if that is 100 MiB or more. `make bench-audit MEGABYTES=100` is quicker.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio, exit};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use sandbox::artifact;

/// The most memory that is allowed, in KiB.
const MOST: u64 = 100 << 10;

/// How many sessions are open at a time.
const SESSIONS: u64 = 200;

/// A temporary directory. Dropping it removes the directory.
struct ScratchDirectory(PathBuf);

impl Drop for ScratchDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn main() {
    let megabytes = std::env::var("MEGABYTES").ok().and_then(|n| n.parse().ok()).unwrap_or(1000);
    let scratch =
        ScratchDirectory(std::env::temp_dir().join(format!("sftpjail-bench-{}", std::process::id())));
    fs::create_dir(&scratch.0).expect("a directory for temporary files");
    let log = scratch.0.join("sftp.log");
    let mut is_bounded = true;
    println!("{:<44} {:>8} {:>12} {:>9}", "sftpjail audit", "MB/s", "MB/s of CPU", "peak MiB");
    let mut run = |what: &str, file: &Path, arguments: &[&str]| {
        is_bounded &= measured(what, file, megabytes, arguments);
    };

    write(&log, megabytes, Stamps::Rfc3339, Sessions::Whole);
    run("--json", &log, &["--json"]);
    run("--csv", &log, &["--csv"]);
    run("(table)", &log, &[]);
    run("user7 --op remove", &log, &["user7", "--op", "remove"]);
    let gzip = Command::new("gzip").arg("-1").arg(&log).status().expect("gzip");
    assert!(gzip.success());
    run("--json, of gzip", &scratch.0.join("sftp.log.gz"), &["--json"]);
    fs::remove_file(scratch.0.join("sftp.log.gz")).expect("a file that this has made");

    write(&log, megabytes, Stamps::Traditional, Sessions::Whole);
    run("--json, traditional stamps", &log, &["--json"]);
    write(&log, megabytes, Stamps::Rfc3339, Sessions::Endless);
    run("--json, where no session ends and all fail", &log, &["--json"]);
    write(&log, megabytes, Stamps::Rfc3339, Sessions::Headless);
    run("--json, where no session has a user", &log, &["--json"]);

    drop(scratch);
    if !is_bounded {
        println!("more than {} MiB", MOST >> 10);
        exit(1);
    }
}

/// Runs `sftpjail audit`, and prints the figures. Gives whether its memory stayed below the limit.
fn measured(what: &str, file: &Path, megabytes: u64, arguments: &[&str]) -> bool {
    let (begin, cpu_before) = (Instant::now(), children_cpu());
    let mut child = Command::new(artifact("sftpjail"))
        .args(["audit", "--file"])
        .arg(file)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sftpjail");
    let mut peak = 0;
    // VmHWM never falls, so the last reading before the end is as good as one at the end.
    let status = loop {
        peak = peak.max(peak_memory(child.id()));
        match child.try_wait().expect("a child of this process") {
            Some(status) => break status,
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    assert!(status.success(), "{what}: {status}");
    let seconds = begin.elapsed().as_secs_f64();
    let rate = |seconds: f64| megabytes as f64 / seconds;
    let (clock, cpu, peak_mib) = (rate(seconds), rate(children_cpu() - cpu_before), peak as f64 / 1024.0);
    println!("{what:<44} {clock:>8.0} {cpu:>12.0} {peak_mib:>9.1}");
    peak < MOST
}

/// The processor time of all children that have ended, in seconds.
fn children_cpu() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("getrusage");
    [usage.user_time(), usage.system_time()]
        .map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6)
        .iter()
        .sum()
}

/// The peak memory of a process so far, in KiB; 0 once it has ended.
fn peak_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

#[derive(Clone, Copy)]
enum Stamps {
    Rfc3339,
    Traditional,
}

#[derive(Clone, Copy, PartialEq)]
enum Sessions {
    Whole,
    /// None ends, and everything fails.
    Endless,
    /// As that, and none begins: all operations wait for a user.
    Headless,
}

/// Writes a log of many sessions at once that upload files and remove them.
fn write(path: &Path, megabytes: u64, stamps: Stamps, sessions: Sessions) {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).expect("a temporary file"));
    let mut written = 0;
    let mut tick = 0_u64;
    let mut steps = [0_u64; SESSIONS as usize];
    while written < megabytes * 1_000_000 {
        // 7 and the number of sessions have no common factor, so all sessions take turns.
        let session = (tick * 7) % SESSIONS;
        let step = steps[session as usize];
        steps[session as usize] += 1;
        // 30 lines each.
        let (round, step) = (step / 30, step % 30);
        let pid = 1000 + (session + SESSIONS * round) % 4_000_000;
        let user = (session * 31 + round) % 50;
        let file = format!("/home/user{user}/projects/{}/report-{:04}.pdf", round % 90, step / 3);
        let text = match (sessions == Sessions::Whole, step) {
            (_, 0) if sessions != Sessions::Headless => {
                format!("session opened for local user user{user} from [192.0.2.{}]", session % 250)
            }
            (true, 29) => {
                format!("session closed for local user user{user} from [192.0.2.{}]", session % 250)
            }
            (true, 1) => format!("mkdir name \"/home/user{user}/projects/{}\" mode 0777", round % 90),
            (true, 28) => format!("remove name \"{file}\""),
            (true, _) => match step % 3 {
                2 => "sent status No such file".to_owned(),
                0 => format!("open \"{file}\" flags WRITE,CREATE,TRUNCATE mode 0644"),
                _ => format!("close \"{file}\" bytes read 0 written {}", tick % 10_000_000),
            },
            (false, _) if step % 2 == 0 => "sent status No such file".to_owned(),
            (false, _) => format!("open \"{file}{}\" flags READ mode 0666", "/long".repeat(60)),
        };
        let (second, micro) = (tick / 1000, tick % 1000 * 1000);
        let (day, hour, minute) = (1 + second / 86400 % 28, second / 3600 % 24, second / 60 % 60);
        let stamp = match stamps {
            Stamps::Rfc3339 => {
                format!("2026-11-{day:02}T{hour:02}:{minute:02}:{:02}.{micro:06}+01:00", second % 60)
            }
            Stamps::Traditional => format!("Nov {day:>2} {hour:02}:{minute:02}:{:02}", second % 60),
        };
        let line = format!("{stamp} sftp internal-sftp[{pid}]: {text}\n");
        out.write_all(line.as_bytes()).expect("room for a log of 1 GB");
        written += line.len() as u64;
        tick += 1;
    }
    out.flush().expect("room for a log of 1 GB");
}
