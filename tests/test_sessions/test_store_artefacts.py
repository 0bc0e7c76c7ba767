"""Artefacts are kept whole under the digest of their bytes, and what is read is what was put."""

import asyncio
import hashlib
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.store.artefacts import ArtefactStore
from sessions.store.errors import ArtefactDamaged, ArtefactMissing, FolderUnusable


@pytest.fixture
def store(tmp_path: Path) -> ArtefactStore:
    return ArtefactStore(tmp_path / "artefacts")


def files(store: ArtefactStore) -> list[Path]:
    return sorted(one for one in store.folder.rglob("*") if one.is_file())


async def test_what_was_put_is_read_by_its_digest(store: ArtefactStore) -> None:
    data = b"diff --git a/one b/one\n" * 200_000
    artefact = await store.put(data)
    assert artefact == hashlib.sha256(data).hexdigest()
    assert await store.get(artefact) == data
    assert await store.head(artefact, 10) == data[:10]
    assert await store.head(artefact, 3_000_000) == data[:3_000_000]
    assert await store.head(artefact, 0) == await store.head(artefact, -1) == b""
    assert await store.size(artefact) == len(data)
    assert await store.exists(artefact)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("été 🚢\r\n\x00", "été 🚢\r\n\x00".encode()),
        (b"half \xf0\x9f a ship".decode(errors="surrogateescape"), b"half \xf0\x9f a ship"),
        ("\ud83d", b"\xed\xa0\xbd"),
        ("", b""),
    ],
    ids=["unicode", "bytes that were no text", "half a pair", "nothing"],
)
async def test_a_text_is_kept_whole_whatever_it_holds(store: ArtefactStore, text: str, kept: bytes) -> None:
    assert await store.get(await store.put(text)) == kept


def test_files_are_private_and_kept_once(store: ArtefactStore) -> None:
    async def put_many() -> set[str]:
        return set(await asyncio.gather(*(store.put(b"the same") for _ in range(20))))

    (artefact,) = asyncio.run(put_many())
    assert files(store) == [store.folder / artefact[:2] / artefact]
    assert stat.S_IMODE(files(store)[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(files(store)[0].parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


def test_a_damaged_file_is_never_given_and_putting_it_again_mends_it(store: ArtefactStore) -> None:
    artefact = asyncio.run(store.put(b"the whole truth"))
    store.path(artefact).write_bytes(b"the whole trutH")
    for reading in (store.get(artefact), store.head(artefact, 3)):
        with pytest.raises(ArtefactDamaged, match="not those that were kept"):
            asyncio.run(reading)
    assert asyncio.run(store.put(b"the whole truth")) == artefact
    assert asyncio.run(store.get(artefact)) == b"the whole truth"
    assert len(files(store)) == 1


def test_a_link_is_not_followed(store: ArtefactStore, tmp_path: Path) -> None:
    artefact = asyncio.run(store.put(b"secret"))
    kept = store.path(artefact).rename(tmp_path / "elsewhere")
    store.path(artefact).symlink_to(kept)
    with pytest.raises(ArtefactDamaged):
        asyncio.run(store.get(artefact))


async def test_an_unknown_id_is_missing(store: ArtefactStore) -> None:
    unknown = "0" * 64
    assert not await store.exists(unknown)
    for asking in (store.get(unknown), store.head(unknown, 5), store.size(unknown)):
        with pytest.raises(ArtefactMissing, match="is not here"):
            await asking


@pytest.mark.parametrize(
    "name", ["", "../session.db", "/etc/passwd", "0" * 63, "0" * 65, "G" * 64, "A" * 64, "0" * 64 + "\n"]
)
async def test_what_is_no_id_leads_nowhere(store: ArtefactStore, name: str) -> None:
    assert not await store.exists(name)
    for asking in (store.get(name), store.head(name, 5), store.size(name)):
        with pytest.raises(ArtefactMissing, match="not an artefact's id"):
            await asking


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderUnusable) as told:
        asyncio.run(ArtefactStore(tmp_path / "file" / "artefacts").put(b"x"))
    assert "QUARTERDECK_HOME" in told.value.next


@settings(max_examples=30)
@given(data=st.lists(st.binary(max_size=50), max_size=6))
def test_any_bytes_come_back_as_they_were(data: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    async def round_trip() -> None:
        store = ArtefactStore(tmp_path_factory.mktemp("artefacts"))
        ids = [await store.put(one) for one in data]
        assert [await store.get(one) for one in ids] == data
        assert len(files(store)) == len(set(data))

    asyncio.run(round_trip())
