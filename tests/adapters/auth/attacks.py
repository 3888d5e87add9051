"""Tokens that prove nothing: what RFC 8725 and the known attacks on verifiers come to, for each kind of key.

Every one is made with all that an attacker can have: tokens of the issuer, its public key, keys and servers of his own. Those
that are signed with the issuer's key are tokens that it made for somebody else, or that no issuer makes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwe
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from tests.adapters.auth.signing import AUDIENCE, ISSUER, NOW, SECRET, b64, claims, compact, key_of, signed

__all__ = ["KINDS", "attacks"]

KINDS = ("HS256", "RS256", "PS256", "ES256", "Ed25519")
"""One algorithm for each kind of signature."""

Attempt = tuple[str, str]
_ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def attacks(algorithm: str, *, trap: str) -> Iterator[Attempt]:
    """Every attempt against a verifier of this algorithm, by name. `trap` is a URL that must never be asked."""
    yield from _wrong_members(algorithm)
    yield from _two_readings(algorithm)
    yield from _touched(algorithm)
    yield from _unsigned(algorithm)
    yield from _strange_signatures(algorithm)
    yield from _keys_brought_along(algorithm, trap)
    yield from _confused_keys(algorithm)
    yield from _other_forms(algorithm)


_NO_ALGORITHM = ("none", "None", "NONE", "nOnE", " none", "none ", "none\0", "\tnone", "no\u200bne", "ｎｏｎｅ", "null")
_MEMBERS: dict[str, tuple[Any, ...]] = {
    "header alg": (
        *_NO_ALGORITHM,
        "",
        ...,
        None,
        0,
        1,
        True,
        False,
        ["HS256"],
        {"alg": "HS256"},
        "hs256",
        "HS-256",
        "ES256K",
    ),
    "header crit": ([], ["alg"], ["exp"], ["b64"], ["x"], None, "exp", {}, 0),
    "header b64": (False, None, "true", "false", 0, 1, []),
    "header typ": ("JOSE", "dpop+jwt", "logout+jwt", "secevent+jwt", "id_token", "JWE", 7, None, ["JWT"], "", "JWT "),
    "header kid": (7, ["a"], {"a": 1}, True, 1.5),
    "header x": ("y" * 8000,),
    "exp": (..., None, "9999999999", [NOW + 60], {}, True, float("nan"), float("-inf"), 1e400, 10**3999, 1 << 60),
    "nbf": (NOW + 600, "0", None, [0], True, 1e300, float("inf")),
    "iat": (NOW + 600, "0", None, {}, False, 1e300),
    "iss": (
        *(..., None, "", ISSUER[:-1], ISSUER + "/", ISSUER.upper(), " " + ISSUER, ISSUER + "\0", ISSUER + ".evil/"),
        *([ISSUER], {"iss": ISSUER}, 7, True, ISSUER.replace("e", "\u0435"), ISSUER.replace("https", "http")),
    ),
    "aud": (
        *(..., None, "", "Mamba", "mamba ", "mambo", "mamba,other", ["other"], [], [[AUDIENCE]], [AUDIENCE, 7]),
        *({AUDIENCE: 1}, 7, True, "mamba\0", "m\u0430mba", ["mamba other"]),
    ),
    "sub": (
        ...,
        None,
        "",
        " ",
        7,
        ["alice"],
        {"sub": "alice"},
        "a\nb",
        "a\u2028b",
        "x" * 300,
        "a\u202eb",
        "a\0",
        "\x1b[2J",
    ),
}


def _wrong_members(algorithm: str) -> Iterator[Attempt]:
    """One member that is wrong, in a token that is signed well."""
    for member, values in _MEMBERS.items():
        for value in values:
            name = f"{member} {value!r}"[:80]
            if member.startswith("header "):
                yield name, signed(algorithm, header={member.removeprefix("header "): value})
            else:
                yield name, signed(algorithm, **{member: value})
    yield "expired and of another audience", signed(algorithm, exp=NOW - 9999, aud="other")
    yield "an access token for somebody else's server", signed(algorithm, header={"typ": "at+jwt"}, aud="other")


def _two_readings(algorithm: str) -> Iterator[Attempt]:
    """Members twice, numbers that are none, and texts that are nearly JSON; signed well over these very bytes."""
    head, right = f'{{"alg":"{algorithm}"}}', json.dumps(claims())
    open_end = json.dumps(claims(exp=...))[:-1]
    pairs = {
        "alg twice": (f'{{"alg":"none","alg":"{algorithm}"}}', right),
        "alg twice, the other way round": (f'{{"alg":"{algorithm}","alg":"none"}}', right),
        "kid twice": (f'{{"alg":"{algorithm}","kid":"a","kid":"b"}}', right),
        "sub twice": (head, right[:-1] + ',"sub":"admin"}'),
        "aud twice": (head, json.dumps(claims(aud="other"))[:-1] + f',"aud":"{AUDIENCE}"}}'),
        "exp twice": (head, json.dumps(claims(exp=1))[:-1] + f',"exp":{NOW + 99}}}'),
        "sub twice, once escaped": (head, right[:-1] + ',"s\\u0075b":"admin"}'),
        "a member twice, deep inside": (head, right[:-1] + ',"x":{"a":1,"a":2}}'),
        "NaN": (head, open_end + ',"exp":NaN}'),
        "Infinity": (head, open_end + ',"exp":Infinity}'),
        "1e999": (head, open_end + ',"exp":1e999}'),
        "5000 digits": (head, open_end + ',"exp":' + "9" * 5000 + "}"),
        "a number with a leading zero": (head, open_end + f',"exp":0{NOW + 99}}}'),
        "deep claims": (head, '{"a":' * 2000 + "1" + "}" * 2000),
        "a deep header": (f'{{"alg":"{algorithm}","a":' + "[" * 1400 + "]" * 1400 + "}", right),
        "a list of claims": (head, json.dumps([claims()])),
        "claims that are a text": (head, '"alice"'),
        "no claims": (head, "null"),
        "a header that is a list": (f'["{algorithm}"]', right),
        "a header that is a text": (f'"{algorithm}"', right),
        "trailing garbage": (head, right + "x"),
        "two objects": (head, right + right),
        "a byte order mark": (head, "\ufeff" + right),
        "a comment": (head, right[:-1] + "/**/}"),
        "a trailing comma": (head, right[:-1] + ",}"),
        "single quotes": (head, right.replace('"', "'")),
        "half a character": (head, json.dumps(claims(sub="\ud83d"), ensure_ascii=False)),
        "no JSON": (f"alg={algorithm}", "sub=alice"),
    }
    for name, (header, payload) in pairs.items():
        yield name, compact(header, payload, algorithm, key_of(algorithm))
    wide = compact(head.encode("utf-16"), right.encode("utf-16"), algorithm, key_of(algorithm))
    yield "UTF-16", wide


def _touched(algorithm: str) -> Iterator[Attempt]:
    """A good token that somebody has changed afterwards."""
    head, body, signature = signed(algorithm).split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    forged = b64(json.dumps(claims(sub="admin")))
    yield from {
        "no signature": f"{head}.{body}.",
        "two segments": f"{head}.{body}",
        "four segments": f"{head}.{body}.{signature}.",
        "four full segments": f"{head}.{body}.{signature}.x",
        "a signature cut short": f"{head}.{body}.{b64(raw[:-1])}",
        "half a signature": f"{head}.{body}.{b64(raw[: len(raw) // 2])}",
        "one byte of a signature": f"{head}.{body}.{b64(raw[:1])}",
        "a signature of zeros": f"{head}.{body}.{b64(bytes(len(raw)))}",
        "a signature of ones": f"{head}.{body}.{b64(bytes([255]) * len(raw))}",
        "a signature backwards": f"{head}.{body}.{b64(raw[::-1])}",
        "one bit": f"{head}.{body}.{b64(bytes([raw[0] ^ 1]) + raw[1:])}",
        "the last bit": f"{head}.{body}.{b64(raw[:-1] + bytes([raw[-1] ^ 1]))}",
        "a zero in front": f"{head}.{body}.{b64(bytes(1) + raw)}",
        "a zero behind": f"{head}.{body}.{b64(raw + bytes(1))}",
        "the signature twice": f"{head}.{body}.{b64(raw + raw)}",
        "other claims": f"{head}.{forged}.{signature}",
        "another header": f"{b64(json.dumps({'alg': algorithm, 'typ': 'JWT', 'kid': 'x'}))}.{body}.{signature}",
        "no claims at all": f"{head}..{signature}",
        "no header": f".{body}.{signature}",
        "nothing but dots": "..",
        "padding": f"{head}.{body}.{signature}==",
        "the other base64": f"{head}.{body}.{base64.b64encode(raw).decode()}",
        "a line feed inside": f"{head}.{body}\n.{signature}",
        "a space in front": f" {head}.{body}.{signature}",
        "a line feed behind": f"{head}.{body}.{signature}\n",
        "a NUL": f"{head}.{body}\0.{signature}",
        "percent": f"{head}%2E{body}%2E{signature}",
        "far too long": f"{head}.{body}.{signature}" + "A" * 20_000,
        "a million dots": "." * 1_000_000,
        "a token in a token": f"{b64(signed(algorithm))}.{body}.{signature}",
    }.items()


def _unsigned(algorithm: str) -> Iterator[Attempt]:
    """`alg: none` and its disguises, with an empty signature and with that of another token."""
    signature = signed(algorithm).rpartition(".")[2]
    names: tuple[Any, ...] = (*_NO_ALGORITHM, "", None, 0, [], {})
    for name in names:
        unsigned = f"{b64(json.dumps({'alg': name, 'typ': 'JWT'}))}.{b64(json.dumps(claims(sub='admin')))}"
        yield f"alg {name!r}, unsigned", f"{unsigned}."
        yield f"alg {name!r}, signed otherwise", f"{unsigned}.{signature}"
    yield "no alg, unsigned", f"{b64('{}')}.{b64(json.dumps(claims()))}."


def _strange_signatures(algorithm: str) -> Iterator[Attempt]:
    """Signatures that fit any key, or one key twice, for verifiers that forget to look."""
    head, body, signature = signed(algorithm).split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    if algorithm == "ES256":
        for r in (0, 1, _P256_ORDER, _P256_ORDER + 1):
            for s in (0, 1, _P256_ORDER):
                yield f"r={r}, s={s}", f"{head}.{body}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
        yield "DER", f"{head}.{body}.{b64(bytes.fromhex('3006020101020101'))}"
        der = b"\x30\x44\x02\x20" + raw[:32] + b"\x02\x20" + raw[32:]
        yield "the right one as DER", f"{head}.{body}.{b64(der)}"
    elif algorithm == "Ed25519":
        s = int.from_bytes(raw[32:], "little") + _ED25519_ORDER
        yield "S beyond the order", f"{head}.{body}.{b64(raw[:32] + s.to_bytes(32, 'little'))}"
        neutral = (1).to_bytes(32, "little")
        yield "the neutral element", f"{head}.{body}.{b64(neutral + bytes(32))}"
        yield "another sign", f"{head}.{body}.{b64(raw[:31] + bytes([raw[31] ^ 0x80]) + raw[32:])}"
    elif algorithm in ("RS256", "PS256"):
        key = key_of(algorithm)
        assert isinstance(key, RSAKey)
        modulus = _public(key).public_numbers().n
        for name, value in {"zero": 0, "one": 1, "the modulus": modulus, "the modulus less one": modulus - 1}.items():
            yield name, f"{head}.{body}.{b64(value.to_bytes(256, 'big'))}"
        beyond = int.from_bytes(raw, "big") + modulus
        yield "the right one and the modulus", f"{head}.{body}.{b64(beyond.to_bytes(257, 'big'))}"
    else:
        for secret in (b"", b"\0", b"secret", b"changeme", SECRET[:-1].encode(), SECRET.upper().encode(), b"\0" * 32):
            yield f"the secret {secret!r}", _hmac_token(secret)


def _public(key: RSAKey) -> RSAPublicKey:
    return RSAKey.import_key(key.as_pem(private=False)).raw_value.public_numbers().public_key()  # type: ignore[union-attr]


@cache
def _own(kind: str) -> Key:
    """A key of the attacker's own."""
    match kind:
        case "HS256":
            return OctKey.import_key("a-secret-of-the-attacker-0123456789")
        case "RS256" | "PS256":
            return RSAKey.generate_key(2048)
        case "ES256":
            return ECKey.generate_key("P-256")
        case _:
            return OKPKey.generate_key("Ed25519")


