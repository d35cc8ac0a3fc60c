"""A session at the prompt: quoting, pipes, redirects, variables, loops, and what is refused."""

import pytest

from simulator.shell.effects import changes
from tests.simulator.shell_fakes import TOOLS, FakeWorld, out, run

TRANSCRIPT = {
    # quoting
    "echo a  b 'c  d' \"e  f\"": "a b c  d e  f\n",
    r"echo a\ b \$HOME '\n' $'x\ty\x41'": "a b $HOME \\n x\tyA\n",
    'echo "it\'s" \'say "hi"\'': 'it\'s say "hi"\n',
    'echo "" a': " a\n",
    "echo a#b # comment": "a#b\n",
    "echo one; echo two": "one\ntwo\n",
    "echo one\necho two": "one\ntwo\n",
    # variables and substitution
    "A=5; echo $A ${A}b ${A:-x} ${B:-y} ${#A}": "5 5b 5 y 1\n",
    "A='x  y'; echo $A \"$A\"": "x y x  y\n",
    "echo $(echo $(echo deep)) `echo old`": "deep old\n",
    'echo "[$(printf "a\\n\\n")]"': "[a]\n",
    "echo $((2 + 3 * 4)) $((7 / 2)) $((2 ** 10)) $((1 < 2))": "14 3 1024 1\n",
    "X=3; echo $((X * 2 + $X))": "9\n",
    "N=payment-service; echo ${N%-*} ${N#*-} ${N/pay/PAY} ${N:0:3}": "payment service PAYment-service pay\n",
    "false; echo $?; true; echo $?": "1\n0\n",
    "FOO=bar env | grep ^FOO": "FOO=bar\n",
    "export FOO=1; echo $FOO; unset FOO; echo [$FOO]": "1\n[]\n",
    # lists
    "true && echo yes || echo no": "yes\n",
    "false && echo yes || echo no": "no\n",
    "! false && echo negated": "negated\n",
    "(echo a; echo b) | wc -l": "2\n",
    "{ echo a; echo b; } | tail -1": "b\n",
    # pipes
    "kubectl get pods | grep -v NAME | awk '{print $1}'": "p-1\np-2\n",
    "kubectl get pods | awk 'NR>1' | wc -l": "2\n",
    "kubectl bad 2>/dev/null | wc -l": "0\n",
    "kubectl bad 2>&1 | grep -c error": "1\n",
    "kubectl bad |& grep -c error": "1\n",
    "seq 3 | xargs": "1 2 3\n",
    "seq 4 | xargs -n 2 echo -": "- 1 2\n- 3 4\n",
    "seq 2 | xargs -I{} echo p-{}": "p-1\np-2\n",
    "echo \"'a b' c\" | xargs -n1": "a b\nc\n",
    "k get pods | head -1": "NAME   READY\n",
    "wc -c <<< hello": "6\n",
    "diff <(seq 2) <(seq 2) && echo same": "same\n",
    # loops and conditions
    "for i in a b 'c d'; do echo [$i]; done": "[a]\n[b]\n[c d]\n",
    "for i in {1..3} {x,y}; do echo -n $i; done": "123xy",
    "for i in $(seq 5); do if [ $i -eq 3 ]; then break; fi; echo $i; done": "1\n2\n",
    "for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done": "1\n3\n",
    "kubectl get pods | while read n r; do echo $r; done": "READY\n1/1\n0/1\n",
    "if [ -z '' ]; then echo empty; else echo full; fi": "empty\n",
    "i=0; while [ $i -lt 3 ]; do i=$((i+1)); done; echo $i": "3\n",
    "until true; do echo never; done; echo end": "end\n",
    # files of the session
    "echo hi > f; cat f; echo more >> f; wc -l < f": "hi\n2\n",
    "seq 3 | tee f | tail -1; cat f": "3\n1\n2\n3\n",
    "echo x >/dev/null; cat /dev/null; echo done": "done\n",
    "cd runbooks; pwd; ls *.md | head -1; cd -": "/home/oncall/runbooks\nincident.md\n/home/oncall\n",
    "echo x > a.txt; ls *.txt; echo '*.txt' \"*.txt\"": "a.txt\n*.txt *.txt\n",
    "date +%F_%T": "2026-11-20_14:00:00\n",
    "whoami; hostname": "oncall\nbastion\n",
    "cat /nope 2>/dev/null || echo absent": "absent\n",
    "bash -c 'echo $0 $((1+1))'": "bash 2\n",
    "sudo -u root echo root": "root\n",
}


