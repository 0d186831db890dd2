"""What people have written into fields of leads to reach beyond them."""

from __future__ import annotations

INJECTIONS = (
    "Bob\r\nBcc: evil@example.test",
    "Bob\nBcc: evil@example.test",
    "Bob\rBcc: evil@example.test",
    "Bob\r\n\r\n<h1>FAKE</h1>",
    "Bob\x0bBcc: evil@example.test",
    "Bob\x0cBcc: evil@example.test",
    "Bob\x1cBcc: evil@example.test",
    "Bob\x85Bcc: evil@example.test",
    "Bob\u2028Bcc: evil@example.test",
    "Bob\u2029Bcc: evil@example.test",
    "=?utf-8?q?Bob=0D=0AReply-To:_evil@x?=",
    "=?utf-8?q?Bob=0D=0AReply-To:_evil@x=0D=0A=0D=0AFAKE_BODY?=",
    "=?utf-8?b?Qm9iDQpSZXBseS1UbzogZXZpbEB4?=",
    "a =?us-ascii?Q?b=0ABcc:_x@y?= c",
    "=\x00?utf-8?q?Bob=0D=0ABcc:_x@y?\x00=",
    "Bob\x00Bcc: evil@example.test",
    "\u202eevil\u202c",
    "\u2066evil\u2069\u200b\ufeff",
    "\ud800 lone",
    "Bob\r\n --=_boundary",
    "x" * 10_000,
    "é" * 10_000,
    "{{7*7}}",
    "<script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "Eve, victim@example.test <a@example.test>",
    "Ünï\r\nBcc: evil@example.test",
    "\r\n.\r\nMAIL FROM:<evil@example.test>",
)
