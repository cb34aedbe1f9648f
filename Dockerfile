# pg-replication-cert-exporter in a container: a non-root user, hash-pinned packages, and nothing
# that writes, so that it runs with a read-only root file system and without any capability.
#
#   docker build -t pg-replication-cert-exporter .
#   docker run --read-only --cap-drop=all -p 10048:10048 \
#       -v ./config.yml:/etc/pg-replication-cert-exporter/config.yml:ro pg-replication-cert-exporter
FROM python:3.13-slim AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ONLY_BINARY=:all:
WORKDIR /source
RUN python -m venv /opt/build && python -m venv --without-pip /opt/exporter
COPY requirements/build.txt requirements/runtime.txt requirements/
# wheels only: nothing of a package runs while it is installed
RUN /opt/build/bin/pip install --require-hashes --requirement requirements/build.txt \
    && /opt/build/bin/pip --python /opt/exporter/bin/python install \
        --require-hashes --requirement requirements/runtime.txt
COPY LICENSE README.md pyproject.toml ./
COPY exporter exporter
RUN /opt/build/bin/pip wheel --no-deps --no-index --no-build-isolation --wheel-dir /wheel . \
    && /opt/build/bin/pip --python /opt/exporter/bin/python install --no-deps --no-index /wheel/*.whl

FROM python:3.13-slim

LABEL org.opencontainers.image.title="pg-replication-cert-exporter" \
      org.opencontainers.image.description="Prometheus exporter for PostgreSQL replication connections that are not secured by certificate" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/exporter /opt/exporter
ENV PATH=/opt/exporter/bin:$PATH PYTHONUNBUFFERED=1
# a number, so that Kubernetes can see that it is not root
USER 10001:10001
WORKDIR /etc/pg-replication-cert-exporter
EXPOSE 10048
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:10048/-/healthy', timeout=4)"]
ENTRYPOINT ["pg-replication-cert-exporter"]
CMD ["--config.file=/etc/pg-replication-cert-exporter/config.yml", "--web.listen-address=0.0.0.0:10048"]
