"""Starts, watches and stops the embedded servers as one thing. The order of the steps is here; the steps are not."""

import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ari_app.stack import logs, plan, process
from ari_app.stack.errors import BrokenOff, StackError
from ari_app.stack.fetch import cache_dir
from ari_app.stack.plan import PARTS, StackInfo, StackOptions
from ari_app.stack.servers import CARRIER_TRUNK, RELOAD, RELOADS, Asterisk, Pbx, Server
from ari_app.stack.state import State, StateDir, file_lock
from ari_app.stack.tools import Tools

START_WITHIN_S = 30
RUNNING_ANSWERS_WITHIN_S = 10
STOP_GRACE_S = 8.0
GONE_WITHIN_S = 5.0


@dataclass(frozen=True)
class PartStatus:
    """One part as it is now. `failed` is: it was started, was not stopped, and is gone."""

    part: str
    state: str  # running, stopped or failed
    pid: int | None
    uptime_s: int | None
    ports: Mapping[str, int] = field(default_factory=dict)
    log: Path = Path()


@dataclass(frozen=True)
class TrunkFiles:
    """What the PBX would be told of its trunks: by files that it takes in when `modules` are reloaded. `lasting`: files
    that would change too, and that only a start reads (on which address it listens)."""

    files: Mapping[Path, str]
    modules: tuple[str, ...]
    lasting: tuple[str, ...]
    is_running: bool


