"""The cache that a plan asks for, with its tiers."""

from service.cache.breaker import Breaker
from service.cache.cache import Cache
from service.cache.memory import Memory
from service.cache.redis import Shared
from service.cache.seal import Seal
from service.events import Listener
from service.pipeline.plan import Plan


def cache_of(plan: Plan, listener: Listener) -> Cache:
    """The memory tier, and Redis behind it where the plan names one."""
    memory = Memory(max_bytes=plan.cache_bytes, ttl_s=plan.cache_ttl_s)
    if plan.redis_url is None:
        return Cache(memory, listener=listener)
    shared = Shared(
        plan.redis_url,
        ttl_s=plan.cache_ttl_s,
        timeout_s=plan.redis_timeout_s,
        breaker=Breaker(),
        seal=Seal(plan.seal_secrets) if plan.seal_secrets else None,
        listener=listener,
    )
    return Cache(memory, shared, listener=listener)
