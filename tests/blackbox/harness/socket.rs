//! The KMIP socket, as a client uses it. Requests and answers are written as JSON in the tests, and as TTLV on the wire.

use std::io::{self, Read as _, Write as _};

use claviger::kmip::Dialect;
use claviger::kmip::ttlv::{Document, binary, json};
use serde_json::Value;

use super::http::Stream;
use super::message::message;
use super::{Client, Identity, Options, Server};

/// Options of a server with a KMIP socket.
pub fn with_socket() -> Options {
    Options::default().with(&["--kmip-port", "0"])
}

/// A connection to the socket.
pub struct Socket {
    pub stream: Stream,
}

impl Server {
    /// A client of the socket.
    pub fn socket_client(&self, identity: Option<&Identity>) -> Client {
        Client::tls(self.kmip.expect("the server has a KMIP socket"), &self.place.authority.certificate, identity)
            .behind(&self.header)
    }

    /// A connection to the socket.
    pub fn socket(&self, identity: &Identity) -> Socket {
        Socket { stream: self.socket_client(Some(identity)).connect().unwrap().stream }
    }
}

/// The message in the binary encoding.
pub fn ttlv(message: &Value) -> Vec<u8> {
    let document = json::read(message.to_string().as_bytes()).unwrap();
    let mut bytes = Vec::new();
    assert!(binary::write(&document, &mut bytes), "{message}");
    bytes
}

fn shown(document: &Document) -> Value {
    let mut text = Vec::new();
    json::write(document, Dialect::Oasis, &mut text);
    serde_json::from_slice(&text).unwrap()
}

impl Socket {
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Reads one answer.
    pub fn answer(&mut self) -> io::Result<Value> {
        let mut head = [0; 8];
        self.stream.read_exact(&mut head)?;
        let length = binary::message_length(head).map_err(io::Error::other)?;
        let mut bytes = head.to_vec();
        bytes.resize(length, 0);
        self.stream.read_exact(&mut bytes[8..])?;
        Ok(shown(&binary::read(&bytes).map_err(io::Error::other)?))
    }

    /// Sends a message and reads its answer.
    pub fn ask(&mut self, message: &Value) -> Value {
        self.send(&ttlv(message)).unwrap();
        self.answer().unwrap()
    }

    /// The batch items of the answer to these operations in one message.
    pub fn items(&mut self, options: &[Value], operations: &[Value]) -> Vec<Value> {
        items_of(&self.ask(&message(options, operations)))
    }

    /// The answer to one operation, which must succeed.
    pub fn ok(&mut self, operation: &Value) -> Value {
        let item = self.items(&[], std::slice::from_ref(operation)).remove(0);
        assert_eq!(outcome(&item), "Success", "{item}");
        item
    }

    /// Whether the server has closed the connection, after everything that it sent was read. A server that neither
    /// sends nor closes has not.
    pub fn is_closed(&mut self) -> bool {
        match self.stream.read(&mut [0; 1]) {
            Ok(read) => read == 0,
            // OpenSSL reports the end of a connection without an alert as an error of its own.
            Err(error) => {
                matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof)
                    || error.to_string().contains("unexpected eof")
            }
        }
    }
}

/// The batch items of an answer.
pub fn items_of(answer: &Value) -> Vec<Value> {
    let all = answer["value"].as_array().unwrap();
    all.iter().filter(|item| item["tag"] == "BatchItem").cloned().collect()
}

/// The reason of a batch item that failed, else its status.
pub fn outcome(item: &Value) -> String {
    let own = |tag: &str| item["value"].as_array().unwrap().iter().find(|part| part["tag"] == tag);
    let found = own("ResultReason").or_else(|| own("ResultStatus")).unwrap();
    found["value"].as_str().unwrap().to_owned()
}

/// The outcome of each item.
pub fn outcomes(items: &[Value]) -> Vec<String> {
    items.iter().map(outcome).collect()
}
