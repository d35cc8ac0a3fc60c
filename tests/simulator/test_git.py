"""git over a simulated repository: against real git's answers, what is refused, and any words at all."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import scenario
from simulator.git import patch
from simulator.git.tools import TOOLS
from simulator.git.tree import history, trees
from simulator.reply import Reply
from tests.simulator import shell_fakes
from tests.simulator.git_scene import REPOSITORY
from tests.simulator.shell_fakes import FakeWorld

ANSWERS = json.loads(
    (Path(__file__).parent / "fixtures" / "shell" / "real_git.json").read_text(encoding="utf-8")
)


def world_of(repository: scenario.Repository, language: str = "en") -> FakeWorld:
    inside = SimpleNamespace(
        namespace="prod", components={}, repositories=[repository], codebase=None, databases=dict
    )
    return FakeWorld(scenario=inside, language=language)


def git(line: str, world: FakeWorld | None = None) -> Reply:
    argv = ["git", *line.split()]
    return TOOLS["git"].run(world or world_of(REPOSITORY), argv, "")  # type: ignore[arg-type]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: " ".join(answer["argv"])[:60])
def test_answers_as_real_git(answer: dict[str, object]) -> None:
    reply = TOOLS["git"].run(world_of(REPOSITORY), answer["argv"], "")  # type: ignore[arg-type]
    assert (reply.out, reply.err, reply.code) == (answer["out"], answer["err"], answer["code"])


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize(
    "line", ["checkout v1.0", "revert HEAD", "bisect start", "commit -m x", "reset --hard"]
)
def test_what_would_write_is_explained_in_the_players_language(line: str, language: str) -> None:
    reply = git(line, world_of(REPOSITORY, language))
    assert reply.code == 1
    assert ("kubectl rollout undo deployment/pay" in reply.err) != line.startswith("bisect")
    assert any("а" <= c <= "я" for c in reply.err) == (language == "ru")


def test_an_unknown_branch_is_gits_own_error() -> None:
    reply = git("checkout nosuch")
    assert reply.err == "error: pathspec 'nosuch' did not match any file(s) known to git\n"


def test_relative_times_use_the_simulated_clock() -> None:
    world = world_of(REPOSITORY)
    line = "git log --since='2 days ago' --format='%h %ar'"
    assert shell_fakes.run(line, world).out == "9a8b7c6 26 hours ago\n"
    world.now_s = 2 * 86400.0
    assert shell_fakes.run(line, world).out == ""


def test_the_directory_chooses_the_repository() -> None:
    world = world_of(REPOSITORY)
    assert shell_fakes.out("cd pay && git tag", world) == "v1.0\nv1.1\n"
    assert shell_fakes.out("cat conf/app.yml", world) == "pool: 50\ntimeout: 400ms\nbulkhead: 25\n"
    assert shell_fakes.out("git -C ~/pay describe; cd; git describe", world) == "v1.1\nv1.1\n"
    reply = shell_fakes.run("cd /tmp; git log", world)
    assert reply.err == "fatal: not a git repository (or any of the parent directories): .git\n"
    assert reply.code == 128


def test_the_trees_hold_what_the_diffs_say() -> None:
    found = trees(REPOSITORY)
    assert [sorted(tree.files) for tree in found] == [
        ["README.md", "conf/app.yml", "src/pay/Service.kt"],
        ["conf/app.yml", "src/pay/Service.kt"],
        ["conf/app.yml", "db/V2__items.sql", "src/pay/Service.kt"],
    ]
    assert [line.commit for line in found[-1].files["conf/app.yml"]] == [0, 1, 1]


def test_a_diff_of_an_unknown_file_is_shown_as_written() -> None:
    commit = REPOSITORY.commits[0].model_copy(
        update={"diff": "--- a/x.kt\n+++ b/x.kt\n@@ -7 +7 @@ fun pay\n-old\n+new\n", "tag": None}
    )
    reply = git("show --oneline", world_of(scenario.Repository(name="r", commits=[commit])))
    assert reply.out.endswith(
        "diff --git a/x.kt b/x.kt\n--- a/x.kt\n+++ b/x.kt\n@@ -7 +7 @@ fun pay\n-old\n+new\n"
    )


def test_an_empty_repository_and_none_at_all() -> None:
    empty = scenario.Repository(name="r", commits=[])
    assert git("log", world_of(empty)).code == 128
    assert git("diff", world_of(empty)).code == 0
    nothing = FakeWorld(
        scenario=SimpleNamespace(namespace="p", components={}, repositories=[], codebase=None, databases=dict)
    )
    assert "not a git repository" in git("log", nothing).err


def test_the_demo_hides_a_query_in_a_loop() -> None:
    """Whoever compares the two releases finds the cause; the commit's title does not give it away."""
    repository = scenario.load("payment-pool").repositories[0]
    world = world_of(repository)
    assert {"v2.7.9", "v2.8.0", "v2.8.1"} <= set(git("tag", world).out.split())
    title = git("log -1 --format=%s v2.8.1", world).out.lower()
    assert "optimise" in title
    assert "n+1" not in title
    difference = git("diff v2.8.0 v2.8.1", world).out
    assert "-    @Query(" in difference
    assert "+            val item = items." in difference
    assert len(history(repository)) == len(trees(repository)) >= 5


lines = st.lists(st.sampled_from(["a", "b", "", "fun x() {", "}", " y"]), max_size=30)


@settings(max_examples=200, deadline=None)
@given(lines, lines, st.integers(0, 4))
def test_a_difference_applied_gives_the_new_text(old: list[str], new: list[str], context: int) -> None:
    before, after = ("".join(line + "\n" for line in text) for text in (old, new))
    made = patch.between("f", before, after, context)
    applied = patch.apply(made, old)
    assert applied is not None
    assert [text for text, _ in applied] == new
    parsed = patch.read("\n".join(made.text))
    assert not made.hunks or [(h.old_start, h.lines) for h in parsed[0].hunks] == [
        (h.old_start, h.lines) for h in made.hunks
    ]


WORDS = (
    "log show diff blame grep tag branch status shortlog describe rev-parse rev-list ls-files merge-base checkout remote "
    "-- -p --stat --oneline -n -1 -n3 --format=%h%n%b %Cred --pretty= --date=relative --since=yesterday -S x -G ( -L 1,2 "
    "-L v1.0 v1.1 v1.0..v1.1 ...HEAD .. ^v1.0 HEAD~1 HEAD^2 HEAD~99999 conf conf/app.yml *.kt :x HEAD:conf -U9999 -C /tmp "
    "--graph --reverse --author --grep=[ -i 9a8b"
).split(" ")


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=5), max_size=7))
def test_any_words_are_answered(words: list[str]) -> None:
    reply = TOOLS["git"].run(world_of(REPOSITORY), ["git", *words], "")  # type: ignore[arg-type]
    assert isinstance(reply, Reply)
    assert 0 <= reply.code <= 129
    assert reply.code == 0 or reply.err or words[:1] in (["grep"], ["diff"], []) or not words or reply.out


def test_differences_of_large_texts_stay_cheap() -> None:
    old = "".join(f"{i}\n" for i in range(20_000))
    new = "".join(f"{i}\n" for i in range(20_000, 0, -1))
    made = patch.between("f", old, new)
    assert made.counts() == (20_000, 20_000)
