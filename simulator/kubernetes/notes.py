"""What the cluster writes into the timeline and what the release verbs answer, in both languages."""

from typing import TYPE_CHECKING

from simulator.scenario import Text

if TYPE_CHECKING:
    from simulator.world import World

TEXTS = {
    "deploy_started": Text(
        ru="{service}: выкатка {old} -> {new}, подов {pods}",
        en="{service}: deploy {old} -> {new} started, {pods} pods",
    ),
    "rollback_started": Text(
        ru="{service}: откат {old} -> {new}, ревизия {revision}",
        en="{service}: rollback {old} -> {new} started, revision {revision}",
    ),
    "template_changed": Text(
        ru="{service}: новый шаблон пода той же версии {new}",
        en="{service}: new pod template of the same version {new}",
    ),
    "first_traffic": Text(
        ru="{service}: первые поды {version} принимают трафик",
        en="{service}: the first pods of {version} take traffic",
    ),
    "rollout_complete": Text(
        ru="{service}: выкатка {version} завершена, готово {pods} из {pods}",
        en="{service}: rollout of {version} complete, {pods} of {pods} ready",
    ),
    "rollout_stalled": Text(
        ru="{service}: выкатка {version} не движется {seconds} с (ProgressDeadlineExceeded)",
        en="{service}: rollout of {version} made no progress for {seconds} s (ProgressDeadlineExceeded)",
    ),
    "rollout_paused": Text(ru="{service}: выкатка приостановлена", en="{service}: rollout paused"),
    "rollout_resumed": Text(ru="{service}: выкатка продолжена", en="{service}: rollout resumed"),
    "scaled": Text(ru="{service}: подов {old} -> {new}", en="{service}: scaled {old} -> {new}"),
    "node_not_ready": Text(ru="узел {node}: NotReady", en="node {node}: NotReady"),
    "node_ready": Text(ru="узел {node}: снова Ready", en="node {node}: Ready again"),
    "node_evicted": Text(ru="узел {node}: вытеснено подов {pods}", en="node {node}: {pods} pods evicted"),
    "liveness_killed": Text(
        ru="под {pod}: liveness не прошла, контейнер перезапущен",
        en="pod {pod}: liveness probe failed, container restarted",
    ),
    "pod_deleted": Text(ru="под {pod} удалён", en="pod {pod} deleted"),
    "pod_killed": Text(ru="под {pod} убит (--force)", en="pod {pod} killed (--force)"),
    "deployment_deleted": Text(ru="деплоймент {service} удалён", en="deployment {service} deleted"),
    "canary_started": Text(
        ru="{service}: канарейка {version}, подов {pods}, выдержка {seconds} с",
        en="{service}: canary of {version}, pods: {pods}, soak {seconds} s",
    ),
    "canary_passed": Text(
        ru="{service}: канарейка {version} прошла, доля ошибок {rate}, время ответа x{slower}",
        en="{service}: canary of {version} passed, error ratio {rate}, response time x{slower}",
    ),
    "canary_slow": Text(
        ru="{service}: канарейка {version} не прошла, медленнее старой версии в {slower} раза при пороге "
        "{limit}: автоматический откат",
        en="{service}: canary of {version} failed, {slower} times slower than the pods beside it "
        "(limit {limit}): automatic rollback",
    ),
    "canary_failed": Text(
        ru="{service}: канарейка {version} не прошла, доля ошибок {rate} выше {limit}: автоматический откат",
        en="{service}: canary of {version} failed, error ratio {rate} above {limit}: automatic rollback",
    ),
    "canary_books": Text(
        ru="{service}: канарейка {version} не прошла, сверка не сходится, «{rule}»: автоматический откат",
        en="{service}: canary of {version} failed, the reconciliation does not add up, '{rule}': automatic rollback",
    ),
    "canary_stuck": Text(
        ru="{service}: канарейка {version} так и не стала готовой: автоматический откат",
        en="{service}: canary of {version} never became ready: automatic rollback",
    ),
    "autoscaled": Text(
        ru="{service}: HPA меняет число подов {old} -> {new}",
        en="{service}: HPA scales {old} -> {new}",
    ),
    "node_cordoned": Text(ru="нода {node}: планирование закрыто", en="node {node} cordoned"),
    "node_drained": Text(ru="нода {node}: поды выселены", en="node {node} drained"),
    "no_service": Text(
        ru="deploy: нет сервиса {service}; есть: {known}",
        en="deploy: no service {service}; there are: {known}",
    ),
    "no_version": Text(
        ru="deploy: в реестре нет {service}:{version}; есть: {known}",
        en="deploy: the registry has no {service}:{version}; it has: {known}",
    ),
    "same_version": Text(
        ru="{service} уже на {version}, выкатывать нечего",
        en="{service} is on {version} already, nothing to release",
    ),
    "paused_release": Text(
        ru="выкатка {service} приостановлена: сначала kubectl rollout resume deployment/{service}",
        en="the rollout of {service} is paused: first kubectl rollout resume deployment/{service}",
    ),
    "released": Text(
        ru="{service}: {old} -> {new}, подов {pods}, {how}\n"
        "Следить: kubectl rollout status deployment/{service} -n {namespace}",
        en="{service}: {old} -> {new}, {pods} pods, {how}\n"
        "Follow: kubectl rollout status deployment/{service} -n {namespace}",
    ),
    "how_rolling": Text(
        ru="rolling update (сверх нормы до {surge}, недоступно до {unavailable})",
        en="rolling update (max surge {surge}, max unavailable {unavailable})",
    ),
    "how_canary": Text(
        ru="канарейка: подов {pods}, выдержка {seconds} с, порог ошибок {limit}",
        en="canary: pods {pods}, soak {seconds} s, error threshold {limit}",
    ),
    "status": Text(
        ru="{service}: версия {version}, ревизия {revision}, {state}\n"
        "подов: нужно {desired}, новых {updated}, всего {total}, доступно {available}",
        en="{service}: version {version}, revision {revision}, {state}\n"
        "pods: {desired} desired, {updated} updated, {total} total, {available} available",
    ),
    "state_complete": Text(ru="выкатка завершена", en="rollout complete"),
    "state_rolling": Text(ru="выкатка идёт", en="rollout in progress"),
    "state_paused": Text(ru="выкатка приостановлена", en="rollout paused"),
    "state_stalled": Text(ru="выкатка не движется", en="rollout stalled"),
    "state_canary": Text(ru="канарейка на проверке", en="canary under analysis"),
    "rolled_back": Text(ru="автоматически отменена: {version}", en="taken back automatically: {version}"),
    "no_selector_labels": Text(
        ru="error: метку {label} здесь меняют только у подов, которыми управляет ReplicaSet",
        en="error: the label {label} can be changed here only on pods that a ReplicaSet manages",
    ),
    "no_editor": Text(
        ru="error: редактора здесь нет: вместо edit используйте kubectl set, kubectl scale или kubectl patch",
        en="error: there is no editor here: instead of edit use kubectl set, kubectl scale or kubectl patch",
    ),
    "not_simulated": Text(
        ru="error: kubectl {verb} здесь не моделируется",
        en="error: kubectl {verb} is not simulated here",
    ),
    "no_forward": Text(
        ru="# переадресация кончается вместе с командой; с этого хоста сервисы доступны напрямую: curl http://{target}/metrics",
        en="# the forward ends with the command; from this host services are reachable directly: curl http://{target}/metrics",
    ),
    "no_shell": Text(
        ru="error: интерактивной оболочки в поде нет: дайте команду после --, "
        "например kubectl exec {pod} -- env",
        en="error: there is no interactive shell in a pod here: give a command after --, "
        "e.g. kubectl exec {pod} -- env",
    ),
    "not_patchable": Text(
        ru="error: поле {path} здесь не меняется: моделируются replicas, paused, strategy, minReadySeconds, "
        "progressDeadlineSeconds, а в шаблоне image, env, resources и аннотации",
        en="error: the field {path} cannot be changed here: simulated are replicas, paused, strategy, "
        "minReadySeconds, progressDeadlineSeconds and, in the template, image, env, resources, annotations",
    ),
}


def text(world: "World", name: str, **values: object) -> str:
    """A text in the world's language."""
    return TEXTS[name].of(world.language).format(**values)


def say(world: "World", kind: str, name: str, **values: object) -> None:
    """Write a line of the timeline, dated now."""
    world.note(kind, text(world, name, **values))
