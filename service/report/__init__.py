"""The report: one self-contained HTML page over everything that stands under one `--out`.

`service.report.page.write_report` is the door. Facts are gathered (SQL, manifest, Parquet), drawn as inline SVG and rendered;
nothing here writes anything but the page. Empty on purpose: rendering pulls in jinja2, pyarrow and SQLAlchemy.
"""
