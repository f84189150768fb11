"""Speech Commands and ToyADMOS on look-alikes of their archives, and what is taken from sounds."""

import importlib
import io
import itertools
import wave
import zipfile

import numpy as np
import pytest

from levada.errors import LevadaError
from tests.unit import published
from tests.unit.test_data_sets import tarred

data = importlib.import_module("levada.models.data")
audio = importlib.import_module("levada.models.data.reading.audio")
speech = importlib.import_module("levada.models.data.speech_commands")
toyadmos = importlib.import_module("levada.models.data.toyadmos")

RATE = 16_000


def wav(signal, rate=RATE, channels=1, width=2):
    """A WAV file of float samples [n] from -1 to 1."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.rint(np.asarray(signal) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def tone(frequency, seconds=1.0, rng=None):
    time = np.arange(int(seconds * RATE)) / RATE
    noise = rng.normal(0, 0.01, len(time)) if rng is not None else 0
    return np.clip(0.5 * np.sin(2 * np.pi * frequency * time) + noise, -1, 1)


class TestAudio:
    def test_samples(self):
        signal = np.array([0, 0.5, -1])
        np.testing.assert_allclose(audio.samples(wav(signal), "x"), signal * 32767 / 32768, atol=1e-4)

    @pytest.mark.parametrize(
        ("raw", "text"),
        [
            (wav(tone(440), 8000), "has 1 channels of 16 bits at 8,000 Hz, not {}"),
            (wav(tone(440), channels=2), "has 2 channels of 16 bits at 16,000 Hz, not {}"),
            (wav(tone(440), width=1), "has 1 channels of 8 bits at 16,000 Hz, not {}"),
            (wav(tone(440))[:1044], "has 500 of its 16,000 samples"),
            (wav(tone(440))[:20], "is no WAV file (it ends early)"),
            (b"<html>" + bytes(40), "is no WAV file (file does not start with RIFF id)"),
        ],
        ids=["rate", "stereo", "bytes", "cut", "header", "page"],
    )
    def test_other_files_are_refused(self, raw, text):
        with pytest.raises(LevadaError) as error:
            audio.samples(raw, "a.zip: x.wav")
        wanted = text.format("1 of 16 bits at 16,000 Hz")
        assert str(error.value) == f"a.zip: x.wav: {wanted}; replace its archive by the published one"

    def test_magnitudes_of_a_tone(self):
        # 1,000 Hz is line 32 of 512, and half of a window's sum of 240 comes out there, times 0.5.
        lines = audio.magnitudes(tone(1000), 480, 320, 512)
        assert lines.shape == (49, 257)
        assert set(lines.argmax(axis=1)) == {32}
        np.testing.assert_allclose(lines[:, 32], 240 / 2 * 0.5, rtol=0.01)

    def test_htk_bands(self):
        bands = audio.htk_bands(40, 512, 20, 4000)
        assert bands.shape == (257, 40)
        edges = 700 * np.expm1(np.linspace(np.log1p(20 / 700), np.log1p(4000 / 700), 42))
        for line, band in itertools.product((0, 1, 10, 32, 100, 128, 200), range(40)):
            low, middle, high = np.log1p(edges[band : band + 3] / 700)
            place = np.log1p(line * 16000 / 512 / 700)
            expected = max(0, min((place - low) / (middle - low), (high - place) / (high - middle)))
            assert bands[line, band] == pytest.approx(expected)
        inner = bands[(np.arange(257) * 31.25 > edges[1]) & (np.arange(257) * 31.25 < edges[-2])]
        np.testing.assert_allclose(inner.sum(axis=1), 1)  # neighbours share each line

    def test_slaney_bands(self):
        bands = audio.slaney_bands(128, 1024)
        assert bands.shape == (513, 128)

        def edge(number):
            mel = number * (15 + 27 * np.log(8) / np.log(6.4)) / 129
            return 200 * mel / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)

        assert edge(129) == pytest.approx(8000)
        for line, band in itertools.product((2, 60, 64, 65, 200, 500), range(128)):
            low, middle, high = (edge(number) for number in range(band, band + 3))
            place = line * 15.625
            expected = max(0, min((place - low) / (middle - low), (high - place) / (high - middle)))
            assert bands[line, band] == pytest.approx(2 * expected / (high - low))
        # The area of each is 1, as far as few lines, 15.625 Hz apart, can show it.
        np.testing.assert_allclose(bands[:, 60:].sum(axis=0) * 15.625, 1, rtol=0.03)


def speech_members():
    """The members of both archives: some clips of each word, which differ in their tones."""
    rng = np.random.default_rng(3)
    main, test = {"./LICENSE": b"x", "./README.md": b"x"}, {"./LICENSE": b"x"}
    lists = {name: [] for name in speech.LISTS}
    for number, word in enumerate((*speech.WORDS, "bird", "zero")):
        for clip in range(6):
            name = f"{word}/{clip:08x}_nohash_0.wav"
            main[f"./{name}"] = wav(tone(200 + 300 * number, rng=rng))
            if clip > 2:
                lists[speech.LISTS[clip // 5]].append(name)
    for noise in ("pink_noise", "doing_the_dishes"):
        main[f"./_background_noise_/{noise}.wav"] = wav(0.3 * rng.normal(0, 0.3, 3 * RATE).clip(-1, 1))
    for number, word in enumerate(speech.CLASSES):
        for clip in range(2):
            test[f"./{word}/{clip}.wav"] = wav(tone(200 + 300 * number, rng=rng))
    main |= {f"./{name}": "\n".join(names).encode() + b"\n" for name, names in lists.items()}
    return main, test


def speech_archives(members=None):
    return dict(zip((speech.MAIN, speech.TEST), map(tarred, members or speech_members()), strict=True))


class TestFeaturesOfSpeech:
    def by_definition(self, signal):
        """The documented formula, sum by sum."""
        signal = signal / np.abs(signal).max()
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(480) / 480)
        bands = audio.htk_bands(40, 512, 20, 4000)
        found = np.zeros((49, 10))
        turns = np.exp(-2j * np.pi * np.outer(np.arange(257), np.arange(480)) / 512)
        for frame in range(49):
            lines = np.abs(turns @ (signal[320 * frame : 320 * frame + 480] * window))
            logs = np.log(lines @ bands + 1e-6)
            for k in range(10):
                angle = np.pi * k * (2 * np.arange(40) + 1) / 80
                found[frame, k] = 2 / np.sqrt(80) * np.sum(logs * np.cos(angle))
        return found

    def test_they_are_the_documented_ones(self):
        signal = tone(700, rng=np.random.default_rng(1)) * np.linspace(0.1, 1, RATE)
        found = speech.features(signal)
        assert (found.shape, found.dtype) == ((1, 49, 10), np.int8)
        assert np.abs(found[0] - self.by_definition(signal)).max() <= 0.5 + 1e-6

    def test_loudness_does_not_matter(self):
        signal = tone(700, rng=np.random.default_rng(2))
        np.testing.assert_array_equal(speech.features(signal), speech.features(0.1 * signal))

    def test_silence_short_and_long_clips(self):
        silent = speech.features(np.zeros(RATE))
        # 40 times the logarithm of 1e-6, over sqrt(80), twice.
        assert set(silent[0, :, 0]) == {round(40 * np.log(1e-6) * 2 / np.sqrt(80))}
        assert not silent[0, :, 1:].any()
        short = tone(700, 0.5)
        np.testing.assert_array_equal(
            speech.features(short), speech.features(np.concatenate([short, np.zeros(RATE - len(short))]))
        )
        long = tone(700, 1.5)
        np.testing.assert_array_equal(speech.features(long), speech.features(long[:RATE]))


class TestSpeechCommands:
    @pytest.fixture
    def files(self):
        return speech_members()

    def give(self, monkeypatch, tmp_path, files):
        return published.give(monkeypatch, tmp_path, speech, speech_archives(files))

    def test_words_silence_and_unknown(self, files, monkeypatch, tmp_path):
        self.give(monkeypatch, tmp_path, files)
        found = data.load("speech_commands")
        # Three clips of each word to train on and two for validation; of the rest a tenth, rounded up.
        assert found.x_train.shape == (30 + 2 * 3 + 20 + 2 * 2, 1, 49, 10)
        assert (found.x_train.dtype, found.y_train.dtype, found.divisor) == (np.int8, np.int64, 128)
        assert np.bincount(found.y_train[:36]).tolist() == 10 * [3] + [3, 3]
        assert np.bincount(found.y_train[36:]).tolist() == 10 * [2] + [2, 2]
        assert np.bincount(found.y_test).tolist() == 12 * [2]
        assert found.y_train[:12].tolist() != sorted(found.y_train[:12])

    def test_lists_decide(self, files, monkeypatch, tmp_path):
        self.give(monkeypatch, tmp_path, files)
        found = data.load("speech_commands")
        of = {}
        for name, raw in files[0].items():
            if name.endswith(".wav") and "noise_/" not in name:
                of[speech.features(audio.samples(raw, name)).tobytes()] = name
        # The number of a clip is in its name: 0 to 2 are in no list, 3 and 4 in that for validation.
        for clips, numbers in ((found.x_train[:36], "012"), (found.x_train[36:], "34")):
            names = {of[clip.tobytes()] for clip in clips if clip.tobytes() in of}
            assert len(names) == len(clips) * 11 // 12
            assert {name.removesuffix("_nohash_0.wav")[-1] for name in names} == set(numbers)
        for clip, number in zip(found.x_train, found.y_train, strict=True):
            word = of.get(clip.tobytes(), "./_silence_/").split("/")[1]
            assert speech.CLASSES[number] == (word if word in speech.CLASSES else "_unknown_")

    def test_it_is_read_once_and_the_same(self, files, monkeypatch, tmp_path):
        folder = self.give(monkeypatch, tmp_path, files)
        first = data.load("speech_commands")
        for path in folder.iterdir():
            path.unlink()
        second = data.load("speech_commands")
        assert first.x_train.tobytes() == second.x_train.tobytes()
        made = next((tmp_path / "cache" / "data" / "speech_commands").glob("arrays-*"))
        (made / "x_test.npy").write_bytes(b"\x93NUMPY")
        with pytest.raises(LevadaError, match=r"holds a damaged array \(.*\); delete this folder$") as error:
            data.load("speech_commands")
        assert str(made) in str(error.value)

    @pytest.mark.parametrize(
        ("change", "text"),
        [
            ({"./validation_list.txt": None}, "lacks validation_list.txt"),
            (
                {"./validation_list.txt": b"yes/x.wav\n"},
                "validation_list.txt names yes/x.wav, which is not there",
            ),
            ({"./_background_noise_/": None}, "has no clip of _silence_"),
            ({"./go/": None, "./validation_list.txt": b""}, "has no clip of go"),
        ],
    )
    def test_wrong_archives(self, files, monkeypatch, tmp_path, change, text):
        main = dict(files[0])
        for start, raw in change.items():
            main = {name: old for name, old in main.items() if not name.startswith(start)}
            if raw is not None:
                main[start] = raw
        folder = self.give(monkeypatch, tmp_path, (main, files[1]))
        with pytest.raises(LevadaError) as error:
            data.load("speech_commands")
        assert str(error.value) == f"{folder / speech.MAIN}: {text}; replace this file by the published one"

    def test_another_rate(self, files, monkeypatch, tmp_path):
        folder = self.give(monkeypatch, tmp_path, (files[0], files[1] | {"./up/1.wav": wav(tone(440), 8000)}))
        with pytest.raises(LevadaError) as error:
            data.load("speech_commands")
        assert str(error.value) == (
            f"{folder / speech.TEST}: up/1.wav: has 1 channels of 16 bits at 8,000 Hz, not 1 of 16 bits at "
            "16,000 Hz; replace its archive by the published one"
        )

    def test_without_the_archives(self, monkeypatch, tmp_path):
        published.nothing_set(monkeypatch, tmp_path)
        published.supply(monkeypatch, tmp_path, "speech_commands", {})
        with pytest.raises(data.UnavailableError) as error:
            data.load("speech_commands")
        assert str(error.value) == (
            f"Speech Commands cannot be had: {tmp_path}/mine/speech_commands lacks {speech.MAIN}; "
            f"{tmp_path}/cache/data/speech_commands lacks {speech.MAIN}; "
            "`python -m levada.models.data speech_commands` fetches about 2,541 MB, or put "
            "speech_commands_v0.02.tar.gz and speech_commands_test_set_v0.02.tar.gz into a folder "
            "speech_commands/ and set LEVADA_DATA to the folder around it"
        )


def cars(training=3, seconds=9.0, left_out=()):
    """The members of a look-alike of ToyCar's archive: damaged cars have a second tone."""
    rng = np.random.default_rng(4)
    files = {"ToyCar/": b""}
    for car in (1, 2):
        parts = (("normal", "train", training), ("normal", "test", 2), ("anomaly", "test", 2))
        for kind, part, count in parts:
            for number in range(count):
                signal = tone(300 + 200 * car, seconds, rng)
                signal = signal + (0.3 * tone(3000, seconds) if kind == "anomaly" else 0)
                name = f"ToyCar/{part}/{kind}_id_{car:02}_{number:08}.wav"
                if not name.startswith(tuple(left_out)):
                    files[name] = wav(signal / 2)
    return files


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, raw in files.items():
            archive.writestr(name, raw)
    return buffer.getvalue()


