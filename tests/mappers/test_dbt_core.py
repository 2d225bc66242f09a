"""dbt Core artifacts: which thread and member a result touches, what it may recover, and what it must not believe."""

import json
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappers.contract import Category, Draft, Headers, Inbound, Level, Mapped, Phase, State, Unmapped
from mappers.dbt_core import SOURCE

FIXTURES = Path(__file__).parents[1] / "fixtures" / "dbt_core"
RECEIVED = datetime(2026, 11, 22, 1, tzinfo=UTC)


def body(case: str) -> str:
    return str(json.loads((FIXTURES / f"{case}.request.json").read_text())["body"])


def inbound(raw: Any, documents: dict[str, str] | None = None, **given: Any) -> Inbound:
    text = raw if isinstance(raw, str) else json.dumps(raw)
    kept = {name: known.encode() for name, known in (documents or {}).items()}
    return Inbound(body=text.encode(), received_at=RECEIVED, settings=SOURCE.read_settings(given), documents=kept)


def mapped(raw: Any, documents: dict[str, str] | None = None, **given: Any) -> Mapped:
    return SOURCE.map(inbound(raw, documents, **given))


def results(*rows: tuple[str, str], which: str | None = "build", invocation: str = "one", **args: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json",
            "generated_at": "2026-11-22T00:30:00Z",
            "invocation_id": invocation,
        },
        "results": [{"unique_id": unique_id, "status": status, "message": None} for unique_id, status in rows],
        "args": {"which": which, **args} if which else {},
    }


def manifest(*unique_ids: str, at: str = "2026-11-22T00:00:00Z", **sections: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
            "generated_at": at,
            "invocation_id": f"manifest-{at}",
            "project_name": "shop",
        },
        "nodes": {unique_id: {"unique_id": unique_id} for unique_id in unique_ids},
        **sections,
    }


def catalog(tables: dict[str, dict[str, str]], at: str = "2026-11-22T00:00:00Z") -> dict[str, Any]:
    return {
        "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json", "generated_at": at, "invocation_id": at},
        "nodes": {
            unique_id: {"columns": {column: {"name": column, "type": kind} for column, kind in columns.items()}}
            for unique_id, columns in tables.items()
        },
        "sources": {},
        "errors": None,
    }


def firing(drafts: Iterable[Draft]) -> list[Draft]:
    return [draft for draft in drafts if draft.state is State.FIRING]


def identity(draft: Draft) -> tuple[str, str, str | None]:
    return draft.slug, json.dumps(draft.event_data, sort_keys=True), draft.environment


def members(drafts: Iterable[Draft]) -> set[str]:
    return {draft.member.key for draft in drafts if draft.member}


# --- threads and members ---------------------------------------------------------------------------------------


@pytest.mark.req("R10")
def test_forty_failing_tests_are_one_thread_with_forty_members():
    failing = [(f"test.shop.not_null_t{number}.{number:010x}", "fail") for number in range(40)]
    drafts = mapped(results(*failing)).drafts
    assert len({identity(draft) for draft in drafts}) == 1
    assert len({draft.title for draft in drafts}) == 1
    assert members(drafts) == {unique_id for unique_id, _ in failing}
    assert {draft.category for draft in drafts} == {Category.DBT_TEST_FAILURE}


@pytest.mark.req("R10")
def test_fixing_most_of_them_resolves_exactly_those():
    names = [f"test.shop.not_null_t{number}.{number:010x}" for number in range(40)]
    before = mapped(results(*((name, "fail") for name in names))).drafts
    after = mapped(results(*((name, "pass" if number else "fail") for number, name in enumerate(names)), invocation="two")).drafts
    assert {identity(draft) for draft in before} == {identity(draft) for draft in after}
    assert members(after) - members(firing(after)) == set(names[1:])
    assert {draft.title for draft in before} == {draft.title for draft in after}


@pytest.mark.req("R10")
@pytest.mark.parametrize(
    ("unique_id", "status", "category", "level"),
    [
        ("model.shop.orders", "error", Category.JOB_FAILURE, Level.ERROR),
        ("seed.shop.countries", "error", Category.JOB_FAILURE, Level.ERROR),
        ("snapshot.shop.history", "error", Category.JOB_FAILURE, Level.ERROR),
        ("operation.shop.shop-on-run-end-0", "error", Category.JOB_FAILURE, Level.ERROR),
        ("model.shop.events", "partial success", Category.JOB_FAILURE, Level.ERROR),
        ("test.shop.unique.abc", "fail", Category.DBT_TEST_FAILURE, Level.ERROR),
        ("test.shop.unique.abc", "error", Category.DBT_TEST_FAILURE, Level.ERROR),
        ("test.shop.unique.abc", "warn", Category.DBT_TEST_FAILURE, Level.WARNING),
        ("unit_test.shop.orders.ut", "fail", Category.DBT_TEST_FAILURE, Level.ERROR),
    ],
)
def test_a_status_has_its_category_and_level(unique_id: str, status: str, category: Category, level: Level):
    (draft,) = mapped(results((unique_id, status))).drafts
    assert (draft.category, draft.level, draft.state) == (category, level, State.FIRING)


@pytest.mark.req("R10")
@pytest.mark.parametrize("case", ["build-v4", "build-v6"])
def test_dbt_1_4_and_1_11_say_the_same_of_the_same_project(case: str):
    drafts = mapped(body(case)).drafts
    assert {draft.member.label for draft in firing(drafts) if draft.member} == {
        "from_source",
        "broken_model",
        "assert_broken_sql",
        "assert_positive_amount",
        "accepted_values_stg_orders_status__placed__shipped__returned",
        "not_null_stg_orders_customer_id",
        "unique_stg_orders_id",
    }


