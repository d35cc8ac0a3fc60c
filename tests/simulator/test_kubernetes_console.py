"""kubectl as text: layouts of the recorded real tool, its errors, selectors, output formats."""

import json
import time

import pytest
import yaml

from simulator.kubernetes.console import TOOLS, changes_world
from simulator.kubernetes.layout import age, elastic, table
from simulator.kubernetes.parse import Refused, duration, parse
from simulator.reply import Reply
from tests.simulator.kubernetes_fakes import SERVICE, FakeWorld, make_world


def kubectl(world: FakeWorld, *words: str, stdin: str = "") -> Reply:
    return TOOLS["kubectl"].run(world, ["kubectl", *words], stdin)  # type: ignore[arg-type]


def line(world: FakeWorld, text: str, stdin: str = "") -> Reply:
    return kubectl(world, *text.split(), stdin=stdin)


@pytest.fixture
def world() -> FakeWorld:
    return make_world()


def in_rollout() -> FakeWorld:
    world = make_world()
    world.advance(60)
    TOOLS["deploy"].run(world, ["deploy", SERVICE, "v2.8.1"], "")  # type: ignore[arg-type]
    world.advance(10)
    return world


# -- layouts: column positions as the real kubectl 1.32 prints them


def test_ages_are_the_real_ones() -> None:
    seconds = {
        -5: "<invalid>",
        0: "0s",
        119: "119s",
        120: "2m",
        400: "6m40s",
        599: "9m59s",
        660: "11m",
        10_799: "179m",
        10_800: "3h",
        26_100: "7h15m",
        100_000: "27h",
        180_000: "2d2h",
        691_200: "8d",
        8_640_000: "100d",
        63_072_000: "2y",
        90_000_000: "2y311d",
    }
    assert {s: age(s) for s in seconds} == seconds


def test_tables_pad_by_three_and_leave_the_last_column() -> None:
    rows = [["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"], [SERVICE, "14/18", "9", "14", "100d"]]
    assert table(rows) == (
        "NAME              READY   UP-TO-DATE   AVAILABLE   AGE\n"
        "payment-service   14/18   9            14          100d\n"
    )


def test_elastic_columns_are_runs_of_adjoining_lines() -> None:
    assert elastic("a:\tb\nlonger:\tc\nplain\nx:\ty\n") == "a:       b\nlonger:  c\nplain\nx:  y\n"


def test_get_deployments_in_mid_rollout() -> None:
    world = in_rollout()
    out = line(world, f"get deploy {SERVICE}").out
    old = world.kubernetes.deployments[SERVICE].created_s
    assert out == (
        "NAME              READY   UP-TO-DATE   AVAILABLE   AGE\n"
        f"payment-service   14/18   9            14          {age(world.now_s - old)}\n"
    )


def test_get_pods_shows_starting_and_terminating() -> None:
    world = in_rollout()
    rows = [row.split() for row in line(world, f"get po -l app={SERVICE} --no-headers").out.splitlines()]
    states = [(row[1], row[2]) for row in rows]
    assert states.count(("0/1", "Running")) == 9
    assert states.count(("1/1", "Terminating")) == 4
    assert states.count(("1/1", "Running")) == 14


def test_get_wide_and_all_namespaces(world: FakeWorld) -> None:
    head = line(world, "get pods -owide").out.splitlines()[0]
    assert head.split("   ")[0] == "NAME" and head.endswith("NOMINATED NODE   READINESS GATES")
    head = line(world, "get pods -A").out.splitlines()[0]
    assert head.split() == ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert "kube-system" in line(world, "get pods --all-namespaces").out


def test_several_types_are_prefixed_and_separated(world: FakeWorld) -> None:
    out = line(world, "get deploy,svc,hpa -l app=catalog").out
    first, second = out.split("\n\n")
    assert "deployment.apps/catalog" in first and "service/catalog" in second
    assert "replicaset.apps/catalog-" in line(world, "get all -l app=catalog").out


