"""Ranks generations by their verdicts: which verdicts count, who meets the requirements, who comes first, what is left out.

SQL over the store, set by set, the same on SQLite and PostgreSQL: no statement runs once a generation. What is in between goes
into temporary tables of the connection. Texts are read once, to tell identical ones apart; nothing else is touched.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeAlias

import sqlalchemy as sa
import xxhash

from schemas.recipe import SelectRecipe
from schemas.tables import Generation, Prompt, VerdictRow
from workers.judges import Judge, join_verdicts
from workers.rows import BATCH_ROWS, Wanted, artifact_files, fetch_in_order

#: What a generation's verdict can be to a requirement. Only `MET` is selected; only `BELOW` and `NOT_CORRECT` are the model's doing.
MET, BELOW, NOT_CORRECT, UNSCORED, NOT_VERIFIED = "met", "below_minimum", "not_correct", "unscored", "not_verified"
#: The status that a requirement may ask for.
CORRECT = "correct"

AnyRow: TypeAlias = sa.Row[*tuple[Any, ...]]
_Select: TypeAlias = sa.Select[*tuple[Any, ...]]
_GENERATIONS = Generation.__table__
_PROMPTS = Prompt.__table__


@dataclass(frozen=True)
class Outcome:
    """How many generations of the scope share the same statuses and outcomes, one of each a judge, in the judges' order."""

    statuses: tuple[str, ...]
    outcomes: tuple[str, ...]
    generations: int


