"""The manifest is one that Kubernetes accepts, and its parts fit together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

MANIFEST = Path(__file__).parents[2] / "deploy" / "kubernetes.yaml"
OBJECTS: list[dict[str, Any]] = list(yaml.safe_load_all(MANIFEST.read_text(encoding="utf-8")))
IN_THE_CORE = [one for one in OBJECTS if "gateway" not in one["apiVersion"]]


def named(kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in OBJECTS if one["kind"] == kind}


@pytest.mark.parametrize("manifest", IN_THE_CORE, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_kubernetes_accepts_it(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, "1.33", strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**manifest, "spec": {**manifest["spec"], "replica": "two"}}, "1.33", strict=True)


def test_every_process_has_a_service_and_a_path_of_its_own() -> None:
    replicas = named("StatefulSet")["bnviz"]["spec"]["replicas"]
    rules = named("HTTPRoute")["bnviz"]["spec"]["rules"]
    ways = {rule["matches"][0]["path"]["value"]: rule["backendRefs"][0]["name"] for rule in rules if "matches" in rule}
    assert ways == {f"/r{index}": f"bnviz-r{index}" for index in range(replicas)}
    for path, service in ways.items():
        assert named("Service")[service]["spec"]["selector"]["apps.kubernetes.io/pod-index"] == path.removeprefix("/r")
    assert [rule["backendRefs"][0]["name"] for rule in rules if "matches" not in rule] == ["bnviz"]
