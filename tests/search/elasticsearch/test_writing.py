"""Writing to a real Elasticsearch: idempotent, whole, generation after generation."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from email_audit.errors import RunError, UserError
from email_audit.search.elasticsearch.ownership import claim
from email_audit.search.interface import CaseIdentity, HitDocument, IndexChange, Refusal
from tests.elasticsearch_node.node import ask
from tests.search.conformance import document, identifier
from tests.search.elasticsearch.writers import (
    hits,
    ids,
    indices,
    versions,
    visible,
    writer,
)


def test_writing_twice_changes_nothing(elasticsearch_url: str, elasticsearch_alias: str) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    assert writer(url, alias).synchronise(hits(range(30))) == IndexChange(30, 0, 0)
    assert indices(url, alias) == {f"{alias}-000001-1": True}
    assert writer(url, alias).synchronise(hits(range(30))) == IndexChange(0, 0, 30)
    assert versions(url, alias) == dict.fromkeys(ids(range(30)), 1)


def test_only_what_changed_is_written_and_what_is_no_hit_goes(
    elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    writer(url, alias).synchronise(hits(range(10)))
    changed = [*hits(range(5)), document(5, subject="retracted"), *hits(range(20, 22))]
    assert writer(url, alias).synchronise(changed) == IndexChange(3, 4, 5)
    assert visible(url, alias).keys() == ids([0, 1, 2, 3, 4, 5, 20, 21])
    assert visible(url, alias)[identifier(5)]["subject"] == "retracted"
    assert writer(url, alias).synchronise([]) == IndexChange(0, 8, 0)
    assert visible(url, alias) == {}


def test_what_somebody_put_there_by_hand_goes_too(
    elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    writer(url, alias).synchronise(hits(range(3)))
    ask(url, f"{alias}/_doc/a%22b?refresh=true", method="PUT", body={"subject": "x"})
    assert writer(url, alias).synchronise(hits(range(3))) == IndexChange(0, 1, 3)
    assert visible(url, alias).keys() == ids(range(3))


def test_a_lone_surrogate_is_written_and_stays_unchanged(
    elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    odd = [document(1, subject="Ana Ruíz \udcff \U0001f600")]
    assert writer(elasticsearch_url, elasticsearch_alias).synchronise(odd).refused == ()
    again = writer(elasticsearch_url, elasticsearch_alias).synchronise(odd)
    assert again == IndexChange(0, 0, 1)


def test_a_document_given_twice_is_a_mistake_of_the_caller(
    elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    with pytest.raises(ValueError, match=f"{identifier(3)} was given twice"):
        writer(elasticsearch_url, elasticsearch_alias).synchronise([*hits([3, 4]), *hits([3])])


def test_a_refused_document_is_told_and_costs_no_other(
    elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    writer(url, alias).synchronise(hits([7]))
    wrong = [document(number, mih="strange", subject="hush") for number in (6, 7)]
    change = writer(url, alias).synchronise([*hits(range(6)), *wrong])
    reason = "strict_dynamic_mapping_exception in field rank"
    assert change == IndexChange(
        6, 0, 0, (Refusal(identifier(6), reason), Refusal(identifier(7), reason))
    )
    assert visible(url, alias).keys() == ids([0, 1, 2, 3, 4, 5, 7])
    assert visible(url, alias)[identifier(7)]["subject"] == "detainer 7"


def test_a_search_sees_a_write_whole_or_not_at_all(
    elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    writer(url, alias).synchronise(hits(range(5)))

    def observed() -> Iterator[HitDocument]:
        for thousand in range(1, 6):  # each is a request
            yield from hits(range(thousand * 1000, thousand * 1000 + 1000))
            assert visible(url, alias).keys() == ids(range(5))

    writer(url, alias).synchronise(observed())
    assert ask(url, f"{alias}/_count")["count"] == 5000


def test_a_new_generation_is_built_beside_and_takes_over_without_a_gap(
    elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    writer(url, alias).synchronise(hits(range(20)))
    seen: list[int] = []
    stopped = threading.Event()

    def search() -> None:
        while not stopped.is_set():
            answer = ask(url, f"{alias}/_search?size=0&track_total_hits=true")
            assert answer["_shards"]["failed"] == 0
            seen.append(answer["hits"]["total"]["value"])

    searcher = threading.Thread(target=search)
    searcher.start()
    try:
        change = writer(url, alias, generation="2").synchronise(hits(range(25)))
    finally:
        stopped.set()
        searcher.join()
    assert change == IndexChange(25, 0, 0)
    assert indices(url, alias) == {f"{alias}-000002-2": True}
    assert set(seen) <= {20, 25}
    assert seen == sorted(seen)


def test_a_rebuild_writes_all_anew(elasticsearch_url: str, elasticsearch_alias: str) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    writer(url, alias).synchronise(hits(range(4)))
    assert writer(url, alias).rebuild(hits(range(4))) == IndexChange(4, 0, 0)
    assert indices(url, alias) == {f"{alias}-000002-1": True}


def test_a_rebuild_that_broke_off_is_gone_on_with(
    elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    writer(url, alias).synchronise(hits(range(3)))

    def broken() -> Iterator[HitDocument]:
        yield from hits(range(3000))
        raise RunError("the evidence is away")

    with pytest.raises(RunError, match="the evidence is away"):
        writer(url, alias).rebuild(broken())
    assert indices(url, alias) == {f"{alias}-000001-1": True, f"{alias}-000002-1": False}
    assert visible(url, alias).keys() == ids(range(3))
    change = writer(url, alias).rebuild(hits(range(2500)))
    assert change.written + change.unchanged == 2500
    assert change.unchanged >= 2000  # all requests but the last had been sent
    assert indices(url, alias) == {f"{alias}-000002-1": True}
    assert ask(url, f"{alias}/_count")["count"] == 2500


def test_what_a_broken_run_wrote_wrongly_is_corrected_by_the_next(
    elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    writer(url, alias).synchronise(hits(range(1001)))

    def wrong() -> Iterator[HitDocument]:
        yield from hits(range(1001), subject="wrong")  # the first thousand are a request
        yield document(5000, subject="wrong")
        raise RunError("the evidence is away")

    with pytest.raises(RunError, match="the evidence is away"):
        writer(url, alias).synchronise(wrong())
    assert {hit["subject"] for hit in visible(url, alias).values()} == {
        f"detainer {number}" for number in range(1001)
    }
    assert writer(url, alias).synchronise(hits(range(1001))) == IndexChange(1000, 0, 1)
    assert {one: hit["subject"] for one, hit in visible(url, alias).items()} == {
        identifier(number): f"detainer {number}" for number in range(1001)
    }


def test_removal_reaches_every_generation(elasticsearch_url: str, elasticsearch_alias: str) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    writer(url, alias).synchronise(hits(range(3)))
    other = f"{alias}-000002-2"
    ask(url, other, method="PUT")
    ask(url, f"{other}/_doc/{identifier(1)}", method="PUT", body={"subject": "detainer"})
    assert writer(url, alias).remove([identifier(1), identifier(9)]) == 1
    assert visible(url, alias).keys() == ids([0, 2])
    assert visible(url, other) == {}


def test_the_status_says_what_there_is(elasticsearch_url: str, elasticsearch_alias: str) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    nothing = writer(url, alias).status()
    assert (nothing.documents, nothing.is_current, nothing.notes) == (None, False, ())
    writer(url, alias).synchronise(hits(range(3)))
    status = writer(url, alias).status()
    assert (status.place, status.documents, status.is_current) == (f"{url} {alias}", 3, True)
    assert status.notes == (f"{alias}-000001-1: in use",)
    old = writer(url, alias, generation="2").status()
    assert not old.is_current
    assert "the next `index` builds it anew" in old.notes[0]


def test_a_name_that_is_taken_is_refused(elasticsearch_url: str, elasticsearch_alias: str) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    theirs = f"{alias}-theirs"
    ask(url, theirs, method="PUT", body={"aliases": {alias: {}}})
    with pytest.raises(UserError, match=f"{alias} is an alias of index {theirs}.*another"):
        writer(url, alias).synchronise(hits([1]))


def test_a_second_writer_is_refused_and_nothing_is_written_twice(
    elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias

    def watched() -> Iterator[HitDocument]:
        yield from hits([1])
        with pytest.raises(RunError, match="is being written by another run .process"):
            writer(url, alias).synchronise(hits([2]))
        yield from hits([3])

    assert writer(url, alias).synchronise(watched()).written == 2
    assert visible(url, alias).keys() == ids([1, 3])
    assert writer(url, alias).status().notes == (f"{alias}-000001-1: in use",)


def test_the_lock_of_a_holder_that_shows_no_life_is_taken_over(
    elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    gone = {
        "token": "t",
        "pid": 1,
        "host": "elsewhere",
        "since": "2026-01-01",
        "place": "elsewhere",
        "started": "1",
    }
    ask(url, f"{alias}-lock/_create/writer", method="PUT", body=gone)
    assert "process 1 on elsewhere" in writer(url, alias).status().notes[0]
    assert writer(url, alias).synchronise(hits([1])).written == 1


def test_a_writer_whose_lock_was_taken_over_stops(
    elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias

    def robbed() -> Iterator[HitDocument]:
        yield from hits(range(1000))
        path = f"{alias}-lock/_doc/writer"
        ask(url, path, method="PUT", body={**ask(url, path)["_source"], "token": "another"})
        lock_seen = threading.Event()
        for hit in hits(range(1000, 10**9)):  # until the thread that renews has noticed
            lock_seen.wait(0.0005)
            yield hit

    with pytest.raises(RunError, match="was taken over by another run"):
        writer(url, alias).synchronise(robbed())


def test_another_audit_is_refused_and_the_first_ones_hits_stay(
    elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    writer(url, alias).synchronise(hits([1]))
    other = writer(url, alias, identity="case-2")
    for act in (
        other.check,
        lambda: other.synchronise(hits([2])),
        lambda: other.rebuild(hits([2])),
        lambda: other.remove(list(ids([1]))),
    ):
        with pytest.raises(UserError, match=rf"behind {alias} holds the hits of another.*case-1"):
            act()
    assert visible(url, alias).keys() == ids([1])
    assert writer(url, alias).status().notes == (f"{alias}-000001-1: in use",)
    writer(url, alias).check()
    assert writer(url, alias).synchronise(hits([2])).written == 1


def test_another_audit_is_told_so_while_the_first_one_writes(
    elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias

    def watched() -> Iterator[HitDocument]:
        yield from hits([1])
        with pytest.raises(UserError, match="another audit"):
            writer(url, alias, identity="case-2").synchronise(hits([2]))

    assert writer(url, alias).synchronise(watched()).written == 1


def test_of_two_audits_that_claim_at_once_one_is_refused(
    elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias

    class Slow(Elasticsearch):
        """Asks whose the alias is, and is then suspended while another audit claims it."""

        def create(self, **request: Any) -> Any:
            claim(client, alias, CaseIdentity("case-2"))
            return super().create(**request)

    with Elasticsearch(url) as client, Slow(url) as slow:
        with pytest.raises(UserError, match="another audit .case-2"):
            claim(slow, alias, CaseIdentity("case-1"))
        claim(client, alias, CaseIdentity("case-2"))


def test_an_index_that_is_taken_over_is_the_other_audits_from_then_on(
    elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    first, second = writer(url, alias), writer(url, alias, identity="case-2")
    noted: list[str] = []
    assert first.take_over(noted.append) is None
    first.synchronise(hits([1]))
    assert first.take_over(noted.append) is None
    assert second.take_over(noted.append) == "case-1"
    assert noted == ["case-1"]
    assert visible(url, alias).keys() == ids([1])
    assert second.synchronise(hits([2])) == IndexChange(1, 1, 0)
    with pytest.raises(UserError, match="another audit"):
        first.synchronise(hits([1]))


def test_an_index_stays_the_other_audits_where_taking_it_over_cannot_be_noted(
    elasticsearch_url: str, elasticsearch_alias: str
) -> None:
    url, alias = elasticsearch_url, elasticsearch_alias
    writer(url, alias).synchronise(hits([1]))

    def full(_other: str) -> None:
        raise RunError("the disk is full")

    second = writer(url, alias, identity="case-2")
    with pytest.raises(RunError, match="disk is full"):
        second.take_over(full)
    with pytest.raises(UserError, match="another audit"):
        second.check()
