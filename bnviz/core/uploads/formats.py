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

from bnviz.core.uploads.encodings import BOMS, CONTROL
from bnviz.core.uploads.upload import listed, literal
from bnviz.errors import Phrase, UploadError, shortened
from bnviz.i18n import N_

ZIP: Final = b"PK\x03\x04"
NUMPY: Final = b"\x93NUMPY"
PORTABLE: Final = tuple(b"P%d%c" % (number, end) for number in range(1, 7) for end in b"\r\n")  # PGM and its kin
SAMPLE_BYTES: Final = 1000
SAMPLE_LINES: Final = 50


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file that people have, and how it becomes one that is read."""

    name: str
    code: str
    """Source in which `{file}` stands for the file's name, and `{inner}` for it without its last suffix."""
    beginnings: tuple[bytes, ...] = ()
    """How such files begin, where they are no text."""
    suffixes: tuple[str, ...] = ()
    """What they are called, where they are no text: not all formats have a beginning of their own."""
    text: tuple[bytes, ...] = ()
    """How such files begin, text or not."""
    language: str = "Python"
    """In which `code` is written."""

    def refusal(self, filename: str) -> UploadError:
        """What the visitor is told."""
        names = {"{file}": filename, "{inner}": filename.rpartition(".")[0] or "data"}
        return UploadError(
            N_("This is {format}. These lines of {language} turn it into a file that can be read here: {code}"),
            format=Phrase(self.name),
            language=self.language,
            code=re.sub(r"\{(?:file|inner)\}", lambda found: literal(shortened(names[found[0]])), self.code),
        )

    def is_called(self, filename: str) -> bool:
        """Whether the name says that a file is of this kind."""
        return filename.lower().endswith(tuple(f".{suffix}" for suffix in self.suffixes))


def _by_pandas(reading: str) -> str:
    return f'import pandas as pd; pd.{reading}.to_csv("data.csv", index=False)'


def _as_array(imports: str, array: str) -> str:
    return f'import numpy as np, {imports}; np.save("data.npy", {array})'


def _by_rows(imports: str, rows: str) -> str:
    return f'import csv, {imports}; csv.writer(open("data.csv", "w", newline="")).writerows({rows})'


def _by_module(module: str) -> str:
    return f'import {module}; open({{inner}}, "wb").write({module}.open({{file}}).read())'


