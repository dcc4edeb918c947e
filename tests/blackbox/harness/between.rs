//! A network between a server and PostgreSQL, which loses messages when a test says so.

use std::io::{Read, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use super::postgres::Cluster;

/// What the next commit loses, with the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// PostgreSQL does not get it.
    Request,
    /// PostgreSQL does it, and the server does not get the answer.
    Answer,
}

#[derive(Default)]
struct State {
    cut: Option<Cut>,
    is_stopped: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// Forwards connections as long as the test runs.
pub struct Between {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Between {
    pub fn new(cluster: &Cluster) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, target) = (listener.local_addr().unwrap(), cluster.address());
        let shared = Arc::<Shared>::default();
        let own = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(target) else { continue };
                let [shared, other] = [Arc::clone(&own), Arc::clone(&own)];
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || requests(from, to, &shared));
                thread::spawn(move || answers(server, client, &other));
            }
        });
        Self { address, shared }
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://claviger@{}/{database}", self.address)
    }

    /// Cuts the connection of the next commit.
    pub fn cut(&self, cut: Cut) {
        self.shared.state.lock().unwrap().cut = Some(cut);
    }

    /// Holds back every byte, or lets them go on.
    pub fn stop(&self, is_stopped: bool) {
        self.shared.state.lock().unwrap().is_stopped = is_stopped;
        self.shared.changed.notify_all();
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        self.stop(false);
    }
}

impl Shared {
    fn wait(&self) {
        drop(self.changed.wait_while(self.state.lock().unwrap(), |state| state.is_stopped).unwrap());
    }
}

fn requests(mut from: TcpStream, mut to: TcpStream, shared: &Shared) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        shared.wait();
        let bytes = &buffer[..count];
        let is_commit = bytes.windows(7).any(|window| window == b"COMMIT\0");
        let cut = if is_commit { shared.state.lock().unwrap().cut.take() } else { None };
        if cut == Some(Cut::Answer) {
            // The answer goes nowhere; PostgreSQL reads the commit, and then the end.
            from.shutdown(Shutdown::Both).unwrap();
        }
        if cut == Some(Cut::Request) || to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Both);
}

fn answers(mut from: TcpStream, mut to: TcpStream, shared: &Shared) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        shared.wait();
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
