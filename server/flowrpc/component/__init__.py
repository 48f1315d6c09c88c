"""What people subclass: flows, works, structures and the app. No network, no threads."""

from flowrpc.component.app import LightningApp
from flowrpc.component.app_info import AppInfo
from flowrpc.component.build_config import BuildConfig
from flowrpc.component.client_command import ClientCommand
from flowrpc.component.compute import CloudCompute
from flowrpc.component.flow import LightningFlow
from flowrpc.component.retry import Retry
from flowrpc.component.structures import Dict, List
from flowrpc.component.work import LightningWork
from flowrpc.component.work_status import WorkStatus

__all__ = [
    "AppInfo",
    "BuildConfig",
    "ClientCommand",
    "CloudCompute",
    "Dict",
    "LightningApp",
    "LightningFlow",
    "LightningWork",
    "List",
    "Retry",
    "WorkStatus",
]
