"""Tests that the digest of a named glossary does not depend on the order of the terms."""

from service.terms.glossary import Terms


def test_digest_ignores_the_order_of_terms() -> None:
    one = Terms({"Kanzlerin": "chancellor", "Land": "state"}, ("AfD",))
    assert one.digest == Terms({"Land": "state", "Kanzlerin": "chancellor"}, ("AfD",)).digest
    assert one.digest != Terms({"Kanzlerin": "chancellor", "Land": "country"}, ("AfD",)).digest
