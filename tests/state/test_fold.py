"""Changes applied to plain vars and to live ones."""

from __future__ import annotations

from typing import Any

import pytest
from flowrpc.errors import InvalidChangeError, InvalidValueError
from flowrpc.state import (
    Change,
    ChangeLog,
    Remove,
    Set,
    Splice,
    Value,
    apply,
    apply_tracked,
    untrack,
    vars_hash,
)

from tests.state.owner_double import OwnerDouble


def start() -> dict[str, Any]:
    return {"n": 1, "l": [1, {"k": [2]}], "d": {"a": 1, "b": {}}}


FITTING: list[tuple[Change, tuple[str, ...], Value]] = [
    (Set(("n",), [1]), ("n", "l", "d"), [1]),
    (Set(("l", 0), {"x": 1}), ("n", "l", "d"), [{"x": 1}, {"k": [2]}]),
    (Set(("l", 1, "k"), 0), ("n", "l", "d"), [1, {"k": 0}]),
    (Set(("d", "c"), []), ("n", "l", "d"), {"a": 1, "b": {}, "c": []}),
    (Remove(("d", "a")), ("n", "l", "d"), {"b": {}}),
    (Splice(("l",), 1, 1, [5, 6]), ("n", "l", "d"), [1, 5, 6]),
    (Splice(("l", 1, "k"), 1, 0, [[3]]), ("n", "l", "d"), [1, {"k": [2, [3]]}]),
    (Remove(("n",)), ("l", "d"), None),
]


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize(("change", "names", "value"), FITTING)
def test_a_change_that_fits_is_applied(
    change: Change, names: tuple[str, ...], value: Value, live: bool
) -> None:
    if live:
        owner = OwnerDouble(ChangeLog(undoable=True), **start())
        apply_tracked(owner, change)
        assert owner.changes() == [change]
        vars = owner.plain()
    else:
        vars = start()
        apply(vars, change)
    assert tuple(vars) == names
    assert vars.get(str(change.path[0])) == value


def test_a_set_defines_a_missing_var_at_the_end() -> None:
    vars = start()
    apply(vars, Set(("a",), 1))
    assert list(vars) == ["n", "l", "d", "a"]


def test_later_changes_leave_what_an_earlier_one_holds() -> None:
    first, vars = Set(("a",), [[]]), start()
    apply(vars, first)
    apply(vars, Splice(("a", 0), 0, 0, [1]))
    assert first.value == [[]]
    assert vars["a"] == [[1]]


MISFITS: list[tuple[Any, str]] = [
    (Remove(("z",)), "z: there is no such"),
    (Set(("z", "k"), 1), "z: there is no such"),
    (Set(("n", "k"), 1), 'n["k"]: there is no list or dict around it'),
    (Set(("l", 2), 1), "l[2]: there is no such place"),
    (Set(("l", -1), 1), "l[-1]: there is no such place"),
    (Set(("l", "a"), 1), 'l["a"]: there is no such place'),
    (Set(("l", True), 1), "l[true]: there is no such place"),
    (Set(("d", 1), 1), "d[1]: the key of a dict is a text"),
    (Set(("d", "x", "y"), 1), 'd["x"]: there is no such place'),
    (Remove(("d", "x")), 'd["x"]: there is no such place'),
    (Remove(("l", 0)), "l[0]: items of a list are removed by a splice"),
    (Splice(("d",), 0, 0, []), "d: only a list can be spliced"),
    (Splice(("z",), 0, 0, []), "z: there is no such"),
    (Splice(("l",), 2, 1, []), "l: there are no 1 items at 2 in a list of 2"),
    (Splice(("l",), -1, 1, []), "l: there are no 1 items at -1"),
    (Splice(("l",), 1, -1, []), "l: there are no -1 items at 1"),
    (Set((), 1), ": a path begins with the name of a var"),
    (Remove((1, "a")), '1["a"]: a path begins with the name of a var'),
]


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize(("change", "text"), MISFITS)
def test_a_change_that_does_not_fit_is_refused_whole(change: Change, text: str, live: bool) -> None:
    vars, owner = start(), OwnerDouble(ChangeLog(), **start())
    with pytest.raises(InvalidChangeError) as caught:
        apply_tracked(owner, change) if live else apply(vars, change)
    assert str(caught.value).startswith(text)
    assert vars == owner.plain() == start()


def test_a_live_var_takes_no_value_that_cannot_be_state() -> None:
    owner = OwnerDouble(ChangeLog(), **start())
    bad: Any = float("nan")
    with pytest.raises(InvalidValueError, match=r"root\.l\[1\]\['k'\]\[0\]: nan is no number"):
        apply_tracked(owner, Set(("l", 1, "k", 0), bad))


def test_only_vars_are_changed_not_other_attributes() -> None:
    owner = OwnerDouble(ChangeLog(), **start())
    with pytest.raises(InvalidChangeError, match="_var_names: there is no such var"):
        apply_tracked(owner, Remove(("_var_names", "n")))


def test_the_hash_is_of_the_state_and_not_of_how_it_is_held() -> None:
    owner = OwnerDouble(None, **start())
    live = {name: owner.__dict__[name] for name in owner._var_names}
    expected = vars_hash([("root", start()), ("root.a", {})])
    assert vars_hash([("root.a", {}), ("root", live)]) == expected
    assert expected == "bae18ace1d8fd1a242957fa33e6c0975b88dd3e46450152cc2a14026fe58e164"


def test_the_hash_tells_states_apart() -> None:
    turned: dict[str, Value] = dict(reversed(start().items()))
    others: list[list[tuple[str, dict[str, Value]]]] = [
        [],
        [("root", {})],
        [("root", start())],
        [("root", turned)],
        [("root.a", start())],
        [("root", {**start(), "n": 1.0})],
        [("root", start()), ("root.a", {})],
    ]
    assert len({vars_hash(components) for components in others}) == len(others)
    assert untrack(turned) == start()
