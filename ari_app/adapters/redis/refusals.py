"""What an error reply of Redis says: not now, or wrong. Knows the first words of its error replies; no connection."""

import hiredis

NOT_NOW = {
    "LOADING",  # reads its data after a start
    "BUSY", "UNKILLABLE",  # a script of somebody else's runs
    "OOM", "MISCONF",  # memory or disk is full
    "READONLY", "MASTERDOWN", "NOREPLICAS",  # a failover, or the time before one
    "CLUSTERDOWN", "TRYAGAIN",  # some slots are nobody's, or on their way to another node
    "NOAUTH", "WRONGPASS", "NOPERM",  # until the operator has put users and passwords right
}  # fmt: skip
"""Not carried out, not the asker's fault, and better later."""

ELSEWHERE = {"READONLY", "MASTERDOWN", "NOAUTH"}
"""This connection will not do; a new one may lead to the new master, and greets with the password."""

DEMOTED = {"READONLY", "MASTERDOWN", "MOVED", "UNBLOCKED"}
"""It is a master no more, or not of these slots: what it was told last may be lost."""

REDIRECTS = {"MOVED", "ASK"}
"""Of a cluster's node: not carried out here; another node does it."""


def word_of(error: hiredis.ReplyError) -> str:
    return str(error).split(" ", 1)[0]
