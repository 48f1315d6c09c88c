"""Random facts of every kind that travels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flowrpc.protocol import answers, messages, requests
from flowrpc.protocol.resources import Resources
from flowrpc.protocol.stored_answer import StoredAnswer
from flowrpc.state import records
from flowrpc.state.changes import Change, Path, Remove, Set, Splice
from flowrpc.state.extension import Extension
from flowrpc.state.values import Value
from hypothesis import strategies as st

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)
ids = st.text("abcdef0123456789", min_size=1, max_size=8)
int64s = st.integers(0, 2**63 - 1)
int32s = st.integers(0, 2**31 - 1)
ints = st.integers() | st.sampled_from(
    [0, 2**63, 2**63 - 1, -(2**63), -(2**63) - 1, 10**4000 - 1, 1 - 10**4000]
)
scalars: st.SearchStrategy[Value] = (
    st.none() | st.booleans() | ints | st.floats(allow_nan=False, allow_infinity=False) | texts
)
values: st.SearchStrategy[Value] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(texts, inner, max_size=3)
        | st.builds(Extension, st.sampled_from(["unknown_here", "other_1"]), inner)
    ),
    max_leaves=6,
)
entries = st.dictionaries(texts, values, max_size=3)
named = st.dictionaries(names, values, max_size=3)
"""Vars: an attribute has a name."""
times = st.datetimes(timezones=st.just(UTC))
spans = st.timedeltas(timedelta(), timedelta(days=10_000))
steps: st.SearchStrategy[str | int] = texts | int64s
paths: st.SearchStrategy[Path] = st.builds(lambda var, rest: (var, *rest), names, st.lists(steps, max_size=3))

changes: st.SearchStrategy[Change] = (
    st.builds(Set, paths, values)
    | st.builds(Set, st.tuples(names), scalars)
    | st.builds(Remove, paths)
    | st.builds(Splice, paths, int64s, int64s, st.lists(values, max_size=3))
)
many_changes = st.lists(changes, max_size=4).map(tuple)

failures = st.builds(
    records.Failure,
    reason=st.sampled_from(records.FailureReason),
    message=names,
    type=texts,
    traceback=texts,
    exit_code=int32s,
    signal=int32s,
)
app_statuses = st.builds(
    records.AppStatus,
    stage=st.sampled_from(records.AppStage),
    message=texts,
    failure=st.none() | failures,
)
recipes = st.builds(records.Recipe, type=texts, args=st.lists(values, max_size=2).map(tuple), kwargs=entries)
components = st.builds(
    records.ComponentRecord,
    name=names,
    kind=st.sampled_from(records.ComponentKind),
    type=texts,
    vars=named,
    recipe=st.none() | recipes,
)
deltas = st.builds(
    records.Delta,
    component=names,
    attached=st.none() | components,
    changes=many_changes,
    detached=st.booleans(),
)
runs = st.builds(
    records.Run,
    run_id=ids,
    work=texts,
    call_key=ids,
    args=st.lists(values, max_size=2).map(tuple),
    kwargs=entries,
    status=st.sampled_from(records.RunStatus),
    attempt=int32s,
    failure=st.none() | failures,
    requested_at=st.none() | times,
    started_at=st.none() | times,
    ended_at=st.none() | times,
    agent_id=texts,
    pending_reason=texts,
)
run_records = st.builds(
    records.RunRecord,
    run=runs,
    ordinal=int64s,
    begin_vars=named,
    applied_seq=int64s,
    consumed=st.booleans(),
    failure_met=st.booleans(),
    boot_id=texts,
    timeouts=int64s,
    forgotten=st.builds(records.Tally, int64s, int64s, int64s),
    flow_changes=st.dictionaries(ids, int64s, max_size=3),
    cancel_grace=st.none() | st.timedeltas(timedelta(), timedelta(seconds=60)),
)
revisions = st.builds(
    records.Revision,
    number=st.integers(1, 2**63 - 1),
    time=times,
    deltas=st.lists(deltas, max_size=2).map(tuple),
    runs=st.lists(runs, max_size=2).map(tuple),
    forgotten_runs=st.lists(ids, max_size=2).map(tuple),
    app=st.none() | app_statuses,
)

held_attempts = st.builds(messages.HeldAttempt, run_id=ids, attempt=int32s, last_seq=int64s)
held_verdicts = st.builds(
    messages.HeldVerdict,
    run_id=ids,
    attempt=int32s,
    verdict=st.sampled_from(messages.Verdict),
    applied_seq=int64s,
)
log_records = st.builds(
    messages.LogRecord,
    time=times,
    message=texts,
    level=st.sampled_from([10, 20, 30, 40, 50]),
    component=texts,
    run_id=texts,
    logger=texts,
    source=st.sampled_from(messages.LogSource),
)
beats = st.builds(messages.Beat, number=int64s)
work_deltas = st.builds(
    messages.WorkDelta, run_id=ids, attempt=int32s, seq=int64s, changes=many_changes, base=int64s
)
finished = st.builds(messages.Finished, run_id=ids, attempt=int32s, seq=int64s, failure=st.none() | failures)
log_batches = st.builds(
    messages.LogBatch, records=st.lists(log_records, max_size=2).map(tuple), dropped=int64s
)
start_runs = st.builds(
    messages.StartRun,
    run_id=ids,
    attempt=int32s,
    work=names,
    recipe=st.none() | recipes,
    vars=named,
    vars_number=int64s,
    args=st.lists(values, max_size=2).map(tuple),
    kwargs=entries,
    orphan_grace=spans,
    requirements=st.lists(texts, max_size=2).map(tuple),
    prepare=st.booleans(),
    recipe_component=texts,
)
cancel_attempts = st.builds(messages.CancelAttempt, run_id=ids, attempt=int32s, grace=spans)
vars_changed = st.builds(messages.VarsChanged, work=texts, number=int64s, changes=many_changes)
acks = st.builds(messages.Ack, run_id=texts, attempt=int32s, seq=int64s)
nacks = st.builds(
    messages.Nack,
    run_id=ids,
    attempt=int32s,
    seq=int64s,
    reason=st.sampled_from(messages.NackReason),
    var=texts,
    message=texts,
)
resources = st.builds(
    Resources,
    cpu_millis=st.integers(0, 2**62),
    memory_bytes=st.integers(0, 2**62),
    gpus=st.integers(0, 2**31 - 1),
)
labels = st.dictionaries(texts, texts, max_size=2)
servings = st.builds(messages.Serving, work=texts, port=int32s, url=texts)
AGENT_KINDS: dict[type, st.SearchStrategy[Any]] = {
    messages.Hello: st.builds(
        messages.Hello,
        agent_id=texts,
        boot_id=texts,
        works=st.lists(texts, max_size=2).map(tuple),
        host=texts,
        pid=int64s,
        held=st.lists(held_attempts, max_size=2).map(tuple),
        version=texts,
        capacity=int32s,
        resources=resources,
        labels=labels,
        internal_ip=texts,
        public_ip=texts,
    ),
    messages.Beat: beats,
    messages.Accepted: st.builds(messages.Accepted, run_id=texts, attempt=int32s),
    messages.Rejected: st.builds(messages.Rejected, run_id=texts, attempt=int32s, failure=failures),
    messages.WorkDelta: work_deltas,
    messages.Finished: finished,
    messages.LogBatch: log_batches,
    messages.Bye: st.builds(messages.Bye, message=texts),
    messages.Serving: servings,
    messages.Draining: st.just(messages.Draining()),
}
FLOW_KINDS: dict[type, st.SearchStrategy[Any]] = {
    messages.Welcome: st.builds(
        messages.Welcome,
        journal_id=texts,
        storage_url=texts,
        lease=spans,
        beat_interval=spans,
        epoch=int64s,
        verdicts=st.lists(held_verdicts, max_size=2).map(tuple),
    ),
    messages.Beat: beats,
    messages.StartRun: start_runs,
    messages.Ack: acks,
    messages.Nack: nacks,
    messages.CancelAttempt: cancel_attempts,
    messages.Fence: st.builds(messages.Fence, run_id=texts, attempt=int32s),
    messages.VarsChanged: vars_changed,
    messages.StopRunner: st.builds(messages.StopRunner, work=texts, grace=spans),
    messages.Drain: st.builds(messages.Drain, grace=st.none() | spans),
}
runner_requests: st.SearchStrategy[messages.RunnerRequest] = (
    start_runs | cancel_attempts | vars_changed | acks | nacks | st.builds(messages.EndRunner)
)
runner_responses: st.SearchStrategy[messages.RunnerResponse] = work_deltas | finished | log_batches | servings

command_outcomes = st.builds(
    answers.CommandOutcome, result=values, revision=int64s, replayed=st.booleans()
) | st.builds(answers.CommandOutcome, failure=failures, revision=int64s, replayed=st.booleans())
update_outcomes = st.builds(answers.UpdateOutcome, revision=int64s, replayed=st.booleans())
stored_answers = st.builds(
    StoredAnswer,
    request_id=texts,
    digest=st.binary(max_size=32),
    answer=command_outcomes | update_outcomes,
)
snapshots = st.builds(
    answers.StateSnapshot,
    journal_id=texts,
    revision=int64s,
    components=st.lists(components, max_size=2).map(tuple),
    runs=st.lists(runs, max_size=2).map(tuple),
    app=st.none() | app_statuses,
    first=st.booleans(),
    last=st.booleans(),
    reason=st.none() | st.sampled_from(answers.SnapshotReason),
    state_hash=texts,
)
watch_updates: st.SearchStrategy[answers.WatchUpdate] = (
    snapshots
    | revisions
    | st.builds(answers.Bookmark, journal_id=texts, revision=int64s, state_hash=texts)
    | st.builds(
        answers.WatchEnd,
        revision=int64s,
        message=texts,
        app=st.none() | app_statuses,
        reason=st.none() | st.sampled_from(answers.WatchEndReason),
    )
)
app_infos = st.builds(
    answers.AppInfo,
    name=texts,
    journal_id=texts,
    life=int64s,
    revision=int64s,
    status=app_statuses,
    root_type=texts,
    started_at=times,
    version=texts,
    pid=int64s,
    ready=st.booleans(),
    unready=st.lists(names, max_size=2).map(tuple),
    http_address=texts,
    read_only=texts,
    state_hash=texts,
    refused=st.dictionaries(texts, int64s, max_size=2),
)
parameters = st.builds(
    answers.ParameterInfo, name=texts, annotation=texts, required=st.just(True)
) | st.builds(answers.ParameterInfo, name=texts, annotation=texts, required=st.just(False), default=values)
client_parts = st.builds(
    answers.ClientPartInfo,
    class_name=texts,
    help=texts,
    parameters=st.lists(parameters, max_size=2).map(tuple),
    source_sha256=texts,
)
command_sources = st.builds(
    answers.CommandSource, command=texts, class_name=texts, file_name=texts, source=st.binary(max_size=64)
)
commands = st.builds(
    answers.CommandInfo,
    name=texts,
    flow=texts,
    help=texts,
    parameters=st.lists(parameters, max_size=2).map(tuple),
    client_part=st.none() | client_parts,
)
works = st.builds(
    answers.WorkInfo,
    name=names,
    type=texts,
    stage=st.sampled_from(answers.WorkStage),
    parallel=st.booleans(),
    cache_calls=st.booleans(),
    raise_exception=st.booleans(),
    latest_run=st.none() | runs,
    succeeded_count=int64s,
    failed_count=int64s,
    timed_out_count=int64s,
    pending_reason=texts,
    display_name=texts,
    url=texts,
    internal_ip=texts,
    public_ip=texts,
)
agents = st.builds(
    answers.AgentInfo,
    agent_id=names,
    host=texts,
    pid=int64s,
    version=texts,
    works=st.lists(texts, max_size=2).map(tuple),
    capacity=int32s,
    attempt_count=int32s,
    resources=resources,
    taken=resources,
    labels=labels,
)

page_sizes = st.integers(1, 1000)
call_commands = st.builds(requests.CallCommand, command=texts, arguments=entries, request_id=texts)
update_states = st.builds(
    requests.UpdateState,
    component=names,
    changes=many_changes,
    expected_revision=st.none() | int64s,
    request_id=texts,
)
watch_states = st.builds(
    requests.WatchState,
    component=names,
    after_revision=st.none() | int64s,
    journal_id=names,
)
get_states = st.builds(requests.GetState, component=names, exclude_children=st.booleans())
stop_apps = st.builds(requests.StopApp, message=texts)
list_pages = st.builds(requests.ListPage, page_size=page_sizes, page_token=texts)
list_runs = st.builds(
    requests.ListRuns,
    work=texts,
    statuses=st.frozensets(st.sampled_from(records.RunStatus)),
    page_size=page_sizes,
    page_token=texts,
)
drain_agents = st.builds(
    requests.DrainAgent, agent_id=ids, grace=st.none() | st.timedeltas(timedelta(), timedelta(days=1))
)
cancel_runs = st.builds(
    requests.CancelRun, run_id=texts, grace=st.timedeltas(timedelta(), timedelta(seconds=60))
)
stream_logs = st.builds(
    requests.StreamLogs,
    component=texts,
    minimum_level=st.sampled_from([0, 10, 20, 30, 40, 50]),
    tail=st.integers(1, 2**31 - 1),
    follow=st.booleans(),
)


def deep(depth: int) -> Value:
    """Nests dicts to a depth."""
    value: Value = 1
    for _ in range(depth):
        value = {"k": value}
    return value


def moment() -> datetime:
    """Gives an instant with microseconds."""
    return datetime(2025, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
