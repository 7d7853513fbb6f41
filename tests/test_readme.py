"""README.md says what the results say, and names only what is there."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def test_tables_come_from_the_results():
    checked = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "write_tables.py", "--check"], cwd=ROOT, check=False
    )
    assert checked.returncode == 0, "run python benchmarks/write_tables.py"


def test_links_and_pictures_are_there():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_make_targets_are_there():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:^|`)make ([a-z]+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_rooms_are_there():
    for folder in re.findall(r"^([a-z]+)/ +\S", README, re.MULTILINE):
        assert (ROOT / folder).is_dir(), folder
