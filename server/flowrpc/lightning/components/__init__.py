"""Ready-made works."""

from flowrpc.components import PopenPythonScript, PythonServer, TracerPythonScript
from flowrpc.lightning.absence import without

__all__ = ["PopenPythonScript", "PythonServer", "TracerPythonScript"]

_DATABASE = "small facts are vars of a flow, which are durable; open what is larger in a work, with sqlite3 for example"
_NODES = "put works into a List and give each its rank and the address of the first as arguments of run"
_TRAINER = "call the Trainer in the run of a work, or run its script by TracerPythonScript"

__getattr__ = without(
    __name__,
    {
        "AutoScaler": "put PythonServer works into a List, and let the flow append and remove them",
        "Database": _DATABASE,
        "DatabaseClient": _DATABASE,
        "FabricMultiNode": _NODES,
        "LightningTrainerMultiNode": f"{_NODES}; {_TRAINER}",
        "LightningTrainerScript": _TRAINER,
        "LiteMultiNode": _NODES,
        "MultiNode": _NODES,
        "PyTorchSpawnMultiNode": _NODES,
        "ServeGradio": "call interface.launch(server_name=self.host, server_port=self.port) in the run of a work",
        "ServeStreamlit": "start `streamlit run` on self.host and self.port in the run of a work",
    },
)
