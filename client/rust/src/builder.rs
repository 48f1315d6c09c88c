//! Makes clients.

use std::path::PathBuf;
use std::time::Duration;

use tonic::codegen::http::HeaderValue;
use tonic::transport::{Channel, Endpoint};

use crate::connector::{Connector, Route};
use crate::target::{check_token, entry_in, find_entry, read_token};
use crate::{Client, Connection, Error, Result};

const TIMEOUT: Duration = Duration::from_secs(10);

/// Says which app to talk to and how; as it is, it finds the one running app of this user.
#[derive(Clone, Default)]
#[must_use]
pub struct Builder {
    address: Option<String>,
    data_dir: Option<PathBuf>,
    app: Option<String>,
    token: Option<String>,
    token_file: Option<PathBuf>,
    timeout: Option<Duration>,
    #[cfg(feature = "tls")]
    tls: Option<tonic::transport::ClientTlsConfig>,
}

impl Builder {
    /// `HOST:PORT` or `unix:PATH`; without it the app is found, and found again when it moves.
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// Finds the app that runs on a data directory.
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// Finds the running app of a name.
    pub fn app(mut self, name: impl Into<String>) -> Self {
        self.app = Some(name.into());
        self
    }

    /// Proves who calls. Found apps need none.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Takes the token from a file that nobody else may read.
    pub fn token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.token_file = Some(path.into());
        self
    }

    /// The timeout of calls that have none of their own: ten seconds if it is not set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Encrypts the connection; without it a token is only sent within this host.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: tonic::transport::ClientTlsConfig) -> Self {
        self.tls = Some(config);
        self
    }

    /// Finds the app and makes a client of it; nothing is sent before the first call.
    ///
    /// # Errors
    ///
    /// No running app fits, or the token may not be sent to it.
    pub async fn connect(mut self) -> Result<Client> {
        let (address, route) = self.find()?;
        let authorization = self.authorization(&address)?;
        let channel = self.channel(&address, route)?;
        let timeout = self.timeout.unwrap_or(TIMEOUT);
        Ok(Client::new(Connection::new(channel, authorization, timeout), timeout))
    }

    fn find(&mut self) -> Result<(String, Route)> {
        if let Some(address) = self.address.take() {
            return Ok((address.clone(), Route::Address(address)));
        }
        let entry = match &self.data_dir {
            Some(path) => entry_in(path)?,
            None => find_entry(self.app.as_deref())?,
        };
        self.token_file = self.token_file.take().or(entry.token_file);
        Ok((entry.address, Route::DataDir(entry.data_dir)))
    }

    fn authorization(&self, address: &str) -> Result<Option<HeaderValue>> {
        let token = match (&self.token, &self.token_file) {
            (Some(token), _) => token.clone(),
            (None, Some(file)) => read_token(file)?,
            (None, None) => return Ok(None),
        };
        check_token(&token, address, self.encrypted())?;
        let mut header = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| Error::Unusable("the token has characters that none has".to_owned()))?;
        header.set_sensitive(true);
        Ok(Some(header))
    }

    fn channel(&self, address: &str, route: Route) -> Result<Channel> {
        let unusable = |error: tonic::transport::Error| Error::Unusable(format!("{address}: {error}"));
        let scheme = if self.encrypted() { "https" } else { "http" };
        let authority = if address.starts_with("unix:") { "localhost" } else { address };
        let endpoint = Endpoint::from_shared(format!("{scheme}://{authority}"))
            .and_then(|endpoint| endpoint.user_agent("flowrpc-rust"))
            .map_err(unusable)?
            .connect_timeout(Duration::from_secs(5))
            // A frozen service is noticed while a call or a watch is open.
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(2));
        let endpoint = self.with_tls(endpoint).map_err(unusable)?;
        Ok(endpoint.connect_with_connector_lazy(Connector(route)))
    }

    #[cfg(feature = "tls")]
    fn encrypted(&self) -> bool {
        self.tls.is_some()
    }

    #[cfg(not(feature = "tls"))]
    fn encrypted(&self) -> bool {
        false
    }

    #[cfg(feature = "tls")]
    fn with_tls(&self, endpoint: Endpoint) -> Result<Endpoint, tonic::transport::Error> {
        match &self.tls {
            Some(config) => endpoint.tls_config(config.clone()),
            None => Ok(endpoint),
        }
    }

    #[cfg(not(feature = "tls"))]
    fn with_tls(&self, endpoint: Endpoint) -> Result<Endpoint, tonic::transport::Error> {
        Ok(endpoint)
    }
}
