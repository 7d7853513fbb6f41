"""The SQL tables: one narrow row for each run, stage, shard, artifact, prompt, generation, verdict, selection item and review.

Beside them stand the cache of verdicts and what endpoints cost. Bulk text stays in Parquet; a row here points to it by artifact and row number. The same models serve SQLite and PostgreSQL.
Declarative only: engines and migrations are in `schemas.store`.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite counts only INTEGER keys by itself
_NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

RUN_STATUSES = ("running", "done", "failed")
SHARD_STATUSES = ("pending", "leased", "done", "quarantined")


class Base(DeclarativeBase):
    """Base of all tables; constraint names are fixed so that migrations can name them."""

    metadata = sa.MetaData(naming_convention=_NAMES)


class Run(Base):
    """One command's work under one `--out`: what was asked (recipe, inputs), by which code, and how it ended."""

    __tablename__ = "runs"
    __table_args__ = (sa.CheckConstraint(f"status IN {RUN_STATUSES}", name="status"),)

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(16))  # curate, sample, verify, select, import
    name: Mapped[str]
    out: Mapped[str]  # folder that the run's artifact paths are relative to
    recipe: Mapped[dict[str, Any]] = mapped_column(sa.JSON)  # resolved, without secrets
    inputs: Mapped[list[dict[str, Any]]] = mapped_column(sa.JSON)
    code_version: Mapped[str]
    status: Mapped[str] = mapped_column(sa.String(16))
    counts: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    started_at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True))
    finished_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))


class Stage(Base):
    """One step of a run's chain. `counts` are summed over its shards."""

    __tablename__ = "stages"
    __table_args__ = (
        sa.UniqueConstraint("run_id", "name"),
        sa.CheckConstraint(f"status IN {RUN_STATUSES}", name="status"),
    )

    id: Mapped[int] = mapped_column(_BIG, primary_key=True)
    run_id: Mapped[str] = mapped_column(sa.ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    ordinal: Mapped[int]
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(sa.String(16))  # map, shuffle, sample, verify, select
    num_shards: Mapped[int]
    status: Mapped[str] = mapped_column(sa.String(16))
    counts: Mapped[dict[str, Any]] = mapped_column(sa.JSON)


class Shard(Base):
    """One piece of a stage: the truth about queued work. `attempts` counts starts; a lease says who holds it until when."""

    __tablename__ = "shards"
    __table_args__ = (
        sa.UniqueConstraint("stage_id", "number"),
        sa.CheckConstraint(f"status IN {SHARD_STATUSES}", name="status"),
        sa.Index("ix_shards_stage_id_status", "stage_id", "status"),
    )

    id: Mapped[int] = mapped_column(_BIG, primary_key=True)
    stage_id: Mapped[int] = mapped_column(sa.ForeignKey("stages.id", ondelete="CASCADE"))
    number: Mapped[int]
    status: Mapped[str] = mapped_column(sa.String(16))
    payload: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    attempts: Mapped[int] = mapped_column(default=0)
    lease_expires_at: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    worker: Mapped[str | None]
    error: Mapped[str | None] = mapped_column(sa.Text)
    counts: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)


