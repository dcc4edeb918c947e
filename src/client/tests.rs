use super::*;

fn settings(url: &str) -> Settings {
    Settings {
        url: url.parse().unwrap(),
        ca_file: None,
        identity: None,
        access_token: None,
        timeout: Duration::from_secs(5),
    }
}

fn refusal(settings: &Settings) -> String {
    Client::new(settings).unwrap_err().to_string()
}

#[test]
fn tokens_are_tokens() {
    for token in ["", "a b", "a\nb", "a\r\nX: y", "\u{7F}", "ä"] {
        let given = Settings { access_token: Some(Password::from(token.to_owned())), ..settings("https://a") };
        assert!(refusal(&given).contains("not a token"), "{token:?}");
    }
    assert!(format!("{:?}", authorization("AAA/+==").unwrap()).contains("Sensitive"));
}

#[test]
fn credentials_are_not_sent_in_clear() {
    let token = Some(Password::from(String::from("abc")));
    assert!(refusal(&Settings { access_token: token.clone(), ..settings("http://kms") }).contains("only by https://"));
    assert!(Client::new(&Settings { access_token: token, ..settings("http://127.0.0.1") }).is_ok());
    let p12 = Some(IdentityFiles::P12 { file: PathBuf::from("x"), password: Password::default() });
    assert!(refusal(&Settings { identity: p12, ..settings("http://localhost") }).contains("--client-p12"));
}

#[test]
fn files_are_checked() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    let with_ca = Settings { ca_file: Some(file.clone()), ..settings("https://a") };
    assert!(refusal(&with_ca).contains("cannot read the CA file"));
    let p12 = || Some(IdentityFiles::P12 { file: file.clone(), password: Password::default() });
    for content in ["", "no certificate"] {
        std::fs::write(&file, content).unwrap();
        assert!(refusal(&with_ca).contains("not a list of PEM certificates"), "{content}");
        assert!(refusal(&Settings { identity: p12(), ..settings("https://a") }).contains("is not a PKCS#12 file"));
    }
    std::fs::write(&file, "pass word\r\n").unwrap();
    assert_eq!(&*read_password(&file).unwrap(), "pass word");
}

/// A server that answers each connection with the same bytes.
async fn answering(bytes: &'static [u8]) -> Settings {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut peer, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = peer.read(&mut request).await;
            let _ = peer.write_all(bytes).await;
        }
    });
    settings(&url)
}

#[tokio::test]
async fn broken_answers_are_errors() {
    for (bytes, expected) in [
        (&b""[..], "closed the connection without an answer"),
        (b"nonsense\r\n\r\n", "the exchange with http://127.0.0.1:"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", "the exchange with"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]", "an answer that is not understood"),
        (b"HTTP/1.1 404 x\r\ncontent-length: 0\r\n\r\n", "is this the URL of a Claviger server?"),
        (b"HTTP/1.1 302 x\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", "redirects elsewhere"),
    ] {
        let client = Client::new(&answering(bytes).await).unwrap();
        let error = client.get_json::<bool>("/version").await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = Client::new(&settings(&url)).unwrap().get("/version").await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot connect to {url}: ")), "{error}");
    assert!(error.ends_with("is the server running, and is --url right?"), "{error}");
    let error = Client::new(&settings("http://nowhere.invalid")).unwrap().get("/").await.unwrap_err().to_string();
    assert!(error.contains("nowhere.invalid") && error.ends_with("check --url"), "{error}");
}

#[tokio::test]
async fn a_connection_that_ended_early_tells_why() {
    // The peer speaks before it is asked: the driver meets that while no request is under way.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        let (mut peer, _) = listener.accept().await.unwrap();
        peer.write_all(b"nonsense\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
    });
    let client = Client::new(&settings(&url)).unwrap();
    let mut connection = client.http.connect(&client.url).await.unwrap();
    while connection.is_fresh() {
        tokio::task::yield_now().await;
    }
    let question =
        Question { method: Method::GET, path: String::from("/"), headers: HeaderMap::new(), body: Bytes::default() };
    let error = connection.ask(&client.http, question).await.unwrap_err();
    assert!(matches!(error, http::Error::Exchange { .. }), "{error:?}");
}
