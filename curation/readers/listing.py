"""Turns a recipe's inputs into pieces: finds the files, tells their formats, cuts big Parquet files, checks columns."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from glob import glob, has_magic
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, cast

import pyarrow as pa

from curation.model import Fault, Piece
from curation.readers.columns import check_fields, map_columns
from curation.readers.jsonl import decode_line
from curation.readers.parquet import check_columns, one_line
from curation.readers.streams import InputStream
from schemas.errors import UserError
from schemas.files import open_parquet
from schemas.recipe import CurateRecipe, InputRecipe
from schemas.storage import Location, ObjectPath, PlaceT, check_access, joined

LIST_STAGE = "list"

#: Format by the end of the name, compression apart.
SUFFIXES = {
    ".warc": "warc",
    ".wet": "warc",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}
_COMPRESSED = (".gz", ".zst")
_NOT_COMPRESSED = frozenset({"parquet"})
#: Folders of version control and caches, which hold no source.
_HIDDEN = "."
#: How much of a JSONL file's start is looked at for a missing column.
_HEAD_BYTES = 1 << 20
#: The wildcards of a glob within one folder, and what they are in a regular expression.
_MAGIC = re.compile(r"\[!?[^\]]+\]|.", re.DOTALL)
_WILD = {"*": "[^/]*", "?": "[^/]"}
_ANY_FOLDERS = "(?:[^/]+/)*"
#: Formats that hold pages, which need an extract step before anything else.
_PAGE_FORMATS = frozenset({"warc", "html"})


class _Found(NamedTuple):
    """A file of an input: its path under `root`, whether the recipe names it by itself, and its size if the listing told it."""

    root: Location
    path: str
    named: bool
    size: int | None = None


def format_of(name: str) -> str | None:
    """Tells a file's format by its name; None for an unknown one."""
    lowered = name.lower()
    stem = next((lowered.removesuffix(end) for end in _COMPRESSED if lowered.endswith(end)), lowered)
    found = SUFFIXES.get(PurePosixPath(stem).suffix)
    return None if stem != lowered and found in _NOT_COMPRESSED else found


def list_pieces(
    recipe: CurateRecipe, base: Path, counts: Counter[str] | None = None
) -> tuple[list[Piece], list[Fault]]:
    """Finds every piece of the recipe's inputs, in the order of the inputs and then of the paths' bytes.

    Args:
        recipe: the recipe.
        base: folder that relative input paths start from.
        counts: is added to, if given: `skipped_unknown_format`, `skipped_symlink`, `skipped_by_pattern`, `skipped_hidden`
            (folders and files whose name starts with a dot) and `skipped_special_file`, for what folders hold beside input.

    Returns:
        The pieces, and a fault (stage ``list``) for every file that is broken already now: its pieces are not in the list.

    Raises:
        UserError: an input finds nothing, a file that is named by itself has no known format, a column is missing, pages
            have no extract step, or two inputs of one source and dump hold a file of the same relative path, which would
            give two documents one id.
    """
    counts = Counter() if counts is None else counts
    pieces: list[Piece] = []
    faults: list[Fault] = []
    seen: set[tuple[str, str, str]] = set()
    for item in recipe.inputs:
        check_fields(item.columns, f"input {item.source!r}")
        found_any = False
        for found in _find(item, base, counts):
            kind = item.format if item.format != "auto" else format_of(found.path)
            if kind is None:
                if found.named:
                    raise UserError(
                        f"{found.root / found.path}: unknown format; say `format:` (known by name: {', '.join(SUFFIXES)})"
                    )
                counts["skipped_unknown_format"] += 1
                continue
            _check_extracted(recipe, item, kind)
            found_any = True
            key = (item.source, item.dump, found.path)
            if key in seen:
                raise UserError(
                    f"input {item.source!r}: {found.root / found.path}: another input of this source has a file {found.path}; "
                    "give one of them another source or dump, so that no two documents share an id"
                )
            seen.add(key)
            try:
                pieces.extend(_pieces(item, found, kind, recipe.output.input_shard_bytes))
            except UnicodeEncodeError:
                shown = os.fsencode(found.path).decode("utf-8", "replace")
                faults.append(Fault(shown, item.source, LIST_STAGE, "the file's name is not UTF-8", shown))
            except (OSError, pa.ArrowException) as error:
                message = f"cannot be opened as {kind}: {one_line(error)}"
                faults.append(Fault(found.path, item.source, LIST_STAGE, message, f"{found.path}@0"))
        if not found_any:
            raise UserError(f"input {item.source!r}: nothing to read at {joined(base, item.path)}")
    return pieces, faults


