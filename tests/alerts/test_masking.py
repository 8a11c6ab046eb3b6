from hypothesis import given, settings
from hypothesis import strategies as st

from include.alerts.masking import MASK, mask_account, mask_contacts, mask_in

NUMBERS = st.text("ABCDEFGH0123456789", min_size=1, max_size=34)


@given(NUMBERS)
@settings(max_examples=60)
def test_the_last_four_at_most_are_kept(number: str) -> None:
    masked = mask_account(number)
    shown = masked.removeprefix(MASK)
    assert masked.startswith(MASK)
    assert number.endswith(shown)
    assert len(shown) <= min(4, len(number) // 2)


def test_an_iban_keeps_its_last_four() -> None:
    assert mask_account("DE89 3704 0044 0532 0130 00") == "••••3000"


@given(NUMBERS.filter(lambda n: len(n) >= 6), st.text(max_size=20), st.text(max_size=20))
@settings(max_examples=60)
def test_a_number_never_survives_in_text(number: str, before: str, after: str) -> None:
    grouped = " ".join(number[i : i + 4] for i in range(0, len(number), 4))
    for written in (number, number.lower(), grouped, grouped.replace(" ", "-")):
        masked = mask_in(f"{before}{written}{after}", [number])
        assert number.lower() not in masked.lower().replace(" ", "").replace("-", "")


def test_a_short_number_is_masked_as_a_word_only() -> None:
    assert mask_in("account 417 paid 417.00 to A417, then 417.", ["417"]) == (
        "account ••••7 paid 417.00 to A417, then ••••7."
    )


def test_a_number_inside_a_longer_one_does_not_cut_it_up() -> None:
    assert mask_in("from 1234567890 to 234567", ["234567", "1234567890"]) == "from ••••7890 to ••••567"


def test_control_characters_become_a_blank() -> None:
    assert mask_in("a\r\nBcc: b\x00c", []) == "a Bcc: b c"


@given(st.from_regex(r"[a-z0-9][a-z0-9.+_-]{2,12}@[a-z]{2,8}\.example", fullmatch=True))
@settings(max_examples=60)
def test_an_address_never_survives_in_what_a_vendor_said(address: str) -> None:
    local, _, host = address.partition("@")
    for said in (f"<{address}>: unknown", f'"{address.upper()}" is no user', f"to={address}, 550"):
        for recipient in (address, ""):
            masked = mask_contacts(said, recipient)
            assert f"{local}@" not in masked.lower()
            assert f"{MASK}@{host}" in masked.lower()


def test_a_telephone_number_never_survives_in_what_a_vendor_said() -> None:
    for written in ("+491701234567", "+49 170 1234567", "+49 (170) 123-45-67"):
        assert mask_contacts(f"{written} is wrong") == "••••4567 is wrong"
    assert "491701234567" not in mask_contacts("491701234567 is wrong", "+491701234567")


def test_codes_and_times_of_a_vendor_stay() -> None:
    said = "550 5.1.1 try at 2026-03-01 12:00:00, id 4b1f0c2e-1234567890, see https://example.com/help"
    assert mask_contacts(said, "jane@example.org") == said
