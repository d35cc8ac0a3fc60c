"""Which of the 16,384 slots a key belongs to: CRC16 (XMODEM) of the key, or of what stands in {braces}."""

SLOTS = 16_384


def _table() -> tuple[int, ...]:
    found = []
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        found.append(crc & 0xFFFF)
    return tuple(found)


TABLE = _table()


def crc16(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc = ((crc << 8) & 0xFFFF) ^ TABLE[(crc >> 8) ^ byte]
    return crc


def slot_of(key: str) -> int:
    """A key's slot; only a non-empty {tag} counts."""
    start = key.find("{")
    if start >= 0:
        end = key.find("}", start + 1)
        if end > start + 1:
            key = key[start + 1 : end]
    return crc16(key.encode("utf-8", "surrogateescape")) % SLOTS
