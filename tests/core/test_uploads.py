"""Uploads: what people's files are read as, what the page says about it, and that the handed-out Python reads them the same way."""

from __future__ import annotations

import contextlib
import gzip
import io
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, save_npz

from bnviz.core.uploads import Choice, Kind, open_upload
from bnviz.errors import UploadError
from tests.uploads import read_by_script, read_upload, said


def as_npy(array: NDArray[Any], *, allow_pickle: bool = False, version: tuple[int, int] | None = None) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asanyarray(array), version, allow_pickle)
    return stream.getvalue()


def as_npz(*unnamed: NDArray[Any], **arrays: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, *unnamed, **arrays)
    return stream.getvalue()


def saved(array: NDArray[Any], **options: Any) -> bytes:
    """What `np.savetxt` writes."""
    stream = io.StringIO()
    np.savetxt(stream, array, **options)
    return stream.getvalue().encode()


class File(NamedTuple):
    """A file, what it is taken for, and words of the sentence about it."""

    content: bytes | str
    values: Any
    says: tuple[str, ...] = ()
    kind: Kind = "table"
    name: str = "a.csv"
    choice: Choice | None = None

    @property
    def bytes(self) -> bytes:
        return self.content.encode() if isinstance(self.content, str) else self.content


TABLE = np.arange(12, dtype=np.float64).reshape(4, 3) / 4
ROWS = [[5.1, 3.5], [4.9, 3.0], [4.7, 3.2]]
LABELLED = [[5.1, 3.5, 0], [4.9, 3.0, 1], [4.7, 3.2, 0]]
FRAME = pd.DataFrame(ROWS, columns=["len", "wid"])
IRIS = FRAME.assign(cls=["a", "b", "a"])
GREY = np.linspace(0, 1, 9 * 12).reshape(9, 12)
COLOUR = np.random.default_rng(0).integers(0, 256, (2, 8, 10, 3)).astype(np.uint8)


def scaled(images: NDArray[Any]) -> NDArray[np.float32]:
    images = images.astype(np.float64)
    return ((images - images.min()) / np.ptp(images)).astype(np.float32)


