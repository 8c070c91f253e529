//! Where connections come from: a TCP port, or a Unix socket, whose system vouches for who is at the
//! other end.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// The number by which the system knows a user of this machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct UserId(pub(crate) u32);

/// Gives one connection after the other.
pub(crate) trait Listener: Send + Sync {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection, and whose process began it, where that is known.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, Option<UserId>)>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, Option<UserId>)> {
        let (stream, _) = self.accept().await?;
        // Small frames go out as they are made; without this they would wait for each other.
        let _ = stream.set_nodelay(true);
        Ok((stream, None))
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<(UnixStream, Option<UserId>)> {
        let (stream, _) = self.accept().await?;
        let user = stream.peer_cred()?.uid();
        Ok((stream, Some(UserId(user))))
    }
}