def test_describe_deployment_has_the_recorded_layout() -> None:
    world = in_rollout()
    out = line(world, f"describe deploy {SERVICE}").out
    for part in (
        "Name:                   payment-service\nNamespace:              prod\n",
        "Replicas:               18 desired | 9 updated | 23 total | 14 available | 9 unavailable\n",
        "StrategyType:           RollingUpdate\nMinReadySeconds:        0\n"
        "RollingUpdateStrategy:  25% max unavailable, 25% max surge\nPod Template:\n  Labels:  app=",
        "    Limits:\n      cpu:     1\n      memory:  1Gi\n    Requests:\n      cpu:      500m\n",
        "Conditions:\n  Type           Status  Reason\n  ----           ------  ------\n"
        "  Available      True    MinimumReplicasAvailable\n  Progressing    True    ReplicaSetUpdated\n"
        "OldReplicaSets:  payment-service-",
        "Events:\n  Type    Reason             Age   From                   Message\n"
        "  ----    ------             ----  ----                   -------\n"
        "  Normal  ScalingReplicaSet  10s   deployment-controller  Scaled up replica set payment-service-",
    ):
        assert part in out, part


def test_describe_pod_has_probes_conditions_and_events() -> None:
    world = in_rollout()
    name = list(world.kubernetes.pods)[-1]
    out = line(world, f"describe pod {name}").out
    assert f"Controlled By:  ReplicaSet/{name.rsplit('-', 1)[0]}\n" in out
    assert "delay=0s timeout=1s period=5s #success=1 #failure=3\n" in out
    assert "Conditions:\n  Type                        Status\n  PodReadyToStartContainers   True \n" in out
    assert "  Ready                       False \n" in out
    assert "Readiness probe failed: Get" in out and "QoS Class:                    Burstable\n" in out


def test_top_pads_its_last_column(world: FakeWorld) -> None:
    head, first, *_ = line(world, "top pods -l app=checkout").out.split("\n")
    assert head.endswith("CPU(cores)   MEMORY(bytes)   ") and first.endswith("Mi           ")
    assert "CPU(%)   MEMORY(bytes)   MEMORY(%)   " in line(world, "top nodes").out
    cpu = [int(r.split()[1][:-1]) for r in line(world, "top pod --sort-by=cpu").out.splitlines()[1:]]
    assert cpu == sorted(cpu, reverse=True)


def test_rollout_history_status_and_undo() -> None:
    world = in_rollout()
    assert line(world, f"rollout history deploy/{SERVICE}").out == (
        "deployment.apps/payment-service \nREVISION  CHANGE-CAUSE\n41        <none>\n42        <none>\n"
        "43        release v2.8.1\n\n"
    )
    waiting = 'Waiting for deployment "payment-service" rollout to finish: '
    world.follow_limit_s = 120
    followed = line(world, f"rollout status deployment {SERVICE}")
    assert followed.code == 0
    assert followed.out.startswith(waiting + "9 out of 18 new replicas have been updated...\n")
    assert waiting + "5 old replicas are pending termination...\n" in followed.out
    assert followed.out.endswith('deployment "payment-service" successfully rolled out\n')
    undone = line(world, f"rollout undo deployment/{SERVICE} -n prod")
    assert undone.out == "deployment.apps/payment-service rolled back\n"
    history = line(world, f"rollout history deployment/{SERVICE}").out
    assert [row.split()[0] for row in history.splitlines()[2:-1]] == ["41", "43", "44"]
    again = line(world, f"rollout undo deploy/{SERVICE} --to-revision=44").out
    assert again.endswith("skipped rollback (current template already matches revision 44)\n")


def test_status_ends_at_the_limit_the_timeout_or_the_deadline() -> None:
    world = in_rollout()
    assert line(world, f"rollout status deploy/{SERVICE}").code == 130
    timed = line(world, f"rollout status deploy/{SERVICE} --timeout=4s")
    assert (timed.code, timed.err) == (1, "error: timed out waiting for the condition\n")
    line(world, "set image deploy/catalog catalog=registry.local/catalog:nope")
    world.advance(610)
    failed = line(world, "rollout status deploy/catalog")
    assert failed.err == 'error: deployment "catalog" exceeded its progress deadline\n'
    pods = line(world, "get pods -l app=catalog").out
    assert "ImagePullBackOff" in pods or "ErrImagePull" in pods