class TestToyAdmos:
    def give(self, monkeypatch, tmp_path, files):
        return published.give(monkeypatch, tmp_path, toyadmos, {toyadmos.ARCHIVE: zipped(files)})

    def test_clips_and_what_is_known_of_them(self, monkeypatch, tmp_path):
        self.give(monkeypatch, tmp_path, cars())
        found = toyadmos.load()
        assert (found.train.shape, found.test.shape) == ((6, 200, 128), (8, 200, 128))
        assert found.train.dtype == found.test.dtype == np.int8
        assert found.damaged.tolist() == 4 * [True] + 4 * [False]
        assert found.cars.tolist() == [1, 1, 2, 2, 1, 1, 2, 2]
        # The second tone is in the damaged alone, and the lower one in the band of its car.
        high = np.argmax(audio.slaney_bands(128, 1024)[192])
        assert found.test[found.damaged][:, :, high].min() > found.test[~found.damaged][:, :, high].max() + 20
        for car in (1, 2):
            low = np.argmax(audio.slaney_bands(128, 1024)[round((300 + 200 * car) / 15.625)])
            loudest = found.test[found.cars == car][:, :, :60].argmax(axis=2)
            assert np.abs(loudest - low).max() <= 1

    def test_decibels(self):
        # Half of the window's sum, 256, times the amplitude: its square, times the weight of the band.
        signal = tone(1000, 9) / 0.5 * 0.1
        weights = audio.slaney_bands(128, 1024)
        band = int(weights[64].argmax())
        parts = {63: 0.5, 64: 1, 65: 0.5}  # what a Hann window makes of one line
        power = sum((0.1 * 512 / 2 * part) ** 2 * weights[line, band] for line, part in parts.items())
        expected = 10 * np.log10(power)
        found = toyadmos.energies(signal, "x")
        assert np.abs(found[:, band] - expected).max() <= 0.6

    def test_windows_are_five_frames_in_a_row(self):
        spectra = np.random.default_rng(5).integers(-127, 128, (2, 200, 128)).astype(np.int8)
        windows = toyadmos.windows(spectra)
        assert windows.shape == (2, 196, 5, 128)
        np.testing.assert_array_equal(windows[1, 7], spectra[1, 7:12])
        assert np.shares_memory(windows, spectra)

    @pytest.mark.parametrize(
        ("left_out", "text"),
        [
            (["ToyCar/train"], "has no clip in ToyCar/train"),
            (["ToyCar/test/anomaly_id_02"], "has no clip of car 02 damaged in ToyCar/test"),
            (["ToyCar/test/normal_id_01"], "has no clip of car 01 undamaged in ToyCar/test"),
            (["ToyCar/test"], "has no clip in ToyCar/test"),
        ],
    )
    def test_empty_classes(self, monkeypatch, tmp_path, left_out, text):
        folder = self.give(monkeypatch, tmp_path, cars(left_out=left_out))
        with pytest.raises(LevadaError) as error:
            toyadmos.load()
        path = folder / toyadmos.ARCHIVE
        assert str(error.value) == f"{path}: {text}; replace this file by the published one"

    def test_a_short_clip(self, monkeypatch, tmp_path):
        folder = self.give(monkeypatch, tmp_path, cars(seconds=8 - 1 / RATE))
        with pytest.raises(LevadaError) as error:
            toyadmos.load()
        assert str(error.value) == (
            f"{folder / toyadmos.ARCHIVE}: ToyCar/test/anomaly_id_01_00000000.wav: has 127,999 samples, "
            "fewer than 128,000; replace its archive by the published one"
        )

    def test_it_has_no_classes(self):
        with pytest.raises(LevadaError) as error:
            data.load("toyadmos")
        assert str(error.value) == (
            "data set 'toyadmos' has no classes; networks with a task of their own are trained with it, see "
            "docs/data.md"
        )
