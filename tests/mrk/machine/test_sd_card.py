import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mrk.machine.sd_card import NO_CARD, sd_card

SANDISK = b"0353445355333247800046ba460124a7\n"
SAMSUNG_EMMC = b"150100384754463452061a2b3c4d5721\n"


def test_a_card() -> None:
    assert msgspec.to_builtins(sd_card(SANDISK, b"SD\n", b"04/2018\n", b"62333952\n")) == {
        "manufacturer_id": "03",
        "manufacturer": "Sandisk",
        "oem_id": "5344",
        "product_name": "SU32G",
        "product_revision": "8.0",
        "serial_number": "0046ba46",
        "manufacturer_date": "4/2018",
        "capacity": "29.7 GiB",
        "total_bytes": 31914983424,
    }


def test_a_soldered_chip_has_another_register() -> None:
    found = msgspec.to_builtins(sd_card(SAMSUNG_EMMC, b"MMC\n", b"05/2020\n", b"15269888\n"))
    assert found == {
        "manufacturer_id": "15",
        "manufacturer": "Samsung",
        "oem_id": "0100",
        "product_name": "8GTF4R",
        "product_revision": "0.6",
        "serial_number": "1a2b3c4d",
        "manufacturer_date": "5/2020",
        "capacity": "7.3 GiB",
        "total_bytes": 7818182656,
    }


def test_an_unreadable_size_and_date() -> None:
    card = msgspec.to_builtins(sd_card(SAMSUNG_EMMC, b"MMC", None, b"lots"))
    assert card["capacity"] == "Unknown"
    assert card["total_bytes"] == 0
    assert card["manufacturer_date"] == "Unknown"


def test_no_card_is_an_empty_object() -> None:
    assert sd_card(None, None, None, None) == NO_CARD
    assert msgspec.json.encode(NO_CARD) == b"{}"


@given(st.binary(max_size=64), st.binary(max_size=8), st.binary(max_size=16))
def test_junk_is_no_card_or_a_described_one(cid: bytes, kind: bytes, date: bytes) -> None:
    msgspec.json.encode(sd_card(cid, kind, date, cid))


@given(st.binary(min_size=16, max_size=16), st.sampled_from([b"SD\n", b"MMC\n", None]))
def test_every_register_can_be_shown(register: bytes, kind: bytes | None) -> None:
    msgspec.json.encode(sd_card(register.hex().encode(), kind, b"1/x", b"7"))
