"""What the experiments of all topics of the lab `training` share: data, partial results, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bnviz.errors import BatchOfOneError, CostError, UploadError
from bnviz.labs.training.lab import LAB
from bnviz.labs.training.race import experiment as race
from bnviz.labs.training.race.settings import Settings
from bnviz.labs.training.shared.networks import labelled, training_data
from bnviz.labs.training.sweep.settings import Settings as SweepSettings
from bnviz.settings import from_query
from bnviz.teaching.lab import AnyTopic, LiveTopic

EVERY = pytest.mark.parametrize("topic", LAB.topics, ids=lambda topic: topic.name)
SMALL: dict[str, Any] = {"depth": 2, "width": 16, "epochs": 2, "seeds": 3, "activation": "relu", "init": "he"}


def settings_of(topic: AnyTopic, **changes: Any) -> Any:
    """The topic's opening with those of `changes` that it has."""
    return topic.opening.replace(
        **{name: value for name, value in changes.items() if name in topic.settings.model_fields}
    )


def table(rows: int = 80, columns: int = 3, classes: int = 3, seed: int = 0) -> np.ndarray:
    """A visitor's table: the classes lie apart in the first column."""
    generator = np.random.default_rng(seed)
    labels = np.arange(rows) % classes
    features = generator.standard_normal((rows, columns)) * 50 + 1000
    features[:, 0] += 200 * labels
    return np.column_stack([features, labels]).astype(np.float32)


@EVERY
def test_partial_results_grow_and_end_in_the_whole(topic: AnyTopic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bnviz.study.updates.Updates.__init__.__defaults__", (0.0,), raising=False)
    changes = {
        "epochs": 2,
        "seeds": 2,
        "width": 8,
        "depth": 1,
        "learning_rates": (0.1, 0.5),
        "normalizers": ("none", "batch"),
    }
    settings = settings_of(topic, **changes)
    parts: list[Any] = []
    whole = topic.run(settings, None, parts.append)
    assert isinstance(topic, LiveTopic)
    assert type(whole) is topic.result
    shares = [part.progress for part in parts]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < 0.5
    assert whole.progress == 1
    for part in parts:
        assert part.settings == settings
        if topic.name == "landscape":
            np.testing.assert_array_equal(part.loss, whole.loss[:, :, : part.loss.shape[2]])
        else:
            np.testing.assert_array_equal(part.accuracy, whole.accuracy[..., : part.accuracy.shape[-1]])


@EVERY
def test_an_order_to_stop_is_heeded_in_mid_run(topic: AnyTopic) -> None:
    class EnoughError(Exception):
        pass

    def stop(_: Any) -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        topic.run(settings_of(topic, width=8, seeds=1), None, stop)


@EVERY
def test_a_batch_of_one_is_refused_before_any_work_and_only_where_batch_norm_would_get_it(topic: AnyTopic) -> None:
    changes = {"batch_size": 1, "seeds": 1, "epochs": 1, "width": 8, "depth": 1, "samples": 20, "source": "moons"}
    settings = settings_of(topic, **changes)
    assert isinstance(topic, LiveTopic)
    for refuse in (topic.seconds, topic.compute):
        with pytest.raises(BatchOfOneError, match="more than 1 value per channel"):
            refuse(settings)
    result = topic.compute(settings.replace(normalizers=("none", "layer")))
    assert np.isfinite(result.accuracy).any()


@EVERY
def test_too_much_is_refused_with_what_to_reduce(topic: AnyTopic) -> None:
    huge = {"depth": 50, "width": 512, "seeds": 20, "epochs": 100, "samples": 2000}
    with pytest.raises(CostError) as caught:
        topic.compute(settings_of(topic, **huge))
    assert "seeds" in caught.value.reduce
    assert isinstance(topic, LiveTopic)
    assert topic.seconds(topic.opening) < 15


def test_links_are_checked() -> None:
    settings, problems = from_query(SweepSettings, {"normalizers": "batch,none,batch", "learning_rates": "2,0.5,2"})
    assert not problems
    assert (settings.normalizers, settings.learning_rates) == (("batch", "none"), (0.5, 2.0))
    for name, value in (("normalizers", "none,instance"), ("learning_rates", "0"), ("noise", "0.6"), ("samples", "10")):
        assert [problem.name for problem in from_query(SweepSettings, {name: value})[1]] == [name]  # type: ignore[attr-defined]


def test_each_topic_has_the_settings_that_it_uses_and_no_others() -> None:
    """A link may carry another topic's settings: they say nothing here; nobody else's."""
    names = {topic.name: set(topic.settings.names()) for topic in LAB.topics}
    shared = set.intersection(*names.values())
    assert {name: names[name] - shared for name in names} == {
        "race": {"learning_rate", "unit"},
        "sweep": {"learning_rates"},
        "boundaries": {"learning_rate"},
        "landscape": {"learning_rate", "reach"},
    }
    topic, settings, problems = LAB.from_query({"topic": "sweep", "unit": "3", "reach": "8", "depth": "2"})
    assert (topic.name, settings, problems) == ("sweep", SweepSettings(depth=2), [])
    assert LAB.from_query({"topic": "sweep", "momentum": "0.1"})[2]


@pytest.mark.parametrize("source", ["moons", "circles", "spirals"])
def test_every_seed_has_its_own_points(source: Any) -> None:
    settings = Settings(source=source, samples=60)
    data = training_data(settings, (3, 4, 3))
    assert data.train.shape == (3, 60)
    assert data.test.shape == (3, 1000)
    first, second, third = (data.features[rows] for rows in data.train)
    assert torch.equal(first, third)
    assert not torch.equal(first, second)
    assert not set(data.train.flatten().tolist()) & set(data.test.flatten().tolist())
    alone = training_data(settings, (4,))
    assert torch.equal(alone.features[alone.train[0]], second)


def test_a_table_is_learned_from() -> None:
    settings = Settings(**SMALL | {"source": "upload", "batch_size": 8, "epochs": 20, "normalizers": ("batch",)})
    result = race.run(settings, table())
    assert result.inputs == 3
    assert result.error.mean[0, -1] < 0.1
    features, labels = labelled(table())
    np.testing.assert_allclose(features.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(features.std(0, correction=0), 1, atol=1e-5)
    assert labels.tolist() == [0, 1, 2] * 26 + [0, 1]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "no file yet"),
        (table()[:, :1], "one column"),
        (table(rows=12), "12 rows"),
        (np.ones((6000, 3), dtype=np.float32), "6000 rows"),
        (table(classes=1), "this one has 1"),
        (np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32), "whole numbers"),
    ],
)
def test_a_table_that_cannot_be_learned_from_is_refused_with_the_reason(given: Any, words: str) -> None:
    for use in (race.estimated_seconds, race.run):
        with pytest.raises(UploadError, match=words):
            use(Settings(source="upload"), given)


def test_a_constant_column_does_no_harm() -> None:
    rows = table()
    rows[:, 1] = 7
    assert np.isfinite(labelled(rows)[0].numpy()).all()
