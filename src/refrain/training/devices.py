"""Several devices: who this process is among those that `accelerate launch` started, and sums over all of them.

accelerate says who is where and opens the line between them; the step itself stays in the loop, which needs of the
others nothing but the sum of their gradients.
"""

import atexit
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as line
import torch.distributed.nn  # now: imported while a line is open, the defaults of its functions keep that line open
from accelerate import PartialState
from torch import Tensor, nn

from refrain.errors import BadInput

PATIENCE = timedelta(hours=6)  # so long the others wait while the first validates and samples
PACKET = 2**24  # elements that are sent at once: each sending waits for all, and most tensors are small


@dataclass(frozen=True)
class Processes:
    """This process is `number` of `count`, and computes on `device`. Only the first writes files."""

    number: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        return self.number == 0

    def sum(self, tensors: Iterable[Tensor]) -> None:
        """Put the sum over all processes in the place of each tensor."""
        if self.count > 1:
            for sent in [line.all_reduce(tensor, async_op=True) for tensor in tensors]:
                assert sent is not None
                sent.wait()

    def sum_gradients(self, weights: list[nn.Parameter]) -> None:
        """The gradient of each weight, summed; a weight that no process has a gradient of keeps none."""
        if self.count == 1:
            return
        with_gradient = torch.tensor([p.grad is not None for p in weights], dtype=torch.float32, device=self.device)
        self.sum([with_gradient])
        reached = [p for p, many in zip(weights, with_gradient.tolist()) if many]
        for p in reached:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        for packet in packets([p.grad for p in reached if p.grad is not None]):
            whole = torch.cat([gradient.reshape(-1) for gradient in packet])
            self.sum([whole])
            for gradient, summed in zip(packet, torch.split(whole, [one.numel() for one in packet])):
                gradient.copy_(summed.view_as(gradient))

    def share(self, weights: Iterable[nn.Parameter]) -> None:
        """Give every process the first one's weights."""
        if self.count > 1:
            for p in weights:
                line.broadcast(p.detach(), src=0)

    def agree(self, done: int) -> None:
        """Raise BadInput unless all have done as many steps: then they see different folders."""
        total = torch.tensor([done], dtype=torch.float32, device=self.device)
        self.sum([total])
        if int(total) != done * self.count:
            raise BadInput("The processes found different checkpoints; give a folder that all of them see.")


def packets(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """The tensors in their order, as many at a time as are of one dtype and hold `PACKET` elements together."""
    packet = list[Tensor]()
    for tensor in tensors:
        if packet and (packet[0].dtype != tensor.dtype or sum(x.numel() for x in packet) + tensor.numel() > PACKET):
            yield packet
            packet = []
        packet.append(tensor)
    if packet:
        yield packet


def processes() -> Processes:
    """Who this process is. A recipe asks it for the device, and writes its own files only where it is the first."""
    state = PartialState(cpu=not torch.accelerator.is_available(), timeout=PATIENCE)
    atexit.register(_leave)
    return Processes(state.process_index, state.num_processes, state.device or torch.device("cpu"))


def _leave() -> None:
    """Close the line before Python ends: gloo's threads hold tensors, and abort where they let go of them later."""
    if line.is_initialized() and line.get_backend() == "gloo":
        line.destroy_process_group()
