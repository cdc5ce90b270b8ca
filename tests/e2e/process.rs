//! Programs that the test starts: found or refused with a plain word, time-outs everywhere, killed when the test lets go.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

/// The repository's root, where `.parts` is.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A part that `tests/run` installs.
///
/// # Panics
/// If it is not there: a test that passes over its parts proves nothing.
pub(crate) fn part(name: &str) -> PathBuf {
    let path = root().join(".parts").join(name);
    assert!(path.exists(), "run tests/run first (missing .parts/{name})");
    path
}

/// Killed and waited for when the test lets go of it, also when the test fails.
pub(crate) struct Owned(pub(crate) Child);

impl Drop for Owned {
    fn drop(&mut self) {
        let (_gone, _ended) = (self.0.kill(), self.0.wait());
    }
}

impl Owned {
    fn start(name: &str, command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}")))
    }

    /// Waits for its end, `None` when the time is up.
    async fn ended(&mut self, limit: Duration) -> Option<ExitStatus> {
        let ended = async {
            loop {
                if let Some(status) = self.0.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(limit, ended).await.ok()
    }
}

/// A program that runs until the test drops it.
pub(crate) struct Program {
    pub(crate) name: String,
    child: Owned,
    log: Arc<Mutex<Vec<String>>>,
}

impl Program {
    /// Starts it and reads its lines until `ready` found what it needs; what it writes later is kept for a failure's report.
    pub(crate) async fn start<T>(
        name: &str,
        mut command: Command,
        mut ready: impl FnMut(&str) -> Option<T>,
    ) -> (Self, T) {
        let mut child = Owned::start(name, &mut command);
        let log = Arc::new(Mutex::new(Vec::new()));
        let (lines, mut read) = mpsc::channel(10_000);
        follow(child.0.stdout.take().unwrap(), Arc::clone(&log), lines.clone());
        follow(child.0.stderr.take().unwrap(), Arc::clone(&log), lines);
        let program = Self { name: name.to_owned(), child, log };
        let found = timeout(Duration::from_secs(30), async {
            while let Some(line) = read.recv().await {
                if let Some(found) = ready(&line) {
                    return Some(found);
                }
            }
            None
        });
        let found = found.await.ok().flatten();
        let found = found.unwrap_or_else(|| panic!("{name} did not become ready; it said:\n{}", program.said()));
        (program, found)
    }

    /// The last lines that it wrote.
    pub(crate) fn said(&self) -> String {
        let lines = self.log.lock().unwrap();
        lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n")
    }

    /// Asks it to stop (SIGTERM) and waits for its exit code.
    pub(crate) async fn stop(mut self) -> Option<i32> {
        let id = self.child.0.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(sent.success(), "{} was gone already; it said:\n{}", self.name, self.said());
        let ended = self.child.ended(Duration::from_secs(30)).await;
        ended.unwrap_or_else(|| panic!("{} did not stop; it said:\n{}", self.name, self.said())).code()
    }
}

/// Reads to the end of the stream, so that the program never waits for its reader.
fn follow(stream: impl Read + Send + 'static, log: Arc<Mutex<Vec<String>>>, lines: mpsc::Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            log.lock().unwrap().push(line.clone());
            // Nobody listens any more once the program is ready.
            let _unheard = lines.try_send(line);
        }
    });
}

/// Runs a program to its end with `input`, and returns what it wrote to standard output.
pub(crate) async fn run_to_end(name: &str, mut command: Command, input: &[u8], limit: Duration) -> String {
    let mut child = Owned::start(name, &mut command);
    let mut stdin = child.0.stdin.take().unwrap();
    stdin.write_all(input).unwrap();
    drop(stdin);
    let (out, err) = (gather(child.0.stdout.take().unwrap()), gather(child.0.stderr.take().unwrap()));
    let status = child.ended(limit).await.unwrap_or_else(|| panic!("{name} did not end within {limit:?}"));
    let (out, err) = (out.join().unwrap(), err.join().unwrap());
    assert!(status.success(), "{name} failed ({status}):\n{err}");
    out
}

fn gather(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        stream.read_to_string(&mut text).map(|_| text).unwrap_or_default()
    })
}
