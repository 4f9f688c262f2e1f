"""All situations, by key."""

from tests.verdict.of_the_client import CLIENT
from tests.verdict.of_the_target import TARGET
from tests.verdict.without_fault import HEALTHY

SITUATIONS = {situation.key: situation for situation in (*CLIENT, *TARGET, *HEALTHY)}
