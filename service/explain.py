"""`tamis explain ID`: what happened to a document, a generation or a prompt, and why. Finds what the id names and tells it.

Reads the store, the index of the curation run and the few rows that it points to; writes nothing.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import UserError
from schemas.storage import Location
from service.explained.documents import document_ids, explain_document

if TYPE_CHECKING:
    import sqlalchemy as sa
    from rich.console import Console

_ID = re.compile(r"[0-9a-f]{6,32}")
_WHOLE_ID = 32
_LISTED = 5


@dataclass(frozen=True)
class Explanation:
    """What is known of one id.

    Attributes:
        kind: document, generation or prompt.
        id: the whole id.
        facts: a JSON object; see `explain_document`, `explain_generation` and `explain_prompt`.
    """

    kind: str
    id: str
    facts: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Gives the explanation as one JSON object. Texts stand in it as they are, hostile or not."""
        return {"kind": self.kind, "id": self.id, **self.facts}

    def render(self, console: "Console") -> None:
        """Shows the explanation on a terminal; control and bidi characters of texts are shown as marks."""
        from service.explained.render import render

        render(self.kind, self.id, self.facts, console)


def explain(open_store: "Callable[[], sa.Engine]", out: Location, identifier: str) -> Explanation:
    """Tells what happened to a document, a generation or a prompt.

    Args:
        open_store: opens the store; asked only where the id is not the whole id of a document, for opening it takes longer than
            finding one document among ten million.
        out: the folder of the commands; documents are looked up in the curation run under it. Where it is in an object store,
            nothing but documents is.
        identifier: an id, or the first 6 hex digits of it or more.

    Raises:
        UserError: if nothing has this id, if several ids start so (up to 5 are listed), or if a file that the store names is
            missing.
    """
    wanted = identifier.strip().lower()
    if not _ID.fullmatch(wanted):
        raise UserError(f"{identifier!r} is no id: give 6 to 32 hex digits")
    documents = document_ids(out, wanted, _LISTED + 1)
    if documents == [wanted] and len(wanted) == _WHOLE_ID:
        return Explanation("document", wanted, explain_document(out, wanted))
    if isinstance(out, Path):
        return _from_store(open_store(), out, wanted, documents)
    _, number = _only([("document", number) for number in documents], wanted, f"under {out}")
    return Explanation("document", number, explain_document(out, number))


def _only(found: list[tuple[str, str]], wanted: str, where: str) -> tuple[str, str]:
    """Gives the only kind and id that were found.

    Raises:
        UserError: none was, or several.
    """
    if not found:
        raise UserError(f"no document, generation or prompt has an id that starts with {wanted!r} {where}")
    if len(found) > 1:
        listed = ", ".join(f"{number} ({kind})" for kind, number in found[:_LISTED])
        more = " and more" if len(found) > _LISTED else ""
        raise UserError(f"several ids start with {wanted!r}: {listed}{more}; give more digits")
    return found[0]


def _from_store(engine: "sa.Engine", out: Path, wanted: str, documents: list[str]) -> Explanation:
    """Tells what the id names among the store's rows and the documents that were found already."""
    from schemas.store import reading
    from service.explained.samples import explain_generation, explain_prompt, generation_ids, prompt_ids

    kinds = {"generation": (generation_ids, explain_generation), "prompt": (prompt_ids, explain_prompt)}
    try:
        with reading(engine) as connection:
            found = [
                (kind, number)
                for kind, (find, _) in kinds.items()
                for number in find(connection, out, wanted, _LISTED + 1)
            ]
            found += [("document", number) for number in documents]
            kind, number = _only(found, wanted, f"in this store and under {out}")
            if kind == "document":
                return Explanation(kind, number, explain_document(out, number))
            return Explanation(kind, number, kinds[kind][1](connection, out, number))
    finally:
        engine.dispose()