def test_watching_prints_changes_only() -> None:
    world = in_rollout()
    world.follow_limit_s = 30
    out = line(world, f"get deploy {SERVICE} -w").out.splitlines()
    assert out[0].startswith("NAME") and len(out) == 3
    assert line(world, f"get pods -w -l app={SERVICE}").code == 0


# -- errors


ERRORS = {
    "get pdos": 'error: the server doesn\'t have a resource type "pdos"\n',
    "get deploy x": 'Error from server (NotFound): deployments.apps "x" not found\n',
    "get pod x": 'Error from server (NotFound): pods "x" not found\n',
    "get pods --foo": "error: unknown flag: --foo\nSee 'kubectl get --help' for usage.\n",
    "get pods -Z": "error: unknown shorthand flag: 'Z' in -Z\nSee 'kubectl get --help' for usage.\n",
    "get pods -n": "error: flag needs an argument: 'n' in -n\nSee 'kubectl get --help' for usage.\n",
    "get pods -o": "error: flag needs an argument: 'o' in -o\nSee 'kubectl get --help' for usage.\n",
    "gte pods": 'error: unknown command "gte" for "kubectl"\n\nDid you mean this?\n\tget\n',
    "zzzzzz": 'error: unknown command "zzzzzz" for "kubectl"\n',
    "rollout staus": "error: unknown command \"staus\"\nSee 'kubectl rollout -h' for help and examples\n",
    "rollout undo": "error: required resource not specified\n",
    "scale deploy/catalog": 'error: required flag(s) "replicas" not set\n',
    "scale --replicas=x deploy/x": 'error: invalid argument "x" for "--replicas" flag: strconv.ParseInt: '
    "parsing \"x\": invalid syntax\nSee 'kubectl scale --help' for usage.\n",
    "patch deploy x": "error: must specify --patch or --patch-file containing the contents of the patch\n",
    "cordon": "error: USAGE: cordon NODE [flags]\nSee 'kubectl cordon -h' for help and examples\n",
    "exec": "error: pod, type/name or --filename must be specified\n",
    "set image deploy/catalog x=y": 'error: unable to find container named "x"\n',
    "delete svc catalog": 'Error from server (Forbidden): services "catalog" is forbidden: User "oncall" '
    'cannot delete resource "services" in API group "" in the namespace "prod"\n',
    "rollout undo deploy/catalog": 'error: no rollout history found for deployment "catalog"\n',
    "rollout undo deploy/catalog --to-revision=9": "error: unable to find specified revision 9 in history\n",
    "rollout resume deploy/catalog": 'error: deployments.apps "catalog" is not paused\n',
    "apply -f x.yaml": 'error: the path "x.yaml" does not exist\n',
    "describe pod x": 'Error from server (NotFound): pods "x" not found\n',
}


@pytest.mark.parametrize("command", sorted(ERRORS))
def test_errors_are_the_real_tools(world: FakeWorld, command: str) -> None:
    reply = line(world, command)
    assert (reply.err, reply.code, reply.out) == (ERRORS[command], 1, "")


def test_empty_answers_go_to_standard_error(world: FakeWorld) -> None:
    assert line(world, "get pods -n nope") == Reply(err="No resources found in nope namespace.\n")
    assert line(world, "get jobs") == Reply(err="No resources found in prod namespace.\n")
    assert line(world, "get hpa -A") == Reply(err="No resources found\n")


def test_a_missing_name_does_not_hide_the_found_one(world: FakeWorld) -> None:
    reply = line(world, "get deploy catalog nope")
    assert "catalog" in reply.out and "nope" in reply.err and reply.code == 1


# -- flags


@pytest.mark.parametrize(
    "words",
    [
        "-n prod get pods -o wide",
        "get pods -nprod -owide",
        "get -o=wide pods --namespace=prod",
        "get po -n=prod -o wide",
    ],
)
def test_flag_forms_mean_the_same(world: FakeWorld, words: str) -> None:
    assert line(world, words) == line(world, "get pods -o wide --namespace prod")


def test_short_flags_combine_and_dashes_end_them() -> None:
    call = parse(["exec", "-it", "pod", "-c", "app", "--", "ls", "-l", "--x"])
    assert call.on("stdin") and call.on("tty") and call.text("container") == "app"
    assert call.args == ["pod"] and call.command == ["ls", "-l", "--x"]
    with pytest.raises(Refused, match="bad flag syntax"):
        parse(["get", "--=x"])