def _find(item: InputRecipe, base: Path, counts: Counter[str]) -> Iterator[_Found]:
    """Gives the files of one input, sorted by the bytes of their paths."""
    target = joined(base, item.path)
    found: dict[str, _Found] = {}
    if isinstance(target, ObjectPath):
        found = find_objects(target, counts)
    elif target.is_dir():
        found = {path: _Found(target, path, named=False) for path in _walk(target, counts)}
    elif target.is_file():
        found = {target.name: _Found(target.parent, target.name, named=True)}
    elif has_magic(item.path):
        root = _fixed_part(base, item.path)
        for match in glob(str(target), recursive=True):  # noqa: PTH207 - Path.glob takes no absolute pattern
            if Path(match).is_file():
                path = Path(match).relative_to(root).as_posix()
                found[path] = _Found(root, path, named=False)
    for path in sorted(found, key=os.fsencode):
        if _selected(item, path):
            yield found[path]
        else:
            counts["skipped_by_pattern"] += 1


def find_objects(target: ObjectPath, counts: Counter[str] | None = None) -> dict[str, _Found]:
    """Gives the objects under a path, those that a pattern matches, or the one that the path names."""
    counts = Counter() if counts is None else counts
    check_access(target)
    root = _fixed_part(ObjectPath(target.scheme, target.bucket), target.key) if has_magic(target.key) else target
    pattern = _pattern(target.key.removeprefix(root.key).lstrip("/")) if root != target else None
    found = {}
    for path, info in root.below():
        if path.endswith("/"):  # what some tools leave to show a folder
            continue
        if pattern is not None and not pattern.fullmatch(path):
            continue
        if any(part.startswith(_HIDDEN) for part in path.split("/")):
            counts["skipped_hidden"] += 1
        else:
            found[path] = _Found(root, path, named=False, size=info.size)
    if not found and pattern is None and target.is_file():
        found = {target.name: _Found(target.parent, target.name, named=True)}
    return found


def _pattern(glob_pattern: str) -> re.Pattern[str]:
    """Makes a glob a regular expression: `*` stays within a folder, `**` by itself is any number of them."""
    parts = glob_pattern.split("/")
    made = [_ANY_FOLDERS if part == "**" else _MAGIC.sub(_as_regex, part) + "/" for part in parts]
    return re.compile("".join(made) + "[^/]+" if parts[-1] == "**" else "".join(made).removesuffix("/"))


def _as_regex(found: re.Match[str]) -> str:
    token = found[0]
    if len(token) == 1:
        return _WILD.get(token, re.escape(token))
    members = re.escape(token[1:-1].removeprefix("!")).replace(r"\-", "-")
    return f"[^/{members}]" if token[1] == "!" else f"[{members}]"


def _walk(root: Path, counts: Counter[str]) -> Iterator[str]:
    """Gives the relative paths of a folder's plain files, without following links (a link out of the tree, or a loop)."""
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(root / folder) as scan:
                entries = list(scan)
        except OSError as error:
            raise UserError(f"{root / folder}: the folder cannot be read: {error.strerror}") from None
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_symlink():
                counts["skipped_symlink"] += 1
            elif entry.name.startswith(_HIDDEN):
                counts["skipped_hidden"] += 1
            elif entry.is_dir():
                pending.append(path)
            elif entry.is_file():
                yield path
            else:
                counts["skipped_special_file"] += 1


