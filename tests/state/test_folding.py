"""Of all changes only what matters is kept, and replaying it gives the same."""

from __future__ import annotations

from flowrpc.state import Change, Folded, Remove, Set, Splice, Value, apply, untrack
from hypothesis import given
from hypothesis import strategies as st

from tests.state.owner_double import deterministic, keys


def fold(*changes: Change) -> list[Change]:
    folded = Folded()
    for change in changes:
        folded.add(change)
    return folded.changes()


def replay(vars: dict[str, Value], changes: list[Change]) -> list[tuple[str, str]]:
    result = {name: untrack(value) for name, value in vars.items()}
    for change in changes:
        apply(result, change)
    return [(name, repr(value)) for name, value in result.items()]


def test_the_last_set_of_a_var_stays() -> None:
    assert fold(Set(("a",), 1), Set(("b",), 2), Set(("a",), 3)) == [Set(("a",), 3), Set(("b",), 2)]


def test_a_set_of_the_var_drops_what_happened_inside() -> None:
    inside: list[Change] = [Set(("a", "k"), 1), Splice(("a", "l"), 0, 0, [1]), Remove(("a", "k"))]
    assert fold(*inside, Set(("a",), 3)) == [Set(("a",), 3)]


def test_a_nested_set_replaces_the_one_before_at_its_place() -> None:
    k, other = ("a", "k"), ("a", "j")
    assert fold(Set(k, 1), Set(other, 2), Set(k, 3)) == [Set(k, 3), Set(other, 2)]


def test_a_nested_set_stays_when_what_it_is_in_was_set() -> None:
    changes: list[Change] = [Set(("a", "k", "x"), 1), Set(("a", "k"), {}), Set(("a", "k", "x"), 1)]
    assert fold(*changes) == changes


def test_a_splice_keeps_the_sets_around_it_apart() -> None:
    changes: list[Change] = [Set(("a", 0), 1), Splice(("a",), 0, 0, [5]), Set(("a", 0), 2)]
    assert fold(*changes) == changes


def test_a_removed_var_is_defined_anew_at_the_end() -> None:
    changes: list[Change] = [Remove(("a",)), Set(("b",), 1), Set(("a",), 2)]
    assert fold(*changes) == [Set(("b",), 1), Remove(("a",)), Set(("a",), 2)]


def test_a_var_that_came_and_went_leaves_only_its_coming_and_going() -> None:
    assert fold(Set(("a",), "long"), Remove(("a",))) == [Set(("a",), None), Remove(("a",))]


def test_a_var_that_goes_again_and_again_does_not_grow() -> None:
    turn: list[Change] = [Set(("a",), 1), Set(("a", "k"), 1), Remove(("a",))]
    assert len(fold(*turn * 100)) == 2


def test_nested_sets_begin_anew_when_the_whole_var_is_set() -> None:
    again: list[Change] = [Set(("a", "k"), 3), Set(("a", "j"), 4), Set(("a", "k"), 5)]
    before: list[Change] = [Remove(("a",)), Set(("a",), 1), Set(("a", "j"), 1), Set(("a", "k"), 2)]
    assert fold(*before, Set(("a",), {}), *again) == [
        Remove(("a",)),
        Set(("a",), {}),
        Set(("a", "k"), 5),
        Set(("a", "j"), 4),
    ]


def test_it_is_counted_and_cleared() -> None:
    folded = Folded()
    assert not folded
    changes: list[Change] = [Set(("a",), 1), Set(("b", "k"), 1), Remove(("b", "k"))]
    for change in changes:
        folded.add(change)
    assert folded
    assert len(folded) == len(folded.changes()) == 3
    folded.clear()
    assert (len(folded), bool(folded), folded.changes()) == (0, False, [])


names = st.sampled_from(["a", "b", "c"])
start = st.dictionaries(names, st.just({"d": {"a": 1}, "l": [{}, 0]}), max_size=3)
whole = st.builds(Set, st.tuples(names), st.just({"d": {}, "l": [{}, 1]})) | st.builds(
    Remove, st.tuples(names)
)
nested = (
    st.builds(Set, st.tuples(names, st.just("d"), keys), st.integers(0, 99))
    | st.builds(Remove, st.tuples(names, st.just("d"), keys))
    | st.builds(Set, st.tuples(names, st.just("d")), st.just({}))
    | st.builds(Set, st.tuples(names, st.just("l"), st.integers(0, 1)), st.just({}) | st.integers(0, 99))
    | st.builds(Set, st.tuples(names, st.just("l"), st.integers(0, 1), keys), st.integers(0, 99))
    | st.builds(Splice, st.tuples(names, st.just("l")), st.integers(0, 1), st.integers(0, 1), st.just([{}]))
)


@deterministic
@given(start, st.lists(whole | nested, max_size=25))
def test_replaying_what_is_left_gives_the_same_vars_in_the_same_order(
    vars: dict[str, Value], tries: list[Change]
) -> None:
    now = {name: untrack(value) for name, value in vars.items()}
    happened: list[Change] = []
    for change in tries:
        try:
            apply(now, change)
        except Exception:  # noqa: BLE001  # what does not fit did not happen
            continue
        happened.append(change)
    left = fold(*happened)
    assert replay(vars, left) == replay(vars, happened)
    assert len(left) <= len(happened)
