//! HTTP, with limits.

use std::{error::Error, time::Duration};

use reqwest::{Client, ClientBuilder, Response, StatusCode, header};
use url::{Host, Url};

use super::{Limits, Problem, start};

/// Fetches files; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Http {
    client: Client,
    /// Without a proxy, which would look for loopback on its own machine.
    direct: Client,
    redirects: usize,
    silence: Duration,
}

impl Http {
    /// Prepares the clients.
    ///
    /// # Errors
    ///
    /// Where the settings of the machine (a proxy in the environment) cannot be used.
    pub(super) fn new(limits: &Limits) -> Result<Self, Problem> {
        prepare_tls();
        let Limits {
            redirects, silence, ..
        } = *limits;
        let client = build(|| builder(silence))?;
        let direct = build(|| builder(silence).no_proxy())?;
        Ok(Self {
            client,
            direct,
            redirects,
            silence,
        })
    }

    /// Fetches a file, and follows redirects to it.
    ///
    /// # Errors
    ///
    /// Where no server answers, or with anything but success. The body is not read yet.
    pub(super) async fn get(&self, url: &Url) -> Result<Response, Problem> {
        let mut way = vec![url.clone()];
        let mut next = url.clone();
        loop {
            let response = self.client_for(&next).get(next).send().await;
            let response = response.map_err(|error| self.problem(&error))?;
            let Some(target) = redirect(&response)? else {
                return accept(response);
            };
            if way.contains(&target) {
                return Err(Problem::RedirectLoop);
            }
            if way.len() > self.redirects {
                return Err(Problem::TooManyRedirects(self.redirects));
            }
            way.push(target.clone());
            next = target;
        }
    }

    /// What an error of the client means.
    pub(super) fn problem(&self, error: &reqwest::Error) -> Problem {
        if error.is_timeout() {
            return Problem::Silent(self.silence);
        }
        let reason = root_cause(error);
        if error.is_connect() {
            Problem::Unreachable(reason)
        } else {
            Problem::Interrupted(reason)
        }
    }

    fn client_for(&self, url: &Url) -> &Client {
        let is_loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if is_loopback {
            &self.direct
        } else {
            &self.client
        }
    }
}

/// Says which cryptography reqwest works with; needed once, before the first client.
pub(crate) fn prepare_tls() {
    // An error says that the process has one already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn builder(silence: Duration) -> ClientBuilder {
    let mut headers = header::HeaderMap::new();
    // Asked for by hand: what comes back is inflated by `Input`, which knows when to stop.
    headers.insert(
        header::ACCEPT_ENCODING,
        header::HeaderValue::from_static("gzip"),
    );
    Client::builder()
        .user_agent(concat!("demarcate-sitemap/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers)
        .connect_timeout(silence)
        .read_timeout(silence)
        // Followed by `get`, which can say what is wrong with one.
        .redirect(reqwest::redirect::Policy::none())
}

/// Builds a client; on a machine without root certificates, one that speaks plain HTTP and trusts
/// no HTTPS server.
fn build(builder: impl Fn() -> ClientBuilder) -> Result<Client, Problem> {
    let client = builder()
        .build()
        .or_else(|_| builder().tls_certs_only([]).build());
    client.map_err(|error| Problem::Client(root_cause(&error)))
}

/// Where a redirect leads; `None` for every other answer.
fn redirect(response: &Response) -> Result<Option<Url>, Problem> {
    // The other statuses of the 300s do not send anywhere.
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response
        .headers()
        .get(header::LOCATION)
        .map(|value| value.as_bytes())
        .unwrap_or_default();
    let location = String::from_utf8_lossy(location);
    let target = response
        .url()
        .join(&location)
        .ok()
        .filter(|_| !location.is_empty());
    let Some(target) = target.and_then(|url| start::checked(url).ok()) else {
        return Err(Problem::BadRedirect(location.chars().take(80).collect()));
    };
    Ok(Some(target))
}

fn accept(response: Response) -> Result<Response, Problem> {
    match response.status() {
        StatusCode::OK => Ok(response),
        status => Err(Problem::Status { status }),
    }
}

/// The innermost error: the only one of the chain that says what happened.
fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
