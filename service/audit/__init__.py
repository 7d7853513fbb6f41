"""The audit of language mixing in generations: rows are measured in processes, added up in one stream, shown on one page.

`run` reads, measures and writes; `summary` holds the numbers; `page` renders them. Touches the files it is given and its own folder;
no store and no queue.
"""