@pytest.mark.req("R10", "R11")
@pytest.mark.parametrize(
    ("case", "title", "member", "impact"),
    [
        ("hook-before-the-run-failed", "dbt hooks failing in shop", "shop.on-run-start.0", ("shop.on-run-start.1 (hook)",)),
        ("log-hook-before-the-run-failed", "dbt hooks failing in shop", "shop.on-run-start.0", ("shop.on-run-start.1 (hook)",)),
        ("hook-after-the-run-failed", "dbt hooks failing in shop", "shop.on-run-end.1", ("shop.on-run-end.2 (hook)",)),
        (
            "hook-before-the-run-skips-everything", "dbt hooks failing in shop", "shop.on-run-start.0",
            ("shop.on-run-start.1 (hook)", "orders", "daily"),
        ),
        ("operation-failed", "dbt operations failing in shop", "grant_select", ()),
    ],
)  # fmt: skip
def test_hooks_and_operations_are_no_models(case: str, title: str, member: str, impact: tuple[str, ...]):
    (failing,) = firing(mapped(body(case)).drafts)
    assert (failing.title, failing.member and failing.member.label, failing.impact) == (title, member, impact)
    recovering = mapped(body("operation-recovers" if case.startswith("operation") else "hooks-recover")).drafts
    assert identity(failing) in {identity(draft) for draft in recovering if draft.state is State.RESOLVED}


@pytest.mark.req("R11")
def test_what_is_skipped_is_blamed_on_what_came_before_it():
    start, model, end = "operation.shop.shop-on-run-start-0", "model.shop.orders", "operation.shop.shop-on-run-end-0"
    skipped = [("model.shop.daily", "skipped"), ("operation.shop.shop-on-run-end-1", "skipped")]
    drafts = mapped(results((start, "success"), (model, "error"), (end, "error"), *skipped)).drafts
    held_back = {draft.member.key: draft.impact for draft in firing(drafts) if draft.member}
    assert held_back == {model: ("daily",), end: ("shop.on-run-end.1 (hook)",)}


@pytest.mark.req("R10")
def test_why_an_operation_failed_is_told_where_somebody_says_so():
    (told,) = firing(mapped(body("operation-failed-with-its-error")).drafts)
    assert told.message == "Runtime Error\n  Catalog Error: Table with name nowhere does not exist!"
    (untold,) = firing(mapped(body("operation-failed")).drafts)
    assert untold.message == "grant_select failed; dbt writes the reason into its log alone"


@pytest.mark.req("R10")
def test_a_run_touches_only_what_it_reports():
    assert members(mapped(results(("model.shop.orders", "success"), which="run", select=["orders"])).drafts) == {"model.shop.orders"}


@pytest.mark.req("R10")
def test_the_same_run_sent_alone_and_in_a_bundle_has_the_same_identity_and_occurrence():
    alone, bundled = mapped(body("build-v6")).drafts, mapped(body("bundle")).drafts
    assert {(identity(draft), draft.member, draft.run) for draft in alone} <= {
        (identity(draft), draft.member, draft.run) for draft in bundled
    }


@pytest.mark.req("R49")
def test_two_targets_never_resolve_each_other():
    failing = mapped(results(("model.shop.orders", "error"), target="prod")).drafts[0]
    elsewhere = mapped(results(("model.shop.orders", "success"), target="dev")).drafts[0]
    assert identity(failing) != identity(elsewhere)


def test_what_is_selected_never_changes_the_project_of_a_node():
    wide = mapped(results(("model.elementary.a", "error"), ("model.elementary.b", "success"), ("model.shop.orders", "error"))).drafts
    narrow = mapped(results(("model.shop.orders", "success"))).drafts
    assert identity(narrow[0]) in {identity(draft) for draft in firing(wide)}


def test_settings_give_one_project_and_the_target_dbt_did_not_note():
    drafts = mapped(results(("model.elementary.a", "error"), ("model.shop.orders", "error")), project="warehouse", target="prod").drafts
    assert {json.dumps(draft.event_data) for draft in drafts} == {'{"project": "warehouse", "target": "prod"}'}
    assert {draft.pipeline for draft in drafts} == {"warehouse"}


def test_settings_of_another_kind_do_no_harm():
    from mappers.dbt_cloud import SOURCE as PLATFORM

    given = PLATFORM.read_settings({"host": "https://ab123.us1.dbt.com"})
    assert SOURCE.map(Inbound(body=json.dumps(results(("model.shop.orders", "error"))).encode(), settings=given)).drafts


# --- what must not be believed ---------------------------------------------------------------------------------


@pytest.mark.req("R10")
@pytest.mark.parametrize("which", ["generate", "compile", "show", "clone", "list"])
def test_commands_that_run_nothing_resolve_nothing(which: str):
    answer = mapped(results(("model.shop.orders", "success"), ("test.shop.unique.abc", "success"), which=which))
    assert not answer.drafts
    assert not answer.signals
    assert answer.ignored


@pytest.mark.req("R10")
def test_docs_generate_as_captured_resolves_none_of_the_failing_tests():
    assert not mapped(body("docs-generate-v6")).drafts


def test_without_a_command_a_test_marked_success_is_not_believed():
    drafts = mapped(results(("test.shop.unique.abc", "success"), ("test.shop.not_null.def", "pass"), which=None)).drafts
    assert members(drafts) == {"test.shop.not_null.def"}


