"""The search finds the right card for what people write: titles of public threads, tracebacks, other libraries' words, Chinese."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Final
from unittest.mock import Mock

import numpy as np
import pytest

from bnviz.i18n import LANGUAGES, Language, translator
from bnviz.labs.cases import search as module
from bnviz.labs.cases import votes
from bnviz.labs.cases.case import FAMILIES
from bnviz.labs.cases.catalogue import CASES
from bnviz.labs.cases.search import LONGEST_LINK, LONGEST_QUERY, MOST, names_no_symptom, search, shortened
from bnviz.labs.cases.spelling import corrected
from bnviz.labs.cases.synonyms import SYNONYMS
from bnviz.labs.cases.terms import HAN
from bnviz.labs.cases.titles import Title, questions, titles

TRACEBACK = """Traceback (most recent call last):
  File "/home/user/project/train.py", line 214, in <module>
    main(args)
  File "/home/user/project/train.py", line 121, in main
    output = model(images)
  File "/opt/conda/lib/python3.10/site-packages/torch/nn/modules/module.py", line 1501, in _call_impl
    return forward_call(*args, **kwargs)
  File "/home/user/project/models/deeplab.py", line 77, in forward
    x = self.aspp(x)
  File "/opt/conda/lib/python3.10/site-packages/torch/nn/modules/batchnorm.py", line 171, in forward
    return F.batch_norm(
  File "/opt/conda/lib/python3.10/site-packages/torch/nn/functional.py", line 2448, in batch_norm
    _verify_batch_size(input.size())
  File "/opt/conda/lib/python3.10/site-packages/torch/nn/functional.py", line 2416, in _verify_batch_size
    raise ValueError(f"Expected more than 1 value per channel when training, got input size {size}")
"""


PLAIN: Final = 158
"""Titles held out of the first lists, which took those that say what is wrong."""


def first(query: str) -> str:
    """The name of the best card; empty where nothing fits."""
    return next((case.name for case in search(query)), "")


def learned() -> list[Title]:
    """The titles that the search learns from."""
    return [title for title in titles() if title.learned]


def held_out() -> list[Title]:
    """The titles that only test it."""
    return [title for title in titles() if not title.learned]


@cache
def left_out() -> tuple[str, ...]:
    """The best card for each learned title, by votes that have not learned from it."""
    inverse = np.linalg.inv(votes.alike())
    alone = votes.meant() - inverse @ votes.meant() / np.diag(inverse)[:, None]
    best = []
    for title, vote in zip(learned(), alone, strict=False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "votes", Mock(return_value=vote))
            best.append(first(title.text))
    return tuple(best)


def test_of_titles_that_it_learns_from_three_of_four_have_their_card_first_though_left_out() -> None:
    """Of 1336, 1042 (78 %). Half of the first 967 were in view when the synonyms were chosen: 88 % of these.

    Of the last 369 52 %: what a search for such threads brought up after those before had been taken.
    """
    wrong = [(title.text, title.card) for title, best in zip(learned(), left_out(), strict=True) if best != title.card]
    assert len(wrong) <= len(learned()) / 4, wrong


def test_nine_of_ten_titles_that_say_what_they_are_about_have_its_card_first() -> None:
    """Of the 258 titles that nobody tuned on 118 let a reader who sees nothing else be sure of the card; 111 have it first (94 %)."""
    sure = [title for title in held_out() if title.certainty == "sure"]
    assert len(sure) >= 100
    wrong = [(title.text, title.card) for title in sure if first(title.text) != title.card]
    assert len(wrong) <= len(sure) / 10, wrong


def test_where_the_search_is_wrong_a_reader_of_the_title_is_not_always_right() -> None:
    """The reader names the card of 204 of 258 titles that nobody tuned on (79 ± 5 %), the search of 170 (66 ± 6 %).

    Where they are sure, 115 and 111 of 118; where a card is likely, 71 and 52 of 93; where they guess, 18 and 7 of 47.
    """
    read = sum(title.guessed == title.card for title in held_out())
    found = sum(first(title.text) == title.card for title in held_out())
    assert found <= read < len(held_out())
    assert found >= 170 - len(held_out()) / 30


@pytest.mark.parametrize(
    ("titles_of", "first_is_right", "first_is_either", "either_in_three"),
    [(slice(PLAIN), 0.766, 0.848, 0.93), (slice(PLAIN, None), 0.49, 0.54, 0.64)],
    ids=["titles-that-say-what-is-wrong", "titles-however-little-they-say"],
)
def test_how_many_titles_that_nobody_tuned_on_have_their_card_first(
    titles_of: slice, first_is_right: float, first_is_either: float, either_in_three: float
) -> None:
    """What a stranger's title can expect: labelled by what the thread says and set aside before any search was tried on it.

    Of the first 158, 121 have their card first (77 %, a sample of this size tells it to ± 7), 134 it or the second that the thread is
    as much about (85 ± 6 %), 147 one of both among the first three (93 ± 4 %).

    The last 100 were drawn from what the same subjects brought up after the plainest titles had been taken: 49, 54 and 64 of them
    (± 10). Half of the misses do not name the trouble ("batchnorm issue", "Why is .train()", "Inference on CPU", "Implementation
    error"), others say only where it was met ("ONNX Export error": a batch of one; "RuntimeError While Freeze BN layers": half
    precision) or one of two near cards ("replace syncbn with bn when exporing inference model").

    More titles do not help much: without any 45 % of 200 learned ones that were added last had their card first, with 967 others 48 %,
    with the rest of the 200, too, 50 %. Neither do 460 questions in English, made up as those in Chinese were, runs of letters, words
    of no symptom, pairs of words far apart, a logistic regression, neighbours' votes, what is reported most, other weights or another
    ridge: within 1 % of it all. Changes may cost one title in thirty.
    """
    ranked = [(title, [case.name for case in search(title.text)]) for title in held_out()[titles_of]]
    either = [({title.card, title.also} - {""}, cards) for title, cards in ranked]
    slack = len(ranked) / 30
    assert sum(cards[:1] == [title.card] for title, cards in ranked) >= first_is_right * len(ranked) - slack
    assert sum(not meant.isdisjoint(cards[:1]) for meant, cards in either) >= first_is_either * len(ranked) - slack
    assert sum(not meant.isdisjoint(cards[:3]) for meant, cards in either) >= either_in_three * len(ranked) - slack


def test_a_title_does_not_testify_for_itself() -> None:
    """Learning it by heart would find every one."""
    by_heart = sum(first(title.text) == title.card for title in learned())
    assert sum(card == title.card for title, card in zip(learned(), left_out(), strict=True)) < by_heart


@pytest.mark.parametrize("number", [0, 100, 500])
def test_leaving_out_is_what_learning_without_it_would_give(number: int) -> None:
    rest = np.delete(np.arange(len(votes.lessons())), number)
    alike, meant = votes.alike(), votes.meant()
    refitted = alike[number, rest] @ np.linalg.solve(alike[np.ix_(rest, rest)], meant[rest])
    inverse = np.linalg.inv(alike)
    np.testing.assert_allclose(meant[number] - (inverse @ meant)[number] / inverse[number, number], refitted, atol=1e-9)


def test_a_vote_hears_only_what_some_lesson_says() -> None:
    assert not votes.votes({"xyzzy": 1.0}).any()
    assert not votes.votes({}).any()
    sure, unsure = votes.votes({"flax": 1.0}), votes.votes({"flax": 1.0, "xyzzy": 1.0})
    assert CASES[int(sure.argmax())].name == CASES[int(unsure.argmax())].name == "functional_state"
    assert 0 < unsure.max() < sure.max()


def test_of_two_words_the_rarer_one_weighs_more_in_a_vote() -> None:
    common, rare = votes.rows([{"momentum": 1.0, "tau": 1.0}]).toarray()[0][
        [votes._columns()[term] for term in ("momentum", "tau")]
    ]
    assert 0 < common < rare


def test_the_titles_are_public_distinct_and_about_known_cards() -> None:
    assert len(held_out()) >= 258
    assert len({title.url for title in titles()}) == len(titles()) >= 1594
    assert all(title.url.startswith("https://github.com/") for title in titles())
    assert {title.card for title in titles()} | {title.also for title in titles()} <= {case.name for case in CASES} | {
        ""
    }
    assert all(title.also != title.card for title in titles())
    assert {title.guessed for title in held_out()} <= {case.name for case in CASES}
    assert {title.certainty for title in held_out()} == {"sure", "likely", "guess"}
    assert {(title.guessed, title.certainty) for title in learned()} == {("", "")}


def test_the_questions_are_chinese_distinct_and_about_every_card() -> None:
    assert {question.card for question in questions()} == {case.name for case in CASES}
    assert len({question.text for question in questions()}) == len(questions()) >= 235
    assert all(HAN.search(question.text) for question in questions())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_card_is_found_by_its_own_symptom(case: object, language: Language) -> None:
    assert isinstance(case, type(CASES[0]))
    assert search(translator(language)(case.symptom))[0] is case


@pytest.mark.parametrize(
    ("error", "card"),
    [
        (
            "ValueError: Expected more than 1 value per channel when training, got input size torch.Size([1, 512, 1, 1])",
            "batch_of_one",
        ),
        (
            "ValueError: Expected more than 1 spatial element when training, got input size torch.Size([8, 64, 1, 1])",
            "one_spatial_element",
        ),
        ("ValueError: expected 4D input (got 3D input)", "wrong_dimension"),
        ("RuntimeError: running_mean should contain 128 elements not 64", "wrong_count"),
        (
            "RuntimeError: one of the variables needed for gradient computation has been modified by an inplace operation: "
            "[torch.cuda.FloatTensor [64]] is at version 3; expected version 2 instead.",
            "inplace_buffers",
        ),
        (
            "RuntimeError: Error(s) in loading state_dict for ResNet:\n\tMissing key(s) in state_dict: "
            '"bn1.num_batches_tracked", "layer1.0.bn1.num_batches_tracked"',
            "missing_key",
        ),
        ("RuntimeError: expected scalar type Half but found Float", "half_range"),
        ("ValueError: SyncBatchNorm expected input tensor to be on GPU", "devices"),
        (
            'flax.errors.ModifyScopeVariableError: Cannot update variable "mean" in "/BatchNorm_0" because collection '
            '"batch_stats" is immutable.',
            "functional_state",
        ),
        (
            "RuntimeError: Batch norm got a batched tensor as input while the running_mean or running_var, which will be updated "
            "in place, were not batched.",
            "per_sample_gradients",
        ),
        (
            "NotImplementedError: grad sampler is not yet implemented for BatchNorm2d(64, eps=1e-05, momentum=0.1, affine=True, "
            "track_running_stats=True)",
            "per_sample_gradients",
        ),
        (TRACEBACK, "batch_of_one"),
    ],
)
def test_a_pasted_error_finds_its_card_and_so_does_what_the_link_keeps_of_it(error: str, card: str) -> None:
    assert first(error) == card
    assert len(shortened(error)) <= LONGEST_LINK
    assert first(shortened(error)) == card
    assert first(" ".join(error.split())) == card


@pytest.mark.parametrize(
    ("query", "card"),
    [
        ("eval", "eval_differs"),
        ("NaN", "poisoned"),
        ("nan", "poisoned"),
        ("batch of one", "batch_of_one"),
        ("momentum", "keras_momentum"),
        ("gamma", "zero_gamma"),
        ("epsilon", "keras_epsilon"),
        ("eps", "keras_epsilon"),
        ("SyncBatchNorm", "devices"),
        ("DDP", "devices"),
        ("multi-gpu", "devices"),
        ("finetune", "not_frozen"),
        ("fine-tune", "not_frozen"),
        ("EMA", "averaged_weights"),
        ("buffers", "averaged_weights"),
        ("ONNX", "export"),
        ("export", "export"),
        ("flax", "functional_state"),
        ("use_running_average", "functional_state"),
        ("RL", "target_network"),
        ("fuse", "folding"),
        ("accuracy drops in eval", "eval_differs"),
        ("results depend on batch size", "test_time_batches"),
        ("requires_grad", "not_frozen"),
        ("trainable", "not_frozen"),
        ("mixed precision", "poisoned"),
        ("5406", "eval_differs"),
        ("moving_mean", "never_updated"),
        ("UPDATE_OPS", "never_updated"),
        ("gradient accumulation", "accumulation"),
        ("bias", "redundant_bias"),
        ("dropout", "dropout_before_norm"),
        ("weight decay", "decay_gamma"),
        ("MAML", "meta_learning"),
        ("推理结果不同", "eval_differs"),
        ("批大小为1", "batch_of_one"),
        ("批大小为 1", "batch_of_one"),
        ("评估", "eval_differs"),
        ("动量", "keras_momentum"),
        ("冻结", "not_frozen"),
        ("填充", "padded_sequences"),
        ("偏置", "redundant_bias"),
        ("信息泄漏", "leaking_mates"),
        ("多卡训练", "devices"),
        ("梯度累积", "accumulation"),
        ("导出 ONNX 后结果不同", "export"),
        ("同步批归一化", "devices"),
        ("权重衰减", "decay_gamma"),
        ("微调时 BN 要不要冻结", "not_frozen"),
        ("半精度", "half_range"),
        ("融合卷积和BN后输出不一致", "folding"),
        ("激活函数之前还是之后", "before_or_after"),
        ("联邦学习", "federated"),
        ("小样本学习", "meta_learning"),
        ("不同批大小推理结果不一样", "test_time_batches"),
        ("训练正常，测试时出现 NaN", "poisoned"),
        ("推理时和训练时结果不一样", "eval_differs"),
        ("模型推理阶段的结果与训练阶段相差甚远", "eval_differs"),
        ("训练时acc接近100%，测试时acc只有10%，是BN的问题吗", "eval_differs"),
        ("PyTorch 同一输入两次 forward 输出不同", "test_time_batches"),
        ("BatchNorm中running_var的计算为什么除以n-1", "biased_variance"),
        ("dropout和BN层能不能一起用？顺序是什么", "dropout_before_norm"),
        ("tensorflow使用slim.batch_norm测试效果差", "never_updated"),
        ("batch size对BN的影响有多大", "small_batches"),
        ("nn.DataParallel 中 BN 的均值方差是怎么计算的", "devices"),
        ("有BN时weight decay还有正则化作用吗", "decay_without_effect"),
        ("BN层的eps设置多少合适", "keras_epsilon"),
        ("为什么把残差块最后一个BN的gamma初始化为0", "zero_gamma"),
        ("model.eval()后精度暴跌", "eval_differs"),
        ("单张图片测试和批量测试结果不一致", "test_time_batches"),
        ("冻结backbone后BN的running mean还在变", "not_frozen"),
        ("自己实现的batchnorm和pytorch结果不一样", "biased_variance"),
        ("最后一个batch只有一个样本报错", "batch_of_one"),
        ("no_grad下BN仍然更新", "teacher_passes"),
        ("卷积后面接BN还需要bias吗", "redundant_bias"),
        ("目标网络的BN参数软更新", "target_network"),
        ("softupdate", "target_network"),  # two words written as one
        ("Monte-Carlo-Dropout", "mc_dropout"),
        ("frozen batchnorms", "not_frozen"),  # another form of the word
        ("use_global_stats", "not_frozen"),
        ("fix_gamma", "decay_gamma"),
        ("fix_gamma=True", "decay_gamma"),
        ("momentun", "keras_momentum"),  # misspelt
        ("weight dcay", "decay_gamma"),
        ("freze the batchnrom layers", "not_frozen"),
        ("use_runing_average", "functional_state"),
        ("quantisation", "folding"),
        ("SyncBatchNrom", "devices"),
    ],
)
def test_words_of_people_and_of_libraries_in_both_languages(query: str, card: str) -> None:
    assert first(query) == card


def test_what_a_batch_norm_prints_of_its_settings_is_no_symptom() -> None:
    error = "NotImplementedError: no rule for BatchNorm2d(64{})"
    settings = ", eps=1e-05, momentum=0.1, affine=True, track_running_stats=True"
    assert search(error.format(settings)) == search(error.format(""))


def test_the_last_lines_of_a_traceback_weigh_more_than_the_way_there() -> None:
    way = 'Traceback (most recent call last):\n  File "federated/fedavg_client.py", line 3, in aggregate\n    clients.aggregate()\n'
    error = "RuntimeError: running_mean should contain 128 elements not 64"
    assert first(way) == "federated"
    assert first(way + error) == "wrong_count"


def test_a_link_keeps_words_of_a_long_query_in_a_row() -> None:
    assert shortened(TRACEBACK) in " ".join(TRACEBACK.split())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_cards_own_words_alone_bring_it_first(case: object) -> None:
    assert isinstance(case, type(CASES[0]))
    chief, *words = (words.strip() for words in case.words.split(","))
    assert search(chief)[0] is case
    others = {each.strip().casefold() for other in CASES if other is not case for each in other.words.split(",")}
    assert all(search(each)[0] is case for each in words if each.casefold() not in others)


def test_a_known_word_is_not_corrected_and_a_strange_one_only_to_a_near_one() -> None:
    said = module._said()
    for title in learned():
        assert corrected(title.text, said) == title.text
    for query in ("xyzzy", "orm", "omentu", "a" * 10_000, "BatchNorm2d(64)", "批大小为1"):
        assert corrected(query, said) == query
    assert corrected("Gradient acumulation with runing_mean", said) == "Gradient accumulation with running_mean"


def test_nothing_is_found_inside_words() -> None:
    assert "batch_of_one" not in {case.name for case in search("fuse")}  # refused
    assert "few_batches" not in {case.name for case in search("RL")}  # early
    assert {case.name for case in search("eps")} <= {"keras_epsilon", "constant_input"}  # steps
    assert search("atch") == search("orm") == search("omentu") == []


def test_what_nobody_wrote_finds_nothing_and_no_query_finds_all() -> None:
    assert search("no such thing at all") == []
    assert search("xyzzy") == search("🙂") == search("%" * 50) == []
    assert search("") == search("  \n") == list(CASES)
    assert search("poisoned") == [case for case in CASES if case.name == "poisoned"]


@pytest.mark.parametrize(
    "query",
    [
        '"',
        "'; DROP TABLE cards; --",
        "NEAR(a b)",
        "nan OR",
        "nan*",
        "col:nan",
        "(",
        "a" * 10_000,
        "nan " * 5000,
        "\x00nan",
        "^nan",
        "-nan",
    ],
)
def test_hostile_queries_are_words(query: str) -> None:
    assert len(search(query)) <= MOST
    assert len(shortened(query)) <= LONGEST_LINK


def test_only_the_first_characters_are_read() -> None:
    assert first("zz " * (LONGEST_QUERY // 3 + 1) + "NaN") == ""
    assert first("zz " * (LONGEST_QUERY // 3 - 2) + "NaN") == "poisoned"


def test_the_best_come_first_and_few() -> None:
    for title in titles():
        hits = search(title.text)
        assert len(hits) == len({case.name for case in hits}) <= MOST


def test_every_synonym_stands_in_one_group_only_once() -> None:
    for group in SYNONYMS:
        assert len(group) == len(set(group)) > 1


@pytest.mark.parametrize(
    "query", ["batchnorm issue", "bn", "Batch Normalization layer", "help with batchnrom please", "批归一化问题"]
)
def test_who_names_no_symptom_sees_of_each_family_what_is_reported_most(query: str) -> None:
    assert names_no_symptom(query)
    found = search(query)
    assert [case.family for case in found] == list(FAMILIES)[:MOST]
    assert found[0].name == "eval_differs"
    reports = Counter(title.card for title in titles())
    for case in found[1:]:
        assert reports[case.name] == max(reports[other.name] for other in CASES if other.family == case.family)


@pytest.mark.parametrize("query", ["xyzzy", "batchnorm nan", "eval", "", "批归一化 评估"])
def test_who_names_one_or_says_something_else_does_not(query: str) -> None:
    assert not names_no_symptom(query)
