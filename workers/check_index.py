"""Holds a curation run's index against its kept and rejected documents: every id where the index says, and none beside.

Reads files only. Memory: the index of one run, about 50 bytes a document.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workers.findings import Finding, LandedFile

_DOCUMENT_KINDS = ("kept", "rejects")
_REMEDY = "run `tamis curate` again with --fresh"


def check_index(files: Sequence[LandedFile]) -> Iterator[Finding]:
    """Compares the index of one run with its documents. The files must be there and whole.

    Args:
        files: the run's landed files; nothing is said where there is no index among them.
    """
    index_files = [file for file in files if file.kind == "index"]
    if not index_files:
        return
    documents = {_short_name(file): file for file in files if file.kind in _DOCUMENT_KINDS}
    index = pa.concat_tables(pq.read_table(file.path, columns=["id", "file", "row"]) for file in index_files)
    names = pc.dictionary_encode(index.column("file")).combine_chunks()
    order = np.argsort(names.indices.to_numpy(zero_copy_only=False), kind="stable")
    places = names.indices.to_numpy(zero_copy_only=False)[order]
    seen: set[str] = set()
    for code, name in enumerate(names.dictionary.to_pylist()):
        file = documents.get(_last_two(name))
        if file is None:
            yield Finding("index_differs", name, "the index names a file that has not landed", remedy=_REMEDY)
            continue
        seen.add(_short_name(file))
        begin, end = np.searchsorted(places, [code, code + 1])
        yield from _check_document_file(file, index.take(pa.array(order[begin:end])))
    for name in sorted(documents.keys() - seen):
        if documents[name].num_rows:
            detail = f"none of its {documents[name].num_rows} documents is in the index"
            yield Finding("index_differs", str(documents[name].path), detail, remedy=_REMEDY)


def _check_document_file(file: LandedFile, entries: pa.Table) -> Iterator[Finding]:
    ids = pq.read_table(file.path, columns=["id"]).column("id").combine_chunks()
    rows = entries.column("row").to_numpy()
    if len(entries) != len(ids) or len(np.unique(rows)) != len(rows) or rows.min() < 0 or rows.max() >= len(ids):
        detail = f"the index has {len(entries)} rows for its {len(ids)} documents, or rows beyond its end"
        yield Finding("index_differs", str(file.path), detail, remedy=_REMEDY)
        return
    same = pc.equal(pc.take(ids, pa.array(rows)), entries.column("id").combine_chunks())
    wrong = len(ids) - pc.sum(same).as_py()
    if wrong:
        detail = f"{wrong} of {len(ids)} documents are not those that the index names"
        yield Finding("index_differs", str(file.path), detail, remedy=_REMEDY)


def _short_name(file: LandedFile) -> str:
    return _last_two("/".join(file.path.parts))


def _last_two(path: str) -> str:
    # The index may name files from the run's folder or from `curate/` in it: `kept/part-...` is what both end in.
    return "/".join(path.split("/")[-2:])
