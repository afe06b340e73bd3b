"""Reads flags with the OFREP provider of Python, as an application does.

Each line of the input is a JSON list: the name of a type, the name of a flag, the
code's default, and the fields of the context. Each line of the output is what the
provider made of the answer.
"""

import json
import sys

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

url, key = sys.argv[1:]
headers = {"Authorization": f"Bearer {key}"}
api.set_provider(OFREPProvider(url, headers_factory=lambda: headers))
client = api.get_client()
for line in sys.stdin:
    kind, flag, default, context = json.loads(line)
    user = context.pop("targetingKey", None)
    details = getattr(client, f"get_{kind}_details")(
        flag, default, EvaluationContext(user, context)
    )
    error = details.error_code
    print(
        json.dumps(
            {
                "value": details.value,
                "reason": details.reason,
                "variant": details.variant,
                "error": error.value if error else None,
            }
        ),
        flush=True,
    )
