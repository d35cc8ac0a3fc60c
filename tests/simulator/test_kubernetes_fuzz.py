"""Whatever a player types at kubectl or helm: an answer, never an exception, and bounded work."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.helm import console as helm
from simulator.kubernetes import console, jsonpath
from simulator.kubernetes.parse import FLAGS, VERBS
from simulator.reply import Reply
from tests.depth import examples
from tests.simulator.kubernetes_fakes import SERVICE, make_world

TYPES = (
    "pods po deploy deployments.apps rs svc no nodes events hpa cm ep sts all ns secret ing pvc jobs pods,svc"
)
NAMES = f"deploy/{SERVICE} {SERVICE} payments-db-0 sts/payments-db node-dc1-01 pod/x a/b/c / // , - --"
OPTIONS = (
    "= A=b A- x=y -n prod -nprod -A -o wide yaml json name -w -l app=catalog -p -it -c -f - --force "
    "--grace-period=0 --all --replicas=3 --replicas=99999999 --to-revision=41 --min=2 --max=5 --tail=-1 "
    "--since=5m 1h"
)
WORDS = [
    *(word for key in FLAGS for word in key.split()),
    *VERBS,
    *(f"--{word.partition(':')[0]}" for spec in FLAGS.values() for word in spec.split()),
    *f"{TYPES} {NAMES} {OPTIONS}".split(" "),
    "jsonpath={.items[*].metadata.name}",
    "jsonpath={range .items[*]}{.metadata.name}{end}",
    "jsonpath={",
    "custom-columns=A:.metadata.name,B:.spec[0]",
    "custom-columns=A",
    "--sort-by=.spec.replicas",
    "--sort-by={",
    '{"spec":{"replicas":5}}',
    '{"spec":null}',
    '[{"op":"remove","path":"/spec"}]',
    '[{"op":"add","path":"/spec/replicas/x","value":1}]',
    "--type=json",
    "--type=merge",
    "--dry-run=client",
    "--for=condition=Available",
    "--for=jsonpath={.spec.replicas}=18",
    "--timeout=2s",
    f"{SERVICE}=registry.local/{SERVICE}:v2.8.1",
    "--field-selector=status.phase=Running",
    "-l=app in (a,b",
    "--raw=/healthz",
]
WORD = st.one_of(st.sampled_from(WORDS), st.text(max_size=12))
HELM = (
    "list history status get values all rollback upgrade version uninstall --set image.tag=v2.8.1 -f "
    f"--filter [ ( replicaCount=3 --max 1 --revision 99 -n -A -o json yaml {SERVICE} shop/{SERVICE} --wait "
    "--atomic --dry-run --timeout 1s -5 = --"
).split(" ")


@given(st.lists(st.lists(WORD, max_size=7), max_size=5), st.text(max_size=40))
@settings(max_examples=examples(50, 150), deadline=None)
def test_kubectl_always_answers(commands: list[list[str]], stdin: str) -> None:
    world = make_world()
    world.follow_limit_s = 2.0
    for words in commands:
        if words and words[0] in ("logs", "exec"):
            continue  # their lines come from other rooms
        reply = console.run_kubectl(world, ["kubectl", *words], stdin)  # type: ignore[arg-type]
        assert isinstance(reply, Reply)
        assert reply.code in (
            (0, 1, 2, 130) if "diff" in words else (0, 1, 130)
        )  # 2: a diff that could not be made
        assert isinstance(console.changes_world(["kubectl", *words]), bool)


@given(st.sampled_from(sorted(FLAGS)), st.lists(WORD, max_size=5))
@settings(max_examples=examples(100, 300), deadline=None)
def test_every_verb_takes_any_words(verb: str, words: list[str]) -> None:
    if verb == "logs":
        return
    world = make_world()
    world.follow_limit_s = 1.0
    reply = console.run_kubectl(world, ["kubectl", *verb.split(), *words], "kind: Deployment")  # type: ignore[arg-type]
    assert isinstance(reply, Reply)


@given(st.text(alphabet="{}[]().?@*:'\"\\abc range end0-1=<>,", max_size=40))
@settings(max_examples=examples(150, 500), deadline=None)
def test_templates_are_read_or_refused(template: str) -> None:
    root = {"a": [{"b": 1, "c": "x"}, {"b": 2, "c": None}], "b": {"c": True}}
    with suppress(jsonpath.PathError):
        assert isinstance(jsonpath.evaluate(template, root), str)


@given(st.lists(st.one_of(st.sampled_from(HELM), st.text(max_size=10)), max_size=7))
@settings(max_examples=examples(70, 200), deadline=None)
def test_helm_always_answers(words: list[str]) -> None:
    world = make_world()
    world.follow_limit_s = 1.0
    reply = helm.run_helm(world, ["helm", *words], "")  # type: ignore[arg-type]
    assert isinstance(reply, Reply) and isinstance(helm.changes_world(["helm", *words]), bool)
