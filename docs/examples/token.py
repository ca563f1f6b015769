# SPDX-License-Identifier: Apache-2.0
"""Draws a fresh token of an integration: python3 token.py github

Standard library only. The key is read from a file with mode 0600:
  mkdir -p -m 700 ~/.config/my-script
  standpipe apps add my-script --grant github --key-file ~/.config/my-script/standpipe.key
"""

import json
import os
import pathlib
import sys
import urllib.error
import urllib.request

URL = os.environ.get("STANDPIPE_URL", "http://127.0.0.1:4780")
KEY_FILE = os.environ.get(
    "STANDPIPE_KEY_FILE", str(pathlib.Path.home() / ".config/my-script/standpipe.key")
)


class Refused(Exception):
    """What the hub refused: code, message, and the remedy for the user."""

    def __init__(self, code, message, remedy):
        super().__init__(f"{message} [{code}] {remedy}".strip())
        self.code, self.remedy = code, remedy


def token(integration, min_ttl=0):
    """Returns a live access token and when it expires (ISO 8601, or None)."""
    request = urllib.request.Request(
        f"{URL}/data-integrations/{integration}/token",
        data=json.dumps({"min_ttl": min_ttl}).encode(),
        headers={
            "Authorization": "Bearer " + pathlib.Path(KEY_FILE).read_text().strip(),
            "Content-Type": "application/json",
            "Prefer": "wait=30",  # gives the user half a minute to allow a first draw
        },
    )
    try:
        # No proxy: the key is for this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as response:
            body = json.load(response)
    except urllib.error.HTTPError as error:
        body = json.load(error)
        raise Refused(body["code"], body["message"], body.get("remedy", "")) from None
    if not body["active"]:
        raise Refused(body["error"], f"{integration} cannot be drawn from", body.get("remedy", ""))
    return body["access_token"]["access_token"], body["access_token"]["expires_at"]


if __name__ == "__main__":
    try:
        print(token(sys.argv[1])[0])
    except (Refused, OSError) as refused:  # OSError: no key, or no hub
        sys.exit(f"standpipe: {refused}")
