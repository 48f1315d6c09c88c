"""The processes of works: which agent has them, where they serve, and how long they have had nothing to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from flowrpc.component.framework_vars import set_framework_var
from flowrpc.component.work import LightningWork
from flowrpc.flow_service.effects import Send
from flowrpc.flow_service.instant import Instant
from flowrpc.flow_service.ledger import Ledger
from flowrpc.flow_service.sessions import Session, Sessions
from flowrpc.protocol.messages import Serving, StopRunner
from flowrpc.state.work_facts import PORT, URL

STOP_GRACE = timedelta(seconds=5)
"""How long user code may take to end before it is killed."""


class WorkProcesses:
    """Follows the process of each work, from its first run to its end.

    Args:
        ledger: The runs.
        sessions: The streams that are open.
        emit: Takes effects.
        find_work: Finds a work of the tree by name; None if it is gone.
    """

    def __init__(
        self,
        ledger: Ledger,
        sessions: Sessions,
        emit: Callable[..., None],
        find_work: Callable[[str], LightningWork | None],
    ) -> None:
        self._ledger = ledger
        self._sessions = sessions
        self._emit = emit
        self._find_work = find_work
        self._hosts: dict[str, str] = {}
        """By work: the agent that has, or had last, its process."""
        self._idle_until: dict[str, float] = {}
        """By work: the monotonic time at which its idle process is ended."""
        self._ended: set[str] = set()
        """Works whose idle process was ended, which the agent may not have heard."""
        self._earlier: set[str] = set()
        """Works that may have a process of an earlier life, at an agent that has not told of it yet."""

    def host_of(self, name: str) -> str | None:
        """Returns the agent that has, or had last, the process of a work."""
        return self._hosts.get(name)

    def addresses(self, name: str) -> tuple[str, str]:
        """Returns the addresses of the host that has, or had last, the process of a work; empty if it is away."""
        for session in self._sessions.of_agent(self._hosts.get(name)):
            return session.hello.internal_ip, session.hello.public_ip
        return "", ""

    def busy(self, work: LightningWork, agent_id: str) -> None:
        """Notes that an agent executes a run of a work: a process that another one has is not used any more."""
        before = self._hosts.get(work.name)
        self._hosts[work.name] = agent_id
        self._idle_until.pop(work.name, None)
        self._ended.discard(work.name)
        if before not in (None, agent_id):
            self._tell_to_stop(work.name, self._sessions.of_agent(before))

    def idle(self, work: LightningWork, now: Instant) -> None:
        """Notes that the process of a work has nothing to do from now on."""
        timeout = work.cloud_compute.idle_timeout
        if timeout is not None:
            self._idle_until[work.name] = now.monotonic + timeout.total_seconds()

    def expect(self, name: str) -> None:
        """Takes it that a work may have a process of an earlier life."""
        self._earlier.add(name)

    def found(self, work: LightningWork, agent_id: str, now: Instant) -> None:
        """Takes up an idle process of an earlier life."""
        self._hosts[work.name] = agent_id
        self.idle(work, now)

    def judge(self, session: Session, busy_at: Mapping[str, str], now: Instant) -> None:
        """Ends the idle processes of an agent that nobody wants: it may not have heard that they were to end.

        Args:
            session: The stream of the agent, which has just said hello.
            busy_at: By work that is executed: the agent that does it.
            now: When it came.
        """
        agent_id = session.hello.agent_id
        for name in session.hello.idle_works:
            work = self._find_work(name)
            if work is None or not self._is_wanted(name, agent_id, busy_at.get(name)):
                self._tell_to_stop(name, [session])
            elif name not in self._hosts and name not in busy_at:
                self.found(work, agent_id, now)

    def _is_wanted(self, name: str, agent_id: str, busy_at: str | None) -> bool:
        if busy_at is not None:
            return busy_at == agent_id
        if name in self._hosts:
            return self._hosts[name] == agent_id and name not in self._ended
        return name in self._earlier

    def stop(self, name: str) -> None:
        """Ends the process of a work."""
        self._idle_until.pop(name, None)
        self._ended.discard(name)
        self._earlier.discard(name)
        agent_id = self._hosts.pop(name, None)
        self.silence(name)
        self._tell_to_stop(name, self._sessions.of_agent(agent_id))

    def lose(self, agent_id: str) -> None:
        """Notes that the processes at an agent are gone."""
        for name in self._at(agent_id):
            self._ledger.consume_start(name)
            self.silence(name)

    # Where works serve

    def serve(self, session: Session, serving: Serving) -> None:
        """Takes where a work serves, from the agent that has its process."""
        work, host = self._find_work(serving.work), self._hosts.get(serving.work)
        if work is None or host not in (None, session.hello.agent_id) or not session.fit(serving.work):
            return
        self._hosts[serving.work] = session.hello.agent_id
        if serving.port:
            set_framework_var(work, PORT, serving.port)
        if serving.url or work.url:
            set_framework_var(work, URL, serving.url)

    def silence(self, name: str) -> None:
        """Takes the URL of a work back."""
        work = self._find_work(name)
        if work is not None and work.url:
            set_framework_var(work, URL, "")

    def silence_all(self, agent_id: str, *, but: set[str]) -> None:
        """Takes the URLs of works at an agent back, but for some: it is away, and tells them again when it is back."""
        for name in self._at(agent_id):
            if name not in but:
                self.silence(name)

    # Time

    def tick(self, now: Instant) -> None:
        """Ends the processes that were idle for long; their next runs begin in new ones."""
        for name in [name for name, time in self._idle_until.items() if time <= now.monotonic]:
            self._end_idle(name, now)

    def deadlines(self) -> Iterator[float]:
        """Yields the monotonic times at which `tick` has something to do."""
        yield from self._idle_until.values()

    def _end_idle(self, name: str, now: Instant) -> None:
        """Ends an idle process. One that serves is not idle, and an agent that is away is told when it may be back."""
        del self._idle_until[name]
        work, sessions = self._find_work(name), self._sessions.of_agent(self._hosts.get(name))
        if work is not None and (work.url or not sessions):
            self.idle(work, now)
            return
        self._ledger.consume_start(name)
        self._ended.add(name)
        self._tell_to_stop(name, sessions)

    def _tell_to_stop(self, name: str, sessions: list[Session]) -> None:
        for session in sessions:
            self._emit(Send(session.number, StopRunner(work=name, grace=STOP_GRACE)))

    def _at(self, agent_id: str) -> list[str]:
        return [name for name, host in self._hosts.items() if host == agent_id]
