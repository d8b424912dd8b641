"""What the phone keeps: a file of JSON, and the receipts. A phone for people would seal them; this one is for tests."""
import json
import os
import pathlib
import uuid

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from server import Server, from_b64


class State:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self.folder / 'phone.json'
        self.kept = json.loads(file.read_text()) if file.exists() else {}

    def save(self):
        new = self.folder / 'phone.new'
        new.write_text(json.dumps(self.kept, indent=1))
        os.replace(new, self.folder / 'phone.json')

    @property
    def bound(self):
        return self.kept.get('bound')

    @property
    def key(self):
        if 'key' not in self.kept:
            key = ec.generate_private_key(ec.SECP256R1())
            pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                    serialization.NoEncryption())
            self.kept['key'] = pem.decode()
            self.save()
        return serialization.load_pem_private_key(self.kept['key'].encode(), None)

    @property
    def credentials(self):
        return self.bound['credentials']

    @property
    def chain(self):
        return [from_b64(der) for der in self.credentials['certificate_chain']]

    @property
    def roots(self):
        return [from_b64(der) for der in self.credentials['trust_anchors']]

    @property
    def statement_keys(self):
        return [from_b64(key) for key in self.credentials['statement_keys']]

    @property
    def identifier_key(self):
        return from_b64(self.bound['identifier_key'])

    @property
    def id(self):
        return uuid.UUID(self.bound['phone'])

    @property
    def domain(self):
        return self.credentials['spiffe_id'].split('/')[2]

    @property
    def server(self):
        return Server(self.kept['server'], self.roots, self.key, self.chain)

    @property
    def reference(self):
        """The released reference as it came: a map with the keys of the schema."""
        kept = self.kept.get('reference')
        return {int(key): bytes.fromhex(value) for key, value in kept.items()} if kept else None

    @reference.setter
    def reference(self, reference):
        self.kept['reference'] = reference and {str(key): value.hex() for key, value in reference.items()}
        self.save()

    @property
    def receipts(self):
        return [bytes.fromhex(receipt) for receipt in self.kept.get('receipts', [])]

    def keep(self, receipt):
        kept = self.kept.setdefault('receipts', [])
        if receipt.hex() not in kept:
            kept.append(receipt.hex())
            self.save()
