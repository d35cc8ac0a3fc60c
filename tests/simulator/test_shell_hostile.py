"""Whatever is typed at the prompt: an answer, never an exception, and bounded work."""

import pickle
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.reply import Reply
from tests.depth import some
from tests.simulator.shell_fakes import TOOLS, FakeWorld, run

SLOW_S = 6.0  # generous: two shared cores; an unbounded line would take minutes
MB = "x" * 1_000_000

SHELL_WORDS = (
    "| || && ; ;; & > >> < <<< 2>&1 2>/dev/null &> ( ) { } $( ` ' \" \\ $ ${ ${x} $((1+ )) $? # ! * ? [ ] ~ = A=1 "
    "for in do done if then else fi while until true false echo grep awk sed jq sort xargs watch time cat seq read "
    "head -n 1 -5 a b c x {1..9} {a,b} ~/runbooks README.md /etc/passwd git log kubectl get pods eval bash -c $'\\x41' "
    "env sudo printf %s test [[ ]] -eq break continue exit cd export"
).split(" ")
AWK_WORDS = (
    '{ } ( ) [ ] $ $1 $NF NR NF x a b 1 2 0.5 "s" /a/ /[/ ~ !~ ! == != < > <= >= && || ? : , ; + - * / % ^ ++ -- += = '
    "print printf if else while for do in next exit delete BEGIN END length substr( split( gsub( sub( match( sprintf( "
    "break continue getline function return | >> \n \\ @ # rand() tolower("
).split(" ")
JQ_WORDS = (
    ". .. .a .[] [ ] { } ( ) | , : ; ? // = |= += == != < and or not if then elif else end as $x reduce foreach try "
    'catch 1 0 -1 1e9 "s" "\\( ) null true map( select( keys length sort_by( group_by( add range( first limit( until( '
    "recurse repeat( paths del( to_entries test( sub( @csv @base64d .[1:] .[-1] tojson fromjson walk( splits( ltrimstr( "
    "implode error def env"
).split(" ")
SED_WORDS = "s/a/b/ s/ / g p d q N D P G H x h n = y/a/b/ 1 2 $ , /a/ /[/ \\( \\) ! { } ; \n 0 ~ + -n a\\ i c & \\1".split(
    " "
)


def line_of(words: list[str]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(words) | st.text(max_size=4), max_size=14).map(" ".join)


def is_answer(reply: Reply) -> None:
    assert isinstance(reply, Reply)
    assert 0 <= reply.code <= 255
    assert len(reply.out) <= 1_000_000
    (reply.out + reply.err).encode()  # no lone surrogates reach a terminal


@settings(max_examples=350, deadline=None)
@given(line_of(SHELL_WORDS))
def test_any_line_is_answered(line: str) -> None:
    world = FakeWorld()
    is_answer(run(line, world))
    pickle.dumps(world)


@settings(max_examples=250, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_answered(line: str) -> None:
    is_answer(run(line))


@settings(max_examples=350, deadline=None)
@given(line_of(AWK_WORDS), st.text(max_size=40))
def test_any_awk_program_is_answered(program: str, stdin: str) -> None:
    is_answer(TOOLS["awk"].run(FakeWorld(), ["awk", program], stdin))  # type: ignore[arg-type]


@settings(max_examples=350, deadline=None)
@given(
    line_of(JQ_WORDS),
    st.sampled_from(['{"a":[1,{"b":"x"}]}', "[3,1,2]", '"text"', "null", "1 2 3", "{", "", "nope"]),
)
def test_any_jq_filter_is_answered(program: str, stdin: str) -> None:
    is_answer(TOOLS["jq"].run(FakeWorld(), ["jq", program], stdin))  # type: ignore[arg-type]


@settings(max_examples=300, deadline=None)
@given(line_of(SED_WORDS), st.sampled_from([[], ["-n"], ["-E"]]))
def test_any_sed_script_is_answered(script: str, flags: list[str]) -> None:
    is_answer(TOOLS["sed"].run(FakeWorld(), ["sed", *flags, script], "aab\nb\n\na\n"))  # type: ignore[arg-type]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(TOOLS)), st.lists(st.text(max_size=6) | st.sampled_from(
    "-n -c -1 -k2,2 -k -f -d, -E -o -r -t -s / . a b [ ( \\ -- --help --x + * 1 0 -99999999999 9e9".split(" ")), max_size=5),
    st.text(max_size=30))  # fmt: skip
