//! What the benchmark says: tables of Markdown, printed as they come, and the page at the end.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::samples::{median, p99};

/// From this share of the processors' time on, in percent, others have a part in the figures.
const BUSY: f64 = 10.0;

const TOO_BUSY: &str = "\n\n**Other programs had the processors at the same time.** So neither the times nor the \
    ratios prove anything.\nRun it once more on a quiet machine.";

/// One section of the page.
pub struct Section {
    text: String,
    /// What the first table of the page says of it: what, and how much.
    pub short: Vec<[String; 2]>,
}

impl Section {
    pub fn new(title: &str, text: &str) -> Self {
        Self { text: format!("## {title}\n\n{text}\n"), short: Vec::new() }
    }

    /// The first cell of a row is text; the others are figures.
    pub fn table(&mut self, head: &[&str], rows: &[Vec<String>]) {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let head: Vec<_> = head.iter().map(|&cell| cell.to_owned()).collect();
        let rule: Vec<_> = (0..head.len()).map(|i| if i == 0 { "---" } else { "---:" }.to_owned()).collect();
        self.text += "\n";
        self.text += &line(&head);
        self.text += &line(&rule);
        rows.iter().for_each(|row| self.text += &line(row));
    }

    pub fn say(&mut self, paragraph: &str) {
        self.text += &format!("\n{paragraph}\n");
    }

    pub fn print(&self) {
        println!("{}", self.text);
        self.short.iter().for_each(|[what, figure]| println!("{what}: {figure}"));
        println!();
    }
}

/// A row: what, and median and p99 of each kind of samples, in microseconds.
pub fn row(what: &str, kinds: &[&[f64]]) -> Vec<String> {
    row_in(1.0, what, kinds)
}

/// The same in milliseconds.
pub fn row_in_ms(what: &str, kinds: &[&[f64]]) -> Vec<String> {
    row_in(1000.0, what, kinds)
}

fn row_in(unit: f64, what: &str, kinds: &[&[f64]]) -> Vec<String> {
    let mut row = vec![what.to_owned()];
    row.extend(
        kinds.iter().flat_map(|samples| [median(samples), p99(samples)]).map(|time| figure(time / unit)),
    );
    row
}

/// With three digits that count.
pub fn figure(value: f64) -> String {
    let digits = match value {
        _ if value < 10.0 => 2,
        _ if value < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.digits$}")
}

/// Writes the page and its picture into a directory.
pub fn write(directory: &Path, facts: &Facts, sections: &[Section], picture: &str) {
    let short: Vec<_> = sections.iter().flat_map(|section| section.short.clone()).collect();
    let mut head = Section::new("In short", "What the tables below come to.");
    head.table(&["", "ratio"], &short.iter().map(|row| row.to_vec()).collect::<Vec<_>>());
    let sections: String = sections.iter().map(|section| format!("\n{}", section.text)).collect();
    let [before, after] = [facts.others, others()];
    let busy = if before.max(after) > BUSY { TOO_BUSY } else { "" };
    let page = format!(
        "# Benchmarks\n\n`tests/bench/login` wrote this page on {}, from one run of {} minutes. Do not edit it.{busy}\n\n{}\
         | processor time that other programs took | {before:.0} % before the run, {after:.0} % after it |\n\n{}\n\
         ![The times of a session, and how they grow](benchmarks.svg)\n{sections}",
        facts.date,
        facts.begin.elapsed().as_secs().div_ceil(60),
        facts.text,
        head.text,
    );
    fs::write(directory.join("benchmarks.md"), page).expect("the page can be written");
    fs::write(directory.join("benchmarks.svg"), picture).expect("the picture can be written");
}

/// What the figures depend on.
pub struct Facts {
    date: String,
    text: String,
    /// Before the run, in percent.
    others: f64,
    begin: Instant,
}

impl Facts {
    /// As it is before the first sample. `rounds` are those of the fastest contest.
    pub fn now(rounds: u64, commit: Option<String>) -> Self {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kib = memory.lines().next().and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        let versions = ["openssh-server", "libpam-modules", "libc6", "rsyslog"]
            .map(|package| said("dpkg-query", &["-Wf", "${Package} ${Version}", package]));
        let text = format!(
            "Each table is of one sandbox ([tests/README.md](../tests/README.md)), with its contestants in turn, in an \
             order that\nis mixed in each round. p99: of a hundred samples, one is worse. A ratio is the median of the ratios \
             of all rounds.\n\n\
             | what | which |\n| --- | --- |\n\
             | processor | {} × {} |\n| memory | {} GiB |\n| Linux | {} |\n| packages | {} |\n\
             | the module | as of commit {} |\n| rounds | N = {rounds} |\n",
            std::thread::available_parallelism().map_or(1, usize::from),
            model.map_or("unknown", |(_, model)| model),
            kib.unwrap_or_default().div_ceil(1 << 20),
            said("uname", &["-r"]),
            versions.join(", "),
            commit.as_deref().unwrap_or("unknown"),
        );
        Self { date: said("date", &["-u", "+%F"]), text, others: others(), begin: Instant::now() }
    }
}

/// How much of the processors' time others take while this process only waits, in percent.
fn others() -> f64 {
    let times = || -> (f64, f64) {
        let stat = fs::read_to_string("/proc/stat").expect("procfs");
        let line = stat.lines().next().unwrap_or_default();
        // proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal; guests are in the first two.
        let times: Vec<f64> =
            line.split_whitespace().skip(1).take(8).filter_map(|n| n.parse().ok()).collect();
        (times.iter().sum(), times.iter().skip(3).take(2).sum())
    };
    let (all, idle) = times();
    std::thread::sleep(Duration::from_secs(5));
    let (all, idle) = (times().0 - all, times().1 - idle);
    100.0 * (1.0 - idle / all.max(1.0))
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect(program);
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
