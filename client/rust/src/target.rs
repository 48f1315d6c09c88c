//! The target of a client: the app's address, and what it proves itself with.

use std::env;
use std::fs::File;
use std::io::Read as _;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Pid, geteuid, test_kill_process};
use serde_json::Value as Json;

use crate::{Error, Result};

/// What a running app writes into its data directory and into the run directory of its user.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) data_dir: PathBuf,
    pub(crate) token_file: Option<PathBuf>,
}

impl Entry {
    /// Reads an entry if it is ours alone and its process runs.
    fn read(path: &Path) -> Option<Self> {
        let json: Json = serde_json::from_str(&read_private(path).ok()?).ok()?;
        let text = |name: &str| json[name].as_str().map(str::to_owned);
        if !is_running(json["pid"].as_i64()?) {
            return None;
        }
        Some(Self {
            name: text("name")?,
            address: text("address")?,
            data_dir: text("data_dir")?.into(),
            token_file: text("token_file").filter(|path| !path.is_empty()).map(PathBuf::from),
        })
    }
}

fn is_running(pid: i64) -> bool {
    let Some(pid) = i32::try_from(pid).ok().filter(|pid| *pid > 0).and_then(Pid::from_raw) else {
        return false;
    };
    matches!(test_kill_process(pid), Ok(()) | Err(Errno::PERM))
}

/// Finds the app that runs on a data directory.
pub(crate) fn entry_in(data_dir: &Path) -> Result<Entry> {
    let found = Entry::read(&data_dir.join("app.json"));
    found.ok_or_else(|| Error::NotFound(format!("no app runs on data directory {}", data_dir.display())))
}

/// Finds the one running app of this user, or the one of a name.
pub(crate) fn find_entry(app: Option<&str>) -> Result<Entry> {
    let mut fitting = running_apps();
    fitting.retain(|entry| app.is_none_or(|name| name == entry.name));
    if fitting.len() > 1 {
        let names: Vec<&str> = fitting.iter().map(|entry| entry.name.as_str()).collect();
        let text = format!("several fit: {}; name one by `app` or `data_dir`", names.join(", "));
        return Err(Error::NotFound(text));
    }
    fitting.pop().ok_or_else(|| {
        let named = app.map(|name| format!("none under the name {name:?}; ")).unwrap_or_default();
        let text = "start one with `flowctl run APP.py`, or give an address and a token file";
        Error::NotFound(named + text)
    })
}

fn running_apps() -> Vec<Entry> {
    let Ok(files) = std::fs::read_dir(run_directory()) else {
        return Vec::new();
    };
    let paths = files.flatten().map(|file| file.path());
    let entries = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let mut found: Vec<Entry> = entries.filter_map(|path| Entry::read(&path)).collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

fn run_directory() -> PathBuf {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(chosen) = set("FLOWRPC_RUN_DIR") {
        return chosen;
    }
    if let Some(runtime) = set("XDG_RUNTIME_DIR") {
        return runtime.join("flowrpc");
    }
    env::temp_dir().join(format!("flowrpc-{}", geteuid().as_raw()))
}

/// Reads a file that belongs to this user and that nobody else may read.
fn read_private(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let failed = |error: std::io::Error| format!("{shown}: {error}");
    let mut file = File::open(path).map_err(failed)?;
    let facts = file.metadata().map_err(failed)?;
    if facts.mode() & 0o077 != 0 {
        return Err(format!("{shown} is open to other users; run `chmod 600 {shown}`"));
    }
    if facts.uid() != geteuid().as_raw() {
        return Err(format!("{shown} belongs to another user"));
    }
    let mut content = String::new();
    file.read_to_string(&mut content).map_err(failed)?;
    Ok(content)
}

pub(crate) fn read_token(file: &Path) -> Result<String> {
    let content = read_private(file).map_err(|problem| Error::Unusable(format!("token file: {problem}")))?;
    Ok(content.trim().to_owned())
}

/// Checks that a token may be sent to an address, and is one.
pub(crate) fn check_token(token: &str, address: &str, encrypted: bool) -> Result<()> {
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::Unusable("the token is empty, or has characters that none has".to_owned()));
    }
    if !encrypted && !is_loopback(address) {
        let text = format!("{address} is not on this host: its token is only sent encrypted; give `tls`");
        return Err(Error::Unusable(text));
    }
    Ok(())
}

fn is_loopback(address: &str) -> bool {
    if address.starts_with("unix:") {
        return true;
    }
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}
