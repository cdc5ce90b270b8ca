//! A memory cgroup of the test's own: what the kernel kills in it is killed for real, and nothing outside it is touched.
//!
//! In: a name and a limit. Out: a folder under `/sys/fs/cgroup` whose processes share the limit, v1 or v2; gone when dropped.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const V1: &str = "/sys/fs/cgroup/memory";
const V2: &str = "/sys/fs/cgroup";

/// `parent/child`, as in `/models/MODEL`: removed, with what runs in it, when dropped.
pub(crate) struct MemoryGroup {
    parent: PathBuf,
    child: PathBuf,
    /// What the kernel calls it in its lines.
    pub(crate) name: String,
    /// What the kernel calls its parent.
    pub(crate) parent_name: String,
}

impl MemoryGroup {
    /// Makes the group with this limit, or says what the machine does not allow.
    pub(crate) fn create(parent: &str, child: &str, limit_bytes: u64) -> Result<Self, String> {
        let v1 = Path::new(V1).join("memory.limit_in_bytes").exists();
        let root = Path::new(if v1 { V1 } else { V2 });
        if !v1 {
            let controllers = fs::read_to_string(root.join("cgroup.subtree_control"));
            let controllers = controllers.map_err(|error| format!("there is no memory cgroup: {error}"))?;
            if !controllers.split_whitespace().any(|name| name == "memory") {
                return Err(format!("{V2}/cgroup.subtree_control does not hand on the memory controller"));
            }
        }
        let group = Self {
            child: root.join(parent).join(child),
            name: format!("/{parent}/{child}"),
            parent_name: format!("/{parent}"),
            parent: root.join(parent),
        };
        make(&group.parent)?;
        if !v1 {
            write(&group.parent.join("cgroup.subtree_control"), "+memory")?;
        }
        make(&group.child)?;
        let limit = limit_bytes.to_string();
        if v1 {
            write(&group.child.join("memory.limit_in_bytes"), &limit)?;
        } else {
            write(&group.child.join("memory.max"), &limit)?;
        }
        // Memory that may be swapped out is not missing; machines without swap have no such file.
        for file in ["memory.memsw.limit_in_bytes", "memory.swap.max"] {
            let file = group.child.join(file);
            if file.exists() {
                write(&file, if v1 { &limit } else { "0" })?;
            }
        }
        Ok(group)
    }

    /// A command that starts `program` inside the group.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("sh");
        let script = r#"echo $$ > "$0"/cgroup.procs && exec "$@""#;
        command.args([OsStr::new("-c"), OsStr::new(script), self.child.as_os_str(), program.as_os_str()]);
        command
    }

    /// How many processes the kernel killed in it, by its own count.
    pub(crate) fn kills(&self) -> u32 {
        let texts = ["memory.oom_control", "memory.events"].map(|file| fs::read_to_string(self.child.join(file)));
        let mut lines = texts.iter().flatten().flat_map(|text| text.lines());
        let count = lines.find_map(|line| line.strip_prefix("oom_kill "));
        count.and_then(|text| text.trim().parse().ok()).unwrap_or_default()
    }
}

impl Drop for MemoryGroup {
    #[expect(
        clippy::disallowed_methods,
        reason = "a destructor cannot await, and the kernel needs a moment to empty the group"
    )]
    /// Only what the test itself put into the group is there to be ended.
    fn drop(&mut self) {
        for _ in 0..100 {
            for id in fs::read_to_string(self.child.join("cgroup.procs")).unwrap_or_default().lines() {
                let _gone = Command::new("kill").args(["-KILL", id]).output();
            }
            if fs::remove_dir(&self.child).is_ok() || !self.child.exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _other_children = fs::remove_dir(&self.parent);
    }
}

fn make(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("the cgroup {} cannot be made: {error}", folder.display()))
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("{} cannot be set to {text}: {error}", file.display()))
}