READ = {
    # An index column, however it is called.
    "pandas' index": File(
        IRIS.to_csv(),
        LABELLED,
        (
            "3 rows; 2 features: len, wid; class column cls: a 2, b 1; left out: the index column, which counts the rows",
        ),
        "classes",
    ),
    "pandas' index in a table": File(FRAME.to_csv(), ROWS, ("2 features: len, wid", "left out: the index column")),
    "pandas' index from 1": File(",len,wid\n1,5.1,3.5\n2,4.9,3\n3,4.7,3.2\n", ROWS, ("left out: the index column",)),
    "pandas' index read and written again": File(
        "Unnamed: 0,len,wid\n0,5.1,3.5\n1,4.9,3\n2,4.7,3.2\n", ROWS, ("left out: Unnamed: 0 (the index column",)
    ),
    "two generations of indices": File(
        ",Unnamed: 0,len,wid\n0,0,5.1,3.5\n1,1,4.9,3\n2,2,4.7,3.2\n", ROWS, ("2 features: len, wid",)
    ),
    "pandas' index after a shuffle": File(
        ",len,wid\n73,5.1,3.5\n18,4.9,3\n118,4.7,3.2\n", ROWS, ("left out: the index column, a number or name",)
    ),
    "Kaggle's Id": File(
        "Id,len,wid,Species\n1,5.1,3.5,a\n2,4.9,3,b\n3,4.7,3.2,a\n",
        LABELLED,
        ("class column Species: a 2, b 1", "left out: Id (the index column"),
        "classes",
    ),
    "R's write.csv": File('"","len","wid"\n"1",5.1,3.5\n"2",4.9,3\n"3",4.7,3.2\n', ROWS, ("left out: the index",)),
    "R's write.table": File(
        '"len" "wid" "cls"\n"1" 5.1 3.5 "a"\n"2" 4.9 3 "b"\n"7" 4.7 3.2 "a"\n',
        LABELLED,
        ("separated by spaces", "left out: the index"),
        "classes",
    ),
    "names of rows": File(",len,wid\nMazda,5.1,3.5\nDatsun,4.9,3\nHornet 4,4.7,3.2\n", ROWS, ("left out: the index",)),
    "an index on demand": File(
        FRAME.to_csv(), [[0, 5.1, 3.5], [1, 4.9, 3], [2, 4.7, 3.2]], ("3 features",), choice=Choice(None, ())
    ),
    "a titled column that counts stays": File(
        "t,len,cls\n1,5,a\n2,6,b\n3,8,a\n", [[1, 5, 0], [2, 6, 1], [3, 8, 0]], ("Column t counts the rows",), "classes"
    ),
    "a lone column that counts stays": File("0\n1\n2\n3\n", [[0], [1], [2], [3]], ("one feature: 1",)),
    # Titles.
    "no titles": File("5.1,3.5\n4.9,3.0\n4.7,3.2\n", ROWS, ("without titles", "features: 1, 2")),
    "pandas' numbers as titles": File(pd.DataFrame(ROWS).to_csv(index=False), ROWS, ("with titles", "features: 0, 1")),
    "pandas' numbers and index": File(pd.DataFrame(ROWS).to_csv(), ROWS, ("features: 0, 1; left out: the index",)),
    "numbers as titles above a class": File(
        "0,1,2\n5.1,3.5,a\n4.9,3,b\n4.7,3.2,a\n", LABELLED, ("3 rows", "class column 2: a 2, b 1"), "classes"
    ),
    "numbers as titles above a class in numbers": File(
        "0,1,2\n5.1,3.5,0\n4.9,3,1\n4.7,3.2,0\n", LABELLED, ("3 rows", "class column 2: 0 2, 1 1"), "classes"
    ),
    "digits under numbers": File(pd.DataFrame(np.eye(7, dtype=int)).to_csv(index=False), np.eye(7), ("7 rows",)),
    "years as titles": File(
        "2019,2020,2021\n1.5,2.5,3.5\n2.5,3.5,1.5\n0.5,1.5,2.5\n",
        [[1.5, 2.5, 3.5], [2.5, 3.5, 1.5], [0.5, 1.5, 2.5]],
        ("3 rows; 3 features: 2019, 2020, 2021",),
    ),
    "years beside words": File(
        "country,2019,2020\nA,1.5,2.5\nB,2.5,3.5\nC,1,1.5\n", [[1.5, 2.5], [2.5, 3.5], [1, 1.5]], ("2019, 2020",)
    ),
    "wavelengths as titles": File(
        "400,410,420,cls\n0.5,0.3,0.1,a\n0.4,0.3,0.2,b\n0.4,0.2,0.4,a\n0.5,0.1,0.1,b\n",
        [[0.5, 0.3, 0.1, 0], [0.4, 0.3, 0.2, 1], [0.4, 0.2, 0.4, 0], [0.5, 0.1, 0.1, 1]],
        ("features: 400, 410, 420; class column cls",),
        "classes",
    ),
    "numbers from 1 as titles": File(
        "1,2,3\n5.1,3.5,0\n4.9,3,1\n4.7,3.2,0\n", LABELLED, ("3 rows", "class column 3: 0 2, 1 1"), "classes"
    ),
    "years that are values": File("2001,2002\n2003,2005\n2004,2009\n", [[2001, 2002], [2003, 2005], [2004, 2009]]),
    "rows that count on from 1": File("1,2,3\n4,5,6\n7,8,9\n10,11,12\n", 1 + np.arange(12).reshape(4, 3), ("4 rows",)),
    "rows that happen to begin with 0, 1": File("0,1\n1,0\n1,1\n0,0\n", [[0, 1], [1, 0], [1, 1], [0, 0]], ("4 rows",)),
    "rows that count on": File("0,1,2\n3,4,5\n6,7,8\n", np.arange(9).reshape(3, 3), ("3 rows",)),
    "quoted titles with a comma": File(
        '"len, cm",wid,cls\n5.1,3.5,a\n4.9,3,b\n4.7,3.2,a\n', LABELLED, ("2 features: len, cm, wid",), "classes"
    ),
    **{
        f"titles that begin as {title} does": File(f"{title} wid\n5.1 3.5\n4.9 3\n4.7 3.2\n", ROWS, (title,))
        for title in ("BM", "ORC", "PAR1", "P2", "RIFF", "BZh", "X", "CDF")
    },
    "titles of two lines": File('"len\ncm",wid\n5.1,3.5\n4.9,3\n4.7,3.2\n', ROWS, ("len�cm",)),
    "titles twice": File("x,x\n5.1,3.5\n4.9,3\n4.7,3.2\n", ROWS, ("x [1], x [2]",)),
    "a title as long as a page": File("x" * 30_000 + ",b\n1,2\n3,4\n", [[1, 2], [3, 4]], ("2 features",)),
    "titles that look like ours": File(
        "a,a,a [1],,[4]\n5.1,3.5,1,2,7\n4.9,3,1,3,9\n4.7,3.2,4,4,8\n",
        [[5.1, 3.5, 1, 2, 7], [4.9, 3, 1, 3, 9], [4.7, 3.2, 4, 4, 8]],
        ("a [1]′, a [2], a [1], [4]′, [4]",),
    ),
    "a title is missing": File("len,\n5.1,3.5\n4.9,3\n4.7,3.2\n", ROWS, ("len, [2]",)),
    "Chinese titles": File(
        "长,宽,类别\n5.1,3.5,甲\n4.9,3,乙\n4.7,3.2,甲\n",
        [[5.1, 3.5, 1], [4.9, 3, 0], [4.7, 3.2, 1]],
        ("features: 长, 宽; class column 类别: 乙 1, 甲 2",),
        "classes",
    ),
    # Separators and decimal signs.
    "semicolons beside commas that are no decimal ones": File(
        "p;x;y\n12,5%;1,5;1\n13,5‰;2,5;3\n", [[1.5, 1], [2.5, 3]], ("Line 2, column p: 12,5% is not read", "semicolons")
    ),
    "semicolons": File("len;wid\n5.1;3.5\n4.9;3\n4.7;3.2\n", ROWS, ("separated by semicolons",)),
    "tabs": File("len\twid\n5.1\t3.5\n4.9\t3\n4.7\t3.2\n", ROWS, ("separated by tabs",), name="a.tsv"),
    "bars": File("5.1|3.5\n4.9|3\n4.7|3.2\n", ROWS, ("separated by vertical bars",)),
    "colons": File("len:wid:cls\n5.1:3.5:a\n4.9:3:b\n4.7:3.2:a\n", LABELLED, ("separated by colons",), "classes"),
    "colons twice": File("5.1::3.5\n4.9::3\n4.7::3.2\n", ROWS, ("left out: 2 (an empty column)",)),
    "circumflexes": File("len^wid\n5.1^3.5\n4.9^3\n4.7^3.2\n", ROWS, ("separated by circumflexes",)),
    "tildes": File("len~wid\n5,1~3,5\n4,9~3\n4,7~3,2\n", ROWS, ("separated by tildes", "decimal comma")),
    "times beside numbers": File("time,len\n12:30,5\n12:31,6\n", [[5], [6]], ("left out: time (dates or times)",)),
    "tabs in some lines": File("len wid\n5.1 3.5\n4.9\t3.0\n4.7  3.2\n", ROWS, ("separated by spaces",)),
    "spaces, and tabs before names": File(
        '18.0   8   307.0\t"chevrolet one"\n15.0   6   350.0\t"buick two"\n',
        [[18, 8, 307], [15, 6, 350]],
        ("left out: 4",),
    ),
    "tabs beside missing numbers": File(
        "a\tb\tc\n1\t2\t\n3\t4\t\n", [[1, 2], [3, 4]], ("left out: c (an empty column)",)
    ),
    "tabs beside spaces in words": File("Iris setosa\t5.1\t3.5\nIris virginica\t4.9\t3\n", ROWS[:2], ("tabs",)),
    "titles of two words above printed columns": File(
        "   sepal len (cm)  sepal wid (cm)\n0             5.1             3.5\n1             4.9             3.0\n"
        "2             4.7             3.2\n",
        ROWS,
        ("2 features: sepal len (cm), sepal wid (cm); left out: the index",),
    ),
    "properties before titles": File(
        "Measurement\t\nVersion\t2\n***End***\t\n\nlen\twid\n5.1\t3.5\n4.9\t3\n4.7\t3.2\n",
        ROWS,
        ("features: len, wid; left out: Measurement, Version, 2, ***End*** (above the table)",),
    ),
    "full-width spaces": File("长\u3000宽\n5.1\u30003.5\n4.9\u30003\n4.7\u30003.2\n", ROWS, ("separated by spaces",)),
    "single quotation marks": File(
        "'len','wid','cls'\n'5.1','3.5','a'\n'4.9','3','b, c'\n'4.7','3.2','a'\n", LABELLED, ("a 2, b, c 1",), "classes"
    ),
    "apostrophes in words": File("x,y,cls\n5.1,3.5,it's\n4.9,3,so\n4.7,3.2,it's\n", LABELLED, ("it's 2",), "classes"),
    "separators at the end of rows below titles": File(
        "len,wid\n5.1,3.5,\n4.9,3,\n4.7,3.2,\n", ROWS, ("left out: an empty column",)
    ),
    "one column and pandas' index": File(",x\n0,5\n1,2\n2,4\n", [[5], [2], [4]], ("3 rows; one feature: x",)),
    "spaces in columns": File(" len  wid\n 5.1  3.5 \n 4.9  3.0\n 4.7  3.2\n", ROWS, ("separated by spaces",)),
    "np.savetxt": File(saved(np.array(ROWS)), ROWS, ("separated by spaces",), name="a.txt"),
    "np.savetxt with titles": File(saved(np.array(ROWS), header="len wid"), ROWS, ("features: len, wid",)),
    "np.savetxt with a remark": File(
        saved(np.array(ROWS), delimiter=",", header="measured on a Monday in May"),
        ROWS,
        ("left out: measured on a Monday in… (a comment)",),
    ),
    "decimal commas": File(
        "len;wid;cls\n5,1;3,5;a\n4,9;3,0;b\n4,7;3,2;a\n",
        LABELLED,
        ("decimal comma", "separated by semicolons"),
        "classes",
    ),
    "decimal commas and tabs": File("5,1\t3,5\n4,9\t3\n4,7\t3,2\n", ROWS, ("decimal comma",)),
    "decimal commas and spaces": File("5,1 3,5\n4,9 3,0\n4,7 3,2\n", ROWS, ("decimal comma",)),
    "decimal commas from line 400 on": File("1;2\n" * 400 + "1,5;2\n", [[1, 2]] * 400 + [[1.5, 2]], ("decimal comma",)),
    "Excel's word for its separator": File("sep=;\nlen;wid\n5.1;3.5\n4.9;3\n4.7;3.2\n", ROWS, ("semicolons",)),
    "separators at the end of the line": File(
        "len,wid,\n5.1,3.5,\n4.9,3,\n4.7,3.2,\n", ROWS, ("left out: an empty column",)
    ),
    "separators at the end of rows": File("5.1,3.5,\n4.9,3,\n4.7,3.2,\n", ROWS, ("left out: 3 (an empty column)",)),
    "lines of separators": File("5.1,3.5\n4.9,3\n,\n4.7,3.2\n,\n,\n", ROWS, ("3 rows",)),
    "empty lines": File("\n\nlen,wid\n\n5.1,3.5\n4.9,3\n  \n4.7,3.2\n\n", ROWS, ("3 rows",)),
    "exponents and signs": File("1e3,+2\n-1.5E-2,.5\n3.,-0\n", [[1000, 2], [-0.015, 0.5], [3, 0]]),
    "decimal commas in quotation marks": File(
        'len,wid\n"5,1","3,5"\n"4,9","3"\n"4,7","3,2"\n', ROWS, ("decimal comma", "separated by commas")
    ),
    "points between thousands": File(
        "a;b;cls\n1.234,5;2,5;x\n2.345.678,5;3,5;y\n",
        [[1234.5, 2.5, 0], [2345678.5, 3.5, 1]],
        (". between",),
        "classes",
    ),
    "commas between thousands": File('a,b\n"1,234.5",2\n"2,345.5",3\n"12",5\n', [[1234.5, 2], [2345.5, 3], [12, 5]]),
    "apostrophes between thousands": File("a;b\n1'234.5;2\n2'345.5;3\n", [[1234.5, 2], [2345.5, 3]], ("' between",)),
    "spaces between thousands": File("a;b\n1\u00a0234,5;2\n17;3\n", [[1234.5, 2], [17, 3]], ("a space between",)),
    "spaces between thousands in words, too": File(
        "a;b;c\n1 234;x y;u\n17;z w;v\n12 000;x y;u\n",
        [[1234, 0], [17, 1], [12000, 0]],
        ("a space between thousands", "c: u 2, v 1; left out: b (words)"),
        "classes",
    ),
    "points between thousands beside decimal commas": File(
        "a;b\n5,1;1.234\n4,9;12.345\n4,7;999\n", [[5.1, 1234], [4.9, 12345], [4.7, 999]], ("decimal comma; . between",)
    ),
    "commas between thousands beside decimal points": File(
        'a,b\n5.1,"1,234"\n4.9,"12,345"\n4.7,999\n', [[5.1, 1234], [4.9, 12345], [4.7, 999]], (", between thousands",)
    ),
    "what may be thousands is told": File(
        "a;b\n5;1,234\n4;2,345\n7;9,998\n",
        [[5, 1.234], [4, 2.345], [7, 9.998]],
        ("Line 2, column b: 1,234 is read as 1.234. If , stands between thousands, remove it",),
    ),
    "what may be thousands with points": File(
        "a;b\n5;1.234\n4;2.345\n", [[5, 1.234], [4, 2.345]], ("If . stands between thousands",)
    ),
    "a typeset minus": File(
        "a,b,cls\n−1.5,1,−1\n2.5,4,1\n−3,9,−1\n", [[-1.5, 1, 0], [2.5, 4, 1], [-3, 9, 0]], ("-1 2, 1 1",), "classes"
    ),
    "full-width commas": File(
        "长，宽，类别\n5.1，3.5，甲\n4.9，3，乙\n4.7，3.2，甲\n",
        [[5.1, 3.5, 1], [4.9, 3, 0], [4.7, 3.2, 1]],
        ("separated by full-width commas",),
        "classes",
    ),
    # Lines around the titles.
    "ARFF": File(
        "% 1. Title\n@RELATION iris\n\n@ATTRIBUTE 'sepal len' REAL\n@attribute wid real\n@ATTRIBUTE class {a,b}\n\n@DATA\n"
        "5.1,3.5,a\n4.9,3,b\n4.7,3.2,a\n",
        LABELLED,
        ("features: sepal len, wid; class column class: a 2, b 1",),
        "classes",
        "iris.arff",
    ),
    "ARFF with quotation marks and comments": File(
        "@attribute a numeric\n@attribute c {'x, 1','y 2'}\n@data\n% first\n5.1,'x, 1'\n3,'y 2'\n% more\n4,'x, 1'\n",
        [[5.1, 0], [3, 1], [4, 0]],
        ("class column c: x, 1 2, y 2 1; left out: first, more (a comment)",),
        "classes",
        "a.arff",
    ),
    "ARFF with tabs": File(
        "@relation r\n@attribute a numeric\n@attribute c {x,y}\n@data\n5.1\tx\n3\ty\n",
        [[5.1, 0], [3, 1]],
        (),
        "classes",
    ),
    "comments between rows": File(
        "len,wid\n5.1,3.5\n# a pause\n4.9,3\n\n# then, a second, one\n4.7,3.2\n",
        ROWS,
        ("left out: a pause, then, a second, one (a comment)",),
    ),
    "names that begin as comments do": File("#1,5.1,3.5\n#2,4.9,3\n#3,4.7,3.2\n", ROWS, ("left out: 1 (words)",)),
    "Markdown in a text": File(
        "# Iris\n\nSome text, and more.\n\n| len | wid | cls |\n|:-|-:|---|\n| 5.1 | 3.5 | a |\n| 4.9 | 3.0 | b |\n"
        "| 4.7 | 3.2 | a |\n\nThe end.\n",
        LABELLED,
        ("left out: Iris (a comment); left out: The end. (below the table)", "Some text, and more. (a heading"),
        "classes",
        "a.md",
    ),
    "a drawn table": File(
        "+-----+-----+\n| len | wid |\n+=====+=====+\n| 5.1 | 3.5 |\n+-----+-----+\n| 4.9 | 3.0 |\n+-----+-----+\n"
        "| 4.7 | 3.2 |\n+-----+-----+\n",
        ROWS,
        ("3 rows; 2 features: len, wid",),
    ),
    "a last cell of several lines is no remark": File(
        'len,wid,cls\n5.1,3.5,a\n4.9,3,b\n4.7,3.2,"a\n\n# b"\n',
        [[5.1, 3.5, 0], [4.9, 3, 2], [4.7, 3.2, 1]],
        ("3 rows",),
        "classes",
    ),
    "what a database prints": File(
        " len | wid \n-----+-----\n 5.1 | 3.5\n 4.9 | 3.0\n 4.7 | 3.2\n(3 rows)\n",
        ROWS,
        ("(3 rows) (below the table)",),
    ),
    "what another database prints": File(
        "+-----+-----+\n| len | wid |\n+-----+-----+\n| 5.1 | 3.5 |\n| 4.9 | 3.0 |\n| 4.7 | 3.2 |\n+-----+-----+\n"
        "3 rows in set (0.00 sec)\n",
        ROWS,
        ("3 rows in set",),
    ),
    "a source below the table": File(
        "len,wid,cls\n5.1,3.5,a\n4.9,3,b\n4.7,3.2,a\n\nSource: Fisher, 1936\n",
        LABELLED,
        ("left out: Source: Fisher, 1936 (below the table)",),
        "classes",
    ),
    "digits of Arabic and full width": File(
        "١,٣.٥,a\n2,３.２5,b\n4,1,a\n", [[1, 3.5, 0], [2, 3.25, 1], [4, 1, 0]], (), "classes"
    ),
    "a point cloud": File(
        "# .PCD v0.7\nVERSION 0.7\nFIELDS len wid\nSIZE 4 4\nTYPE F F\nCOUNT 1 1\nWIDTH 3\nHEIGHT 1\n"
        "VIEWPOINT 0 0 0 1 0 0 0\nPOINTS 3\nDATA ascii\n5.1 3.5\n4.9 3\n4.7 3.2\n",
        ROWS,
        ("features: len, wid", "separated by spaces"),
        name="a.pcd",
    ),
    "shares and money": File(
        'len,wid,cls\n5.1%,"$1,003.5",a\n-4.9 %,$3,b\n4.7%,-$3.2,a\n',
        [[5.1, 1003.5, 0], [-4.9, 3, 1], [4.7, -3.2, 0]],
        ("read without their unit: len (%), wid ($)",),
        "classes",
    ),
    "euros beside decimal commas": File(
        "len;wid\n5,1;1.003,5 €\n4,9;3 €\n4,7;3,2 €\n", [[5.1, 1003.5], [4.9, 3], [4.7, 3.2]], ("unit: wid (€)",)
    ),
    "euros with points beside decimal commas": File(
        "len;wid\n5,1;€ 3.5\n4,9;€ 3\n4,7;€3.2\n", ROWS, ("unit: wid (€)", "decimal comma")
    ),
    "spaces between thousands, and a unit": File(
        "wid,len\n1 200 kg,5\n35 kg,4\n2 000 000 kg,6\n", [[1200, 5], [35, 4], [2000000, 6]], ("unit: wid (kg)",)
    ),
    "a sign of typesetting, and a unit": File("len,b\n\u22125 °C,1\n7 °C,2\n", [[-5, 1], [7, 2]], ("len (°C)",)),
    "numbers, spaces and units between commas": File(
        "len,temp,cls\n5.0 cm,20 kg,a\n5.1 cm,21 kg,b\n5.2 cm,22 kg,a\n",
        [[5.0, 20], [5.1, 21], [5.2, 22]],
        ("unit: len (cm), temp (kg)",),
    ),
    "money in Chinese": File("价\n12元\n13.5元\n", [[12], [13.5]], ("unit: 价 (元)",)),
    "no unit in a column that is left out": File("a,b\n5 %,1\n6 %,2\n", [[1], [2]], choice=Choice(None, (0,))),
    "three digits behind a point, and a unit": File(
        "a,b\n€ 1.200,1\n€ 1.300,2\n", [[1.2, 1], [1.3, 2]], ("€ 1.200 is read as 1.2. If . stands between thousands",)
    ),
    "classes with a unit are words": File(
        "len,c\n5,10%\n4,20%\n6,10%\n5,20%\n", [[5, 0], [4, 1], [6, 0], [5, 1]], ("c: 10% 2, 20% 2",), "classes"
    ),
    "a line of units": File(
        "len,wid,cls\ncm,cm,\n5.1,3.5,a\n4.9,3,b\n4.7,3.2,a\n",
        LABELLED,
        ("3 rows", "left out: cm, cm (a heading or second line of titles)"),
        "classes",
    ),
    "titles of two levels": File(
        ",len,len\n,mean,std\nrow,,\n0,5.1,3.5\n1,4.9,3\n2,4.7,3.2\n",
        ROWS,
        ("features: len mean, len std; left out: row (a heading",),
    ),
    "merged cells above titles": File(
        "size;;cls\nlen;wid;\n5.1;3.5;a\n4.9;3;b\n4.7;3.2;a\n",
        LABELLED,
        ("features: size len, wid; class column cls",),
        "classes",
    ),
    "titles that are alike, and units": File(
        "len,len,cls\ncm,mm,\n5.1,3.5,a\n4.9,3,b\n4.7,3.2,a\n", LABELLED, ("features: len cm, len mm",), "classes"
    ),
    "Markdown": File(
        "| len | wid |\n|---|---|\n| 5.1 | 3.5 |\n| 4.9 | 3.0 |\n| 4.7 | 3.2 |\n", ROWS, ("features: len, wid",)
    ),
    "properties above titles": File(
        "Rate,100,\nOperator,Eva,\nlen,wid,cls\n5.1,3.5,a\n4.9,3,b\n4.7,3.2,a\n",
        LABELLED,
        ("features: len, wid", "left out: Rate, 100, Operator, Eva (above the table)"),
        "classes",
    ),
    "properties above what has no titles": File(
        "Rate,100\n5.1,3.5,0\n4.9,3,1\n4.7,3.2,0\n", LABELLED, ("left out: Rate, 100 (above", "without titles")
    ),
    "properties above two columns": File(
        "Name,X200\nDate,2024-05-01\nlen,wid\n5.1,3.5\n4.9,3\n4.7,3.2\n",
        ROWS,
        ("features: len, wid", "left out: Name, X200, Date, 2024-05-01 (above"),
    ),
    "properties and an empty line above two columns": File(
        "Name,X200\nOperator,Eva\n\nlen,wid\ncm,cm\n5.1,3.5\n4.9,3\n4.7,3.2\n",
        ROWS,
        ("features: len, wid", "left out: Name, X200, Operator, Eva (above", "left out: cm, cm (a heading"),
    ),
    "LabVIEW": File(
        "LabVIEW Measurement\t\nChannels\t1\n***End_of_Header***\t\nlen\twid\tComment\n5.1\t3.5\t\n4.9\t3.0\t\n4.7\t3.2\t\n",
        ROWS,
        ("features: len, wid", "separated by tabs"),
    ),
    "the table's name, in words, without titles": File(
        "|1x3 Cross validator of all\n5.1, 3.5, a\n4.9, 3, b\n4.7, 3.2, a\n", LABELLED, ("without titles",), "classes"
    ),
    "Orange's three lines": File(
        "cls\tlen\twid\tid\nd\tc\tcontinuous\tc\nclass\t\t\tmeta\na\t5.1\t3.5\t7\nb\t4.9\t3\t9\na\t4.7\t3.2\t8\n",
        LABELLED,
        (
            "features: len, wid",
            "class column cls",
            "left out: id (no feature, as the file says)",
            "left out: d, c, continuous, c, class, meta (a",
        ),
        "classes",
        "a.tab",
    ),
    "Orange's three lines with values": File(
        "len\twid\tcls\nc\tc\ta b\n\t\tclass\n5.1\t3.5\ta\n4.9\t3\tb\n4.7\t3.2\ta\n",
        LABELLED,
        ("class column cls: a 2",),
        "classes",
    ),
    "Orange's line of titles with what they are": File(
        "cD#kind\tC#len\twid\tm#class\n7\t5.1\t3.5\tu\n9\t4.9\t3\tv\n7\t4.7\t3.2\tu\n",
        LABELLED,
        ("features: len, wid", "class column kind: 7 2, 9 1", "left out: class (no feature"),
        "classes",
    ),
    "notes of music": File("C#4,D#4\n5.1,3.5\n4.9,3\n4.7,3.2\n", ROWS, ("features: C#4, D#4",)),
    "scikit-learn's files": File(
        "3,2,setosa,virginica\n5.1,3.5,0\n4.9,3,1\n4.7,3.2,0\n",
        LABELLED,
        ("without titles", "left out: 3, 2, setosa, virginica (the numbers of rows and columns)"),
        "classes",
    ),
    "scikit-learn's files as wide as their rows": File(
        "3,2,setosa\n5.1,3.5,0\n4.9,3,1\n4.7,3.2,0\n", LABELLED, ("the numbers of rows",), "classes"
    ),
    "counts above spaces": File("3 2\n5.1 3.5 0\n4.9 3 1\n4.7 3.2 0\n", LABELLED, ("left out: 3, 2 (the numbers",)),
    "a remark with separators after it": File(
        "len,wid,cls\n5.1,3.5,a\n4.9,3,b\n4.7,3.2,a\n,,\nSource: Fisher,,\n1936 edition,,\n",
        LABELLED,
        ("left out: Source: Fisher, 1936 edition (below the table)",),
        "classes",
    ),
    "two tabs for one in some lines": File(
        "5.1\t3.5\t0\n4.9\t\t3.0\t1\n4.7\t3.2\t\t0\n", LABELLED, ("separated by spaces",)
    ),
    "ARFF with a remark behind @data": File(
        "@relation r\n@attribute len real\n@attribute wid real\n@attribute cls {a,b}\n@data % here\n5.1,3.5,a\n4.9,3,b\n4.7,3.2,a\n",
        LABELLED,
        (),
        "classes",
        "a.arff",
    ),
    "counts above titles": File(
        "3\t2\nname\tlen\twid\nu\t5.1\t3.5\nv\t4.9\t3\nw\t4.7\t3.2\n",
        ROWS,
        ("features: len, wid", "left out: 3, 2 (the"),
    ),
    "an oscilloscope's properties": File(
        "Model,X200\nFirmware,1.2\n\nSource,CH1,\nLength,3,\nlen,wid,\n5.1,3.5,\n4.9,3,\n4.7,3.2,\n",
        ROWS,
        ("features: len, wid", "Source, CH1, Length, 3 (above the table)"),
    ),
    "comments of gene expression": File(
        '!Series_title\t"x"\n!table_begin\n"ID"\t"len"\t"wid"\n"u"\t5.1\t3.5\n"v"\t4.9\t3\n"w"\t4.7\t3.2\n!table_end\n',
        ROWS,
        ('left out: Series_title "x", table_begin, table_end (a comment)',),
    ),
    "wells of a plate": File(
        "<>,1,2,3\nA,5,3,1\nB,4,0,1\nC,4,3,2\n", [[5, 3, 1], [4, 0, 1], [4, 3, 2]], ("3 rows; 3 features: 1, 2, 3",)
    ),
    "numbers in a row of words and numbers": File(
        "a,1,2,3\nb,4,5,6\na,7,8,9\n", [[1, 2, 3, 0], [4, 5, 6, 1], [7, 8, 9, 0]], ("without titles",), "classes"
    ),
    "a title that begins as gnuplot's scripts": File(
        "plot sin\tcos\n5.1\t3.5\n4.9\t3\n4.7\t3.2\n", ROWS, ("features: plot sin, cos",)
    ),
    "bars between pairs": File(
        "5 | a:1 | u\n4 | b:2 | v\n3 | a:3 | u\n", [[5], [4], [3]], ("separated by vertical bars",)
    ),
    "a line of totals": File(
        "item,len,wid\nu,5,3\nv,4,3\nTotal,9,6\n", [[5, 3], [4, 3], [9, 6]], ("Line 4 seems to sum up those above it",)
    ),
    "a line of sums": File(
        "len,wid\n5,3\n4,3\n1,2\n10,8\n", [[5, 3], [4, 3], [1, 2], [10, 8]], ("Line 5 seems to sum up those above it",)
    ),
    "a class written in two ways": File(
        "len,wid,cls\n5.1,3.5,A\n4.9,3,b\n4.7,3.2,a\n5.1,3.5,b\n",
        [[5.1, 3.5, 0], [4.9, 3, 2], [4.7, 3.2, 1], [5.1, 3.5, 2]],
        ("differ in capital letters or spaces only: A, a",),
        "classes",
    ),
    "digits, few of each": File(
        "label,len,wid\n" + "".join(f"{row % 8},{row / 4},{row / 8}\n" for row in range(9)),
        [[row / 4, row / 8, row % 8] for row in range(9)],
        ("class column label",),
        "classes",
    ),
    "the table's name": File(
        "Iris 2024\nlen,wid,cls\n5.1,3.5,a\n4.9,3,b\n4.7,3.2,a\n",
        LABELLED,
        ("left out: Iris 2024 (a heading",),
        "classes",
    ),
    "the table's name, filled up": File(
        "Iris 2024,,\n,,\nlen,wid,cls\n5.1,3.5,a\n4.9,3,b\n4.7,3.2,a\n", LABELLED, ("left out: Iris 2024",), "classes"
    ),
    "comments as MATLAB writes them": File("% len wid\n5.1 3.5\n4.9 3\n4.7 3.2\n", ROWS, ("features: len, wid",)),
    "a name of its own": File("5.1,3.5,a\n4.9,3,b\n4.7,3.2,a\n", LABELLED, kind="classes", name="iris.data"),
    "no suffix": File("5.1,3.5\n4.9,3\n4.7,3.2\n", ROWS, name="iris"),
    # What is probably not what it seems.
    "a missing value of nines": File(
        "t,b\n12,1\n-999,2\n14,4\n13,3\n-999,5\n",
        [[12, 1], [-999, 2], [14, 4], [13, 3], [-999, 5]],
        ("Column t: the value -999 (times: 2, first in row 2) lies far",),
    ),
    "the table's names, before an index": File(
        "Device: A\nDate: 2024\n\ntime,len,wid\n0,5.1,3.5\n2,4.9,3\n3,4.7,3.2\n",
        [[0, 5.1, 3.5], [2, 4.9, 3], [3, 4.7, 3.2]],
        ("features: time, len, wid; left out: Device: A, Date: 2024 (a heading",),
    ),
    "dates beside decimal commas": File(
        "day;len\n01.02.2024;5,1\n02.02.2024;4,9\n", [[5.1], [4.9]], ("separated by semicolons; decimal comma",)
    ),
    "numbers of patients in another order": File(
        "p,len\n" + "".join(f"{1 + 7 * i % 10},{i / 8}\n" for i in range(10)),
        [[1 + 7 * i % 10, i / 8] for i in range(10)],
        ("A whole number of its own in every row: p.",),
    ),
    "numbers of patients without titles": File(
        "".join(f"{8000 + 71 * i % 997},{'MB'[i % 2]},{i / 7:.3f}\n" for i in range(12)),
        [[8000 + 71 * i % 997, float(f"{i / 7:.3f}"), 1 - i % 2] for i in range(12)],
        ("A whole number of its own in every row: 1.",),
        "classes",
    ),
    "numbers of patients": File(
        "len,patient_id,wid,id code\n5.1,31,3.5,8\n4.9,7,3,5\n4.7,19,3.2,9\n",
        ROWS,
        ("left out: patient_id, id code (the index column, a number",),
    ),
    "a code beside the words": File(
        "len,target,species\n" + "".join(f"{i}.5,{i % 2},{'ab'[i % 2]}\n" for i in range(6)),
        [[i + 0.5, i % 2, i % 2] for i in range(6)],
        ("In all rows of a class one value, and not in all classes the same: target.",),
        "classes",
    ),
    "classes that are one-hot columns": File(
        "len,c0,c1,c2\n" + "".join(f"{i}.5,{i % 3 == 0:d},{i % 3 == 1:d},{i % 3 == 2:d}\n" for i in range(9)),
        [[i + 0.5, i % 3 == 0, i % 3 == 1, i % 3 == 2] for i in range(9)],
        ("Beside the class, c0, c1 hold one 1 in each row",),
        "classes",
    ),
    "amounts of money": File(
        "a,price\n1.5,$12\n3,€14\n", [[1.5], [3]], ("Line 2, column price: $12 is not read as a number",)
    ),
    "dates are no class": File(
        "day,len,kind\n" + "".join(f"2024-01-0{1 + i // 4},{i}.5,{i % 2}\n" for i in range(8)),
        [[i + 0.5, i % 2] for i in range(8)],
        ("class column kind: 0 4, 1 4",),
        "classes",
    ),
    # Encodings and line ends.
    "Cyrillic in Windows-1251": File(
        "длина,вид\n5.1,да\n4.9,нет\n".encode("cp1251"),
        [[5.1, 0], [4.9, 1]],
        ("one feature: длина; class column вид: да 1, нет 1", "encoding Windows-1251", "Windows-1251 is a guess"),
        "classes",
    ),
    "Korean": File("길이,너비\n5.1,3.5\n4.9,3\n4.7,3.2\n".encode("euc_kr"), ROWS, ("길이, 너비", "EUC-KR (CP949)")),
    "letters of which a half is a bar": File(
        "ポイント|ソースの長さ\n5.1|3.5\n4.9|3\n4.7|3.2\n".encode("shift_jis"),
        ROWS,
        ("ポイント, ソースの長さ", "Shift-JIS", "vertical bars"),
    ),
    "marks of order twice": File(b"\xef\xbb\xbf" * 2 + b"5.1,3.5\n4.9,3\n4.7,3.2\n", ROWS, ("without titles",)),
    "spaces without width": File("len,wid\n5.1\u200b,3.5\n4.9,3\n4.7,3.2\n", ROWS),
    "line ends of all kinds": File("len,wid\r\n5.1,3.5\n4.9,3\r4.7,3.2", ROWS),
    "UTF-8 with its mark": File(b"\xef\xbb\xbf" + b"len,wid\r\n5.1,3.5\r\n4.9,3\r\n4.7,3.2\r\n", ROWS, ("len, wid",)),
    "UTF-16": File(IRIS.to_csv(index=False).encode("utf-16"), LABELLED, ("encoding UTF-16",), "classes"),
    "UTF-16, big end first": File(b"\xfe\xff" + "5.1\t3.5\n4.9\t3\n4.7\t3.2\n".encode("utf-16-be"), ROWS, ("UTF-16",)),
    "UTF-16 without its mark": File("5.1\t3.5\n4.9\t3\n4.7\t3.2\n".encode("utf-16-le"), ROWS, ("UTF-16",)),
    "Latin-1": File(
        "Länge,Größe,Art\n5.1,3.5,süß\n4.9,3,weiß\n4.7,3.2,süß\n".encode("latin-1"),
        LABELLED,
        ("Windows-1252", "Länge, Größe; class column Art: süß 2, weiß 1"),
        "classes",
    ),
    "UTF-16 that begins with a Chinese letter": File(
        "长,宽\n5.1,3.5\n4.9,3\n4.7,3.2\n".encode("utf-16-le"), ROWS, ("长, 宽", "UTF-16")
    ),
    "DOS's end of a file": File("len,wid\n5.1,3.5\n4.9,3\n4.7,3.2\n\x1a", ROWS, ("3 rows",)),
    "a Chinese spreadsheet": File(
        "长度,宽度\n5.1,3.5\n4.9,3\n4.7,3.2\n".encode("gbk"), ROWS, ("长度, 宽度", "GB 18030")
    ),
    "an old Mac's line ends": File("len,wid\r5.1,3.5\r4.9,3\r4.7,3.2\r", ROWS),
    # Classes.
    "the class first": File(
        "cls,len,wid\na,5.1,3.5\nb,4.9,3\na,4.7,3.2\n", LABELLED, ("class column cls: a 2, b 1",), "classes"
    ),
    "the class first, by its title": File(
        "label,len,wid\n7,5.1,3.5\n9,4.9,3\n7,4.7,3.2\n", LABELLED, ("class column label: 7 2, 9 1",), "classes"
    ),
    "the class first, without titles": File(
        "1,5.1,3.5\n2,4.9,3\n1,4.7,3.2\n", LABELLED, ("class column 1: 1 2, 2 1",), "classes"
    ),
    "the class in between": File(
        "len,cls,wid\n5.1,a,3.5\n4.9,b,3\n4.7,a,3.2\n", LABELLED, ("class column cls",), "classes"
    ),
    "the class by choice": File(
        "len,kind,wid\n5.1,1,3\n4.9,2,3\n4.7,1,4\n",
        [[5.1, 1, 0], [4.9, 2, 0], [4.7, 1, 1]],
        ("features: len, kind; class column wid: 3 2, 4 1",),
        "classes",
        choice=Choice(2, ()),
    ),
    "features by choice": File(
        "len,x,wid,cls\n5.1,1,3.5,a\n4.9,2,3,b\n4.7,4,3.2,a\n",
        LABELLED,
        ("left out: x (your choice)",),
        "classes",
        choice=Choice(3, (1,)),
    ),
    "a single feature": File("len,cls\n5.1,a\n4.9,b\n", [[5.1, 0], [4.9, 1]], ("one feature: len",), "classes"),
    "other words": File(
        "species,island,len,wid\na,Dream,5.1,3.5\nb,Biscoe,4.9,3\na,Dream,4.7,3.2\n",
        LABELLED,
        ("class column species", "left out: island (words)"),
        "classes",
    ),
    "words that are no class": File(
        "len,wid,site,name\n" + "".join(f"{i}.5,{i * i},{'ab'[i % 2]},n{i}\n" for i in range(25)),
        [[i + 0.5, i * i, i % 2] for i in range(25)],
        ("class column site: a 13, b 12; left out: name (words)",),
        "classes",
    ),
    "words in a table": File(IRIS.to_csv(index=False), ROWS, ("left out: cls (words)",)),
    "classes in numbers are numbered": File(
        "5.1,3.5,-1\n4.9,3,7\n4.7,3.2,-1\n", LABELLED, ("class column 3: -1 2, 7 1",), "classes"
    ),
    "classes that float32 cannot tell apart": File(
        "5.1,3.5,100000001\n4.9,3,100000002\n4.7,3.2,100000001\n", LABELLED, ("100000001 2, 100000002 1",), "classes"
    ),
    "classes that float64 cannot tell apart": File(
        "x,c\n5.1,9007199254740993\n4.9,9007199254740992\n",
        [[5.1, 1], [4.9, 0]],
        ("9007199254740992 1, 9007199254740993 1",),
        "classes",
    ),
    "classes called none": File("x,c\n5.1,None\n4.9,mild\n", [[5.1, 0], [4.9, 1]], ("None 1, mild 1",), "classes"),
    "a class that is a sign": File("x,c\n5.1,-\n4.9,+\n", [[5.1, 1], [4.9, 0]], ("+ 1, - 1",), "classes"),
    "true and false": File("x,ok\n5.1,True\n4.9,False\n", [[5.1, 1], [4.9, 0]], ("True is 1, False is 0",)),
    "true and false as a class": File(
        "x,ok\n5.1,True\n4.9,False\n", [[5.1, 1], [4.9, 0]], ("False 1, True 1",), "classes"
    ),
    "classes with spaces and commas": File(
        'x,y,c\n5.1,3.5, "a, b"\n4.9,3,c d\n4.7,3.2,"a, b"\n', LABELLED, ("a, b 2, c d 1",), "classes"
    ),
    # float32.
    "a spread that float32 swallows": File(
        "100000005.1,1\n100000004.6,2\n100000006.2,3\n",
        [[100000008, 1], [100000008, 2], [100000008, 3]],
        ("Column 1: the values differ by 1.6 around 100000005", "steps of 8"),
    ),
    "a spread whose square float32 does not have": File(
        "a,b\n1e-40,1\n2e-40,2\n", [[1e-40, 1], [2e-40, 2]], ("differ by less than 1e-19: a. Their variance",)
    ),
    "a constant": File("a,b\n5.1,1\n5.1,2\n", [[5.1, 1], [5.1, 2]], ("The same value in every row: a",)),
    # NumPy's files.
    "npy": File(as_npy(TABLE), TABLE, ("4 rows; 3 features: 1, 2, 3", "array (4, 3)"), name="a.npy"),
    "npy in Fortran's order": File(as_npy(np.asfortranarray(TABLE)), TABLE, name="a.npy"),
    "npy, big end first": File(as_npy(TABLE.astype(">f4")), TABLE, name="a.npy"),
    "npy of version 2": File(as_npy(TABLE, version=(2, 0)), TABLE, name="a.npy"),
    "npy of version 3": File(as_npy(TABLE, version=(3, 0)), TABLE, name="a.npy"),
    "npy of half numbers": File(as_npy(TABLE.astype("f2")), TABLE, name="a.npy"),
    "npy of long numbers": File(as_npy(TABLE.astype(np.longdouble)), TABLE, name="a.npy"),
    "npz with y of large numbers": File(
        as_npz(X=np.array(ROWS), y=np.array([2**53 + 1, 2**53, 2**53 + 1], dtype=np.uint64)),
        np.column_stack([ROWS, [1, 0, 1]]),
        ("9007199254740992 1, 9007199254740993 2",),
        "classes",
        "a.npz",
    ),
    "npz with y of truth values": File(
        as_npz(X=np.array(ROWS), y=np.array([False, True, False])), LABELLED, ("0 2, 1 1",), "classes", "a.npz"
    ),
    "npy of one dimension": File(as_npy(np.arange(5.0)), np.arange(5.0)[:, None], ("one feature",), name="a.npy"),
    "npy of truth values": File(as_npy(np.array([[True, False], [False, True]])), [[1, 0], [0, 1]], name="a.npy"),
    "npy of images as a table": File(
        as_npy(np.arange(32).reshape(2, 4, 4)),
        np.arange(32).reshape(2, 16),
        ("the values of a sample make one row",),
        name="a.npy",
    ),
    "npy whose last column is the class": File(
        as_npy(np.array(LABELLED)), LABELLED, ("class column 3: 0 2, 1 1",), "classes", "a.npy"
    ),
    "npy whose first column is the class": File(
        as_npy(np.array(LABELLED)[:, ::-1]),
        np.array(LABELLED)[:, [1, 0, 2]],
        ("class column 1: 0 2, 1 1",),
        "classes",
        "a.npy",
        Choice(0, ()),
    ),
    "npy without a column": File(
        as_npy(TABLE), TABLE[:, [0, 2]], ("left out: 2 (your choice)",), name="a.npy", choice=Choice(None, (1,))
    ),
    "npy called csv": File(as_npy(TABLE), TABLE),
    "npz called npy": File(as_npz(x=TABLE), TABLE, name="a.npy"),
    "npz with numbers of rows beside classes": File(
        as_npz(vectors=np.array(ROWS * 2), ids=np.arange(6), lbl=np.array([3, 5, 3] * 2)),
        LABELLED * 2,
        ("class column lbl: 3 4, 5 2", "not used: ids (6,)"),
        "classes",
        "a.npz",
    ),
    "npz with X and y": File(
        as_npz(X=np.array(ROWS), y=np.array([3, 5, 3])),
        LABELLED,
        ("class column y: 3 2, 5 1", "arrays used: X (3, 2), y (3,)"),
        "classes",
        "a.npz",
    ),
    "npz with one-hot y": File(
        as_npz(X=np.array(ROWS), y=np.eye(3)[[0, 2, 0]]), LABELLED, ("class column y: 0 2, 2 1",), "classes", "a.npz"
    ),
    "npz with y as a row": File(as_npz(X=np.array(ROWS), y=np.array([[0, 1, 0]])), LABELLED, (), "classes", "a.npz"),
    "npz with y of bytes": File(
        as_npz(X=np.array(ROWS), y=np.array([b"u", b"\xc3\xa9", b"u"])), LABELLED, ("u 2, é 1",), "classes", "a.npz"
    ),
    "npy of classes and fractions": File(
        as_npy(np.array([[7, 5.1, 3.5], [9, 4.9, 3.2], [7, 4.7, 3.3]])),
        [[5.1, 3.5, 0], [4.9, 3.2, 1], [4.7, 3.3, 0]],
        ("class column 1: 7 2, 9 1",),
        "classes",
        "a.npy",
    ),
    "npz called pt": File(as_npz(x=TABLE), TABLE, name="a.pt"),
    "npz with y of words": File(
        as_npz(y=np.array(["u", "v", "u"]), X=np.array(ROWS)),
        LABELLED,
        ("class column y: u 2, v 1",),
        "classes",
        "a.npz",
    ),
    "npz with data and target": File(
        as_npz(target=np.array([[0], [1], [0]]), data=np.array(ROWS)),
        LABELLED,
        ("data (3, 2), target (3, 1)",),
        "classes",
        "a.npz",
    ),
    "npz with halves": File(
        as_npz(x_test=np.zeros((9, 2)), x_train=np.array(ROWS), y_train=np.array([0, 1, 0]), y_test=np.zeros(9)),
        LABELLED,
        ("arrays used: x_train (3, 2), y_train (3,); not used: x_test (9, 2), y_test (9,)",),
        "classes",
        "a.npz",
    ),
    "npz without names": File(
        as_npz(np.array([0, 1, 0]), np.array(ROWS)),
        LABELLED,
        ("arrays used: arr_1 (3, 2), arr_0 (3,)",),
        "classes",
        "a.npz",
    ),
    "npz with images and labels": File(
        as_npz(images=np.array(ROWS).reshape(3, 1, 2), labels=np.array([0, 1, 0])),
        LABELLED,
        kind="classes",
        name="a.npz",
    ),
    "npz of a table": File(
        as_npz(first=np.zeros(9), X=TABLE), TABLE, ("X (4, 3)", "not used: first (9,)"), name="a.npz"
    ),
    "npz beside what is never unpickled": File(
        as_npz(x=TABLE, meta=np.array([{}, {}], dtype=object)), TABLE, name="a.npz"
    ),
    # Images.
    "rows that may be flattened images": File(
        as_npy(np.arange(640.0).reshape(10, 64)),
        scaled(np.arange(640.0).reshape(1, 1, 10, 64)),
        ("if these are 10 flattened images, save array.reshape(-1, 8, 8)",),
        "images",
        "a.npy",
    ),
    "a grey image": File(
        as_npy(GREY), scaled(GREY)[None, None], ("one image of 9×12 pixels; grey",), "images", "a.npy"
    ),
    "grey images": File(
        as_npy(np.stack([GREY, GREY / 2])),
        scaled(np.stack([GREY, GREY / 2]))[:, None],
        ("2 images", "grey images (N, H, W)"),
        "images",
        "a.npy",
    ),
    "channels last": File(
        as_npy(COLOUR),
        scaled(COLOUR).transpose(0, 3, 1, 2),
        ("channels last (N, H, W, 3)", "in colour"),
        "images",
        "a.npy",
    ),
    "one image, channels last": File(
        as_npy(COLOUR[0]), scaled(COLOUR[0]).transpose(2, 0, 1)[None], ("channels last (H, W, 3)",), "images", "a.npy"
    ),
    "channels first": File(
        as_npy(COLOUR.transpose(0, 3, 1, 2)),
        scaled(COLOUR).transpose(0, 3, 1, 2),
        ("2 images of 8×10 pixels; in colour", "channels first (N, 3, H, W)"),
        "images",
        "a.npy",
    ),
    "one image, channels first": File(
        as_npy(COLOUR[0].transpose(2, 0, 1)),
        scaled(COLOUR[0]).transpose(2, 0, 1)[None],
        ("one image", "channels first (3, H, W)"),
        "images",
        "a.npy",
    ),
    "grey, channels first": File(
        as_npy(COLOUR[..., :1].transpose(0, 3, 1, 2)),
        scaled(COLOUR[..., :1]).transpose(0, 3, 1, 2),
        ("channels first (N, 1, H, W)", "grey"),
        "images",
        "a.npy",
    ),
    "grey, channels last": File(
        as_npy(COLOUR[..., :1]), scaled(COLOUR[..., :1]).transpose(0, 3, 1, 2), ("grey",), "images", "a.npy"
    ),
    "three images, channels first": File(
        as_npy(np.concatenate([COLOUR, COLOUR])[:3].transpose(0, 3, 1, 2)),
        scaled(np.concatenate([COLOUR, COLOUR])[:3]).transpose(0, 3, 1, 2),
        ("3 images",),
        "images",
        "a.npy",
    ),
    "an image with opacity": File(
        as_npy(np.concatenate([COLOUR, COLOUR[..., :1]], axis=-1)),
        scaled(COLOUR).transpose(0, 3, 1, 2),
        ("opacity, is left out",),
        "images",
        "a.npy",
    ),
    "images beside their labels": File(
        as_npz(x=np.stack([GREY, GREY / 2]), y=np.array([0, 1])),
        scaled(np.stack([GREY, GREY / 2]))[:, None],
        ("not used: y (2,)",),
        "images",
        "a.npz",
    ),
    "an image as text": File(saved(GREY, delimiter=";"), scaled(GREY)[None, None], ("one image of 9×12",), "images"),
    "an image by pandas": File(
        pd.DataFrame(GREY).to_csv(), scaled(GREY)[None, None], ("left out: the index",), "images"
    ),
    "a ramp as text": File(
        saved(np.arange(64).reshape(8, 8), fmt="%d"),
        scaled(np.arange(64).reshape(8, 8))[None, None],
        ("8×8",),
        "images",
    ),
}