@pytest.mark.parametrize("line", TRANSCRIPT)
def test_a_line_prints_what_bash_prints(line: str) -> None:
    assert run(line).out == TRANSCRIPT[line]


ERRORS = {
    "foo": ("bash: foo: command not found\n", 127),
    "./x.sh": ("bash: ./x.sh: No such file or directory\n", 127),
    "cat /etc/passwd": ("cat: /etc/passwd: No such file or directory\n", 1),
    "cat /proc/self/environ": ("cat: /proc/self/environ: No such file or directory\n", 1),
    "cat ~/../../etc/shadow": ("cat: /home/oncall/../../etc/shadow: No such file or directory\n", 1),
    "cat runbooks": ("cat: runbooks: Is a directory\n", 1),
    "cat README.md/x": ("cat: README.md/x: Not a directory\n", 1),
    "echo x > /etc/motd": ("bash: /etc/motd: Permission denied\n", 1),
    "echo x > /nodir/f": ("bash: /nodir/f: No such file or directory\n", 1),
    "echo x > /x": ("bash: /x: Permission denied\n", 1),
    "echo x > README.md": ("bash: README.md: Permission denied\n", 1),
    "sort < /nope": ("bash: /nope: No such file or directory\n", 1),
    "cd /nope": ("bash: cd: /nope: No such file or directory\n", 1),
    "echo 'a": ("bash: unexpected EOF while looking for matching `''\n", 2),
    'echo "a': ("bash: unexpected EOF while looking for matching `\"'\n", 2),
    "echo $(a": ("bash: unexpected EOF while looking for matching `)'\n", 2),
    "| grep x": ("bash: syntax error near unexpected token `|'\n", 2),
    "echo a | | b": ("bash: syntax error near unexpected token `|'\n", 2),
    "echo a &&": ("bash: syntax error: unexpected end of file\n", 2),
    "echo )": ("bash: syntax error near unexpected token `)'\n", 2),
    "fi": ("bash: syntax error near unexpected token `fi'\n", 2),
    "echo ${a b}": ("bash: ${a b}: bad substitution\n", 1),
    "echo $((1 / 0))": ('bash: 1 / 0: division by 0 (error token is "0")\n', 1),
    "[ a -eq 1 ]": ("bash: [: a: integer expression expected\n", 2),
    "[ a = a": ("bash: [: missing `]'\n", 2),
    "export 1a=2": ("bash: export: `1a=2': not a valid identifier\n", 1),
    "exit 3": ("", 3),
}


@pytest.mark.parametrize("line", ERRORS)
def test_errors_read_as_bash_writes_them(line: str) -> None:
    reply = run(line)
    assert (reply.err, reply.code) == ERRORS[line]


def test_a_failure_in_the_middle_keeps_both_streams() -> None:
    reply = run("echo a; cat /nope; echo b")
    assert (reply.out, reply.err, reply.code) == ("a\nb\n", "cat: /nope: No such file or directory\n", 0)


def test_variables_and_files_last_for_the_session() -> None:
    world = FakeWorld()
    run("A=1; echo kept > f; cd /tmp", world)
    assert out("echo $A $PWD; cat ~/f", world) == "1 /tmp\nkept\n"
    run("nosuch", world)
    assert out("echo $?", world) == "127\n"


def test_assignments_before_a_command_do_not_last() -> None:
    world = FakeWorld()
    assert out("A=1 bash -c 'echo $A'; echo [$A]", world) == "1\n[]\n"
    assert "A" not in world.shell_vars


