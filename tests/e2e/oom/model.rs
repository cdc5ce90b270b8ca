//! Model servers: gunicorn, as it is, with its log in a file.
//!
//! In: whose model it is, and the command that starts gunicorn (inside a memory cgroup or not). Out: where it listens.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::clients::without_settings;
use crate::process::{Owned, root};

/// Three workers: a killed one must not be the only one.
const OPTIONS: &str = "--bind 127.0.0.1:0 --worker-class sync --workers 3 --graceful-timeout 2 --no-control-socket";

/// A running server; it ends when dropped.
pub(crate) struct ModelServer {
    gunicorn: Owned,
    pub(crate) address: SocketAddr,
}

impl ModelServer {
    /// Starts it and waits until it listens. It writes `REPLICA.log` in `folder`.
    pub(crate) async fn start(mut command: Command, folder: &Path, replica: &str) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let log = folder.join(format!("{replica}.log"));
        without_settings(&mut command);
        command
            .args(OPTIONS.split(' '))
            .arg("--chdir")
            .arg(root().join("tests/parts"))
            .arg("--error-logfile")
            .arg(&log)
            .arg("--access-logfile")
            .arg(&log)
            .arg("model:application")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null());
        let gunicorn = Owned(command.spawn().unwrap_or_else(|error| panic!("gunicorn does not start: {error}")));
        for _ in 0..300 {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            let listens = text.lines().find_map(|line| line.split("Listening at: http://").nth(1)?.split(' ').next());
            // A worker that was booted serves at once; before that a call only waits.
            if let Some(address) = listens.filter(|_| text.contains("Booting worker")) {
                return Self { gunicorn, address: address.parse().unwrap() };
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("gunicorn did not listen within 30 s; {} holds:\n{}", log.display(), read(&log))
    }
}

impl Drop for ModelServer {
    /// Asked to quit first: a master that is killed leaves its workers to find out by themselves.
    fn drop(&mut self) {
        let asked = Command::new("kill").args(["-QUIT", &self.gunicorn.0.id().to_string()]).output();
        if asked.is_ok_and(|kill| kill.status.success()) {
            let _ended = self.gunicorn.0.wait();
        }
    }
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}
