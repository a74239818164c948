"""A body that was read already, given on to the application behind."""

from starlette.types import Message, Receive


def replayed(body: Message, receive: Receive) -> Receive:
    """Gives ``body`` first, then whatever comes."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return body

    return replay
