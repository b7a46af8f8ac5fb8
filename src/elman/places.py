"""Where folders of runs go: names that are free, and folders that appear whole or not at all."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Place", "check_writable", "make_next_free", "new_folder", "slug"]

_SPELT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "o", "ł": "l"})


def slug(name: str) -> str:
    """A name fit for a folder: small letters of any script, digits and hyphens.

    Accents are taken off, German umlauts written out.
    """
    composed = unicodedata.normalize("NFC", name.lower()).translate(_SPELT)
    plain = "".join(
        one for one in unicodedata.normalize("NFKD", composed) if not unicodedata.combining(one)
    )
    kept = re.sub(r"[^\w]+", "-", unicodedata.normalize("NFC", plain)).strip("-_")[:40]
    return kept or "series"


class Place:
    """A folder that is to be: what is written to ``draft`` goes there once it is complete.

    Args:
        folder: Where; nothing, or an empty folder.
        root, stem: Where ``folder`` is ``None``: the next free ``root/stem-<number>``.

    Attributes:
        draft: The folder to write to: beside its place, or inside it where that exists.
    """

    def __init__(self, folder: Path | None, root: Path, stem: str) -> None:
        import tempfile

        self._folder, self._root, self._stem = folder, root, stem
        within = root if folder is None else folder if folder.exists() else folder.parent
        within.mkdir(parents=True, exist_ok=True)
        self.draft = Path(tempfile.mkdtemp(prefix=".elman-run-", dir=within))
        self.draft.chmod(0o777 & ~_umask())

    def take(self) -> Path:
        """Moves what was written to its place, and returns that."""
        if self._folder is None:
            return self._take_next_free()
        if not self._folder.exists():
            return self.draft.rename(self._folder)
        # The user's own folder stays, with its rights; what marks it as a run comes last.
        items = sorted(self.draft.iterdir(), key=lambda one: one.name == "config.json")
        moved: list[Path] = []
        try:
            for one in items:
                moved.append(self._folder / one.name)
                one.rename(moved[-1])
        except BaseException:
            for one in moved:
                _remove(one)
            raise
        self.draft.rmdir()
        return self._folder

    def _take_next_free(self) -> Path:
        while True:
            folder = self._root / f"{self._stem}-{_next_number(self._root, self._stem)}"
            try:
                return self.draft.rename(folder)
            except OSError:
                if not folder.exists():  # else another process took it first
                    raise

    def give_up(self) -> None:
        """Removes what was written."""
        _remove(self.draft)


@contextmanager
def new_folder(folder: Path | None, root: Path, stem: str) -> Iterator[Place]:
    """A place whose draft is removed, however one leaves; :meth:`Place.take` keeps it."""
    place = Place(folder, root, stem)
    try:
        yield place
    finally:
        place.give_up()


def make_next_free(root: Path, stem: str) -> Path:
    """Make and return ``root/stem-<number>`` with a number above all that are taken."""
    root.mkdir(parents=True, exist_ok=True)
    while True:
        folder = root / f"{stem}-{_next_number(root, stem)}"
        try:
            folder.mkdir()
        except FileExistsError:  # another process took it first
            continue
        return folder


def _next_number(root: Path, stem: str) -> int:
    """One more than the highest number of the folders ``root/stem-<number>``."""
    taken = (re.fullmatch(re.escape(stem) + r"-(\d+)", one.name) for one in root.iterdir())
    return max((int(match[1]) for match in taken if match), default=0) + 1


def check_writable(folder: Path) -> None:
    """Tries whether a folder can be made in ``folder``, or in the nearest above it that exists.

    Raises:
        OSError: If not, naming the folder that exists.
    """
    import tempfile

    within = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    try:
        Path(tempfile.mkdtemp(prefix=".elman-run-", dir=within)).rmdir()
    except OSError as problem:
        raise OSError(problem.errno, problem.strerror, str(within)) from problem


def _remove(path: Path) -> None:
    import shutil

    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
