//! A client of a language server, as far as `cargo xtask editor` needs one.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long the server may take to build the crate's macros and to read all that it depends on.
const READY_TAKES: Duration = Duration::from_secs(20 * 60);
/// How long the server must have been quiet to be taken for ready.
const QUIET: Duration = Duration::from_secs(3);
/// How long an answer may take.
const ANSWER_TAKES: Duration = Duration::from_secs(120);

/// A language server that runs.
pub(crate) struct Server {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    last: u64,
    /// Whether the server has said that it has nothing left to do.
    is_quiet: bool,
}

/// A place in a file, counted from 0.
pub(crate) struct Place {
    pub(crate) line: u64,
    character: u64,
}

impl Place {
    /// The place `inside` characters into the first `word` behind `before`.
    pub(crate) fn behind(
        text: &str,
        before: &str,
        word: &str,
        inside: usize,
    ) -> Result<Self, String> {
        let find = || {
            let start = text.find(before)? + before.len();
            let at = start + text.get(start..)?.find(word)? + inside;
            let head = text.get(..at)?;
            let line = head.matches('\n').count();
            let character = head.len() - head.rfind('\n').map_or(0, |end| end + 1);
            Some(Self {
                line: u64::try_from(line).ok()?,
                character: u64::try_from(character).ok()?,
            })
        };
        find().ok_or_else(|| format!("there is no `{word}` behind `{before}`"))
    }

    /// The parameters of a question about this place.
    pub(crate) fn within(&self, file: &Path) -> Value {
        json!({
            "textDocument": { "uri": uri(file) },
            "position": { "line": self.line, "character": self.character },
        })
    }
}

pub(crate) fn uri(file: &Path) -> String {
    format!("file://{}", file.display())
}

impl Server {
    /// Starts the server on a directory, and says hello.
    pub(crate) fn start(program: &Path, directory: &Path) -> Result<Self, String> {
        let mut child = Command::new(program)
            .current_dir(directory)
            // The toolchain whose server of macros is of the same release.
            .env("RUSTUP_TOOLCHAIN", "nightly")
            .env_remove("CARGO")
            .env_remove("RUSTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the server has no pipes".to_owned());
        };
        let (sender, messages) = mpsc::channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Some(message) = read(&mut output) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let mut server = Self {
            child,
            input,
            messages,
            last: 0,
            is_quiet: false,
        };
        let parameters = json!({
            "processId": std::process::id(),
            "rootUri": uri(directory),
            "capabilities": {
                "textDocument": {
                    "hover": { "contentFormat": ["markdown"] },
                    "completion": { "completionItem": { "snippetSupport": false } },
                    "diagnostic": {},
                },
                "workspace": { "configuration": false },
                "window": { "workDoneProgress": true },
                "experimental": { "serverStatusNotification": true },
            },
            "initializationOptions": {
                "checkOnSave": false,
                "cachePriming": { "enable": false },
                "cargo": { "buildScripts": { "enable": true }, "extraEnv": { "CARGO_NET_OFFLINE": "true" } },
                "procMacro": { "enable": true, "attributes": { "enable": true } },
                "completion": { "limit": 1000 },
            },
        });
        server.ask("initialize", &parameters)?;
        server.tell("initialized", &json!({}))?;
        Ok(server)
    }

    /// Opens a file.
    pub(crate) fn open(&mut self, file: &Path, text: &str) -> Result<(), String> {
        let document =
            json!({ "uri": uri(file), "languageId": "rust", "version": 1, "text": text });
        self.tell("textDocument/didOpen", &json!({ "textDocument": document }))
    }

    /// Waits until the server has read everything.
    pub(crate) fn is_ready(&mut self) -> Result<(), String> {
        let (began, mut since) = (Instant::now(), Instant::now());
        while began.elapsed() < READY_TAKES {
            match self.messages.recv_timeout(QUIET) {
                Ok(message) => {
                    self.handle(&message)?;
                    since = Instant::now();
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    if self.is_quiet && since.elapsed() >= QUIET {
                        return Ok(());
                    }
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err("the server has ended".to_owned());
                }
            }
        }
        Err(format!("the server is not ready after {READY_TAKES:?}"))
    }

    /// Asks, and waits for the answer.
    pub(crate) fn ask(&mut self, method: &str, parameters: &Value) -> Result<Value, String> {
        let began = Instant::now();
        loop {
            self.last += 1;
            let id = self.last;
            self.send(
                &json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": parameters }),
            )?;
            let answer = loop {
                let message = self
                    .messages
                    .recv_timeout(ANSWER_TAKES)
                    .map_err(|_| format!("no answer to `{method}`"))?;
                if message.get("id").and_then(Value::as_u64) == Some(id)
                    && message.get("method").is_none()
                {
                    break message;
                }
                self.handle(&message)?;
            };
            match answer.get("error") {
                None => return Ok(answer.get("result").cloned().unwrap_or_default()),
                // The content was modified meanwhile, or the server has cancelled the question: asked again.
                Some(error)
                    if matches!(
                        error.get("code").and_then(Value::as_i64),
                        Some(-32801 | -32802)
                    ) && began.elapsed() < ANSWER_TAKES =>
                {
                    std::thread::sleep(QUIET);
                }
                Some(error) => return Err(format!("`{method}`: {error}")),
            }
        }
    }

    pub(crate) fn stop(mut self) {
        // What it was asked for is there; how it ends matters to nobody.
        let _ = self.ask("shutdown", &Value::Null);
        let _ = self.tell("exit", &Value::Null);
        let _ = self.child.wait();
    }

    fn tell(&mut self, method: &str, parameters: &Value) -> Result<(), String> {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": parameters }))
    }

    /// Answers what the server itself asks, and notes what it says of its state.
    fn handle(&mut self, message: &Value) -> Result<(), String> {
        let method = message
            .get("method")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if method == "experimental/serverStatus" {
            let status = message.get("params").cloned().unwrap_or_default();
            self.is_quiet = status.get("quiescent").and_then(Value::as_bool) == Some(true);
            if status.get("health").and_then(Value::as_str) == Some("error") {
                return Err(format!("the server cannot read the crate: {status}"));
            }
        }
        match message.get("id") {
            Some(id) if !method.is_empty() => {
                self.send(&json!({ "jsonrpc": "2.0", "id": id, "result": null }))
            }
            _ => Ok(()),
        }
    }

    fn send(&mut self, message: &Value) -> Result<(), String> {
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len())
            .and_then(|()| self.input.flush())
            .map_err(|error| format!("cannot write to the server: {error}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads one message. None at the end, and where it is none.
fn read(output: &mut impl BufRead) -> Option<Value> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.parse::<usize>().ok();
        }
    }
    let mut text = vec![0; length?];
    output.read_exact(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}
