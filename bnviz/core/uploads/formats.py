"""Files that are neither a table of text nor NumPy's: what they are is said, with the line of Python that converts them.

Nothing of them is read.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import Final

from bnviz.core.uploads.upload import listed, literal
from bnviz.errors import Phrase, UploadError, shortened
from bnviz.i18n import N_

ZIP: Final = b"PK\x03\x04"
PORTABLE: Final = tuple(b"P%d%c" % (number, space) for number in range(1, 7) for space in b" \r\n")  # PGM and its kin
SAMPLE_LINES: Final = 50


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file that people have, and how it becomes one that is read."""

    name: str
    code: str
    """Python in which `{file}` stands for the file's name."""
    beginnings: tuple[bytes, ...] = ()
    """How such files begin."""
    suffixes: tuple[str, ...] = ()
    """What they are called, for those that are archives."""

    def refusal(self, filename: str) -> UploadError:
        """What the visitor is told."""
        return UploadError(
            N_("This is {format}. These lines of Python turn it into a file that can be read here: {code}"),
            format=Phrase(self.name),
            code=self.code.replace("{file}", literal(shortened(filename))),
        )


def _by_pandas(reading: str) -> str:
    return f'import pandas as pd; pd.{reading}.to_csv("data.csv", index=False)'


WORKBOOK: Final = Format(
    N_("a workbook (its own program saves a sheet as CSV, too)"),
    _by_pandas("read_excel({file})"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",),
    ("xlsx", "xlsm", "ods"),
)
TORCH: Final = Format(
    N_("a file of PyTorch, which holds pickled objects: they are never loaded here"),
    'import numpy as np, torch; np.save("data.npy", torch.load({file}, weights_only=True).numpy())',
    suffixes=("pt", "pth", "ckpt"),
)
JSON: Final = Format(N_("JSON"), _by_pandas("read_json({file})"))
JSON_LINES: Final = Format(N_("JSON, a record on each line"), _by_pandas("read_json({file}, lines=True)"))
PRINTED: Final = Format(
    N_("an array as Python prints it, in which numbers may be rounded or left out; save the array itself"),
    'import numpy as np; np.save("data.npy", array)',
)
LIBSVM: Final = Format(
    N_("LIBSVM's format, pairs of a column's number and its value"),
    "import numpy as np; from sklearn.datasets import load_svmlight_file; X, y = load_svmlight_file({file}); "
    'np.savez("data.npz", X=X.toarray(), y=y)',
)
FORMATS: Final = (
    WORKBOOK,
    TORCH,
    Format(N_("a Parquet table"), _by_pandas("read_parquet({file})"), (b"PAR1",)),
    Format(N_("a Feather table"), _by_pandas("read_feather({file})"), (b"ARROW1", b"FEA1")),
    Format(N_("a Stata table"), _by_pandas("read_stata({file})"), (b"<stata_dta>",)),
    Format(N_("an SPSS table"), _by_pandas("read_spss({file})"), (b"$FL2@(#)",)),
    Format(
        N_("an HDF5 file"),
        'import h5py, numpy as np; file = h5py.File({file}); print(list(file)); np.savez("data.npz", X=file["X"][:], y=file["y"][:])',
        (b"\x89HDF\r\n",),
    ),
    Format(
        N_("a MATLAB file"),
        "import numpy as np, scipy.io; file = scipy.io.loadmat({file}); print(list(file)); "
        'np.savez("data.npz", X=file["X"], y=file["y"].ravel())',
        (b"MATLAB 5.0 MAT-file",),
    ),
    Format(
        N_("a pickle, which would have to be executed: it is never loaded here"),
        'import numpy as np, pandas as pd; np.save("data.npy", np.asarray(pd.read_pickle({file}), dtype=float))',
        tuple(bytes([0x80, version]) for version in range(2, 6)),
    ),
    Format(
        N_("a packed file"),
        'import gzip; open("data.csv", "wb").write(gzip.open({file}).read())',
        (b"\x1f\x8b",),
    ),
    Format(
        N_("a packed file"),
        'import shutil; shutil.unpack_archive({file}, "data")',
        (b"BZh", b"\xfd7zXZ\0", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a"),
        ("zip",),
    ),
    Format(
        N_("a picture"),
        'import numpy as np; from PIL import Image; np.save("data.npy", np.asarray(Image.open({file})))',
        (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"RIFF", *PORTABLE),
    ),
    Format(
        N_("a database"),
        'import pandas as pd, sqlite3; pd.read_sql("SELECT * FROM …", sqlite3.connect({file})).to_csv("data.csv", index=False)',
        (b"SQLite format 3\0",),
    ),
)
PAIRS: Final = re.compile(r"[+-]?[\d.,]+((?:\s+\d+:[+-]?[\d.eE+-]+)*)\s*(?:#.*)?")


def refuse_foreign(filename: str, suffix: str, content: bytes) -> None:
    """Raises: UploadError for what begins as another format does, or is called so and no archive that can be opened."""
    broken = content.startswith(ZIP) and not zipfile.is_zipfile(BytesIO(content))
    for known in FORMATS:
        if content.startswith(known.beginnings) or (broken and suffix in known.suffixes):
            raise known.refusal(filename)


def refuse_archive(filename: str, members: Sequence[str]) -> None:
    """Raises: UploadError for an archive that holds something, and no array."""
    if "[Content_Types].xml" in members or "content.xml" in members:
        raise WORKBOOK.refusal(filename)
    if any(member.endswith("/data.pkl") for member in members):
        raise TORCH.refusal(filename)
    if members:
        raise UploadError(
            N_("This is a packed folder with {names}. Unpack it, and choose the file with the numbers."),
            names=listed(members),
        )


def refuse_text(filename: str, text: str) -> None:
    """Raises: UploadError for text that is written in another way than a table is."""
    text = text.strip()
    lines = list(islice((line for line in text.splitlines() if line.strip() and line[0] != "#"), SAMPLE_LINES))
    if not lines:
        return
    if re.match(r"<[!?a-zA-Z]", text):
        raise UploadError(
            N_(
                "This is a web page or XML: perhaps what a server said in place of the file. Open it in an editor, and download the "
                "file itself."
            )
        )
    if text[0] in "[{" and text[-1] in "]}":
        if _is_json(lines[0]) and len(lines) > 1:
            raise JSON_LINES.refusal(filename)
        raise (JSON if _is_json(text) else PRINTED).refusal(filename)
    if re.match(r"(?:tensor|array)\(", text) and text[-1] == ")":
        raise PRINTED.refusal(filename)
    pairs = [PAIRS.fullmatch(line) for line in lines]
    if all(pairs) and any(found and found[1].count(":") > 1 for found in pairs):
        raise LIBSVM.refusal(filename)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
