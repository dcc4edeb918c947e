//! The files of the container image and the manifests for Kubernetes: what can be seen without Docker and without Kubernetes.
//! `packaging/docker/try` runs the steps of the Dockerfile in a bare tree.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use claviger::config::{Options as ServerOptions, toml_file};

use crate::harness::server::{P12_PASSWORD, Place, run};
use crate::harness::{Client, eventually, packages};

/// The version of Kubernetes whose definitions of its resources the manifests are compared with.
const KUBERNETES: &str = "1.35";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A container: the entry point and what it becomes. Dropping it kills it.
struct Container {
    place: Place,
    child: Option<Child>,
}

impl Drop for Container {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Container {
    fn new() -> Self {
        let place = Place::new();
        fs::write(place.path("password"), P12_PASSWORD).unwrap();
        let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o400);
        fs::set_permissions(place.path("password"), mode).unwrap();
        Self { place, child: None }
    }

    /// A script of the image with the environment of the image.
    fn script(&self, name: &str) -> Command {
        let mut command = Command::new(root().join("scripts").join(name));
        let programs = Path::new(env!("CARGO_BIN_EXE_clavigerd")).parent().unwrap();
        let path = format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", programs.display());
        command.env_clear().env("PATH", path).env("KMS_SQLITE_PATH", self.place.path("volume/claviger.db"));
        command.env("CLAVIGER_PROBE_FILE", self.place.path("probe")).current_dir(self.place.directory.path());
        command
    }

    /// The entry point, for a server on ports that it chooses.
    fn entry(&self, arguments: &[&str]) -> Command {
        let mut command = self.script("docker-entrypoint");
        command.env("KMS_PORT", "0").env("KMS_KMIP_PORT", "off").args(arguments);
        command
    }

    /// Starts the server with a probe listener at this address, and returns its port.
    fn serve(&mut self, probe: &str) -> u16 {
        fs::create_dir_all(self.place.path("volume")).unwrap();
        let certificates = ["--https-p12-file", "server.p12", "--https-p12-password-file", "password"];
        let mut command = self.entry(&certificates);
        command.args(["--authority-cert-file", "ca.pem", "--probe-address", probe]);
        if self.place.path("policy.toml").exists() {
            command.args(["--policy-file", "policy.toml"]);
        }
        let [out, log] = ["out", "log"].map(|name| self.place.path(name));
        command.stdin(Stdio::null()).stdout(fs::File::create(&out).unwrap()).stderr(fs::File::create(&log).unwrap());
        self.child = Some(command.process_group(0).spawn().unwrap());
        eventually("it listens", || {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "{}", fs::read_to_string(&log).unwrap());
            let line = fs::read_to_string(&out).unwrap();
            line.trim().strip_prefix("listening on https://0.0.0.0:").and_then(|port| port.parse().ok())
        })
    }

    fn is_healthy(&self) -> bool {
        run(&mut self.script("docker-health")).0.success()
    }

    /// `docker stop`
    fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        let status = eventually("it ends", || child.try_wait().unwrap());
        assert_eq!(status.code(), Some(0));
    }
}

/// A port that no program listens on now. The system gives none of these to programs that ask for any.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let ports = std::iter::from_fn(|| Some(NEXT.fetch_add(1, Ordering::Relaxed)));
    let ports = ports.map(|next| u16::try_from(20_000 + (std::process::id() * 16 + next) % 10_000).unwrap());
    ports.take(1000).find(|port| TcpListener::bind(("0.0.0.0", *port)).is_ok()).unwrap()
}

#[test]
fn the_entry_point_starts_a_server_and_the_health_check_follows_it() {
    let mut container = Container::new();
    let port = container.serve(&format!("0.0.0.0:{}", free_port()));
    eventually("it is healthy", || container.is_healthy().then_some(()));
    let address = ([127, 0, 0, 1], port).into();
    let alice = || Client::tls(address, &container.place.authority.certificate, Some(&container.place.alice));
    let key = alice().connect().unwrap().aes();
    container.stop();
    assert!(!container.is_healthy());
    // The token is kept in the volume. A probe listener elsewhere is found.
    let port = container.serve(&format!("127.0.0.1:{}", free_port()));
    eventually("it is healthy", || container.is_healthy().then_some(()));
    let address = ([127, 0, 0, 1], port).into();
    let alice = Client::tls(address, &container.place.authority.certificate, Some(&container.place.alice));
    alice.connect().unwrap().ok(&crate::harness::kmip::encrypt(&key, b"data"));
    // A backup, beside the server.
    let mut backup = container.script("backup");
    backup.args(["volume/softhsm", "volume/claviger.db", "copy"]);
    let (status, _, error) = run(&mut backup);
    assert!(status.success() && container.place.path("copy/claviger.db").exists(), "{error}");
    container.stop();
}

