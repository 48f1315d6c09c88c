//! Opens sockets to the app, wherever it is now.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tonic::codegen::Service;
use tonic::transport::Uri;

use crate::target::entry_in;

/// Where the app is.
#[derive(Clone, Debug)]
pub(crate) enum Route {
    /// At HOST:PORT, or `unix:PATH`.
    Address(String),
    /// Where its data directory tells: an app that is started again may have another address.
    DataDir(PathBuf),
}

/// Is asked for a socket whenever the connection is lost.
#[derive(Clone, Debug)]
pub(crate) struct Connector(pub(crate) Route);

/// A stream of bytes, over TCP or within this host.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

impl Service<Uri> for Connector {
    type Response = TokioIo<Box<dyn Socket>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let route = self.0.clone();
        Box::pin(async move { Ok(TokioIo::new(open(route).await?)) })
    }
}

async fn open(route: Route) -> io::Result<Box<dyn Socket>> {
    let address = match route {
        Route::Address(address) => address,
        Route::DataDir(path) => entry_in(&path).map_err(io::Error::other)?.address,
    };
    if let Some(path) = address.strip_prefix("unix:") {
        return Ok(Box::new(UnixStream::connect(path).await?));
    }
    let socket = TcpStream::connect(&address).await?;
    socket.set_nodelay(true)?;
    Ok(Box::new(socket))
}
