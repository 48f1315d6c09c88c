"""AppInfo: what an app says about itself to those who open its pages."""

from __future__ import annotations

from dataclasses import dataclass

from flowrpc.errors import ComponentError

_NOT_SHOWN = ("favicon", "image", "meta_tags", "on_connect_end")


@dataclass(frozen=True, slots=True, kw_only=True)
class AppInfo:
    """What `/docs` and the OpenAPI document say about an app: `LightningApp(root, info=AppInfo(title="Shop"))`.

    The other fields are those that apps for Lightning know. Nothing shows them, so they are refused.

    Raises:
        ComponentError: One of them is given.
    """

    title: str | None = None
    """The heading; by default the name of the app."""
    description: str | None = None
    """What stands below it, in Markdown."""
    favicon: str | None = None
    image: str | None = None
    meta_tags: list[str] | None = None
    on_connect_end: str | None = None

    def __post_init__(self) -> None:
        """Refuses what would be ignored."""
        for name in _NOT_SHOWN:
            if getattr(self, name) is not None:
                raise ComponentError(
                    f"AppInfo({name}=…): only title and description are shown; leave it out, or put it into the page "
                    "of a Frontend"
                )


def check_hosting(root_path: str, flow_cloud_compute: object) -> None:
    """Refuses what apps for Lightning told about where they are hosted, if it would change nothing.

    Raises:
        ComponentError: One of them is given.
    """
    if root_path:
        raise ComponentError(
            f"LightningApp(root_path={root_path!r}): an app is served at the root of an address; leave it out, and let "
            "`flowctl run --http-name` tell the name of a host of its own"
        )
    if flow_cloud_compute is not None:
        raise ComponentError(
            "LightningApp(flow_cloud_compute=…): the flow runs where `flowctl run` is called; leave it out, and give "
            "cloud_compute to works"
        )
