# versitygw, the S3 server that deploy/compose.yaml uses, built from source in the version of tools/go.mod.

# Any image with Go.
ARG BUILDER=docker.io/library/golang:1.26-bookworm
# Any image with wget, for the health check.
ARG RUNTIME=docker.io/library/busybox:1.37-musl

FROM ${BUILDER} AS build
WORKDIR /src/tools
COPY tools/go.mod tools/go.sum ./
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -buildid=" -o /image/versitygw github.com/versity/versitygw/cmd/versitygw \
 && mkdir -p /image/data

FROM ${RUNTIME}
LABEL org.opencontainers.image.title="versitygw" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/versitygw /versitygw
COPY --from=build --chown=65532:65532 /image/data /data
VOLUME /data
USER 65532:65532
EXPOSE 7070
HEALTHCHECK --interval=5s --timeout=3s --retries=10 CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:7070/health"]
ENTRYPOINT ["/versitygw"]
CMD ["--port", ":7070", "--health", "/health", "posix", "/data"]