@pytest.mark.parametrize("status", ["skipped", "no-op", "reused"])
def test_a_node_that_did_not_run_is_neither_failing_nor_recovered(status: str):
    assert not mapped(results(("model.shop.orders", status))).drafts


@pytest.mark.req("R17")
def test_a_body_cut_off_in_transit_still_tells_its_failures_but_no_success_of_models():
    drafts = mapped(body("build-v6")[:9000]).drafts
    assert {"model.shop.from_source", "model.shop.broken_model"} <= members(firing(drafts))
    assert not [draft for draft in drafts if draft.state is State.RESOLVED and draft.category is Category.JOB_FAILURE]


@pytest.mark.req("R17")
@pytest.mark.parametrize("raw", ["", "null", "[]", "{}", '"x"', '{"metadata": {}}', '{"run_results": []}', "{", '{"results": ['])
def test_what_is_no_artifact_is_unmapped_with_a_reason(raw: str):
    with pytest.raises(Unmapped) as caught:
        mapped(raw)
    assert caught.value.reason


def test_one_unreadable_artifact_does_not_hide_the_others():
    broken = {**results(), "results": [{"unique_id": 1}]}
    assert members(mapped({"run_results": [broken, results(("model.shop.orders", "error"))]}).drafts) == {"model.shop.orders"}


def test_a_byte_that_is_no_utf8_does_not_cost_the_run():
    raw = json.dumps(results(("model.shop.orders", "error"))).replace('"message": null', '"message": "caf\xe9"').encode("latin-1")
    assert SOURCE.map(Inbound(body=raw)).drafts[0].message == "caf\ufffd"


# --- impact, owners, facts -------------------------------------------------------------------------------------


@pytest.mark.req("R11")
def test_skipped_nodes_are_the_impact_of_what_failed_above_them_and_never_drafts():
    answer = mapped(body("build-v6"), {"manifest:shop": body("manifest-v12")})
    impact = {draft.member.label: draft.impact for draft in firing(answer.drafts) if draft.member}
    assert impact["broken_model"] == ("after_broken",)
    assert impact["from_source"] == ()
    assert {"orders_daily", "orders_ok", "finance_dashboard (exposure)"} <= set(impact["unique_stg_orders_id"])
    assert not members(answer.drafts) & {"model.shop.after_broken", "model.shop.orders_daily", "exposure.shop.finance_dashboard"}


@pytest.mark.req("R11")
def test_without_a_manifest_every_skipped_node_is_listed_with_every_failure():
    (failing,) = mapped(results(("model.shop.a", "error"), ("model.shop.b", "skipped"), ("model.shop.c", "skipped"))).drafts
    assert failing.impact == ("b", "c")


@pytest.mark.req("R11")
def test_what_no_failure_explains_is_listed_all_the_same():
    known = manifest("model.shop.a", "model.shop.b", child_map={"model.shop.a": ["model.shop.b"]})
    rows = (("model.shop.a", "error"), ("model.shop.b", "skipped"), ("model.shop.aborted", "skipped"))
    (failing,) = mapped({"run_results": results(*rows), "manifest": known}).drafts
    assert failing.impact == ("b", "aborted")


@pytest.mark.req("R58")
def test_owners_come_from_meta_then_group_then_exposure_and_a_test_belongs_to_what_it_tests():
    nodes = {
        "model.shop.meta": {"config": {"meta": {"owner": "ana@acme.test, @data"}}, "group": "finance"},
        "model.shop.group": {"group": "finance"},
        "model.shop.shown": {},
        "test.shop.attached.1": {"attached_node": "model.shop.meta", "group": "finance"},
        "test.shop.own.2": {"config": {"meta": {"owner": ["@qa"]}}, "attached_node": "model.shop.meta"},
        "test.shop.singular.3": {"depends_on": {"nodes": ["model.shop.shown"]}},
    }
    known = manifest(
        groups={"group.shop.finance": {"name": "finance", "owner": {"email": "finance@acme.test", "name": "Finance"}}},
        exposures={"exposure.shop.board": {"owner": {"name": "Fin BI"}, "depends_on": {"nodes": ["model.shop.shown"]}}},
    ) | {"nodes": nodes}
    rows = [(unique_id, "error") for unique_id in nodes]
    owners = {d.member.key: d.owners for d in mapped({"run_results": results(*rows), "manifest": known}).drafts if d.member}
    assert owners == {
        "model.shop.meta": ("ana@acme.test", "@data"),
        "model.shop.group": ("finance@acme.test",),
        "model.shop.shown": ("Fin BI",),
        "test.shop.attached.1": ("ana@acme.test", "@data"),
        "test.shop.own.2": ("@qa",),
        "test.shop.singular.3": ("Fin BI",),
    }


@pytest.mark.req("R10")
def test_a_failing_test_says_how_many_rows_and_where_they_are():
    answer = mapped(body("build-v4"), {"manifest:shop": body("manifest-v12")})
    (draft,) = (draft for draft in answer.drafts if draft.member and draft.member.key == "test.shop.assert_positive_amount")
    assert draft.facts["Failures"] == "1"
    assert draft.facts["Failing rows"] == '"shop"."main_dbt_test__audit"."assert_positive_amount"'
    assert draft.facts["Compiled SQL"] == "target/compiled/shop/tests/assert_positive_amount.sql"


