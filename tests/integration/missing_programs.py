"""`python -m tests.integration.missing_programs` ends as a stack does whose programs are not installed."""

import sys

sys.stderr.write("haproxy (the balancer) needs `haproxy`: apt-get install haproxy\n")
sys.stderr.write("redis (the cache) needs `redis-server`: apt-get install redis-server\n")
sys.exit(69)
