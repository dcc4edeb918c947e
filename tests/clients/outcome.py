"""What became of the calls of a client, one line of JSON for each.

A driver makes a call inside `calling(NAME)`. `works` means that the client returned and that the driver found the value right;
`501` that the server said that it does not serve this; `refused` that it answered anything else that is not a success, with its status.
"""

import contextlib
import json
import sys

made = set()


class Wrong(Exception):
    """The client returned something else than it should have."""


def report(call, outcome, detail=""):
    made.add(call.split(" ")[0])
    print(json.dumps({"call": call, "outcome": outcome, "detail": detail}), flush=True)


def must(holds, found):
    if not holds:
        raise Wrong(f"the client returned {found!r}")


@contextlib.contextmanager
def calling(call, answered):
    """`answered` gets the status and the body of an answer from the client's exception, or None."""
    try:
        yield
    except Exception as error:  # Whatever a client raises is what its user gets.
        found = answered(error)
        if found is None:
            report(call, "fails", f"{type(error).__name__}: {error}")
        else:
            status, body = found
            report(call, "501" if status == 501 else "refused", f"{status} {body}")
    else:
        report(call, "works")


def described():
    with open(sys.argv[1], encoding="utf-8") as file:
        return json.load(file)


def uncalled(names):
    """Reports what the package can call and the driver did not."""
    for name in sorted(set(names) - made):
        report(name, "not called")
