"""The hash chain: what is stored beside each revision says which revisions came before it.

The link of a revision is the SHA-256 of the link before it and of its record. So a record that was changed, removed,
exchanged or put in does not fit, though its checksum does. The first link is made of the journal's id.
"""

from __future__ import annotations

from hashlib import sha256

LINK_BYTES = sha256().digest_size


def first_link(journal_id: str) -> bytes:
    """Makes the link that the first revision follows."""
    return sha256(b"flowrpc journal " + journal_id.encode()).digest()


def next_link(link: bytes, record: bytes) -> bytes:
    """Makes the link of a revision from the one before it and its record."""
    return sha256(link + record).digest()
