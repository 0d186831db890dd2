"""Mail that is due, sent at most once: claimed, composed, handed over, settled.

    mails                 one mail: its words, links, bytes
    carriers, rendering   what takes it away; templates over fields of strangers

The modules here are the passes over them (`states` draws a message's way), and what they ask:
permission, caps, windows, priority.
"""
