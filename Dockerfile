# Two stages: the first one resolves and compiles, the second one only runs.
FROM python:3.11-slim-bookworm AS build
WORKDIR /app
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
# Dependencies first: this layer is kept until a lock changes.
COPY requirements/tools.txt requirements/base.txt requirements/
RUN python -m pip install --no-cache-dir --require-hashes -r requirements/tools.txt \
    && uv venv .venv \
    && uv pip sync --python .venv/bin/python --no-cache --require-hashes requirements/base.txt
COPY . .
RUN uv pip install --python .venv/bin/python --no-cache --no-deps \
    --build-constraints requirements/tools.txt -e .

FROM python:3.11-slim-bookworm
# The same path as in the first stage: the project is installed editable, from here.
WORKDIR /app
COPY --from=build /app /app
RUN install --directory --owner=10001 --group=10001 /data
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DATABASE_URL=sqlite:////data/hiroba.db
# Numeric, so that an orchestrator can see that it is not root.
USER 10001:10001
VOLUME ["/data"]
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["hiroba"]
CMD ["serve", "--host", "0.0.0.0"]