def _keys_brought_along(algorithm: str, trap: str) -> Iterator[Attempt]:
    """A key of the attacker's, in the token or at an address that the token names."""
    for kind in KINDS:
        mine = _own(kind)
        described = mine.as_dict(private=isinstance(mine, OctKey))
        brought: dict[str, dict[str, Any]] = {
            "no key": {},
            "jwk": {"jwk": described},
            "jwk and its kid": {"jwk": {**described, "kid": "k1"}, "kid": "k1"},
            "jku": {"jku": f"{trap}/jwks"},
            "x5u": {"x5u": f"{trap}/cert.pem"},
            "x5c": {"x5c": ["MIIBszCCAVmgAwIBAgIU"]},
            "iss": {"iss": trap},
            "kid path": {"kid": "../../../../dev/null"},
            "kid query": {"kid": "x' UNION SELECT 'a'; --"},
            "kid address": {"kid": f"{trap}/jwks"},
            "kid lines": {"kid": "k1\r\nx: y"},
            "kid command": {"kid": "|/bin/true"},
            "kid long": {"kid": "k" * 3000},
        }
        for name, header in brought.items():
            yield f"{name}, {kind}", signed(kind, header=header, key=mine)
    yield "an issuer of the attacker's", signed(algorithm, key=_own(algorithm), iss=trap)


