"""Sounds and their spectra: WAV files, short-time Fourier transforms, and bands of the mel scale."""

from __future__ import annotations

import io
import wave

import numpy as np
import scipy.fft
import scipy.signal
from numpy.typing import NDArray

from levada.errors import LevadaError

RATE = 16_000  # samples a second

Floats = NDArray[np.float64]


def samples(data: bytes, title: str) -> Floats:
    """The samples of a WAV file, from -1 to below 1.

    Raises:
        LevadaError: it is no whole WAV file of one channel, 16 bits and 16,000 Hz.
    """
    advice = "replace its archive by the published one"
    try:
        with wave.open(io.BytesIO(data)) as file:
            form = (file.getnchannels(), 8 * file.getsampwidth(), file.getframerate())
            count = file.getnframes()
            raw = file.readframes(count)
    except (wave.Error, EOFError) as error:
        reason = str(error) or "it ends early"
        raise LevadaError(f"{title}: is no WAV file ({reason}); {advice}") from error
    if form != (1, 16, RATE):
        channels, bits, rate = form
        raise LevadaError(
            f"{title}: has {channels} channels of {bits} bits at {rate:,} Hz, not 1 of 16 bits at "
            f"{RATE:,} Hz; {advice}"
        )
    if len(raw) != 2 * count:
        raise LevadaError(f"{title}: has {len(raw) // 2:,} of its {count:,} samples; {advice}")
    return np.frombuffer(raw, "<i2") / 32768


def magnitudes(signal: Floats, length: int, step: int, points: int) -> Floats:
    """Fourier magnitudes of frames of `length` samples every `step` samples, under a Hann window.

    Returns:
        Float [frames, points // 2 + 1], of frequencies from 0 to half the rate.
    """
    frames = np.lib.stride_tricks.sliding_window_view(signal, length)[::step]
    window = scipy.signal.windows.hann(length, sym=False)
    return np.asarray(np.abs(scipy.fft.rfft(frames * window, n=points)), np.float64)


def htk_bands(count: int, points: int, lowest: float, highest: float) -> Floats:
    """Weights [points // 2 + 1, count] of bands that are triangles on the mel scale of HTK.

    mel(f) = 1127 ln(1 + f / 700 Hz) (Young et al., The HTK Book); all are 1 at their middle.
    """
    places = _htk(scipy.fft.rfftfreq(points, 1 / RATE))
    ends = _htk(np.array([lowest, highest]))
    return _triangles(places, np.linspace(ends[0], ends[1], count + 2))


def slaney_bands(count: int, points: int) -> Floats:
    """Weights [points // 2 + 1, count] of bands that are triangles over frequency, from 0 to half the rate.

    Their edges are evenly spread over the mel scale of Slaney, Auditory Toolbox, 1998: linear up to 1,000 Hz,
    which is mel 15, and a factor of 6.4 in frequency every 27 mel above. Each has the area 1, over Hz.
    """
    mels = np.linspace(0, 15 + 27 * np.log(RATE / 2 / 1000) / np.log(6.4), count + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * 6.4 ** ((mels - 15) / 27))
    weights = _triangles(scipy.fft.rfftfreq(points, 1 / RATE), edges)
    return np.asarray(2 * weights / (edges[2:] - edges[:-2]), np.float64)


def _htk(frequency: Floats) -> Floats:
    return np.asarray(1127 * np.log1p(frequency / 700), np.float64)


def _triangles(places: Floats, edges: Floats) -> Floats:
    """The i-th rises from edge i to edge i + 1 and falls to edge i + 2: [places, edges - 2]."""
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (places[:, None] - low) / (middle - low)
    falling = (high - places[:, None]) / (high - middle)
    return np.asarray(np.clip(np.minimum(rising, falling), 0, None), np.float64)
