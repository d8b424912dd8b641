"""scim2-tester against a server: reads {"base", "token", "ca"} from its standard input and judges the server there.

What the tester is not to complain about stands in EXPECTED, each with its reason. Ends with 0 when nothing else is wrong, and with 3
when something is; says how many checks held.
"""
import json
import sys
from urllib.parse import urljoin, urlsplit

import requests
from scim2_client.client import BaseSyncSCIMClient
from scim2_client.errors import RequestNetworkException
from scim2_tester import Status, check_server

# (title, part of the reason): why this server does otherwise.
EXPECTED = [
    # `active` is what lets a person in. One that is not said stays what it is, so that it never goes away.
    ("check_remove_attribute", "active"),
]


class Client(BaseSyncSCIMClient):
    """The tester's client on top of requests."""

    def __init__(self, base, session):
        super().__init__()
        self.base = base.rstrip("/") + "/"
        self.session = session

    def _address(self, url):
        return urljoin(self.base, url.lstrip("/"))

    def _stays_under_base_url(self, endpoint):
        address, base = urlsplit(self._address(endpoint)), urlsplit(self.base)
        return (address.scheme, address.netloc) == (base.scheme, base.netloc) and address.path.startswith(base.path)

    def _parse_json(self, response):
        return response.json()

    def request(self, method, url, **kwargs):
        try:
            return self.session.request(method, self._address(url), timeout=30, **kwargs)
        except requests.RequestException as error:
            failed = RequestNetworkException()
            failed.add_note(str(error))
            raise failed from error


def is_expected(result):
    return any(title == result.title and part in (result.reason or "") for title, part in EXPECTED)


def main():
    settings = json.load(sys.stdin)
    session = requests.Session()
    session.trust_env = False
    session.verify = settings["ca"]
    session.headers["Authorization"] = f"Bearer {settings['token']}"
    results = check_server(Client(settings["base"], session))
    wrong = [it for it in results if it.status in (Status.ERROR, Status.CRITICAL) and not is_expected(it)]
    for result in wrong:
        print(f"{result.status.name} {result.title} {result.resource_type or ''}: {result.reason}")
    held = sum(1 for it in results if it.status is Status.SUCCESS)
    print(f"held {held}")
    sys.exit(3 if wrong else 0)


main()