def _confused_keys(algorithm: str) -> Iterator[Attempt]:
    """A public key, in every form in which it is published, as the secret of an HMAC."""
    key = key_of(algorithm)
    if isinstance(key, OctKey):
        for other in ("HS384", "HS512"):
            yield f"{other} with the right secret", signed(other, key=key)
        return
    assert isinstance(key, RSAKey | ECKey | OKPKey)
    described = key.as_dict(private=False)
    forms = [key.as_pem(private=False), key.as_der(private=False), json.dumps(described).encode()]
    forms += [json.dumps(described, separators=(",", ":")).encode(), json.dumps({"keys": [described]}).encode()]
    forms += [str(value).encode() for value in described.values()]
    forms += [base64.urlsafe_b64decode(f"{described[name]}==") for name in ("n", "x", "y") if name in described]
    if isinstance(key, RSAKey):
        forms += [_public(key).public_bytes(coding, PublicFormat.PKCS1) for coding in (Encoding.PEM, Encoding.DER)]
    if isinstance(key, ECKey):
        forms.append(b"\x04" + b"".join(base64.urlsafe_b64decode(f"{described[name]}==") for name in "xy"))
    for number, form in enumerate([*forms, *(form.strip() for form in forms), b"", b"\0" * 32]):
        yield f"HMAC with the public key, form {number}", _hmac_token(form)


