# SPDX-License-Identifier: Apache-2.0
"""Makes tones and finds them again in recordings, so that "audio went through" is measured."""

import array
import math
import struct
import sys
import wave

RATE_HZ = 8000
WINDOW = 800  # 100 ms: bins of 10 Hz, so 440 Hz and 620 Hz fall on a bin each
AMPLITUDE = 9000
SILENCE_POWER = 30.0 ** 2  # mean square below which a window is called silent
TONE_SHARE = 0.8  # of a window's power that must lie in the tone; G.711 noise is far below


def write_tone(path, frequency_hz, seconds, rate_hz=RATE_HZ):
    """Writes a mono 16-bit WAV file with one tone."""
    period = [int(AMPLITUDE * math.sin(2 * math.pi * frequency_hz * i / rate_hz))
              for i in range(rate_hz)]  # whole hertz repeat after a second
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate_hz)
        out.writeframes(struct.pack(f"<{rate_hz}h", *period) * seconds)


def goertzel_power(samples, frequency_hz, rate_hz):
    """Mean square of the part of the samples that lies at a frequency."""
    coefficient = 2 * math.cos(2 * math.pi * frequency_hz / rate_hz)
    before, last = 0.0, 0.0
    for sample in samples:
        before, last = last, sample + coefficient * last - before
    magnitude = before * before + last * last - coefficient * before * last
    return 2 * magnitude / (len(samples) ** 2)


def read_samples(path):
    """Samples and rate of a WAV file, also of one whose header was never completed."""
    with open(path, "rb") as recording:
        content = recording.read()
    rate_hz = struct.unpack_from("<I", content, 24)[0]
    channels = struct.unpack_from("<H", content, 22)[0]
    start = content.find(b"data") + 8
    usable = (len(content) - start) // (2 * channels) * 2 * channels
    samples = array.array("h", content[start:start + usable])
    return samples[::channels], rate_hz


def heard_seconds(path, frequency_hz):
    """How long the tone, and nothing much else, is heard in a recording."""
    samples, rate_hz = read_samples(path)
    window = WINDOW * rate_hz // RATE_HZ
    heard = 0
    for start in range(0, len(samples) - window + 1, window):
        part = samples[start:start + window]
        power = sum(sample * sample for sample in part) / window
        if power > SILENCE_POWER and goertzel_power(part, frequency_hz, rate_hz) > TONE_SHARE * power:
            heard += 1
    return heard * WINDOW / RATE_HZ


if __name__ == "__main__":
    print(heard_seconds(sys.argv[1], float(sys.argv[2])))
