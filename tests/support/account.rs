//! The user account under which a test server runs.

use std::path::Path;
use std::process::{Command, Stdio};

use xtask::tools;

/// The account that runs a server: the current user, or another one if that is root, since servers refuse to run as
/// root.
pub(crate) struct Account {
    other: Option<Ids>,
}

struct Ids {
    user: String,
    group: String,
}

impl Account {
    /// The account that the server's package has created, or `nobody` if there is none.
    pub(crate) fn of(server: &str) -> Result<Self, String> {
        if id(&["-u"]).as_deref() != Some("0") {
            return Ok(Self { other: None });
        }
        let ids = [server, "nobody"].into_iter().find_map(|name| {
            Some(Ids {
                user: id(&["-u", name])?,
                group: id(&["-g", name])?,
            })
        });
        match ids {
            Some(ids) => Ok(Self { other: Some(ids) }),
            None => Err(format!(
                "a server does not run as root, and there is neither a user `{server}` nor `nobody`"
            )),
        }
    }

    /// Returns the command that precedes a program to run it as this account.
    ///
    /// The kernel sends `death_signal` to the program when its parent dies, so that no server outlives its keeper.
    pub(crate) fn prefix(&self, death_signal: Option<&str>) -> Result<Vec<String>, String> {
        let setpriv = tools::UTIL_LINUX.path("setpriv")?;
        let mut words = vec![setpriv.display().to_string()];
        if let Some(Ids { user, group }) = &self.other {
            words.extend(["--reuid", user, "--regid", group, "--clear-groups"].map(str::to_owned));
        }
        if let Some(signal) = death_signal {
            words.extend(["--pdeathsig", signal].map(str::to_owned));
        }
        words.push("--".to_owned());
        Ok(words)
    }

    /// Returns a command that runs the program as this account.
    pub(crate) fn command(&self, program: &Path) -> Result<Command, String> {
        let prefix = self.prefix(None)?;
        let mut command = Command::new(&prefix[0]);
        // The current directory may be one that the account cannot enter.
        command
            .args(&prefix[1..])
            .arg(program)
            .current_dir("/")
            .stdin(Stdio::null());
        Ok(command)
    }

    /// Makes this account the owner of a directory.
    pub(crate) fn own(&self, directory: &Path) -> Result<(), String> {
        match &self.other {
            None => Ok(()),
            Some(Ids { user, group }) => run(Command::new("chown")
                .arg(format!("{user}:{group}"))
                .arg(directory))
            .map(drop),
        }
    }

    /// Whether this account can reach and change a directory: root's own home bars everybody else.
    pub(crate) fn can_write(&self, directory: &Path) -> Result<bool, String> {
        let test = tools::find("test").ok_or("there is no program `test` in PATH")?;
        Ok(run(self.command(&test)?.arg("-w").arg(directory)).is_ok())
    }
}

/// Runs a command. Returns its output as the error if it fails.
pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?} could not be started: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.success() {
        true => Ok(said),
        false => {
            let error = String::from_utf8_lossy(&output.stderr);
            Err(format!(
                "{command:?} ended with {}:\n{said}{error}",
                output.status
            ))
        }
    }
}

fn id(arguments: &[&str]) -> Option<String> {
    run(Command::new("id").args(arguments))
        .ok()
        .map(|id| id.trim().to_owned())
}
