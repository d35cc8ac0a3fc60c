"""Which values a topic's settings take, and what a broker says of others."""

from __future__ import annotations

INVALID = (
    "Error while executing config command with args\njava.util.concurrent.ExecutionException: "
    "org.apache.kafka.common.errors.InvalidConfigurationException: "
)
WHOLE = {  # settings that are numbers, with their types
    **dict.fromkeys(
        ("min.insync.replicas", "segment.bytes", "max.message.bytes", "segment.index.bytes"), "INT"
    ),
    **dict.fromkeys(
        (
            "retention.ms",
            "retention.bytes",
            "segment.ms",
            "delete.retention.ms",
            "flush.ms",
            "flush.messages",
        ),
        "LONG",
    ),
}
WORDS = {
    "cleanup.policy": ("compact", "delete"),
    "compression.type": ("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"),
    "message.timestamp.type": ("CreateTime", "LogAppendTime"),
}


def invalid(key: str, value: str) -> str:
    """What the broker says of a value that is none for its setting."""
    shown, digits = value[:100], value.removeprefix("-")
    if key in WHOLE and not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        return f"Invalid value {shown} for configuration {key}: Not a number of type {WHOLE[key]}"
    if key in WORDS and not set(value.split(",")) <= set(WORDS[key]):
        return (
            f"Invalid value {shown} for configuration {key}: String must be one of: {', '.join(WORDS[key])}"
        )
    return ""
