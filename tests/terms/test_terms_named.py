"""Named glossaries: what a result depends on of them."""

from service.terms.glossary import Terms


def test_the_digest_is_that_of_the_terms_and_not_of_their_order() -> None:
    one = Terms({"Kanzlerin": "chancellor", "Land": "state"}, ("AfD",))
    assert one.digest == Terms({"Land": "state", "Kanzlerin": "chancellor"}, ("AfD",)).digest
    assert one.digest != Terms({"Kanzlerin": "chancellor", "Land": "country"}, ("AfD",)).digest
