"""What a planner hands over: sums over stretches of moves of one kind, and marks of the clock.

Plain tuples of numbers, because there are up to a million of them, and the compiled kernel makes
the same ones.
"""

# Kinds of motion: with and without E, E alone.
TRAVEL, OUTPUT, EXTRUDE_ONLY = 0, 1, 2

# Kind and object (numbers of names), tool, Z in um (MOVING: Z changes), layer in um (NO_LAYER:
# nothing printed yet), sequence.
Key = tuple[int, int, int, int, int, int]
MOVING = -(2**62)
NO_LAYER = -(2**62)

# A key, then: moves, time, acceleration, cruise, deceleration, travel, output, extrude only (s),
# distance, E (mm), dwells (s).
SUMS = 11
DWELL = 10
Segment = tuple[int, int, int, int, int, int,
                float, float, float, float, float, float, float, float, float, float,
                float]  # fmt: skip

# A byte of the file, and when what was read up to it has been done (s).
Mark = tuple[int, float]

# What waits to be taken, so that no line of arcs fills the memory: segments behind them are part of
# the last one, marks get thinner. A piece of text of 64 KiB has fewer lines.
SEGMENTS_LIMIT = 20_000
WAITING_MARKS_LIMIT = 20_000

# Names that a planner keeps apart; the ones behind them are one.
KINDS_LIMIT = 200
OBJECTS_LIMIT = 1000
COMMANDS_LIMIT = 200
SEQUENCES_LIMIT = 1000
NAME_BYTES = 64
# A longer line is no command.
LINE_LIMIT_BYTES = 65536
OTHER = "Other"
