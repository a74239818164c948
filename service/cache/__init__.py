"""The cache of results.

The results for sentences are stored in memory and in Redis. The results of whole commands are stored in memory only,
except for those of jobs, which are stored in Redis only.
"""
