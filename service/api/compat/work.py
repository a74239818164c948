"""The work behind the compatible endpoints: the same as /v1's, with the same limits and metrics."""

from collections.abc import Sequence

from fastapi import Request

from service.api.answers import translation_out
from service.api.charging import charge
from service.api.outcomes import given
from service.api.state import ApiState, TextLimits
from service.api.texts import texts_of
from service.errors import InvalidInput
from service.pipeline.call import Call
from service.pipeline.manner import Manner


def texts_in(field: str, value: str | list[str], limits: TextLimits) -> list[str]:
    """The text or texts of the parameter ``field`` as a list.

    Raises:
        InvalidInput: as `texts_of`, in the words of the compatible endpoints.
    """
    try:
        return texts_of(value, limits)
    except InvalidInput as error:
        place = error.pointer.replace("/text", field, 1)
        detail = f"Value for '{place.replace('/', '.')}' not supported: {error.detail}"
        raise InvalidInput(error.code, detail, pointer=f"/{place}", limit=error.limit) from error


async def translated(request: Request, state: ApiState, texts: Sequence[str], manner: Manner) -> list[str]:
    """The translations, in order; raises what `Translator.translate` and `charge` do."""
    await charge(request, texts)
    call = Call.within(state.timeout_ms / 1000)
    request.state.timings, request.state.intervals = call.timings.seconds, call.timings.intervals
    with state.service.held() as generation:
        found = await call.in_time(generation.translator.translate(texts, call, manner=manner))
    for one in found:
        state.listener(given("translation", translation_out(one)))
    return [one.text for one in found]
