"""Write `requirements.lock`: every pin of `requirements.txt` with the digests of all files that the index has of it.

The digests are those that the package index tells for a version, for every platform; pip then takes no file that was put there later or
under another name. The CPU build of PyTorch has an index of its own: `--torch URL_OR_FOLDER` (repeatable) adds the digests of what
lies there, by default those of PyTorch's index.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urljoin
from urllib.request import Request, urlopen

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

ROOT: Final = Path(__file__).resolve().parents[1]
PINS: Final = ROOT / "requirements.txt"
LOCK: Final = ROOT / "requirements.lock"
INDEX: Final = "https://pypi.org/simple/"
TORCH: Final = "https://download.pytorch.org/whl/cpu/"
JSON: Final = "application/vnd.pypi.simple.v1+json"
HEAD: Final = """\
# Made by `make lock` from requirements.txt: the same versions, with the digests of all of their files.
# Install with `pip install --require-hashes -r requirements.lock`.
"""


def pins(text: str) -> list[Requirement]:
    """The requirements of a file, in order."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line]


def is_of(file: str, name: str, version: str) -> bool:
    """Whether a file is of this version; a local version (`+cpu`) counts as it."""
    try:
        found, told = (parse_wheel_filename(file)[:2]) if file.endswith(".whl") else parse_sdist_filename(file)
    except ValueError:
        return False
    return found == canonicalize_name(name) and told.public == version


def on_index(index: str, name: str, version: str) -> set[str]:
    """Digests (SHA-256) of all files of a version on an index that speaks JSON or HTML."""
    address = urljoin(index, f"{canonicalize_name(name)}/")
    with urlopen(Request(address, headers={"Accept": f"{JSON}, text/html;q=0.5"}), timeout=60) as answer:
        kind, text = answer.headers.get_content_type(), answer.read().decode()
    if kind == JSON:
        files = [(file["filename"], file["hashes"].get("sha256", "")) for file in json.loads(text)["files"]]
    else:
        links = re.findall(r'href="[^"]*?/?([^"/#]+)#sha256=([0-9a-f]{64})', text)
        files = [(unquote(file), digest) for file, digest in links]
    return {digest for file, digest in files if digest and is_of(file, name, version)}


def in_folder(folder: Path, name: str, version: str) -> set[str]:
    """Digests of the files of a version that lie in a folder."""
    files = [path for path in folder.iterdir() if is_of(path.name, name, version)]
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def lock(text: str, torch: list[str]) -> str:
    """The lock of the requirements file `text`. Raises ValueError where a version has no file."""
    written = [HEAD]
    for one in pins(text):
        (pin,) = one.specifier
        found = on_index(INDEX, one.name, pin.version)
        for place in torch if one.name == "torch" else ():
            there = in_folder(Path(place), one.name, pin.version) if Path(place).is_dir() else set()
            found |= there or on_index(place, one.name, pin.version)
        if not found:
            raise ValueError(f"no file of {one}")
        written.append(" \\\n    ".join([str(one), *(f"--hash=sha256:{digest}" for digest in sorted(found))]) + "\n")
    return "".join(written)


def main(arguments: list[str] | None = None) -> int:
    """Write the lock."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--torch", action="append", help=f"where else PyTorch lies ({TORCH})")
    options = parser.parse_args(arguments)
    LOCK.write_text(lock(PINS.read_text(encoding="utf-8"), options.torch or [TORCH]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
