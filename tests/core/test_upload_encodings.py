"""The encodings of text files: what people write in their languages is read, the page says by what guess, and so does the script."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from bnviz.core.uploads.encodings import ENCODINGS, MAX_WEIGHED, decode
from bnviz.errors import UploadError
from tests.uploads import read_by_script, read_upload, said

TITLES = {
    "zh": "花萼长度 花瓣宽度 年龄 性别 身高 体重 温度 湿度 类别 玫瑰 菊花 合格 北京",
    "zh_Hant": "花萼長度 花瓣寬度 年齡 性別 身高 體重 溫度 濕度 類別 玫瑰 菊花 合格 臺北",
    "ja": "がく片の長さ 花弁の幅 年齢 性別 身長 体重 温度 湿度 種類 バラ あやめ 合格 東京",
    "ko": "꽃받침길이 꽃잎너비 나이 성별 키 몸무게 온도 습도 종류 장미 국화 합격 서울",
    "ru": "длина ширина возраст пол рост вес температура Класс роза ирис Москва ОЦЕНКА",
    "uk": "довжина ширина вік стать зріст вага температура Клас троянда Київ",
    "de": "Länge Größe Höhe Fläche Alter_ä männlich süß weiß Körpergröße ÖL",
    "fr": "température durée âge espèce numéro réussi échoué prénom où forêt",
    "es": "año tamaño categoría duración niño corazón edición número",
    "pl": "długość szerokość płeć wysokość róża żółty prędkość średnia Łódź",
    "cs": "délka šířka růže žlutý výška váha město průměr třída Plzeň",
    "tr": "genişlik ağırlık yaş sıcaklık öğrenci çiğdem ışık şehir İstanbul",
    "el": "μήκος πλάτος ηλικία φύλο ύψος βάρος τιμή πόλη ναι όχι",
    "he": "אורך רוחב גיל משקל גובה מחיר עיר תאריך תוצאה ורד אירוס",
    "ar": "طول عرض نوع عمر وزن ارتفاع سعر مدينة تاريخ نعم",
    "th": "ความยาว ความกว้าง ชนิด อายุ น้ำหนัก ความสูง ราคา กุหลาบ อุณหภูมิ",
}
WRITTEN = [
    ("zh", "gbk"),
    ("zh", "gb18030"),
    ("zh_Hant", "big5"),
    ("zh_Hant", "cp950"),
    ("ja", "shift_jis"),
    ("ja", "euc_jp"),
    ("ja", "iso2022_jp"),
    ("ko", "euc_kr"),
    ("ru", "cp1251"),
    ("ru", "koi8_r"),
    ("ru", "cp866"),
    ("uk", "cp1251"),
    ("de", "cp1252"),
    ("de", "mac_roman"),
    ("de", "cp850"),
    ("fr", "latin-1"),
    ("es", "cp1252"),
    ("pl", "cp1250"),
    ("pl", "iso8859_2"),
    ("cs", "cp1250"),
    ("tr", "cp1254"),
    ("el", "cp1253"),
    ("he", "cp1255"),
    ("ar", "cp1256"),
    ("th", "cp874"),
]


@pytest.mark.parametrize(("language", "codec"), WRITTEN)
def test_words_of_a_language_are_read_in_its_encoding(
    language: str, codec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles = TITLES[language].split()
    rows = "".join(f"{place}.5,{place * place},{word}\n" for place, word in enumerate(titles + titles))
    content = (f"{titles[2]},{titles[3]},{titles[4]}\n{rows}").encode(codec)
    upload = read_upload("a.csv", content, "classes")
    assert upload.features == (titles[2], titles[3])
    assert upload.classes is not None
    assert set(upload.classes.names) == set(titles)
    if codec != "iso2022_jp":
        assert "is a guess" in said(upload)
    np.testing.assert_array_equal(read_by_script(upload, content, tmp_path, monkeypatch), upload.values)


def test_few_words_are_enough_for_most_files() -> None:
    """Of files with five words each, drawn at random, three in four are read right in every encoding."""
    draw = random.Random(0)
    for language, codec in WRITTEN:
        words = TITLES[language].split()
        files = [",".join(draw.sample(words, 5)) + "\n1,2\n" for _ in range(20)]
        right = sum(decode(text.encode(codec)).text == text for text in files)
        assert right >= 15, (language, codec, right)


@pytest.mark.parametrize("unit", ["t °C", "x µm", "cm²", "5 µg/m³", "±", "20–30", "Ångström"])
def test_units_are_no_foreign_letters(unit: str) -> None:
    assert decode(f"{unit},b\n1,2\n".encode("cp1252")).text.startswith(unit)


def test_of_a_few_letters_the_page_says_what_else_they_may_be() -> None:
    content = "вид,b\n1,2\n3,4\n".encode("koi8_r")
    found = decode(content)
    assert found.guessed
    assert found.rival
    assert "is a guess from few letters, and" in said(read_upload("a.csv", content))
    assert "fits nearly as well" in said(read_upload("a.csv", content))


def test_what_says_its_encoding_is_no_guess() -> None:
    for codec in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        found = decode("长度,b\n1,2\n".encode(codec))
        assert (found.text, found.guessed, found.rival) == ("长度,b\n1,2\n", False, "")


def test_a_long_file_takes_no_longer() -> None:
    """Only the first bytes of words are weighed, and they may end within a letter."""
    word = "длина".encode("cp1251")
    assert decode(word * 300_000).encoding == "cp1251"
    chinese = "长度".encode("gbk") * MAX_WEIGHED
    for more in (b"", b"x", b"xy"):
        assert decode(more + chinese).encoding == "gb18030"


def test_every_encoding_can_be_read_by_a_script() -> None:
    for encoding in ENCODINGS:
        assert b"1,2".decode(encoding.codec) == "1,2"


def test_what_is_no_text_is_refused() -> None:
    for content in (b"\xff\x01\x02", b"a\x1fb", b"\x81\x8d\x00\x01"):
        with pytest.raises(UploadError, match="is not text"):
            decode(content)