def test_colours_are_stripped_from_messages():
    row = results(("model.shop.a", "error"))
    row["results"][0]["message"] = "\x1b[31mDatabase Error\x1b[0m"
    assert mapped(row).drafts[0].message == "Database Error"


# --- contracts and catalogs ------------------------------------------------------------------------------------


@pytest.mark.req("R12")
def test_a_broken_contract_names_each_column_and_is_a_failed_model_as_well():
    drafts = firing(mapped(body("contract-violation-v6")).drafts)
    by_category = {draft.category: draft for draft in drafts}
    assert set(by_category) == {Category.SCHEMA_CHANGE, Category.JOB_FAILURE}
    change = by_category[Category.SCHEMA_CHANGE]
    assert change.level is Level.ERROR
    assert change.facts == {"amount": "INTEGER → VARCHAR (breaks readers)", "new_col": "added, INTEGER (harmless)"}


@pytest.mark.req("R12")
def test_a_built_model_recovers_both_threads_of_a_broken_contract():
    broken = firing(mapped(body("contract-violation-v6")).drafts)
    recovered = {(identity(draft), draft.member) for draft in mapped(body("run-recovers-v6")).drafts if draft.state is State.RESOLVED}
    assert {(identity(draft), draft.member) for draft in broken} <= recovered


@pytest.mark.req("R12")
def test_a_catalog_is_compared_with_the_one_before():
    answer = mapped(body("catalog-changed"), {"catalog:shop": body("catalog-first"), "manifest:shop": body("manifest-v12")})
    (draft,) = answer.drafts
    assert (draft.state, draft.level, draft.category) == (State.NOTE, Level.ERROR, Category.SCHEMA_CHANGE)
    assert set(draft.facts) == {"customer_id", "amount", "new_col"}
    assert draft.impact == ("orders_daily", "orders_ok", "finance_dashboard (exposure)")


@pytest.mark.req("R12")
@pytest.mark.parametrize(
    ("before", "now", "level", "words"),
    [
        ({"id": "INT", "x": "INT"}, {"id": "INT"}, Level.ERROR, "column x removed"),
        ({"id": "INT"}, {"id": "TEXT"}, Level.ERROR, "column id changed from INT to TEXT"),
        ({"id": "INT"}, {"id": "INT", "x": "INT"}, Level.INFO, "column x added"),
    ],
)
def test_removed_and_retyped_columns_are_errors_and_added_ones_are_not(before: Any, now: Any, level: Level, words: str):
    kept = json.dumps(catalog({"model.shop.t": before}))
    (draft,) = mapped(catalog({"model.shop.t": now}, at="2026-11-22T00:10:00Z"), {"catalog:shop": kept}).drafts
    assert draft.level is level
    assert words in draft.message


@pytest.mark.req("R12")
def test_tables_that_came_and_went():
    kept = json.dumps(catalog({"model.shop.old": {"id": "INT"}, "model.shop.t": {"id": "INT"}}))
    now = catalog({"model.shop.new": {"id": "INT"}, "model.shop.t": {"id": "int"}}, at="2026-11-22T00:10:00Z")
    told = {draft.message: draft.level for draft in mapped(now, {"catalog:shop": kept}).drafts}
    assert told == {"old: table removed": Level.ERROR, "new: table added": Level.INFO}


@pytest.mark.parametrize("at", ["2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"])
def test_a_catalog_sent_again_or_left_over_says_nothing(at: str):
    kept = json.dumps(catalog({"model.shop.t": {"id": "INT"}}))
    tables = {"model.shop.t": {"id": "INT"}} if at == "2026-11-22T00:00:00Z" else {}
    answer = mapped(catalog(tables, at=at), {"catalog:shop": kept})
    assert not answer.drafts
    assert answer.ignored


def test_a_catalog_of_a_selection_does_not_report_the_rest_as_removed():
    kept = json.dumps(catalog({"model.shop.a": {"id": "INT"}, "model.shop.b": {"id": "INT"}}))
    now = catalog({"model.shop.a": {"id": "INT"}}, at="2026-11-22T00:10:00Z")
    generated = results(which="generate", invocation="2026-11-22T00:10:00Z", select=["a"])
    assert mapped(now, {"catalog:shop": kept}).drafts
    assert not mapped({"run_results": generated, "catalog": now}, {"catalog:shop": kept}).drafts


def test_a_test_that_left_the_project_is_over():
    failing = mapped(results(("test.shop.unique.abc", "fail"))).drafts[0]
    kept = json.dumps(manifest("model.shop.a", "test.shop.unique.abc"))
    (draft,) = mapped(manifest("model.shop.a", at="2026-11-22T00:40:00Z"), {"manifest:shop": kept}).drafts
    assert draft.state is State.RESOLVED
    assert (identity(draft), draft.member) == (identity(failing), failing.member)
    assert not mapped(manifest("model.shop.a", at="2026-11-21T00:00:00Z"), {"manifest:shop": kept}).drafts


# --- freshness -------------------------------------------------------------------------------------------------


@pytest.mark.req("R10")
def test_freshness_fires_and_recovers_on_one_thread():
    stale = mapped(body("sources-v3")).drafts[0]
    fresh = json.loads(body("sources-v3"))
    fresh["results"][0]["status"] = "pass"
    recovered = mapped(fresh).drafts[0]
    assert (stale.category, stale.level) == (Category.LATE_RUN, Level.ERROR)
    assert (identity(recovered), recovered.member, recovered.state) == (identity(stale), stale.member, State.RESOLVED)


