"""curl's command line: options, their values, curl's own words for what is wrong. Fetches nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote_plus

TRY = "curl: try 'curl --help' or 'curl --manual' for more information"
VERSION = (
    "curl 7.88.1 (x86_64-pc-linux-gnu) libcurl/7.88.1 OpenSSL/3.0.15 zlib/1.2.13\nRelease-Date: 2023-02-20\n"
    "Protocols: dict file ftp ftps gopher http https imap pop3 smtp telnet tftp\nFeatures: alt-svc AsynchDNS HSTS HTTP2 IPv6 SSL\n"
)
HELP = """Usage: curl [options...] <url>
 -d, --data <data>          HTTP POST data
 -f, --fail                 Fail fast with no output on HTTP errors
 -h, --help <category>      Get help for commands
 -i, --include              Include protocol response headers in the output
 -o, --output <file>        Write to file instead of stdout
 -s, --silent               Silent mode
 -u, --user <user:password> Server user and password
 -A, --user-agent <name>    Send User-Agent <name> to server
 -v, --verbose              Make the operation more talkative
 -V, --version              Show version number and quit
"""
WITH_VALUE = {
    "o": "output", "w": "write-out", "X": "request", "d": "data", "H": "header", "m": "max-time", "u": "user", "A": "user-agent",
    "b": "cookie", "e": "referer", "x": "proxy", "c": "cookie-jar", "D": "dump-header", "E": "cert", "F": "form", "T": "upload-file",
    "r": "range", "y": "speed-time", "Y": "speed-limit", "K": "config", "C": "continue-at", "z": "time-cond",
}  # fmt: skip
FLAGS = {
    "s": "silent", "S": "show-error", "i": "include", "I": "head", "v": "verbose", "k": "insecure", "L": "location", "f": "fail",
    "g": "globoff", "G": "get", "4": "ipv4", "6": "ipv6", "#": "progress-bar", "N": "no-buffer", "O": "remote-name", "V": "version",
    "h": "help", "q": "disable", "J": "remote-header-name", "R": "remote-time", "n": "netrc", "Z": "parallel", "0": "http1.0", "p": "proxytunnel",
}  # fmt: skip
LONG_VALUES = {
    *WITH_VALUE.values(), "connect-timeout", "retry", "data-raw", "data-binary", "data-urlencode", "json", "url", "retry-delay",
    "retry-max-time", "resolve", "connect-to", "cacert", "capath", "key", "interface", "limit-rate", "max-redirs", "noproxy",
    "unix-socket", "dns-servers", "ciphers", "tls-max", "trace", "trace-ascii", "stderr", "keepalive-time", "local-port", "proto", "oauth2-bearer", "aws-sigv4",
}  # fmt: skip
LONG_FLAGS = {
    *FLAGS.values(), "compressed", "http1.1", "http2", "http2-prior-knowledge", "http3", "no-progress-meter", "fail-with-body", "fail-early",
    "retry-all-errors", "retry-connrefused", "location-trusted", "path-as-is", "tlsv1", "tlsv1.2", "tlsv1.3", "ssl-reqd", "tcp-nodelay", "no-keepalive",
    "tcp-fastopen", "trace-time", "create-dirs", "basic", "digest", "anyauth", "negotiate", "raw", "styled-output", "no-sessionid", "haproxy-protocol",
}  # fmt: skip
POSTED = ("data", "data-raw", "data-binary", "data-urlencode", "json")


class CurlError(Exception):
    """curl's own failure: its exit code and text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass
class Call:
    urls: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)
    body: list[str] = field(default_factory=list)

    def on(self, name: str) -> bool:
        return name in self.options

    def set(self, name: str, value: str) -> None:
        self.options[name] = value
        if name in POSTED:
            key, equals, rest = value.partition("=")
            self.body.append(f"{key}={quote_plus(rest)}" if name == "data-urlencode" and equals else value)


def read(argv: list[str]) -> Call:
    """Raises CurlError with curl's text for an unknown option."""
    call = Call()
    words = list(argv[1:])
    while words:
        word = words.pop(0)
        if word.startswith("--") and len(word) > 2:
            _long(call, word, words)
        elif word.startswith("-") and len(word) > 1:
            _short(call, word, words)
        else:
            call.urls.append(word)
    if call.on("url"):
        call.urls.append(call.options["url"])
    if not call.urls and not call.on("version") and not call.on("help"):
        raise CurlError(2, f"curl: no URL specified!\n{TRY}" if len(argv) > 1 else TRY)
    return call


def _long(call: Call, word: str, words: list[str]) -> None:
    name = word[2:]
    if name in LONG_VALUES:
        call.set(name, _value(words, word))
    elif name in LONG_FLAGS or (name.startswith("no-") and name[3:] in LONG_FLAGS):
        call.options[name] = ""
    else:
        raise CurlError(2, f"curl: option {word}: is unknown\n{TRY}")


def _short(call: Call, word: str, words: list[str]) -> None:
    rest = word[1:]
    while rest:
        letter, rest = rest[0], rest[1:]
        if letter in WITH_VALUE:
            call.set(WITH_VALUE[letter], rest or _value(words, f"-{letter}"))
            return
        if letter not in FLAGS:
            raise CurlError(2, f"curl: option -{letter}: is unknown\n{TRY}")
        call.options[FLAGS[letter]] = ""
        if letter == "h" and words and not rest:  # --help takes a category
            words.pop(0)


def _value(words: list[str], option: str) -> str:
    if not words:
        raise CurlError(2, f"curl: option {option}: requires parameter\n{TRY}")
    return words.pop(0)
