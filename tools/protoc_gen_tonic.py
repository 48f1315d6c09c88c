"""Is `protoc-gen-tonic`, with comments: it looks for them as if they were ordered by path, which they are not."""

from __future__ import annotations

import subprocess
import sys

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest


def main() -> None:
    """Answers a request of protoc or buf."""
    request = CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    for file in request.proto_file:
        told = file.source_code_info
        ordered = sorted(told.location, key=lambda one: list(one.path))
        told.ClearField("location")
        told.location.extend(ordered)
    done = subprocess.run(["protoc-gen-tonic"], input=request.SerializeToString(), check=False)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
