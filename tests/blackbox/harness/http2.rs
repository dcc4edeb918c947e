//! A client of HTTP/2 (RFC 9113) that can leave bodies unfinished and answers unread.

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::time::Duration;

use super::{Client, Connection};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// The part of an answer that has arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partial {
    pub status: Option<u16>,
    /// The number of DATA frames, and of their bytes.
    pub data: (usize, usize),
    pub ended: bool,
    pub reset: bool,
}

/// One connection.
pub struct Http2 {
    pub connection: Connection,
    next: u32,
    /// The window for sending: of the connection, of a new stream, and of each stream.
    window: i64,
    first_window: i64,
    windows: HashMap<u32, i64>,
    pub answers: HashMap<u32, Partial>,
    unread: Vec<u8>,
    pub is_closed: bool,
}

impl Http2 {
    pub fn connect(client: &Client) -> Self {
        let mut connection = client.connect().unwrap();
        // The dynamic table has the size 0, because this client does not keep one (RFC 7541 section 4.2).
        let mut hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        hello.extend(frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0]));
        connection.stream.write_all(&hello).unwrap();
        let (windows, answers, unread) = (HashMap::new(), HashMap::new(), Vec::new());
        Self { connection, next: 1, window: 65_535, first_window: 65_535, windows, answers, unread, is_closed: false }
    }

    /// Sends the headers of a request; `ended` if it has no body.
    pub fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)], ended: bool) -> u32 {
        let own = [(":method", method), (":scheme", "https"), (":path", path)];
        let authority = (":authority", "localhost");
        let is_given = headers.iter().any(|(name, _)| *name == ":authority");
        let all = own.iter().chain((!is_given).then_some(&authority));
        let headers = all.chain(headers.iter().filter(|(_, value)| !value.is_empty()));
        let mut block = Vec::new();
        for (name, value) in headers {
            // A literal without indexing, with a new name.
            block.push(0);
            for text in [name, value] {
                // Seven bits of the length, then the rest (RFC 7541 section 5.1).
                match text.len() {
                    short @ ..127 => block.push(short as u8),
                    long => block.extend([127, u8::try_from(long - 127).ok().filter(|rest| *rest < 128).unwrap()]),
                }
                block.extend_from_slice(text.as_bytes());
            }
        }
        let stream = self.next;
        self.next += 2;
        self.windows.insert(stream, self.first_window);
        self.answers.insert(stream, Partial::default());
        let flags = END_HEADERS | if ended { END_STREAM } else { 0 };
        self.write(&frame(HEADERS, flags, stream, &block));
        stream
    }

    /// Sends as many of these bytes as the windows allow, and returns their number.
    pub fn body(&mut self, stream: u32, bytes: &[u8], ended: bool) -> usize {
        let window = self.window.min(self.windows[&stream]).max(0) as usize;
        let part = &bytes[..bytes.len().min(window).min(16_384)];
        if part.is_empty() && !bytes.is_empty() {
            return 0;
        }
        let flags = if ended && part.len() == bytes.len() { END_STREAM } else { 0 };
        self.write(&frame(DATA, flags, stream, part));
        self.window -= part.len() as i64;
        *self.windows.get_mut(&stream).unwrap() -= part.len() as i64;
        part.len()
    }

    /// Reads for this time what the server sends, without window updates.
    pub fn listen(&mut self, span: Duration) {
        self.connection.tcp().set_read_timeout(Some(span)).unwrap();
        let mut part = [0; 65_536];
        match self.connection.stream.read(&mut part) {
            Ok(0) => self.is_closed = true,
            Ok(read) => self.unread.extend_from_slice(&part[..read]),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(_) => self.is_closed = true,
        }
        while let Some(length) = self.unread.first_chunk::<9>().map(|head| number(&head[..3]) as usize)
            && self.unread.len() >= 9 + length
        {
            let whole: Vec<u8> = self.unread.drain(..9 + length).collect();
            self.take(whole[3], whole[4], number(&whole[5..9]) & 0x7fff_ffff, &whole[9..]);
        }
    }

    /// Reads until the answer of a stream is there.
    pub fn answer(&mut self, stream: u32) -> Partial {
        super::eventually("an answer", || {
            self.listen(Duration::from_millis(50));
            let answer = &self.answers[&stream];
            (answer.ended || answer.reset || self.is_closed).then(|| answer.clone())
        })
    }

    fn take(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        match kind {
            SETTINGS if flags & ACK == 0 => {
                for setting in payload.chunks(6).filter(|setting| setting[..2] == [0, 4]) {
                    let window = i64::from(number(&setting[2..]));
                    self.windows.values_mut().for_each(|own| *own += window - self.first_window);
                    self.first_window = window;
                }
                self.write(&frame(SETTINGS, ACK, 0, &[]));
            }
            PING if flags & ACK == 0 => self.write(&frame(PING, ACK, 0, payload)),
            WINDOW_UPDATE if stream == 0 => self.window += i64::from(number(payload)),
            WINDOW_UPDATE => *self.windows.entry(stream).or_default() += i64::from(number(payload)),
            GOAWAY => self.is_closed = true,
            _ => {
                let Some(answer) = self.answers.get_mut(&stream) else { return };
                match kind {
                    HEADERS => answer.status = Some(status(payload)),
                    DATA => answer.data = (answer.data.0 + 1, answer.data.1 + payload.len()),
                    RST_STREAM => answer.reset = true,
                    _ => {}
                }
                answer.ended |= matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0;
            }
        }
    }

    /// If the server has closed the connection, the error of the write is ignored.
    fn write(&mut self, bytes: &[u8]) {
        self.is_closed |= self.connection.stream.write_all(bytes).is_err();
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// The status, which comes first in a block of headers (RFC 7541 appendices A and B).
fn status(block: &[u8]) -> u16 {
    let block = if block[0] & 0xe0 == 0x20 { &block[1..] } else { block };
    match block[0] {
        indexed @ 0x88..=0x8e => [200, 204, 206, 304, 400, 404, 500][usize::from(indexed - 0x88)],
        0x08 | 0x18 | 0x48 if block[1] & 0x80 == 0 => std::str::from_utf8(&block[2..5]).unwrap().parse().unwrap(),
        0x08 | 0x18 | 0x48 => {
            let length = usize::from(block[1] & 0x7f);
            let mut bits = block[2..2 + length].iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1));
            let mut digit = || {
                let five = (0..5).fold(0, |code, _| code << 1 | u16::from(bits.next().unwrap()));
                if five < 3 { five } else { (five << 1 | u16::from(bits.next().unwrap())) - 0x19 + 3 }
            };
            (0..3).fold(0, |status, _| status * 10 + digit())
        }
        other => panic!("a block of headers that begins with {other:#x}"),
    }
}
