# loadcore in a container, without root:
#   docker build --tag loadcore .
#   docker run --rm --network host --volume "$PWD:/work" loadcore bench http://127.0.0.1:8080/health -c 50 -z 10s
# Give it the cores it needs: a CPU limit stops the client, and the report says so.
FROM rust:1.95-slim-bookworm AS build

RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3=3.11.* python3-venv=3.11.* \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY .ci/constraints.txt .ci/constraints.txt
RUN python3 -m venv /build && /build/bin/pip install --no-cache-dir --constraint .ci/constraints.txt maturin
COPY . .
RUN /build/bin/maturin build --release --locked --out /dist

FROM python:3.13-slim-bookworm

COPY --from=build /dist /dist
COPY .ci/constraints.txt /dist/constraints.txt
RUN pip install --no-cache-dir --constraint /dist/constraints.txt "$(echo /dist/*.whl)[cluster]" \
    && rm -rf /dist \
    && useradd --create-home --uid 10001 loadcore
USER 10001
# Runs are written to `runs/` here: mount a folder that this user may write to.
WORKDIR /work
ENTRYPOINT ["loadcore"]
CMD ["--help"]
