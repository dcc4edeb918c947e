//! Load balancers: the header of the PROXY protocol, version 2, and haproxy.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::eventually;
use super::server::{Place, Server};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The address from which [`Haproxy`] connects.
pub const BALANCER: &str = "127.0.0.5";

/// Returns a header: the version and the command, the family and the protocol, and what follows the length.
pub fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, rest].concat()
}

/// Returns the header for a client's connection.
pub fn client(address: &str) -> Vec<u8> {
    let client: SocketAddr = address.parse().unwrap();
    let ports = [client.port().to_be_bytes(), 9998_u16.to_be_bytes()].concat();
    match client.ip() {
        IpAddr::V4(ip) => header(0x21, 0x11, &[&ip.octets()[..], &[10, 0, 0, 1], &ports].concat()),
        IpAddr::V6(ip) => {
            header(0x21, 0x21, &[ip.octets(), [1; 16]].concat().into_iter().chain(ports).collect::<Vec<_>>())
        }
    }
}

/// Returns the header of a connection of the balancer itself.
pub fn local() -> Vec<u8> {
    header(0x20, 0, &[])
}

/// Returns a port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A running haproxy. Dropping it kills it.
pub struct Haproxy {
    /// The address of the frontend for HTTPS, and that for the KMIP socket.
    pub https: SocketAddr,
    pub kmip: SocketAddr,
    /// The socket for commands.
    commands: PathBuf,
    child: Child,
}

impl Haproxy {
    /// Starts haproxy with a configuration that has the frontends and backends `https` and `kmip`, on ports of its own.
    /// The lines of the servers in the backends are replaced by `servers`.
    pub fn start(place: &Place, configuration: &str, servers: [&[String]; 2]) -> Self {
        eventually("haproxy listens", || {
            let [https, kmip] = [(); 2].map(|()| SocketAddr::from((Ipv4Addr::LOCALHOST, free_port())));
            let mut text = configuration.to_owned();
            for (name, port, bind, servers) in [("https", 9998, https, servers[0]), ("kmip", 5696, kmip, servers[1])] {
                text = text.replace(&format!("bind :{port}\n"), &format!("bind {bind}\n"));
                let (before, backend) = text.split_once(&format!("backend {name}\n    balance")).unwrap();
                let (settings, rest) = backend.split_once("    server kms1").unwrap();
                let after = rest.split_once("\n\n").map_or("", |(_, after)| after);
                let lines: String = servers.iter().map(|line| format!("    server {line}\n")).collect();
                text = format!("{before}backend {name}\n    balance{settings}{lines}\n{after}");
            }
            text = text.replace("defaults\n", &format!("defaults\n    source {BALANCER}\n"));
            let commands = place.path("haproxy.sock");
            text =
                text.replacen("global\n", &format!("global\n    stats socket {} level admin\n", commands.display()), 1);
            let file = place.path("haproxy.cfg");
            fs::write(&file, text).unwrap();
            let log = fs::File::create(place.path("haproxy.log")).unwrap();
            let mut haproxy = Command::new("/usr/sbin/haproxy");
            haproxy.arg("-db").arg("-f").arg(file).stdin(Stdio::null());
            let mut child =
                haproxy.stdout(log.try_clone().unwrap()).stderr(log).spawn().expect("scripts/packages haproxy");
            // It ends if another program has taken a port meanwhile.
            let is_up = eventually("haproxy listens or ends", || {
                let listens = [https, kmip].iter().all(|address| TcpStream::connect(address).is_ok());
                if listens { Some(true) } else { child.try_wait().unwrap().map(|_| false) }
            });
            is_up.then_some(Self { https, kmip, commands, child })
        })
    }

    /// Returns the line of a server in a backend.
    pub fn line(name: &str, address: SocketAddr, probe: SocketAddr) -> String {
        format!("{name} {address} check port {}", probe.port())
    }

    /// Runs a command of haproxy's, and returns what it says.
    fn command(&self, command: &str) -> String {
        let mut socket = UnixStream::connect(&self.commands).unwrap();
        socket.write_all(format!("{command}\n").as_bytes()).unwrap();
        let mut said = String::new();
        socket.read_to_string(&mut said).unwrap();
        said
    }

    /// Says where the server of this name in the backend `https` is now.
    pub fn is_now_at(&self, name: &str, server: &Server) {
        let (address, probe) = (server.address, server.probe_address());
        let said = self.command(&format!("set server https/{name} addr {} port {}", address.ip(), address.port()));
        assert!(said.contains("port changed") || said.contains("no need to change"), "{said}");
        let said = self.command(&format!("set server https/{name} check-port {}", probe.port()));
        assert!(said.trim().is_empty(), "{said}");
    }

    /// Returns whether connections go to the server of this name in the backend `https`.
    pub fn uses(&self, name: &str) -> bool {
        let states = self.command("show servers state https");
        // The fields of version 1: be_id, be_name, srv_id, srv_name, srv_addr, srv_op_state, which is 2 for a running server.
        states.lines().any(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            fields.get(3) == Some(&name) && fields.get(5) == Some(&"2")
        })
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