def test_any_words_for_any_tool_are_answered(name: str, words: list[str], stdin: str) -> None:
    is_answer(TOOLS[name].run(FakeWorld(), [name, *words], stdin))  # type: ignore[arg-type]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20), st.text(max_size=20))
def test_any_json_is_read_or_refused(before: str, after: str) -> None:
    is_answer(TOOLS["jq"].run(FakeWorld(), ["jq", "."], before + '{"a":"\\ud800"}' + after))  # type: ignore[arg-type]


HOSTILE = {
    "ten megabytes": MB * 10,
    "a long word": "echo " + "a" * 99_000,
    "deep quotes": "echo " + "\"$(echo " * 5000 + "x" + ")\"" * 5000,
    "deep parentheses": "(" * 50_000,
    "deep blocks": "if true; then " * 2000,
    "deep arithmetic": "echo $((" + "(" * 5000 + "1" + ")" * 5000 + "))",
    "many stages": "cat " + "| cat " * 5000,
    "many commands": "; ".join(["echo x"] * 10_000),
    "nested loops": "for a in {1..90}; do for b in {1..90}; do for c in {1..90}; do echo $a; done; done; done",
    "nested commands": "sudo " * 10_000 + "ls",
    "nested shells": "bash -c " * 3000 + "ls",
    "endless while": "while [ 1 = 1 ]; do echo x; done",
    "sleepy while": "until false; do sleep 60; done",
    "doubling": "A=xxxxxxxxxx; " + "A=$A$A; " * 40 + "echo $A",
    "variable bomb": "A=$(seq 20000); echo " + "$A" * 30_000,
    "brace bomb": "echo " + "{a,b}" * 40,
    "glob bomb": "ls " + "*a" * 5000,
    "replace bomb": "A=$(seq 10000); echo ${A//[0-9]/" + "x" * 50_000 + "}",
    "output bomb": "yes " * 1000 + "; seq 99999999999",
    "recursion by eval": "A='eval $A'; eval $A",
    "catastrophic grep": "seq 1000 | tr '\\n' 'a' | grep -E '(a*)*(a*)*(a|aa)*$'",
    "catastrophic repeat": "echo a | grep -E '((((a{1,999}){1,999}){1,999}){1,999})'",
    "look-around": "echo a | grep -P '(?=a)(?!b)'",
    "back reference": "echo aa | sed 's/\\(a\\)\\1/x/'",
    "long pattern": "echo a | grep '" + "a?" * 40_000 + "'",
    "awk loop": "awk 'BEGIN {while (1) x = x \"aaaaaaaaaaaaaaaa\"}'",
    "awk table": "awk 'BEGIN {for (;;) a[i++] = i}'",
    "awk split": "seq 20000 | awk '{s = s $0} END {for (;;) n = split(s, t, \"\")}'",
    "awk format": "awk 'BEGIN {printf \"%999999999d\", 1}'",
    "awk field": "awk 'BEGIN {$999999999 = 1}'",
    "awk power": "awk 'BEGIN {print 10 ^ 10 ^ 10, 2 ^ -1e308, exp(1e9)}'",
    "awk depth": "awk 'BEGIN {print " + "(" * 5000 + "1" + ")" * 5000 + "}'",
    "awk chain": "awk 'BEGIN {print 1" + "+1" * 9000 + "}'",
    "awk gsub": "seq 5000 | awk '{s = s $0} END {for (;;) gsub(/[0-9]/, \"&&\", s)}'",
    "jq range": "jq -n '[range(1e12)]'",
    "jq repeat": "jq -n '[repeat(.)]'",
    "jq product": "jq -n '[range(1000) as $a | range(1000) as $b | range(1000)] | length'",
    "jq string": "jq -n 'reduce range(100) as $i (\"x\"; . + .)'",
    "jq nesting": "jq -n 'reduce range(100000) as $i (0; [.])'",
    "jq objects": "jq -n '{" + ", ".join(f"k{i}: (1, 2)" for i in range(60)) + "}'",
    "jq depth": "jq -n '" + "[" * 5000 + "]" * 5000 + "'",
    "jq chain": "jq -n '1" + "+1" * 9000 + "'",
    "jq pipe": "jq -n '1" + "|." * 9000 + "'",
    "jq input depth": "seq 1 | tr 1 '[' | sed 's/\\[/" + "[" * 40_000 + "/' | jq .",
    "jq big number": "echo " + "9" * 50_000 + " | jq .",
    "jq set": "jq -n '[] | .[1e9] = 1'",
    "jq recurse": "jq -n '[recurse(.)] | length'",
    "sed growth": "echo a | sed '" + "s/.*/&&/;" * 60 + "'",
    "sed hold": "seq 5000 | sed -n 'H;G;h;p'",
    "sed replacement": "seq 10000 | tr '\\n' a | sed 's/a/" + "b" * 15_000 + "/g'",
    "wide column": "(echo " + "a" * 90_000 + "; seq 20000) | column -t",
    "tr set": "echo a | tr '" + "\x01-\U0010ffff" * 20 + "' b",
    "sort digits": "echo " + "9" * 90_000 + " | sort -n",
    "sort version": "echo " + "9" * 90_000 + " | sort -V",
    "printf width": "printf '%9999d%9999d%9999d" + "%9999d" * 3000 + "' 1",
    "cut glue": "seq 10000 | tr '\\n' , | cut -d, -f1- --output-delimiter=" + "x" * 50_000,
    "xargs growth": "seq 3000 | tr -d '\\n' | xargs -I{} echo " + "{}" * 20_000,
    "xargs many": "seq 100000 | xargs -n1 echo",
    "nul and controls": "echo a\0b\x1b[2J\x07",
    "right to left": "echo \u202egnp.exe \u2066x\u2069 \ufeff",
    "homoglyph": "саt README.md",
    "wide digits": "head -n ５ README.md; seq ٣; sleep ²",
    "surrogate": "echo \ud800 | cat",
    "combining": "echo " + "a" + "\u0301" * 20_000,
    "dotted i": "echo İ | grep -i i",
    "no-break space": "echo\u00a0a",
    "host environment": "env; echo $HOME $PATH; jq -n env; awk 'BEGIN {for (k in ENVIRON) print k, ENVIRON[k]}'",
}  # fmt: skip


@pytest.mark.parametrize("name", some(list(HOSTILE), 2))
def test_hostile_lines_are_answered_in_bounded_time(name: str) -> None:
    world = FakeWorld()
    began = time.process_time()
    is_answer(run(HOSTILE[name], world))
    assert time.process_time() - began < SLOW_S
    assert sum(map(len, world.files.values())) + sum(map(len, world.shell_vars.values())) < 8_000_000


def test_the_machine_does_not_show_through() -> None:
    import os

    reply = run(HOSTILE["host environment"] + "; ls / /home /tmp; pwd; hostname; uname -a; cat /etc/hostname")
    for name, value in os.environ.items():
        if len(value) > 12 and name not in ("LANG", "TERM", "SHELL", "PATH"):
            assert value not in reply.out, name


def test_the_same_line_gives_the_same_answer() -> None:
    line = "awk 'BEGIN {print rand(), rand()}'; date; time true; seq 9 | sort -r | head -3; git log -1"
    assert run(line) == run(line)
