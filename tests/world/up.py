#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What ./tandem up, call and down do once everything is built: the world, the appliance, a call."""

import argparse
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from appliance import Appliance  # noqa: E402
from call import FirstCall, story, summary  # noqa: E402
from peers import Baresip  # noqa: E402
from programs import find_program  # noqa: E402
from world import ADDRESS, ROOT, SIDES, World, WorldError, all_worlds  # noqa: E402

NAME = "up"
ONCE_NAME = "once"  # so that a trial run leaves alone what is up
STARTED = time.monotonic()


def say(text):
    print(f"tandem: [{time.monotonic() - STARTED:4.1f} s] {text}", file=sys.stderr, flush=True)


def relative(path):
    return os.path.relpath(path, os.getcwd())


def up(arguments):
    name = ONCE_NAME if arguments.once else NAME
    if (left := World.load(name)) is not None:
        say("ending what an earlier 'up' left running")
        left.tear_down()
    with World(name) as world:
        try:
            say(f"namespaces {', '.join(world.namespace(side) for side in (*SIDES, 'appliance'))} are there")
            appliance = Appliance(world).start()
            say("dataplane and control plane are running")
            first_call = FirstCall(world, appliance)
            first_call.start_phones()
            say("two baresip phones are ready; the carrier's calls ours, tones both ways")
            facts = first_call.place()
            line, is_good = summary(facts)
        except WorldError as error:
            print(f"tandem: {error}", file=sys.stderr)
            print(f"tandem: logs are in {relative(world.directory)}/", file=sys.stderr)
            if arguments.keep:
                world.keep()
            return 1
        print(story(facts))
        if arguments.once:
            if arguments.keep and not is_good:
                world.keep()
                tell_next(world, appliance)
            else:
                world.tear_down()
            print(json.dumps(line), flush=True)
        else:
            world.keep()
            tell_next(world, appliance)
        return 0 if is_good else 1


def tell_next(world, appliance):
    """Where to look next; the commands work as they stand."""
    control = f"{relative(find_program('tandemctl'))} --socket {appliance.control_socket}"
    launcher = relative(ROOT / "tandem")
    launcher = launcher if "/" in launcher else f"./{launcher}"
    print(f"""
The appliance is up. Look at it:
  {control} status          what is going on, what is outstanding
  {control} cdr             a record per leg of every call
  {control} events          everything that happened, in order
  {launcher} call             place another call
  sudo ip netns exec {world.namespace('phones')} tcpdump -ni eth0 udp      the packets at the phone
Configuration {relative(appliance.config_path)}, logs and recordings {relative(world.directory)}/.
End it: {launcher} down""")


def call(_):
    world = World.load(NAME)
    if world is None:
        print("tandem: nothing is up: ./tandem up starts it", file=sys.stderr)
        return 1
    appliance = Appliance(world)
    first_call = FirstCall(world, appliance)
    for side in SIDES:
        first_call.phones[side] = Baresip.attach(world, side, ADDRESS[side]["peer4"])
    facts = first_call.place()
    print(story(facts))
    return 0 if summary(facts)[1] else 1


def down(_):
    count = 0
    for world in all_worlds():
        if world.is_kept or world.is_abandoned():
            world.tear_down()
            count += 1
    say(f"ended {count} world{'' if count == 1 else 's'}" if count else "nothing was up")
    return 0


def main():
    parser = argparse.ArgumentParser(prog="tandem", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    up_parser = verbs.add_parser("up")
    up_parser.add_argument("--once", action="store_true", help="end everything after the call, last line JSON")
    up_parser.add_argument("--keep", action="store_true", help="leave everything running if the call did not hold")
    verbs.add_parser("call")
    verbs.add_parser("down")
    arguments = parser.parse_args()
    try:
        return {"up": up, "call": call, "down": down}[arguments.verb](arguments)
    except WorldError as error:
        print(f"tandem: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