#[test]
fn the_entry_point_runs_other_programs_and_ends_with_the_status_of_a_refusal() {
    let container = Container::new();
    fs::create_dir(container.place.path("volume")).unwrap();
    let version = concat!(env!("CARGO_PKG_VERSION"), "\n");
    for (arguments, expected) in [
        (&["claviger", "--version"][..], format!("claviger {version}")),
        (&["clavigerd", "--version"], format!("clavigerd {version}")),
        (&["--version"], format!("clavigerd {version}")),
        (&["sh", "-c", "echo other"], "other\n".to_owned()),
    ] {
        let (status, out, error) = run(&mut container.entry(arguments));
        assert!(status.success() && out == expected, "{arguments:?}: {out}{error}");
    }
    // None of them needs a token.
    assert!(!container.place.path("volume/softhsm").exists());
    let (status, _, error) = run(&mut container.entry(&["--authority-cert-file", "ca.pem"]));
    assert_eq!(status.code(), Some(1), "{error}");
    assert_eq!(error.matches("--authority-cert-file").count(), 1, "the error appears once: {error}");
    // A PIN that the HSM token refuses is tried once.
    let pin = container.place.path("volume/softhsm/pin");
    fs::write(&pin, "not the PIN").unwrap();
    let mut wrong = container.entry(&["--hsm-pin-file", pin.to_str().unwrap()]);
    let (status, _, error) = run(wrong.env("SOFTHSM2_CONF", container.place.path("volume/softhsm/softhsm2.conf")));
    assert_eq!(status.code(), Some(78), "{error}");
    assert_eq!(error.lines().filter(|line| line.starts_with("clavigerd: ")).count(), 1, "{error}");
}

/// What the Dockerfile copies is there, and .dockerignore lets nothing else of the repository through but directories of it.
#[test]
fn the_dockerfile_copies_what_is_there() {
    let ignored = fs::read_to_string(root().join(".dockerignore")).unwrap();
    let mut lines = ignored.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(lines.next(), Some("*"));
    let allowed: Vec<&str> = lines.map(|line| line.strip_prefix('!').unwrap()).collect();
    let text = fs::read_to_string(root().join("Dockerfile")).unwrap();
    let copied = text.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--from"));
    let copied = copied.flat_map(|line| line.rsplit_once(' ').unwrap().0.split(' '));
    let copied: Vec<&str> = copied.collect();
    for path in &copied {
        assert!(root().join(path).exists(), "{path}");
        assert!(allowed.contains(path), ".dockerignore excludes {path}");
    }
    for path in allowed {
        assert!(copied.contains(&path), ".dockerignore lets {path} through, which the Dockerfile does not copy");
    }
    // The build is one for every base that is given, and a tag says which.
    let bases: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("ARG ")?.split_once("_BASE=")).map(|own| own.1).collect();
    assert_eq!(bases.len(), 2);
    assert!(bases.iter().all(|base| base.contains(':') && !base.contains('@')), "{bases:?}");
}

fn manifests() -> Vec<PathBuf> {
    let files = fs::read_dir(root().join("packaging/kubernetes")).unwrap().map(|own| own.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect()
}

#[test]
fn kubernetes_knows_every_member_of_the_manifests() {
    let validate = packages::python("kubernetes").with_file_name("kubernetes-validate");
    let files = manifests();
    assert!(files.len() >= 5, "{files:?}");
    let check = |files: &[PathBuf]| run(Command::new(&validate).args(["-k", KUBERNETES, "--strict"]).args(files));
    let (status, out, error) = check(&files);
    assert!(status.success(), "{out}{error}");
    // It would find a member that does not exist.
    let container = Container::new();
    let wrong = container.place.path("wrong.yaml");
    let text = fs::read_to_string(root().join("packaging/kubernetes/statefulset.yaml")).unwrap();
    fs::write(&wrong, text.replace("readinessProbe", "readynessProbe")).unwrap();
    assert!(!check(&[wrong]).0.success());
}

#[test]
fn the_server_knows_the_configuration_of_the_manifests() {
    let text = fs::read_to_string(root().join("packaging/kubernetes/configuration.yaml")).unwrap();
    let (_, file) = text.split_once("claviger.toml: |\n").unwrap();
    let (file, policy) = file.split_once("  policy.toml: |\n").unwrap();
    let of_yaml = |text: &str| text.lines().map(|line| line.trim_start().to_owned() + "\n").collect::<String>();
    let all: String = of_yaml(file)
        .lines()
        .filter(|line| !line.starts_with("# "))
        .map(|line| line.trim_start_matches('#').to_owned() + "\n")
        .collect();
    let read = toml_file::parse::<ServerOptions>(&all, &[]).unwrap();
    let names = read.options.names();
    assert!(names.len() >= 7 && names.contains(&"hsm_pin_file"), "{names:?}");
    // The policy, and the environment and the paths of the probes.
    let mut container = Container::new();
    fs::write(container.place.path("policy.toml"), of_yaml(policy)).unwrap();
    let set = fs::read_to_string(root().join("packaging/kubernetes/statefulset.yaml")).unwrap();
    let known = run(container.place.program().arg("--help")).1;
    for name in set.split("name: KMS_").skip(1).map(|rest| rest.split(',').next().unwrap()) {
        assert!(known.contains(&format!("KMS_{name}")), "{name}");
    }
    let probe = format!("127.0.0.1:{}", free_port());
    container.serve(&probe);
    let paths: Vec<&str> = set.split("path: ").skip(1).map(|rest| rest.split([',', '\n']).next().unwrap()).collect();
    assert_eq!(paths, ["/metrics", "/livez", "/livez", "/readyz"]);
    for path in paths {
        let (status, _, error) =
            run(Command::new("curl").args(["-sS", "--fail", "-o", "/dev/null", &format!("http://{probe}{path}")]));
        assert!(status.success(), "{path}: {error}");
    }
    container.stop();
}