WORKBOOK: Final = Format(
    N_("a workbook (its own program saves a sheet as CSV, too)"),
    _by_pandas("read_excel({file})"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",),
    ("xls", "xlsx", "xlsm", "xlsb", "ods"),
)
NUMBERS: Final = Format(
    N_("a table of Apple's Numbers (which exports CSV, too)"),
    _by_rows("numbers_parser", "numbers_parser.Document({file}).sheets[0].tables[0].rows(values_only=True)"),
    suffixes=("numbers",),
)
DOCUMENT: Final = Format(
    N_("a document of a word processor"),
    _by_rows("docx", "[[cell.text for cell in row.cells] for row in docx.Document({file}).tables[0].rows]"),
    suffixes=("docx", "odt"),
)
TORCH: Final = Format(
    N_("a file of PyTorch, which holds pickled objects: they are never loaded here"),
    _as_array("torch", "torch.load({file}, weights_only=True).numpy()"),
    suffixes=("pt", "pth", "ckpt"),
)
PACKED: Final = N_("a packed file")
ZIPPED: Final = Format(PACKED, 'import shutil; shutil.unpack_archive({file}, "data")', suffixes=("zip",))
JSON: Final = Format(N_("JSON"), _by_pandas("read_json({file})"))
JSON_LINES: Final = Format(N_("JSON, a record on each line"), _by_pandas("read_json({file}, lines=True)"))
YAML: Final = Format(
    N_("YAML"),
    'import pandas as pd, yaml; pd.DataFrame(yaml.safe_load(open({file}, encoding="utf-8"))).to_csv("data.csv", index=False)',
)
TOML: Final = Format(
    N_("TOML"),
    'import pandas as pd, tomllib; file = tomllib.load(open({file}, "rb")); print(list(file)); '
    'pd.DataFrame(file["data"]).to_csv("data.csv", index=False)',
)
LATEX: Final = Format(
    N_("a table of LaTeX"),
    _by_rows(
        "pathlib",
        r'[[cell.strip() for cell in line.split(r"\\")[0].split("&")] for line in '
        'pathlib.Path({file}).read_text(encoding="utf-8").splitlines() if "&" in line]',
    ),
)
HTML: Final = Format(N_("a web page with a table"), _by_pandas("read_html({file})[0]"))
XML: Final = Format(N_("XML"), _by_pandas("read_xml({file})"))
SQL: Final = Format(
    N_("a list of SQL commands"),
    'import pandas as pd, sqlite3; base = sqlite3.connect(":memory:"); base.executescript(open({file}).read()); '
    'pd.read_sql("SELECT * FROM …", base).to_csv("data.csv", index=False)',
)
R_SOURCE: Final = Format(
    N_("an object as R writes it"),
    'write.csv(eval(parse({file})), "data.csv", row.names = FALSE)',
    language="R",
)
POINTER: Final = Format(
    N_("a pointer of Git LFS to the file, in place of the file itself"), "git lfs pull", language="Git"
)
MATRIX_MARKET: Final = Format(
    N_("a matrix in the format Matrix Market"),
    "import numpy as np, scipy.io; matrix = scipy.io.mmread({file}); "
    'np.save("data.npy", matrix.toarray() if hasattr(matrix, "toarray") else matrix)',
)
PRINTED: Final = Format(
    N_("an array or a table as programs print it, in which numbers may be rounded or left out; save the array itself"),
    'import numpy as np; np.save("data.npy", array)',
)
LIBSVM: Final = Format(
    N_("LIBSVM's format, pairs of a column's number and its value"),
    "import numpy as np; from sklearn.datasets import load_svmlight_file; X, y = load_svmlight_file({file}); "
    'np.savez("data.npz", X=X.toarray(), y=y)',
)
VOWPAL_WABBIT: Final = Format(
    N_("Vowpal Wabbit's format, in which each line names its features"),
    "import pandas as pd; lines = [line.split('|') for line in open({file}) if line.strip()]; "
    "pd.DataFrame([{'class': [*label.split(), 0][0], **{part.split(' ')[0] + pair.partition(':')[0]: "
    "float(pair.partition(':')[2] or 1) for part in parts for pair in part.split()[not part.startswith(' '):]}} "
    "for label, *parts in lines]).fillna(0).to_csv('data.csv', index=False)",
)
MESH: Final = Format(
    N_("a mesh or a grid of points"),
    'import meshio, numpy as np; mesh = meshio.read({file}); print(mesh.point_data); np.save("data.npy", mesh.points)',
    text=(b"# vtk DataFile", b"ply\n", b"ply\r"),
)
SPECTRUM: Final = Format(
    N_("a spectrum in the format JCAMP-DX"),
    'import jcamp, numpy as np; file = jcamp.readfile({file}); np.save("data.npy", np.stack([file["x"], file["y"]], axis=-1))',
    text=(b"##TITLE=", b"##title="),
)
GNUPLOT: Final = Format(
    N_("a script of gnuplot; the numbers are what it plots"), 'set table "data.csv"; load {file}', language="gnuplot"
)
SPARSE_ARFF: Final = Format(
    N_("sparse ARFF, in which only what is not 0 is written"),
    'import arff, pandas as pd; file = arff.load(open({file}, encoding="utf-8"), encode_nominal=True, return_type=arff.LOD); '
    'table = pd.DataFrame(list(file["data"]), columns=range(len(file["attributes"]))).fillna(0); '
    'table.to_csv("data.csv", index=False, header=[name for name, _ in file["attributes"]])',
)
WEIGHTED_ARFF: Final = Format(
    N_("ARFF whose rows have weights, which count for nothing here: every row is drawn alike"),
    'import pathlib, re; text = pathlib.Path({file}).read_text(encoding="utf-8"); '
    r'pathlib.Path("data.arff").write_text(re.sub(r",\s*\x7b[^,]*$", "", text, flags=re.MULTILINE), encoding="utf-8")',
)
TIME_SERIES: Final = Format(
    N_("a file of time series as sktime keeps them"),
    _by_rows(
        "pathlib",
        '[line.strip().replace(":", ",").split(",") for line in pathlib.Path({file}).read_text(encoding="utf-8").splitlines() '
        'if line.strip() and line.strip()[0] not in "#@"]',
    ),
)
POINT_CLOUD: Final = Format(
    N_("a point cloud of PCL in binary"),
    _as_array("open3d", "np.asarray(open3d.io.read_point_cloud({file}).points)"),
    (b"# .PCD", b"VERSION 0.", b"VERSION ."),
    ("pcd",),
)
FORMATS: Final = (
    POINT_CLOUD,
    MESH,
    SPECTRUM,
    WORKBOOK,
    NUMBERS,
    DOCUMENT,
    TORCH,
    Format(
        DOCUMENT.name,
        'from striprtf.striprtf import rtf_to_text; open("data.csv", "w").write(rtf_to_text(open({file}).read()))',
        text=(rb"{\rtf",),
    ),
    Format(N_("a Parquet table"), _by_pandas("read_parquet({file})"), (b"PAR1",), ("parquet",)),
    Format(N_("a Feather table"), _by_pandas("read_feather({file})"), (b"ARROW1", b"FEA1"), ("feather",)),
    Format(
        N_("a stream of Apache Arrow"),
        'import pyarrow as pa; pa.ipc.open_stream({file}).read_pandas().to_csv("data.csv", index=False)',
        (b"\xff\xff\xff\xff",),
        ("arrow", "arrows"),
    ),
    Format(N_("an ORC table"), _by_pandas("read_orc({file})"), (b"ORC",), ("orc",)),
    Format(
        N_("an Avro table"),
        'import fastavro, pandas as pd; pd.DataFrame(fastavro.reader(open({file}, "rb"))).to_csv("data.csv", index=False)',
        (b"Obj\x01",),
        ("avro",),
    ),
    Format(N_("a Stata table"), _by_pandas("read_stata({file})"), (b"<stata_dta>",), ("dta",)),
    Format(N_("an SPSS table"), _by_pandas("read_spss({file})"), (b"$FL2@(#)", b"$FL3@(#)"), ("sav", "zsav")),
    Format(
        N_("an SPSS table"),
        'import pyreadstat; pyreadstat.read_por({file})[0].to_csv("data.csv", index=False)',
        text=(b"ASCII SPSS PORT",),
    ),
    Format(
        N_("a SAS table"), _by_pandas("read_sas({file})"), suffixes=("sas7bdat", "xpt"), text=(b"HEADER RECORD*****",)
    ),
    Format(
        N_("a file of R"),
        'import pyreadr; next(iter(pyreadr.read_r({file}).values())).to_csv("data.csv", index=False)',
        (b"X\n\0\0\0",),
        ("rds", "rda", "rdata"),
        (b"RDX2\n", b"RDX3\n", b"RDA2\n", b"RDA3\n"),
    ),
    Format(
        N_("an HDF5 file"),
        'import h5py, numpy as np; file = h5py.File({file}); print(list(file)); np.savez("data.npz", X=file["X"][:], y=file["y"][:])',
        (b"\x89HDF\r\n",),
        ("h5", "hdf5"),
        (b"MATLAB 7.3 MAT-file",),
    ),
    Format(
        N_("a NetCDF file"),
        'import xarray; xarray.open_dataset({file}).to_dataframe().to_csv("data.csv")',
        (b"CDF\x01", b"CDF\x02", b"CDF\x05"),
        ("nc",),
    ),
    Format(
        N_("a MATLAB file"),
        "import numpy as np, scipy.io; file = scipy.io.loadmat({file}); print(list(file)); "
        'np.savez("data.npz", X=file["X"], y=file["y"].ravel())',
        (b"MATLAB 5.0 MAT-file",),
        ("mat",),
    ),
    Format(
        N_("a pickle, which would have to be executed: it is never loaded here"),
        _as_array("pandas as pd", "np.asarray(pd.read_pickle({file}), dtype=float)"),
        tuple(bytes([0x80, version]) for version in range(2, 6)),
        ("pkl", "pickle", "joblib"),
        (b"(lp0\n", b"(dp0\n", b"cnumpy.", b"cnumpy\n", b"ccopy_reg\n", b"cpandas."),
    ),
    Format(
        N_("a file of safetensors"),
        'import numpy as np; from safetensors.numpy import load_file; np.savez("data.npz", **load_file({file}))',
        suffixes=("safetensors",),
    ),
    Format(
        N_("a file of TensorFlow's records"),
        "import numpy as np, tensorflow as tf; records = [tf.train.Example.FromString(record.numpy()).features.feature "
        'for record in tf.data.TFRecordDataset({file})]; np.save("data.npy", [[value for name in sorted(record) '
        "for value in record[name].float_list.value] for record in records])",
        suffixes=("tfrecord", "tfrecords"),
    ),
    Format(
        N_("a message of Protocol Buffers, which only the program that wrote it can read; save the array there"),
        PRINTED.code,
        suffixes=("pb", "onnx"),
    ),
    Format(
        N_("an array in the format IDX, as MNIST is"),
        'import numpy as np; data = open({file}, "rb").read(); shape = np.frombuffer(data, ">i4", data[3], 4); '
        'np.save("data.npy", np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape))',
        tuple(b"\0\0\x08%c" % axes for axes in range(1, 5)),
    ),
    Format(PACKED, ZIPPED.code, suffixes=("tar", "tgz", "tar.gz", "tar.bz2", "tar.xz")),
    Format(PACKED, _by_module("gzip"), (b"\x1f\x8b",)),
    Format(PACKED, _by_module("bz2"), (b"BZh",)),
    Format(PACKED, _by_module("lzma"), (b"\xfd7zXZ\0",), ("lzma",)),
    Format(
        PACKED,
        'import zstandard; zstandard.ZstdDecompressor().copy_stream(open({file}, "rb"), open({inner}, "wb"))',
        text=(b"\x28\xb5\x2f\xfd",),
    ),
    Format(PACKED, 'import py7zr; py7zr.SevenZipFile({file}).extractall("data")', (b"7z\xbc\xaf\x27\x1c",)),
    Format(PACKED, 'import rarfile; rarfile.RarFile({file}).extractall("data")', (b"Rar!\x1a",)),
    ZIPPED,
    Format(N_("a sound"), _as_array("scipy.io.wavfile", "scipy.io.wavfile.read({file})[1]"), suffixes=("wav",)),
    Format(
        N_("a picture"),
        _as_array("PIL.Image", "np.asarray(PIL.Image.open({file}))"),
        (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"II+\0", b"RIFF", b"BM"),
        ("bmp", "webp", "avif", "heic", "jp2", "ico"),
        PORTABLE,
    ),
    Format(N_("a medical picture"), _as_array("pydicom", "pydicom.dcmread({file}).pixel_array"), suffixes=("dcm",)),
    Format(N_("a medical picture"), _as_array("nibabel", "nibabel.load({file}).get_fdata()"), suffixes=("nii",)),
    Format(
        N_("a FITS file"),
        _as_array("astropy.io.fits", "np.asarray(astropy.io.fits.getdata({file}), dtype=float)"),
        text=(b"SIMPLE  =",),
    ),
    Format(
        N_("a PDF document"),
        _by_rows("pdfplumber", "pdfplumber.open({file}).pages[0].extract_table()"),
        text=(b"%PDF-",),
    ),
    Format(
        N_("a database"),
        'import pandas as pd, sqlite3; pd.read_sql("SELECT * FROM …", sqlite3.connect({file})).to_csv("data.csv", index=False)',
        (b"SQLite format 3\0",),
    ),
)
PAIRS: Final = re.compile(r"[+-]?[\d.,]+((?:\s+(?:\d+|qid):[+-]?[\d.eE+-]+)*)\s*(?:#.*)?")
WABBIT_LABEL: Final = re.compile(r"[+-]?\d[\d.:]*|'\S*")
WABBIT_FEATURE: Final = re.compile(r"[^:]+(?P<value>:[+-]?\d[\d.eE+-]*)?")
GNUPLOT_LINE: Final = re.compile(r"s?plot\s|\$\w+\s*<<|(?:re|un)?set\b")
GNUPLOT_PLOT: Final = re.compile(r"""\s*s?plot\s+(?:\[[^\]]*\]\s*)*(?:['"$<]|\w+\()""")
OBJ_LINE: Final = re.compile(r"(?:v[tn]?(?:\s+[+-]?[\d.eE+-]+){2,6}|(?:f|l|o|g|s|mtllib|usemtl)\s.*)\s*")
OBJ_FACE: Final = re.compile(r"^f(?:\s+\d[\d/]*){3,}\s*$", re.MULTILINE)
TIME: Final = re.compile(r"\s\d{1,2}:\d{2}(?!\S)")
YAML_LINE: Final = re.compile(r"""---|\s*-\s.*|\s*(?:-\s+)?(?:[^\W\d][\w .-]*|"[^"]*"|'[^']*'):(?:\s.*)?""")
YAML_SIGN: Final = re.compile(r"---|\s*-\s|[^:]+:\s*\[|\s+\w")
TOML_LINE: Final = re.compile(r"\[{1,2}[\w. -]+\]{1,2}")
R_LINE: Final = re.compile(r"(?:[\w.]+\s*<-\s*)?(?:structure|data\.frame|list|c|matrix|tibble)\(")
SOURCE_LINE: Final = re.compile(r"(?:tensor|array|DataFrame)\(|(?:\w+\s+){0,2}[\w.\[\]]+\s*=\s*(?:[\w.]+\()?[\[{(]")
TABLE_SIZE: Final = re.compile(r"\[\d+ rows x \d+ columns\]$|dtype: \w+$|^shape: \(\d+, \d+\)|^[┌╭┏]")
SQL_LINE: Final = re.compile(r"(?:create table|insert into)\b", re.IGNORECASE)


def refuse_foreign(filename: str, content: bytes) -> None:
    """Raises: UploadError for what begins as another format does, or is called so and is no text."""
    if content.startswith(NUMPY) or (content.startswith(ZIP) and zipfile.is_zipfile(BytesIO(content))):
        return
    beginning = content[:SAMPLE_BYTES]
    marked = any(beginning.startswith(mark) for mark, _ in BOMS[1:])
    binary = not marked and bool(CONTROL.search(beginning.decode("latin-1")))
    ways = [
        lambda known: content.startswith(known.text),
        lambda known: binary and known.is_called(filename),
        lambda known: binary and content.startswith(known.beginnings),
    ]
    for fits in ways:
        for known in filter(fits, FORMATS):
            raise known.refusal(filename)


def refuse_archive(filename: str, members: Sequence[str]) -> None:
    """Raises: UploadError for an archive that holds something, and no array."""
    if "word/document.xml" in members or DOCUMENT.is_called(filename):
        raise DOCUMENT.refusal(filename)
    if "[Content_Types].xml" in members or "content.xml" in members:
        raise WORKBOOK.refusal(filename)
    if "Index.zip" in members or any(member.endswith(".iwa") for member in members):
        raise NUMBERS.refusal(filename)
    if any(member.endswith("/data.pkl") for member in members):
        raise TORCH.refusal(filename)
    if members:
        raise UploadError(
            N_("This is a packed folder with {names}. Unpack it, and choose the file with the numbers: {code}"),
            names=listed([member for member in members if not member.startswith("__MACOSX/")]),
            code=ZIPPED.code.replace("{file}", literal(shortened(filename))),
        )


def refuse_text(filename: str, text: str) -> None:
    """Raises: UploadError for text that is written in another way than a table is."""
    text = text.strip()
    lines = list(islice((line for line in text.splitlines() if line.strip() and line[0] != "#"), SAMPLE_LINES))
    if not lines:
        return
    _refuse_marked_up(filename, text)
    if text[0] in "[{" and text[-1] in "]}":
        if TOML_LINE.fullmatch(lines[0].strip()) and len(lines) > 1 and "=" in lines[1]:
            raise TOML.refusal(filename)
        if _is_json(lines[0]) and len(lines) > 1:
            raise JSON_LINES.refusal(filename)
        raise (JSON if _is_json(text) else PRINTED).refusal(filename)
    if any(map(GNUPLOT_PLOT.match, lines)) and GNUPLOT_LINE.match(lines[0]):
        raise GNUPLOT.refusal(filename)
    if all(map(OBJ_LINE.fullmatch, lines)) and OBJ_FACE.search(text):
        raise MESH.refusal(filename)
    named = filename.lower().endswith(".vw") and all("|" in line for line in lines)
    if named or _is_vowpal_wabbit(lines):
        raise VOWPAL_WABBIT.refusal(filename)
    if R_LINE.match(text):
        raise R_SOURCE.refusal(filename)
    if SOURCE_LINE.match(text) or TABLE_SIZE.search(text):
        raise PRINTED.refusal(filename)
    pairs = [PAIRS.fullmatch(line) for line in lines]
    times = all(TIME.search(line) for line in lines)
    if all(pairs) and any(found and ":" in found[1] for found in pairs) and not times:
        raise LIBSVM.refusal(filename)
    if all(map(YAML_LINE.fullmatch, lines)) and any(map(YAML_SIGN.match, lines)) and ":" in text:
        raise YAML.refusal(filename)


def _refuse_marked_up(filename: str, text: str) -> None:
    """Raises: UploadError for text that says how it is written."""
    if text.startswith("version https://git-lfs"):
        raise POINTER.refusal(filename)
    if text.startswith("%%MatrixMarket"):
        raise MATRIX_MARKET.refusal(filename)
    lines = list(islice(text.splitlines(), SAMPLE_LINES))
    if any(line.lower().startswith("@problemname") for line in lines):
        raise TIME_SERIES.refusal(filename)
    if text.startswith((r"\begin{", r"\documentclass", r"\hline", r"\toprule")) or any(map(_is_latex, lines)):
        raise LATEX.refusal(filename)
    if any(map(SQL_LINE.match, lines)):
        raise SQL.refusal(filename)
    if re.match(r"<[!?a-zA-Z]", text):
        if re.search(r"<table\b", text, re.IGNORECASE):
            raise HTML.refusal(filename)
        if not re.search(r"<html\b|<!doctype html", text, re.IGNORECASE):
            raise XML.refusal(filename)
        raise UploadError(
            N_(
                "This is a web page: perhaps what a server said in place of the file. Open it in an editor, and download the "
                "file itself."
            )
        )


def _is_latex(line: str) -> bool:
    """Whether a line is a row of a table: cells, and a line break at their end or before a command."""
    return "&" in line and (line.rstrip().endswith("\\\\") or "\\\\ \\" in line or "\\\\\\" in line)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_vowpal_wabbit(lines: Sequence[str]) -> bool:
    """Whether each line is a number, a bar, and names of features, some with a value: `1 |f len:5.1 wid:3.5`."""
    valued = False
    for line in lines:
        label, bar, rest = line.partition("|")
        said = label.split()
        if not bar or len(said) > 4 or (said and not WABBIT_LABEL.fullmatch(said[0])):
            return False
        if line.count(" | ") > 1 and all(len(part.split()) < 2 for part in rest.split("|")):
            return False  # cells between bars
        features = [WABBIT_FEATURE.fullmatch(word) for part in rest.split("|") for word in part.split()]
        if not all(features):
            return False
        valued |= any(found and found["value"] and not found[0][0].isdigit() for found in features)
    return valued
