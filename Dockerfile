# docker build -t claviger .
# docker run -p 9998:9998 -v claviger:/var/lib/claviger -v "$PWD/pki:/pki:ro" claviger \
#     --https-p12-file /pki/server.p12 --https-p12-password ... --authority-cert-file /pki/ca.pem
# The server runs as uid 10001, which must be able to read what is mounted at /pki.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY scripts/packages scripts/packages
RUN scripts/packages gcc libc6-dev libssl-dev pkg-config
COPY . .
RUN cargo build --release --locked --bins --target-dir /build

# The Debian release of the build stage: the programs are linked to its libssl.
FROM debian:bookworm-slim
COPY scripts/packages scripts/softhsm-token scripts/docker-entrypoint /usr/local/lib/claviger/
# openssl, softhsm2 and opensc are what softhsm-token needs, curl is for the health check.
RUN /usr/local/lib/claviger/packages libssl3 openssl softhsm2 opensc curl ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/claviger --shell /usr/sbin/nologin claviger \
    && install -d -o claviger -g claviger -m 0700 /var/lib/claviger
COPY --from=build /build/release/clavigerd /build/release/claviger /usr/local/bin/

USER claviger
WORKDIR /var/lib/claviger
VOLUME /var/lib/claviger
# The probe listener is plain HTTP, because a health check has no client certificate; it serves nothing but the probes.
ENV KMS_SQLITE_PATH=/var/lib/claviger/claviger.db KMS_PROBE_ADDRESS=127.0.0.1:9997
EXPOSE 9998
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD curl --fail --silent --output /dev/null "http://$KMS_PROBE_ADDRESS/readyz"
ENTRYPOINT ["/usr/local/lib/claviger/docker-entrypoint"]
