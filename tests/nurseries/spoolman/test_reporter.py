"""Use is counted, reported and settled; the clock jumps."""

import pytest

from mrk.definitions.roles import Role
from mrk.errors import ClientError
from tests.fakes.spoolman_http import Fault
from tests.nurseries.spoolman.house import beats, open_mrk, open_workshop

near = pytest.approx


async def test_use_is_reported_each_interval_as_net_sum(autojump_clock):
    async with open_workshop() as shop:
        shop.rules.add()
        async with open_mrk(shop) as mrk:
            assert await mrk.call("post_spool_id", spool_id=1) == {"spool_id": 1}
            assert mrk.notes("notify_active_spool_set") == [{"spool_id": 1}]
            shop.klippy.push(100)
            shop.klippy.push(-5)
            assert shop.rules.used_mm(1) == 0
            await beats()
            assert shop.rules.used_mm(1) == near(95)
            shop.klippy.push(5)
            await beats()
            assert shop.rules.used_mm(1) == near(100)
            assert await mrk.pending() == {}
        puts = [target for verb, target in shop.http.asked if verb == "PUT"]
        assert len(puts) == 2


async def test_a_retraction_at_nothing_is_held_back(autojump_clock):
    async with open_workshop() as shop:
        shop.rules.add()
        async with open_mrk(shop) as mrk:
            await mrk.call("post_spool_id", spool_id=1)
            shop.klippy.push(-5)
            await beats()
            shop.klippy.push(8)
            await beats()
            assert shop.rules.used_mm(1) == near(3)


async def test_spoolman_away_for_a_day_and_mrk_restarted(autojump_clock):
    async with open_workshop() as shop:
        shop.rules.add()
        shop.http.away = True
        async with open_mrk(shop, connected=False) as mrk:
            await mrk.call("post_spool_id", spool_id=1)
            shop.klippy.print()
            for _ in range(100):
                shop.klippy.push(3)
                await beats(100)
            status = await mrk.call("status")
            assert status == {
                "spoolman_connected": False,
                "pending_reports": [{"spool_id": 1, "filament_used": near(300)}],
                "spool_id": 1,
                "missing_spools": [],
                "lost_reports": [],
                "tool_spools": {},
            }
        shop.klippy.push(7)  # while mrk is away
        shop.http.away = False
        async with open_mrk(shop) as mrk:
            assert await mrk.call("get_spool_id") == {"spool_id": 1}
            await beats()
            assert shop.rules.used_mm(1) == near(307)


async def test_what_is_pending_goes_out_at_the_end(autojump_clock):
    async with open_workshop() as shop:
        shop.rules.add()
        async with open_mrk(shop) as mrk:
            await mrk.call("post_spool_id", spool_id=1)
            shop.klippy.push(12)
        assert shop.rules.used_mm(1) == near(12)


@pytest.mark.parametrize("fault", list(Fault))
async def test_a_report_counts_once_whatever_became_of_it(fault, autojump_clock):
    async with open_workshop() as shop:
        shop.rules.add()
        async with open_mrk(shop) as mrk:
            await mrk.call("post_spool_id", spool_id=1)
            shop.http.faults.append(fault)
            shop.klippy.push(10)
            await beats()
            shop.klippy.push(1)
            total = sum((await mrk.pending()).values())
            assert total in (near(11), near(1), near(10), near(0))
            await beats(40)
            assert shop.rules.used_mm(1) == near(11)
            assert await mrk.pending() == {}


async def test_a_change_counts_at_the_change(autojump_clock):
    async with open_workshop() as shop:
        shop.rules.add(), shop.rules.add()
        async with open_mrk(shop) as mrk:
            await mrk.call("post_spool_id", spool_id=1)
            shop.klippy.push(10)
            shop.klippy.push(3, beat=False)  # Klipper has not told yet
            await mrk.call("post_spool_id", spool_id=2)
            shop.klippy.push(4)
            shop.klippy.methods["spoolman_set_active_spool"](spool_id=None)
            await beats()
            shop.klippy.push(9)
            await beats()
            assert (shop.rules.used_mm(1), shop.rules.used_mm(2)) == (near(13), near(4))
            assert mrk.notes("notify_active_spool_set")[-1] == {"spool_id": None}


async def test_a_silent_printer_does_not_hold_a_change(autojump_clock):
    async with open_workshop() as shop:
        shop.rules.add()
        async with open_mrk(shop) as mrk:
            shop.klippy.silent = True
            assert await mrk.call("post_spool_id", spool_id=1) == {"spool_id": 1}