def _fixed_part(base: PlaceT, pattern: str) -> PlaceT:
    """Gives the folder of a glob up to its first wildcard: ids must not depend on which files happen to match."""
    root = base
    for part in PurePosixPath(pattern).parts[:-1]:
        if has_magic(part):
            break
        root = cast("PlaceT", root / part)
    return root


def _selected(item: InputRecipe, path: str) -> bool:
    if item.include and not any(fnmatchcase(path, pattern) for pattern in item.include):
        return False
    return not any(fnmatchcase(path, pattern) for pattern in item.exclude)


def _pieces(item: InputRecipe, found: _Found, kind: str, shard_bytes: int) -> list[Piece]:
    """Gives the pieces of one file.

    Raises:
        UserError: a column is missing.
        UnicodeEncodeError: the path is not UTF-8.
        pa.ArrowException, OSError: the file cannot be opened.
    """
    found.path.encode()
    path = found.root / found.path
    size = path.stat().st_size if found.size is None else found.size
    piece = Piece(
        source=item.source,
        dump=item.dump,
        root=str(found.root),
        path=found.path,
        format=kind,
        columns=tuple(sorted(item.columns.items())),
        num_bytes=size,
        repo="/".join(found.path.split("/")[:-1][: item.repo_depth]) if kind == "source" else "",
    )
    if kind == "jsonl":
        _check_first_line(piece, path)
    # An empty Parquet file is left to the reader's "empty file", as in the other formats.
    return _row_group_pieces(piece, path, shard_bytes) if kind == "parquet" and size else [piece]


def _check_first_line(piece: Piece, path: Location) -> None:
    """Refuses a file whose first readable line lacks a mapped column; a file without any such line is the reader's matter."""
    head = b""
    with InputStream(path) as stream:
        while len(head) < _HEAD_BYTES and (chunk := stream.read()):
            head += chunk
        lines = head.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        if len(head) >= _HEAD_BYTES or stream.fault:
            lines.pop()  # a part of a line
    for line in lines:
        try:
            row = decode_line(line)
        except ValueError:
            continue
        map_columns(piece.columns, row, str(path))
        return


def _check_extracted(recipe: CurateRecipe, item: InputRecipe, kind: str) -> None:
    """Refuses pages that no extract step turns into text before another step needs it."""
    if kind not in _PAGE_FORMATS and "html" not in item.columns:
        return
    steps = [step for step in recipe.steps if not step.sources or item.source in step.sources]
    if not steps or steps[0].kind != "extract":
        raise UserError(f"input {item.source!r} holds pages ({kind}): its first step must be `extract`")


def _row_group_pieces(piece: Piece, path: Location, shard_bytes: int) -> list[Piece]:
    """Cuts a Parquet file into runs of row groups of about `shard_bytes` as stored.

    Raises:
        UserError: a column is missing or of the wrong type.
        pa.ArrowException, OSError: the footer cannot be read.
    """
    with open_parquet(path) as file:
        check_columns(file.schema_arrow, piece.columns, str(path))
        metadata = file.metadata
        cuts, total = [0], 0
        sizes = [_stored_bytes(metadata.row_group(group)) for group in range(metadata.num_row_groups)]
        for group, size in enumerate(sizes):
            if total and total + size > shard_bytes:
                cuts.append(group)
                total = 0
            total += size
    cuts.append(len(sizes))
    if len(cuts) == 2:
        return [piece]
    return [replace(piece, start=start, stop=stop, num_bytes=sum(sizes[start:stop])) for start, stop in pairwise(cuts)]


def _stored_bytes(row_group: Any) -> int:
    return sum(row_group.column(index).total_compressed_size for index in range(row_group.num_columns))
