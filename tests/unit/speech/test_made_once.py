"""Texts become files once; a voice that is slow, broken or away keeps nobody waiting and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ari_app.adapters.speech import SpeechRules, VoiceSpeech
from ari_app.domain.errors import Unavailable
from ari_app.ports.speech import Refused, Spoken
from tests.support import until
from tests.unit.speech.voices import FakeVoice
from tests.unit.speech.wavs import samples_of, tone, wav


@pytest.fixture
def voice(tmp_path: Path) -> FakeVoice:
    return FakeVoice(tmp_path)


def files(voice: FakeVoice) -> list[Path]:
    return sorted((voice.home / "sounds").glob("**/*"))


async def spoken(speech: VoiceSpeech, text: str, language: str = "") -> Spoken:
    said = await speech.say(text, language)
    assert isinstance(said, Spoken), said
    return said


async def test_a_text_is_spoken_once_and_found_by_the_next_process(voice: FakeVoice) -> None:
    speech = voice.speech()
    first = await spoken(speech, "Hello there")
    assert await spoken(speech, "  Hello\nthere ") == first
    assert await spoken(voice.speech(), "Hello there") == first
    assert voice.runs == ["en en-us|Hello there"]
    assert first.ms == 300
    path = await speech.find(first.id)
    assert path == str(voice.home / "sounds" / first.id)
    assert len(samples_of(files(voice)[0].read_bytes())) == 2400


async def test_two_who_ask_at_once_wait_for_one_voice(voice: FakeVoice) -> None:
    speech = voice.speech()
    both = await asyncio.gather(spoken(speech, "Hello"), spoken(speech, "Hello"))
    assert both[0] == both[1]
    assert len(voice.runs) == 1


async def test_what_sounds_otherwise_is_another_sound(voice: FakeVoice) -> None:
    plain = voice.speech()
    ids = {
        (await spoken(plain, "7")).id,
        (await spoken(plain, "8")).id,
        (await spoken(plain, "7", "zh")).id,
        (await spoken(voice.speech(words_per_minute=200), "7")).id,
        (await spoken(voice.speech(voices={"en": "en-gb", "zh": "cmn"}), "7")).id,
    }
    assert len(ids) == 5
    assert voice.runs == ["en en-us|7", "en en-us|8", "zh cmn|7", "en en-us|7", "en en-gb|7"]


async def test_a_text_is_never_a_word_of_the_command_line(voice: FakeVoice) -> None:
    await spoken(voice.speech(), "--path=/etc; $(touch owned) {voice}")
    assert voice.runs == ["en en-us|--path=/etc; $(touch owned) {voice}"]


async def test_no_more_voices_speak_at_once_than_are_allowed(tmp_path: Path) -> None:
    lock = tmp_path / "speaks"
    voice = FakeVoice(tmp_path, f"os.mkdir({str(lock)!r}); time.sleep(0.1); os.rmdir({str(lock)!r})")
    speech = voice.speech(at_once=1)
    said = await asyncio.gather(*(speech.say(f"text {n}") for n in range(4)))
    assert all(isinstance(one, Spoken) for one in said), "a second one at the same time would have failed"


async def test_a_voice_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    voice = FakeVoice(
        tmp_path, f"pid = os.fork(); open({str(pids)!r}, 'a').write(f'{{os.getpid()}}\\n'); time.sleep(60)"
    )
    began = time.monotonic()
    with pytest.raises(Unavailable, match=r"no sound was made within 2\.5 s"):
        await voice.speech(timeout_s=2.5).say("Hello")  # in which it comes to start another, on a slow machine, too
    assert time.monotonic() - began < 20
    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 2
    await until(lambda: not any(map(lives, started)), within_s=5, what="both are gone")
    assert files(voice) == []


def lives(pid: int) -> bool:
    """A zombie that its new parent has not looked after yet is none."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


async def test_who_waits_no_longer_does_not_break_it_off_for_the_others(tmp_path: Path) -> None:
    voice = FakeVoice(tmp_path, "time.sleep(0.2)")
    speech = voice.speech()
    gone, stays = asyncio.create_task(speech.say("Hello")), asyncio.create_task(speech.say("Hello"))
    await until(lambda: voice.runs, within_s=10)
    gone.cancel()
    assert isinstance(await stays, Spoken)
    assert len(voice.runs) == 1


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("sys.stderr.write('no such voice: x\\nmore'); sys.exit(2)", r"the voice has failed \(no such voice: x\)"),
        ("sys.exit(2)", r"the voice has failed \(exit code 2\)"),
        ("os._exit(0)", "is of no use: this is no WAV file"),
        ("sys.stdout.write('hello'); sys.stdout.flush(); os._exit(0)", "is of no use: this is no WAV file"),
        ("os.kill(os.getpid(), 9)", r"the voice has failed \(exit code -9\)"),
    ],
)
async def test_a_voice_that_fails_is_no_fault_of_the_text(tmp_path: Path, does: str, told: str) -> None:
    voice = FakeVoice(tmp_path, does)
    with pytest.raises(Unavailable, match=told):
        await voice.speech().say("Hello")
    assert files(voice) == []