def test_durations() -> None:
    assert [duration(text) for text in ("90s", "1h30m", "0", "1.5m", "250ms", "-5s")] == [
        90,
        5400,
        0,
        90,
        0.25,
        -5,
    ]
    assert [duration(text) for text in ("", "5", "x", "1h1", "..s", "-")] == [None] * 6


def test_what_changes_the_world() -> None:
    yes = (
        "rollout undo deploy/x",
        "delete pod x",
        "scale deploy x --replicas=3",
        "-n prod set image deploy/x a=b",
    )
    no = (
        "get pods",
        "rollout status deploy/x",
        "scale deploy x --replicas=3 --dry-run=client",
        "foo",
        "logs x",
    )
    assert all(changes_world(["kubectl", *text.split()]) for text in yes)
    assert not any(changes_world(["kubectl", *text.split()]) for text in no)


# -- output formats and selection


def test_yaml_and_json_are_the_same_object(world: FakeWorld) -> None:
    as_json = json.loads(line(world, f"get deploy {SERVICE} -o json").out)
    as_yaml = yaml.safe_load(line(world, f"get deploy {SERVICE} -o yaml").out)
    assert as_json == as_yaml
    assert as_json["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":v2.8.0")
    listed = yaml.safe_load(line(world, "get pods,svc,cm,events,nodes,hpa,sts -o yaml").out)
    assert listed == json.loads(line(world, "get pods,svc,cm,events,nodes,hpa,sts -o json").out)


PATHS = {
    "{.spec.replicas}": "18",
    "{.spec.template.spec.containers[0].image}": "registry.local/payment-service:v2.8.0",
    "{.spec.template.spec.containers[*].name}": "payment-service",
    r"{.metadata.annotations.deployment\.kubernetes\.io/revision}": "42",
    "{.metadata['name']}": "payment-service",
    '{.status.conditions[?(@.type=="Available")].status}': "True",
    '{range .status.conditions[*]}{.type}{"\\t"}{.status}{"\\n"}{end}': "Available\tTrue\nProgressing\t"
    "True\n",
    "{.status.conditions[-1:].type}": "Progressing",
    "{..image}": "registry.local/payment-service:v2.8.0",
    "rev {.metadata.name}!": "rev payment-service!",
    "{.nothing.here}": "",
    "{.spec.strategy.rollingUpdate}": '{"maxSurge":"25%","maxUnavailable":"25%"}',
}


@pytest.mark.parametrize("path", sorted(PATHS))
def test_jsonpath(world: FakeWorld, path: str) -> None:
    assert kubectl(world, "get", "deploy", SERVICE, "-o", f"jsonpath={path}").out == PATHS[path]


def test_custom_columns_sorting_and_selectors(world: FakeWorld) -> None:
    out = line(world, "get pods -o custom-columns=N:.metadata.name,X:.foo -l app=pgbouncer").out
    assert out.splitlines()[0].split() == ["N", "X"] and out.splitlines()[1].split()[1] == "<none>"
    ages = line(
        world, "get deploy --sort-by=.spec.replicas -o custom-columns=R:.spec.replicas --no-headers"
    ).out
    assert [int(n) for n in ages.split()] == sorted(int(n) for n in ages.split())
    both = kubectl(world, "get", "deploy", "-l", "app in (catalog, checkout),team!=catalog", "-o", "name").out
    assert both == "deployment.apps/checkout\n"
    assert line(world, "get pods --field-selector status.phase!=Running").err.startswith("No resources")
    refused = line(world, "get pods --field-selector spec.foo=x").err
    assert refused.endswith("field label not supported: spec.foo\n")


# -- changes


def test_scale_set_and_patch(world: FakeWorld) -> None:
    found = world.kubernetes.deployments["catalog"]
    assert line(world, "scale deploy catalog --replicas=14").out == "deployment.apps/catalog scaled\n"
    assert found.replicas == 14
    assert line(world, "scale deploy catalog --replicas=3 --dry-run=server").out.endswith(
        "scaled (server dry run)\n"
    )
    assert found.replicas == 14
    surge = '{"spec":{"strategy":{"rollingUpdate":{"maxSurge":"100%","maxUnavailable":0}}}}'
    assert (
        kubectl(world, "patch", "deploy", "catalog", "-p", surge).out == "deployment.apps/catalog patched\n"
    )
    assert (found.strategy.max_surge, found.strategy.max_unavailable) == ("100%", 0)
    assert kubectl(world, "patch", "deploy", "catalog", "-p", surge).out.endswith("patched (no change)\n")
    json_patch = '[{"op":"replace","path":"/spec/replicas","value":12}]'
    kubectl(world, "patch", "deploy/catalog", "--type=json", "-p", json_patch)
    assert found.replicas == 12
    box = '{"name":"catalog","image":"registry.local/catalog:v9"}'
    image = '{"spec":{"template":{"spec":{"containers":[' + box + "]}}}}"
    kubectl(world, "patch", "deploy/catalog", "--patch", image)
    assert found.template.version == "v9"
    line(world, "set env deploy/catalog A=1 B=2")
    line(world, "set env deploy/catalog A-")
    assert found.template.env == (("B", "2"),)
    line(world, "set resources deploy/catalog --limits=cpu=2,memory=2Gi --requests=cpu=1")
    assert (found.template.cpu_limit, found.template.memory_limit, found.template.cpu_request) == (
        "2",
        "2Gi",
        "1",
    )


def test_patches_that_cannot_be_change_nothing(world: FakeWorld) -> None:
    before = line(world, "get deploy catalog -o yaml").out
    for patch in (
        '{"spec":{"replicas":"many"}}',
        '{"spec":{"replicas":-1}}',
        '{"spec":{"replicas":100000}}',
        '{"spec":{"template":{"spec":{"nodeName":"x"}}}}',
        '{"spec":{"template":{"spec":{"containers":[{"name":"second","image":"x"}]}}}}',
        '{"spec":{"strategy":{"rollingUpdate":{"maxSurge":0,"maxUnavailable":"0%"}}}}',
        '{"spec":{"template":null}}',
        "{not json",
        "[[[[" * 20_000,
    ):
        reply = kubectl(world, "patch", "deploy", "catalog", "-p", patch)
        assert reply.code == 1 and reply.err, patch
    assert line(world, "get deploy catalog -o yaml").out == before


def test_apply_from_standard_input_changes_what_it_says(world: FakeWorld) -> None:
    text = line(world, f"get deploy {SERVICE} -o yaml").out
    assert line(world, "apply -f -", stdin=text).out == "deployment.apps/payment-service unchanged\n"
    changed = text.replace("v2.8.0", "v2.8.1")
    assert line(world, "apply -f -", stdin=changed).out == "deployment.apps/payment-service configured\n"
    assert world.kubernetes.deployments[SERVICE].template.version == "v2.8.1"
    assert "cannot create" in line(world, "apply -f -", stdin=text.replace(f"name: {SERVICE}", "name: z")).err


def test_delete_waits_and_force_warns(world: FakeWorld) -> None:
    name = line(world, "get pods -l app=catalog -o name").out.split()[0]
    assert line(world, f"delete {name} --wait=false").out == f'pod "{name[4:]}" deleted\n'
    assert world.now_s == 0
    world.follow_limit_s = 60
    other = line(world, "get pods -l app=checkout -o name").out.split()[0]
    line(world, f"delete {other}")
    assert 9 < world.now_s < 14
    third = line(world, "get pods -l app=search-service -o name").out.split()[0]
    reply = line(world, f"delete {third} --force --grace-period=0")
    assert reply.out == f'pod "{third[4:]}" force deleted\n'
    assert reply.err.startswith("Warning: Immediate deletion does not wait")
    assert line(world, "delete pods --all --dry-run=client").out.count("(dry run)") > 100


def test_databases_are_protected(world: FakeWorld) -> None:
    assert "protect-databases" in line(world, "delete pod payments-db-0").err
    assert "cannot patch" in line(world, "rollout restart sts/payments-db").err
    assert len(world.kubernetes.owned("payments-db")) == 2


def test_drain_moves_everything_but_daemons_and_databases(world: FakeWorld) -> None:
    world.follow_limit_s = 60
    node = next(n for n in world.kubernetes.nodes if n.endswith("04"))
    refused = line(world, f"drain {node}")
    assert refused.code == 1 and "use --ignore-daemonsets to ignore" in refused.err
    drained = line(world, f"drain {node} --ignore-daemonsets")
    assert drained.out.endswith(f"node/{node} drained\n") and drained.code == 0
    assert world.kubernetes.nodes[node].pods == 0
    assert line(world, f"get node {node}").out.splitlines()[1].split()[1] == "Ready,SchedulingDisabled"
    assert line(world, f"uncordon {node}").out == f"node/{node} uncordoned\n"


def test_autoscale_and_hpa_columns(world: FakeWorld) -> None:
    reply = line(world, "autoscale deploy catalog --min=12 --max=20 --cpu-percent=60")
    assert reply.out == "horizontalpodautoscaler.autoscaling/catalog autoscaled\n"
    world.advance(16)
    rows = line(world, "get hpa").out.splitlines()
    assert rows[0].split() == ["NAME", "REFERENCE", "TARGETS", "MINPODS", "MAXPODS", "REPLICAS", "AGE"]
    assert rows[1].split()[:6] == ["catalog", "Deployment/catalog", "cpu:", "60%/60%", "12", "20"]
    assert "ValidMetricFound" in line(world, "describe hpa catalog").out
    assert "AlreadyExists" in line(world, "autoscale deploy catalog --max=20").err
    assert line(world, "delete hpa catalog").code == 0 and not world.kubernetes.hpas


def test_exec_env_and_what_is_not_simulated(world: FakeWorld) -> None:
    assert "RESILIENCE4J_BULKHEAD_MAX=25\n" in line(world, f"exec deploy/{SERVICE} -- env").out
    assert kubectl(world, "exec", f"deploy/{SERVICE}", "--", "sh", "-c", "printenv DB_URL").out.startswith(
        "jdbc:"
    )
    assert "executable file not found" in line(world, f"exec deploy/{SERVICE} -- rm -rf /").err
    for language, word in (("en", "editor"), ("ru", "редактора")):
        world.language = language
        assert word in line(world, f"edit deploy {SERVICE}").err
        forward = line(world, "port-forward svc/catalog 8080:80")
        assert (forward.code, "Forwarding from 127.0.0.1:8080 -> 8080" in forward.out) == (0, True)
        assert "curl http://catalog/" in forward.err
        assert "-- env" in line(world, f"exec -it deploy/{SERVICE} -- bash").err


def test_about_the_tool(world: FakeWorld) -> None:
    assert line(world, "version").out.splitlines()[0] == "Client Version: v1.32.4"
    assert line(world, "config current-context").out == "prod\n"
    assert line(world, "auth can-i delete pods").out == "yes\n"
    assert line(world, "auth can-i delete secrets").code == 1
    assert "deployments" in line(world, "api-resources").out
    assert line(world, "explain deploy.spec.replicas").code == 0
    line(world, "config set-context --current --namespace=kube-system")
    assert "coredns" in line(world, "get pods").out


def test_deploy_verb_in_both_languages(world: FakeWorld) -> None:
    deploy = TOOLS["deploy"].run
    assert deploy(world, ["deploy", "nope", "v1"], "").code == 1  # type: ignore[arg-type]
    assert deploy(world, ["deploy"], "").code == 2  # type: ignore[arg-type]
    world.language = "ru"
    assert "подов" in deploy(world, ["deploy", SERVICE, "v2.8.1"], "").out  # type: ignore[arg-type]
    assert "идёт" in deploy(world, ["deploy", SERVICE], "").out  # type: ignore[arg-type]


def test_looking_changes_nothing_and_is_fast() -> None:
    world = in_rollout()
    before = repr(world.kubernetes), world.agenda.sequence
    for command in (
        "get pods",
        "get all -o wide",
        "describe pods",
        "get events",
        "top pods",
        "get deploy -o yaml",
    ):
        start = time.process_time()
        assert line(world, command).code == 0
        # 50 ms is the bar for `get`; the machine that tests is shared.
        assert time.process_time() - start < (0.5 if "describe" in command else 0.15), command
    assert (repr(world.kubernetes), world.agenda.sequence) == before