@pytest.mark.parametrize("file", READ.values(), ids=READ.keys())
def test_a_file_is_read_and_the_page_and_the_script_say_so(
    file: File, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = read_upload(file.name, file.bytes, file.kind, file.choice)
    assert upload.values.dtype == np.float32
    assert not upload.values.flags.writeable
    np.testing.assert_array_equal(upload.values, np.asarray(file.values, dtype=np.float32))
    for words in file.says:
        assert words in said(upload)
    if file.kind != "images":
        assert len(upload.features) == upload.values.shape[1] - (file.kind == "classes")
        assert {len(row) for row in upload.preview} == {len(upload.header)}
    if upload.classes is not None:
        assert sum(upload.classes.counts) == upload.rows
        assert set(upload.values[:, -1]) == set(range(len(upload.classes.names)))
    again = read_by_script(upload, file.bytes, tmp_path, monkeypatch)
    assert again.dtype == np.float32
    np.testing.assert_array_equal(again, upload.values)
    assert again.flags.c_contiguous


class Bomb:
    """Unpickled, it would write a file."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return (open, ("/tmp/bnviz-pickle-ran", "w"))


def bomb_array() -> NDArray[Any]:
    return np.array([[Bomb()], [Bomb()]], dtype=object)


def header_only(shape: tuple[int, ...], descr: str = "<f8") -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def archive(content: bytes, zeros: int, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive with one array: `content`, and as many zeros after it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as opened, opened.open("x.npy", "w") as member:
        member.write(content)
        for _ in range(zeros // 1_000_000):
            member.write(bytes(1_000_000))
    return stream.getvalue()


def twice(first: NDArray[Any], second: NDArray[Any]) -> bytes:
    """An archive with two arrays of one name: the first is found in its directory, the second is opened by its name."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as opened:
        opened.writestr("x.npy", as_npy(first))
        with pytest.warns(UserWarning, match="Duplicate name"):
            opened.writestr("x.npy", as_npy(second))
    return stream.getvalue()


def sparse(matrix: csr_array | coo_array) -> bytes:
    """What `scipy.sparse.save_npz` writes."""
    stream = io.BytesIO()
    save_npz(stream, matrix)
    return stream.getvalue()


def encrypted() -> bytes:
    content = bytearray(as_npz(x=TABLE))
    content[6] |= 1  # the flag in the member's own header, then in the directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def archive_of(*members: str) -> bytes:
    """An archive of text files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as opened:
        for member in members:
            opened.writestr(member, "1,2")
    return stream.getvalue()


WORKBOOK = io.BytesIO()
with zipfile.ZipFile(WORKBOOK, "w") as sheets:
    sheets.writestr("[Content_Types].xml", "<Types/>")


class Refused(NamedTuple):
    """A file, and what the visitor is told."""

    content: bytes | str
    told: str
    kind: Kind = "table"
    name: str = "a.csv"
    choice: Choice | None = None


REFUSED = {
    # Not what its name says.
    "a program": Refused(b"\x7fELF\1\1", "The file is not text", name="a.exe"),
    "empty": Refused(" \n\n", "The file is empty."),
    "nothing": Refused("", "The file is empty."),
    "binary": Refused(b"\x89\1\2\x1a\n\xff\xfe", "The file is not text"),
    "zero bytes": Refused(b"1,2\0\n3,4\n", "The file is not text"),
    "half of UTF-16": Refused(b"\xff\xfe1", "The file is not text"),
    "a workbook": Refused(
        WORKBOOK.getvalue(), "This is a workbook (its own program saves a sheet as CSV, too). These lines"
    ),
    "large": Refused("1,2\n" * 600_000, "The file has 2.4 MB; at most 2 MB are read."),
    "csv called npy": Refused("1,2\n3,4\n", "not a NumPy array", name="a.npy"),
    "empty npy": Refused("", "not a NumPy array", name="a.npy"),
    "not a zip": Refused(b"PK\x03\x04 nothing", "not a NumPy archive", name="a.npz"),
    "text called npz": Refused("1,2\n3,4\n", "not a NumPy archive", name="a.npz"),
    "Parquet": Refused(b"PAR1\x15\4", 'pd.read_parquet("a.parquet").to_csv("data.csv"', name="a.parquet"),
    "an old workbook": Refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(9), "pd.read_excel", name="a.xls"),
    "a damaged workbook": Refused(b"PK\3\4xx", "pd.read_excel", name="a.xlsx"),
    "a tensor": Refused(archive_of("archive/data.pkl"), "This is a file of PyTorch", name="a.npz"),
    "a packed table": Refused(
        archive_of("a.csv", "__MACOSX/a.csv"), "a packed folder with a.csv. Unpack it, and choose", name="a.csv.zip"
    ),
    "gzip": Refused(b"\x1f\x8b\x08", "gzip.open", name="a.csv.gz"),
    "a picture": Refused(b"\x89PNG\r\n\x1a\n", "Image.open", "images", "a.png"),
    "a picture as text": Refused("P2\n8 8\n255\n" + "1 " * 64, "This is a picture", "images"),
    "JSON": Refused('{"a": [1, 2],\n"b": [3, 4]}', "This is JSON. These lines of Python", name="a.json"),
    "lines of JSON": Refused('{"a": 1}\n{"a": 2}\n', "lines=True", name="a.jsonl"),
    "deep JSON": Refused("[" * 100_000 + "]" * 100_000, "as programs print it"),
    "lists of JSON": Refused("[5.1, 3.5]\n[4.9, 3.0]\n", "lines=True"),
    "TOML": Refused("[data]\nlen = [5.1, 4.9]\nwid = [3.5, 3]\n", "tomllib.load", name="a.toml"),
    "YAML": Refused("- len: 5.1\n  wid: 3.5\n- len: 4.9\n  wid: 3\n", 'yaml.safe_load(open("a.yaml"', name="a.yaml"),
    "YAML of columns": Refused("len: [5.1, 4.9]\nwid: [3.5, 3]\n", "This is YAML"),
    "LaTeX": Refused("\\begin{tabular}{lr}\nlen & wid \\\\\n5.1 & 3.5 \\\\\n\\end{tabular}", "a table of LaTeX"),
    "rows of LaTeX": Refused("len & wid \\\\\n5.1 & 3.5 \\\\ \\hline\n4.9 & 3 \\\\\n", "a table of LaTeX"),
    "R's dput": Refused(
        'structure(list(len = c(5.1, 4.9), cls = c("a", "b")), class = "data.frame")\n', "These lines of R turn it"
    ),
    "R's source": Refused("df <- data.frame(a = c(1, 2), b = c(3, 4))\n", "write.csv(eval(parse("),
    "R's object": Refused(b"RDX3\nX\n\0\0", "pyreadr.read_r", name="a.rda"),
    "R's packed object": Refused(gzip.compress(b"X\n"), 'pyreadr.read_r("a.rds")', name="a.rds"),
    "SQL": Refused("-- dump\nCREATE TABLE t (a REAL);\nINSERT INTO t VALUES (1);\n", "executescript"),
    "a pointer": Refused("version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 12345\n", "git lfs pull"),
    "Matrix Market": Refused("%%MatrixMarket matrix coordinate real general\n2 2 1\n1 1 5.1\n", "scipy.io.mmread"),
    "a table of HTML": Refused("<table><tr><td>1</td></tr></table>", "pd.read_html", name="a.xls"),
    "XML": Refused('<?xml version="1.0"?><rows><row><a>1</a></row></rows>', "pd.read_xml"),
    "a long table of pandas": Refused(f"{pd.DataFrame(np.eye(100))}\n", "as programs print it"),
    "a table of Polars": Refused("shape: (1, 2)\n┌───┬───┐\n│ a ┆ b │\n└───┴───┘\n", "as programs print it"),
    "a column of pandas": Refused("0    5.1\n1    4.9\nName: len, dtype: float64\n", "as programs print it"),
    "a list in a program": Refused("data = [[5.1, 3.5],\n        [4.9, 3.0]]\n", "as programs print it"),
    "rich text": Refused("{\\rtf1 1,2}", "rtf_to_text"),
    "a PDF document": Refused("%PDF-1.7\n1 0 obj\n", "pdfplumber"),
    "SPSS": Refused(b"$FL3@(#)" + bytes(99), "pd.read_spss", name="a.zsav"),
    "SPSS, portable": Refused("ASCII SPSS PORT FILE 00000\n", "read_por"),
    "Stata of old": Refused(b"\x72\2\1\0" + bytes(99), 'pd.read_stata("a.dta")', name="a.dta"),
    "Stata": Refused(b"<stata_dta><header>" + bytes(99), "pd.read_stata"),
    "SAS": Refused(bytes(99), "pd.read_sas", name="a.sas7bdat"),
    "Feather": Refused(b"ARROW1\0\0", "pd.read_feather"),
    "a stream of Arrow": Refused(b"\xff\xff\xff\xff" + bytes(9), "ipc.open_stream"),
    "ORC": Refused(b"ORC\0\x11", "pd.read_orc"),
    "SQLite": Refused(b"SQLite format 3\0", "sqlite3.connect"),
    "records of TensorFlow": Refused(bytes(99), "TFRecordDataset", name="a.tfrecord"),
    "Protocol Buffers": Refused(b"\x0a\x10\x0a\x0e", "a message of Protocol Buffers", name="a.pb"),
    "safetensors": Refused(bytes(9), "safetensors.numpy", name="a.safetensors"),
    "MNIST": Refused(b"\0\0\x08\3" + bytes(12), "np.frombuffer", "images", "t10k-images-idx3-ubyte"),
    "MATLAB's newer files": Refused(b"MATLAB 7.3 MAT-file" + bytes(99), "h5py.File", name="a.mat"),
    "MATLAB's oldest files": Refused(bytes(99), "loadmat", name="a.mat"),
    "an old pickle": Refused(pickle.dumps([[1, 2], [3, 4]], 0), "This is a pickle"),
    "an old tensor": Refused(pickle.dumps({"a": 1}, 2), "This is a file of PyTorch", name="a.pt"),
    "packed text": Refused(gzip.compress(b"1"), 'open("a.tsv", "wb").write(gzip.open("a.tsv.gz")', name="a.tsv.gz"),
    "text packed by bz2": Refused(b"BZh9" + bytes(9), "bz2.open", name="a.csv.bz2"),
    "text packed by xz": Refused(b"\xfd7zXZ\0" + bytes(9), "lzma.open", name="a.csv.xz"),
    "text packed by zstd": Refused(b"\x28\xb5\x2f\xfdabc", "zstandard", name="a.csv.zst"),
    "7z": Refused(b"7z\xbc\xaf\x27\x1c" + bytes(9), "py7zr.SevenZipFile", name="a.7z"),
    "a packed archive": Refused(gzip.compress(b"1"), "shutil.unpack_archive", name="a.tar.gz"),
    "a document": Refused(archive_of("[Content_Types].xml", "word/document.xml"), "docx.Document", name="a.docx"),
    "Apple's Numbers": Refused(archive_of("Index/Document.iwa", "preview.jpg"), "numbers_parser", name="a.numbers"),
    "a sound": Refused(b"RIFF\0\0\0\0WAVE", "wavfile.read", name="a.wav"),
    "a picture of Windows": Refused(b"BM" + bytes(99), "Image.open", "images", "a.bmp"),
    "a printed array": Refused("[[1. 2.]\n [3. 4.]]\n", "as programs print it"),
    "a printed tensor": Refused("tensor([[1., 2.],\n        [3., 4.]])", "as programs print it"),
    "a web page": Refused("<!DOCTYPE html>\n<html>1,2</html>\n", "This is a web page"),
    "LIBSVM": Refused("1 1:0.5 3:2\n-1 2:0.1\n", "load_svmlight_file", "classes"),
    "LIBSVM after a comment": Refused("# two\n1 1:0.5 3:2\n-1 2:0.1\n", "load_svmlight_file", "classes"),
    "LIBSVM with one value each": Refused("1 1:0.5\n0 2:1\n", "load_svmlight_file", "classes"),
    "LIBSVM without gaps": Refused("1 1:0.5 2:2\n2 1:0.1 2:3\n1 1:3 2:1\n", "load_svmlight_file", "classes"),
    "ARFF without rows": Refused("@relation a\n@attribute b real\n", "no line says @data"),
    "lines in quotation marks": Refused('"a,b"\n"1,2"\n"3,4"\n', "Each line is one cell, as line 2: 1,2. No separator"),
    "times": Refused("12:30\n12:31\n12:32\n", "Each line is one cell, as line 1: 12:30"),
    "sparse ARFF": Refused(
        "@relation r\n@attribute a numeric\n@attribute c {x,y}\n@data\n{0 5.1, 1 y}\n{0 3}\n",
        "This is sparse ARFF",
        "classes",
    ),
    # Cells. Each is named by line and column.
    "a word": Refused("a,b\n1,2\nx,4\n3,5\n", "Line 3, column a: x is not a number. Correct the cell"),
    "a word without titles": Refused("1,2\n3,x\n", "Line 2, column 2: x is not a number"),
    "after empty lines": Refused("\na,b\n\n1,2\n\n3,4\n5,x\n", "Line 7, column b: x is not"),
    "after a comment": Refused("# one\n# two\n1,2\n3,4\n5,x\n", "Line 5, column 2: x is not"),
    "words only": Refused(
        "a,b\nx,y\nz,u\n",
        "No column is left as a feature: one at least has to hold numbers. Column 1 holds words, as in line 1: a.",
    ),
    "weights in two units": Refused("重\n50公斤\n51克\n", "Line 2, column 重: 50公斤 is not read as a number"),
    "a share that is missing": Refused("a,b\n5 %,1\n,2\n6 %,3\n", "Line 3, column a: the value is missing (1 in"),
    "words by choice": Refused(
        "a,b,c\n1,x,yes\n2,y,no\n", "Column b holds words, as in line 2: x", "classes", choice=Choice(2, ())
    ),
    "thousands": Refused('a,b\n"1,200",2\n"1,300",4\n1,5\n', "Line 2, column a: 1,200 is not a number here"),
    "two decimal signs": Refused("a;b\n1.5;2\n1,5;4\n", "Line 3, column a: 1,5 is not a number here. Write all"),
    "units": Refused("a,b\n1,2\n3 cm,4\n5,6\n", "Line 3, column a: 3 cm is not a number"),
    "an underline": Refused("a,b\n1,2\n1_000,4\n5,6\n", "Line 3, column a: 1_000 is not"),
    "a gap": Refused("a,b\n1,2\n3,\n5,\n", "Line 3, column b: the value is missing (2 in this column)"),
    "a missing number, as people write it": Refused("a,b\n1,2\n-,4\n3,5\n", "Line 3, column a: the value is missing"),
    "a missing number, as Excel writes it": Refused("a,b\n1,2\n#DIV/0!,4\n", "Line 3, column a: the value is missing"),
    "a missing number in Chinese": Refused("a,b\n1,2\n缺失,4\n", "Line 3, column a: the value is missing"),
    "a missing class in numbers": Refused("a,c\n1,1\n2,-\n3,2\n", "Line 3, column c: the class is missing", "classes"),
    "money of two countries": Refused("a\n$12\n€13\n", "Line 2, column a: $12 is not read as a number"),
    "less than what can be measured": Refused("a\n<5\n<7\n", "Line 2, column a: <5 is not read as a number"),
    "a zero byte": Refused(
        "a,b\n1,2\n3\0,4\n" + "5,6\n" * 9, "Line 3 holds a byte that stands for nothing, after 3: the file is damaged"
    ),
    "a table that is called an array": Refused("a,b\n1,2\n", "when the file is called .csv", name="a.npy"),
    "time series": Refused(
        "@problemName x\n@timeStamps false\n@classLabel true a b\n@data\n1,2:a\n3,4:b\n",
        "a file of time series",
        name="a.ts",
    ),
    "ARFF with weights of rows": Refused(
        "@relation a\n@attribute b real\n@data\n1,{2}\n2,{3}\n", "ARFF whose rows have weights", name="a.arff"
    ),
    "a point cloud in binary": Refused(
        b"# .PCD v0.7\nVERSION 0.7\nFIELDS x\nSIZE 4\nDATA binary\n\0\1", "open3d.io.read_point_cloud", name="a.pcd"
    ),
    "one byte that is not UTF-8": Refused(
        "长度,宽度\n1,2\n3,4\n花,".encode() + b"\xff\n",
        "Line 4 holds bytes that are not UTF-8, after 花,; the rest of the file is",
    ),
    "UTF-8 that is cut": Refused("长度,宽度\n1,2\n3,长".encode()[:-1], "Line 3 holds bytes that are not UTF-8"),
    "complex numbers of NumPy": Refused(saved(np.ones((3, 2)) + 1j), "Line 1, column 1: (1.0000"),
    "complex numbers": Refused("a\n1+2j\n2-1j\n", "Line 2, column a: 1+2j is not read as a number"),
    "a gap at the start": Refused("a,b\n,2\n3,4\n", "Line 2, column a: the value is missing (1 in this column)"),
    "NA": Refused("a,b\n1,2\nNA,4\n", "Line 3, column a: the value is missing"),
    "nan": Refused("a,b\n1,2\n2,nan\n", "Line 3, column b: the value is missing"),
    "infinity": Refused("a,b\n1,2\ninf,6\n3,4\n", "Line 3, column a: inf is not a number"),
    "too large": Refused("a,b\n1,2\n1e30,4\n", "Line 3, column a: 1e30 is beyond 1e+09"),
    "beyond float64": Refused("1,2\n3," + "9" * 400 + "\n", "Line 2, column 2: 999"),
    "a class is missing": Refused(
        "a,cls\n1,x\n2,\n3,y\n", "Line 3, column cls: the class is missing (1 in all)", "classes"
    ),
    "a class in numbers is missing": Refused(
        "a,cls\n1,0\n2,\n3,1\n", "Line 3, column cls: the class is missing", "classes", choice=Choice(1, ())
    ),
    "Fortran's exponents": Refused("a b\n1.0D+00 2.0D+00\n3.0D+00 4.0D+00\n", "Line 2, column a: 1.0D+00 is not read"),
    "shares of two kinds": Refused("a\n12%\n13‰\n", "Line 2, column a: 12% is not read as a number"),
    # Lines.
    "a line too long": Refused("a,b\n1,2\n3,4\n5,6,7\n", "Cells in line 4: 3; in the others: 2"),
    "a line too short": Refused("1,2,3\n3,4\n5,6,7\n8,9,1\n", "Cells in line 2: 2; in the others: 3"),
    "a last row of several lines": Refused(
        "'a','b'\n'1','2'\n'3','4'\n'5''6\n\n, x'\n", "Cells in line 6: 1; in the others: 2"
    ),
    "a second table": Refused(
        "a,b\n1,2\n3,4\n\nc,d\n5,6\n", "In line 5, after an empty line, a second table begins: c, d."
    ),
    "a second table of a spreadsheet": Refused(
        "a,b,\n1,2,\n3,4,\n,,\nc,d,e\n5,6,7\n", "a second table begins: c, d, e"
    ),
    "a sum below the table": Refused("a,b\n1,2\n3,4\n\nTotal,6\n", "Line 5, column a: Total is not a number"),
    "few titles": Refused("a\n1,2,3\n4,5,6\n", "Titles: 1; columns: 3"),
    "a title short": Refused("a,b\n1,2,3\n4,5,6\n", "Titles: 2; columns: 3. Give each"),
    "many titles": Refused("a,b,c,d\n1,2,3\n4,5,6\n", "Titles: 4; columns: 3"),
    "an open quotation": Refused('a,b\n1,2\n"3,4\n5,6\n', "Line 3 cannot be taken apart"),
    "titles only": Refused("a,b\n", "the table has 0"),
    "one row": Refused("1,2,3\n", "at least 2 rows; the table has 1"),
    "titles and one row": Refused("a,b\n1,2\n", "at least 2 rows; the table has 1"),
    "too wide": Refused(
        ",".join(["1"] * 257) + "\n" + ",".join(["2"] * 257) + "\n", "257 columns; at most 20000 and 256"
    ),
    "much too wide": Refused(",".join(["1"] * 9000) + "\n", "9000 columns"),
    "too long": Refused("1\n" * 20_002, "20002 rows"),
    "lines and lines before": Refused("#\n" * 500 + "\n" * 500 + "1,2\n3,4\n", "no table in the first 1000 lines"),
    "nothing but line breaks": Refused("\n" * 2000, "The file is empty"),
    # Classes.
    "no class": Refused("a\n1\n2\n", "The table has one column: training needs", "classes"),
    "one class": Refused("a,b\n1.5,2\n2.5,2\n", "Different values in column b: 1; there may be 2 to 20", "classes"),
    "fractions": Refused("a,b\n1.5,2.5\n2.5,1\n", "Column b holds 2.5; classes are whole numbers", "classes"),
    "too many classes": Refused("\n".join(f"{i / 4},{i}" for i in range(30)), "column 2: 30;", "classes"),
    "a quantity": Refused(
        "len,price\n" + "".join(f"{i / 4},{100 + 7 * i}\n" for i in range(12)),
        "column price has 12|Column price has 12",
        "classes",
    ),
    "a quantity with repetitions": Refused(
        "len,age\n" + "".join(f"{i / 4},{20 + 7 * i % 16}\n" for i in range(40)),
        "Column age has 16 different",
        "classes",
    ),
    "an amount, and whole numbers first": Refused(
        "n,len,price\n" + "".join(f"{i * i},{i / 4},{i / 8}\n" for i in range(1, 9)),
        "Column price holds 0.125",
        "classes",
    ),
    "days": Refused(
        "len,day\n5.1,2024-01-01\n4.9,2024-01-02\n4.7,2024-01-03\n", "that is a quantity, a date", "classes"
    ),
    "a class of names": Refused("\n".join(f"{i},name {i}" for i in range(30)), "column 2: 30;", "classes"),
    "npz with classes of another length": Refused(
        as_npz(X=np.array(ROWS), y=np.zeros(4)), "X (3, 2) and y (4,) do not fit", "classes", "a.npz"
    ),
    "npz with almost one-hot classes": Refused(
        as_npz(X=np.array(ROWS), y=np.ones((3, 2))), "or one-hot rows of 0 and 1", "classes", "a.npz"
    ),
    "npz with several arrays for y": Refused(
        as_npz(X=np.array(ROWS), a=np.zeros(3), b=np.ones(3)),
        "in several arrays: a (3,), b (3,). Call one",
        "classes",
        "a.npz",
    ),
    "npz turned round": Refused(
        as_npz(X=np.ones((2, 3)), y=np.zeros(3)), "Save the array turned round, X=X.T", "classes", "a.npz"
    ),
    "images without classes": Refused(
        as_npz(X=np.zeros((4, 3, 3))), "There are no classes: save an array y", "classes", "a.npz"
    ),
    # Arrays.
    "cut": Refused(as_npy(TABLE)[:-8], "damaged", name="a.npy"),
    "pickled": Refused(
        as_npy(bomb_array(), allow_pickle=True), "pickled Python objects, which are never", name="a.npy"
    ),
    "bare pickle": Refused(pickle.dumps(Bomb()), "This is a pickle", name="a.npy"),
    "pickled in an archive": Refused(as_npz(x=bomb_array()), "The array x (2, 1) holds pickled", name="a.npz"),
    "pickled classes": Refused(
        as_npz(X=np.array(ROWS), y=np.array([{}, {}, {}], dtype=object)),
        "The array y (3,) holds pickled",
        "classes",
        "a.npz",
    ),
    "text": Refused(as_npy(np.array([["a"], ["b"]])), "not real numbers", name="a.npy"),
    "complex": Refused(
        as_npy(np.ones((3, 2), dtype=complex)), "complex128 values, not real numbers. Save np.stack", name="a.npy"
    ),
    "a dictionary": Refused(
        as_npy(np.array({"X": ROWS}), allow_pickle=True), 'words: np.savez("data.npz", **array.item())', name="a.npy"
    ),
    "records with words": Refused(
        as_npy(IRIS.to_records(), allow_pickle=True), 'words: pd.DataFrame(array).to_csv("data.csv"', name="a.npy"
    ),
    "VTK": Refused("# vtk DataFile Version 3.0\nx\nASCII\n1 2\n3 4\n", "This is a mesh"),
    "faces of a mesh": Refused("v 1 2 3\nv 4 5 6\nv 7 8 1\nf 1 2 3\n", "This is a mesh", name="a.obj"),
    "a spectrum of which only every n-th place is written": Refused(
        "##TITLE=x\n##XYDATA=(X++(Y..Y))\n400 1 2\n408 3 4\n", "JCAMP-DX"
    ),
    "gnuplot": Refused(
        "set term png\nplot 'a.dat' using 1:2\n", "gnuplot turn it into a file that can be read here: set table"
    ),
    "a last row of words": Refused(
        "a,b\n1,2\n3,4\nTotal,6\n", "Line 4, column a: Total is not a number. Correct the cell, delete the line"
    ),
    "one property": Refused("a,b\n1,2\nx,y\n4,5\n", "Line 3, column a: x is not a number"),
    "pairs of words": Refused("a,b\nx,1\n2,3\n4,5\n", "Line 2, column a: x is not a number"),
    "LIBSVM's with numbers of queries": Refused("1 qid:1 1:0.5 2:3\n0 qid:1 1:0.25 # d2\n", "This is LIBSVM's format"),
    "structured": Refused(
        as_npy(np.zeros(3, dtype=[("a", "f4"), ("b", "f4")])), "Save pd.DataFrame(array).to_csv(", name="a.npy"
    ),
    "dates": Refused(
        as_npy(np.zeros((3, 2), dtype="datetime64[s]")), "The array (3, 2) holds datetime64[s]", name="a.npy"
    ),
    "no columns": Refused(as_npy(np.zeros((5, 0))), "No column is left", name="a.npy"),
    "a number": Refused(as_npy(np.asarray(3.0)), "The array a.npy holds a single number", name="a.npy"),
    "structured, of version 3": Refused(
        as_npy(np.zeros(3, dtype=[("长", "f4")]), version=(3, 0)), "Save pd.DataFrame(array).to_csv(", name="a.npy"
    ),
    "nan in an array": Refused(
        as_npy(np.array([[1.0, np.nan], [np.inf, 2.0], [3.0, 4.0]])),
        "2 of 6 values are missing, NaN or infinite, the first at [0, 1]",
        name="a.npy",
    ),
    "too large in an array": Refused(as_npy(np.array([[1.0], [1e30]])), "The value at [1, 0] is 1e+30", name="a.npy"),
    "nan among classes": Refused(as_npy(np.array([[1.0, np.nan], [2, 1]])), "at [0, 1]", "classes", "a.npy"),
    # Shapes and sizes that are refused before anything is unpacked.
    "huge": Refused(header_only((10**9, 10**9)), "unpack to", name="a.npy"),
    "overflowing": Refused(header_only((2, 2**62, 2**62)), "unpack to", name="a.npy"),
    "beyond 64 bits": Refused(header_only((2, 2**70)), "not a NumPy array", name="a.npy"),
    "negative": Refused(header_only((-2, -3)), "not a NumPy array", name="a.npy"),
    "truth values as sizes": Refused(header_only((True, False)), "not a NumPy array", name="a.npy"),
    "truth values as sizes of images": Refused(header_only((True, True, 8, 8)), "not a NumPy array", "images", "a.npy"),
    "a huge header": Refused(b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65_535, "not a NumPy array", name="a.npy"),
    "rows": Refused(header_only((20_001, 2)), "20001 rows", name="a.npy"),
    "columns": Refused(header_only((2, 257)), "257 columns", name="a.npy"),
    "npy called npz": Refused(as_npy(TABLE)[:60], "damaged|not a NumPy", name="a.npz"),
    "a sparse matrix": Refused(sparse(csr_array(TABLE)), "X=matrix.toarray()", name="a.npz"),
    "a sparse matrix of triplets": Refused(sparse(coo_array(TABLE)), "a sparse matrix of SciPy", "classes", "a.npz"),
    "an empty archive": Refused(as_npz(), "empty", name="a.npz"),
    "no array": Refused(archive(b"hello", 0), "not a NumPy array", name="a.npz"),
    "encrypted": Refused(encrypted(), "encrypted", name="a.npz"),
    "bz2": Refused(archive(header_only((20_000, 256)), 41_000_000, zipfile.ZIP_BZIP2), "unusual way", name="a.npz"),
    "lzma": Refused(archive(header_only((20_000, 256)), 41_000_000, zipfile.ZIP_LZMA), "unusual way", name="a.npz"),
    "a bomb": Refused(archive(header_only((20_000, 256)), 300_000_000), "unpack to 300 MB; at most 41", name="a.npz"),
    "words in place of numbers": Refused(
        twice(TABLE, np.array([["a"] * 2] * 3)), "more than one array x", name="a.npz"
    ),
    "another shape in its place": Refused(twice(TABLE, np.zeros(5)), "more than one array x", name="a.npz"),
    "records in its place": Refused(twice(TABLE, np.zeros(3, "f4,f4")), "more than one array x", name="a.npz"),
    "many arrays": Refused(as_npz(**{f"a{i}": TABLE for i in range(65)}), "holds 65 arrays", name="a.npz"),
    # Images.
    "flattened images": Refused(
        as_npy(np.zeros((20, 784))), "20 flattened ones: save array.reshape(-1, 28, 28)", "images", "a.npy"
    ),
    "flattened images in colour": Refused(
        as_npy(np.zeros((20, 3072), dtype=np.uint8)), "save array.reshape(-1, 3, 32, 32)", "images", "a.npy"
    ),
    "one value": Refused(as_npy(np.zeros((9, 9))), "All pixels have one value", "images", "a.npy"),
    "a row of pixels": Refused(as_npy(np.zeros(64)), "An array of shape (64,) is no image", "images", "a.npy"),
    "two channels": Refused(as_npy(np.zeros((2, 2, 8, 8))), "no image. Read are (H, W), (N, H, W)", "images", "a.npy"),
    "small": Refused(as_npy(np.zeros((7, 20))), "7×20", "images", "a.npy"),
    "wide": Refused(header_only((300, 300)), "300×300", "images", "a.npy"),
    "many": Refused(header_only((2001, 8, 8)), "2001 images", "images", "a.npy"),
    "many pixels": Refused(header_only((100, 100, 100, 3)), "at most 1000000 values", "images", "a.npy"),
    "no pixels": Refused(as_npy(np.full((8, 8), np.nan)), "NaN", "images", "a.npy"),
    "pickled image": Refused(
        as_npy(np.array([{}] * 64, dtype=object).reshape(8, 8), allow_pickle=True), "never loaded", "images", "a.npy"
    ),
    "a long image": Refused("\n".join(",".join("1" for _ in range(9)) for _ in range(257)), "257×9", "images"),
    "a torn image": Refused(
        "\n".join(",".join(str(i * j) for i in range(9)) + ",x" * (j == 5) for j in range(9)),
        "Cells in line 6: 10",
        "images",
    ),
}


@pytest.mark.parametrize("file", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_says_where_and_what_to_do(file: Refused) -> None:
    content = file.content.encode() if isinstance(file.content, str) else file.content
    with pytest.raises(UploadError) as refused:
        read_upload(file.name, content, file.kind, file.choice)
    assert any(words in str(refused.value) for words in file.told.split("|"))
    assert "{" not in refused.value.text("zh")


def test_no_pickle_is_ever_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: object, **__: object) -> None:
        pytest.fail("a pickle was opened")

    monkeypatch.setattr(pickle, "load", opened)
    monkeypatch.setattr(pickle, "loads", opened)
    for case in ("pickled", "pickled in an archive", "bare pickle", "pickled classes"):
        file = REFUSED[case]
        assert isinstance(file.content, bytes)
        with pytest.raises(UploadError):
            read_upload(file.name, file.content, file.kind)


def test_no_more_of_an_archive_is_unpacked_than_its_array_needs() -> None:
    """The archive's directory says what it likes, and so does the array's header: memory follows the smaller of what is allowed."""
    bomb = archive(header_only((20_000, 200), "<f4"), 40_000_000)
    tracemalloc.start()
    try:
        upload = read_upload("a.npz", bomb)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert upload.values.shape == (20_000, 200)
    assert peak < 140e6
    for case in ("bz2", "lzma", "a bomb", "huge"):
        file = REFUSED[case]
        assert isinstance(file.content, bytes)
        tracemalloc.start()
        try:
            with pytest.raises(UploadError):
                read_upload(file.name, file.content)
            assert tracemalloc.get_traced_memory()[1] < 5e6
        finally:
            tracemalloc.stop()


def test_a_lie_about_the_size_does_not_help() -> None:
    """The directory declares a small array, the array's own header a table within the limits, the member is endless."""
    bomb = bytearray(archive(header_only((2, 2)), 300_000_000))
    for mark, place in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = bomb.index(mark) + place
        bomb[at : at + 4] = (160).to_bytes(4, "little")
    long = archive(header_only((2, 2)), 40_000_000)
    tracemalloc.start()
    try:
        with contextlib.suppress(UploadError):  # its checksum is wrong too
            read_upload("a.npz", bytes(bomb))
        np.testing.assert_array_equal(read_upload("a.npz", long).values, np.zeros((2, 2)))
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


def test_limits_themselves_are_allowed() -> None:
    assert read_upload("a.npy", as_npy(np.ones((20_000, 1), dtype=np.int8))).values.shape == (20_000, 1)
    assert read_upload("a.npy", as_npy(np.ones((2, 256)))).values.shape == (2, 256)
    assert read_upload("a.csv", b"h\n" + b"1\n" * 20_000).values.shape == (20_000, 1)
    wide = "\n".join(",".join(["1"] * 256) for _ in range(2))
    assert read_upload("a.csv", wide.encode()).values.shape == (2, 256)
    labelled = "\n".join(f"{row}," + ",".join(["1"] * 256) + f",{'ab'[row]}" for row in range(2))
    titles = "," + ",".join(f"x{column}" for column in range(256)) + ",cls\n"
    assert read_upload("a.csv", (titles + labelled).encode(), "classes").values.shape == (2, 257)


def test_what_there_is_to_choose_from_is_known_even_where_the_first_choice_is_refused() -> None:
    opened = open_upload("a.csv", b"a,b,c\n1,x,0.5\n2,y,1.5\n3,x,0.5\n", "classes")
    assert (opened.columns, opened.choice) == (("a", "b", "c"), Choice(1, ()))
    opened = open_upload("a.csv", b"a,b,c\n1,?,0.5\n2,2,1.5\n1,3,0.7\n", "classes")
    with pytest.raises(UploadError, match="Line 2, column b"):
        opened.read()
    assert opened.columns == ("a", "b", "c")
    assert opened.read(Choice(0, (1,))).features == ("c",)
    assert open_upload("a.npz", as_npz(X=TABLE, y=np.array([0, 1, 0, 1])), "classes").choice == Choice(None, ())
    assert open_upload("a.npy", as_npy(GREY), "images").columns == ()


HOSTILE = "a\n{name}'\\\"; import os; os.abort() #.csv"


def test_what_is_no_number_of_a_row_and_no_number_is_not_taken_for_one() -> None:
    glucose = "".join(f"{100 + i * 13 % 50},{25 + i / 10:.1f}\n" for i in range(40))
    assert read_upload("a.csv", glucose.encode()).warnings == ()
    assert read_upload("a.csv", b"ip,x\n192.168.100.200,5\n192.168.100.201,7\n").warnings == ()


def test_a_hostile_name_is_text_in_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = HOSTILE.replace("\\", "")
    upload = read_upload(f"C:\\data\\{name}", b"1,2\n3,4\n")
    assert upload.filename == name
    np.testing.assert_array_equal(read_by_script(upload, b"1,2\n3,4\n", tmp_path, monkeypatch), [[1, 2], [3, 4]])


CELLS = st.integers(-999, 999).map(str) | st.floats(-1e6, 1e6).map(repr)


@given(
    rows=st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=2, max_size=6)
    ),
    separator=st.sampled_from([",", ";", "\t", " "]),
    decimal=st.sampled_from([".", ","]),
    titled=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_is_written_in_any_usual_way_is_read_as_it_was_written(
    rows: list[list[str]], separator: str, decimal: str, titled: bool, encoding: str, end: str, tmp_path_factory: Any
) -> None:
    if separator == "," or len(rows[0]) == 1:
        decimal = "."
    titles = [f"ü{place}" for place in range(len(rows[0]))]
    lines = [separator.join(cell.replace(".", decimal) for cell in row) for row in rows]
    content = end.join([separator.join(titles)] * titled + lines).encode(encoding)
    if not titled and rows[0] == [str(place) for place in range(len(rows[0]))]:
        return
    upload = read_upload("a.csv", content)
    np.testing.assert_array_equal(upload.values, np.array(rows, dtype=np.float64).astype(np.float32))
    assert upload.features == tuple(titles if titled else [str(place + 1) for place in range(len(rows[0]))])
    with pytest.MonkeyPatch.context() as patch:
        again = read_by_script(upload, content, tmp_path_factory.mktemp("script"), patch)
    np.testing.assert_array_equal(again, upload.values)