async def test_where_there_is_no_voice_that_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="espeak-ng is not there"):
        await VoiceSpeech(SpeechRules(tmp_path), lambda: None).say("Hello")
    with pytest.raises(Unavailable, match=r"the voice has failed .*/nowhere/espeak-ng"):
        await VoiceSpeech(SpeechRules(tmp_path), lambda: ("/nowhere/espeak-ng",)).say("Hello")


async def test_an_asterisk_that_cannot_read_the_folder_is_told_nothing(tmp_path: Path) -> None:
    speech = VoiceSpeech(SpeechRules(None), lambda: None)
    with pytest.raises(Unavailable, match="sounds_dir does not say"):
        await speech.say("Hello")
    assert await speech.find("t" + "0" * 40) is None
    with pytest.raises(Unavailable, match="has a comma in its name"):
        await VoiceSpeech(SpeechRules(tmp_path / "a,b"), lambda: None).say("Hello")


async def test_a_voice_does_not_see_our_passwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBRIDGE_ARI_PASSWORD", "secret")
    seen = tmp_path / "environment"
    await FakeVoice(tmp_path, f"open({str(seen)!r}, 'w').write(str(dict(os.environ)))").speech().say("Hello")
    assert "PATH" in seen.read_text()
    assert "secret" not in seen.read_text()


async def test_a_long_file_is_worked_on_by_another_process_while_the_loop_goes_on(voice: FakeVoice) -> None:
    audio = wav(tone(600, 4000, 48_000), 48_000)
    own_s, others_s = time.process_time(), children_s()
    taken = await voice.speech().take(audio)
    assert isinstance(taken, Spoken)
    assert taken.ms == 4000
    assert time.process_time() - own_s < (children_s() - others_s) / 2


def children_s() -> float:
    """CPU time of the processes that were waited for."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime


async def test_a_file_too_large_is_refused_before_it_is_worked_on(voice: FakeVoice) -> None:
    told = await voice.speech(audio_bytes_max=1000).take(wav(tone(600)))
    assert told == Refused("the audio file has 16044 bytes, and 1000 are taken at most")


async def test_files_are_as_readable_as_their_folder(voice: FakeVoice) -> None:
    own = await spoken(voice.speech(), "Hello")
    folder = voice.home / "sounds"
    assert (folder.stat().st_mode & 0o777, mode(folder, own)) == (0o700, 0o600)
    folder.chmod(0o2750)  # given to the group of Asterisk
    shared = await spoken(voice.speech(), "Hello again")
    assert mode(folder, shared) == 0o640


def mode(folder: Path, one: Spoken) -> int:
    return os.stat(folder / f"{one.id}.wav").st_mode & 0o777


async def test_a_folder_full_of_what_is_played_now_takes_no_more(voice: FakeVoice) -> None:
    speech = voice.speech(bytes_max=6000)
    await spoken(speech, "one")
    with pytest.raises(Unavailable, match="raise sounds_mb_max"):
        await speech.say("two")


async def test_prompts_that_are_wanted_soon_are_made_ready(voice: FakeVoice) -> None:
    soon = [("one", "zh"), ("two", "zh"), ("one", "zh")]
    async with kept(voice.speech(prompts=soon)):
        await until(lambda: len(files(voice)) == 2, within_s=20)
    assert voice.runs == ["zh cmn|one", "zh cmn|two"]


async def test_where_they_cannot_be_made_the_service_goes_on(tmp_path: Path) -> None:
    voice = FakeVoice(tmp_path, "sys.exit(1)")
    with capture_logs() as logs:
        async with kept(voice.speech(prompts=[("one", "zh"), ("two", "zh")])) as keeping:
            await until(lambda: logs, within_s=20)
            assert not keeping.done()
    assert [log["event"] for log in logs] == ["prompts not made ready"]
    assert len(voice.runs) == 1


@asynccontextmanager
async def kept(speech: VoiceSpeech) -> AsyncIterator[asyncio.Task[None]]:
    keeping = asyncio.create_task(speech.keep())
    yield keeping
    keeping.cancel()
    with suppress(asyncio.CancelledError):
        await keeping


async def test_a_folder_that_cannot_be_read_has_no_sounds_and_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    speech = VoiceSpeech(SpeechRules(tmp_path / "file" / "sounds"), lambda: None)
    assert await speech.find("t" + "0" * 40) is None
    with pytest.raises(Unavailable, match="the folder of sounds cannot be read"):
        await speech.say("Hello")
