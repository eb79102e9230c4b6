"""The Effect-LoRAs that come with the embedded model: `--effect petals` is one of these files."""

from difflib import get_close_matches
from pathlib import Path

from refrain.errors import BadInput
from refrain.models.outline import EMBEDDED

SUFFIX = ".safetensors"
SHIPPED = EMBEDDED.parent / "effects"


def shipped(folder: Path = SHIPPED) -> dict[str, Path]:
    """Their names, and their files."""
    return {path.stem: path for path in sorted(folder.glob(f"*{SUFFIX}"))}


def located(named: str | Path, folder: Path = SHIPPED) -> Path:
    """The file that is meant: one that is there, or, where a bare word is given, the shipped effect of that name.

    Raises BadInput for a file or an effect that is not there; it offers the nearest names.
    """
    path, own = Path(named), shipped(folder)
    if path.is_file():
        return path
    if path.suffix or path.name != str(named):
        raise BadInput(f"There is no LoRA file {path}.")
    if path.name not in own:
        like = get_close_matches(path.name.lower(), own, n=3, cutoff=0.5)
        known = f"did you mean {' or '.join(like)}?" if like else f"there are {', '.join(own) or 'none'}."
        raise BadInput(f'No effect "{path.name}" comes with the embedded model; {known}')
    return own[path.name]
