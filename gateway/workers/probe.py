"""Which layers of confinement this system allows: what `mailward doctor` tells. Also the smallest child there is."""

from gateway.workers.child import serve
from gateway.workers.confine import Layer
from gateway.workers.limits import Limits
from gateway.workers.process import Child


async def probe() -> frozenset[Layer]:
    """Start one child and ask what confines it. Raises: WorkerError or OSError when no child can start."""
    child = Child(Limits())
    await child.start("gateway.workers.probe")
    await child.stop()
    return frozenset(Layer(name) for name in child.held)


def handle(header: bytes, blob: memoryview) -> bytes:
    """Give back what came in: measures the way there and back."""
    return header + blob


if __name__ == "__main__":
    serve(handle)
