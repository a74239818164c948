# The image has two targets: `cpu` (the default, with CTranslate2 but without torch) and `full` (also with torch and
# transformers). `make image` builds it from the requirements that `make lock` pinned.

# Debian bookworm has Python 3.11. BASE_DIGEST (sha256:…) pins the base; `make pin-base` fills it in.
ARG BASE_IMAGE=debian:bookworm-slim
ARG BASE_DIGEST=

FROM ${BASE_IMAGE}${BASE_DIGEST:+@${BASE_DIGEST}} AS base
# rediss:// and pulling models need ca-certificates.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends ca-certificates python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* /var/cache/debconf/*-old \
 && groupadd --gid 65532 depesche \
 && useradd --uid 65532 --gid 65532 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin depesche

# pip is in a separate environment, so that the environment in the final image has no pip.
FROM base AS tools
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends python3-venv \
 && python3 -m venv /opt/tools \
 && python3 -m venv --without-pip /opt/depesche
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src

FROM tools AS wheel
COPY container/requirements-build.txt container/
RUN /opt/tools/bin/pip install --require-hashes --requirement container/requirements-build.txt
COPY pyproject.toml README.md LICENSE .gitignore ./
COPY service service
COPY models models
RUN /opt/tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheel .

# Bytecode is compiled here because the root file system is read-only at run time. It contains hashes of the sources instead
# of timestamps, so the same sources always produce the same bytes.
FROM tools AS installed-cpu
COPY container/requirements-cpu.txt container/
RUN /opt/tools/bin/pip --python /opt/depesche/bin/python install --no-compile \
    --require-hashes --requirement container/requirements-cpu.txt
COPY --from=wheel /wheel /wheel
RUN /opt/tools/bin/pip --python /opt/depesche/bin/python install --no-compile --no-deps /wheel/*.whl \
 && /opt/depesche/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/depesche/lib

# Weights that are stored in parts are joined here, because the file system of a pod is read-only.
RUN DEPESCHE_WEIGHTS_DIR=/opt/depesche/weights PYTHONDONTWRITEBYTECODE=1 /opt/depesche/bin/depesche models join

# TORCH_INDEX_URL is the package index for torch. Without it, torch comes from the index that pip is configured to use; on
# x86-64 this is a CUDA build of several GB. PyTorch has one index for CPU builds, which reduce the image to a third, and one
# for each version of CUDA. The hashes differ between these indexes, so torch is pinned only by version.
FROM tools AS installed-full
ARG TORCH_VERSION=2.13.0
ARG TORCH_INDEX_URL
COPY container/requirements-full.txt container/
RUN /opt/tools/bin/pip --python /opt/depesche/bin/python install --no-compile \
    --require-hashes --requirement container/requirements-full.txt
RUN /opt/tools/bin/pip --python /opt/depesche/bin/python install --no-compile \
    ${TORCH_INDEX_URL:+--index-url "${TORCH_INDEX_URL}"} "torch==${TORCH_VERSION}"
# Torch's own tests use syntax of later Python versions, which this Python cannot compile.
COPY --from=wheel /wheel /wheel
RUN /opt/tools/bin/pip --python /opt/depesche/bin/python install --no-compile --no-deps /wheel/*.whl \
 && /opt/depesche/bin/python -m compileall -q -x /torch/testing/_internal/ \
    --invalidation-mode unchecked-hash /opt/depesche/lib
RUN DEPESCHE_WEIGHTS_DIR=/opt/depesche/weights PYTHONDONTWRITEBYTECODE=1 /opt/depesche/bin/depesche models join

FROM base AS runtime
# /tmp is the only writable folder, so libraries keep their caches there. Progress bars would clutter the log.
ENV PATH=/opt/depesche/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TQDM_DISABLE=1 HOME=/tmp \
    DEPESCHE_HOST=0.0.0.0 DEPESCHE_PORT=8000 DEPESCHE_WEIGHTS_DIR=/opt/depesche/weights
ARG VERSION=
ARG REVISION=
LABEL org.opencontainers.image.title="Depesche" \
      org.opencontainers.image.description="German news articles in, a German summary and an English translation out" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 65532:65532
WORKDIR /tmp
EXPOSE 8000
STOPSIGNAL SIGTERM
# This check is for Docker and Compose; Kubernetes uses its own probes. It does not fail if the queue is full.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"DEPESCHE_PORT\"]}/readyz', timeout=4)"]
ENTRYPOINT ["depesche"]
CMD ["serve"]

FROM runtime AS full
COPY --from=installed-full /opt/depesche /opt/depesche

FROM runtime AS cpu
COPY --from=installed-cpu /opt/depesche /opt/depesche
