# One image for all our processes. Its steps are those of ./kompas: an environment from the lock file, then the compile cache.

FROM python:3.11-slim-bookworm AS packages
COPY requirements/main.lock requirements/main.lock
RUN python -m venv /opt/venv \
    && /opt/venv/bin/python -m pip install -q --disable-pip-version-check --no-input --no-cache-dir --require-hashes -r requirements/main.lock

FROM python:3.11-slim-bookworm AS kompas
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /opt/kompas --shell /usr/sbin/nologin kompas \
    && mkdir -p /opt/kompas/numba /secrets/kompas /secrets/postgres /secrets/grafana /secrets/mosquitto \
    && chmod 0700 /secrets/kompas \
    && chown -R kompas:kompas /opt/kompas /secrets
COPY --from=packages /opt/venv /opt/venv
WORKDIR /opt/kompas
COPY catalog catalog
COPY cities cities
COPY cli cli
COPY dashboards dashboards
COPY deploy deploy
COPY formula formula
COPY ingest ingest
COPY kernels kernels
COPY local local
COPY restate restate
COPY runtime runtime
COPY simulators simulators
COPY storage storage
COPY stream stream
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/kompas \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONFAULTHANDLER=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OPENBLAS_NUM_THREADS=1 \
    NUMBA_CACHE_DIR=/opt/kompas/numba
USER kompas
RUN python -m stream.warm
# Overridden by each service of docker-compose.yml.
CMD ["python", "-m", "cli", "--help"]