def test_a_source_that_could_not_be_asked_is_an_error_with_its_reason():
    drafts = {draft.member.label: draft for draft in mapped(body("sources-v3-runtime-error")).drafts if draft.member}
    assert drafts["raw.raw_missing"].level is Level.ERROR
    assert "does not exist" in drafts["raw.raw_missing"].message


# --- documents, keys, runs -------------------------------------------------------------------------------------


def test_what_results_want_is_what_a_manifest_keeps():
    for target in ({}, {"target": "prod"}):
        wanted = SOURCE.documents(inbound(results(("model.shop.orders", "error"), **target))).wants
        kept = SOURCE.documents(inbound(manifest("model.shop.orders"))).keeps
        assert set(kept) & set(wanted)
    own = SOURCE.documents(inbound({"run_results": results(("model.shop.orders", "error"), target="prod"), "manifest": manifest()}))
    assert own.keeps == ("manifest:shop:prod", "manifest:shop")


def test_a_catalog_wants_the_one_of_its_own_target_only():
    tables = catalog({"model.shop.t": {"id": "INT"}})
    assert SOURCE.documents(inbound(tables, target="prod")).keeps == ("catalog:shop:prod",)
    assert "catalog:shop:prod" in SOURCE.documents(inbound(tables, target="prod")).wants
    assert "catalog:shop" not in SOURCE.documents(inbound(tables, target="prod")).wants


def test_a_kept_bundle_serves_as_manifest_and_catalog():
    bundle = {"manifest": json.loads(body("manifest-v12")), "catalog": json.loads(body("catalog-first"))}
    kept = dict.fromkeys(SOURCE.documents(inbound(bundle)).keeps, json.dumps(bundle))
    (draft,) = mapped(body("catalog-changed"), kept).drafts
    assert draft.owners == ("jane@example.org",)


@pytest.mark.req("R15")
def test_the_request_key_is_the_same_for_the_same_run_and_another_for_another():
    one, again, two = (inbound(results(("model.shop.a", "error"), invocation=run)) for run in ("one", "one", "two"))
    assert SOURCE.request_key(one) == SOURCE.request_key(again) != SOURCE.request_key(two)
    assert SOURCE.request_key(inbound("{")) is None


@pytest.mark.req("R97")
def test_each_command_signals_its_run_once():
    (failed,) = mapped(body("build-v6")).signals
    (passed,) = mapped(body("run-recovers-v6")).signals
    assert (failed.phase, failed.pipeline, failed.run) == (Phase.FAILED, "shop", "7da13e78-a6ec-4252-a1e9-abb01a3aa0e8")
    assert passed.phase is Phase.SUCCEEDED


@pytest.mark.req("R9")
def test_artifacts_of_a_platform_run_are_of_that_run_and_leave_its_signal_to_the_platform():
    answer = mapped(body("platform-job-of-two-steps"))
    assert {draft.run for draft in answer.drafts} == {"12345"}
    assert {draft.pipeline for draft in answer.drafts} == {"Daily Job (dbt build)"}
    assert not answer.signals