async def test_tools_with_spools_of_their_own(autojump_clock):
    async with open_workshop() as shop:
        for _ in range(3):
            shop.rules.add()
        async with open_mrk(shop) as mrk:
            shop.klippy.restart()  # else places of tools that were not seen yet are unknown
            await mrk.call("post_spool_id", spool_id=1)
            tools = await mrk.call("post_tool_spool", tool="extruder1", spool_id="2")
            assert tools == {"tool_spools": {"extruder1": 2}}
            shop.klippy.push(10)
            shop.klippy.push(20, "extruder1")
            shop.klippy.push(1, "extruder", beat=False)
            shop.klippy.push(2, "extruder1", beat=False)
            shop.klippy.push(3, "extruder")
            shop.klippy.push(0.5, "extruder1")
            await beats()
            assert (shop.rules.used_mm(1), shop.rules.used_mm(2)) == (near(14), near(22.5))
        async with open_mrk(shop) as mrk:
            assert await mrk.call("get_tool_spool") == tools
            shop.klippy.methods["spoolman_set_tool_spool"](tool="extruder1", spool_id=0)
            await beats()
            assert await mrk.call("get_tool_spool") == {"tool_spools": {}}


async def test_a_spool_that_is_gone_keeps_its_use(autojump_clock):
    async with open_workshop() as shop:
        shop.rules.add(), shop.rules.add()
        async with open_mrk(shop) as mrk:
            await mrk.call("post_spool_id", spool_id=2)
            shop.klippy.push(10)
            await beats()
            kept = shop.rules.spools.pop(2)
            shop.klippy.push(5)
            await beats()
            assert mrk.notes("notify_active_spool_set")[-1] == {"spool_id": None}
            shop.klippy.push(6)
            await beats()
            status = await mrk.call("status")
            assert status["spool_id"] is None
            assert status["pending_reports"] == [{"spool_id": 2, "filament_used": near(5)}]
            assert status["missing_spools"] == [2]
            assert status["lost_reports"] == [{"spool_id": None, "filament_used": near(6)}]
        # A backup of Spoolman is played back.
        shop.rules.spools[2] = kept
        async with open_mrk(shop) as mrk:
            await beats(2)
            assert shop.rules.used_mm(2) == near(15)
            assert (await mrk.call("reassign", to_spool_id=1)) == {"filament_used": near(6)}
            await beats(2)
            assert shop.rules.used_mm(1) == near(6)
            assert (await mrk.call("status"))["lost_reports"] == []


async def test_another_spool_of_the_same_id_is_not_charged(autojump_clock):
    async with open_workshop() as shop:
        shop.rules.add()
        async with open_mrk(shop) as mrk:
            await mrk.call("post_spool_id", spool_id=1)
            shop.klippy.push(10)
            await beats()
            shop.rules.delete(1)
            shop.rules.add(1)
            shop.klippy.push(5)
            await beats()
            status = await mrk.call("status")
            assert (status["spool_id"], shop.rules.used_mm(1)) == (None, 0)
            assert status["lost_reports"] == [{"spool_id": 1, "filament_used": near(5)}]
            await mrk.call("post_spool_id", spool_id=1)
            shop.klippy.push(2)
            await beats(2)
            assert shop.rules.used_mm(1) == near(2)
            assert await mrk.call("reassign", spool_id=1) == {"filament_used": near(5)}


async def test_a_deleted_event_is_looked_into(autojump_clock):
    async with open_workshop() as shop:
        shop.rules.add()
        async with open_mrk(shop) as mrk:
            await mrk.call("post_spool_id", spool_id=1)
            await beats()
            shop.rules.delete(1)
            mrk.link.on_deleted(1)
            await beats()
            assert await mrk.call("get_spool_id") == {"spool_id": None}


@pytest.mark.parametrize("firmware", [False, True])
async def test_restarts_of_klipper(firmware, autojump_clock):
    async with open_workshop() as shop:
        shop.rules.add()
        async with open_mrk(shop) as mrk:
            await mrk.call("post_spool_id", spool_id=1)
            shop.klippy.push(100)
            shop.klippy.restart(firmware=firmware)
            shop.klippy.push(10)
            await beats()
            shop.klippy.push(1)
            shop.klippy.drop_link()
            shop.klippy.push(2)
            shop.klippy.restore_link()
            await beats()
            assert shop.rules.used_mm(1) == near(113)


