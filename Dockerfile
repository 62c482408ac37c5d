# SPDX-License-Identifier: ISC
# Postern as a container image; docs/kubernetes.md. `scripts/image` makes the same image from this very file without Docker, and the tests run that.
# Pin both bases to a digest (debian:12@sha256:…) where builds must be repeatable.

FROM debian:12 AS build
WORKDIR /src
COPY scripts/install-deps scripts/install-deps
RUN scripts/install-deps build
COPY . .
RUN CC=gcc meson setup build && ninja -C build postern && strip build/postern

FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends libsodium23 libcurl4 libssl3 libjansson4 libexpat1 libconfuse2 libc-ares2 \
	libseccomp2 libnettle8 libnghttp2-14 ca-certificates && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/build/postern /usr/sbin/postern
# The one place that it writes to: a volume.
RUN install -d /etc/postern && install -d -m 0750 -o 65532 -g 65532 /var/log/postern
USER 65532:65532
EXPOSE 8443
ENTRYPOINT ["/usr/sbin/postern"]
CMD ["serve", "--config", "/etc/postern/postern.conf"]
