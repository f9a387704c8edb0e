#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every test there is and counts: builds in several ways, meson's suites, then calls between
real peers. `./tandem test` calls it after installing what is missing. The last line is
"N passed, N failed"; the exit status is 0 only if nothing failed.

  run.py                      everything
  run.py unit lint            these meson suites, in the plain gcc build
  run.py --builds sanitized unit        … in another build
  run.py integration          all integration scripts
  run.py integration/hold     one of them
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STATE = Path(os.environ.get("TANDEM_STATE", ROOT / ".tandem"))
LOGS = STATE / "test"
JOBS = str(os.cpu_count() or 2)

SUITES = ("lint", "unit", "property", "golden", "contract", "fault", "fuzz", "simulation")
# Lint reads sources: once is enough, and no build is needed. The rest runs in each build.
SOURCE_SUITES = ("lint",)

SANITIZED = ["-Db_lundef=false", "-Dc_args=-fno-sanitize-recover=all -fno-omit-frame-pointer"]
BUILDS = {
    # name: (directory, compiler, meson options, pattern of the tests to build and run)
    "gcc": (os.environ.get("TANDEM_BUILD", ROOT / "build"), "gcc", [], None),
    "sanitized": (ROOT / "build-sanitized", "gcc",
                  ["-Db_sanitize=address,undefined", "-Doptimization=1", *SANITIZED], None),
    "clang": (ROOT / "build-clang", "clang-14", [], None),
    # Races can only be where two threads meet: rings, tables, queues.
    "tsan": (ROOT / "build-tsan", "gcc",
             ["-Db_sanitize=thread", "-Doptimization=1", *SANITIZED], r"tsan|ring|table|qsbr|threads|events_log|events_sink"),
}
ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
    "MESON_TESTTHREADS": JOBS,
}
PROGRESS_S = 15
# Where real peers and hostile input meet both programs: worth a second run with sanitizers.
SANITIZED_SCRIPTS = ("signalling", "intruders")
CASE = re.compile(r"^(ok|not ok|skip) - (.*)$")


class Tally:
    """What passed, what failed and how to run it again."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []  # (what, how to run it again)

    def add(self, is_good, what, again):
        if is_good:
            self.passed += 1
        else:
            self.failed += 1
            self.failures.append((what, again))
            say(f"FAILED: {what}")

    def skip(self, what):
        self.skipped += 1
        say(f"skipped: {what}")

    def tell(self):
        if self.failures:
            print("\nFailed, and how to run it again:")
            for what, again in self.failures:
                print(f"  {what}\n      {again}")
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"\n{self.passed} passed, {self.failed} failed{skipped}", flush=True)


def say(text):
    print(f"[{time.monotonic() - STARTED:6.1f} s] {text}", flush=True)


def run_logged(what, command, log, limit_s, environment=None):
    """Runs a command with its output in a log file; tells now and then that it still goes on.
    Returns its exit status, 124 if it took too long."""
    begin = last_told = time.monotonic()
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT,
                                   stdin=subprocess.DEVNULL, start_new_session=True,
                                   env={**os.environ, **ENVIRONMENT, **(environment or {})})
        try:
            while process.poll() is None:
                time.sleep(0.05)
                now = time.monotonic()
                if now - last_told > PROGRESS_S:
                    last_told = now
                    say(f"{what} … {now - begin:.0f} s")
                if now - begin > limit_s:
                    say(f"{what}: not done after {limit_s} s, ended")
                    end_group(process)
                    return 124
        except BaseException:
            end_group(process)
            raise
    took = time.monotonic() - begin
    if took > 2 or process.returncode != 0:
        say(f"{what}: {'done' if process.returncode == 0 else 'FAILED'} in {took:.1f} s")
    return process.returncode


def end_group(process):
    """Asks the process group (a session of its own) to end, then makes it."""
    for number, patience_s in ((signal.SIGTERM, 20), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            process.wait(patience_s)
            return
        except subprocess.TimeoutExpired:
            continue


def show_end(log, lines=30):
    text = Path(log).read_text(errors="replace").splitlines()[-lines:]
    print("\n".join(f"    {line}" for line in text), flush=True)


# --- meson ---

def configure(name, tally):
    directory, compiler, options, _ = BUILDS[name]
    if Path(directory, "build.ninja").exists():
        return True
    log = LOGS / f"configure-{name}.log"
    status = run_logged(f"configure {name}", ["meson", "setup", *options, str(directory), str(ROOT)],
                        log, 300, {"CC": compiler})
    if status != 0:
        show_end(log)
        tally.add(False, f"configure {name}", f"CC={compiler} meson setup {' '.join(options)} {directory}")
    return status == 0


def build(name, tally):
    directory, _, _, pattern = BUILDS[name]
    log = LOGS / f"build-{name}.log"
    targets = []
    if pattern:
        targets = sorted({os.path.relpath(test["cmd"][0], directory)
                          for test in listed_tests(directory) if re.search(pattern, test["name"])
                          and test["cmd"][0].startswith(str(directory))})
        if not targets:
            return False
    status = run_logged(f"build {name}", ["ninja", "-C", str(directory), "-j", JOBS, *targets], log, 1800)
    if status != 0:
        show_end(log)
        tally.add(False, f"build {name}", f"ninja -C {os.path.relpath(directory, ROOT)}")
    return status == 0


def listed_tests(directory):
    output = subprocess.run(["meson", "introspect", "--tests", str(directory)], capture_output=True,
                            text=True, check=True, cwd=ROOT).stdout
    return json.loads(output)


def run_meson_suites(name, suites, tally):
    directory, _, _, pattern = BUILDS[name]
    relative = os.path.relpath(directory, ROOT)
    chosen = [test["name"] for test in listed_tests(directory)
              if any(suite.split(":")[-1] in suites for suite in test["suite"])
              and (pattern is None or re.search(pattern, test["name"]))]
    if not chosen:
        return
    log = LOGS / f"meson-{name}.log"
    run_logged(f"{len(chosen)} tests in {name}",
               ["meson", "test", "-C", str(directory), "--no-rebuild", "--num-processes", JOBS,
                "--print-errorlogs", "--logbase", "tandem", *dict.fromkeys(chosen)], log, 1800)
    results = read_results(Path(directory, "meson-logs", "tandem.json"))
    for test in dict.fromkeys(chosen):
        outcome = results.get(test, "did not run")
        if outcome in ("SKIP",):
            tally.skip(f"{test} ({name})")
        else:
            tally.add(outcome in ("OK", "EXPECTEDFAIL"), f"{test} ({name}): {outcome}",
                      f"meson test -C {relative} --print-errorlogs '{test}'")
    if any(outcome not in ("OK", "SKIP", "EXPECTEDFAIL") for outcome in results.values()):
        show_end(log, 80)


def read_results(path):
    """Outcome by test name from meson's JSON log."""
    results = {}
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return results
    for line in lines:
        entry = json.loads(line)
        results[entry["name"].rpartition(" / ")[2]] = entry["result"]
    return results


