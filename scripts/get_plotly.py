"""Bring Plotly's bundle for plane charts, of the version that the plotly package ships in full, into `bnviz/ui/vendor`; needs npm."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import tarfile
import tempfile
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

BUNDLE: Final = "plotly.js-cartesian-dist-min"
DIGESTS: Final = {
    "4.1.1": "o8GrFeusncwBIxbBynRJpY4pkgVB6caM+JLpwrLYbbsO7dZ8FJ+SVN2Fr+L7kiG/Z6w4P5O0Jus/Qr5EefHVeg==",
}
"""SHA-512 of the package by version, as the registry tells it: read it once, then pin it here."""
TARGET: Final = Path(__file__).parents[1] / "bnviz" / "ui" / "vendor"
FILES: Final = {"plotly-cartesian.min.js": "plotly-cartesian.min.js", "LICENSE": "plotly-cartesian.LICENSE.txt"}


def version(path: Path) -> str:
    """The version of Plotly's JavaScript that a bundle names in its head."""
    with path.open(encoding="utf-8") as file:
        found = re.search(r"v(\d+\.\d+\.\d+)", file.read(200))
    if found is None:
        raise ValueError(f"{path} names no version")
    return found[1]


def main() -> None:
    wanted = version(Path(str(distribution("plotly").locate_file("plotly/package_data/plotly.min.js"))))
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--ignore-scripts", f"{BUNDLE}@{wanted}"], cwd=folder, check=True)
        package = next(Path(folder).glob("*.tgz"))
        digest = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
        if digest != DIGESTS.get(wanted):
            raise SystemExit(f"{BUNDLE} {wanted} has SHA-512 {digest}: not what is pinned")
        TARGET.mkdir(exist_ok=True)
        with tarfile.open(package) as archive:
            for member, name in FILES.items():
                content = archive.extractfile(f"package/{member}")
                assert content is not None
                with content, (TARGET / name).open("wb") as target:
                    shutil.copyfileobj(content, target)
    print(f"{TARGET}: Plotly {wanted}")


if __name__ == "__main__":
    main()
