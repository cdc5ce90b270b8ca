//! The kernel's log of one memory cgroup, as a syslog daemon would write it to a file.
//!
//! In: the kernel's lines, from `dmesg --follow-new`, as they come. Out: a file that holds, in the form of rsyslog (time of receipt,
//! host, `kernel:`, the kernel's own stamp), every line of those OOM reports that name the cgroup, and no other line of the machine.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::process::Owned;

/// The follower; it ends when dropped.
pub(crate) struct KernelLog {
    _dmesg: Owned,
    /// How many reports of the cgroup were written.
    reports: Arc<AtomicU32>,
}

impl KernelLog {
    /// Follows from now on, or says what the machine does not allow.
    pub(crate) fn follow(cgroup: &str, file: &Path) -> Result<Self, String> {
        readable()?;
        let mut command = Command::new("dmesg");
        command.arg("--follow-new").stdout(Stdio::piped()).stderr(Stdio::null());
        let mut dmesg = Owned(command.spawn().map_err(|error| format!("dmesg does not start: {error}"))?);
        let lines = dmesg.0.stdout.take().map(BufReader::new).ok_or("dmesg has no output")?;
        let out = File::create(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let reports = Arc::new(AtomicU32::new(0));
        let (mine, count) = (format!("task_memcg={cgroup},"), Arc::clone(&reports));
        std::thread::spawn(move || {
            let mut report = Report { mine, lines: String::new(), task: None };
            for line in lines.lines().map_while(Result::ok) {
                if report.add(&line) {
                    let mut out = &out;
                    out.write_all(report.lines.as_bytes()).and_then(|()| out.flush()).unwrap();
                    count.fetch_add(1, Ordering::SeqCst);
                    report.lines.clear();
                }
            }
        });
        Ok(Self { _dmesg: dmesg, reports })
    }

    pub(crate) fn reports(&self) -> u32 {
        self.reports.load(Ordering::SeqCst)
    }
}

/// An unprivileged `dmesg --follow` says nothing and waits for ever.
fn readable() -> Result<(), String> {
    let tried = Command::new("dmesg").output().map_err(|error| format!("dmesg does not start: {error}"))?;
    let said = String::from_utf8_lossy(&tried.stderr).into_owned();
    if tried.status.success() { Ok(()) } else { Err(format!("the kernel's log cannot be read: {said}")) }
}

/// One OOM report, from `invoked oom-killer` to `Killed process`: whose it is stands near its end.
struct Report {
    mine: String,
    lines: String,
    /// The process to be killed, once the report is known to be of the cgroup.
    task: Option<String>,
}

impl Report {
    /// Takes one line; true when a report of the cgroup is complete.
    fn add(&mut self, line: &str) -> bool {
        if line.contains("invoked oom-killer") {
            self.lines.clear();
            self.task = None;
        }
        self.lines += &syslog(line);
        if line.contains("oom-kill:constraint=") {
            let id = line.split(",pid=").nth(1).and_then(|rest| rest.split(',').next());
            self.task = id.filter(|_| line.contains(&self.mine)).map(|id| format!("Killed process {id} "));
        }
        self.task.as_ref().is_some_and(|killed| line.contains(killed)) && self.task.take().is_some()
    }
}

fn syslog(line: &str) -> String {
    let now = OffsetDateTime::from(SystemTime::now()).format(&Rfc3339).unwrap();
    format!("{now} gpu-node-7 kernel: {line}\n")
}
