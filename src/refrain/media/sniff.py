"""What a file is, told from its first bytes and never from its name; whatever else it may be is refused.

Opening a file as exactly one kind is what keeps playlists and scripts that call themselves .mp4 from being followed.
"""

from pathlib import Path

from refrain.errors import BadInput

DEMUXERS = {  # kind (FFmpeg's demuxer) -> the names under which FFmpeg's white list knows it
    "mov": "mov,mp4,m4a,3gp,3g2,mj2",
    "matroska": "matroska,webm",
    "avi": "avi",
    "gif": "gif",
    "apng": "apng",
    "png_pipe": "png_pipe",
    "jpeg_pipe": "jpeg_pipe",
    "webp_pipe": "webp_pipe",
    "bmp_pipe": "bmp_pipe",
    "tiff_pipe": "tiff_pipe",
}
PICTURES = {"png_pipe", "jpeg_pipe", "webp_pipe", "bmp_pipe", "tiff_pipe"}
_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"}  # an MP4 or QuickTime file begins with one
_HEIF = {b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis", b"hevc"}
_KNOWN = "MP4, MOV, MKV, WebM, AVI, GIF, PNG, JPEG, WebP, BMP or TIFF"


def sniffed(path: Path) -> str:
    """The kind of a file. Raises BadInput for one that is empty, text, a playlist, a drawing or unknown."""
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise BadInput(f"{path} is empty; give a video or a picture.")
    return _signature(head, path) or _refuse(head, path)


def _signature(head: bytes, path: Path) -> str | None:
    if head[4:8] in _BOXES:
        if head[4:8] == b"ftyp" and head[8:12] in _HEIF:
            raise BadInput(f"{path} is a HEIF or AVIF picture, which is not read; save it as PNG or JPEG first.")
        return "mov"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "apng" if b"acTL" in head.partition(b"IDAT")[0] else "png_pipe"
    if head.startswith(b"RIFF"):
        if head[8:16] == b"WEBPVP8X" and head[20] & 2:
            raise BadInput(f"{path} is an animated WebP, which is not read; convert it to GIF or MP4 first.")
        return {b"AVI ": "avi", b"WEBP": "webp_pipe"}.get(head[8:12])
    starts = {
        b"\x1aE\xdf\xa3": "matroska",
        b"GIF8": "gif",
        b"\xff\xd8\xff": "jpeg_pipe",
        b"II*\0": "tiff_pipe",
        b"MM\0*": "tiff_pipe",
        b"BM": "bmp_pipe",
    }
    return next((kind for start, kind in starts.items() if head.startswith(start)), None)


def _refuse(head: bytes, path: Path) -> str:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"#extm3u", b"ffconcat", b"[playlist]")):
        raise BadInput(f"{path} is a playlist that names other files, not a video; give the video itself.")
    if b"<svg" in text:
        raise BadInput(f"{path} is an SVG drawing; save it as PNG first.")
    if b"\0" not in head and all(byte >= 32 or byte in b"\t\r\n\x1b\x0c" for byte in head):
        raise BadInput(f"{path} is a text file, whatever its name says; give a video or a picture.")
    raise BadInput(f"{path} is none of the files that are read ({_KNOWN}); convert it to one of them first.")
