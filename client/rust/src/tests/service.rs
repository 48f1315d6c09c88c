//! A service that answers as it is told, over a real socket: what no real app does when it is asked.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use h2::SendStream;
use h2::server::SendResponse;
use prost::Message;
use prost::bytes::{Bytes, BytesMut};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tonic::Code;
use tonic::codegen::http::{HeaderMap, Request, Response};

/// What a call is answered with.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// Messages as they are framed.
    Messages(Vec<u8>),
    /// The same, and then nothing until the client leaves.
    Open(Vec<u8>),
    Status(Code, String, Vec<u8>),
    /// The connection breaks.
    Break,
    /// Nothing is ever said.
    Silence,
}

impl Reply {
    pub(super) fn message(message: &impl Message) -> Self {
        Self::Messages(framed(message))
    }

    pub(super) fn messages(messages: &[impl Message]) -> Self {
        Self::Messages(messages.iter().flat_map(framed).collect())
    }

    pub(super) fn open(messages: &[impl Message]) -> Self {
        Self::Open(messages.iter().flat_map(framed).collect())
    }

    pub(super) fn status(code: Code) -> Self {
        Self::Status(code, "not yet".to_owned(), Vec::new())
    }
}

fn framed(message: &impl Message) -> Vec<u8> {
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).expect("it is short");
    [&[0], length.to_be_bytes().as_slice(), &message].concat()
}

/// A call that came.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    body: Vec<u8>,
}

impl Received {
    pub(super) fn parse<M: Message + Default>(&self) -> M {
        M::decode(&self.body[5..]).expect("it is a message")
    }
}

/// Answers the calls of one client in order; the last reply is given again.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    /// How many clients left what was open.
    left: watch::Sender<usize>,
}

impl Service {
    pub(super) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has ports");
        let address = listener.local_addr().expect("it is bound");
        let made = Self { address, received: Arc::default(), left: watch::Sender::new(0) };
        let (service, mut replies) = (made.clone(), replies.into_iter().collect());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                serve(socket, &mut replies, &service).await;
            }
        });
        made
    }

    /// Waits until clients left what was open, but not for ever.
    pub(super) async fn left(&self, times: usize) {
        let mut left = self.left.subscribe();
        let waited = left.wait_for(|left| *left == times);
        timeout(Duration::from_secs(60), waited).await.expect("they leave in time").expect("it is kept");
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().expect("nobody panicked").clone()
    }
}

async fn serve(socket: TcpStream, replies: &mut VecDeque<Reply>, service: &Service) {
    let mut connection = h2::server::handshake(socket).await.expect("the client speaks HTTP/2");
    let mut silent = Vec::new();
    while let Some(Ok((request, respond))) = connection.accept().await {
        let reply = if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() };
        match reply.expect("there is a reply") {
            Reply::Break => return,
            Reply::Silence => silent.push(respond),
            reply => {
                let service = service.clone();
                tokio::spawn(async move {
                    let read = read(request).await; // which goes on while the connection is asked for the next call
                    service.received.lock().expect("nobody panicked").push(read);
                    if let Some(mut open) = send(respond, reply) {
                        let _ = poll_fn(|context| open.poll_reset(context)).await;
                        service.left.send_modify(|left| *left += 1);
                    }
                });
            }
        }
    }
}

async fn read(request: Request<h2::RecvStream>) -> Received {
    let (head, mut stream) = request.into_parts();
    let mut body = BytesMut::new();
    while let Some(Ok(part)) = stream.data().await {
        body.extend_from_slice(&part);
    }
    Received { path: head.uri.path().to_owned(), headers: head.headers, body: body.to_vec() }
}

/// Sends a reply; gives back a stream that stays open.
fn send(mut respond: SendResponse<Bytes>, reply: Reply) -> Option<SendStream<Bytes>> {
    let response =
        Response::builder().header("content-type", "application/grpc").body(()).expect("it is one");
    let mut stream = respond.send_response(response, false).expect("the client listens");
    let mut trailers = HeaderMap::new();
    match reply {
        Reply::Messages(messages) => {
            stream.send_data(messages.into(), false).expect("the client listens");
            trailers.insert("grpc-status", 0.into());
        }
        Reply::Open(messages) => {
            stream.send_data(messages.into(), false).expect("the client listens");
            return Some(stream);
        }
        Reply::Status(code, text, details) => {
            let status = tonic::Status::with_details(code, text, details.into());
            status.add_header(&mut trailers).expect("it is short");
        }
        Reply::Break | Reply::Silence => unreachable!("they have no answer"),
    }
    stream.send_trailers(trailers).expect("the client listens");
    None
}