# --- hostile input ---------------------------------------------------------------------------------------------

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["error", "fail", "model.shop.a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
ROW = st.fixed_dictionaries(
    {},
    optional={
        "unique_id": st.sampled_from(["model.shop.a", "test.shop.b.c", "source.shop.r.s", "x", "..", "\ud800"]) | ANYTHING,
        "status": st.sampled_from(["error", "fail", "warn", "pass", "success", "skipped", "runtime error"]) | ANYTHING,
        "message": st.sampled_from(["enforced contract that failed\n | a | b | c | d |", "\ud800"]) | ANYTHING,
        "criteria": ANYTHING,
        "max_loaded_at_time_ago_in_s": ANYTHING,
        "batch_results": st.fixed_dictionaries({"failed": ANYTHING}) | ANYTHING,
        "failures": ANYTHING,
        "relation_name": ANYTHING,
    },
)
NODE = st.fixed_dictionaries(
    {}, optional={"config": ANYTHING, "meta": ANYTHING, "attached_node": ANYTHING, "tags": ANYTHING, "columns": ANYTHING}
)
NODES = st.dictionaries(st.sampled_from(["model.shop.a", "test.shop.b.c", "source.shop.r.s", "\ud800"]), NODE | ANYTHING, max_size=3)


def artifact(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    metadata = st.fixed_dictionaries(
        {"dbt_schema_version": st.just(f"https://schemas.getdbt.com/dbt/{kind}/v6.json")},
        optional={"invocation_id": ANYTHING, "generated_at": ANYTHING, "project_name": ANYTHING, "env": ANYTHING},
    )
    parts = {"args": ANYTHING, "elapsed_time": ANYTHING, "nodes": NODES | ANYTHING, "sources": NODES | ANYTHING, "child_map": ANYTHING}
    more = {"groups": ANYTHING, "exposures": ANYTHING, "results": st.lists(ROW, max_size=4) | ANYTHING}
    return st.fixed_dictionaries({"metadata": metadata}, optional={**parts, **more})


ARTIFACT = st.sampled_from(["run-results", "sources", "manifest", "catalog"]).flatmap(artifact)
BODY = (
    ARTIFACT
    | st.dictionaries(st.sampled_from(["run_results", "manifest", "pipeline", "run", "url"]), ARTIFACT | ANYTHING, max_size=4)
    | ANYTHING
)


@given(raw=BODY, kept=ARTIFACT)
@settings(max_examples=300, deadline=None)
@pytest.mark.req("R17")
def test_no_body_and_no_kept_document_makes_it_raise_anything_but_unmapped(raw: Any, kept: Any):
    wanted = SOURCE.documents(inbound(raw)).wants
    try:
        answer = mapped(raw, dict.fromkeys(wanted, json.dumps(kept)))
    except Unmapped:
        pass
    else:
        assert answer.drafts or answer.ignored
    assert SOURCE.request_key(inbound(raw)) != ""


@given(raw=st.binary(max_size=200))
@pytest.mark.req("R17")
def test_no_bytes_make_it_raise_anything_but_unmapped(raw: bytes):
    with pytest.raises(Unmapped):
        SOURCE.map(Inbound(body=raw))


@pytest.mark.req("R17")
@pytest.mark.parametrize("raw", [b"[" * 200_000, b'{"metadata":' * 100_000, b'{"results": [' + b'{"a":' * 100_000])
def test_deep_nesting_is_unmapped(raw: bytes):
    with pytest.raises(Unmapped):
        SOURCE.map(Inbound(body=raw))


def test_many_failures_over_many_skipped_nodes_stay_fast():
    rows = [(f"model.shop.m{number}", "error" if number % 2 else "skipped") for number in range(4000)]
    children = {
        f"model.shop.m{number}": [f"model.shop.m{next_}" for next_ in range(number + 1, min(number + 40, 4000))] for number in range(4000)
    }
    started = time.process_time()
    answer = mapped({"run_results": results(*rows), "manifest": manifest(*(name for name, _ in rows), child_map=children)})
    assert time.process_time() - started < 5
    assert all(len(draft.impact) <= 50 for draft in answer.drafts)


# --- catalogs of a selection -----------------------------------------------------------------------------------


def beside(catalog_: dict[str, Any], **args: Any) -> dict[str, Any]:
    """A catalog with the results `docs generate` writes beside it."""
    written = results(which="generate", invocation=catalog_["metadata"]["invocation_id"], **args)
    return {"run_results": written, "catalog": catalog_}


THREE = {f"model.shop.{name}": {"id": "INTEGER"} for name in "abc"}
LATER = "2026-11-22T01:00:00Z"


def removed(answer: Mapped) -> set[str]:
    return {draft.member.label for draft in answer.drafts if draft.member and draft.facts.get("Table", "").startswith("removed")}


@pytest.mark.req("R12")
def test_tables_left_out_by_a_selection_are_not_removed():
    now = catalog({"model.shop.a": {"id": "VARCHAR"}}, LATER)
    answer = mapped(beside(now, select=["a"]), {"catalog:shop": json.dumps(beside(catalog(THREE)))})
    assert removed(answer) == set()
    assert [draft.message for draft in answer.drafts] == ["a: column id changed from INTEGER to VARCHAR"]


@pytest.mark.req("R12")
def test_a_full_catalog_without_a_table_says_it_was_removed():
    now = catalog({"model.shop.a": {"id": "INTEGER"}}, LATER)
    assert removed(mapped(beside(now), {"catalog:shop": json.dumps(catalog(THREE))})) == {"b", "c"}


@pytest.mark.req("R12")
@pytest.mark.parametrize("select", [[], ["a"]])
def test_a_catalog_alone_is_judged_by_a_manifest_that_is_not_older(select: list[str]):
    now, kept = catalog({"model.shop.a": {"id": "INTEGER"}}, LATER), {"catalog:shop": json.dumps(catalog(THREE))}
    known = manifest("model.shop.a", "model.shop.b", at=LATER)
    body = {**(beside(now, select=select) if select else {"catalog": now}), "manifest": known}
    assert removed(mapped(body, kept)) == {"c"}, "b is still in the project"


@pytest.mark.req("R12")
def test_of_a_catalog_nobody_vouches_for_only_the_smaller_part_can_be_missing():
    kept = {"catalog:shop": json.dumps(catalog(THREE))}
    two = catalog({"model.shop.a": {"id": "INTEGER"}, "model.shop.b": {"id": "INTEGER"}}, LATER)
    one = catalog({"model.shop.a": {"id": "INTEGER"}}, LATER)
    assert removed(mapped(two, kept)) == {"c"}
    assert removed(mapped(one, kept)) == set()
    assert not mapped(catalog(THREE, LATER), {"catalog:shop": json.dumps(catalog({"model.shop.a": {"id": "INTEGER"}}))}).drafts


@pytest.mark.req("R12")
def test_a_selections_catalog_never_takes_the_place_of_the_full_one():
    part = inbound(beside(catalog({"model.shop.a": {"id": "INTEGER"}}), select=["a"]))
    full = inbound(beside(catalog(THREE)))
    assert SOURCE.documents(full).keeps == ("catalog:shop",)
    (kept,) = SOURCE.documents(part).keeps
    assert kept.startswith("catalog:shop:")
    assert SOURCE.documents(part).wants[:2] == (kept, "catalog:shop")
    assert SOURCE.documents(inbound(beside(catalog({"model.shop.a": {}}), select=["b"]))).keeps != (kept,)
    assert SOURCE.documents(inbound(beside(catalog({}), empty_catalog=True))).keeps == ()


@pytest.mark.req("R12")
def test_a_selections_catalog_is_compared_with_what_was_said_last():
    old, kept = catalog(THREE), catalog({"model.shop.a": {"id": "VARCHAR"}}, "2026-11-22T00:30:00Z")
    now = inbound(beside(catalog({"model.shop.a": {"id": "VARCHAR"}}, LATER), select=["a"]))
    names = SOURCE.documents(now).wants
    documents = {names[0]: json.dumps(beside(kept, select=["a"])), names[1]: json.dumps(old)}
    assert not mapped(now.text, documents).drafts


@pytest.mark.req("R11", "R12")
def test_a_removed_table_names_what_it_breaks_by_the_manifest_that_still_knew_it():
    before = manifest(
        "model.shop.a", "model.shop.b", child_map={"model.shop.b": ["model.shop.a", "exposure.shop.board"]},
        exposures={"exposure.shop.board": {"owner": {"name": "BI"}, "depends_on": {"nodes": ["model.shop.b"]}}},
    )  # fmt: skip
    now = catalog({"model.shop.a": {"id": "INTEGER"}}, LATER)
    body = {**beside(now), "manifest": manifest("model.shop.a", at=LATER)}
    documents = {"catalog:shop": json.dumps(catalog({k: THREE[k] for k in list(THREE)[:2]})), "manifest:shop": json.dumps(before)}
    (note,) = [draft for draft in mapped(body, documents).drafts if draft.state is State.NOTE]
    assert (note.impact, note.owners) == (("a", "board (exposure)"), ("BI",))


# --- what whoever sends it adds --------------------------------------------------------------------------------


@pytest.mark.req("R58")
def test_a_bundle_owns_what_nobody_else_is_named_for_and_says_where_it_ran():
    known = manifest() | {"nodes": {"model.shop.a": {"config": {"meta": {"owner": "@ana"}}}}}
    body = {
        "run_results": results(("model.shop.a", "error"), ("model.shop.b", "error"), target="default"), "manifest": known,
        "owners": ["@data"], "target": "Production",
    }  # fmt: skip
    drafts = mapped(body).drafts
    assert {draft.member.label: draft.owners for draft in drafts if draft.member} == {"a": ("@ana",), "b": ("@data",)}
    assert {draft.event_data["target"] for draft in drafts} == {"Production"}


@pytest.mark.req("R10")
def test_tests_that_pass_on_no_rows_prove_nothing():
    rows = (("test.shop.t.1", "pass"), ("unit_test.shop.m.u", "pass"), ("model.shop.a", "success"), ("test.shop.u.2", "fail"))
    drafts = mapped(results(*rows, empty=True)).drafts
    assert members(drafts) == {"unit_test.shop.m.u", "model.shop.a", "test.shop.u.2"}


# --- commands and their logs -----------------------------------------------------------------------------------


def commands(answer: Mapped) -> list[Draft]:
    return [draft for draft in answer.drafts if draft.slug == "dbt-command-errors"]


@pytest.mark.req("R10")
def test_a_command_that_wrote_no_results_fails_by_its_exit_code_and_recovers_by_the_next():
    (fired,) = commands(mapped(body("command-without-results")))
    (recovered,) = commands(mapped(body("command-recovers")))
    assert (fired.state, fired.level, fired.category) == (State.FIRING, Level.ERROR, Category.JOB_FAILURE)
    assert recovered.state is State.RESOLVED
    assert identity(fired) == identity(recovered)
    assert (fired.member, recovered.member) == (None, None)


@pytest.mark.parametrize(("status", "state"), [("error", State.RESOLVED), ("success", State.FIRING), ("warn", State.FIRING)])
def test_an_exit_code_is_a_failure_of_its_own_only_where_no_node_explains_it(status: str, state: State):
    (draft,) = commands(mapped({"run_results": results(("test.shop.t.1", status)), "command": {"exit_code": 1}}))
    assert draft.state is state


@pytest.mark.req("R10")
@pytest.mark.parametrize("case", ["log-contract-violation", "log-run-ok", "log-build-v1.4"])
def test_a_log_says_of_each_node_what_its_artifact_says(case: str):
    artifact = {"log-contract-violation": "contract-violation-v6", "log-run-ok": "run-recovers-v6", "log-build-v1.4": "build-v4"}[case]

    def told(case: str) -> set[tuple[Any, ...]]:
        nodes = [draft for draft in mapped(body(case)).drafts if draft.member and not draft.member.key.startswith("operation.")]
        return {(identity(draft), draft.member, draft.state, draft.level, draft.message.split("\n")[0]) for draft in nodes}

    assert told(case) == told(artifact)


@pytest.mark.req("R10")
def test_a_source_that_could_not_be_asked_is_in_the_log_alone():
    drafts = mapped(body("freshness-with-its-log")).drafts
    stale = {draft.member.label: draft.message for draft in firing(drafts) if draft.member}
    assert stale["raw.missing"].startswith("raw.missing: Runtime Error")
    assert stale["raw.stale"].endswith("24 hours allowed"), "what the artifact says, it says better"
    assert len([draft for draft in drafts if draft.member and draft.member.label == "raw.stale"]) == 1


def test_a_log_beside_the_results_of_its_invocation_adds_no_second_draft():
    log = body("log-contract-violation")
    both = mapped({"run_results": json.loads(body("contract-violation-v6")), "log": log}).drafts
    alone = mapped(body("contract-violation-v6")).drafts
    assert len([draft for draft in both if draft.member]) == len(alone)


def test_a_log_of_a_command_that_runs_nothing_is_ignored():
    answer = mapped(body("log-docs-generate"))
    assert not answer.drafts
    assert answer.ignored


# --- what is read ----------------------------------------------------------------------------------------------


def trimmed(raw: dict[str, Any]) -> dict[str, Any]:
    from mappers.dbt_core.bundle import Kind
    from mappers.dbt_core.trim import trim

    return trim(json.dumps(raw).encode(), Kind(raw["metadata"]["dbt_schema_version"].split("/")[-2]))


def whole(path: Path) -> Any:
    """The body of a fixture that holds whole artifacts, else None."""
    try:
        raw = json.loads(json.loads(path.read_text())["body"])
    except ValueError:
        return None
    return raw if isinstance(raw, dict) and ("dbt_schema_version" in raw.get("metadata", {}) or "run_results" in raw) else None


def small(raw: dict[str, Any]) -> dict[str, Any]:
    """A body with its artifacts trimmed."""
    if "dbt_schema_version" in raw.get("metadata", {}):
        return trimmed(raw)
    return {key: trimmed(part) if isinstance(part, dict) and key != "command" else part for key, part in raw.items()}


WHOLE = [path for path in sorted(FIXTURES.glob("*.request.json")) if whole(path) and "unknown-artifact" not in path.name]


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.name.removesuffix(".request.json"))
def test_a_trimmed_artifact_means_the_same(path: Path):
    request = json.loads(path.read_text())
    kept = request.get("documents", {})
    given = request.get("settings", {})
    try:
        expected = mapped(request["body"], kept, **given)
    except Unmapped as unmapped:
        with pytest.raises(Unmapped, match=unmapped.reason[:20]):
            mapped(small(whole(path)), **given)
    else:
        assert mapped(small(whole(path)), {name: json.dumps(small(json.loads(raw))) for name, raw in kept.items()}, **given) == expected


def test_what_is_nobodys_business_is_left_out():
    raw = results(("model.shop.a", "success"), vars={"password": "hunter2"})
    raw["metadata"]["env"] = {"DBT_ENV_CUSTOM_ENV_KEY": "hunter2", "DBT_CLOUD_RUN_ID": "7"}
    raw["results"][0]["compiled_code"] = "select 'hunter2'"
    small = trimmed(raw)
    assert "hunter2" not in json.dumps(small)
    assert small["metadata"]["env"] == {"DBT_CLOUD_RUN_ID": "7"}


@given(raw=st.binary(max_size=60) | st.text(max_size=60).map(str.encode) | ARTIFACT.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=300, deadline=None)
def test_no_bytes_make_trimming_raise_anything_but_bad_body(raw: bytes):
    from mappers.contract import BadBody
    from mappers.dbt_core.trim import READ, trim

    for kind in READ:
        with suppress(BadBody):
            assert isinstance(trim(raw, kind), dict)


@pytest.mark.req("R10")
@pytest.mark.parametrize("args", [{"target": "prod"}, {"empty": True}, {}])
def test_what_is_cut_off_resolves_nothing_for_its_end_says_what_ran_where(args: dict[str, Any]):
    passing, failing = ("test.shop.t.1", "pass"), ("test.shop.u.1", "fail")
    cut = json.dumps(results(passing, failing, ("model.shop.a", "success"), **args)).partition('"model.shop.a"')[0]
    (draft,) = mapped(cut).drafts
    assert (draft.state, draft.member and draft.member.label, draft.closes_itself) == (State.FIRING, "u", True)


@pytest.mark.req("R17")
@pytest.mark.parametrize("end", ['"model.shop.a"', '"test.shop.t.1"'])
def test_what_is_cut_off_before_any_failure_is_not_said_to_be_well(end: str):
    cut = json.dumps(results(("test.shop.t.1", "pass"), ("model.shop.a", "error"))).partition(end)[0]
    with pytest.raises(Unmapped, match="cut off"):
        mapped(cut)


def upload(*files: str, until: str = "--b--") -> Inbound:
    """Files as `curl -F run_results=@target/run_results.json` sends them."""
    parts = (f'--b\r\nContent-Disposition: form-data; name="{n}"; filename="{n}.json"\r\n\r\n{file}\r\n' for n, file in enumerate(files))
    headers = Headers([("Content-Type", "multipart/form-data; boundary=b")])
    return Inbound(body=("".join(parts) + "--b--").partition(until)[0].encode(), headers=headers, received_at=RECEIVED)


@pytest.mark.req("R10")
def test_files_of_a_form_are_a_bundle():
    run, known = results(("test.shop.t.1", "pass"), ("model.shop.a", "error"), target="prod"), manifest("model.shop.a")
    known["nodes"]["model.shop.a"]["meta"] = {"owner": "ana"}
    passing, failing = SOURCE.map(upload(json.dumps(run), json.dumps(known))).drafts
    assert (passing.state, failing.state, failing.owners) == (State.RESOLVED, State.FIRING, ("ana",))
    assert failing.event_data == {"project": "shop", "target": "prod"}
    kept = {name: upload(json.dumps(known)).body for name in SOURCE.documents(upload(json.dumps(known))).keeps}
    alone = replace(upload(json.dumps(run)), documents=kept)
    assert SOURCE.map(alone).drafts[1].owners == ("ana",)
    assert SOURCE.request_key(upload(json.dumps(run))) == SOURCE.request_key(inbound(run))
    assert SOURCE.map(inbound({"run_results": json.dumps(run)})) == SOURCE.map(inbound([run])) == mapped(run)


@pytest.mark.req("R19")
def test_a_file_of_a_form_that_is_cut_off_resolves_nothing():
    run = json.dumps(results(("test.shop.t.1", "pass"), ("model.shop.a", "error"), target="prod"))
    assert [draft.state for draft in SOURCE.map(upload(run, until='"args"')).drafts] == [State.FIRING]
