//! What a process is started with: its variables and the `.env` near its working directory.

use std::process::Command;
use std::{env, fs};

use demarcate::Settings;

/// Set for the process that shows its settings.
const SHOW: &str = "DEMARCATE_TEST_SHOW_SETTINGS";

/// The variables of a process cannot be changed safely, so the test starts itself again with others.
#[test]
fn the_process_comes_before_the_dotenv_of_the_directory_or_of_one_above() {
    if env::var_os(SHOW).is_some() {
        let shown = match Settings::from_env() {
            Ok(settings) => format!(
                "{settings} {} {}",
                settings.environment,
                env::var_os("DB_USER").is_some()
            ),
            Err(error) => error.to_string(),
        };
        println!("[{shown}]");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let below = directory.path().join("src/deep");
    fs::create_dir_all(&below).unwrap();
    let dotenv = |text: &str| fs::write(directory.path().join(".env"), text).unwrap();
    let shown = |variables: &[(&str, &str)]| {
        let output = Command::new(env::current_exe().unwrap())
            .args(["--nocapture", "--test-threads=1"])
            .current_dir(&below)
            .env_clear()
            .env(SHOW, "1")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        let (_, rest) = output.split_once('[').unwrap_or_else(|| panic!("{output}"));
        rest.split(']').next().unwrap().to_owned()
    };

    assert_eq!(shown(&[]), "sqlite://development.db development false");

    dotenv("ENVIRONMENT=staging\nDB_HOST=db\nDB_NAME=shop\nDB_USER=me\nDB_PASSWORD='p@ss $word'\n");
    // The file is read, and the process's own environment stays as it is.
    assert_eq!(shown(&[]), "me:***@db/shop staging false");
    assert_eq!(
        shown(&[("DB_HOST", "other"), ("ENVIRONMENT", "test")]),
        "me:***@other/shop test false"
    );
    assert_eq!(
        shown(&[("DATABASE_URL", "postgres://one/a")]),
        "postgres://one/a staging false"
    );

    dotenv("DB_PASSWORD=hunter2 and more\n");
    let said = shown(&[]);
    assert!(
        said.contains(".env, line 1 cannot be read; write `NAME=value`")
            && !said.contains("hunter2"),
        "{said}"
    );
}