class Stack:
    """The servers of one state directory. Every method may be called from any process, and again."""

    def __init__(self, options: StackOptions | None = None) -> None:
        self.options = options or StackOptions()
        self._dir = StateDir(self.options.state_dir)
        self._tools: Tools | None = None
        self._children: list[process.Spawned] = []

    def prepare(self) -> Tools:
        """Find the programs, or fetch and unpack them. Slow at the first call on a machine, at once later."""
        if self._tools is None:
            self._tools = plan.find_tools(self.options)
        return self._tools

    def start(self) -> StackInfo:
        """Start what is not running; returns when every part answers. Raises BrokenOff where it is not wanted any more;
        then nothing that it had started runs."""
        tools = self.prepare()
        try:
            return self._start(tools)
        except OSError as why:
            raise StackError(
                f"{why.filename or self._dir.path}: {why.strerror or why}; see to that disk and its rights, or set "
                "RINGBRIDGE_STATE_DIR to another directory"
            ) from None

    def _start(self, tools: Tools) -> StackInfo:
        waiting = "another ringbridge starts or stops here: waiting"
        with self._dir.locked(waiting=lambda: self.options.say(waiting), check=self.options.check_wanted):
            state = self._load_settled()
            stopped = [part for part in self.options.parts if part not in state.processes]
            # held until the ports are really bound, so that two checkouts do not choose the same ones
            with self._ports_lock() if stopped else nullcontext():
                self._settle(state, stopped)
                self._apply_changes(tools, state)
                self._start_parts(tools, state, stopped)
            try:
                self._check_running(state, [part for part in self.options.parts if part not in stopped])
                self._await_trunk(state)
            except BrokenOff:
                self._undo(state, stopped)
                raise
            return plan.info(self.options, self._dir, state, started_here=tuple(stopped))

    def info(self) -> StackInfo:
        """Addresses and secrets of the parts that run, as `start` would return them; starts nothing."""
        state = self._load()
        if not plan.is_settled(state):
            raise StackError(f"no stack was started with {self._dir.path}: run `ringbridge stack start`")
        return plan.info(self.options, self._dir, state, started_here=())

    def stop(self, parts: Iterable[str] | None = None) -> list[str]:
        """Stop `parts` (all by default); the names of those that ran. What is not ours is never touched."""
        wanted = plan.known_parts(parts)
        if not self._dir.path.exists():
            return []
        with self._dir.locked():
            state = self._load()
            running = [part for part in wanted if part in state.processes]
            with ThreadPoolExecutor(len(PARTS)) as pool:
                gone = list(pool.map(lambda part: process.stop(state.processes[part], grace_s=STOP_GRACE_S), running))
            self._reap()
            for part in wanted:
                state.processes.pop(part, None)
            state.failed -= set(wanted)
            self._dir.save(state)
            if not state.processes:
                self._dir.drop_link()
        if not all(gone):
            stuck = [part for part, is_gone in zip(running, gone, strict=True) if not is_gone]
            raise StackError(f"{', '.join(stuck)} does not end, even killed: the machine's disk may hang")
        return running

    def status(self) -> list[PartStatus]:
        state = self._load()
        found = []
        for part in PARTS:
            identity = state.processes.get(part)
            word = "running" if identity else "failed" if part in state.failed else "stopped"
            ports = {name: state.ports[name] for name in plan.PORT_NAMES[part] if name in state.ports}
            pid, uptime_s = (identity.pid, process.uptime_s(identity)) if identity else (None, None)
            found.append(PartStatus(part, word, pid, uptime_s, ports, plan.log_of(self._dir, part)))
        return found

    def logs(self, part: str, *, follow: bool = False) -> Iterator[str]:
        """The last lines of a part's log, and with `follow` all that come, until the caller stops asking."""
        plan.known_parts([part])
        return logs.lines(plan.log_of(self._dir, part), follow=follow)

    def asterisk_rx(self, part: str, command: str) -> str:
        """What `command` on the console of `pbx` or `carrier` prints."""
        state = self._load()
        if part not in state.processes:
            raise StackError(f"{part} is not running: `ringbridge stack start` starts it")
        server = plan.servers(self.options, self._dir, state)[part]
        if not isinstance(server, Asterisk):
            raise StackError(f"{part} is no Asterisk: choose pbx or carrier")
        self._dir.make_link()  # whoever cleans the directory for temporary files may have taken it
        return self._rx(server, command)

    def trunk_files(self) -> TrunkFiles:
        """The trunks of `options` as the PBX would be told them. Writes nothing. Raises StackError where nothing was
        ever started here."""
        state = self._load()
        if not plan.is_settled(state):
            raise StackError(f"no stack was started with {self._dir.path}: run `ringbridge stack start`")
        pbx = plan.servers(self.options, self._dir, state)["pbx"]
        assert isinstance(pbx, Pbx)
        etc = self._dir.path / "pbx/etc"
        live = {name: text for name, text in pbx.files.items() if name in RELOADS}
        return TrunkFiles(
            files={etc / name: text for name, text in live.items()},
            modules=tuple(sorted({RELOADS[name].removeprefix(RELOAD) for name in live})),
            lasting=pbx.lasting_changes(etc),
            is_running="pbx" in state.processes,
        )

    def _ports_lock(self) -> AbstractContextManager[None]:
        return file_lock(cache_dir(self.options.cache_dir) / "ports.lock", check=self.options.check_wanted)

    def _load(self) -> State:
        """The stored state, with what has died since left out of `processes`."""
        state = self._dir.load()
        for part, identity in list(state.processes.items()):
            if not process.is_alive(identity):
                del state.processes[part]
                if identity.boot_id == process.boot_id():
                    state.failed.add(part)
        self._adopt(state)
        self._reap()
        return state

    def _load_settled(self) -> State:
        """Without parts that are just dying: they run no more, and still hold what their successors need."""
        process.until(lambda: not any(map(process.is_dying, self._load().processes.values())), within_s=GONE_WITHIN_S)
        return self._load()

    def _adopt(self, state: State) -> None:
        """A server whose starter was killed before it could write down that it started it is ours all the same."""
        if not plan.is_settled(state):
            return
        for part, server in plan.servers(self.options, self._dir, state).items():
            if part not in state.processes and (identity := process.from_pid_file(server.pid_file, server.marker)):
                state.processes[part] = identity
                state.failed.discard(part)

    def _reap(self) -> None:
        self._children = [child for child in self._children if child.exit_code is None]

    def _settle(self, state: State, stopped: Sequence[str]) -> None:
        """Ports and secrets are fixed before anything is written, and stored before anything starts."""
        plan.settle(self.options, self._dir, state, stopped)
        self._dir.save(state)

    def _apply_changes(self, tools: Tools, state: State) -> None:
        """Write the configuration of running parts anew; what they can take in live they are told to."""
        for part, server in plan.servers(self.options, self._dir, state).items():
            if part not in state.processes or part not in self.options.parts:
                continue
            changed = server.write(tools)
            if isinstance(server, Asterisk):
                for command in sorted({RELOADS[name] for name in changed if name in RELOADS}):
                    self._rx(server, command)
            if lasting := sorted(changed - RELOADS.keys()):
                self.options.say(f"{part} runs on with its old {', '.join(lasting)}: stop and start it to change that")

    def _start_parts(self, tools: Tools, state: State, parts: Sequence[str]) -> None:
        """All at once; either every one of `parts` answers in the end, or none of them is left running."""
        servers = plan.servers(self.options, self._dir, state)
        try:
            spawned = {part: self._spawn(tools, state, servers[part]) for part in parts}
            self._await_ready(spawned, servers)
        except BaseException:
            self._undo(state, parts)
            raise

    def _undo(self, state: State, parts: Sequence[str]) -> None:
        for part in parts:
            if identity := state.processes.pop(part, None):
                process.stop(identity, grace_s=1)
        self._reap()
        self._dir.save(state)

    def _spawn(self, tools: Tools, state: State, server: Server) -> process.Spawned:
        server.write(tools)
        logs.keep_small(server.log)
        console = server.home / "console.log"
        console.unlink(missing_ok=True)
        server.pid_file.unlink(missing_ok=True)
        spawned = process.spawn(server.argv(tools), marker=server.marker, cwd=server.home, log=console)
        self._children.append(spawned)
        if spawned.identity:
            state.processes[server.name] = spawned.identity
            state.failed.discard(server.name)
            self._dir.save(state)  # before it answers: whoever kills us now leaves no server that nobody knows
        return spawned

    def _await_ready(self, spawned: Mapping[str, process.Spawned], servers: Mapping[str, Server]) -> None:
        waiting, deadline = list(spawned), time.monotonic() + START_WITHIN_S
        while waiting:
            for part in list(waiting):
                if spawned[part].exit_code is not None or spawned[part].identity is None:
                    raise StackError(f"{part} ended while it started. {logs.last_words(servers[part])}")
                if servers[part].ready():
                    waiting.remove(part)
            self.options.check_wanted()
            if waiting and time.monotonic() > deadline:
                part = waiting[0]
                raise StackError(f"{part} does not answer after {START_WITHIN_S} s. {logs.last_words(servers[part])}")
            time.sleep(0.05)

    def _check_running(self, state: State, parts: Sequence[str]) -> None:
        """A process that is alive is not yet a server that answers."""
        servers = plan.servers(self.options, self._dir, state)
        for part in parts:
            if not process.until(partial(self._answers, servers[part]), within_s=RUNNING_ANSWERS_WITHIN_S):
                raise StackError(
                    f"{part} runs (pid {state.processes[part].pid}) and does not answer: `ringbridge stack stop` ends "
                    f"it, whatever state it is in. {logs.last_words(servers[part])}"
                )

    def _answers(self, server: Server) -> bool:
        self.options.check_wanted()
        return server.ready()

    def _await_trunk(self, state: State) -> None:
        """The PBX has asked the simulated carrier, and was answered: a call can be placed."""
        if not {"pbx", "carrier"} <= state.processes.keys() or not plan.uses_carrier(self.options):
            return
        pbx = plan.servers(self.options, self._dir, state)["pbx"]
        assert isinstance(pbx, Pbx)
        asked_at = 0.0
        deadline = time.monotonic() + START_WITHIN_S
        while not pbx.trunk_is_up(CARRIER_TRUNK):
            self.options.check_wanted()
            if time.monotonic() > deadline:
                raise StackError(f"the PBX does not reach the simulated carrier. {logs.last_words(pbx)}")
            if time.monotonic() - asked_at > 0.5:
                pbx.ask_trunk(CARRIER_TRUNK)
                asked_at = time.monotonic()
            time.sleep(0.05)

    def _rx(self, server: Asterisk, command: str) -> str:
        argv = server.rx(self.prepare(), command)
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise StackError(f"{server.name} did not take “{command}”: {(done.stderr or done.stdout).strip()[:300]}")
        return done.stdout
