//! A warp server that reads a body and answers 200. It shows the cost of HTTP and TLS without the service.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use hyper_util::rt::{TokioExecutor, TokioIo};
use openssl::pkcs12::Pkcs12;
use openssl::ssl::{Ssl, SslAcceptor, SslMethod, SslVerifyMode};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use warp::Filter as _;

use crate::harness::server::{P12_PASSWORD, Place};

pub struct Bare {
    pub address: SocketAddr,
    child: Child,
}

impl Bare {
    pub fn start(place: &Place) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("bare").arg(place.directory.path()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { address: line.trim().parse().unwrap(), child }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn acceptor(directory: &Path) -> SslAcceptor {
    let p12 = std::fs::read(directory.join("server.p12")).unwrap();
    let identity = Pkcs12::from_der(&p12).unwrap().parse2(P12_PASSWORD).unwrap();
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    builder.set_certificate(&identity.cert.unwrap()).unwrap();
    builder.set_private_key(&identity.pkey.unwrap()).unwrap();
    let mut store = X509StoreBuilder::new().unwrap();
    for certificate in X509::stack_from_pem(&std::fs::read(directory.join("ca.pem")).unwrap()).unwrap() {
        store.add_cert(certificate).unwrap();
    }
    builder.set_verify_cert_store(store.build()).unwrap();
    builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    builder.set_session_id_context(b"bare").unwrap();
    builder.build()
}

pub fn serve(directory: &str) {
    let acceptor = acceptor(Path::new(directory));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        let read = warp::post().and(warp::body::bytes()).map(|body: warp::hyper::body::Bytes| vec![b'x'; body.len()]);
        let version = warp::path!("version").map(|| br#""0.1.0""#.to_vec());
        let routes = version.or(read).unify();
        let routes = routes.map(|body| warp::reply::with_header(body, "content-type", "application/json"));
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            tcp.set_nodelay(true).unwrap();
            let mut stream = tokio_openssl::SslStream::new(Ssl::new(acceptor.context()).unwrap(), tcp).unwrap();
            let service = hyper_util::service::TowerToHyperService::new(warp::service(routes));
            tokio::spawn(async move {
                std::pin::Pin::new(&mut stream).accept().await.unwrap();
                let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
}