async def test_a_full_disk_sends_nothing_and_loses_nothing(autojump_clock):
    async with open_workshop() as shop:
        shop.rules.add()
        async with open_mrk(shop) as mrk:
            await mrk.call("post_spool_id", spool_id=1)
            shop.database.failure = ClientError("The disk is full", 507)
            shop.klippy.push(10)
            await beats(3)
            assert shop.rules.used_mm(1) == 0
            shop.database.failure = None
            shop.klippy.push(1)
            await beats(2)
            assert shop.rules.used_mm(1) == near(11)


async def test_a_broken_spool_does_not_hold_up_others(autojump_clock):
    async with open_workshop() as shop:
        shop.rules.add(), shop.rules.add()
        async with open_mrk(shop) as mrk:
            await mrk.call("post_spool_id", spool_id=1)
            shop.rules.spools[1]["used_weight"] = float("inf")
            shop.klippy.push(10)
            await mrk.call("post_spool_id", spool_id=2)
            shop.klippy.push(5)
            await beats(4)
            assert shop.rules.used_mm(2) == near(5)
            assert await mrk.pending() == {1: near(10)}
            shop.rules.spools[1]["used_weight"] = 0.0
            await beats(2)
            assert shop.rules.used_mm(1) == near(10)


async def test_a_spoolman_that_hangs(autojump_clock):
    async with open_workshop() as shop:
        shop.rules.add()
        async with open_mrk(shop) as mrk:
            await mrk.call("post_spool_id", spool_id=1)
            shop.http.hanging = True
            shop.klippy.push(10)
            asked = {"request_method": "GET", "path": "/v1/spool"}
            with pytest.raises(ClientError, match="30 s") as caught:
                await mrk.call("proxy", **asked)
            assert caught.value.status == 500
            answer = await mrk.call("proxy", **asked, use_v2_response=True)
            assert answer["response"] is None
            assert answer["error"]["status_code"] == 500
            assert await mrk.pending() == {1: near(10)}
            shop.http.hanging = False
            await beats(4)
            assert shop.rules.used_mm(1) == near(10)


async def test_the_proxy_guards_roles_and_the_way(autojump_clock):
    async with open_workshop() as shop:
        shop.rules.add()
        async with open_mrk(shop) as mrk:
            delete = {"request_method": "DELETE", "path": "/v1/spool/1"}
            with pytest.raises(ClientError, match="operate") as caught:
                await mrk.call("proxy", role=Role.VIEW, **delete)
            assert caught.value.status == 403
            got = await mrk.call("proxy", role=Role.VIEW, request_method="GET", path="/v1/info")
            assert got["version"] == "0.26.1"
            for wrong in ({"request_method": "HEAD"}, {"request_method": "get"}, {"path": "/v1"}):
                with pytest.raises(ClientError) as caught:
                    await mrk.call("proxy", **{**delete, **wrong})
                assert caught.value.status == 400
            mrk.link.connect(False)
            with pytest.raises(ClientError) as caught:
                await mrk.call("proxy", **delete)
            assert caught.value.status == 503
            answer = await mrk.call("proxy", **delete, use_v2_response=True)
            assert answer["error"]["status_code"] == 503
            assert 1 in shop.rules.spools


async def test_bad_choices(autojump_clock):
    async with open_workshop() as shop, open_mrk(shop) as mrk:
        for bad in ("x", True, -1, 2**64, [1]):
            with pytest.raises(ClientError, match="spool_id"):
                await mrk.call("post_spool_id", spool_id=bad)
        with pytest.raises(ClientError, match="role operate"):
            await mrk.call("post_spool_id", role=Role.VIEW, spool_id=1)
        assert await mrk.call("post_spool_id", spool_id="7") == {"spool_id": 7}
        assert await mrk.call("post_spool_id", spool_id=None) == {"spool_id": None}
        shop.klippy.methods["spoolman_set_active_spool"](spool_id="junk")
        for _ in range(100):
            shop.klippy.methods["spoolman_set_active_spool"](spool_id=3)
        await beats()


async def test_the_history_hears_of_spools(autojump_clock):
    async with open_workshop() as shop:
        for _ in range(3):
            shop.rules.add()
        async with open_mrk(shop) as mrk:
            await mrk.call("post_spool_id", spool_id=1)
            mrk.reporter.begin_job()
            shop.klippy.push(1)
            await mrk.call("post_spool_id", spool_id=2)
            shop.klippy.push(1)
            await beats(0)
            (value,) = mrk.reporter.values()
            assert (value.provider, value.name, value.value) == ("spoolman", "spool_ids", [1, 2])
            mrk.reporter.resume_job([{"provider": "spoolman", "name": "spool_ids", "value": [3]}])
            assert mrk.reporter.values()[0].value == [3]