class Ranking:
    """The ranked candidates of one recipe, in temporary tables of one connection. Use `fill`, then the rest."""

    def __init__(self, connection: sa.Connection, recipe: SelectRecipe, judges: Sequence[Judge]) -> None:
        self.connection = connection
        self.recipe = recipe
        self.judges = list(judges)
        self._tables = _Tables.of(len(self.judges))

    def __enter__(self) -> Self:
        self._tables.metadata.create_all(self.connection, checkfirst=False)
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        # Without the drop an SQLite temporary table lives as long as its pooled connection; an error rolls its creation back.
        if error is None:
            self._tables.metadata.drop_all(self.connection, checkfirst=False)

    def fill(self, out: Path) -> None:
        """Finds who meets the requirements, tells identical texts of a prompt apart, ranks and cuts."""
        self._find_eligible()
        self._digest_texts(out)
        self._choose()

    def outcomes(self) -> list[Outcome]:
        """Counts the generations of the scope by what every judge said: one pass over generations and verdicts."""
        verdicts = self._verdicts()
        columns = [
            column
            for judge, verdict in zip(self.judges, verdicts, strict=True)
            for column in (sa.func.coalesce(verdict.c.status, NOT_VERIFIED), _outcome(judge, verdict))
        ]
        labelled = [column.label(f"c{number}") for number, column in enumerate(columns)]
        inner = self._scoped(sa.select(*labelled).select_from(self._joined(verdicts))).subquery()
        counted = sa.select(*inner.c, sa.func.count()).group_by(*inner.c).order_by(*inner.c)
        return [
            Outcome(tuple(row[0:-1:2]), tuple(row[1:-1:2]), int(row[-1])) for row in self.connection.execute(counted)
        ]

    def count_outside(self) -> int:
        """Counts the generations of the scope whose prompts are too hard or too easy, or have too few scored samples."""
        band = self._prompts_in_band()
        if band is None:
            return 0
        outside = self._scoped(sa.select(sa.func.count()).select_from(_GENERATIONS.join(_PROMPTS)))
        return int(self.connection.scalar(outside.where(_GENERATIONS.c.prompt_id.not_in(band))) or 0)

    def count_distinct(self) -> tuple[int, int]:
        """Gives how many distinct texts meet the requirements, and how many of them are within `per_prompt`."""
        eligible, texts = self._tables.eligible, self._tables.texts
        of_prompt = (
            sa.select(sa.func.count(sa.distinct(sa.func.coalesce(texts.c.digest, ""))).label("texts"))
            .select_from(eligible.outerjoin(texts, _same_place(eligible, texts)))
            .group_by(eligible.c.prompt_id)
            .subquery()
        )
        best = self.recipe.per_prompt
        within = sa.case((of_prompt.c.texts > best, best), else_=of_prompt.c.texts)
        row = self.connection.execute(sa.select(sa.func.sum(of_prompt.c.texts), sa.func.sum(within))).one()
        return int(row[0] or 0), int(row[1] or 0)

    def chosen(self, start: int = 0, stop: int | None = None) -> Iterator[AnyRow]:
        """Gives the selected items from position `start` to before `stop`, in the set's order: by prompt id, then rank.

        The columns are those of `_Tables.chosen`.
        """
        table = self._tables.chosen
        statement = sa.select(table).where(table.c.position >= start).order_by(table.c.position)
        return self._stream(statement if stop is None else statement.where(table.c.position < stop))

    def num_chosen(self) -> int:
        """Gives how many items are selected."""
        return int(self.connection.scalar(sa.select(sa.func.count()).select_from(self._tables.chosen)) or 0)

    def scores(self, row: AnyRow) -> dict[str, float | None]:
        """Gives a chosen row's score by verifier, in the judges' order."""
        return {judge.verifier: row._mapping[f"score_{number}"] for number, judge in enumerate(self.judges)}  # noqa: SLF001

    def generation_places(self) -> Iterator[tuple[Wanted, tuple[int, str]]]:
        """Gives where the selected texts stand, in file order; the key is (position in the set, sampling hash)."""
        table = self._tables.chosen
        columns = (table.c.artifact_id, table.c.row, table.c.generation_id, table.c.position, table.c.sampling_hash)
        for row in self._stream(sa.select(*columns).order_by(table.c.artifact_id, table.c.row)):
            yield Wanted(row[0], row[1], row[2]), (row[3], row[4])

    def prompt_places(self) -> Iterator[tuple[Wanted, int]]:
        """Gives where the selected items' prompts stand, in file order; the key is the position in the set."""
        table = self._tables.chosen
        columns = (table.c.prompt_artifact_id, table.c.prompt_row, table.c.prompt_id, table.c.position)
        ordered = sa.select(*columns).order_by(table.c.prompt_artifact_id, table.c.prompt_row, table.c.position)
        for row in self._stream(ordered):
            yield Wanted(row[0], row[1], row[2]), row[3]

    def tokens(self) -> dict[str, int]:
        """Sums the tokens of the selected, and counts those whose sampler did not say."""
        column = self._tables.chosen.c.tokens
        row = self.connection.execute(sa.select(sa.func.sum(column), sa.func.count() - sa.func.count(column))).one()
        return {"selected": int(row[0] or 0), "selected_without_count": int(row[1])}

    def breakdown(self) -> dict[str, list[dict[str, Any]]]:
        """Counts scope and selection by model and sampling, and by source and language."""
        chosen = self._tables.chosen
        selected = sa.func.count(chosen.c.generation_id).label("selected")
        joined = _GENERATIONS.join(_PROMPTS).outerjoin(chosen, chosen.c.generation_id == _GENERATIONS.c.id)

        def counted(*columns: sa.ColumnElement[Any]) -> list[dict[str, Any]]:
            statement = sa.select(*columns, sa.func.count().label("generations"), selected).select_from(joined)
            rows = self.connection.execute(self._scoped(statement).group_by(*columns)).mappings()
            return sorted((dict(row) for row in rows), key=lambda row: [str(row[column.name]) for column in columns])

        return {
            "models": counted(_GENERATIONS.c.model, _GENERATIONS.c.sampling_hash),
            "sources": counted(_PROMPTS.c.source, _PROMPTS.c.task, _PROMPTS.c.language),
        }

    def scope(self) -> dict[str, dict[str, int]]:
        """Counts prompts and generations in the store, in the scope of `models` and `sources`, and so on down the funnel."""
        eligible, chosen = self._tables.eligible, self._tables.chosen
        one = self.connection.scalar
        count = sa.func.count()
        in_scope = self._scoped(sa.select(count, sa.func.count(sa.distinct(_GENERATIONS.c.prompt_id)))).select_from(
            _GENERATIONS.join(_PROMPTS)
        )
        generations, prompts = self.connection.execute(in_scope).one()
        return {
            "prompts": {
                "in_store": int(one(sa.select(count).select_from(_PROMPTS)) or 0),
                "in_scope": int(prompts),
                "met_requirements": int(one(sa.select(sa.func.count(sa.distinct(eligible.c.prompt_id)))) or 0),
                "selected": int(one(sa.select(sa.func.count(sa.distinct(chosen.c.prompt_id)))) or 0),
            },
            "generations": {
                "in_store": int(one(sa.select(count).select_from(_GENERATIONS)) or 0),
                "in_scope": int(generations),
                "met_requirements": int(one(sa.select(count).select_from(eligible)) or 0),
            },
        }

    def _find_eligible(self) -> None:
        table = self._tables.eligible
        verdicts = self._verdicts()
        order = [*self._order_keys(verdicts), self._ordered(_GENERATIONS.c.id)]
        columns = {
            "generation_id": _GENERATIONS.c.id,
            "prompt_id": _GENERATIONS.c.prompt_id,
            "artifact_id": _GENERATIONS.c.artifact_id,
            "row": _GENERATIONS.c.row,
            "place": sa.func.row_number().over(partition_by=_GENERATIONS.c.prompt_id, order_by=order),
            "rivals": sa.func.count().over(partition_by=_GENERATIONS.c.prompt_id),
            "tokens": _GENERATIONS.c.tokens,
            "sampling_hash": _GENERATIONS.c.sampling_hash,
            "prompt_artifact_id": _PROMPTS.c.artifact_id,
            "prompt_row": _PROMPTS.c.row,
            **{f"score_{number}": verdict.c.score for number, verdict in enumerate(verdicts)},
        }
        met = [
            condition
            for judge, verdict in zip(self.judges, verdicts, strict=True)
            if judge.minimum is not None
            for condition in (verdict.c.score >= judge.minimum, *_status_condition(judge, verdict))
        ]
        band = self._prompts_in_band()
        if band is not None:
            met.append(_GENERATIONS.c.prompt_id.in_(band))
        found = self._scoped(sa.select(*columns.values()).select_from(self._joined(verdicts))).where(*met)
        self.connection.execute(sa.insert(table).from_select(list(columns), found))
        self._analyze(table)

    def _digest_texts(self, out: Path) -> None:
        """Hashes the exact texts of candidates that have a rival, file by file: one space more makes another text."""
        eligible, texts = self._tables.eligible, self._tables.texts
        columns = [eligible.c[name] for name in ("artifact_id", "row", "generation_id", "prompt_id", "place")]
        with_rivals = sa.select(*columns).where(eligible.c.rivals > 1).order_by(eligible.c.artifact_id, eligible.c.row)
        places = ((Wanted(row[0], row[1], row[2]), (row[3], row[4])) for row in self._stream(with_rivals))
        files = artifact_files(self.connection, out, "generations")
        for batch in fetch_in_order(files, places, ["text"]):
            rows = [
                {"prompt_id": key[0], "place": key[1], "digest": xxhash.xxh3_128_hexdigest(row["text"].encode())}
                for key, row in batch
            ]
            self.connection.execute(sa.insert(texts), rows)
        self._analyze(texts)

    def _choose(self) -> None:
        eligible, texts, chosen = self._tables.eligible, self._tables.texts, self._tables.chosen
        copy = sa.func.row_number().over(
            partition_by=[eligible.c.prompt_id, texts.c.digest], order_by=[eligible.c.place]
        )
        told_apart = (
            sa.select(eligible, copy.label("copy"))
            .select_from(eligible.outerjoin(texts, _same_place(eligible, texts)))
            .subquery()
        )
        ranked = (
            sa.select(
                told_apart,
                sa.func.row_number()
                .over(partition_by=told_apart.c.prompt_id, order_by=[told_apart.c.place])
                .label("rank"),
                sa.func.count().over(partition_by=told_apart.c.prompt_id).label("distinct_rivals"),
            )
            .where(told_apart.c.copy == 1)
            .subquery()
        )
        cut = sa.select(ranked).where(ranked.c.rank <= self.recipe.per_prompt)
        if self.recipe.limit is not None:
            # Every prompt gives its best before any gives its second.
            cut = cut.order_by(ranked.c.rank, self._ordered(ranked.c.prompt_id)).limit(self.recipe.limit)
        kept = cut.subquery()
        position = sa.func.row_number().over(order_by=[self._ordered(kept.c.prompt_id), kept.c.rank]) - 1
        names = [column.name for column in chosen.c if column.name != "position"]
        self.connection.execute(
            sa.insert(chosen).from_select(["position", *names], sa.select(position, *(kept.c[name] for name in names)))
        )
        self._analyze(chosen)

    def _verdicts(self) -> list[sa.FromClause]:
        return [VerdictRow.__table__.alias(f"verdict_{number}") for number in range(len(self.judges))]

    def _joined(self, verdicts: Sequence[sa.FromClause]) -> sa.FromClause:
        return join_verdicts(_GENERATIONS.join(_PROMPTS), self.judges, verdicts)

    def _prompts_in_band(self) -> _Select | None:
        """Selects the prompts that `pass_rate` lets through; None where it is not asked for."""
        asked = self.recipe.pass_rate
        if asked is None:
            return None
        judge = next(judge for judge in self.judges if judge.verifier == asked.verifier)
        verdict = VerdictRow.__table__.alias("verdict")
        scored = sa.func.count(verdict.c.score)
        # A cast: whole numbers would be divided as such.
        rate = sa.cast(sa.func.sum(sa.case((verdict.c.status == CORRECT, 1), else_=0)), sa.Double) / scored
        statement = sa.select(_GENERATIONS.c.prompt_id).select_from(
            join_verdicts(_GENERATIONS.join(_PROMPTS), [judge], [verdict])
        )
        grouped = self._scoped(statement).where(verdict.c.score.is_not(None)).group_by(_GENERATIONS.c.prompt_id)
        return grouped.having(scored >= asked.min_samples, rate > asked.too_hard, rate < asked.too_easy)

    def _scoped(self, statement: _Select) -> _Select:
        if self.recipe.models:
            statement = statement.where(_GENERATIONS.c.model.in_(self.recipe.models))
        if self.recipe.sources:
            statement = statement.where(_PROMPTS.c.source.in_(self.recipe.sources))
        return statement

    def _order_keys(self, verdicts: Sequence[sa.FromClause]) -> list[sa.ColumnElement[Any]]:
        places = {judge.verifier: number for number, judge in enumerate(self.judges)}
        keys: list[sa.ColumnElement[Any]] = []
        for key in self.recipe.order_by:
            column = _GENERATIONS.c.tokens if key.by == "tokens" else verdicts[places[key.by]].c.score
            keys.append((column.asc() if key.order == "asc" else column.desc()).nulls_last())
        return keys

    def _ordered(self, column: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
        """Orders ids by their bytes on every database: PostgreSQL would go by the collation of its locale."""
        return sa.collate(column, "C") if self.connection.dialect.name == "postgresql" else column

    def _stream(self, statement: _Select) -> Iterator[AnyRow]:
        yield from self.connection.execute(statement.execution_options(yield_per=BATCH_ROWS))

    def _analyze(self, table: sa.Table) -> None:
        # PostgreSQL takes a temporary table without statistics for a tiny one, and joins it row by row.
        if self.connection.dialect.name == "postgresql":
            self.connection.exec_driver_sql(f"ANALYZE {table.name}")


@dataclass(frozen=True)
class _Tables:
    """Temporary tables of a ranking.

    Attributes:
        metadata: of these tables alone.
        eligible: who meets the requirements; `place` (from 1) in its prompt, among `rivals`.
        texts: the digest of a text that has rivals.
        chosen: what is selected, by `position` (from 0) in the set; `distinct_rivals` counts its prompt's distinct eligible texts.
    """

    metadata: sa.MetaData
    eligible: sa.Table
    texts: sa.Table
    chosen: sa.Table

    @classmethod
    def of(cls, num_judges: int) -> "_Tables":
        metadata = sa.MetaData()

        def facts() -> list[sa.Column[Any]]:
            integers = ("artifact_id", "row", "tokens", "prompt_artifact_id", "prompt_row")
            return [
                sa.Column("generation_id", sa.String(32)),
                sa.Column("prompt_id", sa.String(32)),
                sa.Column("sampling_hash", sa.String(16)),
                *(sa.Column(name, sa.BigInteger) for name in integers),
                *(sa.Column(f"score_{number}", sa.Double) for number in range(num_judges)),
            ]

        place = (sa.Column("place", sa.BigInteger), sa.Column("rivals", sa.BigInteger))
        rank = (sa.Column("rank", sa.BigInteger), sa.Column("distinct_rivals", sa.BigInteger))
        key = (
            sa.Column("prompt_id", sa.String(32), primary_key=True),
            sa.Column("place", sa.Integer, primary_key=True),
        )
        position = sa.Column("position", sa.Integer, primary_key=True, autoincrement=False)
        temporary: dict[str, Any] = {"prefixes": ["TEMPORARY"]}
        return cls(
            metadata,
            sa.Table("tamis_eligible", metadata, *facts(), *place, **temporary),
            sa.Table("tamis_texts", metadata, *key, sa.Column("digest", sa.String(32)), **temporary),
            sa.Table("tamis_chosen", metadata, position, *facts(), *rank, **temporary),
        )


def _same_place(eligible: sa.Table, texts: sa.Table) -> sa.ColumnElement[bool]:
    return (eligible.c.prompt_id == texts.c.prompt_id) & (eligible.c.place == texts.c.place)


def _status_condition(judge: Judge, verdict: sa.FromClause) -> list[sa.ColumnElement[bool]]:
    return [verdict.c.status == CORRECT] if judge.correct else []


def _outcome(judge: Judge, verdict: sa.FromClause) -> sa.ColumnElement[str]:
    if judge.minimum is None:
        return sa.literal(MET, sa.String(16))
    return sa.case(
        (verdict.c.status.is_(None), NOT_VERIFIED),
        (verdict.c.score.is_(None), UNSCORED),
        (verdict.c.score < judge.minimum, BELOW),
        *((~condition, NOT_CORRECT) for condition in _status_condition(judge, verdict)),
        else_=MET,
    )
