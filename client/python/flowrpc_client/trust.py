"""Trust in client parts: code of an app runs here only if the user allowed exactly that code."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flowrpc.errors import InvalidValueError
from flowrpc.protocol.answers import CommandInfo, CommandSource

from flowrpc_client import trust_file
from flowrpc_client.errors import NotTrustedError

_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{12,64})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A client part as an app offers it. Nothing of it was run."""

    app: str
    """Name of the app."""
    info: CommandInfo
    source: CommandSource

    @property
    def key(self) -> trust_file.Key:
        """What the offer is trusted as."""
        return (self.app, self.info.name)


def check_trust(offer: Offer, trust: str | bool) -> None:
    """Checks that the user allowed the very source of an offer.

    Args:
        offer: What is about to be run.
        trust: The SHA-256 of the source, at least its first 12 digits; True for whatever it is; False if only what was
            remembered counts.

    Raises:
        NotTrustedError: The user did not.
        InvalidValueError: That is no digest.
    """
    if trust is True:
        return
    if isinstance(trust, str):
        _check_digest(offer, digest_in(trust))
    else:
        _check_remembered(offer)


def digest_in(text: str) -> str:
    """Reads a digest, or the first digits of one.

    Raises:
        InvalidValueError: It is none, or too short to mean one source.
    """
    found = _DIGEST.fullmatch(text.strip())
    if found is None:
        raise InvalidValueError(
            "trust", f"{text[:80]!r} is no SHA-256; give its 64 digits, or at least 12 of them"
        )
    return found[1].lower()


def _check_digest(offer: Offer, wanted: str) -> None:
    if not offer.source.sha256.startswith(wanted):
        raise NotTrustedError(
            offer.info.name,
            f"the source of the client part of {offer.info.name!r} is another one: "
            f"its sha256 is {offer.source.sha256}, not {wanted}",
        )


def _check_remembered(offer: Offer) -> None:
    trusted = trust_file.trusted().get(offer.key, {})
    found = trust_file.Part(class_name=offer.source.class_name, sha256=offer.source.sha256)
    if found in trusted:
        return
    what = f"class {found.class_name} of {offer.source.file_name}, sha256 {found.sha256}"
    if trusted:
        old, since = list(trusted.items())[-1]
        problem = (
            f"the client part of {offer.info.name!r} has changed since you trusted it on {since[:10]}: "
            f"it is {what}; it was class {old.class_name}, sha256 {old.sha256}"
        )
    else:
        problem = f"{offer.info.name!r} has a client part, code of the app {offer.app!r} that would run here: {what}"
    raise NotTrustedError(offer.info.name, problem)
