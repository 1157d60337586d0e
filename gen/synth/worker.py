"""Runs Yosys commands, one a line of standard input, in a process of its own: a crash ends only that."""

import sys


def main():
    """Run all commands on one design; Yosys ends the process at the first error."""
    from pyosys import libyosys

    design = libyosys.Design()
    for command in sys.stdin.read().splitlines():
        libyosys.run_pass(command, design)


if __name__ == "__main__":
    main()
