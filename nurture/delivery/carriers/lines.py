"""Every line of a mail ends in CR LF: asked when it is composed, and again before the wire."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=256)
def whole(data: bytes) -> bool:
    """No CR or LF of a mail stands alone: a server could read one as the end of the mail.

    The answer is remembered for the mails at hand, which are asked of twice.
    """
    breaks = data.count(b"\r\n")
    return data.count(b"\n") == breaks == data.count(b"\r")
