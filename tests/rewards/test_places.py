"""Lending of places: never more than there are, each thing to one borrower, and a place comes back whatever happens."""

import threading

import pytest

from rewards.places import Places


def test_what_waits_is_lent_first_and_comes_back():
    places = Places(2)
    with places.lend(2) as lent:
        assert lent == [None, None]
        lent[0] = "a"
    assert places.idle == ["a"]
    with places.lend(2) as lent:
        assert lent == ["a", None]
        lent[0] = None  # the borrower has ended it
    assert places.take_idle() == []
    with places.lend(5) as lent:
        assert lent == [None, None]


def test_nothing_wanted_takes_one_place():
    places = Places(1)
    with places.lend(0) as lent:
        assert lent == [None]
        lent[0] = "a"
    with places.lend(0) as lent:
        assert lent == ["a"]


def test_what_is_not_kept_frees_its_place():
    places = Places(1)
    with places.lend(1, lambda thing: thing != "dead") as lent:
        lent[0] = "dead"
    with places.lend(1) as lent:
        assert lent == [None]


def test_a_borrower_that_breaks_gives_its_places_back():
    places = Places(1)

    def break_off():
        with places.lend(1) as lent:
            lent[0] = "a"
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    assert places.take_idle() == ["a"]
    with places.lend(1) as lent:
        assert lent == [None]


def test_many_threads_never_hold_more_than_there_are():
    places, held, most, lock = Places(3), set(), [], threading.Lock()

    def work(wanted):
        for _ in range(50):
            with places.lend(wanted) as lent:
                for at, thing in enumerate(lent):
                    lent[at] = thing if thing is not None else object()
                with lock:
                    assert not held & set(lent)
                    held.update(lent)
                    most.append(len(held))
                with lock:
                    held.difference_update(lent)

    threads = [threading.Thread(target=work, args=(number % 3 + 1,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) <= 3
    assert len(most) == 400
    assert len(places.take_idle()) <= 3