# --- integration ---

def integration_scripts():
    """(name, path, limit in seconds) from the one list."""
    for line in (ROOT / "tests/integration/list.txt").read_text().splitlines():
        words = line.split()
        if words and not line.startswith("#"):
            yield words[0].rpartition(".")[0], ROOT / "tests/integration" / words[0], int(words[1])


def run_integration(wanted, tally, is_sanitized=False):
    """All scripts, or the wanted ones; sanitized: with the programs of that build."""
    environment = {"TANDEM_BUILD": str(BUILDS["sanitized"][0])} if is_sanitized else {}
    mark = "-sanitized" if is_sanitized else ""
    for script, path, limit_s in integration_scripts():
        if wanted and script not in wanted:
            continue
        name = script + mark
        log = LOGS / f"integration-{name}.log"
        interpreter = [sys.executable, "-B"] if path.suffix == ".py" else ["bash"]
        status = run_logged(f"integration/{name}", [*interpreter, str(path)], log, limit_s, environment)
        where = os.path.relpath(log, ROOT)
        again = (f"TANDEM_BUILD=$PWD/build-sanitized python3 {path.relative_to(ROOT)}   (log: {where})" if is_sanitized
                 else f"./tandem test integration/{script}   (log: {where})")
        cases = [match for line in log.read_text(errors="replace").splitlines() if (match := CASE.match(line))]
        for match in cases:
            if match[1] == "skip":
                tally.skip(f"integration/{name}: {match[2]}")
            else:
                tally.add(match[1] == "ok", f"integration/{name}: {match[2]}", again)
        if status != 0 and not any(match[1] == "not ok" for match in cases):
            tally.add(False, f"integration/{name}: exit status {status}", again)
            show_end(log)
        elif not cases and status == 0:
            tally.add(True, f"integration/{name}", again)


# --- all ---

def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--builds", default="")
    parser.add_argument("suites", nargs="*")
    arguments = parser.parse_args()
    LOGS.mkdir(parents=True, exist_ok=True)
    names = [name for name, _, _ in integration_scripts()]
    scripts = {word.rpartition("/")[2] for word in arguments.suites if word.rpartition("/")[2] in names}
    suites = [word for word in arguments.suites if word in SUITES]
    unknown = [word for word in arguments.suites if word not in suites and word != "integration"
               and word.rpartition("/")[2] not in scripts]
    if unknown:
        sys.exit(f"no such suite or test: {' '.join(unknown)}; suites: {' '.join(SUITES)} integration; "
                 f"integration tests: {' '.join(names)}")
    is_everything = not arguments.suites
    builds = arguments.builds.split(",") if arguments.builds else (list(BUILDS) if is_everything else ["gcc"])
    tally = Tally()
    wants_integration = is_everything or scripts or "integration" in arguments.suites
    for index, name in enumerate(builds):
        if not configure(name, tally):
            continue
        chosen = SUITES if is_everything else suites
        built = [suite for suite in chosen if suite not in SOURCE_SUITES]
        if index == 0:
            run_meson_suites(name, [suite for suite in chosen if suite in SOURCE_SUITES], tally)
        if (built or (wants_integration and name == "gcc")) and build(name, tally):
            run_meson_suites(name, built, tally)
    if wants_integration:
        run_integration(scripts, tally)
    if is_everything:
        run_integration(SANITIZED_SCRIPTS, tally, is_sanitized=True)
    tally.tell()
    return 1 if tally.failed or not tally.passed else 0


STARTED = time.monotonic()
if __name__ == "__main__":
    sys.exit(main())
