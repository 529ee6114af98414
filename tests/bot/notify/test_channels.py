"""The file with the addresses is taken whole or refused in words that repeat no address."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.notify.channels import Channel, ChannelsRefused, read

SECRET = "s3cr3t-t0pic"


def written(place: Path, text: str, mode: int = 0o600) -> Path:
    path = place / "channels.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_good_file_names_channels_and_the_dead_man(tmp_path: Path) -> None:
    """Short and long form; who wants only urgent news gets nothing else."""
    found = read(
        written(
            tmp_path,
            '[channels]\nphone = { url = "ntfys://x", urgent_only = true }\nmail = "mailto://y"\n'
            '[dead_man]\nurl = "https://example.org/p"\n',
        )
    )
    assert found.channels == (Channel("phone", "ntfys://x", True), Channel("mail", "mailto://y"))
    assert [c.name for c in found.for_message(urgent=False)] == ["mail"]
    assert [c.name for c in found.for_message(urgent=True)] == ["phone", "mail"]
    assert found.dead_man_url == "https://example.org/p"


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        (f'[channels]\nphone = "ntfys://{SECRET}"\n', 0o644, "chmod 600"),
        (f'[channels]\nphone = "{SECRET}"\n', 0o600, "scheme://"),
        (f'[channels]\nphone = {{ address = "ntfys://{SECRET}" }}\n', 0o600, "channels.phone"),
        (f'[channels]\n"a b" = "ntfys://{SECRET}"\n', 0o600, "letters, digits"),
        (f'[channel]\nphone = "ntfys://{SECRET}"\n', 0o600, "unknown channel"),
        (f'[dead_man]\nurl = "{SECRET}"\n', 0o600, "https://"),
        (f'[channels]\nphone = "ntfys://{SECRET}\n', 0o600, "no TOML"),
        (f'phone = "ntfys://{SECRET}"\n[channels]\n', 0o600, "unknown phone"),
        ("[channels]\n", 0o600, "names no channel"),
        ("\xff", 0o600, "no TOML"),
    ],
)
def test_a_bad_file_is_refused_and_no_address_repeated(tmp_path: Path, text: str, mode: int, told: str) -> None:
    """The message says what is wrong and where; the secret in the file is not in it."""
    with pytest.raises(ChannelsRefused) as refused:
        read(written(tmp_path, text, mode))
    assert told in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A typing error in notify.file must not look like alerts that work."""
    with pytest.raises(ChannelsRefused, match="No such file"):
        read(tmp_path / "absent.toml")