def test_process_substitution_leaves_nothing_behind() -> None:
    world = FakeWorld()
    assert run("diff <(seq 3) <(seq 4)", world).out == "3a4\n> 4\n"
    assert world.files == {}


def test_watch_and_sleep_let_time_pass_within_the_limit() -> None:
    world = FakeWorld()
    reply = run("watch -n 5 'kubectl get pods | wc -l'", world)
    assert world.now_s == 10.0
    assert reply.out.count("Every 5.0s:") == 3
    run("sleep 3; sleep 600", world)
    assert world.now_s == 23.0
    assert "real\t0m2.012s" in run("time sleep 2", world).err


def test_a_wide_watch_is_cut_to_a_dozen_screens() -> None:
    world = FakeWorld(follow_limit_s=120.0)
    assert run("watch -n 1 date", world).out.count("Every") == 12


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("while true; do kubectl get pods; sleep 1; done", "watch -n"),
        ("kubectl get pods &", "watch"),
        ("cat <<EOF", "here-documents"),
        ("case x in x) ;; esac", "if with"),
        ("f() { ls; }", "syntax error"),
        ("journalctl -u kubelet", "kubectl logs"),
        ("ssh node-1", "kubectl"),
    ],
)
def test_what_is_missing_names_what_works(line: str, says: str) -> None:
    reply = run(line)
    assert says in reply.err
    assert reply.code != 0


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_home_directory_reads_in_both_languages(language: str) -> None:
    world = FakeWorld(language=language)
    assert out("ls ~/runbooks", world) == "incident.md\npayment-service.md\n"
    text = out("cat ~/runbooks/payment-service.md", world)
    assert ("Откат" in text) == (language == "ru")
    assert "kubectl rollout undo" in text
    assert ("строки" in out("man grep", world)) == (language == "ru")


def test_scratch_space_is_bounded() -> None:
    world = FakeWorld()
    reply = run("seq 100000 > a; for i in 1 2 3 4 5 6; do cat a >> b; done", world)
    assert "No space left on device" in reply.err
    assert sum(map(len, world.files.values())) <= 2_000_000
    many = run("for i in $(seq 100); do echo x > f$i; done", FakeWorld())
    assert "No space left on device" in many.err


def test_promql_needs_no_quotes() -> None:
    from simulator.shell.raw import quoted_raw

    assert quoted_raw('promql up{job="a"} > 1') == "promql 'up{job=\"a\"} > 1'"
    assert quoted_raw("promql sum(rate(x[1m])) | head -1") == "promql 'sum(rate(x[1m]))' | head -1"
    assert quoted_raw("promql 'up' | wc -l") == "promql 'up' | wc -l"
    assert quoted_raw('logcli query {a="b"} |= "x"') == 'logcli query \'{a="b"} |= "x"\''
    assert quoted_raw("promqlx a") == "promqlx a"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("kubectl get pods", False),
        ("kubectl delete pod p-1", True),
        ("k delete pod p-1", True),
        ("echo p-1 | xargs kubectl delete pod", True),
        ("for p in a b; do kubectl delete pod $p; done", True),
        ("if true; then sudo kubectl delete pod x; fi", True),
        ("echo $(kubectl delete pod x)", True),
        ("watch 'kubectl delete pod x'", True),
        ("echo kubectl delete pod", False),
        ("grep delete f && kubectl get pods", False),
        ("'unclosed kubectl delete", False),
    ],
)
def test_effects_are_told_before_running(line: str, expected: bool) -> None:
    assert changes(line, TOOLS) is expected


def test_history_and_types() -> None:
    world = FakeWorld(command_log=["ls", "pwd"])
    assert out("history", world) == "    1  ls\n    2  pwd\n"
    assert out("history 1", world) == "    2  pwd\n"
    assert out("which grep cd", world) == "/usr/bin/grep\n/usr/bin/cd\n"
    assert run("which nope").code == 1


def test_tr_of_no_characters_leaves_everything() -> None:
    assert out("echo abc | tr '' 0") == "abc\n"
