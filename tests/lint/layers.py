# SPDX-License-Identifier: Apache-2.0
"""Which folder may include which: what its meson.build declares, no cycles, and nothing that does
I/O under the pure machines."""

import re
from collections import defaultdict
from pathlib import PurePosixPath

from tree import Finding

PROCESSES = ("controlplane", "dataplane")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
SYSTEM_INCLUDE = re.compile(r"^\s*#\s*include\s+<([^>]+)>")
LIBRARY = re.compile(r"(\w+)\s*=\s*static_library\((.*?)\n?\s*\)\s*\n", re.S)
DECLARATION = re.compile(r"(dep_\w+)\s*=\s*declare_dependency\((.*?)\)\s*(?:\n|$)", re.S)

# Folders whose code decides and never does: no socket, clock, thread or file (design: pure
# machines, thin shell). A single file of a mixed folder is named with its folder.
PURE = {
    "controlplane": ("util", "sip", "sdp", "transaction", "dialog", "resolver/answer",
                     "resolver/cache", "resolver/locate", "resolver/name", "resolver/resolver",
                     "resolver/target", "trunk", "defence", "route", "registrar", "subscription",
                     "identity", "leg", "call", "media/port_pool", "media/ledger", "trace",
                     "switchboard"),
    "dataplane": ("rtp", "termination", "stage"),
}
SHELL_HEADERS = {
    "controlplane": ("loop/", "transport/", "api/", "events/kafka", "events/log", "events/sink",
                     "journal/store", "media/client", "resolver/ares_client"),
    "dataplane": ("port/", "control/"),
}
IMPURE_SYSTEM = ("sys/socket.h", "sys/epoll.h", "sys/timerfd.h", "sys/eventfd.h", "poll.h",
                 "pthread.h", "sys/un.h", "sys/ioctl.h", "netdb.h")


def folders(tree, process):
    """Folders of a process that have a meson.build, with their text."""
    for path in tree.files:
        parts = PurePosixPath(path).parts
        if len(parts) == 3 and parts[0] == process and parts[2] == "meson.build":
            yield parts[1], tree.text(path)


def owners(tree, process):
    """dep_name -> folder that declares it."""
    return {name: folder for folder, text in folders(tree, process)
            for name, _ in DECLARATION.findall(text)}


def declared(tree, process):
    """folder -> folders that its meson.build names in any list of dependencies."""
    by_name = owners(tree, process)
    result = {}
    for folder, text in folders(tree, process):
        names = set(re.findall(r"\bdep_\w+", text))
        result[folder] = {by_name[name] for name in names if name in by_name} - {folder}
    return result


def included(tree, process):
    """(path, line, including folder, included path) of every quoted include between folders."""
    for path in tree.c_files():
        parts = PurePosixPath(path).parts
        if len(parts) < 3 or parts[0] != process:
            continue
        for number, line in tree.lines(path):
            match = INCLUDE.match(line)
            if match:
                yield path, number, parts[1], match.group(1)


def check_layers(tree):
    """Includes between folders must be declared in the folder's meson.build."""
    findings = []
    for process in PROCESSES:
        allowed = declared(tree, process)
        for path, number, folder, target in included(tree, process):
            other = target.split("/")[0]
            if "/" not in target:
                if target not in {PurePosixPath(file).name for file in tree.files
                                  if PurePosixPath(file).parts[:1] == (process,)
                                  and len(PurePosixPath(file).parts) == 2}:
                    findings.append(Finding(path, number, f'"{target}" is not written as "folder/file.h"',
                                            "name the folder, so that a reader sees where it comes from"))
            elif f"{process}/{target}" not in tree.files:
                findings.append(Finding(path, number, f'"{target}" is not a header of {process}',
                                        "the contract in include/tandem/ is all that the planes share"))
            elif other != folder and other not in allowed.get(folder, set()):
                findings.append(Finding(
                    path, number, f"{process}/{folder} may not include {other}/",
                    f"add its dep_ to {process}/{folder}/meson.build if that direction is right, "
                    "else turn the dependency round"))
    for path in tree.with_suffix(".h"):
        if path.startswith("include/tandem/"):
            findings += [Finding(path, number, "the contract includes nothing but itself and libc",
                                 "move what needs more into one of the planes")
                         for number, line in tree.lines(path) if INCLUDE.match(line)]
    return findings


def check_cycles(tree):
    """No folder may depend on itself by way of others, neither by meson.build nor by includes."""
    findings = []
    for process in PROCESSES:
        graph = defaultdict(set, {folder: set(needs) for folder, needs in declared(tree, process).items()})
        for _, _, folder, target in included(tree, process):
            if "/" in target and target.split("/")[0] != folder:
                graph[folder].add(target.split("/")[0])
        cycle = find_cycle(graph)
        if cycle:
            findings.append(Finding(f"{process}/{cycle[0]}/meson.build", 1,
                                    "folders depend on each other: " + " -> ".join(cycle),
                                    "move what both need into a folder below, or pass it as an argument"))
    return findings


def find_cycle(graph):
    """One cycle as a list that begins and ends with the same folder, or None."""
    done, trail = set(), []

    def visit(folder):
        if folder in trail:
            return trail[trail.index(folder):] + [folder]
        if folder in done:
            return None
        trail.append(folder)
        for other in sorted(graph.get(folder, ())):
            found = visit(other)
            if found:
                return found
        trail.pop()
        done.add(folder)
        return None

    for start in sorted(graph):
        found = visit(start)
        if found:
            return found
    return None


def is_pure(process, path):
    inner = path.removeprefix(f"{process}/")
    return any(inner.startswith(name + ("." if "/" in name else "/")) for name in PURE[process])


def check_purity(tree):
    """Pure folders reach no header of the shell, directly or by way of other headers, and no
    system header that does I/O; the dataplane's stages see no rte_*."""
    findings = []
    for process in PROCESSES:
        for path in tree.c_files():
            if not path.startswith(f"{process}/") or not is_pure(process, path):
                continue
            for header, trail in reachable(tree, process, path):
                if any(header.startswith(prefix) for prefix in SHELL_HEADERS[process]):
                    findings.append(Finding(path, trail, f"pure code reaches the shell: {header}",
                                            "return an action and let app/ or the worker carry it out"))
            for number, line in tree.lines(path):
                match = SYSTEM_INCLUDE.match(line)
                name = match.group(1) if match else ""
                if name in IMPURE_SYSTEM or name.startswith("rte_"):
                    findings.append(Finding(path, number, f"pure code includes <{name}>",
                                            "I/O, threads and DPDK belong to the shell; take values as arguments"))
    return findings


def reachable(tree, process, path):
    """(header, line of path that leads there) for all headers reached by quoted includes."""
    seen = set()

    def walk(current, first_line):
        for number, line in tree.lines(current):
            match = INCLUDE.match(line)
            if match and match.group(1) not in seen:
                seen.add(match.group(1))
                yield match.group(1), first_line or number
                yield from walk(f"{process}/{match.group(1)}", first_line or number)
    yield from walk(path, 0)
