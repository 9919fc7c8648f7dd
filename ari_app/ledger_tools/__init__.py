"""What an operator does to the whole ledger at once: check every account, move old lines to files, bring it up to date.

Stands beside app.py, on the top floor: it wires a store for the time of one command. Everything streams: no number of
accounts fills the memory, and calls go on meanwhile.
"""

from ari_app.ledger_tools.archive import ArchiveError, archive, archived_lines
from ari_app.ledger_tools.verify import Broken, Checked, count, verify
from ari_app.ledger_tools.wired import migrate, opened

__all__ = ["ArchiveError", "Broken", "Checked", "archive", "archived_lines", "count", "migrate", "opened", "verify"]
