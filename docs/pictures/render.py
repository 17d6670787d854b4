"""Render the messages of ``intake preview`` with headless Chromium into the pictures of docs/what-people-see.md.

``make pictures``. Needs Chromium (``$CHROMIUM`` names another program) and Pillow, which comes with matplotlib.
"""

from __future__ import annotations

import email
import email.policy
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from intake.compose import gallery, sample
from intake.compose.composer import Composer

HERE = Path(__file__).parent
LARGEST = 60_000  # bytes of a picture
NARROWEST = 500  # Chromium makes no narrower window; a phone is a frame in it
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
    "--allow-file-access-from-files",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Picture:
    """One message as one reader sees it; ``width`` and ``height`` in CSS pixels, what is below is cut off."""

    name: str
    message: str
    language: str
    width: int
    dark: bool = False
    height: int = 2400


PICTURES = (
    Picture("acknowledgement-phone", "acknowledgement-report", "nl", 360),
    Picture("acknowledgement-desktop", "acknowledgement-concern", "en", 800),
    Picture("report-phone-dark", "report-urgent", "fr", 360, dark=True),
    Picture("report-desktop", "report-urgent", "en", 800, height=1500),
    Picture("digest-desktop", "digest-busy", "en", 800),
    Picture("digest-phone-dark", "digest-busy", "nl", 360, dark=True),
    Picture("reminder-phone", "reminder-claim", "nl", 360),
    Picture("alarm-desktop-dark", "alarm-alarm", "en", 800, dark=True),
)


def main() -> int:
    """Write every picture; those named on the command line, if any."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        print("pictures: no Chromium found; install it, or name it in $CHROMIUM", file=sys.stderr)
        return 1
    wanted = [picture for picture in PICTURES if picture.name in sys.argv[1:] or len(sys.argv) == 1]
    languages = tuple(dict.fromkeys(picture.language for picture in wanted))
    pages = {
        (f"{piece.kind}-{piece.name}", piece.language): html(piece)
        for piece in gallery.pieces(Composer(sample.house()), languages)
    }
    with tempfile.TemporaryDirectory() as folder:
        for picture in wanted:
            shot = taken(program, Path(folder), picture, pages[picture.message, picture.language])
            size = saved(shot, HERE / f"{picture.name}.webp")
            print(f"{picture.name}.webp  {shot.width} x {shot.height}, {size} bytes")
    return 0


def html(piece: gallery.Piece) -> str:
    """The page of a message."""
    message = email.message_from_bytes(piece.outgoing.content, policy=email.policy.default)
    part = message.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def taken(program: str, folder: Path, picture: Picture, page: str) -> Image.Image:
    """What Chromium shows, without the empty rest below."""
    message, frame, shot = folder / "message.html", folder / "frame.html", folder / "shot.png"
    message.write_text(page, "utf-8")
    size = f"width:{picture.width}px;height:{picture.height}px"
    frame.write_text(
        '<!DOCTYPE html><html style="color-scheme:light dark"><meta charset="utf-8"><body style="margin:0">'
        f'<iframe src="{message.as_uri()}" style="border:0;{size}"></iframe>',
        "utf-8",
    )
    scheme = f"--blink-settings=preferredColorScheme={0 if picture.dark else 1}"
    size = f"--window-size={max(picture.width, NARROWEST)},{picture.height}"
    profile = f"--user-data-dir={folder / 'profile'}"
    words = [program, *OPTIONS, scheme, size, profile, f"--screenshot={shot}", frame.as_uri()]
    subprocess.run(words, check=True, capture_output=True, timeout=120)
    with Image.open(shot) as found:
        whole = found.convert("RGB").crop((0, 0, picture.width, picture.height))
    ground = Image.new("RGB", whole.size, whole.getpixel((2, whole.height - 1)))
    end = max((y for y in range(0, whole.height, 4) if differs(whole, ground, y)), default=whole.height)
    return whole.crop((0, 0, whole.width, min(end + 20, whole.height)))


def differs(whole: Image.Image, ground: Image.Image, y: int) -> bool:
    """Whether anything but the ground stands in this line."""
    line = (0, y, whole.width, y + 1)
    return whole.crop(line).tobytes() != ground.crop(line).tobytes()


def saved(shot: Image.Image, path: Path) -> int:
    """Write it in as many colours as there is room for; its size in bytes. Letters stay sharp without loss."""
    for colours in (128, 64, 32, 16):
        few = shot.quantize(colours, dither=Image.Dither.NONE).convert("RGB")
        few.save(path, "WEBP", lossless=True, quality=100, method=6)
        if path.stat().st_size <= LARGEST:
            break
    return path.stat().st_size


if __name__ == "__main__":
    sys.exit(main())