def _hmac_token(secret: bytes) -> str:
    signing = f"{b64(json.dumps({'alg': 'HS256', 'typ': 'JWT'}))}.{b64(json.dumps(claims()))}"
    return f"{signing}.{b64(hmac.digest(secret, signing.encode(), hashlib.sha256))}"


def _other_forms(algorithm: str) -> Iterator[Attempt]:
    """What is no compact signed token: encrypted, nested, or written as JSON."""
    token = signed(algorithm)
    head, body, signature = token.split(".")
    wrapping = OctKey.import_key(SECRET[:32])
    unsigned = f"{b64(json.dumps({'alg': 'none'}))}.{b64(json.dumps(claims()))}."
    yield "encrypted", jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM", "cty": "JWT"}, token, wrapping)
    yield (
        "an unsigned one, encrypted",
        jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM", "cty": "JWT"}, unsigned, wrapping),
    )
    for iterations in (10**6, 10**9, 2**31):
        header = {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": iterations, "p2s": b64(b"salt")}
        yield f"a key derived {iterations} times", f"{b64(json.dumps(header))}.a.b.c.d"
    yield "JSON", json.dumps({"payload": body, "protected": head, "signature": signature})
    yield "JSON of several", json.dumps({"payload": body, "signatures": [{"protected": head, "signature": signature}]})
    yield "JSON and a token", json.dumps({"x": f".{token}."})
    yield (
        "a token in a token's place",
        compact(json.dumps({"alg": algorithm, "cty": "JWT"}), token, algorithm, key_of(algorithm)),
    )
    yield "detached", f"{head}..{signature}"
    yield (
        "not encoded",
        compact(
            json.dumps({"alg": algorithm, "b64": False, "crit": ["b64"]}),
            json.dumps(claims()),
            algorithm,
            key_of(algorithm),
        ),
    )
    yield "a scheme before it", f"Bearer {token}"
    yield "two", f"{token},{token}"
