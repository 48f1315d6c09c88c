"""A runner without a process: the real inbox, lane and sender, and scripted user code."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from threading import get_ident
from typing import TYPE_CHECKING, Any, cast

from flowrpc.component.building import build, take_out
from flowrpc.component.hosting import HostedWork
from flowrpc.protocol.messages import CancelAttempt, EndRunner, RunnerRequest, StartRun
from flowrpc.state.records import Failure, FailureReason
from flowrpc.wire.attach import runner_request_bytes, runner_request_from_bytes
from flowrpc.work_service.framing import FrameBuffer
from flowrpc.work_service.inbox import Inbox
from flowrpc.work_service.lane import End, Lane
from flowrpc.work_service.sender import Sender
from flowrpc.work_service.unacknowledged import Unacknowledged

from tests.simulation.app import Task
from tests.simulation.network import Process
from tests.simulation.script import Died, Facts, TaskError, play

if TYPE_CHECKING:
    from tests.simulation.agent import AgentProcess

_CANCELLED = Failure(reason=FailureReason.CANCELLED, message="the run was cancelled")
DIED = Failure(reason=FailureReason.SIGNALLED, signal=9, message="killed by signal 9")
_ENDED = Failure(reason=FailureReason.EXITED, message="the process ended")


class Runner(Process):
    """Executes the attempts of one work, one after the other."""

    def __init__(self, agent: AgentProcess, work: str) -> None:
        super().__init__(agent.timeline, f"{agent.name}:{work.removeprefix('root.')}")
        self.agent = agent
        self.work = work
        self.facts: Facts | None = None
        self.hosted: HostedWork | None = None
        self._random = agent.world.timeline.random
        self._lane, unacknowledged = Lane(), Unacknowledged()
        self.inbox = Inbox(self._lane, unacknowledged)
        self._sender = Sender(self._lane, unacknowledged, cast("Any", self))
        self._frames = FrameBuffer()
        self._unread: deque[bytes] = deque()
        self._read_from = True
        self._told_until = 0.0
        self._starts: deque[StartRun | EndRunner] = deque()
        self._script: Iterator[float] | None = None
        self._failure: Failure | None = None
        self._settling = False
        self._catching_up = False
        self._cancelled_key = ("", 0)
        self._flush_planned = False

    @property
    def unheard(self) -> bool:
        """Whether something was said that the attempt under way has not taken in."""
        live = self.facts is not None and self.facts.live
        return live and (bool(self.inbox.news) or self._told_until > self.timeline.now)

    # What the agent does

    def tell(self, request: RunnerRequest) -> None:
        """Sends a request, which arrives after those before it."""
        decoded = runner_request_from_bytes(runner_request_bytes(request))
        assert decoded is not None, "this version knows what it sends"
        self._told_until = max(self._told_until, self.timeline.now + self._random.uniform(0.0001, 0.003))
        self.at(self._told_until, lambda: self._hear(decoded))

    def end(self) -> None:
        self.tell(EndRunner())

    def kill(self) -> None:
        """Ends it at once; what it had sent is still read."""
        if self.alive:
            self.note("killed")
            self._exit(DIED)

    def pause(self) -> None:
        self._read_from = False

    def resume(self) -> None:
        self._read_from = True
        self.agent.after(0.0005, self._read)

    # What it hears

    def _hear(self, request: RunnerRequest) -> None:
        if isinstance(request, StartRun):
            self.inbox.part()
            self._starts.append(request)
        elif isinstance(request, EndRunner):
            self._starts.append(request)
        elif isinstance(request, CancelAttempt):
            self._cancelled_key = request.run_id, request.attempt
            self._interrupt()
        else:
            self.inbox.put(request)
        if self._settling:
            self._settle()
        elif self._script is None:
            self._next()

    def _next(self) -> None:
        if not self._starts:
            return
        request = self._starts.popleft()
        if isinstance(request, EndRunner):
            self._exit(_ENDED)
        else:
            self._begin(request)

    # User code

    def _begin(self, start: StartRun) -> None:
        self.inbox.begin(start)
        if self.hosted is None:
            self._host(start)
        else:
            self.hosted.restore(start.vars)
        assert self.hosted is not None, "it was just built"
        self.hosted.begin(start.run_id, start.attempt)
        self.facts = self.agent.world.truth.begin(start, self.agent)
        self.note(f"begins {start.run_id}/{start.attempt}")
        task = cast("Task", self.hosted.work)
        self._script = play(task, self.facts, self._random, lambda: self.agent.world.released)
        self._plan_flush()
        self._step()

    def _host(self, start: StartRun) -> None:
        if start.recipe is None:
            work: Any = Task(grace=1.0)
        else:
            work = take_out(build(start.recipe), start.recipe_component, start.work)
        self.hosted = HostedWork(work, name=start.work, vars=start.vars, log=self._lane)
        self._lane.thread = get_ident()
        self._lane.news, self._lane.on_news = self.inbox.news, self._catch_up

    def _step(self) -> None:
        script = self._script
        if script is None or self._settling:
            return
        self._touch()
        if self._is_cancelled():
            self._end(_CANCELLED)
            return
        try:
            pause = next(script)
        except StopIteration:
            self._end(None)
        except TaskError as error:
            self._end(Failure(reason=FailureReason.EXCEPTION, message=str(error), type="TaskError"))
        except Died:
            self._die()
        else:
            self._plan_flush()
            self.after(pause, lambda: self._step() if self._script is script else None)

    def _die(self) -> None:
        """Ends in the middle; part of what was not sent was sent just before."""
        if self._random.random() < 0.5:
            self._sender.flush()
        self.note("died")
        self._exit(DIED)

    def _interrupt(self) -> None:
        if self._script is not None and not self._settling and self._is_cancelled():
            if self._random.random() < 0.15:
                return  # user code that swallows it; the agent kills when the grace is over
            self.after(self._random.uniform(0.0, 0.02), self._step)

    def _is_cancelled(self) -> bool:
        return self.facts is not None and self._cancelled_key == self.facts.key

    def _touch(self) -> None:
        if self.inbox.news or self.inbox.hands:
            self._catch_up()

    def _catch_up(self) -> None:
        """Takes in what came, unless that is being done, or user code has ended."""
        if self.hosted is None or self._script is None or self._settling or self._catching_up:
            return
        self._catching_up = True
        self.inbox.catch_up(self.hosted)
        self._catching_up = False

    def _end(self, failure: Failure | None) -> None:
        self._failure, self._settling = failure, True
        self._script_closed()
        if self.facts is not None:
            self.facts.complete = self.facts.complete and failure is None
        self._plan_flush()
        self._settle()

    def _script_closed(self) -> None:
        # What it has in hand is let go.
        script, self._script = self._script, iter(())
        close = getattr(script, "close", None)
        if close is not None:
            close()

    def _settle(self) -> None:
        assert self.hosted is not None, "something was executed"
        if not self.inbox.settled(self.hosted):
            self._plan_flush()
            return
        self.hosted.end()
        self._lane.put(End(self._failure))
        self._settling, self._script = False, None
        if self.facts is not None:
            self.facts.live = False
        self.note("ends " + ("ok" if self._failure is None else self._failure.reason.value))
        self._plan_flush()
        self._next()

    # What it sends

    def _plan_flush(self) -> None:
        if not self._flush_planned:
            self._flush_planned = True
            self.after(self._random.uniform(0.0, 0.004), self._flush)

    def _flush(self) -> None:
        self._flush_planned = False
        self._sender.flush()

    def sendall(self, data: bytes) -> None:
        """Is what the sender takes for a socket."""
        self._unread.extend(self._frames.feed(data))
        self.agent.after(self._random.uniform(0.0001, 0.002), self._read)

    def _read(self) -> None:
        while self._read_from and self._unread:
            self.agent.hear_runner(self, self._unread.popleft())

    def _exit(self, failure: Failure) -> None:
        self.alive = False
        if self.facts is not None:
            self.facts.live = False
        if self._script is not None:
            self._script_closed()
        self.agent.after(self._random.uniform(0.001, 0.05), lambda: self._seen_to_end(failure))

    def _seen_to_end(self, failure: Failure) -> None:
        self._read_from = True
        self._read()
        self.agent.runner_ended(self, failure)
