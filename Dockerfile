# geobrief in a container: a user without rights, a root that may be read-only, everything kept below /data.
# docs/deploy.md says how to use it.

FROM python:3.11-slim AS build

# torch's builds for the CPU; from PyPI it pulls gigabytes of CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG SETUPTOOLS=84.2.1
# PostgreSQL's client, for compose.servers.yaml; traces for `serve --traces`.
ARG EXTRAS="postgres traces"
# Wheels only: nothing that is downloaded runs while it is installed.
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ONLY_BINARY=:all:

RUN python -m venv /opt/build && /opt/build/bin/pip install "setuptools==${SETUPTOOLS}" \
    && python -m venv /opt/geobrief

# Apart from the code, so that a change to it does not install them anew.
WORKDIR /src
COPY constraints.txt pyproject.toml ./
RUN python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; o = p['optional-dependencies']; print(*p['dependencies'], *(r for e in '${EXTRAS}'.split() for r in o[e]), sep='\n')" \
      > requirements.txt \
    && /opt/geobrief/bin/pip install --no-deps --index-url "${TORCH_INDEX}" --constraint constraints.txt torch \
    && /opt/geobrief/bin/pip install --constraint constraints.txt --requirement requirements.txt

COPY README.md ./
COPY corpus corpus
COPY evals/datasets/briefs evals/datasets/briefs
COPY rag rag
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheel . \
    && /opt/geobrief/bin/pip install --no-deps --no-index /wheel/*.whl \
    && /opt/geobrief/bin/pip check


FROM python:3.11-slim

RUN groupadd --gid 10001 geobrief \
    && useradd --uid 10001 --gid geobrief --home-dir /data --no-create-home --shell /usr/sbin/nologin geobrief \
    && install --directory --owner geobrief --group geobrief --mode 700 /data
COPY --from=build /opt/geobrief /opt/geobrief

ENV PATH=/opt/geobrief/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/data \
    USER=geobrief \
    HF_HUB_OFFLINE=1 \
    GEOBRIEF_INDEX=/data/index \
    GRADIO_TEMP_DIR=/data/received

USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 7860

# By http.client, which asks no proxy.
HEALTHCHECK --interval=30s --timeout=5s --start-period=90s --retries=3 \
  CMD ["python", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 7860, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]

ENTRYPOINT ["geobrief"]
CMD ["serve", "--host", "0.0.0.0", "--auth", "/data/users.txt"]
