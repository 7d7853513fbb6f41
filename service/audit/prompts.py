"""A file of prompts beside the generations: their languages and domains by id, and the texts of the few that are shown.

Reads the prompts' files. Of each prompt only id, language and domain are held, about 300 bytes; texts are read again when wanted.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from columnar.mixing import UNKNOWN, target_of
from schemas.errors import UserError
from workers.mapping import MappedRow, RowMapping, resolve
from workers.presets import fit_columns, value_at
from workers.row_files import find_files, first_row, read_rows

_ID_COLUMNS = {"id": ("id", "prompt_id")}


class PromptFact(NamedTuple):
    """What is known of a prompt: the language that its file gives, the target by rule where it gives none, and its domain."""

    language: str | None
    target: str | None
    domain: str


class Prompts:
    """The prompts of some files."""

    def __init__(self, path: Path, columns: Mapping[str, str]) -> None:
        """Looks at the files.

        Args:
            path: JSONL or Parquet of prompts; a file, folder or glob.
            columns: our field -> their column; `id` too. Names that a file does not have are those of the generations.

        Raises:
            UserError: no file, or one without ids or prompts.
        """
        self.files = find_files(path)
        self._mappings: dict[Path, tuple[RowMapping, str]] = {}
        for file in self.files:
            there, first = first_row(file)
            if not there:
                continue
            named = {
                ours: theirs
                for ours, theirs in columns.items()
                if ours in ("prompt", "language", "domain") and theirs in there
            }
            key = fit_columns(_ID_COLUMNS, there, first).get("id")
            if key is None:
                raise UserError(f"{file}: no column id or prompt_id, by which generations could name their prompt")
            self._mappings[file] = resolve("auto", named, there, first, str(file), prompts_only=True), key
        if not self._mappings:
            raise UserError(f"{path}: holds no row that can be read")

    def facts(self) -> dict[str, PromptFact]:
        """Reads all prompts; rows that cannot be read are left out, and their generations go without."""
        found = {}
        for key, row in self._rows():
            given = None if row.language in (None, "", UNKNOWN) else row.language
            target = None if given else target_of(prompt_text(row.messages))
            found[key] = PromptFact(given, None if target == UNKNOWN else target, row.domain or "")
        return found

    def texts(self, keys: Collection[str]) -> dict[str, str]:
        """Reads the texts of some prompts again."""
        wanted = set(keys)
        return {key: prompt_text(row.messages) for key, row in self._rows() if key in wanted} if wanted else {}

    def _rows(self) -> Iterator[tuple[str, MappedRow]]:
        for file, (mapping, id_column) in self._mappings.items():
            for raw in read_rows(file):
                key = None if raw.value is None else key_text(value_at(raw.value, id_column))
                if raw.value is None or not key:
                    continue
                try:
                    yield key, mapping.read(raw.value)
                except (ValueError, TypeError):
                    continue


def key_text(value: Any) -> str:
    """Gives an id, a step or a checkpoint as text; empty for what is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def prompt_text(messages: Sequence[Mapping[str, str]]) -> str:
    """Gives what the user wrote, by which the target language is found; all messages where none is the user's."""
    asked = [message["content"] for message in messages if message["role"] == "user"]
    return "\n\n".join(asked or [message["content"] for message in messages])