FRAGMENTS = st.lists(
    st.sampled_from(
        ["0", "1", "2", "-3.5", "1,5", ",", ",", ";", "\t", " ", "\n", "\n", '"', "a", "NA", "#", "e", "True", "_"]
    ),
    max_size=40,
).map(lambda parts: "".join(parts).encode())


@settings(max_examples=100)
@example(name="a.npy", content=b"\x93NUMPY\x01\x00\x06\x00\x00\x00\x00'''", kind="table")
@given(
    name=st.sampled_from(["a.csv", "a.npy", "a.npz"]),
    content=st.binary(max_size=300)
    | FRAGMENTS
    | st.builds(
        lambda at, by: bytes(b ^ (by if i == at else 0) for i, b in enumerate(as_npy(TABLE))),
        st.integers(0, 200),
        st.integers(1, 255),
    )
    | st.builds(
        lambda at, by: bytes(b ^ (by if i == at else 0) for i, b in enumerate(as_npz(x=TABLE, y=TABLE[:, 0]))),
        st.integers(0, 500),
        st.integers(1, 255),
    ),
    kind=st.sampled_from(["table", "classes", "images"]),
)
def test_whatever_comes_in_an_upload_or_an_upload_error_comes_out(
    name: str, content: bytes, kind: Kind, tmp_path_factory: Any
) -> None:
    try:
        upload = read_upload(name, content, kind)
    except UploadError:
        return
    assert upload.rows >= (1 if kind == "images" else 2)
    assert upload.values.shape[1] >= 1
    assert np.isfinite(upload.values).all()
    with pytest.MonkeyPatch.context() as patch:
        again = read_by_script(upload, content, tmp_path_factory.mktemp("script"), patch)
    np.testing.assert_array_equal(again, upload.values)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "unit",
    [
        "&",
        "a ",
        " ",
        "'",
        '"',
        "-",
        "|",
        "[",
        "1 ",
        "1:",
        "a=",
        "\\",
        "=",
        "1,",
        "#",
        "[1",
        "\u200b",
        "é",
        "长",
        "a:",
        "- ",
        "\n\nend",
        "#\n",
        "---\n",
    ],
)
@pytest.mark.parametrize("start", ["", "a", "1,2\n3,4\n"])
def test_no_text_takes_time_that_grows_with_its_square(unit: str, start: str) -> None:
    size = len(unit.encode())
    with contextlib.suppress(UploadError):
        read_upload("a.csv", (start + unit * (1_900_000 // size) + "b").encode(), "classes")


@pytest.mark.timeout(60)
def test_a_cell_of_very_many_digits_is_read_once() -> None:
    """As long as a file may be; with as many tries as digits it would not end today."""
    with pytest.raises(UploadError):
        read_upload("a.csv", b"9" * 1_900_000 + b"x\n1\n2\n", "classes")
