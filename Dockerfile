# docker build -t claviger --build-arg REVISION="$(git rev-parse --short=12 HEAD)" .
# claviger pki init && claviger pki server server --group-readable
# docker run --name claviger --stop-timeout 30 -p 9998:9998 -p 5696:5696 -p 127.0.0.1:9997:9997 \
#     --group-add "$(id -g)" -v claviger:/var/lib/claviger -v "$PWD/pki:/pki:ro" claviger \
#     --https-p12-file /pki/server.p12 --https-p12-password-file /pki/server.password --authority-cert-file /pki/ca.pem
#
# docs/install.md says more. The bases are named by tags, so that a build gets their security
# updates. To build the same image again, pin them: `docker buildx imagetools inspect debian:bookworm-slim` prints the
# digest of today's, for --build-arg RUNTIME_BASE=debian:bookworm-slim@sha256:... (and the same for BUILD_BASE).
ARG BUILD_BASE=rust:1.95-bookworm
# The Debian release of the build stage: the programs are linked to its libssl.
ARG RUNTIME_BASE=debian:bookworm-slim

FROM ${BUILD_BASE} AS build
WORKDIR /src
COPY scripts/packages scripts/packages
RUN scripts/packages gcc libc6-dev libssl-dev pkg-config
# Only what cargo reads: a change of a page or of a test does not invalidate this layer.
COPY Cargo.toml Cargo.lock ./
COPY kmip/Cargo.toml kmip/Cargo.toml
COPY kmip/src kmip/src
COPY pkcs11/Cargo.toml pkcs11/Cargo.toml
COPY pkcs11/src pkcs11/src
COPY pkcs11/shim pkcs11/shim
COPY tests/cases tests/cases
COPY tests/bench tests/bench
COPY src src
# The commit, for the first line of the log. Without it, the line has none.
ARG REVISION=
RUN CLAVIGER_COMMIT="$REVISION" cargo build --release --locked --bins --target-dir /build

FROM ${RUNTIME_BASE}
COPY scripts/packages /usr/local/lib/claviger/
# openssl, softhsm2 and opensc are what softhsm-token needs, curl is for the health check. Group 0 may write to the volume,
# so that the server may run as another user of this group.
RUN /usr/local/lib/claviger/packages libssl3 openssl softhsm2 opensc curl ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --gid 0 --no-create-home --home-dir /var/lib/claviger --shell /usr/sbin/nologin claviger \
    && install -d -o claviger -g 0 -m 0770 /var/lib/claviger
COPY scripts/softhsm-token scripts/backup scripts/docker-entrypoint scripts/docker-health /usr/local/lib/claviger/
COPY --from=build /build/release/clavigerd /build/release/claviger /usr/local/bin/

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Claviger" \
      org.opencontainers.image.description="Key management server with keys in a PKCS#11 HSM" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# By its number, because Kubernetes compares it with runAsNonRoot.
USER 10001:0
WORKDIR /var/lib/claviger
VOLUME /var/lib/claviger
# A published port leads to the container's own address, not to its 127.0.0.1. The probe listener is plain HTTP, because a
# health check has no client certificate; it serves nothing but the probes and the metrics.
ENV KMS_SQLITE_PATH=/var/lib/claviger/claviger.db KMS_PROBE_ADDRESS=0.0.0.0:9997
EXPOSE 9998 5696 9997
# The server ends within 20 seconds of SIGTERM; Docker kills it after 10, unless --stop-timeout says otherwise.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["/usr/local/lib/claviger/docker-health"]
ENTRYPOINT ["/usr/local/lib/claviger/docker-entrypoint"]