class Artifact(Base):
    """A file that has landed. Readers learn of files from this table alone, never by listing folders."""

    __tablename__ = "artifacts"
    __table_args__ = (sa.UniqueConstraint("run_id", "path"), sa.UniqueConstraint("shard_id", "kind"))

    id: Mapped[int] = mapped_column(_BIG, primary_key=True)
    run_id: Mapped[str] = mapped_column(sa.ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    shard_id: Mapped[int | None] = mapped_column(sa.ForeignKey("shards.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(
        sa.String(32)
    )  # kept, rejects, duplicates, quarantine, index, prompts, generations, ...
    path: Mapped[str]  # relative to the run's `out`
    sha256: Mapped[str] = mapped_column(sa.String(64))
    num_rows: Mapped[int] = mapped_column(sa.BigInteger)
    num_bytes: Mapped[int] = mapped_column(sa.BigInteger)


class Prompt(Base):
    """A prompt's narrow row; messages and gold stand in the artifact."""

    __tablename__ = "prompts"

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    task: Mapped[str] = mapped_column(sa.String(32))
    language: Mapped[str | None] = mapped_column(sa.String(16))
    domain: Mapped[str | None]
    source: Mapped[str] = mapped_column(index=True)
    artifact_id: Mapped[int] = mapped_column(sa.ForeignKey("artifacts.id", ondelete="CASCADE"), index=True)
    row: Mapped[int] = mapped_column(sa.BigInteger)


class Generation(Base):
    """A generation's narrow row; its text stands in the artifact."""

    __tablename__ = "generations"
    __table_args__ = (sa.Index("ix_generations_prompt_id_model", "prompt_id", "model"),)

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    prompt_id: Mapped[str] = mapped_column(sa.ForeignKey("prompts.id", ondelete="CASCADE"))
    sample_index: Mapped[int]
    model: Mapped[str]
    sampling_hash: Mapped[str] = mapped_column(sa.String(16))
    finish_reason: Mapped[str | None] = mapped_column(sa.String(32))
    tokens: Mapped[int | None]
    artifact_id: Mapped[int] = mapped_column(sa.ForeignKey("artifacts.id", ondelete="CASCADE"), index=True)
    row: Mapped[int] = mapped_column(sa.BigInteger)


class VerdictRow(Base):
    """One verifier's score of one generation; detail stands in the artifact. A null score is our failure, never the model's."""

    __tablename__ = "verdicts"
    __table_args__ = (sa.Index("ix_verdicts_verifier_status", "verifier", "status"),)

    generation_id: Mapped[str] = mapped_column(sa.ForeignKey("generations.id", ondelete="CASCADE"), primary_key=True)
    verifier: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    settings_hash: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    score: Mapped[float | None] = mapped_column(sa.Double)
    status: Mapped[str] = mapped_column(sa.String(16))
    elapsed_ms: Mapped[float] = mapped_column(sa.Double)
    artifact_id: Mapped[int] = mapped_column(sa.ForeignKey("artifacts.id", ondelete="CASCADE"), index=True)
    row: Mapped[int] = mapped_column(sa.BigInteger)


class CachedVerdict(Base):
    """A verdict that any other generation with the same answer gets as well; see `rewards.cache`. Lost rows cost time only."""

    __tablename__ = "verdict_cache"
    __table_args__ = (sa.Index("ix_verdict_cache_verifier_version", "verifier", "version"),)

    key: Mapped[bytes] = mapped_column(
        sa.LargeBinary(16), primary_key=True
    )  # of verifier, version, settings, gold, answer
    verifier: Mapped[str] = mapped_column(sa.String(64))
    version: Mapped[int]
    score: Mapped[float] = mapped_column(sa.Double)
    status: Mapped[str] = mapped_column(sa.String(16))
    detail: Mapped[str] = mapped_column(sa.Text)  # JSON object


class SpendingRow(Base):
    """What a stage's work has booked at one verifier's endpoint, requests under way at the most that they can cost."""

    __tablename__ = "spending"

    stage_id: Mapped[int] = mapped_column(_BIG, sa.ForeignKey("stages.id", ondelete="CASCADE"), primary_key=True)
    verifier: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    requests: Mapped[int] = mapped_column(sa.BigInteger)
    prompt_tokens: Mapped[int] = mapped_column(sa.BigInteger)
    completion_tokens: Mapped[int] = mapped_column(sa.BigInteger)


class Selection(Base):
    """A set that was selected: its recipe, its counts and the hash of its rows."""

    __tablename__ = "selections"

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    run_id: Mapped[str] = mapped_column(sa.ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    recipe: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    counts: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    created_at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True))


class SelectionItem(Base):
    """A generation's place in a selected set, and why it is there."""

    __tablename__ = "selection_items"

    selection_id: Mapped[str] = mapped_column(sa.ForeignKey("selections.id", ondelete="CASCADE"), primary_key=True)
    generation_id: Mapped[str] = mapped_column(
        sa.ForeignKey("generations.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[str] = mapped_column(sa.String(16), primary_key=True)
    rank: Mapped[int]
    why: Mapped[str] = mapped_column(sa.Text)


class Review(Base):
    """A person's word on a document or a generation; the latest one counts."""

    __tablename__ = "reviews"
    __table_args__ = (sa.Index("ix_reviews_subject_kind_subject_id", "subject_kind", "subject_id"),)

    id: Mapped[int] = mapped_column(_BIG, primary_key=True)
    subject_kind: Mapped[str] = mapped_column(sa.String(16))  # document, generation
    subject_id: Mapped[str] = mapped_column(sa.String(32))
    reviewer: Mapped[str]
    decision: Mapped[str] = mapped_column(sa.String(16))  # keep, drop, unsure
    note: Mapped[str | None] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True))
