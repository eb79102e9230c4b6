"""What all hosts share: a watch, which hears each forward pass begin, and the answer to self-attention."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any

import torch
from diffusers.models.attention_dispatch import dispatch_attention_fn
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from refrain.attention import Dense, Plan, Spec, attend
from refrain.errors import Unsupported

from .given import Given

Read = Callable[[nn.Module, dict[str, Any]], Given]
"""Reads what a host's forward is called with, by the names of its arguments."""


class Watch:
    """Stands at a transformer's door: a hook, run before each forward, that notes what the pass is given."""

    def __init__(self, read: Read, spec: Spec) -> None:
        self.read = read
        self.spec = spec
        self.given: Given | None = None
        self.hook: RemovableHandle | None = None

    def stand_at(self, transformer: nn.Module) -> None:
        self.hook = transformer.register_forward_pre_hook(self.hear, with_kwargs=True)

    def leave(self) -> None:
        if self.hook is not None:
            self.hook.remove()

    @torch.compiler.disable(reason="refrain reads what the pass is given; compile without fullgraph=True")
    def hear(self, transformer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """The hook; where every layer is dense there is nothing to note."""
        if not isinstance(self.spec, Dense):
            called = signature(type(transformer).forward).bind(transformer, *args, **kwargs)
            called.apply_defaults()
            self.given = self.read(transformer, called.arguments)


class Planned:
    """Mixed into a host's attention processor: self-attention goes by the watch's spec and plan.

    `before` is the processor that stood there; its backend is kept, so that `set_attention_backend` means what it meant
    wherever the spec is dense.
    """

    _attention_backend: Any
    _parallel_config: Any

    def __init__(self, watch: Watch, layer: int, before: Any) -> None:
        super().__init__()
        self.watch, self.layer, self.before = watch, layer, before
        self._attention_backend = before._attention_backend
        self._parallel_config = before._parallel_config

    @property
    def dense(self) -> bool:
        """Whether the spec is dense in all layers at all times: then the processor is what it was."""
        return isinstance(self.watch.spec, Dense)

    def restored(self) -> Any:
        """The processor that stood here, with the backend that is set now."""
        self.before._attention_backend = self._attention_backend
        self.before._parallel_config = self._parallel_config
        return self.before

    # Plan, time and layer are read here, out of the compiler's sight, so that one compiled block serves all of them.
    @torch.compiler.disable(reason="refrain's attention is no graph; compile without fullgraph=True")
    def look(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        """Self-attention of normed, rotated q, k, v [B, L, H, D], in the host's row -> [B, L, H, D].

        mask: one that the host hands to its processor, which no host does by itself.
        """
        given = self.watch.given
        if given is None:
            raise Unsupported("Attention was called before the transformer; call the transformer, not a block of it.")
        if mask is not None:
            raise Unsupported("An attention mask was given; refrain.install honours none: uninstall, or leave it out.")
        spec = self.watch.spec.at(self.layer, given.t)
        if self._parallel_config is not None and not isinstance(spec, Dense):
            raise Unsupported("diffusers' context parallelism is on; turn it off, or install Dense().")
        if given.kept is None:
            return self._answer(q, k, v, given.plans[0], spec)
        out = torch.zeros_like(v)
        for b, (kept, plan) in enumerate(zip(given.kept, given.plans)):
            some = (x[b, kept][None] for x in (q, k, v))
            out[b, kept] = self._answer(*some, plan, spec)[0]
        return out

    def _answer(self, q: Tensor, k: Tensor, v: Tensor, plan: Plan, spec: Spec) -> Tensor:
        if isinstance(spec, Dense):
            return dispatch_attention_fn(
                q, k, v, backend=self._attention_backend, parallel_config=self._parallel_config
            )
        if torch.is_autocast_enabled(v.device.type):  # torch's own attention is cast by autocast; so is ours
            q, k, v = (x.to(torch.get_autocast_dtype(v.device.type)) for x in (q, k, v))
        return attend(q, k, v, plan, spec)


@dataclass(frozen=True)
class Host:
    """A kind of transformer: its classes, its self-attentions with their layers, and how its row is read.

    processor: the class that stands in these attentions; planned: the one that takes its place.
    """

    models: tuple[type[nn.Module], ...]
    attentions: Callable[[nn.Module], list[tuple[int, nn.Module]]]
    read: Read
    processor: type
    planned: type[Planned]
