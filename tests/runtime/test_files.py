import threading
import uuid
from pathlib import Path

import pytest

from skypile.runtime import files


@pytest.mark.parametrize("remote", [False, True])
def test_a_file_is_created_once(tmp_path: Path, remote: bool) -> None:
    uri = f"memory://{uuid.uuid4().hex}/it.json" if remote else str(tmp_path / "deep" / "it.json")
    files.create_json(uri, {"number": 1})
    with pytest.raises(FileExistsError):
        files.create_json(uri, {"number": 2})
    assert files.read_json(uri) == {"number": 1}
    assert files.list_names(uri.rsplit("/", 1)[0]) == ["it.json"]


def test_of_many_writers_one_succeeds(tmp_path: Path) -> None:
    won: list[int] = []

    def write(number: int) -> None:
        try:
            files.create_json(str(tmp_path / "it.json"), {"number": number})
            won.append(number)
        except FileExistsError:
            pass

    threads = [threading.Thread(target=write, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1 and files.read_json(str(tmp_path / "it.json")) == {"number": won[0]}
