"""What ends or interrupts user code, under the names that apps know.

`ExitAppException`, `LightningFlowException` and `CacheMissException` are no `Exception`: they unwind passes, and an
`except Exception` of user code does not swallow them.
"""

from flowrpc.component.calls import Unwind as CacheMissException
from flowrpc.component.exits import ExitApp as ExitAppException
from flowrpc.component.exits import ExitApp as LightningFlowException
from flowrpc.errors import ComponentError as LightningWorkException
from flowrpc.errors import ComponentError as MisconfigurationException

__all__ = [
    "CacheMissException",
    "ExitAppException",
    "LightningFlowException",
    "LightningWorkException",
    "MisconfigurationException",
]
